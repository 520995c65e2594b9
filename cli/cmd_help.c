/* cmd_help.c: shardy help and shardy version. */
#include <string.h>

#include "cli.h"

static const arg_option options[] = {{0}};

static int run_help(cli *c, int argc, char **argv) {
    int code = CLI_OK, nothing = 0;
    if (!cli_begin(c, &argc, argv, &nothing, &code)) return code;
    const cli_command *command = argc ? cli_find_command(argv[0]) : NULL;
    if (command) {
        cli_print_command_help(command, stdout);
    } else if (argc) {
        cli_error("unknown command '%s' (see 'shardy help')", argv[0]);
        code = CLI_USAGE;
    } else {
        cli_print_help(stdout);
    }
    return cli_end(c, &nothing, code);
}

static int run_version(cli *c, int argc, char **argv) {
    int code = CLI_OK, nothing = 0;
    if (!cli_begin(c, &argc, argv, &nothing, &code)) return code;
    output *o = &c->out;
    if (out_is_text(o)) {
        out_printf(o, "shardy %s (%s)\n", shardy_version(), shardy_simd_level());
    } else {
        out_begin(o, "version");
        out_str(o, "version", shardy_version());
        out_str(o, "simd", shardy_simd_level());
        out_end(o);
    }
    return cli_end(c, &nothing, code);
}

const cli_command cmd_help = {
    .name = "help",
    .summary = "describe a command",
    .operands = "[COMMAND]",
    .max_operands = 1,
    .description = "Describe COMMAND, or list the commands.",
    .options = options,
    .run = run_help,
};

const cli_command cmd_version = {
    .name = "version",
    .summary = "show the version",
    .operands = "",
    .description =
        "Show the version of shardy and the distance kernels that this processor can use.",
    .options = options,
    .run = run_version,
};

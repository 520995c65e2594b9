/* main.c: the shardy command: global options, the list of commands, help. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const cli_command *const cli_commands[] = {&cmd_build,  &cmd_get,  &cmd_multiget, &cmd_scan,
                                           &cmd_search, &cmd_info, &cmd_shards,   &cmd_route,
                                           &cmd_verify, &cmd_help, &cmd_version,  NULL};

static const arg_option global_options[] = {
    {"prefix", 0, ARG_STRING, "URL", "the snapshot's prefix: a directory or file:// URL",
     offsetof(cli, prefix_option), NULL},
    {"current-url", 0, ARG_STRING, "URL", "the snapshot's pointer object, PREFIX/_CURRENT",
     offsetof(cli, current_option), NULL},
    {"output-format", 'o', ARG_CHOICE, "FORMAT", "text (default), table, json or jsonl",
     offsetof(cli, format), out_format_names},
    {"quiet", 'q', ARG_FLAG, NULL, "no warnings, notes or progress bar", offsetof(cli, quiet),
     NULL},
    {"verbose", 'v', ARG_COUNT, NULL, "more log lines on stderr; -vv for all",
     offsetof(cli, verbose), NULL},
    {"help", 'h', ARG_FLAG, NULL, "show help and exit", offsetof(cli, help), NULL},
    {"version", 0, ARG_FLAG, NULL, "show the version and exit", offsetof(cli, version), NULL},
    {0}};

const cli_command *cli_find_command(const char *name) {
    for (size_t i = 0; cli_commands[i]; i++) {
        if (!strcmp(cli_commands[i]->name, name)) return cli_commands[i];
    }
    return NULL;
}

void cli_print_help(FILE *file) {
    fputs("Usage: shardy [options] COMMAND [arguments]\n\n", file);
    args_wrap(file, "Build sharded key-value and vector snapshots and read them.", 0, 0);
    fputs("\nCommands:\n", file);
    for (size_t i = 0; cli_commands[i]; i++) {
        fprintf(file, "  %-10s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    }
    fputs("\nOptions of every command:\n", file);
    args_help(global_options, file);
    fputc('\n', file);
    args_wrap(file,
              "Commands that read take the snapshot from --prefix or --current-url, else from the "
              "environment variables SHARDY_PREFIX or SHARDY_CURRENT.",
              0, 0);
    fputs(
        "\n'shardy help COMMAND' describes a command.\n"
        "Exit status: 0 success, 1 failure or not found, 2 wrong usage.\n",
        file);
}

void cli_print_command_help(const cli_command *command, FILE *file) {
    fprintf(file, "Usage: shardy %s [options]%s%s\n\n", command->name,
            *command->operands ? " " : "", command->operands);
    args_wrap(file, command->description, 0, 0);
    if (command->examples) fprintf(file, "\nExamples:\n%s", command->examples);
    if (command->options->name) {
        fputs("\nOptions:\n", file);
        args_help(command->options, file);
    }
    fputs("\nOptions of every command:\n", file);
    args_help(global_options, file);
}

bool cli_begin(cli *c, int *argc, char **argv, void *settings, int *exit_code) {
    arg_table tables[] = {{c->command->options, settings}, {global_options, c}};
    problem why;
    int n = 0;
    if (!args_parse(tables, 2, *argc, argv, false, &n, &why)) {
        *exit_code = cli_end(c, settings, cli_usage(c, "%s", why.text));
        return false;
    }
    if (c->help) {
        cli_print_command_help(c->command, stdout);
        *exit_code = cli_end(c, settings, CLI_OK);
        return false;
    }
    if (c->version && c->command != &cmd_version) {
        cli_end(c, settings, CLI_OK);
        c->command = &cmd_version;
        *exit_code = cmd_version.run(c, 0, argv);
        return false;
    }
    int max = c->command->max_operands;
    if (n < c->command->min_operands || (max >= 0 && n > max)) {
        int code = n < c->command->min_operands
                       ? cli_usage(c, "expected %s", c->command->operands)
                       : cli_usage(c, "unexpected argument '%s'", argv[max]);
        *exit_code = cli_end(c, settings, code);
        return false;
    }
    *argc = n;
    out_init(&c->out, stdout, (out_format)c->format);
    return true;
}

int cli_end(cli *c, void *settings, int code) {
    arg_table table = {c->command->options, settings};
    args_free(&table);
    out_free(&c->out);
    if (fflush(stdout) || ferror(stdout)) {
        if (errno != EPIPE) cli_error("cannot write the output: %s", strerror(errno));
        return code == CLI_OK ? CLI_FAILED : code;
    }
    return code;
}

/* The command whose name is argv[0]; moves the arguments on. */
static int run_command(cli *c, int argc, char **argv) {
    if (c->version || c->help) {
        c->command = c->help ? &cmd_help : &cmd_version;
        c->help = false;
        return c->command->run(c, 0, argv);
    }
    if (argc == 0) return cli_usage(c, "no command given");
    c->command = cli_find_command(argv[0]);
    if (!c->command) return cli_usage(c, "unknown command '%s'", argv[0]);
    return c->command->run(c, argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    /* A reader of our output that goes away ends us quietly, whatever was inherited. */
    signal(SIGPIPE, SIG_DFL);
    cli c = {0};
    arg_table globals = {global_options, &c};
    problem why;
    int first = 0;
    argc--, argv++;
    if (argc < 0) argc = 0;
    if (!args_parse(&globals, 1, argc, argv, true, &first, &why)) {
        return cli_usage(&c, "%s", why.text);
    }
    return run_command(&c, argc - first, argv + first);
}

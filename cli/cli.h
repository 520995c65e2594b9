/* cli.h: what every command of `shardy` shares: global options, opening a snapshot, errors. */
#ifndef SHARDY_CLI_H
#define SHARDY_CLI_H

#include "args.h"
#include "output.h"
#include "shardyfusion/shardyfusion.h"
#include "text.h"

/* Exit codes. Interrupted commands end by the signal they received (128 + number in a shell). */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

typedef struct cli cli;

typedef struct cli_command {
    const char *name;
    const char *summary;  /* one line for `shardy help` */
    const char *operands; /* as shown in the usage line; "" for none */
    int min_operands;
    int max_operands; /* -1: any number */
    const char *description;
    const char *examples;      /* lines, or NULL */
    const arg_option *options; /* ends with a NULL name */
    int (*run)(cli *c, int argc, char **argv);
} cli_command;

extern const cli_command cmd_build, cmd_get, cmd_multiget, cmd_scan, cmd_search, cmd_info,
    cmd_shards, cmd_route, cmd_verify, cmd_help, cmd_version;

struct cli {
    int format; /* out_format */
    const char *prefix_option, *current_option;
    bool quiet, help, version;
    uint32_t verbose;
    const cli_command *command;
    output out;
};

/* All commands, NULL-terminated, in the order of the help. */
extern const cli_command *const cli_commands[];
const cli_command *cli_find_command(const char *name);
void cli_print_help(FILE *file);
void cli_print_command_help(const cli_command *command, FILE *file);

/* Begin a command: read its options into `settings`, count the operands, prepare c->out. Returns
 * true to go on, with the operands in argv[0 .. *argc); otherwise *exit_code is what to return.
 * cli_end frees what the options hold and returns `code`, or CLI_FAILED where the output could not
 * be written. */
bool cli_begin(cli *c, int *argc, char **argv, void *settings, int *exit_code);
int cli_end(cli *c, void *settings, int code);

/* One line on stderr. cli_error returns CLI_FAILED, cli_usage (which names the command and its
 * help) CLI_USAGE. cli_note is silent under --quiet. */
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_note(const cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Report the failure of a library call. */
int cli_library_error(shardy_status status, const shardy_error *err);
/* A log line of the library; ctx is the cli. Warnings unless --quiet, more with -v and -vv. */
void cli_log(void *ctx, int level, const char *message);

/* Which snapshot: --prefix, --current-url, $SHARDY_PREFIX, $SHARDY_CURRENT, in this order. */
typedef struct cli_location {
    char *prefix;       /* owned */
    char *current_name; /* owned; NULL: the default */
} cli_location;
/* CLI_OK or CLI_USAGE (reported). */
int cli_locate(const cli *c, cli_location *out);
void cli_location_free(cli_location *location);

/* Open the snapshot. CLI_OK, or the exit code after the error was reported. threads 0: one. */
int cli_open_reader(cli *c, uint32_t threads, shardy_reader **out);

#endif

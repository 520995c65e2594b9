/* args.h: command lines as tables.
 *
 * A command lists its options; each names the member of a settings struct that it fills. Long
 * options (--name VALUE, --name=VALUE), single letters (-n VALUE, -nVALUE, -qv) and operands may be
 * mixed; `--` ends the options; what looks like a negative number is an operand.
 */
#ifndef SHARDY_CLI_ARGS_H
#define SHARDY_CLI_ARGS_H

#include <stddef.h>
#include <stdio.h>

#include "text.h"

typedef enum arg_type {
    ARG_FLAG,   /* bool */
    ARG_COUNT,  /* uint32_t, incremented */
    ARG_STRING, /* const char *, borrowed from argv */
    ARG_U32,    /* uint32_t, at least 1 */
    ARG_U64,    /* uint64_t, at least 1 */
    ARG_SIZE,   /* uint64_t, at least 1: "2GiB" */
    ARG_INDEX,  /* arg_index: a number from 0 on */
    ARG_CHOICE, /* int: index into `choices` */
    ARG_LIST,   /* arg_list: may be given several times */
    ARG_COMMAS, /* arg_list: "a,b,c", may be given several times */
    ARG_IDS     /* arg_ids: "0,1,5", may be given several times */
} arg_type;

typedef struct arg_index {
    uint64_t value;
    bool given;
} arg_index;

typedef struct arg_list {
    char **items; /* owned copies */
    size_t n;
} arg_list;

typedef struct arg_ids {
    uint32_t *ids; /* owned */
    size_t n;
} arg_ids;

typedef struct arg_option {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    arg_type type;
    const char *value; /* placeholder in the help; NULL for flags */
    const char *help;
    size_t offset;              /* of the member in the settings struct */
    const char *const *choices; /* ARG_CHOICE: NULL-terminated */
} arg_option;

/* A table of options and the struct that they fill. The table ends with a NULL name. */
typedef struct arg_table {
    const arg_option *options;
    void *settings;
} arg_table;

/* Read argv[0 .. argc) into the tables (the first that knows an option wins). Operands are moved
 * to the front of argv and counted in *operands. With `stop_at_operand` reading stops at the first
 * operand: *operands is then its index. */
bool args_parse(const arg_table *tables, size_t n_tables, int argc, char **argv,
                bool stop_at_operand, int *operands, problem *why);

/* Free the lists that the options of `table` filled. */
void args_free(const arg_table *table);

/* The table as lines of a help text. */
void args_help(const arg_option *options, FILE *file);
/* A paragraph, broken at 79 columns; later lines are indented by `indent`. The first line is taken
 * to have `column` columns already. Newlines in `text` are kept. */
void args_wrap(FILE *file, const char *text, int column, int indent);

#endif

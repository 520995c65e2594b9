/* cmd_multiget.c: shardy multiget: the values of many keys. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "keys.h"
#include "lines.h"

enum { BATCH = 4096 };

typedef struct multiget_args {
    int value_encoding, key_format;
    bool strict;
} multiget_args;

static const arg_option options[] = {
    {"value-encoding", 0, ARG_CHOICE, "NAME",
     "auto (default: text if it is UTF-8, else base64), utf8, hex, base64",
     offsetof(multiget_args, value_encoding), value_encoding_names},
    {"key-format", 0, ARG_CHOICE, "FORMAT", "how keys are spelled: text (default), hex, base64",
     offsetof(multiget_args, key_format), byte_format_names},
    {"strict", 0, ARG_FLAG, NULL, "exit with 1 if any key is not found",
     offsetof(multiget_args, strict), NULL},
    {0}};

/* Keys are looked up in batches, so that any number of them may come from standard input. */
typedef struct multiget {
    cli *cli;
    const multiget_args *args;
    shardy_reader *reader;
    shardy_key keys[BATCH];
    text_buf bytes[BATCH];
    shardy_value values[BATCH];
    size_t n;
    uint64_t missing;
    bool begun;
} multiget;

static void show_one(multiget *m, const shardy_key *key, const shardy_value *value) {
    output *o = &m->cli->out;
    value_encoding encoding = (value_encoding)m->args->value_encoding;
    shardy_slice bytes = {value->data, value->len};
    if (!out_is_text(o)) {
        out_row(o);
        key_field(o, "key", key);
        out_bool(o, "found", value->found);
        if (value->found) value_fields(o, encoding, bytes);
        out_row_end(o);
    } else if (value->found) {
        print_pair(o, key, encoding, &bytes);
    } else {
        text_buf text = {0};
        key_add_text(&text, key);
        cli_note(m->cli, "key '%s' is not found", text_cstr(&text));
        text_free(&text);
    }
}

/* The document begins with the first answer: a command that fails before prints only its error. */
static void begin(multiget *m) {
    if (m->begun) return;
    m->begun = true;
    out_begin(&m->cli->out, "multiget");
    out_list(&m->cli->out, "results");
}

static int flush(multiget *m) {
    shardy_error err = SHARDY_ERROR_INIT;
    problem why;
    int code = CLI_OK;
    if (m->n == 0) return CLI_OK;
    shardy_status status = shardy_reader_multi_get(m->reader, m->keys, m->n, m->values, &err);
    if (status != SHARDY_OK) return cli_library_error(status, &err);
    for (size_t i = 0; i < m->n; i++) {
        const shardy_value *v = &m->values[i];
        if (code == CLI_OK && v->found &&
            !value_check((value_encoding)m->args->value_encoding, (shardy_slice){v->data, v->len},
                         &why)) {
            text_buf text = {0};
            key_add_text(&text, &m->keys[i]);
            code = cli_error("key '%s': %s", text_cstr(&text), why.text);
            text_free(&text);
        }
        if (code == CLI_OK) {
            begin(m);
            show_one(m, &m->keys[i], v);
        }
        m->missing += !v->found;
        shardy_value_release(&m->values[i]);
    }
    m->n = 0;
    return code;
}

static int add(multiget *m, const char *text) {
    problem why;
    if (!key_from_text(text, shardy_reader_key_encoding(m->reader),
                       (byte_format)m->args->key_format, &m->bytes[m->n], &m->keys[m->n], &why)) {
        return cli_error("%s", why.text);
    }
    m->n++;
    return m->n == BATCH ? flush(m) : CLI_OK;
}

/* One key per line; empty lines are no keys. */
static int add_stdin(multiget *m) {
    lines in;
    problem why;
    if (!lines_open(&in, "-", &why)) return cli_error("%s", why.text);
    int code = CLI_OK;
    bool any = false;
    while (code == CLI_OK) {
        char *line = NULL;
        size_t len = 0;
        lines_status status = lines_next(&in, &line, &len, &why);
        if (status == LINES_END) break;
        if (status != LINES_OK) {
            code = cli_error("%s", why.text);
        } else if (len > 0 && strlen(line) != len) {
            code = cli_error("standard input: line %llu holds a NUL byte",
                             (unsigned long long)in.number);
        } else if (len > 0) {
            any = true;
            code = add(m, line);
        }
    }
    if (code == CLI_OK && !any) code = cli_usage(m->cli, "no keys on standard input");
    lines_close(&in);
    return code;
}

static int look_up(multiget *m, int argc, char **argv) {
    output *o = &m->cli->out;
    int code = CLI_OK;
    if (argc == 1 && !strcmp(argv[0], "-")) {
        code = add_stdin(m);
    } else {
        for (int i = 0; i < argc && code == CLI_OK; i++) code = add(m, argv[i]);
    }
    if (code == CLI_OK) code = flush(m);
    if (code != CLI_OK) return code;
    begin(m);
    out_list_end(o);
    out_end(o);
    return m->missing && m->args->strict ? CLI_FAILED : CLI_OK;
}

static int run(cli *c, int argc, char **argv) {
    multiget_args a = {0};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    multiget *m = text_alloc(NULL, sizeof *m);
    memset(m, 0, sizeof *m);
    m->cli = c;
    m->args = &a;
    code = cli_open_reader(c, 0, &m->reader);
    if (code == CLI_OK) code = look_up(m, argc, argv);
    shardy_reader_close(m->reader);
    for (size_t i = 0; i < BATCH; i++) text_free(&m->bytes[i]);
    free(m);
    return cli_end(c, &a, code);
}

const cli_command cmd_multiget = {
    .name = "multiget",
    .summary = "print the values of several keys",
    .operands = "KEY... | -",
    .min_operands = 1,
    .max_operands = -1,
    .description =
        "Look several keys up. A single - reads them from standard input, one per line. In "
        "text format each key that is found is a line KEY, tab, VALUE with special characters "
        "escaped (\\n, \\t, \\\\, \\xNN); keys that are not stored are noted on stderr.",
    .examples =
        "  shardy multiget curl git gcc\n"
        "  cut -f1 keys.tsv | shardy -o jsonl multiget -\n",
    .options = options,
    .run = run,
};

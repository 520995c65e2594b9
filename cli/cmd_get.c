/* cmd_get.c: shardy get: the value of one key. */
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "keys.h"

typedef struct get_args {
    int value_encoding, key_format;
    bool strict;
} get_args;

static const arg_option options[] = {
    {"value-encoding", 0, ARG_CHOICE, "NAME",
     "auto (default: text if it is UTF-8, else base64), utf8, hex, base64",
     offsetof(get_args, value_encoding), value_encoding_names},
    {"key-format", 0, ARG_CHOICE, "FORMAT", "how KEY is spelled: text (default), hex, base64",
     offsetof(get_args, key_format), byte_format_names},
    {"strict", 0, ARG_FLAG, NULL, "exit with 1 if the key is not found", offsetof(get_args, strict),
     NULL},
    {0}};

/* The bytes and nothing else, so that `> file` keeps them; a terminal gets the line end it needs.
 */
static void print_raw(cli *c, value_encoding encoding, shardy_slice value) {
    if (encoding == VALUE_AUTO) {
        const char *bytes = value.data;
        out_print(&c->out, bytes, value.len);
        if (value.len && bytes[value.len - 1] == '\n') return;
        if (isatty(STDOUT_FILENO)) out_print(&c->out, "\n", 1);
        return;
    }
    text_buf text = {0};
    value_add(&text, encoding, value);
    text_add_char(&text, '\n');
    out_print(&c->out, text.data, text.len);
    text_free(&text);
}

static void print_fields(cli *c, value_encoding encoding, const shardy_key *key,
                         const shardy_value *value) {
    output *o = &c->out;
    out_begin(o, "get");
    key_field(o, "key", key);
    out_bool(o, "found", value->found);
    if (value->found)
        value_fields(o, encoding, (shardy_slice){value->data, value->len});
    else
        out_null(o, "value");
    out_end(o);
}

static int show(cli *c, const get_args *a, const char *text, const shardy_key *key,
                const shardy_value *value) {
    problem why;
    value_encoding encoding = (value_encoding)a->value_encoding;
    shardy_slice bytes = {value->data, value->len};
    if (value->found && !value_check(encoding, bytes, &why)) {
        return cli_error("key '%s': %s", text, why.text);
    }
    if (!out_is_text(&c->out))
        print_fields(c, encoding, key, value);
    else if (value->found)
        print_raw(c, encoding, bytes);
    else
        cli_note(c, "key '%s' is not found", text);
    return value->found || !a->strict ? CLI_OK : CLI_FAILED;
}

static int run(cli *c, int argc, char **argv) {
    get_args a = {0};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    shardy_reader *reader = NULL;
    text_buf bytes = {0};
    shardy_key key;
    shardy_value value = {0};
    problem why;
    code = cli_open_reader(c, 0, &reader);
    if (code == CLI_OK && !key_from_text(argv[0], shardy_reader_key_encoding(reader),
                                         (byte_format)a.key_format, &bytes, &key, &why)) {
        code = cli_error("%s", why.text);
    }
    if (code == CLI_OK) {
        shardy_error err = SHARDY_ERROR_INIT;
        shardy_status status = shardy_reader_get(reader, &key, &value, &err);
        code = status == SHARDY_OK ? show(c, &a, argv[0], &key, &value)
                                   : cli_library_error(status, &err);
    }
    shardy_value_release(&value);
    shardy_reader_close(reader);
    text_free(&bytes);
    return cli_end(c, &a, code);
}

const cli_command cmd_get = {
    .name = "get",
    .summary = "print the value of a key",
    .operands = "KEY",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Look KEY up. In text format the value's bytes are printed as they are, so that "
        "'shardy get KEY > file' keeps them; a key that is not stored prints nothing, with a "
        "note on stderr. The other formats print the key, whether it was found, the value and "
        "how it is encoded.",
    .options = options,
    .run = run,
};

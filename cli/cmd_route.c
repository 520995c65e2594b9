/* cmd_route.c: shardy route: the shard that a key belongs to. */
#include <string.h>

#include "cli.h"
#include "keys.h"

typedef struct route_args {
    uint32_t num_dbs;
    const char *key_encoding;
    int key_format;
} route_args;

static const arg_option options[] = {
    {"num-dbs", 'n', ARG_U32, "N", "no snapshot: compute the shard of N",
     offsetof(route_args, num_dbs), NULL},
    {"key-encoding", 0, ARG_STRING, "NAME",
     "with --num-dbs: u64be or u32be for integer keys, utf8 (default) or raw",
     offsetof(route_args, key_encoding), NULL},
    {"key-format", 0, ARG_CHOICE, "FORMAT", "how KEY is spelled: text (default), hex, base64",
     offsetof(route_args, key_format), byte_format_names},
    {0}};

static int show(cli *c, const char *text, const shardy_key *key, uint32_t db_id) {
    output *o = &c->out;
    if (out_is_text(o)) {
        out_printf(o, "%s -> shard %u\n", text, db_id);
        return CLI_OK;
    }
    out_begin(o, "route");
    key_field(o, "key", key);
    out_u64(o, "db_id", db_id);
    out_end(o);
    return CLI_OK;
}

/* Pure arithmetic, as a writer with this encoding would do it. */
static int route_without(cli *c, const route_args *a, const char *text) {
    shardy_key_encoding encoding = SHARDY_ENCODING_UTF8;
    shardy_error err = SHARDY_ERROR_INIT;
    if (a->key_encoding &&
        shardy_key_encoding_parse(a->key_encoding, &encoding, &err) != SHARDY_OK) {
        return cli_usage(c, "%s", err.message);
    }
    text_buf bytes = {0};
    shardy_key key;
    problem why;
    uint8_t scratch[8];
    shardy_slice stored;
    int code = CLI_OK;
    if (!key_from_text(text, encoding, (byte_format)a->key_format, &bytes, &key, &why)) {
        code = cli_error("%s", why.text);
    } else {
        shardy_status status = shardy_key_encode(&key, encoding, scratch, &stored, &err);
        code = status == SHARDY_OK ? show(c, text, &key, shardy_route_hash(&key, a->num_dbs))
                                   : cli_library_error(status, &err);
    }
    text_free(&bytes);
    return code;
}

static int route_with(cli *c, const route_args *a, const char *text) {
    shardy_reader *reader = NULL;
    text_buf bytes = {0};
    shardy_key key;
    problem why;
    uint32_t db_id = 0;
    int code = cli_open_reader(c, 0, &reader);
    if (code == CLI_OK && !key_from_text(text, shardy_reader_key_encoding(reader),
                                         (byte_format)a->key_format, &bytes, &key, &why)) {
        code = cli_error("%s", why.text);
    }
    if (code == CLI_OK) {
        shardy_error err = SHARDY_ERROR_INIT;
        shardy_status status = shardy_reader_route_key(reader, &key, &db_id, &err);
        code = status == SHARDY_OK ? show(c, text, &key, db_id) : cli_library_error(status, &err);
    }
    shardy_reader_close(reader);
    text_free(&bytes);
    return code;
}

static int run(cli *c, int argc, char **argv) {
    route_args a = {0};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    if (a.num_dbs && (c->prefix_option || c->current_option)) {
        code =
            cli_usage(c, "--num-dbs excludes %s", c->prefix_option ? "--prefix" : "--current-url");
    } else if (a.key_encoding && !a.num_dbs) {
        code = cli_usage(c, "--key-encoding needs --num-dbs; a snapshot knows its own");
    } else {
        code = a.num_dbs ? route_without(c, &a, argv[0]) : route_with(c, &a, argv[0]);
    }
    return cli_end(c, &a, code);
}

const cli_command cmd_route = {
    .name = "route",
    .summary = "show which shard a key belongs to",
    .operands = "KEY",
    .min_operands = 1,
    .max_operands = 1,
    .description =
        "Show the shard that KEY belongs to, whether or not it is stored: in the snapshot, "
        "or, with --num-dbs, in any snapshot with so many hash shards.",
    .examples =
        "  shardy --prefix ./snap route curl\n"
        "  shardy route 42 --num-dbs 16 --key-encoding u64be\n",
    .options = options,
    .run = run,
};

/* cmd_scan.c: shardy scan: rows in the order of their stored keys. */
#include <string.h>

#include "cli.h"
#include "keys.h"

typedef struct scan_args {
    const char *prefix_key, *start, *end;
    uint64_t limit;
    bool keys_only;
    arg_ids shard_ids;
    int value_encoding, key_format;
} scan_args;

static const arg_option options[] = {
    {"prefix-key", 0, ARG_STRING, "KEY", "only keys that begin with KEY (not for integer keys)",
     offsetof(scan_args, prefix_key), NULL},
    {"start", 0, ARG_STRING, "KEY", "begin with this key", offsetof(scan_args, start), NULL},
    {"end", 0, ARG_STRING, "KEY", "end before this key", offsetof(scan_args, end), NULL},
    {"limit", 'l', ARG_U64, "N", "print at most N rows", offsetof(scan_args, limit), NULL},
    {"keys-only", 0, ARG_FLAG, NULL, "leave the values out", offsetof(scan_args, keys_only), NULL},
    {"shard-ids", 0, ARG_IDS, "0,1", "only these shards", offsetof(scan_args, shard_ids), NULL},
    {"value-encoding", 0, ARG_CHOICE, "NAME",
     "auto (default: text if it is UTF-8, else base64), utf8, hex, base64",
     offsetof(scan_args, value_encoding), value_encoding_names},
    {"key-format", 0, ARG_CHOICE, "FORMAT", "how the keys above are spelled: text, hex, base64",
     offsetof(scan_args, key_format), byte_format_names},
    {0}};

/* The stored bytes of a bound. `bytes` (and `scratch`) keep them. */
static int read_bound(const scan_args *a, const char *text, shardy_key_encoding encoding,
                      text_buf *bytes, uint8_t scratch[8], shardy_slice *out) {
    shardy_key key;
    problem why;
    shardy_error err = SHARDY_ERROR_INIT;
    if (!text || !*text) return CLI_OK;
    if (!key_from_text(text, encoding, (byte_format)a->key_format, bytes, &key, &why)) {
        return cli_error("%s", why.text);
    }
    shardy_status status = shardy_key_encode(&key, encoding, scratch, out, &err);
    return status == SHARDY_OK ? CLI_OK : cli_library_error(status, &err);
}

/* Any bytes may be the beginning of a key, half a character too. */
static int read_prefix(const scan_args *a, shardy_key_encoding encoding, text_buf *bytes,
                       shardy_slice *out) {
    if (!a->prefix_key || !*a->prefix_key) return CLI_OK;
    if (encoding == SHARDY_ENCODING_U64BE || encoding == SHARDY_ENCODING_U32BE) {
        return cli_error("--prefix-key needs text keys, this snapshot's are %s",
                         shardy_key_encoding_name(encoding));
    }
    if (!bytes_decode(bytes, (byte_format)a->key_format, a->prefix_key, strlen(a->prefix_key))) {
        return cli_error("--prefix-key '%s' is not %s", a->prefix_key,
                         byte_format_names[a->key_format]);
    }
    *out = (shardy_slice){bytes->data, bytes->len};
    return CLI_OK;
}

static void show(output *o, const scan_args *a, const shardy_key *key, const shardy_slice *value) {
    value_encoding encoding = (value_encoding)a->value_encoding;
    if (out_is_text(o)) {
        print_pair(o, key, encoding, a->keys_only ? NULL : value);
        return;
    }
    out_row(o);
    key_field(o, "key", key);
    if (!a->keys_only) value_fields(o, encoding, *value);
    out_row_end(o);
}

/* The next row that is to be shown. */
static int next(const scan_args *a, shardy_scan *scan, bool *more, shardy_key *key,
                shardy_slice *value) {
    problem why;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status status = shardy_scan_next(scan, more, key, value, &err);
    if (status != SHARDY_OK) return cli_library_error(status, &err);
    if (!*more || a->keys_only || value_check((value_encoding)a->value_encoding, *value, &why)) {
        return CLI_OK;
    }
    text_buf text = {0};
    key_add_text(&text, key);
    cli_error("key '%s': %s", text_cstr(&text), why.text);
    text_free(&text);
    return CLI_FAILED;
}

static int print_rows(cli *c, const scan_args *a, shardy_scan *scan) {
    output *o = &c->out;
    uint64_t n = 0;
    bool more = false;
    shardy_key key;
    shardy_slice value;
    int code = next(a, scan, &more, &key, &value);
    if (code != CLI_OK) return code; /* nothing is printed but the error */
    out_begin_stream(o, "scan");
    out_list(o, "rows");
    while (more && !ferror(stdout)) {
        show(o, a, &key, &value);
        if (++n == a->limit) break;
        code = next(a, scan, &more, &key, &value);
        if (code != CLI_OK) return code;
    }
    out_list_end(o);
    if (!out_is_text(o) && !out_is_table(o)) out_u64(o, "count", n);
    out_end(o);
    return CLI_OK;
}

static int scan(cli *c, const scan_args *a, shardy_reader *reader) {
    shardy_key_encoding encoding = shardy_reader_key_encoding(reader);
    shardy_scan_options o = SHARDY_SCAN_OPTIONS_INIT;
    text_buf prefix = {0}, start = {0}, end = {0};
    uint8_t start_scratch[8], end_scratch[8];
    shardy_scan *cursor = NULL;
    shardy_error err = SHARDY_ERROR_INIT;
    int code = read_prefix(a, encoding, &prefix, &o.prefix);
    if (code == CLI_OK) code = read_bound(a, a->start, encoding, &start, start_scratch, &o.start);
    if (code == CLI_OK) code = read_bound(a, a->end, encoding, &end, end_scratch, &o.end);
    o.shard_ids = a->shard_ids.ids;
    o.n_shard_ids = a->shard_ids.n;
    if (code == CLI_OK) {
        shardy_status status = shardy_reader_scan(reader, &o, &cursor, &err);
        code = status == SHARDY_OK ? print_rows(c, a, cursor) : cli_library_error(status, &err);
    }
    shardy_scan_close(cursor);
    text_free(&prefix);
    text_free(&start);
    text_free(&end);
    return code;
}

static int run(cli *c, int argc, char **argv) {
    scan_args a = {0};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    shardy_reader *reader = NULL;
    if (a.prefix_key && (a.start || a.end)) {
        code = cli_usage(c, "--prefix-key excludes --start and --end");
    }
    if (code == CLI_OK) code = cli_open_reader(c, 0, &reader);
    if (code == CLI_OK) code = scan(c, &a, reader);
    shardy_reader_close(reader);
    return cli_end(c, &a, code);
}

const cli_command cmd_scan = {
    .name = "scan",
    .summary = "print rows in key order",
    .operands = "",
    .description =
        "Print rows of all shards in ascending order of their stored keys. In text format a "
        "row is a line KEY, tab, VALUE with special characters escaped (\\n, \\t, \\\\, \\xNN); in "
        "jsonl format each row is an object of its own.",
    .examples =
        "  shardy scan --prefix-key lib --limit 20\n"
        "  shardy -o jsonl scan --start 1000 --end 2000\n",
    .options = options,
    .run = run,
};

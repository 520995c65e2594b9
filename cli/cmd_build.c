/* cmd_build.c: shardy build: JSON Lines (and a .npy file) in, a published snapshot out. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json_rows.h"
#include "progress.h"
#include "stop.h"

typedef struct build_args {
    uint32_t num_dbs;
    const char *key_field, *value_field;
    bool value_row, kv_only;
    const char *vector_field, *vectors, *vector_id_field;
    const char *payload_field;
    arg_list payload_fields, index_params;
    int key_format, value_format;
    uint32_t dim;
    const char *metric, *index_type, *quantization;
    const char *key_encoding, *compression;
    uint32_t threads, bloom_bits;
    uint64_t memory_limit, block_size, sst_size;
    const char *run_id, *custom;
} build_args;

static const arg_option options[] = {
    {"num-dbs", 'n', ARG_U32, "N", "number of shards (required)", offsetof(build_args, num_dbs),
     NULL},
    {"key-field", 'k', ARG_STRING, "NAME", "field with the key, a string or an integer (id)",
     offsetof(build_args, key_field), NULL},
    {"value-field", 0, ARG_STRING, "NAME",
     "field with the value: a string's characters, anything else as JSON text",
     offsetof(build_args, value_field), NULL},
    {"value-row", 0, ARG_FLAG, NULL, "the value is the whole line (default)",
     offsetof(build_args, value_row), NULL},
    {"key-format", 0, ARG_CHOICE, "FORMAT",
     "how keys are spelled: text (default), or hex or base64 for keys of bytes",
     offsetof(build_args, key_format), byte_format_names},
    {"value-format", 0, ARG_CHOICE, "FORMAT", "how values are spelled: text (default), hex, base64",
     offsetof(build_args, value_format), byte_format_names},
    {"vectors", 0, ARG_STRING, "FILE.npy",
     "vectors beside the rows: row i belongs to the i-th line; <f2, <f4 or <f8",
     offsetof(build_args, vectors), NULL},
    {"vector-field", 0, ARG_STRING, "NAME", "field with the vector, an array of numbers",
     offsetof(build_args, vector_field), NULL},
    {"kv-only", 0, ARG_FLAG, NULL, "no vectors (default without the two options above)",
     offsetof(build_args, kv_only), NULL},
    {"vector-id-field", 0, ARG_STRING, "NAME", "field with the vector's id (default: the key)",
     offsetof(build_args, vector_id_field), NULL},
    {"payload-field", 0, ARG_STRING, "NAME", "field that search results carry",
     offsetof(build_args, payload_field), NULL},
    {"payload-fields", 0, ARG_COMMAS, "A,B", "fields that search results carry, as one JSON object",
     offsetof(build_args, payload_fields), NULL},
    {"dim", 0, ARG_U32, "N", "dimension of the vectors (default: of the first)",
     offsetof(build_args, dim), NULL},
    {"metric", 0, ARG_STRING, "NAME", "cosine (default), l2 or dot_product",
     offsetof(build_args, metric), NULL},
    {"index-type", 0, ARG_STRING, "NAME", "hnsw (default), ivf or flat",
     offsetof(build_args, index_type), NULL},
    {"quantization", 0, ARG_STRING, "NAME", "none or sq (default: chosen by the index type)",
     offsetof(build_args, quantization), NULL},
    {"index-param", 0, ARG_LIST, "NAME=N",
     "M, ef_construction, num_partitions, ef, nprobes or refine_factor; may be repeated",
     offsetof(build_args, index_params), NULL},
    {"key-encoding", 0, ARG_STRING, "NAME", "u64be, u32be, utf8 or raw (default: by the first key)",
     offsetof(build_args, key_encoding), NULL},
    {"compression", 0, ARG_STRING, "NAME", "none (default) or zstd, for the key-value part",
     offsetof(build_args, compression), NULL},
    {"block-size", 0, ARG_SIZE, "SIZE", "bytes of a key-value block (4KiB)",
     offsetof(build_args, block_size), NULL},
    {"sst-size", 0, ARG_SIZE, "SIZE", "bytes of a key-value table file (256MiB)",
     offsetof(build_args, sst_size), NULL},
    {"bloom-bits", 0, ARG_U32, "N", "bits per key of the bloom filters (10)",
     offsetof(build_args, bloom_bits), NULL},
    {"threads", 0, ARG_U32, "N", "shards built at once (default: the machine's cores)",
     offsetof(build_args, threads), NULL},
    {"memory-limit", 0, ARG_SIZE, "SIZE", "memory for rows, like 2GiB",
     offsetof(build_args, memory_limit), NULL},
    {"run-id", 0, ARG_STRING, "ID", "name of this build (default: random)",
     offsetof(build_args, run_id), NULL},
    {"custom", 0, ARG_STRING, "JSON", "an object to keep in the manifest",
     offsetof(build_args, custom), NULL},
    {0}};

/* Everything that a running build holds. */
typedef struct build {
    cli *cli;
    const build_args *args;
    lines input;
    npy matrix;
    row_fields fields;
    json_rows rows;
    shardy_vector_spec spec;
    bool has_vectors;
    progress progress;
    shardy_writer *writer;
    shardy_build_result *result;
} build;

static int check_args(const cli *c, const build_args *a) {
    if (c->prefix_option || c->current_option) {
        return cli_usage(c, "the target is given as PREFIX, not by an option");
    }
    if (a->num_dbs == 0) return cli_usage(c, "--num-dbs is required");
    if (a->value_field && a->value_row) {
        return cli_usage(c, "--value-field and --value-row exclude each other");
    }
    if (a->value_format != BYTES_TEXT && !a->value_field) {
        return cli_usage(c, "--value-format needs --value-field");
    }
    if (a->vectors && a->vector_field) {
        return cli_usage(c, "--vectors and --vector-field exclude each other");
    }
    if (a->payload_field && a->payload_fields.n) {
        return cli_usage(c, "--payload-field and --payload-fields exclude each other");
    }
    bool vectors = a->vectors || a->vector_field;
    if (a->kv_only && vectors) {
        return cli_usage(c, "--kv-only excludes %s", a->vectors ? "--vectors" : "--vector-field");
    }
    const char *extra = a->dim                ? "--dim"
                        : a->metric           ? "--metric"
                        : a->index_type       ? "--index-type"
                        : a->quantization     ? "--quantization"
                        : a->index_params.n   ? "--index-param"
                        : a->vector_id_field  ? "--vector-id-field"
                        : a->payload_field    ? "--payload-field"
                        : a->payload_fields.n ? "--payload-fields"
                                              : NULL;
    if (extra && !vectors) return cli_usage(c, "%s needs --vectors or --vector-field", extra);
    return CLI_OK;
}

static shardy_status set_index_param(shardy_vector_spec *spec, const char *text,
                                     shardy_error *err) {
    const char *equals = strchr(text, '=');
    char name[64] = {0};
    int64_t value = 0;
    size_t len = equals ? (size_t)(equals - text) : sizeof name;
    if (len < sizeof name) memcpy(name, text, len);
    if (len >= sizeof name || !text_parse_i64(equals + 1, strlen(equals + 1), &value)) {
        snprintf(err->message, sizeof err->message,
                 "--index-param takes NAME=N, like num_partitions=16, not '%.100s'", text);
        return SHARDY_E_CONFIG;
    }
    return shardy_vector_spec_set_param(spec, name, value, err);
}

/* The vector options but for the dimension. CLI_USAGE for names that do not exist. */
static int read_spec(build *b) {
    const build_args *a = b->args;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status status = SHARDY_OK;
    b->has_vectors = a->vectors || a->vector_field;
    b->spec = (shardy_vector_spec)SHARDY_VECTOR_SPEC_INIT;
    b->spec.dim = a->dim;
    if (a->metric) status = shardy_metric_parse(a->metric, &b->spec.metric, &err);
    if (status == SHARDY_OK && a->index_type) {
        status = shardy_index_type_parse(a->index_type, &b->spec.index_type, &err);
    }
    if (status == SHARDY_OK && a->quantization) {
        status = shardy_quantization_parse(a->quantization, &b->spec.quantization, &err);
    }
    for (size_t i = 0; status == SHARDY_OK && i < a->index_params.n; i++) {
        status = set_index_param(&b->spec, a->index_params.items[i], &err);
    }
    return status == SHARDY_OK ? CLI_OK : cli_usage(b->cli, "%s", err.message);
}

static int open_input(build *b, const char *path) {
    const build_args *a = b->args;
    problem why;
    b->fields = (row_fields){.key = a->key_field,
                             .value = a->value_field,
                             .vector = a->vector_field,
                             .vector_id = a->vector_id_field,
                             .payload = a->payload_field,
                             .payload_fields = a->payload_fields.items,
                             .n_payload_fields = a->payload_fields.n,
                             .key_format = (byte_format)a->key_format,
                             .value_format = (byte_format)a->value_format};
    bool ok = lines_open(&b->input, path, &why);
    if (ok && a->vectors) ok = npy_open(&b->matrix, a->vectors, &why);
    ok =
        ok && json_rows_open(&b->rows, &b->input, &b->fields, a->vectors ? &b->matrix : NULL, &why);
    return ok ? CLI_OK : cli_error("%s", why.text);
}

static void build_log(void *ctx, int level, const char *message) {
    build *b = ctx;
    progress_clear(&b->progress);
    cli_log(b->cli, level, message);
}

/* Fill the writer's options. CLI_USAGE for names that do not exist. */
static int writer_options(build *b, const char *prefix, shardy_writer_options *o) {
    const build_args *a = b->args;
    *o = (shardy_writer_options)SHARDY_WRITER_OPTIONS_INIT;
    o->prefix = prefix;
    o->num_dbs = a->num_dbs;
    o->vector = b->has_vectors ? &b->spec : NULL;
    o->run_id = a->run_id;
    o->key_col = a->key_field;
    o->custom_json = a->custom;
    o->threads = a->threads;
    o->memory_limit = a->memory_limit;
    o->bloom_bits_per_key = a->bloom_bits;
    o->sst_bytes = a->sst_size;
    o->progress = progress_update;
    o->progress_ctx = &b->progress;
    o->log = build_log;
    o->log_ctx = b;
    if (a->block_size > UINT32_MAX) return cli_usage(b->cli, "--block-size is too large");
    o->block_size = (uint32_t)a->block_size;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status status = SHARDY_OK;
    if (a->key_encoding && strcmp(a->key_encoding, "auto")) {
        status = shardy_key_encoding_parse(a->key_encoding, &o->key_encoding, &err);
    }
    if (status == SHARDY_OK && a->compression) {
        status = shardy_compression_parse(a->compression, &o->compression, &err);
    }
    return status == SHARDY_OK ? CLI_OK : cli_usage(b->cli, "%s", err.message);
}

/* The vectors' dimension, where it was not given: the matrix's or the first row's. */
static int settle_dim(build *b, lines_status first_status, const shardy_row *first) {
    if (!b->has_vectors) return CLI_OK;
    uint64_t dim = b->args->vectors           ? b->matrix.cols
                   : first_status == LINES_OK ? first->vector_len
                                              : b->spec.dim;
    if (b->args->vectors && b->spec.dim && b->spec.dim != dim) {
        return cli_error("%s has vectors of %" PRIu64 " numbers, --dim is %u", b->args->vectors,
                         dim, b->spec.dim);
    }
    if (dim == 0 && !b->args->vectors && first_status != LINES_OK) {
        return cli_error("%s has no rows: --dim is needed for the vectors", b->input.name);
    }
    if (b->spec.dim == 0) b->spec.dim = dim > UINT32_MAX ? UINT32_MAX : (uint32_t)dim;
    if (dim == 0) b->spec.dim = 0;
    return CLI_OK;
}

static int add_error(build *b, shardy_status status, const shardy_error *err) {
    progress_clear(&b->progress);
    if (status == SHARDY_E_CANCELLED && stop_requested()) return CLI_FAILED;
    return cli_error("%s: line %" PRIu64 ": %s", b->input.name, b->input.number,
                     err->message[0] ? err->message : shardy_status_text(status));
}

/* Give all rows to the writer, which is opened behind the first. */
static int add_rows(build *b, const char *prefix) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_writer_options options_;
    shardy_row row;
    problem why;
    int code = writer_options(b, prefix, &options_);
    if (code != CLI_OK) return code;
    lines_status read = json_rows_next(&b->rows, &row, &why);
    if (read == LINES_OK || read == LINES_END) {
        code = settle_dim(b, read, &row);
        if (code != CLI_OK) return code;
        shardy_status status = shardy_writer_open(&options_, &b->writer, &err);
        if (status != SHARDY_OK) return cli_library_error(status, &err);
    }
    while (read == LINES_OK) {
        shardy_status status = shardy_writer_add(b->writer, &row, &err);
        if (status != SHARDY_OK) return add_error(b, status, &err);
        if (stop_requested()) return CLI_FAILED;
        read = json_rows_next(&b->rows, &row, &why);
    }
    if (read == LINES_STOPPED) return CLI_FAILED;
    progress_clear(&b->progress);
    if (read == LINES_FAILED || !json_rows_finish(&b->rows, &why)) return cli_error("%s", why.text);
    return CLI_OK;
}

static int finish(build *b) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status status = shardy_writer_finish(b->writer, &b->result, &err);
    progress_clear(&b->progress);
    if (status == SHARDY_OK) return CLI_OK;
    if (status == SHARDY_E_CANCELLED && stop_requested()) return CLI_FAILED;
    return cli_library_error(status, &err);
}

static void report(build *b) {
    output *o = &b->cli->out;
    const shardy_build_result *r = b->result;
    const shardy_snapshot_info *s = &r->snapshot;
    double seconds = progress_clock() - b->progress.begun;
    out_begin(o, "build");
    out_str(o, "prefix", s->prefix);
    out_str(o, "run_id", s->run_id);
    out_str(o, "manifest_ref", s->manifest_ref);
    out_u64(o, "num_dbs", s->num_dbs);
    out_u64(o, "num_shards", s->num_shards);
    out_u64(o, "rows_written", r->rows_written);
    out_u64(o, "duplicate_rows", r->duplicate_rows);
    out_str(o, "key_encoding", s->key_encoding);
    out_u64(o, "db_bytes", s->db_bytes);
    out_f64(o, "seconds", seconds, 3);
    if (s->has_vectors) {
        out_group(o, "vector");
        out_u64(o, "dim", s->dim);
        out_str(o, "metric", s->metric);
        out_str(o, "index_type", s->index_type);
        out_str(o, "index_built", s->index_built);
        if (s->index_note) out_str(o, "index_note", s->index_note);
        out_group_end(o);
    }
    out_end(o);
}

static int run(cli *c, int argc, char **argv) {
    build_args a = {.key_field = "id"};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    code = check_args(c, &a);
    if (code != CLI_OK) return cli_end(c, &a, code);
    signal(SIGPIPE, SIG_IGN); /* nobody who stops reading shall stop a build */
    stop_install();
    build b = {.cli = c, .args = &a, .input.fd = -1};
    code = read_spec(&b);
    if (code == CLI_OK) code = open_input(&b, argc > 1 ? argv[1] : "-");
    progress_init(&b.progress, c, &b.input);
    if (code == CLI_OK) code = add_rows(&b, argv[0]);
    if (code == CLI_OK) code = finish(&b);
    if (code == CLI_OK) report(&b);
    shardy_build_result_free(b.result);
    shardy_writer_close(b.writer);
    json_rows_close(&b.rows);
    npy_close(&b.matrix);
    lines_close(&b.input);
    code = cli_end(c, &a, code);
    if (stop_requested() && code != CLI_OK) {
        progress_clear(&b.progress);
        cli_error("interrupted: nothing was published");
        stop_raise();
    }
    return code;
}

const cli_command cmd_build = {
    .name = "build",
    .summary = "build and publish a snapshot from JSON Lines",
    .operands = "PREFIX [FILE|-]",
    .min_operands = 1,
    .max_operands = 2,
    .description =
        "Read rows, one JSON object per line, from FILE or standard input (zstd-compressed or "
        "not), build all shards and publish them under PREFIX: a directory or a file:// URL. "
        "Of rows with the same key the last one wins. An error or an interruption publishes "
        "nothing.",
    .examples =
        "  shardy build ./snap rows.jsonl --num-dbs 8 --value-field body\n"
        "  shardy build ./snap rows.jsonl.zst -n 16 --vectors rows.npy --payload-fields title\n",
    .options = options,
    .run = run,
};

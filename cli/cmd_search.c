/* cmd_search.c: shardy search: the vectors nearest to a query. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "npy.h"

typedef struct search_args {
    const char *vector_file, *like;
    arg_index row;
    uint32_t top_k, nprobes, threads;
    arg_ids shard_ids;
    bool exact;
} search_args;

static const arg_option options[] = {
    {"like", 0, ARG_STRING, "ID", "query with the vector stored under this id",
     offsetof(search_args, like), NULL},
    {"vector-file", 0, ARG_STRING, "FILE", "query with a vector of a .npy file or raw float32",
     offsetof(search_args, vector_file), NULL},
    {"row", 0, ARG_INDEX, "N", "which row of the vector file, from 0 (0)",
     offsetof(search_args, row), NULL},
    {"top-k", 'k', ARG_U32, "N", "number of results (10)", offsetof(search_args, top_k), NULL},
    {"exact", 0, ARG_FLAG, NULL, "look at every vector", offsetof(search_args, exact), NULL},
    {"nprobes", 0, ARG_U32, "N", "partitions searched per shard", offsetof(search_args, nprobes),
     NULL},
    {"shard-ids", 0, ARG_IDS, "0,1", "only these shards", offsetof(search_args, shard_ids), NULL},
    {"threads", 0, ARG_U32, "N", "shards searched at once (default: the machine's cores)",
     offsetof(search_args, threads), NULL},
    {0}};

/* The query, owned. */
typedef struct query {
    float *floats;
    size_t n;
} query;

static int query_from_text(const cli *c, const char *text, query *q) {
    problem why;
    return text_parse_floats(text, &q->floats, &q->n, &why) ? CLI_OK : cli_usage(c, "%s", why.text);
}

static int query_from_stdin(const cli *c, query *q) {
    lines in;
    problem why;
    char *line = NULL;
    size_t len = 0;
    if (!lines_open(&in, "-", &why)) return cli_error("%s", why.text);
    lines_status status = lines_next(&in, &line, &len, &why);
    int code = status == LINES_OK    ? query_from_text(c, line, q)
               : status == LINES_END ? cli_usage(c, "no query on standard input")
                                     : cli_error("%s", why.text);
    lines_close(&in);
    return code;
}

static int query_from_npy(const search_args *a, query *q) {
    npy matrix;
    problem why;
    if (!npy_open(&matrix, a->vector_file, &why)) return cli_error("%s", why.text);
    int code = CLI_OK;
    if (a->row.value >= matrix.rows) {
        code = cli_error("%s has %" PRIu64 " rows: there is no row %" PRIu64, a->vector_file,
                         matrix.rows, a->row.value);
    } else if (matrix.cols > SHARDY_DIM_MAX || matrix.cols == 0) {
        code = cli_error("%s has rows of %" PRIu64 " numbers, not 1 to %u", a->vector_file,
                         matrix.cols, SHARDY_DIM_MAX);
    } else {
        q->n = (size_t)matrix.cols;
        q->floats = text_alloc(NULL, q->n * sizeof *q->floats);
        npy_row(&matrix, a->row.value, q->floats);
    }
    npy_close(&matrix);
    return code;
}

/* float32, little endian, rows of the snapshot's dimension. */
static int query_from_raw(const search_args *a, uint32_t dim, query *q) {
    FILE *file = fopen(a->vector_file, "rb");
    if (!file) return cli_error("%s: cannot be opened", a->vector_file);
    unsigned char *bytes = text_alloc(NULL, (size_t)dim * 4 + 1);
    int code = CLI_OK;
    int64_t at = 0;
    bool ok = fseeko(file, 0, SEEK_END) == 0 && (at = ftello(file)) > 0 && at % (dim * 4) == 0;
    uint64_t rows = (uint64_t)at / (dim * 4);
    if (!ok) {
        code = cli_error("%s: neither .npy nor rows of %u float32 numbers (%u bytes each)",
                         a->vector_file, dim, dim * 4);
    } else if (a->row.value >= rows) {
        code = cli_error("%s has %" PRIu64 " rows: there is no row %" PRIu64, a->vector_file, rows,
                         a->row.value);
    } else if (fseeko(file, (off_t)(a->row.value * dim * 4), SEEK_SET) != 0 ||
               fread(bytes, 4, dim, file) != dim) {
        code = cli_error("%s: cannot be read", a->vector_file);
    } else {
        npy raw = {.data = bytes, .rows = 1, .cols = dim, .item = 4};
        q->n = dim;
        q->floats = text_alloc(NULL, (size_t)dim * sizeof *q->floats);
        npy_row(&raw, 0, q->floats);
    }
    free(bytes);
    fclose(file);
    return code;
}

static int query_like(const search_args *a, shardy_reader *reader, uint32_t dim, query *q) {
    bool found = false;
    shardy_error err = SHARDY_ERROR_INIT;
    q->n = dim;
    q->floats = text_alloc(NULL, (size_t)dim * sizeof *q->floats);
    shardy_slice id = {a->like, strlen(a->like)};
    shardy_status status = shardy_reader_vector(reader, id, q->floats, dim, &found, &err);
    if (status != SHARDY_OK) return cli_library_error(status, &err);
    return found ? CLI_OK : cli_error("no vector has the id '%s'", a->like);
}

static int read_query(const cli *c, const search_args *a, const char *text, shardy_reader *reader,
                      query *q) {
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status status = shardy_reader_info(reader, &info, &err);
    if (status != SHARDY_OK) return cli_library_error(status, &err);
    if (!info.has_vectors) return cli_error("the snapshot at %s has no vectors", info.prefix);
    if (a->like) return query_like(a, reader, info.dim, q);
    if (a->vector_file && npy_is(a->vector_file)) return query_from_npy(a, q);
    if (a->vector_file) return query_from_raw(a, info.dim, q);
    return strcmp(text, "-") ? query_from_text(c, text, q) : query_from_stdin(c, q);
}

/* ---- results ---- */

static bool is_json(shardy_slice text) {
    if (memchr(text.data, 0, text.len)) return false; /* behind a number jansson would drop it */
    json_t *value = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(value);
    return value != NULL;
}

static void print_text(output *o, const shardy_search_result *r) {
    int width = 2;
    for (size_t i = 0; i < r->n_hits; i++) {
        int len = (int)(r->hits[i].id.len < 40 ? r->hits[i].id.len : 40);
        if (len > width) width = len;
    }
    for (size_t i = 0; i < r->n_hits; i++) {
        const shardy_hit *h = &r->hits[i];
        text_buf line = {0}, id = {0};
        text_add_escaped(&id, h->id.data, h->id.len);
        double score = h->score > -0.5e-6 && h->score < 0 ? 0 : h->score;
        text_addf(&line, "%10.6f  %-*s", score, h->payload.data ? width : 0, text_cstr(&id));
        if (h->payload.data) {
            text_add_str(&line, "  ");
            text_add_escaped(&line, h->payload.data, h->payload.len);
        }
        text_add_char(&line, '\n');
        out_print(o, line.data, line.len);
        text_free(&line);
        text_free(&id);
    }
}

static void print_fields(output *o, const shardy_search_result *r, uint32_t top_k) {
    out_begin(o, "search");
    if (!out_is_table(o)) {
        out_u64(o, "top_k", top_k);
        out_u64(o, "num_shards_queried", r->num_shards_queried);
        out_f64(o, "latency_ms", r->latency_ms, 2);
    }
    out_list(o, "results");
    for (size_t i = 0; i < r->n_hits; i++) {
        const shardy_hit *h = &r->hits[i];
        out_row(o);
        out_bytes(o, "id", h->id.data, h->id.len);
        out_f64(o, "score", h->score, 6);
        if (!h->payload.data)
            out_null(o, "payload");
        else if (is_json(h->payload))
            out_json(o, "payload", h->payload.data, h->payload.len);
        else
            out_bytes(o, "payload", h->payload.data, h->payload.len);
        out_row_end(o);
    }
    out_list_end(o);
    out_end(o);
}

static int search(cli *c, const search_args *a, shardy_reader *reader, const query *q) {
    shardy_search_options o = SHARDY_SEARCH_OPTIONS_INIT;
    shardy_search_result *result = NULL;
    shardy_error err = SHARDY_ERROR_INIT;
    o.top_k = a->top_k;
    o.nprobes = a->nprobes;
    o.exact = a->exact;
    o.shard_ids = a->shard_ids.ids;
    o.n_shard_ids = a->shard_ids.n;
    uint32_t dim = q->n > UINT32_MAX ? UINT32_MAX : (uint32_t)q->n;
    shardy_status status = shardy_reader_search(reader, q->floats, dim, &o, &result, &err);
    if (status != SHARDY_OK) return cli_library_error(status, &err);
    if (out_is_text(&c->out))
        print_text(&c->out, result);
    else
        print_fields(&c->out, result, a->top_k);
    shardy_search_result_free(result);
    return CLI_OK;
}

static uint32_t cores(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n < 1024 ? (uint32_t)n : 1;
}

static int run(cli *c, int argc, char **argv) {
    search_args a = {.top_k = 10};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    shardy_reader *reader = NULL;
    query q = {0};
    int sources = (argc == 1) + (a.like != NULL) + (a.vector_file != NULL);
    if (sources != 1) {
        code = cli_usage(c, "give one query: QUERY, --like ID or --vector-file FILE");
    } else if (a.row.given && !a.vector_file) {
        code = cli_usage(c, "--row needs --vector-file");
    } else if (a.exact && a.nprobes) {
        code = cli_usage(c, "--exact and --nprobes exclude each other");
    }
    if (code == CLI_OK) code = cli_open_reader(c, a.threads ? a.threads : cores(), &reader);
    if (code == CLI_OK) code = read_query(c, &a, argv[0], reader, &q);
    if (code == CLI_OK) code = search(c, &a, reader, &q);
    shardy_reader_close(reader);
    free(q.floats);
    return cli_end(c, &a, code);
}

const cli_command cmd_search = {
    .name = "search",
    .summary = "find the nearest vectors",
    .operands = "[QUERY|-]",
    .max_operands = 1,
    .description =
        "Find the vectors nearest to a query: QUERY is numbers with commas between them (- "
        "reads them from standard input). Prints the exact distance (smaller is nearer), the "
        "id and the payload of each result, nearest first.",
    .examples =
        "  shardy search --like curl --top-k 5\n"
        "  shardy search 0.12,-0.5,0.33\n"
        "  shardy search --vector-file queries.npy --row 3\n",
    .options = options,
    .run = run,
};

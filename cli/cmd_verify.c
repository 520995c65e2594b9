/* cmd_verify.c: shardy verify: read every object of the snapshot again. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "cli.h"

typedef struct verify_args {
    uint32_t threads;
} verify_args;

static const arg_option options[] = {
    {"threads", 0, ARG_U32, "N", "shards verified at once (default: the machine's cores)",
     offsetof(verify_args, threads), NULL},
    {0}};

/* Where findings go; they may come from any thread. */
typedef struct findings {
    output *out;
    pthread_mutex_t lock;
    bool begun;
} findings;

/* The document begins with the first finding: a command that fails before prints only its error. */
static void begin(findings *f) {
    if (f->begun) return;
    f->begun = true;
    out_begin(f->out, "verify");
    out_list(f->out, "problems");
}

static void show_problem(output *o, int32_t db_id, const char *object, const char *what) {
    if (out_is_text(o)) {
        if (db_id >= 0) out_printf(o, "shard %d: ", db_id);
        out_printf(o, "%s: %s\n", object ? object : "snapshot", what);
        return;
    }
    out_row(o);
    if (db_id >= 0)
        out_i64(o, "db_id", db_id);
    else
        out_null(o, "db_id");
    out_str(o, "object", object);
    out_str(o, "problem", what);
    out_row_end(o);
}

static void on_problem(void *ctx, int32_t db_id, const char *object, const char *what) {
    findings *f = ctx;
    size_t len = object ? strlen(object) : 0;
    if (len && !strncmp(what, object, len) && what[len] == ':') what += len + 1; /* said once */
    while (*what == ' ') what++;
    pthread_mutex_lock(&f->lock);
    begin(f);
    show_problem(f->out, db_id, object, what);
    pthread_mutex_unlock(&f->lock);
}

static void show_report(output *o, const shardy_verify_report *r) {
    if (out_is_text(o)) {
        text_buf size = {0};
        text_add_size(&size, r->bytes);
        out_printf(o,
                   "%u shards, %" PRIu64 " objects, %s, %" PRIu64 " keys, %" PRIu64
                   " vectors: %" PRIu64 " problem%s\n",
                   r->shards, r->objects, text_cstr(&size), r->keys, r->vectors, r->problems,
                   r->problems == 1 ? "" : "s");
        text_free(&size);
        return;
    }
    out_u64(o, "shards", r->shards);
    out_u64(o, "objects", r->objects);
    out_u64(o, "bytes", r->bytes);
    out_u64(o, "keys", r->keys);
    out_u64(o, "vectors", r->vectors);
    out_u64(o, "problem_count", r->problems);
}

static int verify(cli *c, const verify_args *a, const cli_location *location) {
    output *o = &c->out;
    findings f = {.out = o};
    shardy_verify_options v = SHARDY_VERIFY_OPTIONS_INIT;
    shardy_verify_report report = {0};
    shardy_error err = SHARDY_ERROR_INIT;
    pthread_mutex_init(&f.lock, NULL);
    v.current_name = location->current_name;
    v.threads = a->threads;
    v.problem = on_problem;
    v.problem_ctx = &f;
    shardy_status status = shardy_verify(location->prefix, &v, &report, &err);
    pthread_mutex_destroy(&f.lock);
    if (status != SHARDY_OK) return cli_library_error(status, &err);
    begin(&f);
    out_list_end(o);
    show_report(o, &report);
    out_end(o);
    return report.problems ? CLI_FAILED : CLI_OK;
}

static int run(cli *c, int argc, char **argv) {
    verify_args a = {0};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    cli_location location;
    code = cli_locate(c, &location);
    if (code == CLI_OK) code = verify(c, &a, &location);
    cli_location_free(&location);
    return cli_end(c, &a, code);
}

const cli_command cmd_verify = {
    .name = "verify",
    .summary = "read everything again and report problems",
    .operands = "",
    .description =
        "Read every object of the current snapshot and check it: sizes, checksums, key order, "
        "routing, filters, row counts, key ranges, vectors and index coverage. Prints one "
        "line per problem and a summary; exits with 1 if there are problems.",
    .options = options,
    .run = run,
};

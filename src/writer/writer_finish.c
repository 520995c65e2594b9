/* writer_finish.c: build all shards, check that none is missing, publish, report. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/store.h"
#include "writer/writer_impl.h"

/* ---- building ---- */

struct todo {
    uint64_t bytes;
    uint32_t db_id;
};

struct build {
    shardy_writer *w;
    const shardy__index_plan *plan;
    struct todo *todo; /* non-empty shards, largest first */
    uint32_t n_todo;
    shardy__attempt *attempts; /* parallel to todo */
    shardy_error *errors;      /* parallel to todo */
    _Atomic bool stop;         /* a shard has failed: do not begin others */
};

static void build_task(void *ctx, uint32_t i) {
    struct build *b = ctx;
    shardy_writer *w = b->w;
    shardy_error *err = &b->errors[i];
    if (atomic_load(&b->stop)) return;
    shardy_status rc;
    if (!shardy__meter_report(&w->meter, false)) {
        rc = shardy__fail(err, SHARDY_E_CANCELLED, "cancelled by the caller");
    } else {
        rc = shardy__attempt_build(w, b->todo[i].db_id, 0, b->plan, &b->attempts[i], err);
    }
    if (rc) {
        err->code = rc;
        err->shard = (int32_t)b->todo[i].db_id;
        atomic_store(&b->stop, true);
        return;
    }
    shardy__rows_free(&w->shards[b->todo[i].db_id]);
    atomic_fetch_add(&w->meter.shards_built, 1);
    if (!shardy__meter_report(&w->meter, true)) atomic_store(&b->stop, true);
}

/* Largest first, so that no thread begins a long shard last. */
static int compare_sizes(const void *a, const void *b) {
    const struct todo *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1)
                                : (x->db_id > y->db_id) - (x->db_id < y->db_id);
}

static shardy_status build_open(struct build *b, shardy_error *err) {
    shardy_writer *w = b->w;
    uint32_t num_dbs = w->options.num_dbs;
    b->todo = shardy__realloc_array(NULL, num_dbs, sizeof *b->todo);
    if (!b->todo) return shardy__fail_nomem(err);
    for (uint32_t i = 0; i < num_dbs; i++) {
        if (w->shards[i].n) b->todo[b->n_todo++] = (struct todo){w->shards[i].bytes, i};
    }
    if (b->n_todo) qsort(b->todo, b->n_todo, sizeof *b->todo, compare_sizes);
    b->attempts = shardy__calloc(b->n_todo, sizeof *b->attempts);
    b->errors = shardy__calloc(b->n_todo, sizeof *b->errors);
    return b->attempts && b->errors ? SHARDY_OK : shardy__fail_nomem(err);
}

static void build_close(struct build *b) {
    for (uint32_t i = 0; b->attempts && i < b->n_todo; i++) shardy__attempt_free(&b->attempts[i]);
    shardy__free(b->attempts);
    shardy__free(b->errors);
    shardy__free(b->todo);
}

/* One code for all failed shards: theirs if they agree on one that has its own meaning. */
static shardy_status common_code(const struct build *b) {
    shardy_status code = SHARDY_OK;
    for (uint32_t i = 0; i < b->n_todo; i++) {
        shardy_status c = b->errors[i].code;
        if (!c) continue;
        code = !code || code == c ? c : SHARDY_E_COVERAGE;
    }
    bool own = code == SHARDY_E_VECTOR_INDEX || code == SHARDY_E_NO_MEMORY;
    return own ? code : SHARDY_E_COVERAGE;
}

/* Every shard that received rows must have a result; otherwise say which have none, and why. */
static shardy_status check_coverage(const struct build *b, shardy_error *err) {
    uint32_t failed = 0, missing = 0, first = 0;
    shardy__buf text = {0};
    for (uint32_t i = 0; i < b->n_todo; i++) {
        if (b->attempts[i].info.db_url) continue;
        if (!missing++) first = b->todo[i].db_id;
        if (!b->errors[i].code) continue;
        failed++;
        shardy__buf_printf(&text, "; shard %u: %s", b->todo[i].db_id, b->errors[i].message);
    }
    shardy_status code = SHARDY_OK;
    if (atomic_load(&b->w->meter.cancelled)) { /* even if that was at the last shard */
        code =
            shardy__fail(err, SHARDY_E_CANCELLED, "cancelled by the caller; nothing was published");
    } else if (missing) {
        const char *causes = shardy__buf_text(&text);
        code = shardy__fail(err, common_code(b),
                            "%u of %u shards could not be built, %u more were not begun%s", failed,
                            b->w->options.num_dbs, missing - failed, causes ? causes : "");
        if (err && failed == 1) err->shard = (int32_t)first;
    }
    shardy__buf_free(&text);
    return code;
}

/* ---- the manifest ---- */

static int compare_ids(const void *a, const void *b) {
    const shardy__attempt *x = a, *y = b;
    return (x->info.db_id > y->info.db_id) - (x->info.db_id < y->info.db_id);
}

/* Move the attempts' facts into a manifest, which owns them from now on. */
static shardy_status fill_manifest(const shardy_writer *w, struct build *b,
                                   const shardy__index_plan *plan, shardy__manifest *m,
                                   uint64_t *duplicates, shardy_error *err) {
    char now[SHARDY__TIME_MAX];
    size_t n_objects = 0;
    if (b->n_todo) qsort(b->attempts, b->n_todo, sizeof *b->attempts, compare_ids);
    for (uint32_t i = 0; i < b->n_todo; i++) n_objects += b->attempts[i].n_objects;
    m->run_id = shardy__strdup(w->run_id);
    m->created_at = shardy__strdup(shardy__time_text(now, shardy__wall_ns(), true));
    m->prefix = shardy__strdup(w->prefix);
    m->key_col = shardy__strdup(w->key_col);
    m->db_path_template = shardy__strdup(w->db_path_template);
    m->shard_prefix = shardy__strdup(w->shard_prefix);
    m->num_dbs = w->options.num_dbs;
    m->key_encoding = w->encoding ? w->encoding : SHARDY_ENCODING_RAW; /* no rows: any will do */
    m->shards = shardy__calloc(b->n_todo, sizeof *m->shards);
    m->objects = shardy__calloc(n_objects, sizeof *m->objects);
    if (!m->run_id || !m->created_at || !m->prefix || !m->key_col || !m->db_path_template ||
        !m->shard_prefix || !m->shards || !m->objects) {
        return shardy__fail_nomem(err);
    }
    for (uint32_t i = 0; i < b->n_todo; i++) {
        shardy__attempt *a = &b->attempts[i];
        *duplicates += a->duplicate_rows;
        m->shards[m->n_shards++] = a->info;
        memcpy(m->objects + m->n_objects, a->objects, a->n_objects * sizeof *a->objects);
        m->n_objects += a->n_objects;
        shardy__free(a->objects);
        memset(a, 0, sizeof *a);
    }
    m->has_vectors = w->spec.dim != 0;
    m->dim = w->spec.dim;
    m->metric = w->spec.metric;
    shardy__custom custom = {.user_json = w->custom_json,
                             .spec = m->has_vectors ? &w->spec : NULL,
                             .index_note = plan->note,
                             .shards = m->shards,
                             .n_shards = m->n_shards,
                             .duplicate_rows = *duplicates};
    SHARDY_TRY(shardy__custom_json(&custom, &m->custom_json, err));
    if (!m->has_vectors) return SHARDY_OK;
    const char *quantization =
        w->spec.quantization ? shardy_quantization_name(w->spec.quantization) : NULL;
    m->index_type = shardy__strdup(shardy_index_type_name(w->spec.index_type));
    m->quantization = shardy__strdup(quantization);
    m->index_note = shardy__strdup(plan->note);
    bool ok = m->index_type && (m->quantization || !quantization) && (m->index_note || !plan->note);
    return ok ? SHARDY_OK : shardy__fail_nomem(err);
}

/* ---- the result ---- */

struct result {
    shardy_build_result base;
    shardy__manifest manifest;
    char *ref, *published;
};

void shardy_build_result_free(shardy_build_result *result) {
    struct result *r = (struct result *)result;
    if (!r) return;
    shardy__manifest_free(&r->manifest);
    shardy__free(r->ref);
    shardy__free(r->published);
    shardy__free(r);
}

static uint64_t ms_between(uint64_t a, uint64_t b) { return (b - a) / 1000000; }

static shardy_status build_and_publish(shardy_writer *w, struct result *r, shardy_error *err) {
    struct build b = {.w = w};
    shardy__index_plan plan = {0};
    shardy_build_result *out = &r->base;
    uint64_t begun = shardy__monotonic_ns(), built;
    shardy_status rc = shardy__index_plan_make(w, &plan, err);
    if (rc && rc != SHARDY_E_NO_MEMORY) {
        shardy__error_prefix(err, "training the vector index: ");
        rc = SHARDY_E_VECTOR_INDEX;
        if (err) err->code = rc;
    }
    if (!rc) rc = build_open(&b, err);
    if (rc) goto done;
    b.plan = &plan;
    w->write_behind = b.n_todo < w->options.threads;
    atomic_store(&w->meter.shards_total, b.n_todo);
    shardy__log_write(&w->log, SHARDY__LOG_INFO, "run %s: building %u shards from %" PRIu64 " rows",
                      w->run_id, b.n_todo, w->rows);
    shardy__parallel_for(w->options.threads, b.n_todo, build_task, &b);
    rc = check_coverage(&b, err);
    if (rc) goto done;
    out->attempts = b.n_todo;
    rc = fill_manifest(w, &b, &plan, &r->manifest, &out->duplicate_rows, err);
    built = shardy__monotonic_ns();
    if (!rc) rc = shardy__publish(w->dir, &r->manifest, &r->ref, &r->published, err);
    if (rc) goto done;
    uint64_t end = shardy__monotonic_ns();
    out->size = sizeof *out;
    out->rows_written = w->rows;
    out->n_shards = r->manifest.n_shards;
    out->shards = r->manifest.shards;
    out->sharding_ms = ms_between(w->opened_ns, begun);
    out->write_ms = ms_between(begun, built);
    out->manifest_ms = ms_between(built, end);
    out->total_ms = ms_between(w->opened_ns, end);
    out->snapshot.size = sizeof out->snapshot;
    shardy__manifest_info(&r->manifest, r->ref, r->published, &out->snapshot);
    shardy__log_write(&w->log, SHARDY__LOG_INFO, "run %s: published %s", w->run_id, r->ref);
done:
    shardy__index_plan_free(&plan);
    build_close(&b);
    return rc;
}

/* Nothing of an unpublished run stays, unless only _CURRENT could not be written. */
static void remove_run(shardy_writer *w) {
    char *below = shardy__format("%s/run_id=%s/", w->shard_prefix, w->run_id);
    shardy_error err = SHARDY_ERROR_INIT;
    if (!below || shardy__dir_remove_tree(w->dir, below, NULL, &err)) {
        shardy__log_write(&w->log, SHARDY__LOG_WARNING,
                          "run %s: could not remove what was written: %s", w->run_id, err.message);
    }
    shardy__free(below);
}

/* Of all builders that chose the same run id only the one that makes this object may build. It
 * stays, so that later ones are refused too. */
static shardy_status claim_run(shardy_writer *w, shardy_error *err) {
    shardy__sink *sink = NULL;
    if (!w->run_named) return SHARDY_OK;
    char *name = shardy__format("%s/run_id=%s/_CLAIM", w->shard_prefix, w->run_id);
    if (!name) return shardy__fail_nomem(err);
    shardy_status rc = shardy__dir_create(w->dir, name, &sink, err);
    if (!rc) rc = shardy__sink_commit(sink, err);
    if (rc == SHARDY_E_EXISTS) rc = shardy__run_taken(w, err);
    shardy__sink_close(sink);
    shardy__free(name);
    return rc;
}

shardy_status shardy_writer_finish(shardy_writer *w, shardy_build_result **out, shardy_error *err) {
    if (out) *out = NULL;
    if (!w) return shardy__fail(err, SHARDY_E_ARGUMENT, "shardy_writer_finish: writer is NULL");
    SHARDY_TRY(shardy__writer_usable(w, err));
    struct result *r = shardy__calloc(1, sizeof *r);
    if (!r) return shardy__fail_nomem(err);
    w->finished = true;
    atomic_store(&w->meter.rows, w->rows);
    shardy_status rc = claim_run(w, err);
    if (!rc) {
        rc = build_and_publish(w, r, err);
        if (rc && rc != SHARDY_E_PUBLISH_CURRENT) remove_run(w);
    }
    if (rc || !out) {
        shardy_build_result_free(&r->base);
    } else {
        *out = &r->base;
    }
    return rc;
}

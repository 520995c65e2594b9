/* ops_verify.c: read a whole snapshot again and report everything that is not as recorded.
 *
 * Per shard: recorded objects (size, checksum), then the key-value store (format checks of its own
 * layer, routing and range of every key), then the vector table. Problems are reported through one
 * function under one lock; only what keeps the snapshot from being looked at at all is an error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "lance/lance.h"
#include "shardyfusion/ops.h"
#include "shardyfusion/route.h"
#include "slatedb/slatedb.h"
#include "snapshot/snapshot.h"
#include "store/store.h"

struct verify {
    shardy__dir *prefix;
    shardy__loaded loaded;
    const shardy_verify_options *options;
    shardy__mutex lock; /* guards report and the user's function */
    shardy_verify_report *report;
};

struct shard_check {
    struct verify *v;
    const shardy_shard_info *info;
    shardy__dir *dir;
    const char *url;         /* of what is being checked, for problems without an object */
    char *min, *max;         /* JSON of the first and last key seen */
    uint64_t rows, problems; /* of this shard */
};

/* ---- problems ---- */

static void problem(void *ctx, const char *object, const char *text) {
    struct shard_check *c = ctx;
    const shardy_verify_options *o = c->v->options;
    c->problems++;
    shardy__mutex_lock(&c->v->lock);
    c->v->report->problems++;
    if (o->problem) o->problem(o->problem_ctx, (int32_t)c->info->db_id, object, text);
    shardy__mutex_unlock(&c->v->lock);
}

static void problem_error(struct shard_check *c, const shardy_error *err) {
    problem(c, c->url, err->message);
}

static void count(struct verify *v, uint64_t objects, uint64_t bytes, uint64_t keys,
                  uint64_t vectors) {
    shardy__mutex_lock(&v->lock);
    v->report->objects += objects;
    v->report->bytes += bytes;
    v->report->keys += keys;
    v->report->vectors += vectors;
    shardy__mutex_unlock(&v->lock);
}

/* ---- objects ---- */

static void check_object(struct shard_check *c, const shardy__manifest_object *o) {
    shardy_error err = SHARDY_ERROR_INIT;
    char *url = shardy__url_join(c->dir->url, o->name);
    shardy_status rc =
        url ? shardy__manifest_object_check(c->dir, o, &err) : shardy__fail_nomem(&err);
    if (rc) problem(c, url ? url : c->url, err.message);
    if (!rc || rc == SHARDY_E_CORRUPT) count(c->v, 1, o->size, 0, 0); /* it was there to be read */
    shardy__free(url);
}

static void check_objects(struct shard_check *c) {
    size_t n;
    const shardy__manifest_object *objects =
        shardy__manifest_objects(&c->v->loaded.manifest, c->info->db_id, &n);
    for (size_t i = 0; i < n; i++) check_object(c, &objects[i]);
}

/* ---- key-value store ---- */

static shardy_status check_row(void *ctx, shardy_slice stored, shardy_slice value,
                               shardy_error *err) {
    struct shard_check *c = ctx;
    const shardy__manifest *m = &c->v->loaded.manifest;
    shardy_key key;
    char text[300], quoted[200];
    (void)value;
    c->rows++;
    shardy_error local = SHARDY_ERROR_INIT;
    if (shardy_key_decode(stored, m->key_encoding, &key, &local)) {
        problem(c, c->url, local.message);
        return SHARDY_OK;
    }
    uint32_t home = shardy_route_hash(&key, m->num_dbs);
    if (home != c->info->db_id) {
        snprintf(text, sizeof text, "key %s belongs to shard %u",
                 shardy__quote(quoted, sizeof quoted, stored.data, stored.len), home);
        problem(c, c->url, text);
    }
    /* Only the first and the last key's JSON matter; the last is not known before the end. */
    if (c->rows > 1 && c->rows < c->info->row_count) return SHARDY_OK;
    char **out = c->rows == 1 ? &c->min : &c->max;
    shardy__free(*out);
    SHARDY_TRY(shardy__key_json(&key, out, err));
    if (c->rows == 1 && c->info->row_count == 1) c->max = shardy__strdup(c->min);
    return SHARDY_OK;
}

static void check_bound(struct shard_check *c, const char *what, const char *recorded,
                        const char *found) {
    char text[600];
    if (!recorded || (found && !strcmp(recorded, found))) return;
    snprintf(text, sizeof text, "%s is %.200s; the manifest records %.200s", what,
             found ? found : "missing", recorded);
    problem(c, c->url, text);
}

static void check_kv(struct shard_check *c) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb *kv = NULL;
    shardy__slatedb_stats stats = {0};
    shardy__slatedb_check check = {check_row, problem, c};
    uint64_t before = c->problems;
    shardy_status rc = shardy__slatedb_open(c->dir, NULL, &kv, &err);
    if (!rc) rc = shardy__slatedb_verify(kv, &check, &stats, &err);
    shardy__slatedb_close(kv);
    if (rc && c->problems == before)
        problem_error(c, &err); /* else it is the first of those told */
    if (rc) return;
    count(c->v, 0, 0, c->rows, 0);
    if (c->rows != c->info->row_count) {
        char text[160];
        snprintf(text, sizeof text, "holds %" PRIu64 " keys; the manifest records %" PRIu64,
                 c->rows, c->info->row_count);
        problem(c, c->url, text);
        return;
    }
    check_bound(c, "the smallest key", c->info->min_key, c->min);
    check_bound(c, "the largest key", c->info->max_key, c->max);
}

/* ---- vector table ---- */

static void check_table_facts(struct shard_check *c, const shardy__lance *table) {
    const shardy__manifest *m = &c->v->loaded.manifest;
    const shardy__lance_index *index = shardy__lance_get_index(table);
    uint64_t rows = shardy__lance_count(table);
    char text[200];
    count(c->v, 0, 0, 0, rows);
    if (c->info->vector_count && rows != c->info->vector_count) {
        snprintf(text, sizeof text, "holds %" PRIu64 " vectors; the manifest records %" PRIu64,
                 rows, c->info->vector_count);
        problem(c, c->url, text);
    }
    if (rows && shardy__lance_dim(table) != m->dim) {
        snprintf(text, sizeof text, "has dim %u; the manifest records %u", shardy__lance_dim(table),
                 m->dim);
        problem(c, c->url, text);
    }
    if (rows && !index) problem(c, c->url, "has rows but no vector index");
    if (index && index->metric != m->metric) {
        snprintf(text, sizeof text, "index has metric %s; the manifest records %s",
                 shardy_metric_name(index->metric), shardy_metric_name(m->metric));
        problem(c, c->url, text);
    }
}

static void check_vectors(struct shard_check *c) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = NULL;
    shardy__lance *table = NULL;
    shardy__lance_check check = {problem, c};
    shardy_status rc = shardy__dir_sub(c->dir, SHARDY__VECTOR_TABLE_PATH, &dir, &err);
    if (!rc) c->url = dir->url;
    if (!rc) rc = shardy__lance_open(dir, NULL, &table, &err);
    if (!rc) check_table_facts(c, table);
    if (!rc) rc = shardy__lance_verify(table, &check, &err);
    if (rc) problem_error(c, &err);
    shardy__lance_close(table);
    c->url = c->dir->url;
    shardy__dir_close(dir);
}

/* ---- all shards ---- */

static void verify_shard(void *ctx, uint32_t i) {
    struct verify *v = ctx;
    const shardy__manifest *m = &v->loaded.manifest;
    struct shard_check c = {.v = v, .info = &m->shards[i]};
    shardy_error err = SHARDY_ERROR_INIT;
    char *path = NULL;
    c.url = c.info->db_url;
    shardy_status rc = shardy__relative_ref(c.info->db_url, m->prefix, &path, &err);
    if (!rc) rc = shardy__dir_sub(v->prefix, path, &c.dir, &err);
    if (rc) {
        problem_error(&c, &err);
    } else {
        c.url = c.dir->url;
        check_objects(&c);
        check_kv(&c);
        if (m->has_vectors) check_vectors(&c);
    }
    shardy__free(c.min);
    shardy__free(c.max);
    shardy__free(path);
    shardy__dir_close(c.dir);
}

shardy_status shardy_verify(const char *prefix, const shardy_verify_options *options,
                            shardy_verify_report *report, shardy_error *err) {
    shardy_verify_options defaults = SHARDY_VERIFY_OPTIONS_INIT;
    if (!options) options = &defaults;
    if (report) memset(report, 0, sizeof *report);
    if (!prefix || !report || options->size != sizeof *options) {
        return shardy__fail(err, SHARDY_E_ARGUMENT,
                            "shardy_verify: a required pointer is NULL or of an unknown size");
    }
    struct verify v = {.options = options, .report = report};
    shardy__mutex_init(&v.lock);
    const char *current = options->current_name ? options->current_name : "_CURRENT";
    shardy_status rc = shardy__store_open(prefix, &v.prefix, err);
    if (!rc) rc = shardy__load(v.prefix, current, &v.loaded, err);
    if (!rc) {
        uint32_t threads = options->threads ? options->threads : shardy__cpu_count();
        report->shards = v.loaded.manifest.n_shards;
        shardy__parallel_for(threads, report->shards, verify_shard, &v);
    }
    shardy__loaded_free(&v.loaded);
    shardy__dir_close(v.prefix);
    shardy__mutex_destroy(&v.lock);
    return rc;
}

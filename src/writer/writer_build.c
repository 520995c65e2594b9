/* writer_build.c: one attempt at one shard: rows in memory -> objects in the store. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "shardyfusion/route.h"
#include "store/store.h"
#include "writer/writer_impl.h"

/* While one row is encoded, the bytes of the rows up to PREFETCH_ROWS ahead are on their way to the
 * cache, and their entries from further ahead: in random order 38 ms instead of 65 per 200,000 rows
 * of 272 bytes. */
#define PREFETCH_ROWS 6
#define PREFETCH_ENTRIES 32
#define PREFETCH_BYTES 1024 /* of a row; what follows comes in order, as the processor expects */

static bool count_bytes(void *ctx, uint64_t bytes) {
    shardy_writer *w = ctx;
    atomic_fetch_add(&w->meter.bytes, bytes);
    return shardy__meter_report(&w->meter, false);
}

static inline void prefetch_row(const shardy__rows *rows, const uint32_t *order, uint32_t n,
                                uint32_t i) {
    if (n - i <= PREFETCH_ENTRIES) return; /* the last few rows do not matter */
    __builtin_prefetch(&rows->entries[order[i + PREFETCH_ENTRIES]]);
    const shardy__row_entry *e = &rows->entries[order[i + PREFETCH_ROWS]];
    size_t len = (size_t)e->key_len + e->value_len;
    if (len > PREFETCH_BYTES) len = PREFETCH_BYTES;
    for (size_t at = 0; at < len; at += 64) __builtin_prefetch(e->key + at);
}

static shardy_status write_kv(shardy__dir *dir, const shardy_writer *w, const shardy__rows *rows,
                              const uint32_t *order, uint32_t n, const uint8_t checkpoint[16],
                              shardy_error *err) {
    const shardy_writer_options *o = &w->options;
    shardy__slatedb_options options = {.block_size = o->block_size,
                                       .bloom_bits = o->bloom_bits_per_key,
                                       .sst_bytes = o->sst_bytes,
                                       .compression = o->compression};
    memcpy(options.checkpoint, checkpoint, 16);
    shardy__slatedb_writer *kv = NULL;
    shardy_status rc = shardy__slatedb_writer_open(dir, &options, &kv, err);
    for (uint32_t i = 0; i < n && !rc; i++) {
        prefetch_row(rows, order, n, i);
        const shardy__row_entry *e = &rows->entries[order[i]];
        rc = shardy__slatedb_writer_add(kv, (shardy_slice){e->key, e->key_len},
                                        (shardy_slice){e->key + e->key_len, e->value_len}, err);
    }
    if (!rc) rc = shardy__slatedb_writer_finish(kv, NULL, err);
    shardy__slatedb_writer_close(kv);
    return rc;
}

static shardy_status write_vectors(shardy__dir *dir, const shardy_writer *w,
                                   const shardy__rows *rows, const uint32_t *order, uint32_t n,
                                   const shardy__index_plan *plan, shardy_error *err) {
    shardy__dir *table = NULL;
    SHARDY_TRY(shardy__dir_sub(dir, SHARDY__VECTOR_TABLE_PATH, &table, err));
    shardy_status rc = shardy__vector_table_write(table, w, rows, order, n, plan, err);
    shardy__dir_close(table);
    return rc;
}

static shardy_status boundary_key(const shardy_writer *w, const shardy__rows *rows, uint32_t row,
                                  char **out, shardy_error *err) {
    const shardy__row_entry *e = &rows->entries[row];
    shardy_key key;
    SHARDY_TRY(shardy_key_decode((shardy_slice){e->key, e->key_len}, w->encoding, &key, err));
    return shardy__key_json(&key, out, err);
}

/* Take the recorder's list over as manifest objects. */
static shardy_status take_objects(shardy__recorder *recorder, uint32_t db_id, shardy__attempt *out,
                                  shardy_error *err) {
    shardy__object *objects;
    size_t n;
    shardy__recorder_take(recorder, &objects, &n);
    out->objects = shardy__calloc(n, sizeof *out->objects);
    if (!out->objects) {
        shardy__objects_free(objects, n);
        return shardy__fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        out->objects[i] =
            (shardy__manifest_object){db_id, objects[i].name, objects[i].size, objects[i].xxh3};
        out->info.db_bytes += objects[i].size;
    }
    out->n_objects = n;
    shardy__free(objects); /* the names live on */
    return SHARDY_OK;
}

static shardy_status describe(const shardy_writer *w, const shardy__rows *rows,
                              const uint32_t *order, uint32_t n, const shardy__index_plan *plan,
                              const uint8_t checkpoint[16], uint64_t started, shardy__attempt *out,
                              shardy_error *err) {
    shardy_shard_info *info = &out->info;
    char hex[33];
    char *min = NULL, *max = NULL;
    info->row_count = n;
    out->duplicate_rows = rows->n - n;
    SHARDY_TRY(boundary_key(w, rows, order[0], &min, err));
    info->min_key = min;
    SHARDY_TRY(boundary_key(w, rows, order[n - 1], &max, err));
    info->max_key = max;
    info->checkpoint_id = shardy__strdup(shardy__uuid_hex(hex, checkpoint));
    info->writer_info = shardy__format("{\"attempt\": %u, \"duration_ms\": %" PRIu64
                                       ", \"stage_id\": null, \"task_attempt_id\": null}",
                                       info->attempt, (shardy__monotonic_ns() - started) / 1000000);
    if (w->spec.dim) {
        info->vector_count = n;
        info->vector_index = shardy__strdup(shardy__lance_index_name(plan->kind));
        info->vector_partitions = plan->partitions;
    }
    bool ok = info->checkpoint_id && info->writer_info && (info->vector_index || !w->spec.dim);
    return ok ? SHARDY_OK : shardy__fail_nomem(err);
}

/* The parts of an attempt, given its sorted rows and its recording directory. */
static shardy_status build_sorted(shardy_writer *w, const shardy__rows *rows, const uint32_t *order,
                                  uint32_t n, const shardy__index_plan *plan,
                                  shardy__recorder *recorder, shardy__attempt *out,
                                  shardy_error *err) {
    uint64_t started = shardy__monotonic_ns();
    uint8_t checkpoint[16];
    shardy__dir *dir = shardy__recorder_dir(recorder);
    SHARDY_TRY(shardy__uuid4(checkpoint, err));
    if (w->spec.dim) SHARDY_TRY(write_vectors(dir, w, rows, order, n, plan, err));
    SHARDY_TRY(write_kv(dir, w, rows, order, n, checkpoint, err));
    SHARDY_TRY(take_objects(recorder, out->info.db_id, out, err));
    return describe(w, rows, order, n, plan, checkpoint, started, out, err);
}

shardy_status shardy__attempt_build(shardy_writer *w, uint32_t db_id, uint32_t attempt,
                                    const shardy__index_plan *plan, shardy__attempt *out,
                                    shardy_error *err) {
    const shardy__rows *rows = &w->shards[db_id];
    char *path = NULL;
    shardy__dir *dir = NULL;
    shardy__recorder *recorder = NULL;
    uint32_t *order = NULL, n = 0;
    memset(out, 0, sizeof *out);
    out->info.db_id = db_id;
    out->info.attempt = attempt;
    shardy_status rc = shardy__shard_path(w->shard_prefix, w->run_id, w->db_path_template, db_id,
                                          attempt, &path, err);
    if (!rc) rc = shardy__rows_order(rows, &order, &n, err);
    if (!rc) rc = shardy__dir_sub(w->dir, path, &dir, err);
    if (!rc) {
        out->info.db_url = shardy__strdup(dir->url);
        rc = out->info.db_url ? shardy__recorder_open(dir, count_bytes, w, &recorder, err)
                              : shardy__fail_nomem(err);
    }
    if (!rc && w->write_behind) shardy__recorder_write_behind(recorder);
    if (!rc) rc = build_sorted(w, rows, order, n, plan, recorder, out, err);
    shardy__recorder_close(recorder);
    if (rc) {
        if (dir) shardy__dir_remove_tree(dir, "", NULL, NULL);
        shardy__attempt_free(out);
    }
    shardy__dir_close(dir);
    shardy__free(order);
    shardy__free(path);
    return rc;
}

static void free_text(const char *text) { shardy__free((void *)(uintptr_t)text); }

void shardy__attempt_free(shardy__attempt *a) {
    free_text(a->info.db_url);
    free_text(a->info.min_key);
    free_text(a->info.max_key);
    free_text(a->info.checkpoint_id);
    free_text(a->info.writer_info);
    free_text(a->info.vector_index);
    for (size_t i = 0; i < a->n_objects; i++) shardy__free(a->objects[i].name);
    shardy__free(a->objects);
    memset(a, 0, sizeof *a);
}

/* reader_state.c: one opened snapshot and its shards. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "reader/reader_impl.h"
#include "store/store.h"

shardy_status shardy__shard_error(shardy_status rc, uint32_t db_id, shardy_error *err) {
    if (rc && err) {
        shardy__error_prefix(err, "shard %u: ", db_id);
        err->shard = (int32_t)db_id;
    }
    return rc;
}

/* ---- opening a snapshot ---- */

static shardy_status make_shards(shardy__reader_state *s, shardy_error *err) {
    const shardy__manifest *m = &s->loaded.manifest;
    s->infos = shardy__calloc(m->num_dbs, sizeof *s->infos);
    s->shards = shardy__calloc(m->num_dbs, sizeof *s->shards);
    if (!s->infos || !s->shards) return shardy__fail_nomem(err);
    s->num_dbs = m->num_dbs;
    for (uint32_t i = 0; i < m->num_dbs; i++) {
        s->infos[i].db_id = i;
        s->infos[i].writer_info = "{}";
        s->shards[i].info = &s->infos[i];
        shardy__mutex_init(&s->shards[i].lock);
    }
    for (uint32_t i = 0; i < m->n_shards; i++) s->infos[m->shards[i].db_id] = m->shards[i];
    return SHARDY_OK;
}

shardy_status shardy__state_open(const char *prefix, const char *current_name, uint32_t threads,
                                 shardy__reader_state **out, shardy_error *err) {
    *out = NULL;
    shardy__reader_state *s = shardy__calloc(1, sizeof *s);
    if (!s) return shardy__fail_nomem(err);
    atomic_init(&s->refs, 1);
    s->threads = threads ? threads : 1;
    shardy_status rc = shardy__store_open(prefix, &s->prefix, err);
    if (!rc) rc = shardy__load(s->prefix, current_name, &s->loaded, err);
    if (!rc) rc = make_shards(s, err);
    if (rc) {
        shardy__state_unref(s);
        return rc;
    }
    *out = s;
    return SHARDY_OK;
}

void shardy__state_unref(shardy__reader_state *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < s->num_dbs; i++) {
        shardy__reader_shard *shard = &s->shards[i];
        shardy__slatedb_close(atomic_load(&shard->kv));
        shardy__lance_close(atomic_load(&shard->table));
        shardy__dir_close(shard->table_dir);
        shardy__dir_close(shard->dir);
        shardy__mutex_destroy(&shard->lock);
    }
    shardy__free(s->shards);
    shardy__free(s->infos);
    shardy__loaded_free(&s->loaded);
    shardy__dir_close(s->prefix);
    shardy__free(s);
}

/* ---- opening a shard ---- */

/* The recorded object of a shard that lies directly below `below`: the only manifest of its part,
 * so that no listing is needed. NULL if none or several are recorded. Relative to `strip` bytes in.
 */
static const char *recorded_manifest(const shardy__manifest *m, uint32_t db_id, const char *below,
                                     size_t strip) {
    const char *found = NULL;
    size_t n;
    const shardy__manifest_object *objects = shardy__manifest_objects(m, db_id, &n);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(objects[i].name, below, strlen(below))) continue;
        if (found) return NULL;
        found = objects[i].name + strip;
    }
    return found;
}

static shardy_status shard_dir(shardy__reader_state *s, shardy__reader_shard *shard,
                               shardy_error *err) {
    char *path = NULL;
    if (shard->dir) return SHARDY_OK;
    SHARDY_TRY(shardy__relative_ref(shard->info->db_url, s->loaded.manifest.prefix, &path, err));
    shardy_status rc = shardy__dir_sub(s->prefix, path, &shard->dir, err);
    shardy__free(path);
    return rc;
}

static shardy_status open_kv(shardy__reader_state *s, shardy__reader_shard *shard,
                             shardy_error *err) {
    shardy__slatedb *kv = NULL;
    SHARDY_TRY(shard_dir(s, shard, err));
    const char *manifest =
        recorded_manifest(&s->loaded.manifest, shard->info->db_id, "manifest/", 0);
    SHARDY_TRY(shardy__slatedb_open(shard->dir, manifest, &kv, err));
    atomic_store_explicit(&shard->kv, kv, memory_order_release);
    return SHARDY_OK;
}

shardy_status shardy__state_kv(shardy__reader_state *s, uint32_t db_id, shardy__slatedb **out,
                               shardy_error *err) {
    shardy__reader_shard *shard = &s->shards[db_id];
    *out = atomic_load_explicit(&shard->kv, memory_order_acquire);
    if (*out || !shard->info->db_url) return SHARDY_OK;
    shardy__mutex_lock(&shard->lock);
    shardy_status rc = atomic_load(&shard->kv)
                           ? SHARDY_OK
                           : shardy__shard_error(open_kv(s, shard, err), db_id, err);
    *out = atomic_load(&shard->kv);
    shardy__mutex_unlock(&shard->lock);
    return rc;
}

static shardy_status check_table(const shardy__manifest *m, const shardy__lance *table,
                                 shardy_error *err) {
    const shardy__lance_index *index = shardy__lance_get_index(table);
    if (shardy__lance_count(table) && shardy__lance_dim(table) != m->dim) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "vector table has dim %u, but the manifest says %u",
                            shardy__lance_dim(table), m->dim);
    }
    if (index && index->metric != m->metric) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "vector index has metric %s, but the manifest says %s",
                            shardy_metric_name(index->metric), shardy_metric_name(m->metric));
    }
    return SHARDY_OK;
}

/* The files of a vector table have no checksums of their own, so a flipped bit would only make
 * distances wrong: what the manifest records is compared before the first use. That reads the files
 * once, as the first search would. Without recorded objects there is nothing to compare. */
static shardy_status check_table_objects(shardy__reader_state *s, shardy__reader_shard *shard,
                                         shardy_error *err) {
    static const char below[] = SHARDY__VECTOR_TABLE_PATH "/";
    size_t n;
    const shardy__manifest_object *o =
        shardy__manifest_objects(&s->loaded.manifest, shard->info->db_id, &n);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(o[i].name, below, strlen(below)) != 0) continue;
        shardy_status rc = shardy__manifest_object_check(shard->dir, &o[i], err);
        if (rc == SHARDY_E_CORRUPT) {
            shardy__error_prefix(err, "%s/%s: ", shard->dir->url, o[i].name);
        }
        if (rc) return rc;
    }
    return SHARDY_OK;
}

static shardy_status open_table(shardy__reader_state *s, shardy__reader_shard *shard,
                                shardy_error *err) {
    static const char below[] = SHARDY__VECTOR_TABLE_PATH "/_versions/";
    shardy__lance *table = NULL;
    SHARDY_TRY(shard_dir(s, shard, err));
    if (!shard->table_dir) {
        SHARDY_TRY(shardy__dir_sub(shard->dir, SHARDY__VECTOR_TABLE_PATH, &shard->table_dir, err));
    }
    const char *manifest = recorded_manifest(&s->loaded.manifest, shard->info->db_id, below,
                                             strlen(SHARDY__VECTOR_TABLE_PATH) + 1);
    SHARDY_TRY(check_table_objects(s, shard, err));
    SHARDY_TRY(shardy__lance_open(shard->table_dir, manifest, &table, err));
    shardy_status rc = check_table(&s->loaded.manifest, table, err);
    if (rc) {
        shardy__lance_close(table);
        return rc;
    }
    atomic_store_explicit(&shard->table, table, memory_order_release);
    return SHARDY_OK;
}

shardy_status shardy__state_table(shardy__reader_state *s, uint32_t db_id, shardy__lance **out,
                                  shardy_error *err) {
    shardy__reader_shard *shard = &s->shards[db_id];
    *out = atomic_load_explicit(&shard->table, memory_order_acquire);
    if (*out || !shard->info->db_url) return SHARDY_OK;
    shardy__mutex_lock(&shard->lock);
    shardy_status rc = atomic_load(&shard->table)
                           ? SHARDY_OK
                           : shardy__shard_error(open_table(s, shard, err), db_id, err);
    *out = atomic_load(&shard->table);
    shardy__mutex_unlock(&shard->lock);
    return rc;
}

/* ---- choosing shards ---- */

static int compare_ids(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

shardy_status shardy__choose_shards(const shardy__reader_state *state, const uint32_t *ids,
                                    size_t n_ids, uint32_t **out, uint32_t *n, shardy_error *err) {
    const shardy__manifest *m = &state->loaded.manifest;
    size_t count = 0;
    *n = 0;
    *out = NULL;
    for (size_t i = 0; ids && i < n_ids; i++) {
        if (ids[i] < state->num_dbs) continue;
        return shardy__fail(err, SHARDY_E_CONFIG, "shard id %u does not exist; there are %u shards",
                            ids[i], state->num_dbs);
    }
    uint32_t *chosen = shardy__realloc_array(NULL, ids ? n_ids : m->n_shards, sizeof *chosen);
    if (!chosen) return shardy__fail_nomem(err);
    for (uint32_t i = 0; !ids && i < m->n_shards; i++) chosen[count++] = m->shards[i].db_id;
    for (size_t i = 0; ids && i < n_ids; i++) {
        if (state->infos[ids[i]].db_url) chosen[count++] = ids[i];
    }
    if (ids && count) qsort(chosen, count, sizeof *chosen, compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (!*n || chosen[*n - 1] != chosen[i]) chosen[(*n)++] = chosen[i];
    }
    *out = chosen;
    return SHARDY_OK;
}

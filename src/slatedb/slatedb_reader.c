/* slatedb_reader.c: opening a database and looking up single keys.
 *
 * A key is looked for in each sorted run, the newest first: the SST by its first key, the filter,
 * the index, one block. Manifests carry no checksum, so an answer of "absent" rests only on SSTs
 * whose own copy of their key range was compared (slatedb_sst.c): where a key falls between two
 * SSTs, both are opened.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "slatedb/slatedb_db.h"

/* ---- opening ---- */

static const char manifest_folder[] = "manifest/", wal_folder[] = "wal/";
enum { DIGITS = 20 };

/* True for `folder` 20 digits `suffix`; *id is the number. */
static bool numbered(const char *name, const char *folder, const char *suffix, uint64_t *id) {
    size_t skip = strlen(folder);
    if (strncmp(name, folder, skip) != 0) return false;
    uint64_t v = 0;
    for (size_t i = skip; i < skip + DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(name[i] - '0'), &v)) {
            return false;
        }
    }
    *id = v;
    return !strcmp(name + skip + DIGITS, suffix);
}

struct newest {
    bool found;
    uint64_t id;
    char name[sizeof manifest_folder + DIGITS + sizeof ".manifest"];
};

static shardy_status see_manifest(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    (void)size, (void)err;
    struct newest *newest = ctx;
    uint64_t id;
    if (!numbered(name, manifest_folder, ".manifest", &id)) return SHARDY_OK;
    if (newest->found && id < newest->id) return SHARDY_OK;
    newest->found = true;
    newest->id = id;
    memcpy(newest->name, name, strlen(name) + 1);
    return SHARDY_OK;
}

static shardy_status see_wal(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    const shardy__slatedb *db = ctx;
    uint64_t id;
    /* Empty objects are fences that hold no rows. */
    if (!size || !numbered(name, wal_folder, ".sst", &id)) return SHARDY_OK;
    if (id <= db->manifest.replay_after_wal_id) return SHARDY_OK;
    return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                        "%s: database has rows in its write-ahead log (%s)", db->dir->url, name);
}

static shardy_status read_manifest(shardy__slatedb *db, const char *manifest, shardy_error *err) {
    struct newest newest = {.found = false};
    if (!manifest) {
        SHARDY_TRY(shardy__dir_list(db->dir, manifest_folder, see_manifest, &newest, err));
        if (!newest.found) {
            return shardy__fail(err, SHARDY_E_NOT_FOUND, "%s/%s: no manifest of a SlateDB database",
                                db->dir->url, manifest_folder);
        }
        manifest = newest.name;
    }
    db->manifest_url = shardy__format("%s/%s", db->dir->url, manifest);
    if (!db->manifest_url) return shardy__fail_nomem(err);
    SHARDY_TRY(shardy__dir_read(db->dir, manifest, SHARDY__SDB_MANIFEST_MAX, &db->bytes, err));
    SHARDY_TRY(shardy__sdb_parse_manifest(db->bytes.data, db->bytes.len, db->manifest_url,
                                          &db->manifest, err));
    /* Whoever opened the database for writing has counted the epoch up; only then can there be a
     * log. */
    if (!db->manifest.writer_epoch) return SHARDY_OK;
    return shardy__dir_list(db->dir, wal_folder, see_wal, db, err);
}

shardy_status shardy__slatedb_open(shardy__dir *dir, const char *manifest, shardy__slatedb **out,
                                   shardy_error *err) {
    *out = NULL;
    shardy__slatedb *db = shardy__calloc(1, sizeof *db);
    if (!db) return shardy__fail_nomem(err);
    db->dir = dir;
    shardy_status rc = shardy__sdb_decoders_open(&db->decoders, err);
    if (rc) goto done;
    rc = read_manifest(db, manifest, err);
    if (rc) goto done;
    db->slots = shardy__calloc(db->manifest.n, sizeof *db->slots);
    if (!db->slots) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < db->manifest.n; i++) shardy__mutex_init(&db->slots[i].lock);
    *out = db;
    db = NULL;
done:
    shardy__slatedb_close(db);
    return rc;
}

void shardy__slatedb_close(shardy__slatedb *db) {
    if (!db) return;
    for (size_t i = 0; db->slots && i < db->manifest.n; i++) {
        shardy__sdb_sst_close(atomic_load(&db->slots[i].sst));
        shardy__mutex_destroy(&db->slots[i].lock);
    }
    shardy__free(db->slots);
    shardy__sdb_manifest_free(&db->manifest);
    shardy__sdb_decoders_close(db->decoders);
    shardy__buf_free(&db->bytes);
    shardy__free(db->manifest_url);
    shardy__free(db);
}

uint64_t shardy__slatedb_ssts(const shardy__slatedb *db) { return db->manifest.n; }

shardy_status shardy__sdb_use(shardy__slatedb *db, size_t i, shardy__sdb_sst **out,
                              shardy_error *err) {
    shardy__sdb_slot *slot = &db->slots[i];
    *out = atomic_load_explicit(&slot->sst, memory_order_acquire);
    if (*out) return SHARDY_OK;
    shardy__mutex_lock(&slot->lock);
    shardy_status rc = SHARDY_OK;
    *out = atomic_load_explicit(&slot->sst, memory_order_acquire);
    if (!*out) {
        rc = shardy__sdb_sst_open(db->dir, &db->manifest.tables[i], db->manifest.last_seq,
                                  db->decoders, out, err);
        atomic_store_explicit(&slot->sst, *out, memory_order_release);
    }
    shardy__mutex_unlock(&slot->lock);
    return rc;
}

shardy_status shardy__slatedb_preload(shardy__slatedb *db, shardy_error *err) {
    shardy__sdb_sst *sst;
    for (size_t i = 0; i < db->manifest.n; i++) SHARDY_TRY(shardy__sdb_use(db, i, &sst, err));
    return SHARDY_OK;
}

/* ---- looking up ---- */

size_t shardy__sdb_run_find(const shardy__slatedb *db, const shardy__sdb_run *run,
                            shardy_slice key) {
    size_t low = run->begin, count = run->end - run->begin;
    const shardy__sdb_table *tables = db->manifest.tables;
    while (count) {
        size_t half = count / 2;
        const shardy_slice *first = &tables[low + half].info.first;
        if (shardy__slice_cmp(first->data, first->len, key.data, key.len) <= 0) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low == run->begin ? run->end : low - 1;
}

/* The SST of the run that alone can hold the key; NULL if its key is outside all of them. */
static shardy_status find_sst(shardy__slatedb *db, const shardy__sdb_run *run, shardy_slice key,
                              shardy__sdb_sst **out, shardy_error *err) {
    shardy__sdb_sst *sst;
    *out = NULL;
    size_t i = shardy__sdb_run_find(db, run, key);
    if (i == run->end) return shardy__sdb_use(db, run->begin, &sst, err);
    SHARDY_TRY(shardy__sdb_use(db, i, &sst, err));
    const shardy_slice *last = &sst->info.last;
    if (shardy__slice_cmp(key.data, key.len, last->data, last->len) <= 0) {
        *out = sst;
        return SHARDY_OK;
    }
    return i + 1 < run->end ? shardy__sdb_use(db, i + 1, &sst, err) : SHARDY_OK;
}

static void release_plain(void *token) { shardy__free(token); }

/* Look into a checked block whose rows are read in place. All cache lines that the search will
 * touch are asked for at once; in a block of many small rows, those of the span. */
static shardy_slice find_in_place(const shardy__sdb_sst *sst, uint32_t index, shardy_slice key) {
    uint64_t from = sst->index.offsets[index], to = sst->index.offsets[index + 1];
    const uint8_t *map = sst->src->map;
    shardy__sdb_block block;
    __builtin_prefetch(map + to - SHARDY__SDB_CRC_LEN - 2);
    bool asked = shardy__sdb_sst_prefetch(sst, from, to);
    if (shardy__sdb_block_open(map + from, (size_t)(to - from) - SHARDY__SDB_CRC_LEN, &block)) {
        return (shardy_slice){0};
    }
    shardy__sdb_span span = shardy__sdb_block_span(&block, key);
    if (!asked) {
        shardy__sdb_sst_prefetch(sst, (uint64_t)(span.begin - map), (uint64_t)(span.end - map));
    }
    return shardy__sdb_span_find(span, key);
}

/* Look into one block, which alone can hold the key. */
static shardy_status get_from(shardy__sdb_sst *sst, uint32_t block, shardy_slice key,
                              shardy__slatedb_value *out, shardy_error *err) {
    shardy__pin pin = {0};
    shardy__buf plain = {0};
    shardy__sdb_block rows;
    uint32_t first = shardy__sdb_first_needed(sst, block, key);
    if (sst->lines && first == block && shardy__sdb_sst_checked(sst, block)) {
        out->value = find_in_place(sst, block, key);
        return SHARDY_OK;
    }
    shardy_status rc = shardy__sdb_sst_read(sst, first, block - first + 1, &pin, err);
    if (rc) goto done;
    const uint64_t *offsets = sst->index.offsets;
    for (uint32_t i = first; i <= block; i++) {
        const uint8_t *stored = pin.data + (offsets[i] - offsets[first]);
        rc = shardy__sdb_sst_block(sst, i, stored, &plain, &rows, err);
        if (rc) goto done;
    }
    out->value = shardy__sdb_span_find(shardy__sdb_block_span(&rows, key), key);
    if (!out->value.data) goto done;
    if (plain.data) { /* the value lies in the decompressed block, not in the pinned one */
        out->pin.data = plain.data;
        out->pin.len = plain.len;
        out->pin.token = plain.data;
        out->pin.release = release_plain;
        plain.data = NULL;
    } else {
        out->pin = pin;
        pin.release = NULL;
    }
done:
    shardy__pin_release(&pin);
    shardy__free(plain.data);
    return rc;
}

shardy_status shardy__slatedb_get(shardy__slatedb *db, shardy_slice key, shardy__slatedb_value *out,
                                  shardy_error *err) {
    memset(out, 0, sizeof *out);
    if (!key.len) return SHARDY_OK;
    uint64_t hash = shardy__sdb_hash(key.data, key.len);
    const shardy__sdb_manifest *m = &db->manifest;
    for (size_t r = 0; r < m->n_runs && !out->value.data; r++) {
        shardy__sdb_sst *sst;
        SHARDY_TRY(find_sst(db, &m->runs[r], key, &sst, err));
        if (!sst) continue;
        shardy__sdb_filter_prefetch(&sst->filter, hash);
        uint32_t block = shardy__sdb_index_find(&sst->index, key);
        if (!shardy__sdb_filter_may_hold(&sst->filter, hash)) continue;
        SHARDY_TRY(get_from(sst, block, key, out, err));
    }
    return SHARDY_OK;
}

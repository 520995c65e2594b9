/* slatedb_verify.c: reading everything and comparing every two places that tell the same fact. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "slatedb/slatedb_db.h"

enum { READ_AHEAD = 1 << 20 };

struct verify {
    shardy__slatedb *db;
    const shardy__slatedb_check *check; /* may be NULL */
    shardy__slatedb_stats stats;
    uint64_t problems;
    shardy_error first; /* the first problem */
    /* The SST at hand. */
    shardy__sdb_sst *sst;
    shardy__sdb_totals totals;
    uint64_t denied; /* keys that the filter says are not there */
    shardy__sdb_stats_view counts;
    bool counted, complete; /* stats were read; all blocks were */
    shardy__buf stats_plain, plain;
    shardy__sdb_walk walk;
};

static void tell(struct verify *v, shardy_status code, const char *object, const char *text) {
    if (!v->problems++) shardy__fail(&v->first, code, "%s", text);
    if (v->check && v->check->problem) v->check->problem(v->check->ctx, object, text);
}

__attribute__((format(printf, 3, 4))) static void problem(struct verify *v, const char *object,
                                                          const char *fmt, ...) {
    char text[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    tell(v, SHARDY_E_CORRUPT, object, text);
}

/* A failure that is a fact about the stored bytes becomes a problem; others end the check. */
static shardy_status judge(struct verify *v, shardy_status rc, const char *object,
                           const shardy_error *local, shardy_error *err) {
    if (rc == SHARDY_OK) return rc;
    if (rc == SHARDY_E_CORRUPT || rc == SHARDY_E_NOT_FOUND || rc == SHARDY_E_UNSUPPORTED) {
        tell(v, rc, object, local->message);
        return SHARDY_OK;
    }
    return shardy__fail(err, rc, "%s", local->message);
}

/* ---- the manifest ---- */

/* It has no checksum. But what this library writes follows from the facts in it, so a manifest that
 * is laid out as ours must be, byte for byte, what its facts would be written as. */
static shardy_status check_manifest(struct verify *v, shardy_error *err) {
    enum { HEAD = 114, ALIKE = 96 }; /* version and vtables; bytes of them that show whose it is */
    const shardy__sdb_manifest *m = &v->db->manifest;
    const shardy__buf *is = &v->db->bytes;
    shardy__sdb_checkpoint checkpoint = {m->has_checkpoint ? m->checkpoint : NULL,
                                         m->checkpoint_created};
    shardy__buf ours = {0};
    if (m->n_runs > 1) return SHARDY_OK;
    shardy_status rc =
        shardy__sdb_put_manifest(&ours, m->tables, m->n, m->last_seq, checkpoint, err);
    if (rc) goto done;
    size_t alike = 0, n = is->len < ours.len ? is->len : ours.len, at = 0;
    for (size_t i = 0; i < HEAD && i < n; i++) alike += is->data[i] == ours.data[i];
    while (at < n && is->data[at] == ours.data[at]) at++;
    if (alike >= ALIKE && (at < n || is->len != ours.len)) {
        problem(v, v->db->manifest_url, "%s: byte %zu does not follow from what the manifest says",
                v->db->manifest_url, at);
    }
done:
    shardy__buf_free(&ours);
    return rc;
}

/* ---- one SST ---- */

static shardy_status check_rows(struct verify *v, const shardy__sdb_block *block, uint32_t *rows,
                                shardy_error *err) {
    const struct shardy__slatedb_check *check = v->check;
    bool rows_told = check && check->row && v->db->manifest.n_runs == 1;
    shardy__sdb_walk_start(&v->walk, block);
    for (;;) {
        shardy__sdb_step step = shardy__sdb_walk_next(&v->walk);
        if (step == SHARDY__SDB_NO_MEMORY) return shardy__fail_nomem(err);
        if (step != SHARDY__SDB_ROW) return SHARDY_OK;
        shardy_slice key = {v->walk.key, v->walk.key_len};
        shardy_slice value = {v->walk.row.value, v->walk.row.value_len};
        ++*rows;
        v->totals.rows++;
        v->totals.key_bytes += key.len;
        v->totals.value_bytes += value.len;
        if (!shardy__sdb_filter_may_hold(&v->sst->filter, shardy__sdb_hash(key.data, key.len))) {
            v->denied++;
        }
        if (rows_told) SHARDY_TRY(check->row(check->ctx, key, value, err));
    }
}

static shardy_status check_block(struct verify *v, uint32_t block, const uint8_t *stored,
                                 shardy_error *err) {
    shardy_error local = SHARDY_ERROR_INIT;
    shardy__sdb_block rows;
    const char *url = v->sst->src->url;
    v->stats.blocks++;
    shardy_status rc = shardy__sdb_sst_block(v->sst, block, stored, &v->plain, &rows, &local);
    if (rc) {
        v->complete = false;
        return judge(v, rc, url, &local, err);
    }
    uint32_t n = 0;
    SHARDY_TRY(check_rows(v, &rows, &n, err));
    if (v->counted && v->counts.each && block < v->counts.blocks.count) {
        uint32_t counted = shardy__sdb_stats_rows(&v->counts, block);
        if (v->counts.fb.bad || counted != n) {
            problem(v, url, "%s: block %u: %u rows, %u in the stats", url, block, n, counted);
        }
    }
    return SHARDY_OK;
}

static shardy_status check_blocks(struct verify *v, shardy_error *err) {
    const shardy__sdb_index *index = &v->sst->index;
    /* What was checked before is checked again. */
    for (uint32_t i = 0; i <= index->n / 32; i++) atomic_store(&v->sst->checked[i], 0);
    for (uint32_t i = 0, n; i < index->n; i += n) {
        shardy_error local = SHARDY_ERROR_INIT;
        shardy__pin pin = {0};
        const uint64_t *at = index->offsets + i;
        for (n = 1; i + n < index->n && at[n + 1] - at[0] <= READ_AHEAD;) n++;
        shardy_status rc = shardy__sdb_sst_read(v->sst, i, n, &pin, &local);
        if (rc) {
            v->complete = false;
            SHARDY_TRY(judge(v, rc, v->sst->src->url, &local, err));
            continue;
        }
        for (uint32_t b = 0; b < n && !rc; b++) {
            rc = check_block(v, i + b, pin.data + (at[b] - at[0]), err);
        }
        shardy__pin_release(&pin);
        if (rc) return rc;
    }
    return SHARDY_OK;
}

/* The parts follow each other, so that every byte of the file has a CRC over it. */
static void check_parts(struct verify *v) {
    const shardy__sdb_info *info = &v->sst->info;
    const shardy__pin *tail = &v->sst->tail;
    uint64_t end = info->index_offset + info->index_len;
    uint64_t own = shardy__be64(tail->data + tail->len - SHARDY__SDB_FOOTER_LEN);
    bool follow = !info->filter_len || info->filter_offset + info->filter_len == info->index_offset;
    if (info->stats_len) {
        follow &= info->stats_offset == end;
        end = info->stats_offset + info->stats_len;
    }
    if (!follow || own != end) {
        problem(v, v->sst->src->url, "%s: the parts do not follow each other", v->sst->src->url);
    }
}

static shardy_status read_stats(struct verify *v, shardy_error *err) {
    shardy_error local = SHARDY_ERROR_INIT;
    shardy_slice bytes;
    const shardy__sdb_info *info = &v->sst->info;
    v->counted = false;
    if (!info->stats_len) return SHARDY_OK;
    const char *url = v->sst->src->url;
    shardy_status rc = shardy__sdb_sst_part(v->sst, "stats", info->stats_offset, info->stats_len,
                                            &v->stats_plain, &bytes, &local);
    if (!rc) rc = shardy__sdb_parse_stats(bytes.data, bytes.len, url, &v->counts, &local);
    if (rc) return judge(v, rc, url, &local, err);
    v->counted = true;
    if (v->counts.each && v->counts.blocks.count != v->sst->index.n) {
        problem(v, url, "%s: %u blocks, %u in the stats", url, v->sst->index.n,
                v->counts.blocks.count);
    }
    return SHARDY_OK;
}

static void compare_totals(struct verify *v) {
    const shardy__sdb_totals *seen = &v->totals, *told = &v->counts.totals;
    const char *url = v->sst->src->url;
    if (v->denied) {
        problem(v, url, "%s: the filter denies %llu of %llu keys", url,
                (unsigned long long)v->denied, (unsigned long long)seen->rows);
    }
    if (v->counted && v->complete && memcmp(seen, told, sizeof *seen) != 0) {
        problem(v, url,
                "%s: %llu rows, %llu key bytes, %llu value bytes; the stats say %llu, %llu, %llu",
                url, (unsigned long long)seen->rows, (unsigned long long)seen->key_bytes,
                (unsigned long long)seen->value_bytes, (unsigned long long)told->rows,
                (unsigned long long)told->key_bytes, (unsigned long long)told->value_bytes);
    }
}

static shardy_status check_sst(struct verify *v, size_t i, shardy_error *err) {
    shardy_error local = SHARDY_ERROR_INIT;
    shardy_status rc = shardy__sdb_use(v->db, i, &v->sst, &local);
    if (rc) {
        char name[SHARDY__SDB_SST_NAME_MAX];
        shardy__sdb_sst_name(name, v->db->manifest.tables[i].ulid);
        char *url = shardy__format("%s/%s", v->db->dir->url, name);
        if (!url) return shardy__fail_nomem(err);
        rc = judge(v, rc, url, &local, err);
        shardy__free(url);
        return rc;
    }
    v->stats.ssts++;
    v->stats.bytes += v->sst->src->size;
    memset(&v->totals, 0, sizeof v->totals);
    v->denied = 0;
    v->complete = true;
    check_parts(v);
    SHARDY_TRY(read_stats(v, err));
    SHARDY_TRY(check_blocks(v, err));
    compare_totals(v);
    v->stats.rows += v->totals.rows;
    v->stats.key_bytes += v->totals.key_bytes;
    v->stats.value_bytes += v->totals.value_bytes;
    return SHARDY_OK;
}

/* Rows of several runs come in order only when they are merged. */
static shardy_status tell_merged(struct verify *v, shardy_error *err) {
    const shardy__slatedb_check *check = v->check;
    if (v->db->manifest.n_runs < 2 || v->problems || !check || !check->row) return SHARDY_OK;
    shardy__slatedb_iter *it = NULL;
    shardy_slice key, value, open = {0};
    SHARDY_TRY(shardy__slatedb_iter_open(v->db, open, open, &it, err));
    shardy_status rc;
    while (!(rc = shardy__slatedb_iter_next(it, &key, &value, err)) && key.data) {
        rc = check->row(check->ctx, key, value, err);
        if (rc) break;
    }
    shardy__slatedb_iter_close(it);
    return rc;
}

shardy_status shardy__slatedb_verify(shardy__slatedb *db, const shardy__slatedb_check *check,
                                     shardy__slatedb_stats *stats, shardy_error *err) {
    struct verify *v = shardy__calloc(1, sizeof *v);
    if (!v) return shardy__fail_nomem(err);
    v->db = db;
    v->check = check;
    v->stats.bytes = db->bytes.len;
    shardy__sdb_walk_init(&v->walk);
    shardy_status rc = check_manifest(v, err);
    for (size_t i = 0; i < db->manifest.n && !rc; i++) rc = check_sst(v, i, err);
    if (!rc) rc = tell_merged(v, err);
    if (stats) *stats = v->stats;
    if (!rc && v->problems) {
        rc = shardy__fail(err, v->first.code, "%s", v->first.message);
        if (v->problems > 1) {
            shardy__error_prefix(err,
                                 "%llu problems, the first: ", (unsigned long long)v->problems);
        }
    }
    shardy__sdb_walk_free(&v->walk);
    shardy__buf_free(&v->stats_plain);
    shardy__buf_free(&v->plain);
    shardy__free(v);
    return rc;
}

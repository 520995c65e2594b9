/* slatedb_block.c: reading data blocks of version 2.
 *
 * Row and block layout: slatedb-0.18.0/src/format/row_codec_v2.rs and format/block_v2.rs. Keys are
 * prefix-compressed against the row before; finding compares with the probe step by step and never
 * puts a key together.
 */
#include "slatedb/slatedb_block.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

const char *shardy__sdb_block_open(const void *data, size_t len, shardy__sdb_block *out) {
    if (len < 4) return "block is too short";
    const uint8_t *p = data;
    out->n_restarts = shardy__be16(p + len - 2);
    if (!out->n_restarts || 2 * (size_t)out->n_restarts > len - 2) {
        return "number of restarts does not fit";
    }
    out->rows = p;
    out->restarts = out->end = p + len - 2 - 2 * (size_t)out->n_restarts;
    return NULL;
}

/* Most varints are one byte. */
static inline const uint8_t *read_varint(const uint8_t *p, const uint8_t *end, uint64_t *v) {
    if (p < end && *p < 0x80) {
        *v = *p;
        return p + 1;
    }
    size_t n = shardy__get_varint(p, end, v);
    return n && *v <= UINT32_MAX ? p + n : NULL;
}

static inline bool row_read(const uint8_t *p, const uint8_t *end, shardy__sdb_row *out) {
    if (!(p = read_varint(p, end, &out->shared))) return false;
    if (!(p = read_varint(p, end, &out->suffix_len))) return false;
    if (!(p = read_varint(p, end, &out->value_len))) return false;
    uint64_t need = out->suffix_len + out->value_len + 9;
    if (need > (uint64_t)(end - p)) return false;
    out->suffix = p;
    out->value = p + out->suffix_len;
    p += need;
    out->flags = p[-1];
    if (out->flags & (SHARDY__SDB_EXPIRE | SHARDY__SDB_CREATE)) {
        size_t stamps = out->flags & SHARDY__SDB_EXPIRE && out->flags & SHARDY__SDB_CREATE ? 16 : 8;
        if (stamps > (uint64_t)(end - p)) return false;
        p += stamps;
    }
    out->next = p;
    return true;
}

bool shardy__sdb_row_read(const uint8_t *p, const uint8_t *end, shardy__sdb_row *out) {
    return row_read(p, end, out);
}

/* ---- walking ---- */

void shardy__sdb_walk_init(shardy__sdb_walk *w) {
    memset(w, 0, sizeof *w);
    w->key = w->small;
    w->key_cap = sizeof w->small;
}

void shardy__sdb_walk_start(shardy__sdb_walk *w, const shardy__sdb_block *block) {
    w->next = block->rows;
    w->end = block->end;
    w->key_len = 0;
}

void shardy__sdb_walk_free(shardy__sdb_walk *w) { shardy__free(w->heap); }

static bool walk_grow(shardy__sdb_walk *w, size_t need) {
    size_t cap = need < 1024 ? 1024 : 2 * need;
    uint8_t *heap = shardy__malloc(cap);
    if (!heap) return false;
    memcpy(heap, w->key, w->key_len);
    shardy__free(w->heap);
    w->heap = w->key = heap;
    w->key_cap = cap;
    return true;
}

shardy__sdb_step shardy__sdb_walk_next(shardy__sdb_walk *w) {
    if (w->next == w->end) return SHARDY__SDB_END;
    if (!row_read(w->next, w->end, &w->row) || w->row.shared > w->key_len) {
        return SHARDY__SDB_MALFORMED;
    }
    size_t len = (size_t)(w->row.shared + w->row.suffix_len);
    if (len > w->key_cap && !walk_grow(w, len)) return SHARDY__SDB_NO_MEMORY;
    memcpy(w->key + w->row.shared, w->row.suffix, w->row.suffix_len);
    w->key_len = len;
    w->next = w->row.next;
    return SHARDY__SDB_ROW;
}

/* ---- checking ---- */

static shardy_status check_row(const shardy__sdb_row *row, uint64_t max_seq, shardy_error *err) {
    if (row->flags &
        ~(SHARDY__SDB_TOMBSTONE | SHARDY__SDB_EXPIRE | SHARDY__SDB_CREATE | SHARDY__SDB_MERGE)) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "row with unknown flags %02x", row->flags);
    }
    if (row->flags & ~SHARDY__SDB_CREATE) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "row is a %s",
                            row->flags & SHARDY__SDB_TOMBSTONE ? "deletion"
                            : row->flags & SHARDY__SDB_MERGE   ? "merge"
                                                               : "value that expires");
    }
    uint64_t seq = shardy__be64(row->value + row->value_len);
    if (seq > max_seq) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "row has sequence number %llu, the manifest's last is %llu",
                            (unsigned long long)seq, (unsigned long long)max_seq);
    }
    return SHARDY_OK;
}

static int compare_key(const shardy__sdb_walk *w, shardy_slice with) {
    return shardy__slice_cmp(w->key, w->key_len, with.data, with.len);
}

static shardy_status check_ends(const shardy__sdb_walk *w, const shardy__sdb_bounds *bounds,
                                bool at_first, shardy_error *err) {
    if (at_first) {
        int order = compare_key(w, bounds->low);
        if (order < 0 || (bounds->first && order > 0)) {
            return shardy__fail(err, SHARDY_E_CORRUPT, "first key is not the one that is recorded");
        }
        return SHARDY_OK;
    }
    int order = compare_key(w, bounds->high);
    if (bounds->last ? order != 0 : order > 0) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "last key is not the one that is recorded");
    }
    if (!bounds->last && order == 0) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "several versions of a key");
    }
    return SHARDY_OK;
}

/* Restart offsets must be the offsets of rows without a shared prefix; *next counts those seen. */
static bool is_restart(const shardy__sdb_block *block, const shardy__sdb_walk *w, const uint8_t *at,
                       uint32_t *next) {
    if (*next == block->n_restarts ||
        shardy__be16(block->restarts + 2 * *next) != (uint64_t)(at - block->rows)) {
        return true; /* an ordinary row */
    }
    ++*next;
    return w->row.shared == 0;
}

static shardy_status check_rows(const shardy__sdb_block *block, const shardy__sdb_bounds *bounds,
                                shardy__sdb_walk *w, shardy_error *err) {
    uint32_t restarts = 0;
    for (bool first = true;; first = false) {
        const uint8_t *at = w->next;
        shardy__sdb_row row;
        if (at == w->end) break;
        if (!row_read(at, w->end, &row) || row.shared > w->key_len) {
            return shardy__fail(err, SHARDY_E_CORRUPT, "row at byte %td is malformed",
                                at - block->rows);
        }
        int order = first ? (row.suffix_len != 0)
                          : shardy__slice_cmp(row.suffix, row.suffix_len, w->key + row.shared,
                                              w->key_len - row.shared);
        if (order <= 0) {
            bool versions = !first && order == 0;
            return shardy__fail(err, versions ? SHARDY_E_UNSUPPORTED : SHARDY_E_CORRUPT, "%s",
                                first      ? "key is empty"
                                : versions ? "several versions of a key"
                                           : "keys are not in order");
        }
        if (shardy__sdb_walk_next(w) != SHARDY__SDB_ROW) return shardy__fail_nomem(err);
        if (!is_restart(block, w, at, &restarts)) {
            return shardy__fail(err, SHARDY_E_CORRUPT, "restart row shares a prefix");
        }
        if (first && !restarts) break;
        SHARDY_TRY(check_row(&w->row, bounds->max_seq, err));
        if (first) SHARDY_TRY(check_ends(w, bounds, true, err));
    }
    if (restarts != block->n_restarts) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "restart offsets are not those of rows");
    }
    return check_ends(w, bounds, false, err);
}

shardy_status shardy__sdb_block_check(const shardy__sdb_block *block,
                                      const shardy__sdb_bounds *bounds, shardy_error *err) {
    shardy__sdb_walk w;
    if (block->rows == block->end) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "block has no rows");
    }
    shardy__sdb_walk_init(&w);
    shardy__sdb_walk_start(&w, block);
    shardy_status rc = check_rows(block, bounds, &w, err);
    shardy__sdb_walk_free(&w);
    return rc;
}

/* ---- finding ---- */

/* The last restart whose key is not greater than the probe; 0 if all are. */
static uint32_t find_restart(const shardy__sdb_block *block, shardy_slice key) {
    uint32_t low = 0, count = block->n_restarts;
    while (count > 1) {
        uint32_t half = count / 2;
        shardy__sdb_row row;
        const uint8_t *at = block->rows + shardy__be16(block->restarts + 2 * (low + half));
        if (at < block->end && row_read(at, block->end, &row) &&
            shardy__slice_cmp(row.suffix, row.suffix_len, key.data, key.len) <= 0) {
            low += half;
        }
        count -= half;
    }
    return low;
}

shardy__sdb_span shardy__sdb_block_span(const shardy__sdb_block *block, shardy_slice key) {
    uint32_t restart = find_restart(block, key);
    const uint8_t *at = block->restarts + 2 * restart;
    shardy__sdb_span span = {block->rows + shardy__be16(at), block->end};
    if (restart + 1 < block->n_restarts) span.end = block->rows + shardy__be16(at + 2);
    return span;
}

shardy_slice shardy__sdb_span_find(shardy__sdb_span span, shardy_slice key) {
    const uint8_t *k = key.data, *p = span.begin;
    /* Bytes that the row before has in common with the probe; it is smaller than the probe. */
    size_t match = 0;
    shardy__sdb_row row;
    for (; p < span.end && row_read(p, span.end, &row); p = row.next) {
        if (row.shared > match) continue; /* differs from the probe where the row before does */
        size_t i = 0, n = row.suffix_len, left = key.len - row.shared;
        while (i < n && i < left && row.suffix[i] == k[row.shared + i]) i++;
        if (i == n && i == left) return (shardy_slice){row.value, row.value_len};
        if (i < n && (i == left || row.suffix[i] > k[row.shared + i])) break; /* greater */
        match = row.shared + i;
    }
    return (shardy_slice){0};
}

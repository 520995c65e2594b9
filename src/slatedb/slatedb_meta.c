/* slatedb_meta.c: index, stats and info of an SST as flatbuffers.
 *
 * Each buffer is laid out forwards: root position, vtables, then parents before children, so that
 * every position is a sum of known sizes. The schemas are sst.fbs of slatedb 0.18.0; the vtables
 * list where this layout puts each field.
 */
#include "slatedb/slatedb_meta.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

const uint16_t shardy__sdb_info_vtable[13] = {26, 64, 4, 16, 24, 32, 40, 12, 13, 8, 48, 56, 14};
static const uint16_t meta_vtable[4] = {8, 16, 8, 4};
static const uint16_t index_vtable[3] = {6, 8, 4};
static const uint16_t stats_vtable[8] = {16, 48, 8, 16, 24, 32, 40, 4};
static const uint16_t totals_vtable[7] = {14, 48, 8, 16, 24, 32, 40};
static const uint16_t block_stats_vtable[5] = {10, 12, 4, 6, 8};

/* ---- blocks ---- */

static size_t record_size(size_t key_len) { return shardy__sdb_align(20 + key_len, 8); }

shardy_status shardy__sdb_blocks_add(shardy__sdb_blocks *blocks, uint64_t offset, const void *key,
                                     size_t key_len, shardy_error *err) {
    size_t need = blocks->n + 1;
    shardy__buf_put(&blocks->keys, key, key_len);
    if (shardy__grow(&blocks->offsets, &blocks->offsets_cap, need, sizeof *blocks->offsets) ||
        shardy__grow(&blocks->key_lens, &blocks->key_lens_cap, need, sizeof *blocks->key_lens) ||
        shardy__grow(&blocks->rows, &blocks->rows_cap, need, sizeof *blocks->rows) ||
        blocks->keys.failed) {
        return shardy__fail_nomem(err);
    }
    blocks->offsets[blocks->n] = offset;
    blocks->key_lens[blocks->n] = (uint16_t)key_len;
    blocks->rows[blocks->n] = 0;
    blocks->n++;
    blocks->records += record_size(key_len);
    return SHARDY_OK;
}

void shardy__sdb_blocks_clear(shardy__sdb_blocks *blocks) {
    blocks->n = 0;
    blocks->records = 0;
    shardy__buf_clear(&blocks->keys);
}

void shardy__sdb_blocks_free(shardy__sdb_blocks *blocks) {
    shardy__free(blocks->offsets);
    shardy__free(blocks->key_lens);
    shardy__free(blocks->rows);
    shardy__buf_free(&blocks->keys);
    memset(blocks, 0, sizeof *blocks);
}

/* ---- index: SsTableIndex { block_meta: [BlockMeta { offset, first_key }] } ---- */

enum { INDEX_ITEMS = 32 };

size_t shardy__sdb_index_size(const shardy__sdb_blocks *blocks) {
    return shardy__sdb_align(INDEX_ITEMS + 4 * blocks->n, 8) + blocks->records;
}

void shardy__sdb_put_index(shardy__buf *out, const shardy__sdb_blocks *blocks) {
    size_t size = shardy__sdb_index_size(blocks);
    uint8_t *b = shardy__buf_reserve(out, size);
    if (!b) return;
    memset(b, 0, size);
    shardy__put_le32(b, 20);
    memcpy(b + 4, meta_vtable, sizeof meta_vtable);
    memcpy(b + 12, index_vtable, sizeof index_vtable);
    shardy__put_le32(b + 20, 8);
    shardy__put_le32(b + 24, 4);
    shardy__put_le32(b + 28, (uint32_t)blocks->n);
    size_t pos = shardy__sdb_align(INDEX_ITEMS + 4 * blocks->n, 8);
    const uint8_t *key = blocks->keys.data;
    for (size_t i = 0; i < blocks->n; i++) {
        size_t item = INDEX_ITEMS + 4 * i, len = blocks->key_lens[i];
        shardy__put_le32(b + item, (uint32_t)(pos - item));
        shardy__put_le32(b + pos, (uint32_t)(pos - 4));
        shardy__put_le32(b + pos + 4, 12);
        shardy__put_le64(b + pos + 8, blocks->offsets[i]);
        shardy__put_le32(b + pos + 16, (uint32_t)len);
        if (len) memcpy(b + pos + 20, key, len);
        if (len) key += len;
        pos += record_size(len);
    }
    out->len += size;
}

/* ---- stats: SstStats { num_puts, num_deletes, num_merges, raw sizes, block_stats } ---- */

void shardy__sdb_put_stats(shardy__buf *out, const shardy__sdb_totals *totals,
                           const shardy__sdb_blocks *blocks) {
    size_t n = blocks->n;
    bool each = n <= SHARDY__SDB_BLOCK_STATS_MAX;
    size_t size = each ? 84 + 16 * n : 80;
    uint8_t *b = shardy__buf_reserve(out, size);
    if (!b) return;
    memset(b, 0, each ? 84 : 80);
    shardy__put_le32(b, 32);
    if (each) {
        memcpy(b + 4, stats_vtable, sizeof stats_vtable);
    } else {
        memcpy(b + 4, totals_vtable, sizeof totals_vtable);
    }
    memcpy(b + 20, block_stats_vtable, sizeof block_stats_vtable);
    shardy__put_le32(b + 32, 28);
    shardy__put_le64(b + 40, totals->rows);
    shardy__put_le64(b + 64, totals->key_bytes);
    shardy__put_le64(b + 72, totals->value_bytes);
    if (each) {
        shardy__put_le32(b + 36, 44);
        shardy__put_le32(b + 80, (uint32_t)n);
    }
    for (size_t i = 0; each && i < n; i++) {
        size_t item = 84 + 4 * i, pos = 84 + 4 * n + 12 * i;
        shardy__put_le32(b + item, (uint32_t)(pos - item));
        shardy__put_le32(b + pos, (uint32_t)(pos - 20));
        shardy__put_le16(b + pos + 4, blocks->rows[i]);
        memset(b + pos + 6, 0, 6);
    }
    out->len += size;
}

/* ---- info ---- */

void shardy__sdb_put_bytes(shardy__buf *out, shardy_slice bytes) {
    shardy__buf_le32(out, (uint32_t)bytes.len);
    shardy__buf_put(out, bytes.data, bytes.len);
    shardy__buf_fill(out, 0, shardy__sdb_bytes_size(bytes.len) - 4 - bytes.len);
}

void shardy__sdb_put_info_table(shardy__buf *out, const shardy__sdb_info *info, uint32_t vtable,
                                uint32_t first, uint32_t last) {
    shardy__buf_le32(out, vtable);
    shardy__buf_le32(out, first - 4);
    shardy__buf_le32(out, last - 8);
    shardy__buf_u8(out, info->codec);
    shardy__buf_u8(out, 0); /* compacted */
    shardy__buf_u8(out, info->filter_format);
    shardy__buf_u8(out, 0);
    shardy__buf_le64(out, info->index_offset);
    shardy__buf_le64(out, info->index_len);
    shardy__buf_le64(out, info->filter_offset);
    shardy__buf_le64(out, info->filter_len);
    shardy__buf_le64(out, info->stats_offset);
    shardy__buf_le64(out, info->stats_len);
}

void shardy__sdb_put_info(shardy__buf *out, const shardy__sdb_info *info) {
    uint32_t first = SHARDY__SDB_INFO_TABLE;
    uint32_t last = first + (uint32_t)shardy__sdb_bytes_size(info->first.len);
    shardy__buf_le32(out, 32);
    shardy__buf_put(out, shardy__sdb_info_vtable, sizeof shardy__sdb_info_vtable);
    shardy__buf_fill(out, 0, 2);
    shardy__sdb_put_info_table(out, info, 28, first, last);
    shardy__sdb_put_bytes(out, info->first);
    shardy__sdb_put_bytes(out, info->last);
}

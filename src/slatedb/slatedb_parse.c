/* slatedb_parse.c: info, index and stats of an SST; see slatedb_parse.h and docs/format/slatedb.md.
 */
#include "slatedb/slatedb_parse.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

static shardy_status malformed(const char *url, const char *what, const shardy__fb *fb,
                               shardy_error *err) {
    return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s: field %s is malformed", url, what, fb->bad);
}

/* ---- info ---- */

static shardy_status check_info(const shardy__sdb_info *info, uint8_t type, const char *url,
                                shardy_error *err) {
    if (type != 0) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: SST type %u", url, type);
    }
    if (info->codec != SHARDY__SDB_CODEC_NONE && info->codec != SHARDY__SDB_CODEC_ZSTD) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: compression codec %u", url,
                            info->codec);
    }
    if (info->filter_format > SHARDY__SDB_FILTER_COMPOSITE) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: filter format %u", url,
                            info->filter_format);
    }
    if (!info->first.len ||
        shardy__slice_cmp(info->first.data, info->first.len, info->last.data, info->last.len) > 0) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "%s: first key of an SST is empty or after its last", url);
    }
    uint64_t filter_end, index_end;
    if (__builtin_add_overflow(info->filter_offset, info->filter_len, &filter_end) ||
        __builtin_add_overflow(info->index_offset, info->index_len, &index_end) ||
        (info->filter_len && filter_end > info->index_offset)) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: filter and index of an SST overlap", url);
    }
    return SHARDY_OK;
}

shardy_status shardy__sdb_read_info(shardy__fb *fb, const shardy__fb_table *t, const char *url,
                                    shardy__sdb_info *out, shardy_error *err) {
    out->first = shardy__fb_bytes(fb, t, SHARDY__SDB_INFO_FIRST, "SsTableInfo.first_entry");
    out->last = shardy__fb_bytes(fb, t, SHARDY__SDB_INFO_LAST, "SsTableInfo.last_entry");
    out->index_offset =
        shardy__fb_u64(fb, t, SHARDY__SDB_INFO_INDEX_OFFSET, "SsTableInfo.index_offset");
    out->index_len = shardy__fb_u64(fb, t, SHARDY__SDB_INFO_INDEX_LEN, "SsTableInfo.index_len");
    out->filter_offset =
        shardy__fb_u64(fb, t, SHARDY__SDB_INFO_FILTER_OFFSET, "SsTableInfo.filter_offset");
    out->filter_len = shardy__fb_u64(fb, t, SHARDY__SDB_INFO_FILTER_LEN, "SsTableInfo.filter_len");
    out->stats_offset =
        shardy__fb_u64(fb, t, SHARDY__SDB_INFO_STATS_OFFSET, "SsTableInfo.stats_offset");
    out->stats_len = shardy__fb_u64(fb, t, SHARDY__SDB_INFO_STATS_LEN, "SsTableInfo.stats_len");
    out->codec = shardy__fb_u8(fb, t, SHARDY__SDB_INFO_CODEC, "SsTableInfo.compression_format");
    out->filter_format =
        shardy__fb_u8(fb, t, SHARDY__SDB_INFO_FILTER_FORMAT, "SsTableInfo.filter_format");
    uint8_t type = shardy__fb_u8(fb, t, SHARDY__SDB_INFO_TYPE, "SsTableInfo.sst_type");
    bool more = shardy__fb_has_from(fb, t, SHARDY__SDB_INFO_END);
    if (fb->bad) return malformed(url, "SST info", fb, err);
    if (more) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: SST info with fields of a newer version", url);
    }
    return check_info(out, type, url, err);
}

shardy_status shardy__sdb_parse_info(const void *data, size_t len, const char *url,
                                     shardy__sdb_info *out, shardy_error *err) {
    shardy__fb fb;
    shardy__fb_init(&fb, data, len);
    shardy__fb_table t = shardy__fb_root(&fb);
    memset(out, 0, sizeof *out);
    return shardy__sdb_read_info(&fb, &t, url, out, err);
}

static bool slices_equal(shardy_slice a, shardy_slice b) {
    return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

bool shardy__sdb_info_equal(const shardy__sdb_info *a, const shardy__sdb_info *b) {
    return slices_equal(a->first, b->first) && slices_equal(a->last, b->last) &&
           a->index_offset == b->index_offset && a->index_len == b->index_len &&
           a->filter_offset == b->filter_offset && a->filter_len == b->filter_len &&
           a->stats_offset == b->stats_offset && a->stats_len == b->stats_len &&
           a->codec == b->codec && a->filter_format == b->filter_format;
}

/* ---- index ---- */

/* 8 bytes of `key` from `skip` on, padded with zeros: smaller keys have smaller or equal numbers.
 */
static inline uint64_t prefix_of(const uint8_t *key, size_t len, size_t skip) {
    uint8_t bytes[8] = {0};
    if (len <= skip) return 0;
    if (len - skip >= 8) return shardy__be64(key + skip);
    memcpy(bytes, key + skip, len - skip);
    return shardy__be64(bytes);
}

shardy_slice shardy__sdb_index_key(const shardy__sdb_index *index, uint32_t block) {
    const uint8_t *key = index->data + index->keys[block];
    return (shardy_slice){key, shardy__le32(key - 4)};
}

static size_t common_prefix(shardy_slice a, shardy_slice b) {
    const uint8_t *p = a.data, *q = b.data;
    size_t i = 0;
    while (i < a.len && i < b.len && p[i] == q[i]) i++;
    return i;
}

/* Index keys ascend from the first key of the SST (the first block's may be shorter) to its last.
 */
static const char *check_index_key(const shardy__sdb_index *index, uint32_t i,
                                   const shardy__sdb_info *info) {
    shardy_slice key = shardy__sdb_index_key(index, i);
    if (i == 0) {
        bool after = shardy__slice_cmp(key.data, key.len, info->first.data, info->first.len) > 0;
        return after ? "key of the first block is after the SST's first key" : NULL;
    }
    shardy_slice low = i == 1 ? info->first : shardy__sdb_index_key(index, i - 1);
    if (shardy__slice_cmp(low.data, low.len, key.data, key.len) >= 0) {
        return "keys of blocks do not ascend";
    }
    if (shardy__slice_cmp(key.data, key.len, info->last.data, info->last.len) > 0) {
        return "key of a block is after the SST's last key";
    }
    return NULL;
}

static const char *read_blocks(shardy__fb *fb, const shardy__fb_vector *blocks,
                               const shardy__sdb_info *info, shardy__sdb_index *out,
                               bool *unsupported) {
    uint64_t end = info->filter_len ? info->filter_offset : info->index_offset;
    out->data = fb->data;
    out->skip = common_prefix(info->first, info->last);
    for (uint32_t i = 0; i < out->n; i++) {
        shardy__fb_table t = shardy__fb_item(fb, blocks, i, "BlockMeta");
        shardy_slice key = shardy__fb_bytes(fb, &t, 6, "BlockMeta.first_key");
        uint64_t offset = shardy__fb_u64(fb, &t, 4, "BlockMeta.offset");
        if (shardy__fb_has_from(fb, &t, 8)) *unsupported = true;
        if (fb->bad) return fb->bad;
        if (i == 0 ? offset != 0 : offset <= out->offsets[i - 1] + SHARDY__SDB_CRC_LEN) {
            return "offsets of blocks do not ascend from 0";
        }
        if (offset >= end) return "offset of a block is behind the blocks";
        out->offsets[i] = offset;
        out->keys[i] = (uint32_t)((const uint8_t *)key.data - fb->data);
        out->prefixes[i] = i ? prefix_of(key.data, key.len, out->skip) : 0;
        const char *problem = check_index_key(out, i, info);
        if (problem) return problem;
    }
    if (end <= out->offsets[out->n - 1] + SHARDY__SDB_CRC_LEN) return "last block is cut";
    out->offsets[out->n] = end;
    return NULL;
}

shardy_status shardy__sdb_parse_index(const void *data, size_t len, const shardy__sdb_info *info,
                                      const char *url, shardy__sdb_index *out, shardy_error *err) {
    shardy__fb fb;
    memset(out, 0, sizeof *out);
    shardy__fb_init(&fb, data, len);
    shardy__fb_table t = shardy__fb_root(&fb);
    shardy__fb_vector blocks = shardy__fb_vec(&fb, &t, 4, 4, "SsTableIndex.block_meta");
    bool unsupported = shardy__fb_has_from(&fb, &t, 6);
    if (fb.bad) return malformed(url, "index", &fb, err);
    if (!blocks.count) return shardy__fail(err, SHARDY_E_CORRUPT, "%s: index without blocks", url);
    /* The vector lies within `len` bytes, so this is at most five times the index. */
    size_t n = blocks.count;
    uint8_t *memory = shardy__malloc((n + 1) * 8 + n * 8 + n * 4);
    if (!memory) return shardy__fail_nomem(err);
    out->n = blocks.count;
    out->offsets = (uint64_t *)(void *)memory;
    out->prefixes = out->offsets + n + 1;
    out->keys = (uint32_t *)(void *)(out->prefixes + n);
    const char *problem = read_blocks(&fb, &blocks, info, out, &unsupported);
    if (problem || unsupported) {
        shardy__sdb_index_free(out);
        if (problem) return shardy__fail(err, SHARDY_E_CORRUPT, "%s: index: %s", url, problem);
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: index with fields of a newer version (padded blocks)", url);
    }
    return SHARDY_OK;
}

void shardy__sdb_index_free(shardy__sdb_index *index) {
    shardy__free(index->offsets);
    memset(index, 0, sizeof *index);
}

/* The last of the blocks [low, low + count) whose full index key is not greater; low's is not. */
static uint32_t find_among(const shardy__sdb_index *index, uint32_t low, uint32_t count,
                           shardy_slice key) {
    while (count > 1) {
        uint32_t half = count / 2;
        shardy_slice k = shardy__sdb_index_key(index, low + half);
        if (shardy__slice_cmp(k.data, k.len, key.data, key.len) <= 0) low += half;
        count -= half;
    }
    return low;
}

uint32_t shardy__sdb_index_find(const shardy__sdb_index *index, shardy_slice key) {
    const uint64_t *prefixes = index->prefixes;
    uint64_t prefix = prefix_of(key.data, key.len, index->skip);
    /* The last block with prefixes[i] <= prefix: block 0's is 0. */
    uint32_t low = 0, count = index->n;
    while (count > 1) {
        uint32_t half = count / 2;
        low = prefixes[low + half] <= prefix ? low + half : low;
        count -= half;
    }
    if (prefixes[low] < prefix || !low) return low;
    /* Equal prefixes: the keys decide, from the last block with a smaller prefix on. */
    uint32_t first = 0;
    for (count = low + 1; count > 1;) {
        uint32_t half = count / 2;
        first = prefixes[first + half] < prefix ? first + half : first;
        count -= half;
    }
    return find_among(index, first, low - first + 1, key);
}

/* ---- stats ---- */

shardy_status shardy__sdb_parse_stats(const void *data, size_t len, const char *url,
                                      shardy__sdb_stats_view *out, shardy_error *err) {
    memset(out, 0, sizeof *out);
    shardy__fb *fb = &out->fb;
    shardy__fb_init(fb, data, len);
    shardy__fb_table t = shardy__fb_root(fb);
    out->totals.rows = shardy__fb_u64(fb, &t, 4, "SstStats.num_puts");
    uint64_t others = shardy__fb_u64(fb, &t, 6, "SstStats.num_deletes") |
                      shardy__fb_u64(fb, &t, 8, "SstStats.num_merges");
    out->totals.key_bytes = shardy__fb_u64(fb, &t, 10, "SstStats.raw_key_size");
    out->totals.value_bytes = shardy__fb_u64(fb, &t, 12, "SstStats.raw_val_size");
    out->each = shardy__fb_has(fb, &t, 14);
    if (out->each) out->blocks = shardy__fb_vec(fb, &t, 14, 4, "SstStats.block_stats");
    if (fb->bad) return malformed(url, "stats", fb, err);
    if (others) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: stats count deletions or merges", url);
    }
    return SHARDY_OK;
}

uint32_t shardy__sdb_stats_rows(shardy__sdb_stats_view *stats, uint32_t i) {
    shardy__fb_table t = shardy__fb_item(&stats->fb, &stats->blocks, i, "BlockStats");
    return shardy__fb_u16(&stats->fb, &t, 4, "BlockStats.num_puts");
}

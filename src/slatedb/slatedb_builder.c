/* slatedb_builder.c: the SST encoder.
 *
 * The rule for where a block ends, the index keys and the order of the parts are those of
 * slatedb-0.18.0/src/sst_builder.rs and format/block_v2.rs, so that the bytes are the engine's own.
 * A row is encoded once, straight into the buffer that goes to the sink; a value of a mebibyte or
 * more goes to the sink (or the codec) without being copied first.
 */
#include "slatedb/slatedb_builder.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/crc32.h"
#include "shardyfusion/route.h"
#include "slatedb/slatedb_filter.h"

enum {
    PIECE = 1 << 20,       /* the sink gets at least this much at a time */
    LARGE_VALUE = 1 << 20, /* values from here on are not copied */
    ROW_HEAD_MAX = 15,     /* three varints */
    ROW_TAIL = 9,          /* sequence number and flags */
    TRAILER_MAX = 2 * SHARDY__SDB_RESTARTS_MAX + 2 + SHARDY__SDB_CRC_LEN,
    /* A block begins below PIECE and holds block-size bytes or one row. */
    ROWS_CAP = PIECE + SHARDY__SDB_BLOCK_SIZE_MAX + ROW_HEAD_MAX + SHARDY_KEY_MAX + LARGE_VALUE +
        ROW_TAIL + TRAILER_MAX
};

shardy_status shardy__sdb_builder_init(shardy__sdb_builder *b,
                                       const shardy__sdb_builder_options *options,
                                       shardy_error *err) {
    memset(b, 0, sizeof *b);
    b->options = *options;
    b->max_rows = options->bloom_bits ? shardy__sdb_filter_max_keys(options->bloom_bits)
                                      : UINT64_C(400000000);
    b->rows = shardy__malloc(ROWS_CAP);
    b->last = shardy__malloc(SHARDY_KEY_MAX);
    if (!b->rows || !b->last) return shardy__fail_nomem(err);
    return options->zstd ? shardy__sdb_encoder_open(&b->encoder, err) : SHARDY_OK;
}

void shardy__sdb_builder_free(shardy__sdb_builder *b) {
    shardy__sdb_encoder_close(b->encoder);
    shardy__free(b->rows);
    shardy__free(b->last);
    shardy__free(b->hashes);
    shardy__buf_free(&b->out);
    shardy__buf_free(&b->first);
    shardy__sdb_blocks_free(&b->blocks);
}

void shardy__sdb_builder_start(shardy__sdb_builder *b, shardy__sink *sink) {
    b->sink = sink;
    b->rows_len = b->block_start = 0;
    b->offset = 0;
    b->block_rows = b->n_restarts = 0;
    memset(&b->totals, 0, sizeof b->totals);
    shardy__sdb_blocks_clear(&b->blocks);
    shardy__buf_clear(&b->out);
    shardy__buf_clear(&b->first);
    b->n_hashes = 0;
}

/* ---- bytes to the sink ---- */

static shardy_status flush(shardy__sdb_builder *b, shardy_error *err) {
    if (b->options.zstd) {
        if (b->out.len) SHARDY_TRY(shardy__sink_append(b->sink, b->out.data, b->out.len, err));
        shardy__buf_clear(&b->out);
    } else {
        if (b->rows_len) SHARDY_TRY(shardy__sink_append(b->sink, b->rows, b->rows_len, err));
        b->rows_len = b->block_start = 0;
    }
    return SHARDY_OK;
}

/* Compress rows[0 .. rows_len) as one part of the file. */
static shardy_status seal_compressed(shardy__sdb_builder *b, shardy_error *err) {
    size_t from = b->out.len;
    SHARDY_TRY(shardy__sdb_encode(b->encoder, b->rows, b->rows_len, &b->out, err));
    shardy__buf_be32(&b->out, shardy__crc32(b->out.data + from, b->out.len - from));
    if (b->out.failed) return shardy__fail_nomem(err);
    b->offset += b->out.len - from;
    b->rows_len = 0;
    return b->out.len >= PIECE ? flush(b, err) : SHARDY_OK;
}

static void put_trailer(shardy__sdb_builder *b) {
    uint8_t *p = b->rows + b->rows_len;
    for (uint32_t i = 0; i < b->n_restarts; i++, p += 2) shardy__put_be16(p, b->restarts[i]);
    shardy__put_be16(p, (uint16_t)b->n_restarts);
    b->rows_len += 2 * b->n_restarts + 2;
}

static shardy_status seal_block(shardy__sdb_builder *b, shardy_error *err) {
    b->blocks.rows[b->blocks.n - 1] = (uint16_t)b->block_rows;
    put_trailer(b);
    b->block_rows = b->n_restarts = 0;
    if (b->options.zstd) return seal_compressed(b, err);
    size_t len = b->rows_len - b->block_start;
    shardy__put_be32(b->rows + b->rows_len, shardy__crc32(b->rows + b->block_start, len));
    b->rows_len += SHARDY__SDB_CRC_LEN;
    b->offset += len + SHARDY__SDB_CRC_LEN;
    b->block_start = b->rows_len;
    return b->rows_len >= PIECE ? flush(b, err) : SHARDY_OK;
}

/* ---- rows ---- */

static inline size_t common_prefix(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    size_t n = a_len < b_len ? a_len : b_len, i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t diff = shardy__le64(a + i) ^ shardy__le64(b + i);
        if (diff) return i + (size_t)__builtin_ctzll(diff) / 8;
    }
    while (i < n && a[i] == b[i]) i++;
    return i;
}

shardy_status shardy__sdb_builder_order(const shardy__sdb_builder *b, shardy_slice key,
                                        size_t *common, shardy_error *err) {
    const uint8_t *k = key.data;
    size_t n = common_prefix(b->last, b->last_len, k, key.len);
    *common = n;
    if (n < key.len && (n == b->last_len || b->last[n] < k[n])) return SHARDY_OK;
    char text[2][200];
    return shardy__fail(err, SHARDY_E_INTERNAL, "key %s does not come after key %s",
                        shardy__quote(text[0], sizeof text[0], k, key.len),
                        shardy__quote(text[1], sizeof text[1], b->last, b->last_len));
}

static inline size_t varint_len(size_t v) {
    return 1 + (size_t)(v > 0x7f) + (v > 0x3fff) + (v > 0x1fffff) + (v > 0xfffffff);
}

static inline uint8_t *put_varint(uint8_t *p, size_t v) {
    if (v < 0x80) {
        *p = (uint8_t)v;
        return p + 1;
    }
    if (v < 0x4000) {
        p[0] = (uint8_t)(v | 0x80);
        p[1] = (uint8_t)(v >> 7);
        return p + 2;
    }
    return p + shardy__put_varint(p, v);
}

static inline size_t row_size(size_t shared, size_t key_len, size_t value_len) {
    size_t unshared = key_len - shared;
    return varint_len(shared) + varint_len(unshared) + varint_len(value_len) + unshared +
           value_len + ROW_TAIL;
}

static inline uint8_t *put_row_head(uint8_t *p, const uint8_t *key, size_t key_len, size_t shared,
                                    size_t value_len) {
    p = put_varint(p, shared);
    p = put_varint(p, key_len - shared);
    p = put_varint(p, value_len);
    memcpy(p, key + shared, key_len - shared);
    return p + (key_len - shared);
}

static inline uint8_t *put_row_tail(uint8_t *p, uint64_t seq) {
    shardy__put_be64(p, seq);
    p[8] = 0;
    return p + ROW_TAIL;
}

/* The block of one row whose value is too large to be gathered: the pieces go out as they are. */
static shardy_status add_large(shardy__sdb_builder *b, shardy_slice key, shardy_slice value,
                               shardy_error *err) {
    uint8_t *head = b->rows + b->block_start;
    size_t head_len = (size_t)(put_row_head(head, key.data, key.len, 0, value.len) - head);
    uint8_t tail[ROW_TAIL + 8];
    shardy__put_be32(put_row_tail(tail, b->options.seq), 1); /* restart 0, one restart */
    size_t tail_len = ROW_TAIL + 4, plain = head_len + value.len + tail_len;
    b->blocks.rows[b->blocks.n - 1] = 1;
    b->block_rows = b->n_restarts = 0;
    if (b->options.zstd) {
        size_t from = b->out.len;
        SHARDY_TRY(shardy__sdb_encode_begin(b->encoder, plain, err));
        SHARDY_TRY(shardy__sdb_encode_piece(b->encoder, head, head_len, false, &b->out, err));
        SHARDY_TRY(
            shardy__sdb_encode_piece(b->encoder, value.data, value.len, false, &b->out, err));
        SHARDY_TRY(shardy__sdb_encode_piece(b->encoder, tail, tail_len, true, &b->out, err));
        shardy__buf_be32(&b->out, shardy__crc32(b->out.data + from, b->out.len - from));
        if (b->out.failed) return shardy__fail_nomem(err);
        b->offset += b->out.len - from;
        return b->out.len >= PIECE ? flush(b, err) : SHARDY_OK;
    }
    uint32_t crc = shardy__crc32(head, head_len);
    crc = shardy__crc32_extend(crc, value.data, value.len);
    crc = shardy__crc32_extend(crc, tail, tail_len);
    b->rows_len += head_len;
    b->offset += plain + SHARDY__SDB_CRC_LEN;
    SHARDY_TRY(flush(b, err));
    SHARDY_TRY(shardy__sink_append(b->sink, value.data, value.len, err));
    shardy__put_be32(tail + tail_len, crc);
    memcpy(b->rows, tail, tail_len + SHARDY__SDB_CRC_LEN);
    b->rows_len = b->block_start = tail_len + SHARDY__SDB_CRC_LEN;
    return SHARDY_OK;
}

/* Register the first row of a block: the SST's first key or the block's index key. */
static shardy_status begin_block(shardy__sdb_builder *b, shardy_slice key, size_t common,
                                 shardy_error *err) {
    /* The shortest prefix of the key that comes after the block before; none for the first block.
     */
    size_t index_key = b->blocks.n ? common + 1 : 0;
    if (!b->blocks.n) {
        shardy__buf_put(&b->first, key.data, key.len);
        if (b->first.failed) return shardy__fail_nomem(err);
    }
    return shardy__sdb_blocks_add(&b->blocks, b->offset, key.data, index_key, err);
}

shardy_status shardy__sdb_builder_add(shardy__sdb_builder *b, shardy_slice key, shardy_slice value,
                                      size_t common, shardy_error *err) {
    bool restart = b->block_rows % SHARDY__SDB_RESTART_INTERVAL == 0;
    size_t shared = restart ? 0 : common;
    size_t size = row_size(shared, key.len, value.len);
    if (b->options.bloom_bits) {
        if (b->n_hashes == b->hashes_cap &&
            shardy__grow(&b->hashes, &b->hashes_cap, b->n_hashes + 1, sizeof *b->hashes)) {
            return shardy__fail_nomem(err);
        }
        b->hashes[b->n_hashes++] = shardy__sdb_hash(key.data, key.len);
    }
    if (b->block_rows) {
        size_t used = b->rows_len - b->block_start + 2 * b->n_restarts + 2;
        if (used + size + (restart ? 2 : 0) > b->options.block_size) {
            SHARDY_TRY(seal_block(b, err));
            restart = true;
            shared = 0;
        }
    }
    if (!b->block_rows) SHARDY_TRY(begin_block(b, key, common, err));
    b->totals.rows++;
    b->totals.key_bytes += key.len;
    b->totals.value_bytes += value.len;
    memcpy(b->last + common, (const uint8_t *)key.data + common, key.len - common);
    b->last_len = key.len;
    if (value.len >= LARGE_VALUE) return add_large(b, key, value, err);
    if (restart) b->restarts[b->n_restarts++] = (uint16_t)(b->rows_len - b->block_start);
    uint8_t *p = b->rows + b->rows_len;
    p = put_row_head(p, key.data, key.len, shared, value.len);
    memcpy(p, value.data, value.len);
    p = put_row_tail(p + value.len, b->options.seq);
    b->rows_len = (size_t)(p - b->rows);
    b->block_rows++;
    return SHARDY_OK;
}

/* ---- the end of the SST ---- */

/* One part of the file, from `raw`, goes to `out`; its place is told. `raw` is emptied. */
static shardy_status put_part(shardy__sdb_builder *b, shardy__buf *raw, bool compress,
                              uint64_t *offset, uint64_t *len, shardy_error *err) {
    if (raw->failed) return shardy__fail_nomem(err);
    size_t from = b->out.len;
    if (compress) {
        SHARDY_TRY(shardy__sdb_encode(b->encoder, raw->data, raw->len, &b->out, err));
        shardy__buf_be32(&b->out, shardy__crc32(b->out.data + from, b->out.len - from));
    } else {
        shardy__buf_be32(raw, shardy__crc32(raw->data, raw->len));
        if (raw->failed) return shardy__fail_nomem(err);
        SHARDY_TRY(shardy__sink_append(b->sink, raw->data, raw->len, err));
    }
    if (b->out.failed) return shardy__fail_nomem(err);
    *offset = b->offset;
    *len = compress ? b->out.len - from : raw->len;
    b->offset += *len;
    shardy__buf_clear(raw);
    return SHARDY_OK;
}

shardy_status shardy__sdb_builder_finish(shardy__sdb_builder *b, shardy__sdb_info *info,
                                         shardy_error *err) {
    shardy__buf raw = {0};
    uint64_t info_offset, info_len;
    bool zstd = b->options.zstd;
    shardy_status rc = SHARDY_OK;
    memset(info, 0, sizeof *info);
    if (b->block_rows && (rc = seal_block(b, err))) goto done;
    if ((rc = flush(b, err))) goto done;
    info->first = (shardy_slice){b->first.data, b->first.len};
    info->last = (shardy_slice){b->last, b->last_len};
    info->codec = zstd ? SHARDY__SDB_CODEC_ZSTD : SHARDY__SDB_CODEC_NONE;
    info->filter_format = SHARDY__SDB_FILTER_COMPOSITE;
    info->filter_offset = b->offset;
    if (b->options.bloom_bits) {
        shardy__sdb_filter_put(&raw, b->hashes, b->n_hashes, b->options.bloom_bits);
        rc = put_part(b, &raw, zstd, &info->filter_offset, &info->filter_len, err);
        if (rc) goto done;
    }
    shardy__sdb_put_index(&raw, &b->blocks);
    rc = put_part(b, &raw, zstd, &info->index_offset, &info->index_len, err);
    if (rc) goto done;
    shardy__sdb_put_stats(&raw, &b->totals, &b->blocks);
    rc = put_part(b, &raw, zstd, &info->stats_offset, &info->stats_len, err);
    if (rc) goto done;
    if (zstd && (rc = flush(b, err))) goto done;
    shardy__sdb_put_info(&raw, info);
    rc = put_part(b, &raw, false, &info_offset, &info_len, err);
    if (rc) goto done;
    shardy__buf_be64(&raw, info_offset);
    shardy__buf_be16(&raw, SHARDY__SDB_SST_VERSION);
    rc =
        raw.failed ? shardy__fail_nomem(err) : shardy__sink_append(b->sink, raw.data, raw.len, err);
    b->offset += raw.len;
done:
    shardy__buf_free(&raw);
    return rc;
}

/* slatedb_sst.c: opening SSTs and their blocks.
 *
 * The end of the file, from the filter on, is taken in one read: filter, index, stats and the SST's
 * own copy of its info follow each other (slatedb-0.18.0/src/format/sst.rs). The copy has a CRC,
 * the manifest has none, so they are compared before anything of the manifest's is believed.
 */
#include "slatedb/slatedb_sst.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/crc32.h"

/* Bytes of the file for which one word of `lines` stands; the most lines to ask for at once. */
enum { LINE = 64, WORD_SPAN = 64 * LINE, LINES_AT_ONCE = 24 };

static shardy_status corrupt(const shardy__sdb_sst *sst, shardy_error *err, const char *what) {
    return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s", sst->src->url, what);
}

/* The stored bytes of a part, its CRC checked and taken off. */
static shardy_status stored_part(shardy__sdb_sst *sst, const char *name, uint64_t offset,
                                 uint64_t len, shardy_slice *out, shardy_error *err) {
    const shardy__pin *tail = &sst->tail;
    uint64_t at = offset - sst->tail_offset;
    if (offset < sst->tail_offset || at > tail->len || len > tail->len - at ||
        len <= SHARDY__SDB_CRC_LEN) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s of %llu bytes at %llu is not in the SST",
                            sst->src->url, name, (unsigned long long)len,
                            (unsigned long long)offset);
    }
    const uint8_t *data = tail->data + at;
    size_t n = (size_t)len - SHARDY__SDB_CRC_LEN;
    if (shardy__crc32(data, n) != shardy__be32(data + n)) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s has a wrong CRC", sst->src->url, name);
    }
    *out = (shardy_slice){data, n};
    return SHARDY_OK;
}

shardy_status shardy__sdb_sst_part(shardy__sdb_sst *sst, const char *name, uint64_t offset,
                                   uint64_t len, shardy__buf *plain, shardy_slice *out,
                                   shardy_error *err) {
    SHARDY_TRY(stored_part(sst, name, offset, len, out, err));
    if (sst->info.codec == SHARDY__SDB_CODEC_NONE) return SHARDY_OK;
    shardy_status rc = shardy__sdb_decode(sst->decoders, out->data, out->len, plain, err);
    if (rc) {
        shardy__error_prefix(err, "%s: %s: ", sst->src->url, name);
        return rc;
    }
    *out = (shardy_slice){plain->data, plain->len};
    return SHARDY_OK;
}

/* The last bytes of the file: the SST's own info and where it is. */
static shardy_status check_footer(shardy__sdb_sst *sst, shardy_error *err) {
    const shardy__pin *tail = &sst->tail;
    if (tail->len < SHARDY__SDB_FOOTER_LEN) return corrupt(sst, err, "SST is cut");
    const uint8_t *footer = tail->data + tail->len - SHARDY__SDB_FOOTER_LEN;
    uint64_t offset = shardy__be64(footer), end = sst->src->size - SHARDY__SDB_FOOTER_LEN;
    unsigned version = shardy__be16(footer + 8);
    if (version != SHARDY__SDB_SST_VERSION) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: SST ends with version %u, not %u",
                            sst->src->url, version, SHARDY__SDB_SST_VERSION);
    }
    if (offset > end) return corrupt(sst, err, "offset of the info is outside the SST");
    shardy_slice bytes = {0};
    shardy__sdb_info own;
    SHARDY_TRY(stored_part(sst, "info", offset, end - offset, &bytes, err));
    SHARDY_TRY(shardy__sdb_parse_info(bytes.data, bytes.len, sst->src->url, &own, err));
    if (!shardy__sdb_info_equal(&own, &sst->info)) {
        return corrupt(sst, err, "info of the SST differs from the manifest's");
    }
    return SHARDY_OK;
}

static shardy_status open_index(shardy__sdb_sst *sst, shardy_error *err) {
    const shardy__sdb_info *info = &sst->info;
    shardy_slice bytes = {0};
    SHARDY_TRY(shardy__sdb_sst_part(sst, "index", info->index_offset, info->index_len,
                                    &sst->index_plain, &bytes, err));
    SHARDY_TRY(
        shardy__sdb_parse_index(bytes.data, bytes.len, info, sst->src->url, &sst->index, err));
    sst->checked = shardy__calloc(sst->index.n / 32 + 1, sizeof *sst->checked);
    if (!sst->checked) return shardy__fail_nomem(err);
    if (sst->src->map && info->codec == SHARDY__SDB_CODEC_NONE) {
        sst->lines = shardy__calloc((size_t)(sst->index.offsets[sst->index.n] / WORD_SPAN) + 1,
                                    sizeof *sst->lines);
        if (!sst->lines) return shardy__fail_nomem(err);
    }
    if (!info->filter_len) return SHARDY_OK;
    SHARDY_TRY(shardy__sdb_sst_part(sst, "filter", info->filter_offset, info->filter_len,
                                    &sst->filter_plain, &bytes, err));
    const char *problem =
        shardy__sdb_filter_parse(&sst->filter, bytes.data, bytes.len, info->filter_format);
    return problem ? corrupt(sst, err, problem) : SHARDY_OK;
}

shardy_status shardy__sdb_sst_open(shardy__dir *dir, const shardy__sdb_table *table,
                                   uint64_t max_seq, shardy__sdb_decoders *decoders,
                                   shardy__sdb_sst **out, shardy_error *err) {
    char name[SHARDY__SDB_SST_NAME_MAX];
    *out = NULL;
    shardy__sdb_sst *sst = shardy__calloc(1, sizeof *sst);
    if (!sst) return shardy__fail_nomem(err);
    sst->info = table->info;
    sst->max_seq = max_seq;
    sst->decoders = decoders;
    const shardy__sdb_info *info = &sst->info;
    shardy__sdb_sst_name(name, table->ulid);
    shardy_status rc = shardy__dir_open(dir, name, 0, &sst->src, err);
    if (rc) goto done;
    sst->tail_offset = info->filter_len ? info->filter_offset : info->index_offset;
    if (sst->tail_offset > sst->src->size) {
        rc = corrupt(sst, err, "SST is shorter than the manifest says");
        goto done;
    }
    rc = shardy__source_read(sst->src, sst->tail_offset, sst->src->size - sst->tail_offset,
                             &sst->tail, err);
    if (rc) goto done;
    rc = check_footer(sst, err);
    if (rc) goto done;
    rc = open_index(sst, err);
    if (rc) goto done;
    *out = sst;
    sst = NULL;
done:
    shardy__sdb_sst_close(sst);
    return rc;
}

void shardy__sdb_sst_close(shardy__sdb_sst *sst) {
    if (!sst) return;
    shardy__sdb_index_free(&sst->index);
    shardy__buf_free(&sst->index_plain);
    shardy__buf_free(&sst->filter_plain);
    shardy__pin_release(&sst->tail);
    shardy__source_close(sst->src);
    shardy__free((void *)sst->checked);
    shardy__free((void *)sst->lines);
    shardy__free(sst);
}

/* ---- blocks ---- */

shardy_status shardy__sdb_sst_read(shardy__sdb_sst *sst, uint32_t block, uint32_t n,
                                   shardy__pin *out, shardy_error *err) {
    const uint64_t *offsets = sst->index.offsets;
    return shardy__source_read(sst->src, offsets[block], offsets[block + n] - offsets[block], out,
                               err);
}

static shardy__sdb_bounds bounds_of(const shardy__sdb_sst *sst, uint32_t block) {
    const shardy__sdb_index *index = &sst->index;
    shardy__sdb_bounds b = {
        .first = block == 0, .last = block + 1 == index->n, .max_seq = sst->max_seq};
    b.low = b.first ? sst->info.first : shardy__sdb_index_key(index, block);
    b.high = b.last ? sst->info.last : shardy__sdb_index_key(index, block + 1);
    return b;
}

static void mark_lines(shardy__sdb_sst *sst, const shardy__sdb_block *block, uint64_t offset) {
    shardy__sdb_row row;
    for (const uint8_t *p = block->rows; p < block->end; p = row.next) {
        uint64_t line = (offset + (uint64_t)(p - block->rows)) / LINE;
        atomic_fetch_or_explicit(&sst->lines[line / 64], UINT64_C(1) << line % 64,
                                 memory_order_relaxed);
        if (!shardy__sdb_row_read(p, block->end, &row)) return;
    }
}

bool shardy__sdb_sst_prefetch(const shardy__sdb_sst *sst, uint64_t from, uint64_t to) {
    uint64_t first = from / LINE, last = (to - 1) / LINE;
    if (last - first >= 4 * 64) return false;
    uint64_t words[5];
    int n = 0, lines = 0;
    for (uint64_t w = first / 64; w <= last / 64; w++) {
        uint64_t word = atomic_load_explicit(&sst->lines[w], memory_order_relaxed);
        if (w == first / 64) word &= ~UINT64_C(0) << first % 64;
        if (w == last / 64) word &= ~UINT64_C(0) >> (63 - last % 64);
        lines += __builtin_popcountll(word);
        words[n++] = word;
    }
    if (lines > LINES_AT_ONCE) return false;
    const uint8_t *base = sst->src->map + first / 64 * WORD_SPAN;
    for (int i = 0; i < n; i++, base += WORD_SPAN) {
        for (uint64_t word = words[i]; word; word &= word - 1) {
            __builtin_prefetch(base + LINE * __builtin_ctzll(word));
        }
    }
    return true;
}

static shardy_status in_block(const shardy__sdb_sst *sst, uint32_t block, shardy_status rc,
                              shardy_error *err) {
    shardy__error_prefix(err, "%s: block %u: ", sst->src->url, block);
    return rc;
}

shardy_status shardy__sdb_sst_block(shardy__sdb_sst *sst, uint32_t block, const uint8_t *stored,
                                    shardy__buf *plain, shardy__sdb_block *out, shardy_error *err) {
    const uint64_t *offsets = sst->index.offsets;
    size_t len = (size_t)(offsets[block + 1] - offsets[block]) - SHARDY__SDB_CRC_LEN;
    bool checked = shardy__sdb_sst_checked(sst, block);
    shardy_status rc;
    /* Bytes that were fetched may have been spoilt on the way; a map has been checked for good. */
    if ((!checked || !sst->src->map) && shardy__crc32(stored, len) != shardy__be32(stored + len)) {
        rc = shardy__fail(err, SHARDY_E_CORRUPT, "wrong CRC");
        return in_block(sst, block, rc, err);
    }
    if (sst->info.codec != SHARDY__SDB_CODEC_NONE) {
        rc = shardy__sdb_decode(sst->decoders, stored, len, plain, err);
        if (rc) return in_block(sst, block, rc, err);
        stored = plain->data;
        len = plain->len;
    }
    const char *problem = shardy__sdb_block_open(stored, len, out);
    if (problem) {
        rc = shardy__fail(err, SHARDY_E_CORRUPT, "%s", problem);
        return in_block(sst, block, rc, err);
    }
    if (checked) return SHARDY_OK;
    shardy__sdb_bounds bounds = bounds_of(sst, block);
    rc = shardy__sdb_block_check(out, &bounds, err);
    if (rc) return in_block(sst, block, rc, err);
    if (sst->lines) mark_lines(sst, out, offsets[block]);
    atomic_fetch_or_explicit(&sst->checked[block / 32], 1u << block % 32, memory_order_release);
    return SHARDY_OK;
}

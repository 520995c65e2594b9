/* slatedb_builder.h: turns ascending rows into the bytes of one SST after the other. */
#ifndef SHARDY_SLATEDB_BUILDER_H
#define SHARDY_SLATEDB_BUILDER_H

#include "base/io.h"
#include "slatedb/slatedb_codec.h"
#include "slatedb/slatedb_meta.h"

typedef struct shardy__sdb_builder_options {
    uint32_t block_size;
    uint32_t bloom_bits; /* 0: no filter */
    bool zstd;
    uint64_t seq;
} shardy__sdb_builder_options;

/* Most restart points of a block: rows of 13 bytes, every 16th a restart. */
#define SHARDY__SDB_RESTARTS_MAX \
    (SHARDY__SDB_BLOCK_SIZE_MAX / (13 * SHARDY__SDB_RESTART_INTERVAL) + 2)

/* Rows are encoded once, at the end of `rows`. Without a codec that buffer also gathers the sealed
 * blocks for the sink; with one it holds the open block only and `out` gathers the frames. */
typedef struct shardy__sdb_builder {
    shardy__sdb_builder_options options;
    shardy__sink *sink; /* borrowed; where the SST goes */
    shardy__sdb_encoder *encoder;
    uint8_t *rows;
    size_t rows_len, block_start; /* the open block is rows[block_start .. rows_len) */
    shardy__buf out;
    uint64_t offset; /* in the file, of the open block */
    /* The open block. */
    uint32_t block_rows, n_restarts;
    uint16_t restarts[SHARDY__SDB_RESTARTS_MAX];
    /* The SST so far. */
    shardy__sdb_totals totals;
    shardy__sdb_blocks blocks;
    uint64_t *hashes;
    size_t n_hashes, hashes_cap;
    shardy__buf first;
    uint64_t max_rows;
    /* The last key added, over all SSTs. */
    uint8_t *last;
    size_t last_len;
} shardy__sdb_builder;

shardy_status shardy__sdb_builder_init(shardy__sdb_builder *b,
                                       const shardy__sdb_builder_options *options,
                                       shardy_error *err);
void shardy__sdb_builder_free(shardy__sdb_builder *b); /* a zeroed builder is allowed */

/* Begin an SST into `sink`. */
void shardy__sdb_builder_start(shardy__sdb_builder *b, shardy__sink *sink);

/* Bytes of the sealed blocks and of the rows in the open one. */
static inline uint64_t shardy__sdb_builder_bytes(const shardy__sdb_builder *b) {
    return b->offset + (b->rows_len - b->block_start);
}

/* True if the SST must not grow: the limits of its filter or its index are near. */
static inline bool shardy__sdb_builder_full(const shardy__sdb_builder *b) {
    return b->totals.rows >= b->max_rows || b->blocks.records >= (1u << 30) ||
           b->blocks.n >= (1u << 27);
}

/* Bytes that `key` has in common with the last key; SHARDY_E_INTERNAL unless it is greater. */
shardy_status shardy__sdb_builder_order(const shardy__sdb_builder *b, shardy_slice key,
                                        size_t *common, shardy_error *err);

/* Add a row; `common` from shardy__sdb_builder_order. */
shardy_status shardy__sdb_builder_add(shardy__sdb_builder *b, shardy_slice key, shardy_slice value,
                                      size_t common, shardy_error *err);

/* Write the rest of the SST (at least one row) and fill *info; its keys are borrowed from the
 * builder until the next start. The sink is not committed. */
shardy_status shardy__sdb_builder_finish(shardy__sdb_builder *b, shardy__sdb_info *info,
                                         shardy_error *err);

#endif

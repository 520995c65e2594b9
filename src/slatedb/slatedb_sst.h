/* slatedb_sst.h: one SST, open for reading. */
#ifndef SHARDY_SLATEDB_SST_H
#define SHARDY_SLATEDB_SST_H

#include <stdatomic.h>

#include "base/io.h"
#include "slatedb/slatedb_block.h"
#include "slatedb/slatedb_codec.h"
#include "slatedb/slatedb_filter.h"
#include "slatedb/slatedb_parse.h"

typedef struct shardy__sdb_sst {
    shardy__source *src;
    shardy__sdb_info info; /* the manifest's, equal to the SST's own */
    shardy__pin tail;      /* the file from the filter on; `info`'s offsets less tail_offset */
    uint64_t tail_offset;
    shardy__buf index_plain, filter_plain; /* if compressed */
    shardy__sdb_index index;
    shardy__sdb_filter filter;
    uint64_t max_seq;
    shardy__sdb_decoders *decoders; /* borrowed */
    /* One bit per block: it has passed every check since the SST was opened. */
    _Atomic uint32_t *checked;
    /* One bit per 64 bytes of the data blocks: a row of a checked block begins there. Only where
     * rows are read in place (a mapped file without codec), else NULL. */
    _Atomic uint64_t *lines;
} shardy__sdb_sst;

/* Open and check all but the data blocks and the stats: one read of a source that is not mapped.
 * `table` and `decoders` are borrowed until close. */
shardy_status shardy__sdb_sst_open(shardy__dir *dir, const shardy__sdb_table *table,
                                   uint64_t max_seq, shardy__sdb_decoders *decoders,
                                   shardy__sdb_sst **out, shardy_error *err);
void shardy__sdb_sst_close(shardy__sdb_sst *sst); /* NULL is allowed */

/* Check the CRC of a part of the tail and decompress it. *out borrows the tail or `plain`. */
shardy_status shardy__sdb_sst_part(shardy__sdb_sst *sst, const char *name, uint64_t offset,
                                   uint64_t len, shardy__buf *plain, shardy_slice *out,
                                   shardy_error *err);

static inline bool shardy__sdb_sst_checked(const shardy__sdb_sst *sst, uint32_t block) {
    uint32_t word = atomic_load_explicit(&sst->checked[block / 32], memory_order_acquire);
    return word >> block % 32 & 1;
}

/* Ask the memory for all cache lines in which rows of the file's bytes [from, to) begin, so that a
 * walk from row to row does not wait for one after the other. False, and nothing is asked for, if
 * there are too many of them. */
bool shardy__sdb_sst_prefetch(const shardy__sdb_sst *sst, uint64_t from, uint64_t to);

/* Pin the stored bytes of blocks [block, block + n), which follow each other. */
shardy_status shardy__sdb_sst_read(shardy__sdb_sst *sst, uint32_t block, uint32_t n,
                                   shardy__pin *out, shardy_error *err);

/* Check and open one block from its stored bytes. *out borrows `stored`, or `plain` if the SST is
 * compressed. */
shardy_status shardy__sdb_sst_block(shardy__sdb_sst *sst, uint32_t block, const uint8_t *stored,
                                    shardy__buf *plain, shardy__sdb_block *out, shardy_error *err);

#endif

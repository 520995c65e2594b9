/* slatedb_meta.h: the flatbuffers of an SST (index, stats, info) and of a database (manifest):
 * encoding here, decoding in slatedb_parse.h.
 */
#ifndef SHARDY_SLATEDB_META_H
#define SHARDY_SLATEDB_META_H

#include "base/buf.h"
#include "slatedb/slatedb_format.h"

/* What the index and the stats say of the blocks of one SST, gathered while they are written. A
 * zeroed struct is empty and valid. */
typedef struct shardy__sdb_blocks {
    uint64_t *offsets;  /* in the file */
    uint16_t *key_lens; /* of the index keys, which lie one after the other in `keys` */
    uint16_t *rows;
    size_t n, offsets_cap, key_lens_cap, rows_cap;
    shardy__buf keys;
    size_t records; /* bytes of the index's records so far */
} shardy__sdb_blocks;

/* Begin a block at `offset` with 0 rows. */
shardy_status shardy__sdb_blocks_add(shardy__sdb_blocks *blocks, uint64_t offset, const void *key,
                                     size_t key_len, shardy_error *err);
void shardy__sdb_blocks_clear(shardy__sdb_blocks *blocks); /* keeps the memory */
void shardy__sdb_blocks_free(shardy__sdb_blocks *blocks);
/* Bytes of the index that shardy__sdb_put_index would write. */
size_t shardy__sdb_index_size(const shardy__sdb_blocks *blocks);

typedef struct shardy__sdb_totals {
    uint64_t rows, key_bytes, value_bytes;
} shardy__sdb_totals;

/* More blocks than this, and the stats leave out the counts per block: the engine's parser stops at
 * 1,000,000 tables. */
#define SHARDY__SDB_BLOCK_STATS_MAX 900000u

/* Each appends one whole flatbuffer; running out of memory shows in out->failed. */
void shardy__sdb_put_index(shardy__buf *out, const shardy__sdb_blocks *blocks);
void shardy__sdb_put_stats(shardy__buf *out, const shardy__sdb_totals *totals,
                           const shardy__sdb_blocks *blocks);
void shardy__sdb_put_info(shardy__buf *out, const shardy__sdb_info *info);

/* ---- manifest ---- */

typedef struct shardy__sdb_table {
    shardy__sdb_ulid ulid;
    shardy__sdb_info info;
} shardy__sdb_table;

typedef struct shardy__sdb_checkpoint {
    const uint8_t *uuid; /* 16 bytes in display order; NULL: no checkpoint */
    uint32_t created;    /* Unix seconds */
} shardy__sdb_checkpoint;

/* Append a manifest object, its version in front: the tables, in key order, as one sorted run.
 * SHARDY_E_LIMIT if it would be larger than SHARDY__SDB_MANIFEST_MAX. */
shardy_status shardy__sdb_put_manifest(shardy__buf *out, const shardy__sdb_table *tables, size_t n,
                                       uint64_t last_seq, shardy__sdb_checkpoint checkpoint,
                                       shardy_error *err);

/* ---- shared by both ---- */

#define SHARDY__SDB_INFO_TABLE 64u
extern const uint16_t shardy__sdb_info_vtable[13];

/* The 64-byte SsTableInfo table; `vtable`, `first`, `last`: how far the vtable lies in front of the
 * table and the two key vectors behind it. */
void shardy__sdb_put_info_table(shardy__buf *out, const shardy__sdb_info *info, uint32_t vtable,
                                uint32_t first, uint32_t last);
/* A vector of bytes, padded with zeros to a multiple of 4. */
void shardy__sdb_put_bytes(shardy__buf *out, shardy_slice bytes);
static inline size_t shardy__sdb_bytes_size(size_t len) { return shardy__sdb_align(4 + len, 4); }

#endif

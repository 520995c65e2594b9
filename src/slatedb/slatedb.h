/* slatedb.h: the key-value half of a shard: SlateDB's SST format 2 and manifest format 2.
 *
 * What is written: one sorted run of SSTs (`compacted/<ULID>.sst`), then one manifest
 * (`manifest/00000000000000000001.manifest`) with one checkpoint that never expires. What is read:
 * that, and any other database whose newest manifest names only sorted runs of such SSTs with puts;
 * everything else (L0 SSTs with rows, tombstones, merges, expiry, external databases, visible
 * ranges, unknown codecs or versions) is SHARDY_E_UNSUPPORTED and never misread.
 * docs/format/slatedb.md is the specification with its sources.
 */
#ifndef SHARDY_SLATEDB_SLATEDB_H
#define SHARDY_SLATEDB_SLATEDB_H

#include "base/io.h"
#include "shardyfusion/types.h"

/* ---- writing ---- */

typedef struct shardy__slatedb_options {
    uint32_t block_size; /* 0: 4096; 64 .. 65536 */
    uint32_t bloom_bits; /* bits per key, 1 .. 32; 0: 10 */
    bool no_bloom;       /* no filter block */
    uint64_t
        sst_bytes; /* 0: 256 MiB. A new SST starts before a row once this many bytes are held */
    shardy_compression compression;
    uint8_t checkpoint[16]; /* UUID in display order of the embedded checkpoint */
    bool no_checkpoint;
    uint32_t checkpoint_created; /* Unix seconds; 0: now */
    uint64_t seq;                /* 0: 1 */
    /* Golden tests: the first SST's ULID (high, low 64 bits), then counting up. 0, 0: fresh ones.
     */
    uint64_t ulid_high, ulid_low;
} shardy__slatedb_options;

typedef struct shardy__slatedb_stats {
    uint64_t rows, key_bytes, value_bytes, blocks, ssts, bytes;
} shardy__slatedb_stats;

typedef struct shardy__slatedb_writer shardy__slatedb_writer;

/* `dir` is borrowed and must outlive the writer. */
shardy_status shardy__slatedb_writer_open(shardy__dir *dir, const shardy__slatedb_options *options,
                                          shardy__slatedb_writer **out, shardy_error *err);
/* Keys in strictly ascending byte order, 1 .. SHARDY_KEY_MAX bytes; both slices are copied.
 * SHARDY_E_INTERNAL for a key out of order. */
shardy_status shardy__slatedb_writer_add(shardy__slatedb_writer *w, shardy_slice key,
                                         shardy_slice value, shardy_error *err);
/* Commit the last SST, then the manifest. No rows: a manifest of an empty database. *stats may be
 * NULL. */
shardy_status shardy__slatedb_writer_finish(shardy__slatedb_writer *w, shardy__slatedb_stats *stats,
                                            shardy_error *err);
/* Free; SSTs that were committed without a finish stay for the caller to remove. NULL is allowed.
 */
void shardy__slatedb_writer_close(shardy__slatedb_writer *w);

/* ---- reading ---- */

typedef struct shardy__slatedb shardy__slatedb;

/* Open the database below `dir` (borrowed until close). `manifest` is the object name to use
 * ("manifest/...") or NULL to list and take the newest. Reads and checks the manifest alone: an SST
 * is opened at its first use (its info, index and filter are checked then: CRC, every offset), a
 * data block is checked at its first use. A handle may be used by any number of threads.
 * SHARDY_E_NOT_FOUND, SHARDY_E_CORRUPT, SHARDY_E_UNSUPPORTED. */
shardy_status shardy__slatedb_open(shardy__dir *dir, const char *manifest, shardy__slatedb **out,
                                   shardy_error *err);
void shardy__slatedb_close(shardy__slatedb *db); /* NULL is allowed */
uint64_t shardy__slatedb_ssts(const shardy__slatedb *db);
/* Open all SSTs now. */
shardy_status shardy__slatedb_preload(shardy__slatedb *db, shardy_error *err);

/* One row's value. `value` is borrowed: until the pin is released, and the database stays open. */
typedef struct shardy__slatedb_value {
    shardy_slice value; /* data NULL: there is no such key */
    shardy__pin pin;
} shardy__slatedb_value;

/* `key`: stored bytes. Absent keys are SHARDY_OK. */
shardy_status shardy__slatedb_get(shardy__slatedb *db, shardy_slice key, shardy__slatedb_value *out,
                                  shardy_error *err);

/* ---- ordered iteration ---- */

typedef struct shardy__slatedb_iter shardy__slatedb_iter;

/* Rows with start <= key < end; an absent slice is an open bound; slices are copied. */
shardy_status shardy__slatedb_iter_open(shardy__slatedb *db, shardy_slice start, shardy_slice end,
                                        shardy__slatedb_iter **out, shardy_error *err);
/* Key and value are borrowed until the next call. key->data NULL: the end. */
shardy_status shardy__slatedb_iter_next(shardy__slatedb_iter *it, shardy_slice *key,
                                        shardy_slice *value, shardy_error *err);
void shardy__slatedb_iter_close(shardy__slatedb_iter *it); /* NULL is allowed */

/* ---- checking ---- */

typedef struct shardy__slatedb_check {
    /* Called for each row in order; anything but SHARDY_OK stops the check. May be NULL. */
    shardy_status (*row)(void *ctx, shardy_slice key, shardy_slice value, shardy_error *err);
    /* Called for each problem; `object` is a URL. */
    void (*problem)(void *ctx, const char *object, const char *text);
    void *ctx;
} shardy__slatedb_check;

/* Read everything: every block's CRC and rows, keys strictly ascending over blocks and SSTs, first
 * and last keys, index keys that separate their blocks, a filter that answers for every key, counts
 * in the stats block, the footer equal to the manifest's copy. Goes on after a problem where it
 * can. If there was any, the status and the text of the first: SHARDY_E_CORRUPT,
 * SHARDY_E_NOT_FOUND, SHARDY_E_UNSUPPORTED. *stats may be NULL. */
shardy_status shardy__slatedb_verify(shardy__slatedb *db, const shardy__slatedb_check *check,
                                     shardy__slatedb_stats *stats, shardy_error *err);

#endif

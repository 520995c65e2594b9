/* slatedb_parse.h: the flatbuffers of SSTs and databases, read without trust. */
#ifndef SHARDY_SLATEDB_PARSE_H
#define SHARDY_SLATEDB_PARSE_H

#include "slatedb/slatedb_fb.h"
#include "slatedb/slatedb_meta.h"

/* Errors of everything here name `url`, then what is wrong. SHARDY_E_UNSUPPORTED: well-formed, but
 * something that this reader does not know. Results borrow the bytes. */

/* An SsTableInfo: inside a manifest, or the whole buffer at the end of an SST. */
shardy_status shardy__sdb_read_info(shardy__fb *fb, const shardy__fb_table *t, const char *url,
                                    shardy__sdb_info *out, shardy_error *err);
shardy_status shardy__sdb_parse_info(const void *data, size_t len, const char *url,
                                     shardy__sdb_info *out, shardy_error *err);
bool shardy__sdb_info_equal(const shardy__sdb_info *a, const shardy__sdb_info *b);

/* ---- index ---- */

/* Block i has the bytes offsets[i] .. offsets[i + 1] of the file; its index key is greater than
 * every key of the blocks before and not greater than its own first key. */
typedef struct shardy__sdb_index {
    uint32_t n;
    uint64_t *offsets;   /* n + 1; one allocation holds all three arrays */
    uint64_t *prefixes;  /* 8 bytes of each index key behind `skip`, as a big-endian number */
    uint32_t *keys;      /* position of each key in `data`; its length is the u32 in front */
    const uint8_t *data; /* the flatbuffer */
    size_t skip;         /* bytes that all keys of the SST have in common */
} shardy__sdb_index;

/* `info` tells the range of keys and the end of the blocks. */
shardy_status shardy__sdb_parse_index(const void *data, size_t len, const shardy__sdb_info *info,
                                      const char *url, shardy__sdb_index *out, shardy_error *err);
void shardy__sdb_index_free(shardy__sdb_index *index);

shardy_slice shardy__sdb_index_key(const shardy__sdb_index *index, uint32_t block);
/* The last block whose index key is not greater than `key`, which must lie between the SST's first
 * and last key. */
uint32_t shardy__sdb_index_find(const shardy__sdb_index *index, shardy_slice key);

/* ---- stats ---- */

typedef struct shardy__sdb_stats_view {
    shardy__fb fb;
    shardy__sdb_totals totals;
    bool each;                /* counts per block are there */
    shardy__fb_vector blocks; /* of them */
} shardy__sdb_stats_view;

shardy_status shardy__sdb_parse_stats(const void *data, size_t len, const char *url,
                                      shardy__sdb_stats_view *out, shardy_error *err);
/* Rows of block i < blocks.count; sets out->fb.bad if that entry is malformed. */
uint32_t shardy__sdb_stats_rows(shardy__sdb_stats_view *stats, uint32_t i);

/* ---- manifest ---- */

/* tables[begin .. end) in key order. */
typedef struct shardy__sdb_run {
    size_t begin, end;
} shardy__sdb_run;

typedef struct shardy__sdb_manifest {
    shardy__sdb_table *tables; /* grouped by run */
    size_t n;
    shardy__sdb_run *runs; /* the newest first */
    size_t n_runs;
    uint64_t last_seq; /* rows with a greater number are not visible to the engine */
    uint64_t writer_epoch, replay_after_wal_id;
    bool has_checkpoint; /* the first one: */
    uint8_t checkpoint[16];
    uint32_t checkpoint_created;
} shardy__sdb_manifest;

/* A manifest object. Refuses what is not sorted runs of whole, disjoint SSTs. */
shardy_status shardy__sdb_parse_manifest(const void *data, size_t len, const char *url,
                                         shardy__sdb_manifest *out, shardy_error *err);
void shardy__sdb_manifest_free(shardy__sdb_manifest *manifest);

#endif

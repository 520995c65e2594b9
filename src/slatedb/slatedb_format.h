/* slatedb_format.h: numbers and small types of the SlateDB formats, shared by writer and reader.
 *
 * docs/format/slatedb.md describes what they mean. Every number below comes from
 * slatedb-0.18.0/src/format/sst.rs, format/block_v2.rs, format/row_codec_v2.rs and
 * flatbuffer_types.rs.
 */
#ifndef SHARDY_SLATEDB_FORMAT_H
#define SHARDY_SLATEDB_FORMAT_H

#include "base/error.h"
#include "shardyfusion/types.h"

#define SHARDY__SDB_SST_VERSION 2u
#define SHARDY__SDB_MANIFEST_VERSION 2u
#define SHARDY__SDB_CRC_LEN 4u
#define SHARDY__SDB_FOOTER_LEN 10u /* u64 offset of the info, u16 version */
#define SHARDY__SDB_RESTART_INTERVAL 16u
#define SHARDY__SDB_BLOCK_SIZE_MIN 64u
#define SHARDY__SDB_BLOCK_SIZE_MAX 65536u
/* A manifest larger than this is neither written nor read (the engine's limit is 2 GiB). */
#define SHARDY__SDB_MANIFEST_MAX (1u << 30)

/* Flags of a row. */
enum {
    SHARDY__SDB_TOMBSTONE = 1,
    SHARDY__SDB_EXPIRE = 2,
    SHARDY__SDB_CREATE = 4,
    SHARDY__SDB_MERGE = 8
};

/* Stored number of a codec; shardy_compression uses the same ones. */
enum { SHARDY__SDB_CODEC_NONE = 0, SHARDY__SDB_CODEC_ZSTD = 4 };

/* How the filter block is framed. */
enum { SHARDY__SDB_FILTER_LEGACY = 0, SHARDY__SDB_FILTER_COMPOSITE = 1 };

/* Where each field of a flatbuffer table is found in its vtable, in bytes. */
enum { /* SsTableInfo */
       SHARDY__SDB_INFO_FIRST = 4,
       SHARDY__SDB_INFO_INDEX_OFFSET = 6,
       SHARDY__SDB_INFO_INDEX_LEN = 8,
       SHARDY__SDB_INFO_FILTER_OFFSET = 10,
       SHARDY__SDB_INFO_FILTER_LEN = 12,
       SHARDY__SDB_INFO_CODEC = 14,
       SHARDY__SDB_INFO_TYPE = 16,
       SHARDY__SDB_INFO_LAST = 18,
       SHARDY__SDB_INFO_STATS_OFFSET = 20,
       SHARDY__SDB_INFO_STATS_LEN = 22,
       SHARDY__SDB_INFO_FILTER_FORMAT = 24,
       SHARDY__SDB_INFO_END = 26
};

/* What the manifest and the end of the SST say of one SST. Lengths include the CRC. */
typedef struct shardy__sdb_info {
    shardy_slice first, last; /* smallest and largest key; borrowed from the parsed bytes */
    uint64_t index_offset, index_len;
    uint64_t filter_offset, filter_len; /* filter_len 0: no filter */
    uint64_t stats_offset, stats_len;   /* stats_len 0: no stats */
    uint8_t codec, filter_format;
} shardy__sdb_info;

/* ULIDs name SSTs: 48 bits of Unix milliseconds, then 80 random bits. */
typedef struct shardy__sdb_ulid {
    uint64_t high, low;
} shardy__sdb_ulid;

#define SHARDY__SDB_SST_NAME_MAX 48
/* "compacted/<26 characters>.sst" */
const char *shardy__sdb_sst_name(char out[SHARDY__SDB_SST_NAME_MAX], shardy__sdb_ulid ulid);
/* The name of the only manifest that this library writes. */
#define SHARDY__SDB_MANIFEST_NAME "manifest/00000000000000000001.manifest"
shardy_status shardy__sdb_ulid_new(shardy__sdb_ulid *out, shardy_error *err);
shardy__sdb_ulid shardy__sdb_ulid_next(shardy__sdb_ulid ulid);

static inline size_t shardy__sdb_align(size_t n, size_t to) { return (n + to - 1) & ~(to - 1); }

#endif

/* reader.h: read one published snapshot.
 *
 * Threads: a reader and everything it returns may be used by any number of threads at once; closing
 * it must be the last call. Values and results that are still held keep what they borrow alive, so
 * they may be released after the reader was closed. Fork: a reader inherited by a child answers
 * SHARDY_E_FORKED; the child opens its own.
 *
 * A shard that cannot be opened or read is an error that names it, never a shorter answer. Damaged
 * bytes are found before they are used: blocks by their CRC, each once; a vector table, whose
 * format has no checksums, by those that the manifest records, which reads its files once when it
 * is opened.
 */
#ifndef SHARDYFUSION_READER_H
#define SHARDYFUSION_READER_H

#include "shardyfusion/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shardy_reader shardy_reader;

typedef struct shardy_reader_options {
    size_t size;
    const char *current_name; /* default "_CURRENT" */
    uint32_t threads; /* shards opened or searched at once; default 1: the caller's thread */
    bool preload;     /* open every shard and its objects now instead of at first use */
    shardy_log_fn log;
    void *log_ctx;
} shardy_reader_options;

#define SHARDY_READER_OPTIONS_INIT {.size = sizeof(shardy_reader_options)}

/* Open the snapshot that `{prefix}/_CURRENT` names. `options` may be NULL. Objects that the
 * manifest records below its own prefix are looked for below the prefix given here, so that a
 * snapshot that was copied elsewhere can be read there. Out: owned, closed with
 * shardy_reader_close. SHARDY_E_STATE: there is no _CURRENT. SHARDY_E_MANIFEST_PARSE,
 * SHARDY_E_NOT_FOUND, SHARDY_E_UNSUPPORTED, SHARDY_E_IO, SHARDY_E_CORRUPT. */
SHARDY_API shardy_status shardy_reader_open(const char *prefix,
                                            const shardy_reader_options *options,
                                            shardy_reader **out, shardy_error *err);
SHARDY_API void shardy_reader_close(shardy_reader *reader); /* NULL is allowed */

/* Facts; cheap, no I/O. The arrays and strings live until the reader is closed.
 * shardy_reader_shards gives num_dbs entries, empty shards included, in db_id order. */
SHARDY_API shardy_status shardy_reader_info(shardy_reader *reader, shardy_snapshot_info *out,
                                            shardy_error *err);
SHARDY_API shardy_status shardy_reader_shards(shardy_reader *reader, const shardy_shard_info **out,
                                              uint32_t *n, shardy_error *err);
SHARDY_API shardy_key_encoding shardy_reader_key_encoding(const shardy_reader *reader);

/* The shard that `key` belongs to, whether or not it is stored. */
SHARDY_API shardy_status shardy_reader_route_key(shardy_reader *reader, const shardy_key *key,
                                                 uint32_t *db_id, shardy_error *err);

/* A value that was looked up. Absent: data NULL, found false. Otherwise `data` is borrowed until
 * shardy_value_release, which is needed for every value that was found (and harmless for others).
 */
typedef struct shardy_value {
    const void *data;
    size_t len;
    bool found;
    void *owner;
} shardy_value;

SHARDY_API void shardy_value_release(shardy_value *value);

/* Look one key up. A key that is not stored is SHARDY_OK with found false. SHARDY_E_CONFIG: a key
 * that cannot have been written under the snapshot's encoding. SHARDY_E_CORRUPT, SHARDY_E_IO,
 * SHARDY_E_NOT_FOUND (a missing object), SHARDY_E_FORKED. */
SHARDY_API shardy_status shardy_reader_get(shardy_reader *reader, const shardy_key *key,
                                           shardy_value *out, shardy_error *err);

/* Look `n` keys up; out[i] answers keys[i]. All or nothing: on failure every out[i] is absent. */
SHARDY_API shardy_status shardy_reader_multi_get(shardy_reader *reader, const shardy_key *keys,
                                                 size_t n, shardy_value *out, shardy_error *err);

/* ---- ordered scan ---- */

typedef struct shardy_scan shardy_scan;

/* Bounds are stored key bytes (for utf8 and raw snapshots simply the key's bytes; use
 * shardy_key_encode for integer keys) and are copied. Absent bounds are open. */
typedef struct shardy_scan_options {
    size_t size;
    shardy_slice prefix;       /* only keys that begin with this; not together with start/end */
    shardy_slice start;        /* first key, inclusive */
    shardy_slice end;          /* last key, exclusive */
    const uint32_t *shard_ids; /* only these shards; NULL: all */
    size_t n_shard_ids;
} shardy_scan_options;

#define SHARDY_SCAN_OPTIONS_INIT {.size = sizeof(shardy_scan_options)}

/* Rows in ascending order of stored key bytes over all chosen shards. A scan is used by one thread
 * at a time and keeps its snapshot alive. `options` may be NULL. Out: owned, freed with
 * shardy_scan_close. */
SHARDY_API shardy_status shardy_reader_scan(shardy_reader *reader,
                                            const shardy_scan_options *options, shardy_scan **out,
                                            shardy_error *err);
/* The next row: key and value are borrowed until the next call or close. At the end *more is false.
 * After an error the scan stays failed. */
SHARDY_API shardy_status shardy_scan_next(shardy_scan *scan, bool *more, shardy_key *key,
                                          shardy_slice *value, shardy_error *err);
SHARDY_API void shardy_scan_close(shardy_scan *scan); /* NULL is allowed */

/* ---- nearest neighbours ---- */

typedef struct shardy_search_options {
    size_t size;
    uint32_t top_k;   /* default 10 */
    uint32_t nprobes; /* partitions searched per shard; default: the snapshot's, else all */
    bool exact;       /* search every partition and ignore nprobes */
    const uint32_t *shard_ids; /* only these shards; NULL: all */
    size_t n_shard_ids;
    bool with_vectors; /* fill hit.vector */
} shardy_search_options;

#define SHARDY_SEARCH_OPTIONS_INIT {.size = sizeof(shardy_search_options)}

typedef struct shardy_hit {
    shardy_slice id;      /* UTF-8 */
    double score;         /* the metric's exact distance; smaller is nearer */
    shardy_slice payload; /* data NULL: null */
    const float *vector;  /* dim floats if with_vectors, else NULL */
    uint32_t db_id;
} shardy_hit;

/* Hits in ascending order of score, ties by id. Everything is borrowed from the result. */
typedef struct shardy_search_result {
    size_t size;
    const shardy_hit *hits;
    size_t n_hits;
    uint32_t num_shards_queried; /* empty shards are not asked */
    uint64_t distances;          /* distance computations made */
    double latency_ms;
} shardy_search_result;

/* The rows nearest to `query` (`dim` floats, copied). `options` may be NULL. *out is owned, freed
 * with shardy_search_result_free. SHARDY_E_CONFIG: the snapshot has no vectors, wrong dim, NaN or
 * infinity, a zero query under cosine, an unknown shard id. SHARDY_E_VECTOR_SEARCH,
 * SHARDY_E_CORRUPT, SHARDY_E_IO. */
SHARDY_API shardy_status shardy_reader_search(shardy_reader *reader, const float *query,
                                              uint32_t dim, const shardy_search_options *options,
                                              shardy_search_result **out, shardy_error *err);
SHARDY_API void shardy_search_result_free(shardy_search_result *result);

/* Copy the vector stored under this vector id into `out` (dim floats). *found false if there is
 * none. Looks at the ids of all shards, so it costs time linear in the number of vectors. */
SHARDY_API shardy_status shardy_reader_vector(shardy_reader *reader, shardy_slice id, float *out,
                                              uint32_t dim, bool *found, shardy_error *err);

#ifdef __cplusplus
}
#endif
#endif

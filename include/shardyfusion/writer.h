/* writer.h: build one snapshot from rows.
 *
 *     shardy_writer_open -> shardy_writer_add ... | shardy_writer_add_arrow ... ->
 *     shardy_writer_finish -> shardy_writer_close
 *
 * Rows are routed and buffered as they arrive. `finish` sorts every shard by stored key (of two
 * rows with one key the later one wins, value and vector), builds all shards on a thread pool, each
 * as one attempt under a fresh URL, and publishes them: first the manifest object, then `_CURRENT`.
 * Readers see the old snapshot or the whole new one. A writer that is closed without `finish`, or
 * whose `finish` fails, publishes nothing and removes what it wrote.
 *
 * Threads: a writer belongs to one thread at a time. Fork: a writer inherited by a child answers
 * SHARDY_E_FORKED.
 */
#ifndef SHARDYFUSION_WRITER_H
#define SHARDYFUSION_WRITER_H

#include "shardyfusion/arrow.h"
#include "shardyfusion/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shardy_writer shardy_writer;

/* Where a build stands. `bytes` counts bytes given to the store. */
typedef struct shardy_progress {
    uint64_t rows_added;
    uint32_t shards_total; /* 0 until finish has begun */
    uint32_t shards_built;
    uint64_t bytes_written;
} shardy_progress;

/* Called at most about ten times a second, never from two threads at once, from the thread that
 * adds or from pool threads during finish. Returning false cancels the build: the running call and
 * all later ones return SHARDY_E_CANCELLED and nothing is published. */
typedef bool (*shardy_progress_fn)(void *ctx, const shardy_progress *progress);

typedef struct shardy_writer_options {
    size_t size;
    const char *prefix;               /* required: file:///dir, a plain path, or memory://name */
    uint32_t num_dbs;                 /* required: number of shards, >= 1 */
    shardy_key_encoding key_encoding; /* default AUTO */
    const shardy_vector_spec *vector; /* NULL: a snapshot without vectors */
    const char *run_id;               /* default: 32 random hex digits; [A-Za-z0-9._-]+ */
    const char *key_col;              /* recorded in the manifest; default "_key" */
    const char *shard_prefix;         /* default "shards"; one path segment */
    const char *db_path_template;     /* default "db={db_id:05d}"; must contain {db_id} */
    const char *custom_json;          /* JSON object merged into the manifest's `custom` */
    uint32_t threads;                 /* shards built at once; default: the machine's cores */
    uint64_t memory_limit;            /* bytes of buffered rows; default: 3/4 of the machine's.
                                         Rows beyond it are SHARDY_E_LIMIT (there is no spilling) */
    /* Key-value part of a shard. */
    uint32_t block_size;            /* bytes; default 4096; 1024 .. 65536 */
    uint32_t bloom_bits_per_key;    /* default 10; 2 .. 32 (with 1 the format probes no bit) */
    uint64_t sst_bytes;             /* an SST is closed once it holds this much; default 256 MiB */
    shardy_compression compression; /* default NONE */
    shardy_progress_fn progress;
    void *progress_ctx;
    shardy_log_fn log;
    void *log_ctx;
} shardy_writer_options;

#define SHARDY_WRITER_OPTIONS_INIT {.size = sizeof(shardy_writer_options)}

/* Check the options, create the writer. Strings in options are copied. Nothing is written yet, but
 * a prefix that cannot become a directory (a file, read-only, wrong scheme) is refused here.
 * Out: owned, closed with shardy_writer_close.
 * SHARDY_E_CONFIG, SHARDY_E_UNSUPPORTED (s3://, pq), SHARDY_E_IO, SHARDY_E_NO_MEMORY. */
SHARDY_API shardy_status shardy_writer_open(const shardy_writer_options *options,
                                            shardy_writer **out, shardy_error *err);

/* One row. All memory is copied. */
typedef struct shardy_row {
    size_t size;
    shardy_key key;
    shardy_slice value; /* any bytes, may be empty, up to SHARDY_VALUE_MAX; data must not be NULL */
    const float *vector; /* `vector_len` floats; required if the snapshot has vectors, else NULL */
    uint32_t vector_len; /* must equal the spec's dim */
    shardy_slice vector_id; /* UTF-8; absent: the key (integers in decimal, bytes keys in hex) */
    shardy_slice payload;   /* UTF-8, normally a JSON object; absent: null */
} shardy_row;

#define SHARDY_ROW_INIT {.size = sizeof(shardy_row)}
#define SHARDY_VALUE_MAX 2147483647u

/* Add one row. A refused row (SHARDY_E_CONFIG: key type differs from the first row's, key or value
 * out of bounds, not UTF-8, vector missing, of the wrong length, with NaN or infinity, all zeros
 * under cosine; SHARDY_E_ASSIGNMENT) leaves the writer as it was: the caller may go on without the
 * row or close the writer. SHARDY_E_LIMIT, SHARDY_E_NO_MEMORY, SHARDY_E_STATE after finish. */
SHARDY_API shardy_status shardy_writer_add(shardy_writer *writer, const shardy_row *row,
                                           shardy_error *err);

/* Which columns of a record batch are what, by name. Strings are borrowed for the call. */
typedef struct shardy_arrow_columns {
    size_t size;
    const char *key;    /* required; any integer type, (large_)string, string_view, (large_)binary,
                           binary_view */
    const char *value;  /* required; (large_)binary, (large_)string or a view of either */
    const char *vector; /* required with vectors; fixed_size_list, list or large_list of
                           float16, float32 or float64 */
    const char *vector_id;             /* optional; string or integer; default: the key */
    const char *payload;               /* optional; string column taken as it is */
    const char *const *payload_fields; /* optional: columns gathered into one JSON object per row;
                                          not together with `payload` */
    size_t n_payload_fields;
} shardy_arrow_columns;

#define SHARDY_ARROW_COLUMNS_INIT {.size = sizeof(shardy_arrow_columns)}

/* Add all rows of one record batch (a struct array). Schema and array are borrowed for the call and
 * not released. A bad schema is SHARDY_E_CONFIG naming the column, a bad row is SHARDY_E_CONFIG
 * naming the column or the row's key; the writer has then failed: every further call answers the
 * same error. Null keys, values and vectors are refused, a null payload is null. */
SHARDY_API shardy_status shardy_writer_add_arrow(shardy_writer *writer,
                                                 const struct ArrowSchema *schema,
                                                 const struct ArrowArray *batch,
                                                 const shardy_arrow_columns *columns,
                                                 shardy_error *err);

/* What was built. */
typedef struct shardy_build_result {
    size_t size;
    shardy_snapshot_info snapshot;
    uint64_t rows_written;   /* rows added, duplicates included */
    uint64_t duplicate_rows; /* of them: replaced by a later row with the same key */
    uint32_t attempts;       /* shard attempts made */
    uint32_t n_shards;       /* non-empty shards */
    const shardy_shard_info *shards;
    uint64_t sharding_ms; /* from open to finish: routing and buffering, as the caller drove it */
    uint64_t write_ms;    /* sorting, building and storing shards */
    uint64_t manifest_ms; /* publishing */
    uint64_t total_ms;
} shardy_build_result;

/* Build, store and publish. On success *out (may be NULL) is owned, freed with
 * shardy_build_result_free. May be called once.
 * SHARDY_E_CONFIG: another builder has taken the run id meanwhile. SHARDY_E_COVERAGE names the
 * shards that failed and their causes; SHARDY_E_VECTOR_INDEX if the only causes are index builds;
 * SHARDY_E_PUBLISH_MANIFEST; SHARDY_E_PUBLISH_CURRENT carries the manifest's ref in its message:
 * that object is complete and can still be published; SHARDY_E_CANCELLED. */
SHARDY_API shardy_status shardy_writer_finish(shardy_writer *writer, shardy_build_result **out,
                                              shardy_error *err);

SHARDY_API void shardy_build_result_free(shardy_build_result *result);

/* Free the writer and whatever an unfinished build left behind. NULL is allowed. */
SHARDY_API void shardy_writer_close(shardy_writer *writer);

#ifdef __cplusplus
}
#endif
#endif

/* types.h: the small value types that every other header uses.
 *
 * Four words say who owns a pointer:
 *   borrowed  valid until the named event, never freed by the receiver
 *   copied    read during the call, free to change afterwards
 *   consumed  ownership passes to the callee, on success and on failure
 *   owned     ownership passes to the caller, who releases it with the named function
 *
 * Options structs start with `size` and have an `_INIT` macro; a zero field means "the default".
 */
#ifndef SHARDYFUSION_TYPES_H
#define SHARDYFUSION_TYPES_H

#include "shardyfusion/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A run of bytes. Borrowed unless a comment says otherwise. data == NULL means "absent"; an empty
 * value has a non-NULL data and len 0. */
typedef struct shardy_slice {
    const void *data;
    size_t len;
} shardy_slice;

/* What a key is to its user. It decides the bytes that are hashed (route.h). */
typedef enum shardy_key_type {
    SHARDY_KEY_INT = 1,  /* i64 */
    SHARDY_KEY_STR = 2,  /* bytes: UTF-8 */
    SHARDY_KEY_BYTES = 3 /* bytes: anything */
} shardy_key_type;

typedef struct shardy_key {
    shardy_key_type type;
    int64_t i64;        /* INT */
    shardy_slice bytes; /* STR and BYTES; borrowed for the call */
} shardy_key;

/* How keys are stored in a shard. AUTO: from the first key (int: u64be, str: utf8, bytes: raw). */
typedef enum shardy_key_encoding {
    SHARDY_ENCODING_AUTO = 0,
    SHARDY_ENCODING_U64BE = 1,
    SHARDY_ENCODING_U32BE = 2,
    SHARDY_ENCODING_UTF8 = 3,
    SHARDY_ENCODING_RAW = 4
} shardy_key_encoding;

/* Distance of two vectors; smaller is nearer.
 * COSINE 1 - cos(a, b); L2 squared Euclidean distance; DOT 1 - a.b */
typedef enum shardy_metric {
    SHARDY_METRIC_COSINE = 0,
    SHARDY_METRIC_L2 = 1,
    SHARDY_METRIC_DOT = 2
} shardy_metric;

typedef enum shardy_index_type {
    SHARDY_INDEX_HNSW = 0,
    SHARDY_INDEX_IVF = 1,
    SHARDY_INDEX_FLAT = 2
} shardy_index_type;

/* DEFAULT lets the index type decide; SQ is 8-bit scalar quantisation ("sq", "fp16" and "i8" all
 * mean it); NONE keeps float32. */
typedef enum shardy_quantization {
    SHARDY_QUANTIZATION_DEFAULT = 0,
    SHARDY_QUANTIZATION_NONE = 1,
    SHARDY_QUANTIZATION_SQ = 2
} shardy_quantization;

typedef enum shardy_compression {
    SHARDY_COMPRESSION_NONE = 0,
    SHARDY_COMPRESSION_ZSTD = 4 /* the number that SlateDB stores */
} shardy_compression;

/* Names as in manifests and in Python: "u64be", "cosine", "dot_product", "hnsw", "none", "zstd".
 * The name functions answer "unknown" for other values. The parse functions set *out and return
 * SHARDY_OK, or SHARDY_E_CONFIG naming the value and what is allowed; *out is then unchanged.
 * shardy_quantization_parse(NULL or "") gives DEFAULT; "pq" is SHARDY_E_UNSUPPORTED. */
SHARDY_API const char *shardy_key_encoding_name(shardy_key_encoding encoding);
SHARDY_API const char *shardy_metric_name(shardy_metric metric);
SHARDY_API const char *shardy_index_type_name(shardy_index_type type);
SHARDY_API const char *shardy_quantization_name(shardy_quantization quantization);
SHARDY_API const char *shardy_compression_name(shardy_compression compression);
SHARDY_API shardy_status shardy_key_encoding_parse(const char *name, shardy_key_encoding *out,
                                                   shardy_error *err);
SHARDY_API shardy_status shardy_metric_parse(const char *name, shardy_metric *out,
                                             shardy_error *err);
SHARDY_API shardy_status shardy_index_type_parse(const char *name, shardy_index_type *out,
                                                 shardy_error *err);
SHARDY_API shardy_status shardy_quantization_parse(const char *name, shardy_quantization *out,
                                                   shardy_error *err);
SHARDY_API shardy_status shardy_compression_parse(const char *name, shardy_compression *out,
                                                  shardy_error *err);

/* What the vectors of a snapshot are and how each shard indexes them. */
typedef struct shardy_vector_spec {
    size_t size;
    uint32_t dim; /* 1 .. SHARDY_DIM_MAX */
    shardy_metric metric;
    shardy_index_type index_type;
    shardy_quantization quantization;
    /* Index parameters, up to 2^31-1; 0 means "the library chooses". */
    uint32_t m;
    uint32_t ef_construction;
    uint32_t num_partitions;
    uint32_t ef;
    uint32_t nprobes;
    uint32_t refine_factor;
} shardy_vector_spec;

#define SHARDY_VECTOR_SPEC_INIT {.size = sizeof(shardy_vector_spec)}
#define SHARDY_DIM_MAX 65536u

/* Set one index parameter by its name in `index_params`: M, ef_construction, num_partitions, ef,
 * nprobes, refine_factor. SHARDY_E_CONFIG for an unknown name or a value outside 1 .. 2^31-1. */
SHARDY_API shardy_status shardy_vector_spec_set_param(shardy_vector_spec *spec, const char *name,
                                                      int64_t value, shardy_error *err);

/* SHARDY_E_CONFIG (or SHARDY_E_UNSUPPORTED) unless the spec can be built; names field, value, rule.
 */
SHARDY_API shardy_status shardy_vector_spec_check(const shardy_vector_spec *spec,
                                                  shardy_error *err);

/* One line of log. `level` as in syslog: 3 error, 4 warning, 6 info, 7 debug. `message` is borrowed
 * for the call. May be called from any thread of the library, never two at once for one handle. */
typedef void (*shardy_log_fn)(void *ctx, int level, const char *message);

/* Facts about one shard of a snapshot. Strings are borrowed from the object that holds the struct.
 * min_key and max_key are JSON scalars (5, "a"), NULL where unknown, where the shard is empty or
 * where a bytes key is not UTF-8. */
typedef struct shardy_shard_info {
    uint32_t db_id;
    const char *db_url; /* NULL for an empty shard */
    uint32_t attempt;
    uint64_t row_count; /* distinct keys stored */
    uint64_t db_bytes;  /* bytes of all objects of the shard */
    const char *min_key;
    const char *max_key;
    const char *checkpoint_id;  /* 32 hex digits, or NULL */
    const char *writer_info;    /* JSON object text */
    uint64_t vector_count;      /* rows of the vector table; 0 where not recorded */
    const char *vector_index;   /* what was built, e.g. "IVF_FLAT"; NULL where none */
    uint32_t vector_partitions; /* of that index; 0 where none */
} shardy_shard_info;

#ifdef __cplusplus
}
#endif
#endif

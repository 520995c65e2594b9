/* snapshot.h: facts about one published snapshot.
 *
 * A snapshot is the set of immutable shards that one manifest names. `{prefix}/_CURRENT` names the
 * manifest that readers open. Layout and formats: docs/format/snapshot.md.
 */
#ifndef SHARDYFUSION_SNAPSHOT_H
#define SHARDYFUSION_SNAPSHOT_H

#include "shardyfusion/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All strings and arrays are borrowed from the object that filled the struct (a reader, a build
 * result) and live as long as it. Times are RFC 3339 UTC text as stored. */
typedef struct shardy_snapshot_info {
    size_t size;
    const char *prefix; /* as the manifest records it */
    const char *run_id;
    const char *manifest_ref;
    const char *created_at;
    const char *published_at; /* of _CURRENT; NULL before publication */
    uint32_t num_dbs;         /* shards, empty ones included */
    uint32_t num_shards;      /* non-empty shards */
    uint64_t row_count;
    uint64_t db_bytes;
    const char *strategy;       /* "hash" */
    const char *hash_algorithm; /* "xxh3_64" */
    const char *key_col;
    const char *key_encoding;
    /* Vectors; has_vectors false leaves the rest zero. */
    bool has_vectors;
    uint32_t dim;
    uint64_t vector_count;
    const char *metric;
    const char *index_type;   /* as asked for */
    const char *quantization; /* as asked for; NULL where not given */
    const char *index_built; /* as built, e.g. "IVF_FLAT", "mixed" if shards differ; NULL unknown */
    const char *index_note;  /* why it differs from what was asked for; NULL where it does not */
    const char *custom_json; /* the manifest's whole `custom` object */
} shardy_snapshot_info;

#define SHARDY_SNAPSHOT_INFO_INIT {.size = sizeof(shardy_snapshot_info)}

#ifdef __cplusplus
}
#endif
#endif

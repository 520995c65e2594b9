/* snapshot.h (internal): the manifest, `_CURRENT` and where objects of a snapshot live.
 *
 * This folder alone knows what a manifest looks like. Format: docs/format/snapshot.md.
 */
#ifndef SHARDY_SNAPSHOT_SNAPSHOT_H
#define SHARDY_SNAPSHOT_SNAPSHOT_H

#include "base/io.h"
#include "shardyfusion/snapshot.h"

#define SHARDY__MANIFEST_CONTENT_TYPE "application/x-sqlite3"
#define SHARDY__MANIFEST_VERSION 4
#define SHARDY__VECTOR_TABLE_PATH "vector/vector_index.lance"
#define SHARDY__NUM_DBS_MAX 1048576u /* readers hold an entry per shard, empty ones included */

/* ---- model ---- */

/* One stored object of a shard, from the table `shard_objects`. */
typedef struct shardy__manifest_object {
    uint32_t db_id;
    char *name; /* relative to the shard's db_url */
    uint64_t size;
    uint64_t xxh3; /* XXH3-64 of its bytes */
} shardy__manifest_object;

/* A manifest in memory. All strings are owned by it (shardy__manifest_free); zeroed is empty. */
typedef struct shardy__manifest {
    char *run_id, *created_at, *prefix, *key_col, *db_path_template, *shard_prefix;
    uint32_t num_dbs;
    shardy_key_encoding key_encoding;
    char *sharding_json;       /* NULL when building: plain hash */
    char *custom_json;         /* an object */
    shardy_shard_info *shards; /* non-empty shards, ascending db_id; strings owned */
    uint32_t n_shards;
    shardy__manifest_object *objects; /* ascending (db_id, name); empty if not recorded */
    size_t n_objects;
    /* Parsed out of custom["vector"] and custom["shardyfusion"]; borrowed strings of this manifest.
     */
    bool has_vectors;
    uint32_t dim, nprobes;
    shardy_metric metric;
    char *index_type, *quantization, *index_note;
} shardy__manifest;

void shardy__manifest_free(shardy__manifest *m);

/* The recorded objects of a shard, borrowed; NULL if there are none. */
const shardy__manifest_object *shardy__manifest_objects(const shardy__manifest *m, uint32_t db_id,
                                                        size_t *n);
/* Read a whole object below its shard's directory and compare size and checksum with what is
 * recorded. SHARDY_E_CORRUPT says what differs without naming the object. */
shardy_status shardy__manifest_object_check(shardy__dir *shard,
                                            const shardy__manifest_object *object,
                                            shardy_error *err);

/* The SQLite image of a manifest (version 4). SHARDY_E_MANIFEST_BUILD. */
shardy_status shardy__manifest_encode(const shardy__manifest *m, shardy__buf *out,
                                      shardy_error *err);
/* Parse and validate an image as the compatibility rules say: magic, exactly one build_meta row,
 * version 4, ids unique and in [0, num_dbs), known strategy ("hash"; "cel" is SHARDY_E_UNSUPPORTED)
 * and hash algorithm, db_urls of shards. SHARDY_E_MANIFEST_PARSE naming the field. */
shardy_status shardy__manifest_decode(const void *image, size_t len, shardy__manifest *out,
                                      shardy_error *err);

/* Fill the public struct from a manifest; strings are borrowed from it and from `ref` and
 * `published`. */
void shardy__manifest_info(const shardy__manifest *m, const char *ref, const char *published,
                           shardy_snapshot_info *out);

/* custom_json for a build: `user_json` (NULL or an object; the keys "vector" and "shardyfusion" are
 * SHARDY_E_CONFIG) with custom["vector"] and custom["shardyfusion"] added, keys sorted, as Python's
 * json.dumps writes it. `spec` NULL: no vectors. Shard facts (vector_count, vector_index,
 * vector_partitions) come from `shards`. *out is owned. */
typedef struct shardy__custom {
    const char *user_json;
    const shardy_vector_spec *spec;
    const char *index_note;
    const shardy_shard_info *shards;
    uint32_t n_shards;
    uint64_t duplicate_rows;
} shardy__custom;
shardy_status shardy__custom_json(const shardy__custom *in, char **out, shardy_error *err);

/* A JSON scalar for a key (min_key, max_key); NULL with SHARDY_OK for bytes that are not UTF-8. */
shardy_status shardy__key_json(const shardy_key *key, char **out, shardy_error *err);

/* ---- names ---- */

/* SHARDY_E_CONFIG: names the option, the value and the rule. NULL values are the defaults. */
shardy_status shardy__check_run_id(const char *run_id, shardy_error *err);
shardy_status shardy__check_shard_prefix(const char *shard_prefix, shardy_error *err);
/* The template may contain {db_id} or {db_id:0Nd} once or more, and must. */
shardy_status shardy__check_db_path_template(const char *path_template, shardy_error *err);

/* `{shard_prefix}/run_id={run_id}/{template}/attempt={attempt:02d}`, relative to the prefix; owned.
 */
shardy_status shardy__shard_path(const char *shard_prefix, const char *run_id,
                                 const char *path_template, uint32_t db_id, uint32_t attempt,
                                 char **out, shardy_error *err);

/* Where an absolute reference of a manifest lies below the prefix that was opened: the path
 * relative to it. References below `recorded_prefix` (or, for manifests, with "/manifests/" in them
 * when recorded_prefix is NULL) are moved; others are SHARDY_E_UNSUPPORTED. *out is owned. */
shardy_status shardy__relative_ref(const char *ref, const char *recorded_prefix, char **out,
                                   shardy_error *err);

/* ---- _CURRENT and publishing ---- */

typedef struct shardy__current {
    char *manifest_ref, *run_id, *updated_at;
} shardy__current;

void shardy__current_free(shardy__current *c);
shardy_status shardy__current_encode(const shardy__current *c, shardy__buf *out, shardy_error *err);
/* SHARDY_E_MANIFEST_PARSE. */
shardy_status shardy__current_decode(const void *json, size_t len, shardy__current *out,
                                     shardy_error *err);

/* A snapshot as loaded from a prefix. */
typedef struct shardy__loaded {
    shardy__current current;
    shardy__manifest manifest;
} shardy__loaded;
void shardy__loaded_free(shardy__loaded *l);
/* _CURRENT -> manifest. SHARDY_E_STATE if there is no _CURRENT, SHARDY_E_MANIFEST_PARSE. */
shardy_status shardy__load(shardy__dir *prefix, const char *current_name, shardy__loaded *out,
                           shardy_error *err);

/* Write the manifest object `manifests/{ts}_run_id={run_id}/manifest`, then `_CURRENT`; both
 * durable, in this order. Each is tried up to three times if its error may pass. *ref_out (owned)
 * is the manifest's URL and is also set when only _CURRENT failed. SHARDY_E_PUBLISH_MANIFEST,
 * SHARDY_E_PUBLISH_CURRENT (the message carries the ref). */
shardy_status shardy__publish(shardy__dir *prefix, const shardy__manifest *m, char **ref_out,
                              char **published_out, shardy_error *err);

#endif

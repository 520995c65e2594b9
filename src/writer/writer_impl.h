/* writer_impl.h: what the writer's files share.
 *
 * Data flows one way: writer.c (options, one row) and writer_arrow.c (batches) fill shardy__rows;
 * writer_finish.c runs writer_build.c once per shard on a pool and publishes what the attempts
 * report; writer_index.c decides and trains the vector index for all shards.
 */
#ifndef SHARDY_WRITER_WRITER_IMPL_H
#define SHARDY_WRITER_WRITER_IMPL_H

#include <stdatomic.h>

#include "base/io.h"
#include "base/log.h"
#include "base/thread.h"
#include "lance/lance.h"
#include "shardyfusion/writer.h"
#include "slatedb/slatedb.h"
#include "snapshot/snapshot.h"
#include "writer/writer_rows.h"

/* Reports progress and carries cancellation. `lock` guards `last_ns` and calls of the user's
 * function; the counters are atomic. */
typedef struct shardy__meter {
    shardy_progress_fn fn;
    void *ctx;
    shardy__mutex lock;
    uint64_t last_ns;
    _Atomic uint64_t rows, bytes;
    _Atomic uint32_t shards_total, shards_built;
    _Atomic bool cancelled;
} shardy__meter;

/* Tell the user if it is time to (or `force`); false once the build is cancelled. */
bool shardy__meter_report(shardy__meter *meter, bool force);

struct shardy_writer {
    shardy_writer_options options; /* strings owned, below */
    char *prefix, *run_id, *key_col, *shard_prefix, *db_path_template, *custom_json;
    shardy_vector_spec spec;      /* dim 0: no vectors */
    shardy_key_encoding encoding; /* AUTO until the first row */
    shardy_key_type key_type;     /* 0 until the first row */
    shardy__dir *dir;
    shardy__rows *shards; /* num_dbs */
    shardy__log log;
    shardy__meter meter;
    uint64_t rows, bytes, limit, opened_ns;
    uint32_t fork_generation;
    bool run_named;      /* the caller chose the run id, so somebody else may have chosen it too */
    bool finished;       /* finish was called */
    bool write_behind;   /* fewer shards to build than threads to build them */
    shardy_error failed; /* code not OK: a batch was refused or the build was cancelled, and every
                            call answers this */
};

/* Used by writer_arrow.c for each row of a batch; the public function checks the handle first. */
shardy_status shardy__writer_add_row(shardy_writer *w, const shardy_row *row, shardy_error *err);

/* SHARDY_E_FORKED, SHARDY_E_STATE, or the earlier failure. */
shardy_status shardy__writer_usable(const shardy_writer *w, shardy_error *err);

/* SHARDY_E_CONFIG: somebody else has, or had, this run id. */
shardy_status shardy__run_taken(const shardy_writer *w, shardy_error *err);

/* ---- index, once per build (writer_index.c) ---- */

typedef struct shardy__index_plan {
    shardy__lance_index_kind kind;
    uint32_t partitions; /* 1: each shard uses its own mean */
    float *centroids;    /* partitions x dim, trained on all shards; NULL if partitions is 1 */
    const char *note;    /* static; why the index is not what was asked for; NULL if it is */
} shardy__index_plan;

shardy_status shardy__index_plan_make(shardy_writer *w, shardy__index_plan *out, shardy_error *err);
void shardy__index_plan_free(shardy__index_plan *plan);

/* ---- one attempt at one shard (writer_build.c) ---- */

/* What an attempt left in the store: all that publishing needs to know of a shard. */
typedef struct shardy__attempt {
    shardy_shard_info info; /* strings owned; db_url NULL: no attempt was made (empty shard) */
    shardy__manifest_object *objects;
    size_t n_objects;
    uint64_t duplicate_rows;
} shardy__attempt;

/* Sort, store and describe the rows of shard `db_id`. On failure nothing of the attempt is left in
 * the store (best effort) and *out is empty. */
shardy_status shardy__attempt_build(shardy_writer *w, uint32_t db_id, uint32_t attempt,
                                    const shardy__index_plan *plan, shardy__attempt *out,
                                    shardy_error *err);
void shardy__attempt_free(shardy__attempt *attempt);

/* The vector table of a shard, rows in `order` (writer_index.c). `dir` is the .lance directory. */
shardy_status shardy__vector_table_write(shardy__dir *dir, const shardy_writer *w,
                                         const shardy__rows *rows, const uint32_t *order,
                                         uint32_t n, const shardy__index_plan *plan,
                                         shardy_error *err);

#endif

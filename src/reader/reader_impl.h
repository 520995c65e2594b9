/* reader_impl.h: what the reader's files share.
 *
 * A state is one snapshot as opened: manifest, router facts, shards that open at first use. It is
 * counted: the reader holds one reference, and so does everything that borrows from it (values,
 * scans, search results). Refreshing a reader will be a swap of its state.
 *
 * Locks: shard->lock guards the opening of that shard only; it is held while the shard's objects
 * are opened so that two threads do not open them twice. Opened parts are published with release
 * order and never change.
 */
#ifndef SHARDY_READER_READER_IMPL_H
#define SHARDY_READER_READER_IMPL_H

#include <stdatomic.h>

#include "base/io.h"
#include "base/log.h"
#include "base/thread.h"
#include "lance/lance.h"
#include "shardyfusion/reader.h"
#include "slatedb/slatedb.h"
#include "snapshot/snapshot.h"

typedef struct shardy__reader_shard {
    const shardy_shard_info *info; /* db_url NULL: empty */
    shardy__mutex lock;
    shardy__dir *dir, *table_dir; /* under lock until the parts are published */
    _Atomic(shardy__slatedb *) kv;
    _Atomic(shardy__lance *) table;
} shardy__reader_shard;

typedef struct shardy__reader_state {
    _Atomic uint64_t refs;
    shardy__dir *prefix;
    shardy__loaded loaded;
    shardy_shard_info *infos;     /* num_dbs; strings borrowed from the manifest */
    shardy__reader_shard *shards; /* num_dbs */
    uint32_t num_dbs, threads;
} shardy__reader_state;

struct shardy_reader {
    shardy__reader_state *state;
    shardy__log log;
    uint32_t fork_generation;
};

/* *out has one reference. */
shardy_status shardy__state_open(const char *prefix, const char *current_name, uint32_t threads,
                                 shardy__reader_state **out, shardy_error *err);
static inline void shardy__state_ref(shardy__reader_state *state) {
    atomic_fetch_add_explicit(&state->refs, 1, memory_order_relaxed);
}
void shardy__state_unref(shardy__reader_state *state); /* NULL is allowed */

/* The parts of a shard, opened at first use. *out NULL: the shard is empty. Errors name the shard.
 */
shardy_status shardy__state_kv(shardy__reader_state *state, uint32_t db_id, shardy__slatedb **out,
                               shardy_error *err);
shardy_status shardy__state_table(shardy__reader_state *state, uint32_t db_id, shardy__lance **out,
                                  shardy_error *err);

/* Put "shard N: " in front of the message and set err->shard; returns rc. */
shardy_status shardy__shard_error(shardy_status rc, uint32_t db_id, shardy_error *err);

/* SHARDY_E_ARGUMENT for NULL, SHARDY_E_FORKED in a forked child. */
shardy_status shardy__reader_usable(const shardy_reader *reader, shardy_error *err);

/* The shards to ask: those of `ids` or, if NULL, of all shards that are not empty. *out (owned)
 * holds *n distinct numbers, ascending. SHARDY_E_CONFIG for one that does not exist. */
shardy_status shardy__choose_shards(const shardy__reader_state *state, const uint32_t *ids,
                                    size_t n_ids, uint32_t **out, uint32_t *n, shardy_error *err);

#endif

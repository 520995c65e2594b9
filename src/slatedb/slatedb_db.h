/* slatedb_db.h: an open database, as the reader, the iterator and the check share it. */
#ifndef SHARDY_SLATEDB_DB_H
#define SHARDY_SLATEDB_DB_H

#include "base/thread.h"
#include "slatedb/slatedb.h"
#include "slatedb/slatedb_sst.h"

/* SSTs are opened at first use: `sst` is set once, under the lock. */
typedef struct shardy__sdb_slot {
    _Atomic(shardy__sdb_sst *) sst;
    shardy__mutex lock;
} shardy__sdb_slot;

struct shardy__slatedb {
    shardy__dir *dir;  /* borrowed */
    shardy__buf bytes; /* the manifest object, which `manifest` borrows */
    char *manifest_url;
    shardy__sdb_manifest manifest;
    shardy__sdb_slot *slots; /* one per table of the manifest */
    shardy__sdb_decoders *decoders;
};

/* The open SST of table i; borrowed until the database is closed. */
shardy_status shardy__sdb_use(shardy__slatedb *db, size_t i, shardy__sdb_sst **out,
                              shardy_error *err);

/* The last table of [run->begin, run->end) whose first key is not greater than `key`; run->end if
 * there is none. As the manifest says, so not to be believed before the SST is open. */
size_t shardy__sdb_run_find(const shardy__slatedb *db, const shardy__sdb_run *run,
                            shardy_slice key);

/* Make sure that rows found in `block` for `key` are the newest: where the key equals the block's
 * index key, older versions of it could begin in the block before, which is then checked. *first is
 * the first block to read. */
static inline uint32_t shardy__sdb_first_needed(const shardy__sdb_sst *sst, uint32_t block,
                                                shardy_slice key) {
    if (!block || shardy__sdb_sst_checked(sst, block - 1)) return block;
    shardy_slice index_key = shardy__sdb_index_key(&sst->index, block);
    bool equal = index_key.len == key.len && !memcmp(index_key.data, key.data, key.len);
    return equal ? block - 1 : block;
}

#endif

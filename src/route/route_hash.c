/* route_hash.c: which shard a key belongs to.
 *
 * XXH3-64 with seed 0 (Yann Collet, https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md) of the
 * key's canonical bytes. The digest is part of the snapshot format: docs/format/routing.md.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"
#include "shardyfusion/route.h"

uint64_t shardy_route_digest(const shardy_key *key) {
    if (key->type == SHARDY_KEY_INT) {
        uint8_t bytes[8];
        shardy__put_le64(bytes, (uint64_t)key->i64);
        return XXH3_64bits(bytes, sizeof bytes);
    }
    return XXH3_64bits(key->bytes.data, key->bytes.data ? key->bytes.len : 0);
}

uint32_t shardy_route_hash(const shardy_key *key, uint32_t num_dbs) {
    return (uint32_t)(shardy_route_digest(key) % num_dbs);
}

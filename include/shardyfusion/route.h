/* route.h: which shard a key belongs to, and the bytes under which it is stored.
 *
 * Pure functions: no I/O, no allocation, any thread. They are a contract between writers and
 * readers of every implementation; tests/golden/route.json pins them.
 */
#ifndef SHARDYFUSION_ROUTE_H
#define SHARDYFUSION_ROUTE_H

#include "shardyfusion/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longest key that a shard stores, in bytes. An empty key cannot be stored. */
#define SHARDY_KEY_MAX 65535u

/* XXH3-64 (seed 0) of the key's canonical bytes: bytes as they are, a string's UTF-8, an integer's
 * 8 bytes two's complement little endian. Independent of the key encoding. */
SHARDY_API uint64_t shardy_route_digest(const shardy_key *key);

/* digest mod num_dbs; num_dbs must not be 0. */
SHARDY_API uint32_t shardy_route_hash(const shardy_key *key, uint32_t num_dbs);

/* The encoding that AUTO means for a first key of this type. */
SHARDY_API shardy_key_encoding shardy_key_encoding_for(shardy_key_type type);

/* Stored bytes of `key`. For utf8 and raw *out borrows the key's own bytes; for u64be and u32be
 * they are written to `scratch` (8 bytes) and borrowed from it.
 * SHARDY_E_CONFIG: type does not fit the encoding, integer out of range, empty or over-long key,
 * string (or utf8 key) that is not UTF-8. */
SHARDY_API shardy_status shardy_key_encode(const shardy_key *key, shardy_key_encoding encoding,
                                           uint8_t scratch[8], shardy_slice *out,
                                           shardy_error *err);

/* Like shardy_key_encode, but for looking up: integers may also be given as their 8 or 4 stored
 * bytes (which then also are what is hashed). Keys that cannot have been written are
 * SHARDY_E_CONFIG. */
SHARDY_API shardy_status shardy_key_encode_lookup(const shardy_key *key,
                                                  shardy_key_encoding encoding, uint8_t scratch[8],
                                                  shardy_slice *out, shardy_error *err);

/* The key whose stored bytes these are. *out borrows from `stored`. SHARDY_E_CORRUPT: stored bytes
 * that the encoding cannot have produced. */
SHARDY_API shardy_status shardy_key_decode(shardy_slice stored, shardy_key_encoding encoding,
                                           shardy_key *out, shardy_error *err);

/* Convenience constructors. The bytes stay borrowed from the caller. */
static inline shardy_key shardy_key_int(int64_t value) {
    shardy_key k = {SHARDY_KEY_INT, value, {0, 0}};
    return k;
}
static inline shardy_key shardy_key_str(const char *utf8, size_t len) {
    shardy_key k = {SHARDY_KEY_STR, 0, {utf8, len}};
    return k;
}
static inline shardy_key shardy_key_bytes(const void *data, size_t len) {
    shardy_key k = {SHARDY_KEY_BYTES, 0, {data, len}};
    return k;
}

#ifdef __cplusplus
}
#endif
#endif

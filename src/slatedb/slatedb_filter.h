/* slatedb_filter.h: the bloom filter of an SST. */
#ifndef SHARDY_SLATEDB_FILTER_H
#define SHARDY_SLATEDB_FILTER_H

#include "base/buf.h"
#include "slatedb/slatedb_format.h"

/* SipHash-1-3 under the zero key. */
uint64_t shardy__sdb_hash(const void *key, size_t len);

/* Probes per key for a number of bits per key. */
uint16_t shardy__sdb_filter_probes(uint32_t bits_per_key);

/* Most keys that one filter can hold: its size in bits must fit 32 bits. */
uint64_t shardy__sdb_filter_max_keys(uint32_t bits_per_key);

/* Append the filter block (without CRC) of `n` hashes, n >= 1, in the composite framing. */
void shardy__sdb_filter_put(shardy__buf *out, const uint64_t *hashes, size_t n,
                            uint32_t bits_per_key);

/* A filter to ask; borrows the bytes that it was parsed from. bits NULL: every key may be there. */
typedef struct shardy__sdb_filter {
    const uint8_t *bits;
    uint32_t m; /* number of bits */
    uint16_t probes;
} shardy__sdb_filter;

/* Parse a filter block (after CRC and decompression). Filters of unknown names are passed over, as
 * the engine does. The text of what is wrong, or NULL. */
const char *shardy__sdb_filter_parse(shardy__sdb_filter *out, const uint8_t *data, size_t len,
                                     uint8_t format);

static inline void shardy__sdb_filter_start(uint64_t hash, uint32_t m, uint64_t *p, uint64_t *d) {
    *p = (uint32_t)hash % m;
    *d = (uint32_t)(hash >> 32) % m;
}

/* The i-th probe is *p before the step; p and d stay below m, so that subtraction replaces most
 * divisions. */
static inline void shardy__sdb_filter_step(uint64_t i, uint32_t m, uint64_t *p, uint64_t *d) {
    *p += *d;
    if (*p >= m) *p -= m;
    *d += i + 1;
    if (*d >= m) *d = *d - m < m ? *d - m : *d % m; /* i may exceed a tiny m */
}

bool shardy__sdb_filter_may_hold(const shardy__sdb_filter *filter, uint64_t hash);
/* Fetch the cache lines that may_hold will want. */
void shardy__sdb_filter_prefetch(const shardy__sdb_filter *filter, uint64_t hash);

#endif

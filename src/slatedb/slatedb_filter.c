/* slatedb_filter.c: SipHash-1-3 and the bloom filter built on it.
 *
 * SipHash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, with one compression
 * and three finalisation rounds. The probe sequence is enhanced double hashing (Dillinger and
 * Manolios, "Bloom filters in probabilistic verification", 2004) with the halves of one 64-bit
 * hash, as in slatedb-0.18.0/src/filter.rs; the framing is in slatedb-0.18.0/src/format/sst.rs.
 */
#include "slatedb/slatedb_filter.h"

#include <string.h>

#include "base/bytes.h"

static const uint8_t bloom_name[3] = {'_', 'b', 'f'};

/* 370 bits per key: nobody writes more, and asking must not take for ever. */
enum { PROBES_MAX = 255 };

static inline uint64_t rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

struct sip {
    uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *s) {
    s->a += s->b;
    s->b = rotate(s->b, 13) ^ s->a;
    s->a = rotate(s->a, 32);
    s->c += s->d;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a += s->d;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c += s->b;
    s->b = rotate(s->b, 17) ^ s->c;
    s->c = rotate(s->c, 32);
}

static inline void sip_word(struct sip *s, uint64_t word) {
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

/* The last 0 .. 7 bytes as a little-endian number, without reading past them. */
static inline uint64_t tail_word(const uint8_t *p, size_t len) {
    if (len >= 4) {
        return shardy__le32(p) | (uint64_t)shardy__le32(p + len - 4) << 8 * (len - 4);
    }
    if (!len) return 0;
    return p[0] | (uint64_t)p[len / 2] << 8 * (len / 2) | (uint64_t)p[len - 1] << 8 * (len - 1);
}

uint64_t shardy__sdb_hash(const void *key, size_t len) {
    const uint8_t *p = key;
    struct sip s = {0x736f6d6570736575u, 0x646f72616e646f6du, 0x6c7967656e657261u,
                    0x7465646279746573u};
    size_t left = len;
    for (; left >= 8; p += 8, left -= 8) sip_word(&s, shardy__le64(p));
    sip_word(&s, tail_word(p, left) | (uint64_t)(len & 0xff) << 56);
    s.c ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

uint16_t shardy__sdb_filter_probes(uint32_t bits_per_key) {
    /* A product of two 32-bit floats, truncated: 10 gives 6, 13 gives 8. */
    volatile float product = (float)bits_per_key * 0.69f;
    return (uint16_t)product;
}

uint64_t shardy__sdb_filter_max_keys(uint32_t bits_per_key) {
    uint64_t by_bits = (UINT32_MAX - 7u) / bits_per_key;
    return by_bits < 400000000u ? by_bits : 400000000u;
}

void shardy__sdb_filter_put(shardy__buf *out, const uint64_t *hashes, size_t n,
                            uint32_t bits_per_key) {
    size_t bytes = (n * bits_per_key + 7) / 8;
    uint16_t probes = shardy__sdb_filter_probes(bits_per_key);
    uint32_t m = (uint32_t)(8 * bytes);
    shardy__buf_be16(out, 1);
    shardy__buf_be16(out, sizeof bloom_name);
    shardy__buf_put(out, bloom_name, sizeof bloom_name);
    shardy__buf_be64(out, 2 + bytes);
    shardy__buf_be16(out, probes);
    uint8_t *bits = shardy__buf_reserve(out, bytes);
    if (!bits) return;
    memset(bits, 0, bytes);
    out->len += bytes;
    for (size_t i = 0; i < n; i++) {
        uint64_t p, d;
        shardy__sdb_filter_start(hashes[i], m, &p, &d);
        for (uint64_t k = 0; k < probes; k++) {
            bits[p >> 3] = (uint8_t)(bits[p >> 3] | 1u << (p & 7));
            shardy__sdb_filter_step(k, m, &p, &d);
        }
    }
}

static const char *parse_bloom(shardy__sdb_filter *out, const uint8_t *data, uint64_t len) {
    if (len < 3) return "bloom filter is cut";
    if ((len - 2) * 8 > UINT32_MAX) return "bloom filter has more than 2^32 bits";
    if (shardy__be16(data) > PROBES_MAX) return "bloom filter has more than 255 probes";
    out->probes = shardy__be16(data);
    out->m = (uint32_t)((len - 2) * 8);
    out->bits = data + 2;
    return NULL;
}

const char *shardy__sdb_filter_parse(shardy__sdb_filter *out, const uint8_t *data, size_t len,
                                     uint8_t format) {
    memset(out, 0, sizeof *out);
    if (format == SHARDY__SDB_FILTER_LEGACY) return parse_bloom(out, data, len);
    const uint8_t *end = data + len;
    if (len < 2) return "number of filters is cut";
    size_t count = shardy__be16(data);
    data += 2;
    for (size_t i = 0; i < count; i++) {
        if (end - data < 2) return "name of a filter is cut";
        size_t name_len = shardy__be16(data);
        data += 2;
        if ((size_t)(end - data) < name_len + 8) return "head of a filter is cut";
        const uint8_t *name = data;
        uint64_t data_len = shardy__be64(data + name_len);
        data += name_len + 8;
        if (data_len > (uint64_t)(end - data)) return "filter is longer than its block";
        bool bloom = name_len == sizeof bloom_name && !memcmp(name, bloom_name, name_len);
        if (bloom && !out->bits) {
            const char *problem = parse_bloom(out, data, data_len);
            if (problem) return problem;
        }
        data += data_len;
    }
    return NULL;
}

bool shardy__sdb_filter_may_hold(const shardy__sdb_filter *filter, uint64_t hash) {
    if (!filter->bits) return true;
    uint64_t p, d;
    shardy__sdb_filter_start(hash, filter->m, &p, &d);
    for (uint64_t k = 0; k < filter->probes; k++) {
        if (!(filter->bits[p >> 3] >> (p & 7) & 1)) return false;
        shardy__sdb_filter_step(k, filter->m, &p, &d);
    }
    return true;
}

void shardy__sdb_filter_prefetch(const shardy__sdb_filter *filter, uint64_t hash) {
    if (!filter->bits) return;
    uint64_t p, d;
    shardy__sdb_filter_start(hash, filter->m, &p, &d);
    for (uint64_t k = 0; k < filter->probes; k++) {
        __builtin_prefetch(filter->bits + (p >> 3));
        shardy__sdb_filter_step(k, filter->m, &p, &d);
    }
}

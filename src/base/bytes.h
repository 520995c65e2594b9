/* bytes.h: unaligned loads and stores with a fixed byte order. */
#ifndef SHARDY_BASE_BYTES_H
#define SHARDY_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "big-endian machines are not supported: vectors are mapped as they are stored"
#endif

static inline uint16_t shardy__le16(const void *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}
static inline uint32_t shardy__le32(const void *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}
static inline uint64_t shardy__le64(const void *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}
static inline uint16_t shardy__be16(const void *p) { return __builtin_bswap16(shardy__le16(p)); }
static inline uint32_t shardy__be32(const void *p) { return __builtin_bswap32(shardy__le32(p)); }
static inline uint64_t shardy__be64(const void *p) { return __builtin_bswap64(shardy__le64(p)); }

static inline void shardy__put_le16(void *p, uint16_t v) { memcpy(p, &v, 2); }
static inline void shardy__put_le32(void *p, uint32_t v) { memcpy(p, &v, 4); }
static inline void shardy__put_le64(void *p, uint64_t v) { memcpy(p, &v, 8); }
static inline void shardy__put_be16(void *p, uint16_t v) {
    shardy__put_le16(p, __builtin_bswap16(v));
}
static inline void shardy__put_be32(void *p, uint32_t v) {
    shardy__put_le32(p, __builtin_bswap32(v));
}
static inline void shardy__put_be64(void *p, uint64_t v) {
    shardy__put_le64(p, __builtin_bswap64(v));
}

/* LEB128, as protobuf's and SlateDB's varints. `put` needs room for 10 bytes and returns the number
 * written. `get` reads from [p, end), sets *v and returns the number of bytes read; 0 if the varint
 * is cut or does not fit 64 bits. */
static inline size_t shardy__put_varint(uint8_t *p, uint64_t v) {
    size_t n = 0;
    while (v >= 0x80) {
        p[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    return n;
}

static inline size_t shardy__get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v) {
    uint64_t out = 0;
    for (unsigned shift = 0, n = 0; shift < 70; shift += 7, n++) {
        if (p + n >= end) return 0;
        uint8_t b = p[n];
        if (shift == 63 && b > 1) return 0;
        out |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *v = out;
            return n + 1;
        }
    }
    return 0;
}

static inline int shardy__slice_cmp(const void *a, size_t a_len, const void *b, size_t b_len) {
    size_t n = a_len < b_len ? a_len : b_len;
    int c = n ? memcmp(a, b, n) : 0;
    return c ? c : (a_len > b_len) - (a_len < b_len);
}

#endif

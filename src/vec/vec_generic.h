/* vec_generic.h: what the levels share: loops in plain C that each compiles for its own instruction
 * set, and the rules for sums in double precision.
 *
 * The loops are forced inline into a level's functions, so that the compiler vectorises them with
 * that level's registers.
 *
 * exact_dot and exact_l2 give the same bits on all levels because the order of summation is fixed:
 * SHARDY__LANES running sums, element i goes to sum i % SHARDY__LANES, and the sums are folded in
 * halves. Products of floats are exact in double precision, so exact_dot may be fused or not;
 * squared differences are not exact and must not be fused: C11 mode keeps gcc from doing so, the
 * pragma keeps clang.
 */
#ifndef SHARDY_VEC_GENERIC_H
#define SHARDY_VEC_GENERIC_H

#include <string.h>

#include "vec/vec_kernels.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define SHARDY__INLINE static inline __attribute__((always_inline, unused))
#define SHARDY__LANES 16

/* All ones if `condition` holds, else 0: selection without branches, which compilers vectorise. */
SHARDY__INLINE uint32_t shardy__mask(bool condition) { return 0u - (uint32_t)condition; }

/* float32 from the bits of a half: for tails, and for levels without an instruction. A subnormal
 * half is its mantissa times 2^-24, a normal float32. NaN becomes quiet, as conversion instructions
 * do. */
SHARDY__INLINE float shardy__half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = (uint32_t)(h & 0x7fffu) << 13, bits;
    uint32_t subnormal = shardy__mask(rest < 0x00800000u);
    float f = (float)(int32_t)(h & 0x3ffu) * 0x1.0p-24f;
    memcpy(&bits, &f, sizeof bits);
    bits = (bits & subnormal) | ((rest + (112u << 23)) & ~subnormal) | sign;
    bits |= 0x7f800000u & shardy__mask(rest >= 0x0f800000u); /* infinity or NaN */
    bits |= 0x00400000u & shardy__mask(rest > 0x0f800000u);
    memcpy(&f, &bits, sizeof f);
    return f;
}

SHARDY__INLINE void shardy__generic_from_f16(float *dst, const void *src, uint64_t n) {
    const char *p = src;
    for (uint64_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, p + 2 * i, sizeof h);
        dst[i] = shardy__half(h);
    }
}

/* The last `left` < SHARDY__LANES floats of a vector, padded with zeros. */
SHARDY__INLINE const float *shardy__padded(float block[SHARDY__LANES], const float *from,
                                           uint32_t left) {
    memset(block, 0, SHARDY__LANES * sizeof *block);
    memcpy(block, from, left * sizeof *block);
    return block;
}

SHARDY__INLINE void shardy__generic_add_row(double *restrict sum, const float *restrict row,
                                            uint32_t dim) {
    for (uint32_t i = 0; i < dim; i++) sum[i] += (double)row[i];
}

SHARDY__INLINE void shardy__generic_divide(float *dst, const float *v, double divisor,
                                           uint32_t dim) {
    for (uint32_t i = 0; i < dim; i++) dst[i] = (float)((double)v[i] / divisor);
}

SHARDY__INLINE void shardy__generic_from_f64(float *dst, const void *src, uint64_t n) {
    const char *p = src;
    for (uint64_t i = 0; i < n; i++) {
        double d;
        memcpy(&d, p + i * sizeof d, sizeof d);
        dst[i] = (float)d;
    }
}

/* The functions of one level that come from this file; `attribute` selects the instruction set. */
#define SHARDY__GENERIC_FUNCTIONS(attribute)                                                 \
    attribute static void add_row(double *sum, const float *row, uint32_t dim) {             \
        shardy__generic_add_row(sum, row, dim);                                              \
    }                                                                                        \
    attribute static void divide(float *dst, const float *v, double divisor, uint32_t dim) { \
        shardy__generic_divide(dst, v, divisor, dim);                                        \
    }                                                                                        \
    attribute static void from_f64(float *dst, const void *src, uint64_t n) {                \
        shardy__generic_from_f64(dst, src, n);                                               \
    }

#endif

/* vec_distance.c: exact distances, norms, checks and conversions of single vectors.
 *
 * Everything here sums in double precision. Squares of float32 values neither overflow nor vanish
 * there (2^-298 .. 2^256, times at most 65,536 terms), so no scaling is needed.
 */
#include <math.h>
#include <string.h>

#include "vec/vec_kernels.h"

static double cosine(const shardy__vec_level *level, const float *a, const float *b, uint32_t dim) {
    double aa = level->exact_dot(a, a, dim), bb = level->exact_dot(b, b, dim);
    /* sqrt(x * x) is x, so a vector is at distance 0 from itself. */
    double d = 1.0 - level->exact_dot(a, b, dim) / sqrt(aa * bb);
    return d < 0 ? 0 : d; /* rounding; NaN passes */
}

double shardy__vec_distance_exact(shardy_metric metric, const float *a, const float *b,
                                  uint32_t dim) {
    const shardy__vec_level *level = shardy__vec_level_get();
    switch (metric) {
        case SHARDY_METRIC_COSINE:
            return cosine(level, a, b, dim);
        case SHARDY_METRIC_L2:
            return level->exact_l2(a, b, dim);
        case SHARDY_METRIC_DOT:
            return 1.0 - level->exact_dot(a, b, dim);
    }
    return NAN;
}

/* Infinities and NaN are the floats whose exponent bits are all ones. Integer sums of flags, so
 * that compilers vectorise the loop. */
bool shardy__vec_check(const float *v, uint32_t dim, bool *zero) {
    uint32_t special = 0, any = 0;
    for (uint32_t i = 0; i < dim; i++) {
        uint32_t bits;
        memcpy(&bits, v + i, sizeof bits);
        bits &= 0x7fffffffu;
        special |= bits >= 0x7f800000u;
        any |= bits;
    }
    if (zero) *zero = any == 0;
    return special == 0;
}

double shardy__vec_norm(const float *v, uint32_t dim) {
    return sqrt(shardy__vec_level_get()->exact_dot(v, v, dim));
}

void shardy__vec_normalise(float *dst, const float *v, uint32_t dim) {
    double norm = shardy__vec_norm(v, dim);
    if (norm == 0) {
        memmove(dst, v, dim * sizeof *dst);
    } else {
        shardy__vec_level_get()->divide(dst, v, norm, dim);
    }
}

void shardy__vec_from_f16(float *dst, const void *src, uint64_t n) {
    shardy__vec_level_get()->from_f16(dst, src, n);
}

void shardy__vec_from_f64(float *dst, const void *src, uint64_t n) {
    shardy__vec_level_get()->from_f64(dst, src, n);
}

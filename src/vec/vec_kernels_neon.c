/* vec_kernels_neon.c: AArch64 level; every such processor has it.
 *
 * As the x86 levels with registers of 4 floats: four running sums per row, four rows together; a
 * short tail is copied to a zeroed block first. A panel of 16 centroids takes four registers per
 * row; six rows use 24 of the 32 registers. Halves: fcvtl.
 */
#include "vec/vec_generic.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define ALWAYS
#define SUMS 4
#define STEP 16u
#define ROWS_AT_ONCE 4
#define PREFETCH 2048 /* bytes ahead */

SHARDY__INLINE float32x4_t add_term(float32x4_t sum, float32x4_t q, float32x4_t x, bool squared) {
    if (!squared) return vfmaq_f32(sum, q, x);
    float32x4_t d = vsubq_f32(q, x);
    return vfmaq_f32(sum, d, d);
}

/* out[r] for `count` <= 4 adjacent rows; `count` and `squared` are compile-time constants. */
SHARDY__INLINE void rows_kernel(const float *q, const float *rows, uint32_t dim, int count,
                                bool squared, float *out) {
    float32x4_t sum[ROWS_AT_ONCE][SUMS];
    for (int r = 0; r < count; r++) {
        for (int s = 0; s < SUMS; s++) sum[r][s] = vdupq_n_f32(0);
    }
    uint32_t i = 0;
    for (; dim - i >= STEP; i += STEP) {
        for (int r = 0; r < count; r++) {
            const float *at = rows + (size_t)r * dim + i;
            __builtin_prefetch((const void *)((uintptr_t)at + PREFETCH));
            for (int s = 0; s < SUMS; s++) {
                sum[r][s] =
                    add_term(sum[r][s], vld1q_f32(q + i + 4 * s), vld1q_f32(at + 4 * s), squared);
            }
        }
    }
    if (i < dim) {
        float a[SHARDY__LANES], b[SHARDY__LANES];
        const float *x = shardy__padded(a, q + i, dim - i);
        for (int r = 0; r < count; r++) {
            const float *y = shardy__padded(b, rows + (size_t)r * dim + i, dim - i);
            for (int s = 0; s < SUMS; s++) {
                sum[r][s] =
                    add_term(sum[r][s], vld1q_f32(x + 4 * s), vld1q_f32(y + 4 * s), squared);
            }
        }
    }
    for (int r = 0; r < count; r++) {
        out[r] =
            vaddvq_f32(vaddq_f32(vaddq_f32(sum[r][0], sum[r][1]), vaddq_f32(sum[r][2], sum[r][3])));
    }
}

SHARDY__INLINE void all_rows(const float *q, const float *rows, uint64_t n, uint32_t dim,
                             bool squared, float *out) {
    uint64_t i = 0;
    for (; n - i >= ROWS_AT_ONCE; i += ROWS_AT_ONCE) {
        rows_kernel(q, rows + i * dim, dim, ROWS_AT_ONCE, squared, out + i);
    }
    for (; i < n; i++) rows_kernel(q, rows + i * dim, dim, 1, squared, out + i);
}

static float dot(const float *a, const float *b, uint32_t dim) {
    float out;
    rows_kernel(a, b, dim, 1, false, &out);
    return out;
}

static float l2(const float *a, const float *b, uint32_t dim) {
    float out;
    rows_kernel(a, b, dim, 1, true, &out);
    return out;
}

static void dot_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out) {
    all_rows(q, rows, n, dim, false, out);
}

static void l2_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out) {
    all_rows(q, rows, n, dim, true, out);
}

#define PANEL_ROWS 6
#define PANEL_REGISTERS (SHARDY__PANEL / 4)

/* `count` rows (a constant) times one block of a panel, added to out. */
SHARDY__INLINE void panel_kernel(const float *rows, size_t stride, uint32_t dim, const float *panel,
                                 int count, float *out) {
    float32x4_t sum[PANEL_ROWS][PANEL_REGISTERS];
    for (int r = 0; r < count; r++) {
        for (unsigned p = 0; p < PANEL_REGISTERS; p++) sum[r][p] = vdupq_n_f32(0);
    }
    for (uint32_t i = 0; i < dim; i++) {
        const float *column = panel + (size_t)i * SHARDY__PANEL;
        for (int r = 0; r < count; r++) {
            float x = rows[(size_t)r * stride + i];
            for (unsigned p = 0; p < PANEL_REGISTERS; p++) {
                sum[r][p] = vfmaq_n_f32(sum[r][p], vld1q_f32(column + 4 * p), x);
            }
        }
    }
    for (int r = 0; r < count; r++) {
        for (unsigned p = 0; p < PANEL_REGISTERS; p++) {
            float *to = out + (unsigned)r * SHARDY__PANEL + 4 * p;
            vst1q_f32(to, vaddq_f32(vld1q_f32(to), sum[r][p]));
        }
    }
}

static void panel_dots(const float *rows, uint32_t n, uint32_t dim, const float *panel,
                       float *out) {
    memset(out, 0, n * SHARDY__PANEL * sizeof *out);
    for (uint32_t at = 0; at < dim; at += SHARDY__PANEL_BLOCK) {
        uint32_t len = dim - at < SHARDY__PANEL_BLOCK ? dim - at : SHARDY__PANEL_BLOCK, r = 0;
        const float *block = panel + (size_t)at * SHARDY__PANEL, *row = rows + at;
        for (; n - r >= PANEL_ROWS; r += PANEL_ROWS, row += (size_t)PANEL_ROWS * dim) {
            panel_kernel(row, dim, len, block, PANEL_ROWS, out + r * SHARDY__PANEL);
        }
        for (; r < n; r++, row += dim)
            panel_kernel(row, dim, len, block, 1, out + r * SHARDY__PANEL);
    }
}

static uint64_t find_le(const float *v, uint64_t from, uint64_t n, float limit) {
    float32x4_t bound = vdupq_n_f32(limit);
    uint64_t i = from;
    for (; n - i >= 8; i += 8) {
        uint32x4_t le =
            vorrq_u32(vcleq_f32(vld1q_f32(v + i), bound), vcleq_f32(vld1q_f32(v + i + 4), bound));
        if (vmaxvq_u32(le)) break;
    }
    while (i < n && !(v[i] <= limit)) i++;
    return i;
}

static void from_f16(float *dst, const void *src, uint64_t n) {
    const char *p = src;
    uint64_t i = 0;
    for (; n - i >= 4; i += 4) {
        uint16_t h[4];
        memcpy(h, p + 2 * i, sizeof h);
        vst1q_f32(dst + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h))));
    }
    shardy__generic_from_f16(dst + i, p + 2 * i, n - i);
}

/* The 16 products or squared differences at a and b, added to 16 sums (vec_generic.h). */
SHARDY__INLINE void exact_step(float64x2_t sum[8], const float *a, const float *b, bool squared) {
    for (int s = 0; s < 8; s++) {
        float64x2_t x = vcvt_f64_f32(vld1_f32(a + 2 * s)), y = vcvt_f64_f32(vld1_f32(b + 2 * s));
        if (squared) {
            x = vsubq_f64(x, y);
            y = x;
        }
        sum[s] = vaddq_f64(sum[s], vmulq_f64(x, y));
    }
}

SHARDY__INLINE double exact(const float *a, const float *b, uint32_t dim, bool squared) {
    float64x2_t sum[8];
    float tail_a[SHARDY__LANES], tail_b[SHARDY__LANES];
    uint32_t i = 0;
    for (int s = 0; s < 8; s++) sum[s] = vdupq_n_f64(0);
    for (; dim - i >= SHARDY__LANES; i += SHARDY__LANES) exact_step(sum, a + i, b + i, squared);
    if (i < dim) {
        exact_step(sum, shardy__padded(tail_a, a + i, dim - i),
                   shardy__padded(tail_b, b + i, dim - i), squared);
    }
    for (int half = 4; half > 0; half /= 2) {
        for (int s = 0; s < half; s++) sum[s] = vaddq_f64(sum[s], sum[s + half]);
    }
    return vgetq_lane_f64(sum[0], 0) + vgetq_lane_f64(sum[0], 1);
}

static double exact_dot(const float *a, const float *b, uint32_t dim) {
    return exact(a, b, dim, false);
}

static double exact_l2(const float *a, const float *b, uint32_t dim) {
    return exact(a, b, dim, true);
}

SHARDY__GENERIC_FUNCTIONS(ALWAYS)

static bool available(void) { return true; }

const shardy__vec_level shardy__vec_neon = {
    .kernels = {"neon", dot, l2, dot_rows, l2_rows},
    .available = available,
    .exact_dot = exact_dot,
    .exact_l2 = exact_l2,
    .add_row = add_row,
    .divide = divide,
    .panel_dots = panel_dots,
    .find_le = find_le,
    .from_f16 = from_f16,
    .from_f64 = from_f64,
};
#endif

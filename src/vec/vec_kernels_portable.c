/* vec_kernels_portable.c: the level that every processor has: C with the vector types of gcc and
 * clang, which become SSE2 on x86-64 and plain arithmetic where nothing better exists.
 *
 * Sixteen running sums hide the latency of the additions and make the order of summation explicit,
 * so no licence to reorder is needed. Halves are widened with integer arithmetic (IEEE 754-2019,
 * 3.4; vec_generic.h).
 */
#include "vec/vec_generic.h"

#define ALWAYS
#define PREFETCH 4096 /* bytes ahead */

/* Four floats, in one register where the processor has such. */
typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16))); /* of a comparison: -1 or 0 */

static inline f4 load(const float *from) {
    f4 v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline float fold(const f4 sum[4]) {
    f4 v = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    return (v[0] + v[2]) + (v[1] + v[3]);
}

static inline void add_terms(f4 sum[4], const float *a, const float *b, bool squared) {
#pragma GCC unroll 4
    for (int s = 0; s < 4; s++) {
        f4 x = load(a + 4 * s), y = load(b + 4 * s);
        if (squared) {
            x -= y;
            y = x;
        }
        sum[s] += x * y;
    }
}

SHARDY__INLINE float distance(const float *a, const float *b, uint32_t dim, bool squared,
                              bool ahead) {
    f4 sum[4] = {{0}};
    float tail_a[SHARDY__LANES], tail_b[SHARDY__LANES];
    uint32_t i = 0;
    for (; dim - i >= SHARDY__LANES; i += SHARDY__LANES) {
        /* The address may lie behind the array, where a pointer may not. */
        if (ahead) __builtin_prefetch((const void *)((uintptr_t)(b + i) + PREFETCH));
        add_terms(sum, a + i, b + i, squared);
    }
    if (i < dim) {
        add_terms(sum, shardy__padded(tail_a, a + i, dim - i),
                  shardy__padded(tail_b, b + i, dim - i), squared);
    }
    return fold(sum);
}

static float dot(const float *a, const float *b, uint32_t dim) {
    return distance(a, b, dim, false, false);
}

static float l2(const float *a, const float *b, uint32_t dim) {
    return distance(a, b, dim, true, false);
}

static void dot_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out) {
    for (uint64_t i = 0; i < n; i++) out[i] = distance(q, rows + i * dim, dim, false, true);
}

static void l2_rows(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out) {
    for (uint64_t i = 0; i < n; i++) out[i] = distance(q, rows + i * dim, dim, true, true);
}

/* One row against one block of a panel. */
static void panel_block(const float *row, uint32_t dim, const float *panel, float *out) {
    f4 sum[SHARDY__PANEL / 4] = {{0}};
    for (uint32_t i = 0; i < dim; i++) {
#pragma GCC unroll 4
        for (uint32_t s = 0; s < SHARDY__PANEL / 4; s++) {
            sum[s] += row[i] * load(panel + (size_t)i * SHARDY__PANEL + 4 * s);
        }
    }
    for (uint32_t j = 0; j < SHARDY__PANEL; j++) out[j] += sum[j / 4][j % 4];
}

static void panel_dots(const float *rows, uint32_t n, uint32_t dim, const float *panel,
                       float *out) {
    memset(out, 0, n * SHARDY__PANEL * sizeof *out);
    for (uint32_t at = 0; at < dim; at += SHARDY__PANEL_BLOCK) {
        uint32_t len = dim - at < SHARDY__PANEL_BLOCK ? dim - at : SHARDY__PANEL_BLOCK;
        for (uint32_t r = 0; r < n; r++) {
            panel_block(rows + (size_t)r * dim + at, len, panel + (size_t)at * SHARDY__PANEL,
                        out + r * SHARDY__PANEL);
        }
    }
}

static uint64_t find_le(const float *v, uint64_t from, uint64_t n, float limit) {
    const f4 bound = {limit, limit, limit, limit};
    uint64_t i = from;
    for (; n - i >= 16; i += 16) {
        uint64_t any[2];
        i4 hit = (load(v + i) <= bound) | (load(v + i + 4) <= bound);
        hit |= (load(v + i + 8) <= bound) | (load(v + i + 12) <= bound);
        memcpy(any, &hit, sizeof any);
        if (any[0] | any[1]) break;
    }
    while (i < n && !(v[i] <= limit)) i++;
    return i;
}

static double fold_exact(double *lane) {
    for (int half = SHARDY__LANES / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) lane[j] += lane[j + half];
    }
    return lane[0];
}

static double exact_dot(const float *a, const float *b, uint32_t dim) {
    double lane[SHARDY__LANES] = {0};
    uint32_t i = 0;
    for (; dim - i >= SHARDY__LANES; i += SHARDY__LANES) {
        for (int j = 0; j < SHARDY__LANES; j++) lane[j] += (double)a[i + j] * (double)b[i + j];
    }
    for (int j = 0; i < dim; i++, j++) lane[j] += (double)a[i] * (double)b[i];
    return fold_exact(lane);
}

static double exact_l2(const float *a, const float *b, uint32_t dim) {
    double lane[SHARDY__LANES] = {0};
    uint32_t i = 0;
    for (; dim - i >= SHARDY__LANES; i += SHARDY__LANES) {
        for (int j = 0; j < SHARDY__LANES; j++) {
            double d = (double)a[i + j] - (double)b[i + j];
            lane[j] += d * d;
        }
    }
    for (int j = 0; i < dim; i++, j++) {
        double d = (double)a[i] - (double)b[i];
        lane[j] += d * d;
    }
    return fold_exact(lane);
}

static void from_f16(float *dst, const void *src, uint64_t n) {
    shardy__generic_from_f16(dst, src, n);
}

SHARDY__GENERIC_FUNCTIONS(ALWAYS)

static bool available(void) { return true; }

const shardy__vec_level shardy__vec_portable = {
    .kernels = {"portable", dot, l2, dot_rows, l2_rows},
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

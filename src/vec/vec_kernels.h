/* vec_kernels.h: one table of inner loops per instruction set; private to src/vec and its tests.
 *
 * A level may sum float32 products in its own order, so its float results differ from another
 * level's in the last bits. Everything in double precision (exact_dot, exact_l2, add_row) is summed
 * in one order on all levels: scores, k-means and partition numbers do not depend on the processor.
 *
 * Pointers to float are aligned as float, no more; sources of conversions need no alignment at all.
 */
#ifndef SHARDY_VEC_KERNELS_H
#define SHARDY_VEC_KERNELS_H

#include "vec/vec.h"

/* Centroids per panel and dimensions per block of the panel product (vec_panel.h). */
#define SHARDY__PANEL 16u
#define SHARDY__PANEL_BLOCK 256u

typedef struct shardy__vec_level {
    shardy__vec_kernels kernels;
    bool (*available)(void);

    double (*exact_dot)(const float *a, const float *b, uint32_t dim);
    double (*exact_l2)(const float *a, const float *b, uint32_t dim);
    /* sum[i] += row[i] */
    void (*add_row)(double *sum, const float *row, uint32_t dim);
    /* dst[i] = v[i] / divisor, divided in double precision. dst may be v. */
    void (*divide)(float *dst, const float *v, double divisor, uint32_t dim);

    /* out[r * 16 + j] = rows[r] . centroid j of the panel: panel[i * 16 + j] is its component i.
     * Dimensions are summed one by one within a block of SHARDY__PANEL_BLOCK, then the blocks. */
    void (*panel_dots)(const float *rows, uint32_t n, uint32_t dim, const float *panel, float *out);
    /* The first i in [from, n) with v[i] <= limit, or n. Never a NaN. */
    uint64_t (*find_le)(const float *v, uint64_t from, uint64_t n, float limit);

    void (*from_f16)(float *dst, const void *src, uint64_t n);
    void (*from_f64)(float *dst, const void *src, uint64_t n);
} shardy__vec_level;

extern const shardy__vec_level shardy__vec_portable;
#if defined(__x86_64__)
extern const shardy__vec_level shardy__vec_avx2;
extern const shardy__vec_level shardy__vec_avx512;
#elif defined(__aarch64__)
extern const shardy__vec_level shardy__vec_neon;
#endif

/* The chosen level. */
const shardy__vec_level *shardy__vec_level_get(void);
/* The i-th level that this processor has, best first; NULL past the last. */
const shardy__vec_level *shardy__vec_level_at(uint32_t i);

#endif

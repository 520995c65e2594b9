/* vec.h: arithmetic on float32 vectors: distance kernels, k-means, top-k. No I/O.
 *
 * Kernels are chosen once per process by what the processor can do (AVX-512, AVX2+FMA, NEON,
 * portable C); SHARDY_SIMD=portable|avx2|avx512|neon in the environment forces a level that the
 * processor has, for tests. A kernel's result for two vectors does not depend on where they lie in
 * memory or on which other rows are in the batch.
 */
#ifndef SHARDY_VEC_VEC_H
#define SHARDY_VEC_VEC_H

#include "base/error.h"
#include "shardyfusion/types.h"

/* ---- kernels ---- */

typedef struct shardy__vec_kernels {
    const char *name; /* "avx512", "avx2", "neon", "portable" */
    float (*dot)(const float *a, const float *b, uint32_t dim);
    float (*l2)(const float *a, const float *b, uint32_t dim); /* squared */
    /* out[i] = f(q, rows + i * dim), the same bits as the pairwise kernel */
    void (*dot_rows)(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out);
    void (*l2_rows)(const float *q, const float *rows, uint64_t n, uint32_t dim, float *out);
} shardy__vec_kernels;

const shardy__vec_kernels *shardy__vec_kernels_get(void);

/* The metric's exact distance in double precision, summed in a fixed order: what scores are made
 * of. Cosine of a zero vector is NaN. */
double shardy__vec_distance_exact(shardy_metric metric, const float *a, const float *b,
                                  uint32_t dim);

/* True if all are finite. *zero (may be NULL): all are 0. */
bool shardy__vec_check(const float *v, uint32_t dim, bool *zero);
/* Euclidean length, accumulated in double. */
double shardy__vec_norm(const float *v, uint32_t dim);
/* dst = v / |v|; a zero vector stays zero. dst may be v. */
void shardy__vec_normalise(float *dst, const float *v, uint32_t dim);

/* float32 from IEEE half and double precision. A double beyond float32's range becomes infinite. */
void shardy__vec_from_f16(float *dst, const void *src, uint64_t n); /* n unaligned uint16 */
void shardy__vec_from_f64(float *dst, const void *src, uint64_t n); /* n unaligned doubles */

/* ---- top-k ---- */

/* The k smallest (distance, row) pairs seen, ties by lower row. NaN distances are never kept. */
typedef struct shardy__topk_item {
    float distance;
    uint64_t row;
} shardy__topk_item;

typedef struct shardy__topk {
    shardy__topk_item *items; /* a max-heap until shardy__topk_sort */
    uint32_t k, n;
} shardy__topk;

shardy_status shardy__topk_init(shardy__topk *top, uint32_t k, shardy_error *err);
void shardy__topk_free(shardy__topk *top);
/* Offer distances[i] for row first + i, or rows[i] if rows is not NULL. */
void shardy__topk_push(shardy__topk *top, const float *distances, const uint64_t *rows,
                       uint64_t first, uint64_t n);
/* Ascending order; the heap is over. */
void shardy__topk_sort(shardy__topk *top);

/* Search `n` rows exactly: pushes each row's distance (cosine: `q` and rows must be unit vectors,
 * the distance is 1 - dot) in cache-sized pieces. `rows` as in shardy__topk_push. */
void shardy__vec_scan(shardy_metric metric, const float *q, const float *vectors,
                      const uint64_t *rows, uint64_t first, uint64_t n, uint32_t dim,
                      shardy__topk *top);

/* ---- k-means ---- */

typedef struct shardy__kmeans_options {
    uint32_t k;
    uint32_t max_iterations; /* 0: 25 */
    uint32_t threads;        /* 0: 1 */
    uint64_t seed; /* same input and seed: same centroids, whatever threads and processor are */
} shardy__kmeans_options;

/* Lloyd's algorithm with k-means++ seeding on n >= 1 rows under squared L2 (for cosine: of unit
 * vectors, for dot: of the raw vectors, as Lance trains). k is cut to n. Empty clusters are
 * refilled from the largest one. `centroids` has room for k x dim; *k_out is how many were made
 * (fewer than k where there are fewer distinct rows), *loss (may be NULL) the sum of squared
 * distances. */
shardy_status shardy__kmeans(const float *rows, uint64_t n, uint32_t dim,
                             const shardy__kmeans_options *options, float *centroids,
                             uint32_t *k_out, double *loss, shardy_error *err);

/* The partition of each row as Lance readers probe it: l2 and cosine (unit vectors) nearest
 * centroid by squared L2, dot: largest dot product; ties to the lower number. *loss (may be NULL):
 * sum of squared L2 distances to the chosen centroids. */
shardy_status shardy__vec_assign(shardy_metric metric, const float *rows, uint64_t n, uint32_t dim,
                                 const float *centroids, uint32_t k, uint32_t threads,
                                 uint32_t *partition, double *loss, shardy_error *err);

/* The min(nprobes, k) partitions nearest to q in the same sense, nearest first. */
shardy_status shardy__vec_probe(shardy_metric metric, const float *q, const float *centroids,
                                uint32_t k, uint32_t dim, uint32_t nprobes, uint32_t *out,
                                shardy_error *err);

#endif

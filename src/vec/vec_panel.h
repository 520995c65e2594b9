/* vec_panel.h: nearest centroid of many rows; private to src/vec.
 *
 * Centroids are packed into panels of 16, transposed, so that a block of rows times a panel runs at
 * the processor's multiply speed (panel_dots in vec_kernels.h).
 */
#ifndef SHARDY_VEC_PANEL_H
#define SHARDY_VEC_PANEL_H

#include "vec/vec_kernels.h"

typedef struct shardy__panels {
    const shardy__vec_level *level;
    shardy_metric metric;
    const float *centroids; /* borrowed until the next pack */
    uint32_t k, dim;
    float *packed; /* panel after panel, each dim x 16 */
    float *bias;   /* per centroid, padded to whole panels */
    double reach;  /* length of the longest centroid; infinite if a component is not finite */
} shardy__panels;

/* Room for up to k centroids. A zeroed struct may be freed. */
shardy_status shardy__panels_init(shardy__panels *p, shardy_metric metric, uint32_t k, uint32_t dim,
                                  shardy_error *err);
void shardy__panels_free(shardy__panels *p);
/* Take over the first k >= 1 centroids. */
void shardy__panels_pack(shardy__panels *p, const float *centroids, uint32_t k);

/* For each of n rows the number of its nearest centroid (as shardy__vec_assign) and, if `l2` is not
 * NULL, the exact squared L2 distance to it. */
void shardy__panels_nearest(const shardy__panels *p, const float *rows, uint32_t n, uint32_t *index,
                            double *l2);

/* What the metric ranks centroids by, in double precision: smaller is nearer. */
double shardy__panel_rank(const shardy__vec_level *level, shardy_metric metric, const float *row,
                          const float *centroid, uint32_t dim);

/* Rows per unit of parallel work: fixed, so that sums over rows do not depend on the threads. */
#define SHARDY__ASSIGN_CHUNK 1024u

typedef struct shardy__assign_chunk {
    double loss;      /* sum of squared L2 distances, if asked for */
    uint64_t changed; /* rows whose partition is another than before */
} shardy__assign_chunk;

static inline uint32_t shardy__assign_chunks(uint64_t n) {
    return (uint32_t)((n + SHARDY__ASSIGN_CHUNK - 1) / SHARDY__ASSIGN_CHUNK);
}

/* Set partition[0 .. n-1] and chunks[0 .. shardy__assign_chunks(n) - 1]. */
void shardy__assign_all(const shardy__panels *p, const float *rows, uint64_t n, uint32_t threads,
                        bool with_loss, uint32_t *partition, shardy__assign_chunk *chunks);

#endif

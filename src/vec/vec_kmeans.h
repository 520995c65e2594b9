/* vec_kmeans.h: the state of one k-means run; private to src/vec. */
#ifndef SHARDY_VEC_KMEANS_H
#define SHARDY_VEC_KMEANS_H

#include "base/clock.h"
#include "vec/vec_panel.h"

/* A run of rows of one cluster whose sum is one unit of work. */
typedef struct shardy__segment {
    uint64_t begin, end; /* in `order` */
} shardy__segment;

/* The rows of one cluster: order[begin .. begin + count - 1]. */
typedef struct shardy__cluster {
    uint64_t begin, count;
    bool solid; /* known to consist of equal rows */
} shardy__cluster;

typedef struct shardy__clustering {
    const shardy__vec_level *level;
    const float *rows;
    uint64_t n;
    uint32_t dim, k, threads;
    uint32_t live;    /* centroids in use, 1 .. k */
    float *centroids; /* k x dim, the caller's */
    shardy__panels panels;
    uint32_t *partition;          /* n */
    shardy__assign_chunk *chunks; /* of the assignment */
    uint64_t *order;              /* n: rows by cluster, see shardy__cluster */
    shardy__cluster *clusters;    /* k */
    shardy__segment *segments;    /* n / SEGMENT_ROWS + k */
    double *sums;                 /* segments x dim */
} shardy__clustering;

static inline const float *shardy__cluster_row(const shardy__clustering *m, uint64_t row) {
    return m->rows + row * m->dim;
}

/* k-means++: fill the first m->live centroids, at least one, at most m->k. */
shardy_status shardy__kmeans_seed(shardy__clustering *m, uint64_t seed, shardy_error *err);

/* Room for segments and their sums (m->order, clusters, segments, sums). */
shardy_status shardy__kmeans_update_init(shardy__clustering *m, shardy_error *err);
/* Set order and clusters from partition. */
void shardy__kmeans_sort(shardy__clustering *m);
/* Give every empty or missing cluster half of the largest one; returns how many were filled. */
uint32_t shardy__kmeans_refill(shardy__clustering *m);
/* Centroids of non-empty clusters become their means. */
void shardy__kmeans_update(shardy__clustering *m);

#endif

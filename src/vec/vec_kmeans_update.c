/* vec_kmeans_update.c: means of clusters, and what becomes of empty ones.
 *
 * Rows are sorted by cluster (counting sort), cut into segments of at most SEGMENT_ROWS rows of one
 * cluster, and each segment is summed in double precision as one task; a cluster's sum adds its
 * segments in order. Neither depends on the number of threads, and the memory for sums is 1/512 of
 * the rows plus k vectors, however many threads there are.
 *
 * An empty cluster takes over one side of the largest cluster: of the row farthest from its
 * centroid and the row farthest from that one, each row of the cluster follows the nearer (the
 * first step of Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985). Both
 * sides get at least one row unless all rows of the cluster are equal; such a cluster is left
 * alone, so that data with fewer distinct rows than k simply has fewer clusters.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "vec/vec_kmeans.h"

#define SEGMENT_ROWS 1024u

shardy_status shardy__kmeans_update_init(shardy__clustering *m, shardy_error *err) {
    size_t max = (size_t)(m->n / SEGMENT_ROWS + m->k);
    m->order = shardy__realloc_array(NULL, m->n, sizeof *m->order);
    m->clusters = shardy__calloc(m->k, sizeof *m->clusters);
    m->segments = shardy__realloc_array(NULL, max, sizeof *m->segments);
    m->sums = shardy__realloc_array(NULL, max, m->dim * sizeof *m->sums);
    if (m->order && m->clusters && m->segments && m->sums) return SHARDY_OK;
    return shardy__fail_nomem(err);
}

void shardy__kmeans_sort(shardy__clustering *m) {
    uint64_t begin = 0;
    memset(m->clusters, 0, m->k * sizeof *m->clusters);
    for (uint64_t i = 0; i < m->n; i++) m->clusters[m->partition[i]].count++;
    for (uint32_t c = 0; c < m->k; c++) {
        m->clusters[c].begin = begin;
        begin += m->clusters[c].count;
        m->clusters[c].count = 0;
    }
    for (uint64_t i = 0; i < m->n; i++) {
        shardy__cluster *cluster = &m->clusters[m->partition[i]];
        m->order[cluster->begin + cluster->count++] = i;
    }
}

/* The row of the cluster that is farthest from `point`; *distance is how far. */
static const float *farthest(const shardy__clustering *m, const shardy__cluster *cluster,
                             const float *point, double *distance) {
    const uint64_t *order = m->order + cluster->begin;
    const float *found = shardy__cluster_row(m, order[0]);
    *distance = 0;
    for (uint64_t i = 0; i < cluster->count; i++) {
        const float *row = shardy__cluster_row(m, order[i]);
        double d = m->level->exact_l2(row, point, m->dim);
        if (d > *distance) {
            *distance = d;
            found = row;
        }
    }
    return found;
}

/* Move one side of cluster `from` to the empty cluster `to`. False if all its rows are equal. */
static bool split(shardy__clustering *m, uint32_t from, uint32_t to) {
    shardy__cluster *donor = &m->clusters[from];
    uint64_t *order = m->order + donor->begin, keep = 0, end = donor->count;
    double distance;
    const float *a = farthest(m, donor, m->centroids + (size_t)from * m->dim, &distance);
    const float *b = farthest(m, donor, a, &distance);
    if (!(distance > 0)) return false;
    while (keep < end) {
        const float *row = shardy__cluster_row(m, order[keep]);
        if (m->level->exact_l2(row, a, m->dim) < m->level->exact_l2(row, b, m->dim)) {
            uint64_t moved = order[keep];
            order[keep] = order[--end];
            order[end] = moved;
            m->partition[moved] = to;
        } else {
            keep++;
        }
    }
    m->clusters[to] = (shardy__cluster){donor->begin + keep, donor->count - keep, false};
    donor->count = keep;
    return true;
}

/* The largest cluster that may still be split, or UINT32_MAX. */
static uint32_t largest(const shardy__clustering *m) {
    uint32_t best = UINT32_MAX;
    uint64_t count = 1;
    for (uint32_t c = 0; c < m->live; c++) {
        if (m->clusters[c].solid || m->clusters[c].count <= count) continue;
        count = m->clusters[c].count;
        best = c;
    }
    return best;
}

/* Split clusters until `to` has rows. False if no cluster can be split. */
static bool refill_one(shardy__clustering *m, uint32_t to) {
    for (;;) {
        uint32_t from = largest(m);
        if (from == UINT32_MAX) return false;
        if (split(m, from, to)) return true;
        m->clusters[from].solid = true;
    }
}

uint32_t shardy__kmeans_refill(shardy__clustering *m) {
    uint32_t filled = 0;
    for (uint32_t c = 0; c < m->live; c++) {
        if (m->clusters[c].count) continue;
        if (!refill_one(m, c)) return filled;
        filled++;
    }
    while (m->live < m->k && refill_one(m, m->live)) {
        m->live++;
        filled++;
    }
    return filled;
}

static void sum_segment(void *ctx, uint32_t s) {
    shardy__clustering *m = ctx;
    double *sum = m->sums + (size_t)s * m->dim;
    memset(sum, 0, m->dim * sizeof *sum);
    for (uint64_t i = m->segments[s].begin; i < m->segments[s].end; i++) {
        m->level->add_row(sum, shardy__cluster_row(m, m->order[i]), m->dim);
    }
}

static uint32_t cut_segments(shardy__clustering *m) {
    uint32_t n = 0;
    for (uint32_t c = 0; c < m->live; c++) {
        uint64_t at = m->clusters[c].begin, end = at + m->clusters[c].count;
        while (at < end) {
            uint64_t next = end - at < SEGMENT_ROWS ? end : at + SEGMENT_ROWS;
            m->segments[n++] = (shardy__segment){at, next};
            at = next;
        }
    }
    return n;
}

void shardy__kmeans_update(shardy__clustering *m) {
    uint32_t s = 0;
    shardy__parallel_for(m->threads, cut_segments(m), sum_segment, m);
    for (uint32_t c = 0; c < m->live; c++) {
        uint64_t count = m->clusters[c].count, end = m->clusters[c].begin + count;
        if (count == 0) continue;
        double *sum = m->sums + (size_t)s * m->dim;
        while (m->segments[s++].end != end) {
            const double *more = m->sums + (size_t)s * m->dim;
            for (uint32_t i = 0; i < m->dim; i++) sum[i] += more[i];
        }
        float *centroid = m->centroids + (size_t)c * m->dim;
        for (uint32_t i = 0; i < m->dim; i++) centroid[i] = (float)(sum[i] / (double)count);
    }
}

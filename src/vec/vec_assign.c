/* vec_assign.c: partitions of rows, and the partitions that a query looks into. */
#include <math.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "vec/vec_panel.h"

struct assign {
    const shardy__panels *panels;
    const float *rows;
    uint64_t n;
    bool with_loss;
    uint32_t *partition;
    shardy__assign_chunk *chunks;
};

static void assign_chunk(void *ctx, uint32_t c) {
    struct assign *a = ctx;
    uint32_t index[SHARDY__ASSIGN_CHUNK];
    double l2[SHARDY__ASSIGN_CHUNK];
    uint64_t first = (uint64_t)c * SHARDY__ASSIGN_CHUNK, left = a->n - first;
    uint32_t len = left < SHARDY__ASSIGN_CHUNK ? (uint32_t)left : SHARDY__ASSIGN_CHUNK;
    shardy__assign_chunk sum = {0};
    shardy__panels_nearest(a->panels, a->rows + first * a->panels->dim, len, index,
                           a->with_loss ? l2 : NULL);
    for (uint32_t i = 0; i < len; i++) {
        sum.changed += a->partition[first + i] != index[i];
        if (a->with_loss) sum.loss += l2[i];
        a->partition[first + i] = index[i];
    }
    a->chunks[c] = sum;
}

void shardy__assign_all(const shardy__panels *p, const float *rows, uint64_t n, uint32_t threads,
                        bool with_loss, uint32_t *partition, shardy__assign_chunk *chunks) {
    struct assign a = {p, rows, n, with_loss, partition, chunks};
    shardy__parallel_for(threads, shardy__assign_chunks(n), assign_chunk, &a);
}

shardy_status shardy__vec_assign(shardy_metric metric, const float *rows, uint64_t n, uint32_t dim,
                                 const float *centroids, uint32_t k, uint32_t threads,
                                 uint32_t *partition, double *loss, shardy_error *err) {
    shardy__panels panels = {0};
    shardy__assign_chunk *chunks = NULL;
    shardy_status rc;
    double sum = 0;
    if (k == 0) return shardy__fail(err, SHARDY_E_ARGUMENT, "rows assigned to 0 partitions");
    rc = shardy__panels_init(&panels, metric, k, dim, err);
    if (rc) goto done;
    chunks = shardy__calloc(shardy__assign_chunks(n), sizeof *chunks);
    if (!chunks) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    shardy__panels_pack(&panels, centroids, k);
    for (uint64_t i = 0; i < n; i++) partition[i] = 0; /* compared with the answers */
    shardy__assign_all(&panels, rows, n, threads, loss != NULL, partition, chunks);
    for (uint32_t c = 0; c < shardy__assign_chunks(n); c++) sum += chunks[c].loss;
    if (loss) *loss = sum;
done:
    shardy__free(chunks);
    shardy__panels_free(&panels);
    return rc;
}

struct ranked {
    double rank;
    uint32_t partition;
};

static bool nearer(struct ranked a, struct ranked b) {
    return a.rank < b.rank || (a.rank == b.rank && a.partition < b.partition);
}

/* Restore the min-heap below i. */
static void sift_down(struct ranked *heap, uint32_t n, uint64_t i) {
    struct ranked item = heap[i];
    uint64_t child;
    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && nearer(heap[child + 1], heap[child])) child++;
        if (!nearer(heap[child], item)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = item;
}

/* All centroids in a min-heap (O(k)), of which only `nprobes` are taken out. Distances are those
 * that decide in shardy__vec_assign. Centroids may come from a damaged file: one that is not a
 * number is farther than all others, so that the answer has always min(nprobes, k) partitions. */
shardy_status shardy__vec_probe(shardy_metric metric, const float *q, const float *centroids,
                                uint32_t k, uint32_t dim, uint32_t nprobes, uint32_t *out,
                                shardy_error *err) {
    const shardy__vec_level *level = shardy__vec_level_get();
    struct ranked *heap = shardy__realloc_array(NULL, k, sizeof *heap);
    uint32_t n = k;
    if (!heap) return shardy__fail_nomem(err);
    for (uint32_t c = 0; c < k; c++) {
        double rank = shardy__panel_rank(level, metric, q, centroids + (size_t)c * dim, dim);
        heap[c] = (struct ranked){rank < HUGE_VAL ? rank : HUGE_VAL, c};
    }
    for (uint64_t i = k / 2; i-- > 0;) sift_down(heap, n, i);
    for (uint32_t i = 0; i < nprobes && n > 0; i++) {
        out[i] = heap[0].partition;
        heap[0] = heap[--n];
        if (n > 0) sift_down(heap, n, 0);
    }
    shardy__free(heap);
    return SHARDY_OK;
}

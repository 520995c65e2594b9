/* vec_topk.c: the k nearest rows of a scan.
 *
 * A binary max-heap whose root is the worst item kept (Williams, "Algorithm 232: Heapsort", 1964).
 * Once it is full almost every distance loses against the root, so blocks of distances are compared
 * with the root by a vector instruction first and the heap sees only the few that may enter.
 */
#include <math.h>

#include "base/alloc.h"
#include "vec/vec_kernels.h"

/* Distances computed per piece of a scan: they stay in the first-level cache. */
#define PIECE 256

shardy_status shardy__topk_init(shardy__topk *top, uint32_t k, shardy_error *err) {
    *top = (shardy__topk){.items = shardy__realloc_array(NULL, k, sizeof *top->items), .k = k};
    return top->items ? SHARDY_OK : shardy__fail_nomem(err);
}

void shardy__topk_free(shardy__topk *top) {
    shardy__free(top->items);
    *top = (shardy__topk){0};
}

static bool worse(shardy__topk_item a, shardy__topk_item b) {
    return a.distance > b.distance || (a.distance == b.distance && a.row > b.row);
}

static void sift_down(shardy__topk_item *items, uint32_t n, shardy__topk_item item) {
    uint64_t i = 0, child;
    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && worse(items[child + 1], items[child])) child++;
        if (!worse(items[child], item)) break;
        items[i] = items[child];
        i = child;
    }
    items[i] = item;
}

static void sift_up(shardy__topk_item *items, uint32_t i, shardy__topk_item item) {
    while (i > 0 && worse(item, items[(i - 1) / 2])) {
        items[i] = items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    items[i] = item;
}

void shardy__topk_push(shardy__topk *top, const float *distances, const uint64_t *rows,
                       uint64_t first, uint64_t n) {
    const shardy__vec_level *level = shardy__vec_level_get();
    if (top->k == 0) return;
    for (uint64_t i = 0; i < n; i++) {
        float limit = top->n < top->k ? INFINITY : top->items[0].distance;
        i = level->find_le(distances, i, n, limit);
        if (i == n) return;
        shardy__topk_item item = {distances[i], rows ? rows[i] : first + i};
        if (top->n < top->k) {
            sift_up(top->items, top->n++, item);
        } else if (worse(top->items[0], item)) {
            sift_down(top->items, top->n, item);
        }
    }
}

void shardy__topk_sort(shardy__topk *top) {
    for (uint32_t n = top->n; n > 1; n--) {
        shardy__topk_item worst = top->items[0];
        sift_down(top->items, n - 1, top->items[n - 1]);
        top->items[n - 1] = worst;
    }
}

void shardy__vec_scan(shardy_metric metric, const float *q, const float *vectors,
                      const uint64_t *rows, uint64_t first, uint64_t n, uint32_t dim,
                      shardy__topk *top) {
    const shardy__vec_kernels *kernels = shardy__vec_kernels_get();
    float distances[PIECE];
    for (uint64_t at = 0; at < n; at += PIECE) {
        uint64_t len = n - at < PIECE ? n - at : PIECE;
        if (metric == SHARDY_METRIC_L2) {
            kernels->l2_rows(q, vectors + at * dim, len, dim, distances);
        } else {
            kernels->dot_rows(q, vectors + at * dim, len, dim, distances);
            for (uint64_t i = 0; i < len; i++) distances[i] = 1.0f - distances[i];
        }
        shardy__topk_push(top, distances, rows ? rows + at : NULL, first + at, len);
    }
}

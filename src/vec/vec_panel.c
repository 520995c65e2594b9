/* vec_panel.c: nearest centroid, fast in float32 and decided in double precision.
 *
 * |x - c|^2 = |x|^2 - 2 x.c + |c|^2, and |x|^2 is the same for all c, so centroids are ranked by
 * bias - 2 x.c (dot product: by -x.c). In float32 this cancels badly when distances are small
 * against lengths. The error of such a score is bounded, though: a dot product summed one by one
 * within blocks of 256 and then over the blocks is off by at most (256 + blocks + 2) u |x| |c| with
 * u = 2^-24 (Higham, "Accuracy and Stability of Numerical Algorithms", 3.1), and rounding of the
 * bias and of the final sum adds a few u (|c|^2 + 2 |x| |c|). A centroid whose score lies more than
 * twice the bound above the best score cannot be the nearest; if several are left, exact distances
 * decide. So the answer is that of brute force in double precision, on every processor.
 */
#include "vec/vec_panel.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

#define PANEL SHARDY__PANEL
#define BLOCK_ROWS 64u
#define UNIT 0x1.0p-24
#define TINY 0x1.0p-125 /* above what one operation loses to underflow, flushed or not */
#define HUGE_SCORE 1e37 /* products below this cannot overflow a float on the way */

shardy_status shardy__panels_init(shardy__panels *p, shardy_metric metric, uint32_t k, uint32_t dim,
                                  shardy_error *err) {
    size_t slots = ((size_t)k + PANEL - 1) / PANEL * PANEL, item = (size_t)dim * sizeof *p->packed;
    *p = (shardy__panels){.level = shardy__vec_level_get(), .metric = metric, .dim = dim};
    p->packed = shardy__realloc_array(NULL, slots, item);
    p->bias = shardy__realloc_array(NULL, slots, sizeof *p->bias);
    return p->packed && p->bias ? SHARDY_OK : shardy__fail_nomem(err);
}

void shardy__panels_free(shardy__panels *p) {
    shardy__free(p->packed);
    shardy__free(p->bias);
    *p = (shardy__panels){0};
}

/* Slot `c` gets the centroid; NULL fills a slot that is infinitely far from everything. */
static void pack_one(shardy__panels *p, uint32_t c, const float *centroid) {
    float *to = p->packed + (size_t)(c / PANEL) * PANEL * p->dim + c % PANEL;
    for (uint32_t i = 0; i < p->dim; i++) to[(size_t)i * PANEL] = centroid ? centroid[i] : 0;
    p->bias[c] = INFINITY;
    if (!centroid) return;
    double square = p->level->exact_dot(centroid, centroid, p->dim);
    p->bias[c] = p->metric == SHARDY_METRIC_DOT ? 0 : (float)square;
    if (!isfinite(square)) square = INFINITY;
    if (sqrt(square) > p->reach) p->reach = sqrt(square);
}

void shardy__panels_pack(shardy__panels *p, const float *centroids, uint32_t k) {
    p->centroids = centroids;
    p->k = k;
    p->reach = 0;
    for (uint32_t c = 0; c < k || c % PANEL; c++) {
        pack_one(p, c, c < k ? centroids + (size_t)c * p->dim : NULL);
    }
}

double shardy__panel_rank(const shardy__vec_level *level, shardy_metric metric, const float *row,
                          const float *centroid, uint32_t dim) {
    return metric == SHARDY_METRIC_DOT ? -level->exact_dot(row, centroid, dim)
                                       : level->exact_l2(row, centroid, dim);
}

/* What is known of one row while the panels pass by. */
struct search {
    const float *row;
    double slack;   /* scores this much above the best cannot win */
    double rank;    /* of `index`, NaN if it was not needed yet */
    float best;     /* lowest score so far */
    uint32_t index; /* UINT32_MAX: none yet */
};

static double rank_of(const shardy__panels *p, const float *row, uint32_t index) {
    const float *centroid = p->centroids + (size_t)index * p->dim;
    return shardy__panel_rank(p->level, p->metric, row, centroid, p->dim);
}

/* False if scores of this row could overflow or are not numbers. */
static bool begin(const shardy__panels *p, const float *row, struct search *s) {
    uint32_t dim = p->dim, block = SHARDY__PANEL_BLOCK;
    double terms = (dim < block ? dim : block) + (dim + block - 1) / block + 2;
    double length = 1.001 * sqrt((double)p->level->kernels.dot(row, row, dim) + dim * TINY);
    double product = 2 * length * p->reach, square = p->reach * p->reach;
    if (!(product < HUGE_SCORE && square < HUGE_SCORE)) return false;
    double bound = 1.01 * terms * UNIT * product + 3 * UNIT * (square + product);
    *s = (struct search){.row = row, .rank = NAN, .best = INFINITY, .index = UINT32_MAX};
    s->slack = 2.02 * (bound + (dim + 16.0) * TINY);
    return true;
}

static void offer(const shardy__panels *p, struct search *s, uint32_t index) {
    if (s->index == UINT32_MAX) {
        s->index = index;
        return;
    }
    if (isnan(s->rank)) s->rank = rank_of(p, s->row, s->index);
    double rank = rank_of(p, s->row, index);
    if (rank < s->rank) {
        s->rank = rank;
        s->index = index;
    }
}

/* One row's scores against the 16 centroids from `first` on. */
static void merge(const shardy__panels *p, struct search *s, const float *score, uint32_t first) {
    uint64_t (*find_le)(const float *, uint64_t, uint64_t, float) = p->level->find_le;
    uint64_t j = find_le(score, 0, PANEL, (float)(s->best + s->slack));
    if (j == PANEL) return;
    float old = s->best, limit;
    for (uint32_t i = (uint32_t)j; i < PANEL; i++)
        s->best = score[i] < s->best ? score[i] : s->best;
    limit = (float)(s->best + s->slack);
    if (old > limit) {
        s->index = UINT32_MAX;
        s->rank = NAN;
    }
    while ((j = find_le(score, j, PANEL, limit)) < PANEL) offer(p, s, first + (uint32_t)j++);
}

static void brute_force(const shardy__panels *p, const float *row, struct search *s) {
    *s = (struct search){.row = row, .rank = INFINITY, .index = 0};
    for (uint32_t c = 0; c < p->k; c++) {
        double rank = rank_of(p, row, c);
        if (rank < s->rank) {
            s->rank = rank;
            s->index = c;
        }
    }
}

/* Ask for a row that will be needed soon; very long ones are left to the processor. */
static void prefetch_row(const float *row, uint32_t dim) {
    for (uint32_t i = 0; i < dim && i < 1024; i += 16) __builtin_prefetch(row + i);
}

/* At most BLOCK_ROWS rows. */
static void nearest_block(const shardy__panels *p, const float *rows, uint32_t n,
                          struct search *search) {
    float score[BLOCK_ROWS * PANEL], scale = p->metric == SHARDY_METRIC_DOT ? -1.0f : -2.0f;
    bool fast[BLOCK_ROWS];
    for (uint32_t r = 0; r < n; r++) {
        const float *row = rows + (size_t)r * p->dim;
        if (r + 4 < n) prefetch_row(row + (size_t)4 * p->dim, p->dim);
        fast[r] = begin(p, row, &search[r]);
        if (!fast[r]) brute_force(p, row, &search[r]);
    }
    for (uint32_t c = 0; c < p->k; c += PANEL) {
        p->level->panel_dots(rows, n, p->dim, p->packed + (size_t)c * p->dim, score);
        for (uint32_t r = 0; r < n; r++) {
            float *at = score + r * PANEL;
            if (!fast[r]) continue;
            for (uint32_t j = 0; j < PANEL; j++) at[j] = p->bias[c + j] + scale * at[j];
            merge(p, &search[r], at, c);
        }
    }
}

void shardy__panels_nearest(const shardy__panels *p, const float *rows, uint32_t n, uint32_t *index,
                            double *l2) {
    struct search search[BLOCK_ROWS];
    uint32_t fit = 65536u / p->dim / 8 * 8; /* rows that stay in the second-level cache */
    uint32_t block = fit < 8 ? 8 : fit > BLOCK_ROWS ? BLOCK_ROWS : fit;
    for (uint32_t at = 0; at < n; at += block) {
        uint32_t len = n - at < block ? n - at : block;
        nearest_block(p, rows + (size_t)at * p->dim, len, search);
        for (uint32_t r = 0; r < len; r++) {
            const struct search *s = &search[r];
            index[at + r] = s->index;
            if (!l2) continue;
            bool known = p->metric != SHARDY_METRIC_DOT && !isnan(s->rank);
            const float *centroid = p->centroids + (size_t)s->index * p->dim;
            l2[at + r] = known ? s->rank : p->level->exact_l2(s->row, centroid, p->dim);
        }
    }
}

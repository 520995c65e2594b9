/* vec_kmeans.c: Lloyd's algorithm (Lloyd, "Least squares quantization in PCM", 1982) from k-means++
 * seeds.
 *
 * A round assigns every row to its nearest centroid (vec_panel.c), refills empty clusters and moves
 * the centroids to the means of their rows (vec_kmeans_update.c). It ends when no row changes its
 * cluster, when the loss falls by less than one part in 10,000, or after max_iterations rounds;
 * always right after an assignment, so that the loss belongs to the centroids that are returned.
 * Everything that decides is computed in double precision and in a fixed order: the centroids
 * depend on rows, k and seed, but not on threads or processor.
 */
#include "vec/vec_kmeans.h"

#include <string.h>

#include "base/alloc.h"

#define DEFAULT_ITERATIONS 25u
#define TOLERANCE 1e-4

static shardy__assign_chunk assign(shardy__clustering *m) {
    shardy__assign_chunk total = {0};
    shardy__panels_pack(&m->panels, m->centroids, m->live);
    shardy__assign_all(&m->panels, m->rows, m->n, m->threads, true, m->partition, m->chunks);
    for (uint32_t c = 0; c < shardy__assign_chunks(m->n); c++) {
        total.loss += m->chunks[c].loss;
        total.changed += m->chunks[c].changed;
    }
    return total;
}

/* Returns the loss. */
static double iterate(shardy__clustering *m, uint32_t max_iterations) {
    double before = 0;
    for (uint32_t round = 0;; round++) {
        shardy__assign_chunk now = assign(m);
        if (round == max_iterations) return now.loss;
        shardy__kmeans_sort(m);
        bool settled = now.changed == 0 || !(now.loss < before * (1 - TOLERANCE));
        if (shardy__kmeans_refill(m) == 0 && round > 0 && settled) return now.loss;
        before = now.loss;
        shardy__kmeans_update(m);
    }
}

/* Drop the centroids that no row is nearest to; returns how many are left. */
static uint32_t compact(shardy__clustering *m) {
    uint32_t kept = 0;
    size_t size = m->dim * sizeof *m->centroids;
    shardy__kmeans_sort(m);
    for (uint32_t c = 0; c < m->live; c++) {
        if (m->clusters[c].count == 0) continue;
        memmove(m->centroids + (size_t)kept++ * m->dim, m->centroids + (size_t)c * m->dim, size);
    }
    return kept;
}

static shardy_status make_room(shardy__clustering *m, shardy_error *err) {
    SHARDY_TRY(shardy__panels_init(&m->panels, SHARDY_METRIC_L2, m->k, m->dim, err));
    m->partition = shardy__realloc_array(NULL, m->n, sizeof *m->partition);
    m->chunks = shardy__calloc(shardy__assign_chunks(m->n), sizeof *m->chunks);
    if (!m->partition || !m->chunks) return shardy__fail_nomem(err);
    for (uint64_t i = 0; i < m->n; i++) m->partition[i] = UINT32_MAX;
    return shardy__kmeans_update_init(m, err);
}

shardy_status shardy__kmeans(const float *rows, uint64_t n, uint32_t dim,
                             const shardy__kmeans_options *options, float *centroids,
                             uint32_t *k_out, double *loss, shardy_error *err) {
    uint32_t rounds = options->max_iterations ? options->max_iterations : DEFAULT_ITERATIONS;
    shardy__clustering m = {.level = shardy__vec_level_get(),
                            .rows = rows,
                            .n = n,
                            .dim = dim,
                            .k = options->k < n ? options->k : (uint32_t)n,
                            .threads = options->threads ? options->threads : 1,
                            .centroids = centroids};
    double sum;
    shardy_status rc;
    if (m.k == 0) return shardy__fail(err, SHARDY_E_ARGUMENT, "k-means of 0 rows or 0 clusters");
    rc = make_room(&m, err);
    if (rc) goto done;
    rc = shardy__kmeans_seed(&m, options->seed, err);
    if (rc) goto done;
    sum = iterate(&m, rounds);
    *k_out = compact(&m);
    if (loss) *loss = sum;
done:
    shardy__panels_free(&m.panels);
    shardy__free(m.partition);
    shardy__free(m.chunks);
    shardy__free(m.order);
    shardy__free(m.clusters);
    shardy__free(m.segments);
    shardy__free(m.sums);
    return rc;
}

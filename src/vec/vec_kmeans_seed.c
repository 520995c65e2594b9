/* vec_kmeans_seed.c: first centroids by k-means++ (Arthur and Vassilvitskii, "k-means++: the
 * advantages of careful seeding", SODA 2007).
 *
 * Each next centroid is a row drawn with probability proportional to its squared distance to the
 * nearest centroid so far. That costs one pass over the rows per centroid, as much as all of
 * Lloyd's iterations together when k is large, so rows are drawn from a sample: one random row from
 * each of SAMPLE_PER_CENTROID x k equal strata, at least SAMPLE_MIN. If the sample runs out of
 * distinct rows, seeding ends early and Lloyd's loop fills the remaining clusters from all rows.
 *
 * Distances are exact (double precision, the same on every processor) and are summed over chunks of
 * fixed size, so the draw does not depend on the number of threads or on the processor.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "vec/vec_kmeans.h"

#define SAMPLE_PER_CENTROID 32u
#define SAMPLE_MIN 8192u
#define CHUNK 1024u

struct seeding {
    const shardy__clustering *m;
    const float *last; /* the newest centroid */
    uint64_t n;        /* rows of the sample */
    uint64_t *sample;
    double *distance; /* per sample row: to the nearest centroid */
    double *sums;     /* of `distance`, per chunk */
};

static uint32_t chunks_of(uint64_t n) { return (uint32_t)((n + CHUNK - 1) / CHUNK); }

static void measure_chunk(void *ctx, uint32_t c) {
    struct seeding *s = ctx;
    uint64_t begin = (uint64_t)c * CHUNK, end = s->n - begin < CHUNK ? s->n : begin + CHUNK;
    double sum = 0;
    for (uint64_t i = begin; i < end; i++) {
        const float *row = shardy__cluster_row(s->m, s->sample[i]);
        double d = s->m->level->exact_l2(row, s->last, s->m->dim);
        if (d < s->distance[i]) s->distance[i] = d;
        sum += s->distance[i];
    }
    s->sums[c] = sum;
}

static void draw_sample(struct seeding *s, shardy__rng *rng) {
    uint64_t n = s->m->n, step = n / s->n, rest = n % s->n, begin = 0;
    for (uint64_t i = 0; i < s->n; i++) {
        uint64_t end = step * (i + 1) + rest * (i + 1) / s->n;
        s->sample[i] = begin + shardy__rng_below(rng, end - begin);
        s->distance[i] = INFINITY;
        begin = end;
    }
}

/* The row where the running sum of distances passes `target`; s->n if all distances are 0. */
static uint64_t pick(const struct seeding *s, double target) {
    uint64_t picked = s->n;
    double sum = 0;
    for (uint32_t c = 0; c < chunks_of(s->n); c++) {
        bool last = c + 1 == chunks_of(s->n);
        if (!last && sum + s->sums[c] <= target) {
            sum += s->sums[c];
            continue;
        }
        uint64_t end = last ? s->n : (uint64_t)(c + 1) * CHUNK;
        for (uint64_t i = (uint64_t)c * CHUNK; i < end; i++) {
            if (!(s->distance[i] > 0)) continue;
            picked = i;
            sum += s->distance[i];
            if (sum > target) return picked;
        }
    }
    return picked; /* rounding: the last row that is no centroid */
}

static void take(struct seeding *s, shardy__clustering *m, uint64_t i) {
    float *to = m->centroids + (size_t)m->live * m->dim;
    memcpy(to, shardy__cluster_row(m, s->sample[i]), m->dim * sizeof *to);
    s->last = to;
    m->live++;
    shardy__parallel_for(m->threads, chunks_of(s->n), measure_chunk, s);
}

shardy_status shardy__kmeans_seed(shardy__clustering *m, uint64_t seed, shardy_error *err) {
    uint64_t size = (uint64_t)m->k * SAMPLE_PER_CENTROID;
    struct seeding s = {.m = m};
    shardy_status rc = SHARDY_OK;
    shardy__rng rng;
    s.n = size < SAMPLE_MIN ? SAMPLE_MIN : size;
    if (s.n > m->n) s.n = m->n;
    s.sample = shardy__realloc_array(NULL, s.n, sizeof *s.sample);
    s.distance = shardy__realloc_array(NULL, s.n, sizeof *s.distance);
    s.sums = shardy__realloc_array(NULL, chunks_of(s.n), sizeof *s.sums);
    if (!s.sample || !s.distance || !s.sums) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    shardy__rng_seed(&rng, seed);
    draw_sample(&s, &rng);
    m->live = 0;
    take(&s, m, shardy__rng_below(&rng, s.n));
    while (m->live < m->k) {
        double total = 0;
        for (uint32_t c = 0; c < chunks_of(s.n); c++) total += s.sums[c];
        uint64_t i = pick(&s, shardy__rng_double(&rng) * total);
        if (i == s.n) break;
        take(&s, m, i);
    }
done:
    shardy__free(s.sample);
    shardy__free(s.distance);
    shardy__free(s.sums);
    return rc;
}

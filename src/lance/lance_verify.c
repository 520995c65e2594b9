/* lance_verify.c: what a table claims beyond its structure, each claim recomputed from the rows.
 *
 * Lance readers notice none of it: they answer wrongly or not at all. Findings are counted per
 * kind, so that a broken table gives a few lines. Most of the time goes into assigning every entry
 * to its partition again, which costs entries x partitions x dim; above a bound of minutes only
 * every n-th entry is assigned.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "lance/lance_table.h"

/* Builders round: they normalise and compare in single precision. */
#define UNIT_TOLERANCE 1e-5
#define PROBE_TOLERANCE 1e-5
#define PROBE_WORK 1e12 /* multiplications */

enum { SEEN = 1, NO_DIRECTION = 2, NOT_FINITE = 4 }; /* of a row */

typedef struct tally {
    uint64_t n, first;
} tally;

static void count(tally *t, bool wrong, uint64_t i) {
    if (wrong && !t->n++) t->first = i;
}

static void report(const shardy__lance_check *check, const shardy__lance_in *in, const tally *t,
                   const char *item, const char *what) {
    char text[200];
    if (!t->n) return;
    snprintf(text, sizeof text, "%s (%llu %s%s, the first is %llu)", what, (unsigned long long)t->n,
             item, t->n == 1 ? "" : "s", (unsigned long long)t->first);
    check->problem(check->ctx, in->src->url, text);
}

/* ---- rows ---- */

static void check_texts(const shardy__lance *table, const shardy__lance_check *check) {
    tally ids = {0, 0}, payloads = {0, 0};
    for (uint64_t row = 0; row < table->count; row++) {
        shardy_slice id = shardy__lance_id(table, row), payload = shardy__lance_payload(table, row);
        count(&ids, !shardy__utf8_valid(id.data, id.len), row);
        count(&payloads, payload.data && !shardy__utf8_valid(payload.data, payload.len), row);
    }
    report(check, &table->data, &ids, "row", "id is not UTF-8");
    report(check, &table->data, &payloads, "row", "payload is not UTF-8");
}

static double square(const float *v, uint32_t dim) {
    double sum = 0;
    for (uint32_t i = 0; i < dim; i++) sum += (double)v[i] * v[i];
    return sum;
}

static void check_vectors(const shardy__lance *table, const shardy__lance_check *check,
                          uint8_t *rows) {
    tally bad = {0, 0};
    for (uint64_t row = 0; row < table->count; row++) {
        double sum = square(table->vectors + row * table->dim, table->dim);
        if (!isfinite(sum)) rows[row] = NOT_FINITE; /* squares of floats do not overflow a double */
        if (sum == 0) rows[row] = NO_DIRECTION;
        count(&bad, rows[row] == NOT_FINITE, row);
    }
    report(check, &table->data, &bad, "row", "vector is not finite");
}

/* ---- index ---- */

#define LANES 16u

static float add_lanes(const float sum[LANES]) {
    float total = 0;
    for (uint32_t i = 0; i < LANES; i++) total += sum[i];
    return total;
}

/* Smaller is nearer, as readers choose partitions: squared distance, or negative dot product. In
 * single precision and lanes, which compilers turn into vector instructions; what looks wrong is
 * looked at again in double precision. */
static float fast_score(shardy_metric metric, const float *v, const float *c, uint32_t dim) {
    float sum[LANES] = {0};
    uint32_t i = 0;
    if (metric == SHARDY_METRIC_DOT) {
        for (; i + LANES <= dim; i += LANES) {
            for (uint32_t j = 0; j < LANES; j++) sum[j] -= v[i + j] * c[i + j];
        }
        for (; i < dim; i++) sum[0] -= v[i] * c[i];
    } else {
        for (; i + LANES <= dim; i += LANES) {
            for (uint32_t j = 0; j < LANES; j++) {
                float d = v[i + j] - c[i + j];
                sum[j] += d * d;
            }
        }
        for (; i < dim; i++) sum[0] += (v[i] - c[i]) * (v[i] - c[i]);
    }
    return add_lanes(sum);
}

static double exact_score(shardy_metric metric, const float *v, const float *c, uint32_t dim) {
    double sum = 0;
    for (uint32_t i = 0; i < dim; i++) {
        double d = (double)v[i] - c[i];
        sum += metric == SHARDY_METRIC_DOT ? -(double)v[i] * c[i] : d * d;
    }
    return sum;
}

static bool misplaced(const shardy__lance *table, const float *v, uint32_t partition,
                      double largest) {
    shardy_metric metric = table->index.metric;
    const float *c = table->index.centroids;
    uint32_t dim = table->dim;
    double own = exact_score(metric, v, c + (size_t)partition * dim, dim);
    double limit = own - PROBE_TOLERANCE * (square(v, dim) + largest);
    for (uint32_t p = 0; p < table->index.partitions; p++) {
        const float *other = c + (size_t)p * dim;
        if (p == partition || fast_score(metric, v, other, dim) >= own) continue;
        if (exact_score(metric, v, other, dim) < limit) return true;
    }
    return false;
}

/* One entry in how many is assigned again. */
static uint64_t probe_stride(const shardy__lance_index *index, uint32_t dim) {
    double work = (double)index->offsets[index->partitions] * index->partitions * dim;
    return 1 + (uint64_t)(work / PROBE_WORK);
}

/* The indexed form of a row is the row, under cosine its unit vector. */
static bool differs(const shardy__lance *table, const float *entry, const float *row) {
    uint32_t dim = table->dim;
    if (table->index.metric != SHARDY_METRIC_COSINE) {
        return memcmp(entry, row, (size_t)dim * sizeof(float)) != 0;
    }
    double scale = 1 / sqrt(square(row, dim));
    for (uint32_t i = 0; i < dim; i++) {
        if (!(fabs(entry[i] - row[i] * scale) <= UNIT_TOLERANCE)) return true;
    }
    return false;
}

/* The largest squared length of a centroid; *finite says whether all are finite. */
static double check_centroids(const shardy__lance *table, const shardy__lance_check *check,
                              bool *finite) {
    tally bad = {0, 0};
    double largest = 0;
    for (uint32_t p = 0; p < table->index.partitions; p++) {
        double sum = square(table->index.centroids + (size_t)p * table->dim, table->dim);
        count(&bad, !isfinite(sum), p);
        if (sum > largest) largest = sum;
    }
    report(check, &table->index_file, &bad, "partition", "centroid is not finite");
    *finite = bad.n == 0;
    return largest;
}

static void check_entries(const shardy__lance *table, const shardy__lance_check *check,
                          uint8_t *rows) {
    const shardy__lance_index *index = &table->index;
    tally twice = {0, 0}, zero = {0, 0}, other = {0, 0}, place = {0, 0};
    bool finite;
    double largest = check_centroids(table, check, &finite);
    uint64_t stride = probe_stride(index, table->dim);
    for (uint32_t p = 0; p < index->partitions; p++) {
        for (uint64_t e = index->offsets[p]; e < index->offsets[p + 1]; e++) {
            uint64_t row = index->row_ids[e];
            const float *entry = index->vectors + e * table->dim;
            count(&twice, rows[row] & SEEN, row);
            rows[row] |= SEEN;
            if (index->metric == SHARDY_METRIC_COSINE && rows[row] & NO_DIRECTION) {
                count(&zero, true, row);
                continue;
            }
            bool wrong = differs(table, entry, table->vectors + row * table->dim);
            count(&other, wrong, row);
            bool probe = finite && !wrong && e % stride == 0;
            count(&place, probe && misplaced(table, entry, p, largest), e);
        }
    }
    report(check, &table->auxiliary, &twice, "row", "row is in the index more than once");
    report(check, &table->auxiliary, &zero, "row", "zero vector is in an index of directions");
    report(check, &table->auxiliary, &other, "row", "indexed vector is not that of its row");
    report(check, &table->auxiliary, &place, "entry", "entry is not in its nearest partition");
}

static void check_coverage(const shardy__lance *table, const shardy__lance_check *check,
                           const uint8_t *rows) {
    tally missing = {0, 0};
    for (uint64_t row = 0; row < table->count; row++) {
        bool expected = !(rows[row] & NOT_FINITE) &&
                        !(table->index.metric == SHARDY_METRIC_COSINE && rows[row] & NO_DIRECTION);
        count(&missing, expected && !(rows[row] & SEEN), row);
    }
    report(check, &table->auxiliary, &missing, "row", "row is not in the index");
}

shardy_status shardy__lance_verify(shardy__lance *table, const shardy__lance_check *check,
                                   shardy_error *err) {
    uint8_t *rows = shardy__calloc(table->count ? (size_t)table->count : 1, 1);
    if (!rows) return shardy__fail_nomem(err);
    check_texts(table, check);
    check_vectors(table, check, rows);
    if (table->indexed) {
        check_entries(table, check, rows);
        check_coverage(table, check, rows);
    }
    shardy__free(rows);
    return SHARDY_OK;
}

/* test_lance.h: tables made of arithmetic, for the tests of the lance layer. */
#ifndef SHARDY_TEST_LANCE_H
#define SHARDY_TEST_LANCE_H

#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "lance/lance.h"
#include "store/store.h"
#include "test.h"

#define FIXTURE_UUID \
    {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
#define GOLDEN_DATA "data/000102030405060708090a0b0c0d0e0f.lance"
#define GOLDEN_AUXILIARY "_indices/00112233-4455-6677-8899-aabbccddeeff/auxiliary.idx"
#define GOLDEN_INDEX "_indices/00112233-4455-6677-8899-aabbccddeeff/index.idx"
#define GOLDEN_MANIFEST "_versions/18446744073709551614.manifest"

/* What the texts of a table are like. */
typedef enum text_kind { TEXTS_MIXED, TEXTS_NULL, TEXTS_EMPTY, TEXTS_LONG } text_kind;

typedef struct fixture {
    uint64_t n;
    uint32_t dim;
    text_kind texts;
    float *vectors;
    shardy__lance_rows rows;
    /* the index */
    shardy__lance_ivf ivf;
    float *centroids, *entries;
    uint64_t *lengths, *row_ids;
    uint64_t n_entries;
    shardy__lance_options options;
    char text[5000]; /* what the last callback returned */
} fixture;

static inline shardy_slice fixture_id(void *ctx, uint64_t row) {
    fixture *f = ctx;
    static const char *const forms[] = {"id-", "ключ-\xf0\x9f\x98\x80", "é"};
    memset(f->text, '#', 100); /* what the last call returned is gone */
    int len = snprintf(f->text, sizeof f->text, "%s%u", forms[row % 3], (unsigned)row);
    if (row % 39 == 6) f->text[1] = 0;
    if (row == 7 || f->texts == TEXTS_EMPTY) len = 0;
    return (shardy_slice){f->text, (size_t)len};
}

static inline shardy_slice fixture_payload(void *ctx, uint64_t row) {
    fixture *f = ctx;
    memset(f->text, '#', 100);
    if (f->texts == TEXTS_NULL || (f->texts == TEXTS_MIXED && row % 5 == 0)) {
        return (shardy_slice){NULL, 0};
    }
    if (f->texts == TEXTS_EMPTY || (f->texts == TEXTS_MIXED && row % 5 == 1)) {
        return (shardy_slice){f->text, 0};
    }
    if (f->texts == TEXTS_LONG) {
        memset(f->text, 'a' + (int)(row % 26), sizeof f->text);
        return (shardy_slice){f->text, sizeof f->text};
    }
    int len = snprintf(f->text, sizeof f->text, "{\"n\":%u,\"t\":\"žluťoučký\"}", (unsigned)row);
    if (row % 5 == 2) f->text[2] = 0;
    return (shardy_slice){f->text, (size_t)len};
}

static inline const float *fixture_vector(void *ctx, uint64_t row) {
    fixture *f = ctx;
    return f->vectors + row * f->dim;
}

static inline const float *fixture_entry(void *ctx, uint64_t entry) {
    fixture *f = ctx;
    return f->entries + entry * f->dim;
}

/* Rows without an index. Every `zero_every`-th vector is zero (0: none). */
static inline void fixture_init(fixture *f, uint64_t n, uint32_t dim, text_kind texts,
                                uint64_t zero_every) {
    static const uint8_t uuid[16] = FIXTURE_UUID;
    memset(f, 0, sizeof *f);
    f->n = n;
    f->dim = dim;
    f->texts = texts;
    f->vectors = calloc(n ? n * dim : 1, sizeof *f->vectors);
    shardy__rng rng;
    shardy__rng_seed(&rng, n + dim);
    for (uint64_t i = 0; i < n * dim; i++) {
        if (zero_every && (i / dim + 1) % zero_every == 0) continue;
        f->vectors[i] = (float)(shardy__rng_double(&rng) * 2 - 1);
    }
    f->rows = (shardy__lance_rows){n, dim, f, fixture_id, fixture_vector, fixture_payload};
    f->options.wall_ns = 1700000000123456789;
    f->options.data_name = "000102030405060708090a0b0c0d0e0f.lance";
    memcpy(f->options.index_uuid, uuid, 16);
}

static inline double fixture_score(shardy_metric metric, const float *v, const float *c,
                                   uint32_t dim) {
    double sum = 0;
    for (uint32_t i = 0; i < dim; i++) {
        double d = (double)v[i] - c[i];
        sum += metric == SHARDY_METRIC_DOT ? -(double)v[i] * c[i] : d * d;
    }
    return sum;
}

/* An index whose centroids are rows, spread over the table, and random where there are too few. */
static inline void fixture_index(fixture *f, shardy_metric metric, uint32_t partitions) {
    uint32_t dim = f->dim;
    float *unit = calloc(f->n ? f->n * dim : 1, sizeof *unit);
    uint32_t *part = calloc(f->n + 1, sizeof *part);
    f->centroids = calloc((size_t)partitions * dim, sizeof *f->centroids);
    f->lengths = calloc(partitions, sizeof *f->lengths);
    f->row_ids = calloc(f->n + 1, sizeof *f->row_ids);
    f->entries = calloc(f->n ? f->n * dim : 1, sizeof *f->entries);
    for (uint64_t i = 0; i < f->n; i++) {
        const float *v = f->vectors + i * dim;
        double norm = 0;
        for (uint32_t d = 0; d < dim; d++) norm += (double)v[d] * v[d];
        part[i] = metric == SHARDY_METRIC_COSINE && norm == 0 ? UINT32_MAX : 0;
        double scale = metric == SHARDY_METRIC_COSINE && norm > 0 ? 1 / sqrt(norm) : 1;
        for (uint32_t d = 0; d < dim; d++) unit[i * dim + d] = (float)(v[d] * scale);
    }
    for (uint32_t p = 0; p < partitions; p++) {
        const float *from = p < f->n ? unit + (f->n * p / partitions) * dim : NULL;
        for (uint32_t d = 0; d < dim; d++) {
            f->centroids[(size_t)p * dim + d] = from ? from[d] : (float)p + (float)d;
        }
    }
    for (uint64_t i = 0; i < f->n; i++) {
        if (part[i]) continue;
        double best = INFINITY;
        for (uint32_t p = 0; p < partitions; p++) {
            double s = fixture_score(metric, unit + i * dim, f->centroids + (size_t)p * dim, dim);
            if (s < best) {
                best = s;
                part[i] = p;
            }
        }
        f->ivf.loss += best;
        f->lengths[part[i]]++;
    }
    for (uint32_t p = 0; p < partitions; p++) {
        for (uint64_t i = 0; i < f->n; i++) {
            if (part[i] != p) continue;
            memcpy(f->entries + f->n_entries * dim, unit + i * dim, dim * sizeof(float));
            f->row_ids[f->n_entries++] = i;
        }
    }
    f->ivf = (shardy__lance_ivf){SHARDY__LANCE_IVF_FLAT,
                                 metric,
                                 partitions,
                                 f->centroids,
                                 f->lengths,
                                 f->row_ids,
                                 f->ivf.loss,
                                 fixture_entry,
                                 f};
    free(unit);
    free(part);
}

static inline void fixture_free(fixture *f) {
    free(f->vectors);
    free(f->centroids);
    free(f->lengths);
    free(f->row_ids);
    free(f->entries);
}

static inline const shardy__lance_ivf *fixture_ivf(const fixture *f) {
    return f->ivf.kind ? &f->ivf : NULL;
}

static inline shardy__dir *memory_dir(void) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = NULL;
    CHECK_OK(shardy__store_open("memory://lance/table.lance", &dir, &err), err);
    return dir;
}

static inline void memory_close(shardy__dir *dir) {
    shardy__dir_close(dir);
    shardy__memory_drop("lance");
}

#define CHECK_SLICE(a, b)                                            \
    do {                                                             \
        shardy_slice test_s = (a), test_t = (b);                     \
        CHECK_INT(test_s.data == NULL, test_t.data == NULL);         \
        CHECK_MEM(test_s.data, test_s.len, test_t.data, test_t.len); \
    } while (0)

/* Everything that a reader can ask, against the fixture. */
static inline void fixture_check(fixture *f, const shardy__lance *t) {
    CHECK_INT(shardy__lance_count(t), f->n);
    CHECK_INT(shardy__lance_dim(t), f->dim);
    for (uint64_t i = 0; i < f->n; i++) {
        CHECK_SLICE(shardy__lance_id(t, i), fixture_id(f, i));
        CHECK_SLICE(shardy__lance_payload(t, i), fixture_payload(f, i));
    }
    CHECK(!memcmp(shardy__lance_vectors(t) ? shardy__lance_vectors(t) : f->vectors, f->vectors,
                  f->n * f->dim * sizeof(float)));
    CHECK((shardy__lance_vectors(t) == NULL) == (f->n == 0));
    const shardy__lance_index *index = shardy__lance_get_index(t);
    CHECK_INT(index != NULL, f->ivf.kind != SHARDY__LANCE_NO_INDEX && f->n > 0);
    if (!index) return;
    CHECK_INT(index->kind, f->ivf.kind);
    CHECK_INT(index->metric, f->ivf.metric);
    CHECK_INT(index->partitions, f->ivf.partitions);
    CHECK_INT(index->offsets[0], 0);
    for (uint32_t p = 0; p < index->partitions; p++) {
        CHECK_INT(index->offsets[p + 1] - index->offsets[p], f->lengths[p]);
    }
    CHECK_INT(index->offsets[index->partitions], f->n_entries);
    CHECK(!memcmp(index->centroids, f->centroids,
                  (size_t)index->partitions * f->dim * sizeof(float)));
    CHECK(!memcmp(index->row_ids, f->row_ids, f->n_entries * 8));
    CHECK(!memcmp(index->vectors, f->entries, f->n_entries * f->dim * sizeof(float)));
}

/* ---- problems found by verify ---- */

typedef struct problems {
    unsigned n;
    char text[2000];
} problems;

static inline void on_problem(void *ctx, const char *object, const char *text) {
    problems *p = ctx;
    size_t used = strlen(p->text);
    snprintf(p->text + used, sizeof p->text - used, "%s: %s\n", object, text);
    p->n++;
}

static inline unsigned verify(shardy__lance *t, problems *p) {
    shardy_error err = SHARDY_ERROR_INIT;
    memset(p, 0, sizeof *p);
    const shardy__lance_check check = {on_problem, p};
    CHECK_OK(shardy__lance_verify(t, &check, &err), err);
    return p->n;
}

/* ---- the golden table ---- */

static inline shardy_slice golden_id(void *ctx, uint64_t row) {
    static const char *const ids[] = {"a", "bb", "ccc"};
    (void)ctx;
    return (shardy_slice){ids[row], row + 1};
}

static inline shardy_slice golden_payload(void *ctx, uint64_t row) {
    (void)ctx;
    if (row == 0) return (shardy_slice){NULL, 0};
    return (shardy_slice){"\xc3\xa9!", row == 1 ? 0 : 3};
}

static inline const float *golden_vector(void *ctx, uint64_t row) {
    static const float vectors[3][4] = {{3, 0, 0, 0}, {0, 1.5f, 0, 0}, {0, 0, -0.75f, 6}};
    (void)ctx;
    return vectors[row];
}

static const shardy__lance_rows golden_rows = {
    3, 4, NULL, golden_id, golden_vector, golden_payload};
static const float golden_centroid[4] = {1, 0.5f, -0.25f, 2};
static const uint64_t golden_lengths[1] = {3}, golden_row_ids[3] = {0, 1, 2};
static const shardy__lance_ivf golden_ivf = {SHARDY__LANCE_IVF_FLAT,
                                             SHARDY_METRIC_L2,
                                             1,
                                             golden_centroid,
                                             golden_lengths,
                                             golden_row_ids,
                                             31.875,
                                             golden_vector,
                                             NULL};
static const shardy__lance_options golden_options = {
    1700000000123456789, FIXTURE_UUID, "000102030405060708090a0b0c0d0e0f.lance", NULL};

#endif

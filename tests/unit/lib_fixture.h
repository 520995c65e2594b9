/* lib_fixture.h: small snapshots for the tests of the whole library. */
#ifndef SHARDY_TESTS_LIB_FIXTURE_H
#define SHARDY_TESTS_LIB_FIXTURE_H

#include <math.h>
#include <stdio.h>

#include "shardyfusion/shardyfusion.h"
#include "store/store.h"
#include "test.h"

#define FIXTURE_DIM 8

static shardy_error err = SHARDY_ERROR_INIT;

/* Deterministic numbers: the same row always has the same vector. */
static inline float fixture_value(uint32_t row, uint32_t d) {
    uint32_t x = row * 2654435761u + d * 40503u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (float)(x % 2001) / 1000.0f - 1.0f;
}

static inline void fixture_vector(uint32_t row, float out[FIXTURE_DIM]) {
    for (uint32_t d = 0; d < FIXTURE_DIM; d++) out[d] = fixture_value(row, d) + 0.0005f;
}

static inline size_t fixture_key(uint32_t row, char out[32]) {
    return (size_t)snprintf(out, 32, "key%06u", row * 7919u % 1000003u);
}

static inline size_t fixture_text(uint32_t row, char out[64]) {
    return (size_t)snprintf(out, 64, "{\"row\": %u, \"name\": \"r\xc3\xa9%u\"}", row, row);
}

/* One row of the fixture: utf8 key, value and payload are its text; every third payload is null. */
static inline shardy_status fixture_add(shardy_writer *w, uint32_t row, bool vectors,
                                        shardy_error *e) {
    char key[32], text[64];
    float v[FIXTURE_DIM];
    shardy_row r = SHARDY_ROW_INIT;
    r.key = shardy_key_str(key, fixture_key(row, key));
    r.value = (shardy_slice){text, fixture_text(row, text)};
    if (vectors) {
        fixture_vector(row, v);
        r.vector = v;
        r.vector_len = FIXTURE_DIM;
        if (row % 3) r.payload = r.value;
    }
    return shardy_writer_add(w, &r, e);
}

static inline shardy_vector_spec fixture_spec(shardy_metric metric) {
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    spec.dim = FIXTURE_DIM;
    spec.metric = metric;
    return spec;
}

/* Build `rows` rows into `prefix`; spec NULL: no vectors. */
static inline void fixture_build(const char *prefix, uint32_t rows, uint32_t num_dbs,
                                 const shardy_vector_spec *spec) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = num_dbs;
    o.vector = spec;
    o.threads = 2;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < rows; i++) CHECK_OK(fixture_add(w, i, spec != NULL, &err), err);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
}

/* Every fixture row is there, absent keys are not. */
static inline void fixture_check_kv(shardy_reader *r, uint32_t rows) {
    char key[32], text[64];
    shardy_value v;
    for (uint32_t i = 0; i < rows; i++) {
        shardy_key k = shardy_key_str(key, fixture_key(i, key));
        CHECK_OK(shardy_reader_get(r, &k, &v, &err), err);
        CHECK(v.found);
        CHECK_MEM(v.data, v.len, text, fixture_text(i, text));
        shardy_value_release(&v);
        k = shardy_key_str(key, (size_t)snprintf(key, sizeof key, "nokey%u", i));
        CHECK_OK(shardy_reader_get(r, &k, &v, &err), err);
        CHECK(!v.found && !v.data);
    }
}

static inline double fixture_distance(shardy_metric metric, const float *a, const float *b) {
    double dot = 0, aa = 0, bb = 0, l2 = 0;
    for (int d = 0; d < FIXTURE_DIM; d++) {
        dot += (double)a[d] * (double)b[d];
        aa += (double)a[d] * (double)a[d];
        bb += (double)b[d] * (double)b[d];
        l2 += ((double)a[d] - (double)b[d]) * ((double)a[d] - (double)b[d]);
    }
    return metric == SHARDY_METRIC_L2    ? l2
           : metric == SHARDY_METRIC_DOT ? 1 - dot
                                         : 1 - dot / sqrt(aa * bb);
}

/* Searches over the snapshot equal a brute-force search over the fixture's rows. */
static inline void fixture_check_search(shardy_reader *r, uint32_t rows, shardy_metric metric,
                                        const shardy_search_options *options, uint32_t k) {
    for (uint32_t q = 0; q < 20; q++) {
        float query[FIXTURE_DIM], v[FIXTURE_DIM];
        shardy_search_result *result;
        fixture_vector(1000000 + q, query);
        CHECK_OK(shardy_reader_search(r, query, FIXTURE_DIM, options, &result, &err), err);
        CHECK_INT(result->n_hits, rows < k ? rows : k);
        double last = -INFINITY;
        for (size_t i = 0; i < result->n_hits; i++) {
            const shardy_hit *hit = &result->hits[i];
            CHECK(hit->score >= last);
            last = hit->score;
            uint32_t closer = 0; /* rows strictly nearer than this hit: at most i */
            double own = NAN;
            for (uint32_t row = 0; row < rows; row++) {
                char key[32];
                size_t len = fixture_key(row, key);
                fixture_vector(row, v);
                double d = fixture_distance(metric, query, v);
                if (d < hit->score - 1e-6) closer++;
                if (len == hit->id.len && !memcmp(key, hit->id.data, len)) own = d;
            }
            CHECK(fabs(own - hit->score) < 1e-6);
            CHECK(closer <= i);
        }
        shardy_search_result_free(result);
    }
}

/* How many objects there are below a prefix. */
static inline shardy_status fixture_count_one(void *ctx, const char *name, uint64_t size,
                                              shardy_error *e) {
    (void)name, (void)size, (void)e;
    ++*(uint64_t *)ctx;
    return SHARDY_OK;
}

static inline uint64_t fixture_objects(const char *prefix) {
    shardy__dir *dir;
    uint64_t n = 0;
    CHECK_OK(shardy__store_open(prefix, &dir, &err), err);
    CHECK_OK(shardy__dir_list(dir, "", fixture_count_one, &n, &err), err);
    shardy__dir_close(dir);
    return n;
}

#endif

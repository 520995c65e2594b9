/* test_vec_topk.c: the top-k heap and exact scans, against sorting. */
#include <math.h>

#include "base/clock.h"
#include "base/fault.h"
#include "test.h"
#include "vec/vec_kernels.h"

static int compare(const void *x, const void *y) {
    const shardy__topk_item *a = x, *b = y;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* What must come out for all n distances at once. */
static uint64_t expected(shardy__topk_item *items, const float *distances, const uint64_t *rows,
                         uint64_t first, uint64_t n) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (isnan(distances[i])) continue;
        items[kept++] = (shardy__topk_item){distances[i], rows ? rows[i] : first + i};
    }
    qsort(items, kept, sizeof *items, compare);
    return kept;
}

static void check_items(const shardy__topk *top, const shardy__topk_item *want, uint64_t n_want) {
    CHECK_INT(top->n, n_want < top->k ? n_want : top->k);
    for (uint32_t i = 0; i < top->n; i++) {
        CHECK(top->items[i].distance == want[i].distance);
        CHECK_INT(top->items[i].row, want[i].row);
    }
}

/* Push in pieces of `piece` and compare. */
static void check_push(uint32_t k, const float *distances, const uint64_t *rows, uint64_t n,
                       uint64_t piece) {
    static shardy__topk_item want[2000];
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__topk top;
    uint64_t kept = expected(want, distances, rows, 100, n);
    CHECK_OK(shardy__topk_init(&top, k, &err), err);
    for (uint64_t at = 0; at < n; at += piece) {
        uint64_t len = n - at < piece ? n - at : piece;
        shardy__topk_push(&top, distances + at, rows ? rows + at : NULL, 100 + at, len);
    }
    shardy__topk_sort(&top);
    check_items(&top, want, kept);
    shardy__topk_free(&top);
}

static const uint32_t counts[] = {1, 2, 3, 10, 100, 1000, 3000};

TEST(random_distances) {
    static float distances[2000];
    shardy__rng rng;
    shardy__rng_seed(&rng, 1);
    for (uint64_t n = 0; n <= 2000; n = n * 2 + 1) {
        for (uint64_t i = 0; i < n; i++) distances[i] = (float)shardy__rng_double(&rng) - 0.5f;
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            check_push(counts[c], distances, NULL, n, 256);
            check_push(counts[c], distances, NULL, n, 7);
        }
    }
}

TEST(ties_nan_and_infinities) {
    const float pool[] = {0, -0.0f, 1, 1, 1, INFINITY, -INFINITY, NAN, -NAN, 2};
    static float distances[1000];
    shardy__rng rng;
    shardy__rng_seed(&rng, 2);
    for (int round = 0; round < 50; round++) {
        uint64_t n = shardy__rng_below(&rng, 1000);
        for (uint64_t i = 0; i < n; i++) distances[i] = pool[shardy__rng_below(&rng, 10)];
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            check_push(counts[c], distances, NULL, n, 1 + shardy__rng_below(&rng, 300));
        }
    }
}

TEST(only_nan) {
    float distances[50];
    for (int i = 0; i < 50; i++) distances[i] = NAN;
    check_push(3, distances, NULL, 50, 50);
}

TEST(lower_row_wins_whatever_the_order) {
    static float distances[1000];
    static uint64_t rows[1000];
    shardy__rng rng;
    shardy__rng_seed(&rng, 3);
    for (uint64_t i = 0; i < 1000; i++) {
        rows[i] = (UINT64_C(1) << 40) - i; /* descending, beyond 32 bits */
        distances[i] = (float)shardy__rng_below(&rng, 4);
    }
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        check_push(counts[c], distances, rows, 1000, 1000);
        check_push(counts[c], distances, rows, 1000, 33);
    }
}

TEST(ordered_input) {
    static float up[500], down[500];
    for (int i = 0; i < 500; i++) {
        up[i] = (float)i;
        down[i] = (float)(500 - i);
    }
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        check_push(counts[c], up, NULL, 500, 64);
        check_push(counts[c], down, NULL, 500, 64);
    }
}

TEST(none_wanted) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__topk top;
    const float distance = 1;
    CHECK_OK(shardy__topk_init(&top, 0, &err), err);
    shardy__topk_push(&top, &distance, NULL, 0, 1);
    shardy__topk_sort(&top);
    CHECK_INT(top.n, 0);
    shardy__topk_free(&top);
    shardy__topk_free(&top); /* a freed heap is empty */
}

static float rank_one(const shardy__vec_kernels *kernels, shardy_metric metric, const float *q,
                      const float *v, uint32_t dim) {
    if (metric == SHARDY_METRIC_L2) return kernels->l2(q, v, dim);
    return 1.0f - kernels->dot(q, v, dim);
}

static void check_scan(shardy_metric metric, const float *q, const float *vectors,
                       const uint64_t *rows, uint64_t n, uint32_t dim, uint32_t k) {
    static float distances[1000];
    static shardy__topk_item want[1000];
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__topk top;
    for (uint64_t i = 0; i < n; i++) {
        distances[i] = rank_one(shardy__vec_kernels_get(), metric, q, vectors + i * dim, dim);
    }
    CHECK_OK(shardy__topk_init(&top, k, &err), err);
    shardy__vec_scan(metric, q, vectors, rows, 42, n, dim, &top);
    shardy__topk_sort(&top);
    check_items(&top, want, expected(want, distances, rows, 42, n));
    shardy__topk_free(&top);
}

static void check_scans(void) {
    const uint64_t sizes[] = {0, 1, 5, 255, 256, 257, 511, 513, 1000};
    static float vectors[1000 * 37], q[37];
    static uint64_t rows[1000];
    shardy__rng rng;
    shardy__rng_seed(&rng, 4);
    for (size_t i = 0; i < 1000 * 37; i++) vectors[i] = (float)shardy__rng_double(&rng) - 0.5f;
    for (uint64_t i = 0; i < 1000; i++) {
        rows[i] = i * 7919 % 1000;
        shardy__vec_normalise(vectors + i * 37, vectors + i * 37, 37);
    }
    memcpy(q, vectors + 37 * 3, sizeof q);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int metric = SHARDY_METRIC_COSINE; metric <= SHARDY_METRIC_DOT; metric++) {
            check_scan((shardy_metric)metric, q, vectors, NULL, sizes[s], 37, 10);
            check_scan((shardy_metric)metric, q, vectors, rows, sizes[s], 37, 1);
            check_scan((shardy_metric)metric, q, vectors, rows, sizes[s], 37, 2000);
        }
    }
}

TEST(scan_on_the_best_level) { check_scans(); }

TEST(scan_on_the_portable_level) {
    setenv("SHARDY_SIMD", "portable", 1);
    check_scans();
}

TEST(scan_on_avx2) {
    setenv("SHARDY_SIMD", "avx2", 1);
    if (strcmp(shardy__vec_kernels_get()->name, "avx2")) test_skip("no AVX2");
    check_scans();
}

TEST(heap_without_memory) {
#ifdef SHARDY_FAULTS
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__topk top;
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 1);
    CHECK_FAILS(shardy__topk_init(&top, 10, &err), SHARDY_E_NO_MEMORY);
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
    shardy__topk_free(&top);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

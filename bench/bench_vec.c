/* bench_vec.c: speed of the vector kernels, of exact search and of k-means.
 *
 * A micro benchmark: unlike the other programs here it links the layer src/vec itself, because the
 * public interface has no way to choose a kernel. Data: pseudo-random unit vectors.
 *
 *   bench_vec [ROWS [DIM [K]]]     default 60000 384 16
 *
 * "read" compares every float of the same memory with a bound that none reaches: a plain read.
 * Times are the best of several passes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "shardyfusion/shardyfusion.h"
#include "vec/vec_kernels.h"

#define PASSES 9
#define CLUSTERS 100

static uint64_t rows = 60000;
static uint32_t dim = 384, k = 16;
static float *vectors, *distances, *row_buffer;
static volatile uint64_t sink;

static void fail(const char *what) {
    fprintf(stderr, "bench_vec: %s\n", what);
    exit(1);
}

/* Unit vectors around CLUSTERS random centres, so that k-means has something to find. */
static void make_data(void) {
    shardy__rng rng;
    float *centres = malloc((size_t)CLUSTERS * dim * sizeof *centres);
    vectors = malloc(rows * dim * sizeof *vectors);
    distances = malloc(rows * sizeof *distances);
    row_buffer = malloc(dim * sizeof *row_buffer);
    if (!centres || !vectors || !distances || !row_buffer) fail("out of memory");
    shardy__rng_seed(&rng, 1);
    for (size_t i = 0; i < (size_t)CLUSTERS * dim; i++) {
        centres[i] = (float)(shardy__rng_double(&rng) - 0.5);
    }
    for (uint64_t r = 0; r < rows; r++) {
        const float *centre = centres + shardy__rng_below(&rng, CLUSTERS) * dim;
        float *v = vectors + r * dim;
        for (uint32_t i = 0; i < dim; i++) {
            v[i] = centre[i] + 2 * (float)(shardy__rng_double(&rng) - 0.5);
        }
        shardy__vec_normalise(v, v, dim);
    }
    free(centres);
}

static void report(const char *level, const char *what, uint64_t ns, double bytes) {
    printf("%-9s %-18s %8.2f ms %8.1f ns/row %7.2f GB/s\n", level, what, (double)ns / 1e6,
           (double)ns / (double)rows, bytes / (double)ns);
}

typedef void (*work_fn)(const shardy__vec_level *level, uint32_t parameter);

/* Do the work PASSES times and report the fastest. */
static void measure(const shardy__vec_level *level, const char *what, double bytes, work_fn work,
                    uint32_t parameter) {
    uint64_t best = UINT64_MAX;
    for (int pass = 0; pass < PASSES; pass++) {
        uint64_t start = shardy__monotonic_ns();
        work(level, parameter);
        uint64_t ns = shardy__monotonic_ns() - start;
        if (ns < best) best = ns;
    }
    report(level->kernels.name, what, best, bytes);
}

static void read_all(const shardy__vec_level *level, uint32_t unused) {
    (void)unused;
    sink += level->find_le(vectors, 0, rows * dim, -INFINITY);
}

static void dot_rows(const shardy__vec_level *level, uint32_t unused) {
    (void)unused;
    level->kernels.dot_rows(vectors, vectors, rows, dim, distances);
}

static void l2_rows(const shardy__vec_level *level, uint32_t unused) {
    (void)unused;
    level->kernels.l2_rows(vectors, vectors, rows, dim, distances);
}

static void dot_pairs(const shardy__vec_level *level, uint32_t unused) {
    (void)unused;
    for (uint64_t i = 0; i < rows; i++) {
        distances[i] = level->kernels.dot(vectors, vectors + i * dim, dim);
    }
}

static void exact_l2(const shardy__vec_level *level, uint32_t unused) {
    (void)unused;
    for (uint64_t i = 0; i < rows; i++) {
        distances[i] = (float)level->exact_l2(vectors, vectors + i * dim, dim);
    }
}

/* The first half of the memory, read as rows of halves. */
static void widen(const shardy__vec_level *level, uint32_t unused) {
    (void)unused;
    for (uint64_t i = 0; i < rows; i++) {
        level->from_f16(row_buffer, (const char *)vectors + i * dim * 2, dim);
    }
}

static void search(const shardy__vec_level *level, uint32_t take) {
    shardy__topk top;
    (void)level;
    if (shardy__topk_init(&top, take, NULL)) fail("out of memory");
    shardy__vec_scan(SHARDY_METRIC_COSINE, vectors, vectors, NULL, 0, rows, dim, &top);
    shardy__topk_sort(&top);
    sink += top.items[0].row;
    shardy__topk_free(&top);
}

static void bench_level(const shardy__vec_level *level) {
    double bytes = (double)rows * dim * sizeof *vectors;
    measure(level, "read", bytes, read_all, 0);
    measure(level, "dot rows", bytes, dot_rows, 0);
    measure(level, "l2 rows", bytes, l2_rows, 0);
    measure(level, "dot pairs", bytes, dot_pairs, 0);
    measure(level, "exact l2 pairs", bytes, exact_l2, 0);
    measure(level, "float16 to 32", bytes / 2, widen, 0);
}

static void bench_search(void) {
    double bytes = (double)rows * dim * sizeof *vectors;
    for (uint32_t take = 10; take <= 1000; take *= 10) {
        char what[32];
        snprintf(what, sizeof what, "search, top %u", take);
        measure(shardy__vec_level_get(), what, bytes, search, take);
    }
}

static void bench_kmeans(uint32_t threads) {
    float *centroids = malloc((size_t)k * dim * sizeof *centroids);
    uint32_t *partition = malloc(rows * sizeof *partition), made = 0;
    double loss = 0;
    if (!centroids || !partition) fail("out of memory");
    for (uint32_t rounds = 1; rounds <= 25; rounds += 24) {
        shardy__kmeans_options options = {k, rounds, threads, 42};
        uint64_t start = shardy__monotonic_ns();
        if (shardy__kmeans(vectors, rows, dim, &options, centroids, &made, &loss, NULL)) {
            fail("k-means failed");
        }
        printf("%-9s k-means k %u, %u thread(s), at most %2u rounds: %.1f ms, loss %.6g\n",
               shardy_simd_level(), made, threads, rounds,
               (double)(shardy__monotonic_ns() - start) / 1e6, loss);
    }
    uint64_t start = shardy__monotonic_ns();
    if (shardy__vec_assign(SHARDY_METRIC_L2, vectors, rows, dim, centroids, made, threads,
                           partition, NULL, NULL)) {
        fail("assignment failed");
    }
    uint64_t ns = shardy__monotonic_ns() - start;
    printf("%-9s assign to %u, %u thread(s): %.1f ms, %.1f GFLOP/s\n", shardy_simd_level(), made,
           threads, (double)ns / 1e6, 2.0 * (double)rows * dim * made / (double)ns);
    free(centroids);
    free(partition);
}

int main(int argc, char **argv) {
    const shardy__vec_level *level;
    if (argc > 1) rows = strtoull(argv[1], NULL, 10);
    if (argc > 2) dim = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc > 3) k = (uint32_t)strtoul(argv[3], NULL, 10);
    if (!rows || !dim || dim > SHARDY_DIM_MAX || !k) fail("usage: bench_vec [ROWS [DIM [K]]]");
    make_data();
    printf("%llu rows x %u float32 = %.1f MB; level %s\n", (unsigned long long)rows, dim,
           (double)rows * dim * 4 / 1e6, shardy_simd_level());
    for (uint32_t i = 0; (level = shardy__vec_level_at(i)) != NULL; i++) bench_level(level);
    bench_search();
    bench_kmeans(1);
    if (shardy__cpu_count() > 1) bench_kmeans(shardy__cpu_count());
    return 0;
}

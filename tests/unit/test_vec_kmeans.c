/* test_vec_kmeans.c: k-means, assignment and probing, against brute force in double precision. */
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "test.h"
#include "vec/vec_kernels.h"

#define MAX_K 600

static float *new_rows(uint64_t n, uint32_t dim) {
    float *rows = malloc(n * dim * sizeof *rows);
    CHECK(rows != NULL);
    return rows;
}

static void fill(float *v, size_t n, uint64_t seed, double scale, double offset) {
    shardy__rng rng;
    shardy__rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(offset + scale * (2 * shardy__rng_double(&rng) - 1));
    }
}

/* Row i lies within +-0.5 of the corner of a wide grid that i % k names. */
static void fill_separated(float *rows, uint64_t n, uint32_t dim, uint32_t k, uint64_t seed) {
    fill(rows, n * dim, seed, 0.5, 0);
    for (uint64_t i = 0; i < n; i++) {
        for (uint32_t d = 0; d < dim; d++) {
            rows[i * dim + d] += (float)(100 * ((i % k * 31 + d * 17 + i % k * d) % 23));
        }
    }
}

static double l2(const float *a, const float *b, uint32_t dim) {
    return shardy__vec_portable.exact_l2(a, b, dim);
}

static double rank_of(shardy_metric metric, const float *row, const float *centroid, uint32_t dim) {
    if (metric != SHARDY_METRIC_DOT) return l2(row, centroid, dim);
    return -shardy__vec_portable.exact_dot(row, centroid, dim);
}

static uint32_t nearest(shardy_metric metric, const float *row, const float *centroids, uint32_t k,
                        uint32_t dim) {
    uint32_t best = 0;
    double best_rank = INFINITY;
    for (uint32_t c = 0; c < k; c++) {
        double rank = rank_of(metric, row, centroids + (size_t)c * dim, dim);
        if (rank < best_rank) {
            best_rank = rank;
            best = c;
        }
    }
    return best;
}

struct result {
    uint32_t k;
    double loss;
    float *centroids;
};

static struct result run(const float *rows, uint64_t n, uint32_t dim, uint32_t k, uint32_t rounds,
                         uint32_t threads, uint64_t seed) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__kmeans_options options = {k, rounds, threads, seed};
    struct result r = {0, -1, new_rows(k, dim)};
    CHECK_OK(shardy__kmeans(rows, n, dim, &options, r.centroids, &r.k, &r.loss, &err), err);
    CHECK(r.k >= 1 && r.k <= k && r.k <= n);
    for (size_t i = 0; i < (size_t)r.k * dim; i++) CHECK(isfinite(r.centroids[i]));
    return r;
}

static double loss_of(const float *rows, uint64_t n, uint32_t dim, const float *centroids,
                      uint32_t k) {
    double loss = 0;
    for (uint64_t i = 0; i < n; i++) {
        const float *row = rows + i * dim;
        uint32_t c = nearest(SHARDY_METRIC_L2, row, centroids, k, dim);
        loss += l2(row, centroids + (size_t)c * dim, dim);
    }
    return loss;
}

static void check_loss(double got, double want) {
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want)))) {
        test_fail(__FILE__, __LINE__, "loss is %.12g, expected %.12g", got, want);
    }
}

TEST(finds_separated_clusters) {
    enum { N = 3000, DIM = 12, K = 9 };
    float *rows = new_rows(N, DIM);
    fill_separated(rows, N, DIM, K, 1);
    struct result r = run(rows, N, DIM, K, 0, 2, 7);
    uint32_t of_group[K];
    bool used[K] = {0};
    CHECK_INT(r.k, K);
    for (uint32_t g = 0; g < K; g++) {
        of_group[g] = nearest(SHARDY_METRIC_L2, rows + g * DIM, r.centroids, K, DIM);
        CHECK(!used[of_group[g]]);
        used[of_group[g]] = true;
    }
    for (uint32_t i = 0; i < N; i++) {
        uint32_t c = nearest(SHARDY_METRIC_L2, rows + i * DIM, r.centroids, K, DIM);
        CHECK_INT(c, of_group[i % K]);
    }
    check_loss(r.loss, loss_of(rows, N, DIM, r.centroids, K));
    free(rows);
    free(r.centroids);
}

TEST(centroids_are_means_of_their_rows) {
    enum { N = 2500, DIM = 5, K = 7 };
    float *rows = new_rows(N, DIM);
    fill(rows, N * DIM, 3, 1, 0);
    struct result r = run(rows, N, DIM, K, 1000, 1, 3); /* until nothing changes or improves */
    double sum[K][DIM] = {{0}};
    uint64_t count[K] = {0};
    for (uint32_t i = 0; i < N; i++) {
        uint32_t c = nearest(SHARDY_METRIC_L2, rows + i * DIM, r.centroids, K, DIM);
        count[c]++;
        for (uint32_t d = 0; d < DIM; d++) sum[c][d] += (double)rows[i * DIM + d];
    }
    for (uint32_t c = 0; c < K; c++) {
        CHECK(count[c] > 0);
        for (uint32_t d = 0; d < DIM; d++) { /* the last round moved few rows */
            CHECK(fabs(sum[c][d] / (double)count[c] - (double)r.centroids[c * DIM + d]) < 0.02);
        }
    }
    free(rows);
    free(r.centroids);
}

TEST(one_cluster_is_the_mean) {
    const float rows[] = {1, 10, 2, 20, 6, 60};
    struct result r = run(rows, 3, 2, 1, 0, 1, 9);
    CHECK_INT(r.k, 1);
    CHECK(r.centroids[0] == 3 && r.centroids[1] == 30);
    check_loss(r.loss, 14 + 1400);
    free(r.centroids);
}

TEST(loss_never_increases) {
    enum { N = 1200, DIM = 20 };
    const uint32_t counts[] = {2, 16, 50};
    float *rows = new_rows(N, DIM);
    fill(rows, N * DIM, 5, 1, 0.3);
    for (size_t i = 0; i < 3; i++) {
        double before = INFINITY;
        for (uint32_t rounds = 1; rounds <= 20; rounds++) {
            struct result r = run(rows, N, DIM, counts[i], rounds, 1, 11);
            CHECK(r.loss <= before * (1 + 1e-6)); /* centroids are rounded to float32 */
            if (rounds % 8 == 1) check_loss(r.loss, loss_of(rows, N, DIM, r.centroids, r.k));
            before = r.loss;
            free(r.centroids);
        }
    }
    free(rows);
}

TEST(same_centroids_for_any_number_of_threads) {
    enum { N = 5000, DIM = 17, K = 20 };
    float *rows = new_rows(N, DIM);
    fill(rows, N * DIM, 6, 1, 0);
    struct result want = run(rows, N, DIM, K, 0, 1, 13);
    for (uint32_t threads = 0; threads <= 4; threads++) {
        struct result r = run(rows, N, DIM, K, 0, threads, 13);
        CHECK_INT(r.k, want.k);
        CHECK(r.loss == want.loss);
        CHECK_MEM(r.centroids, K * DIM * sizeof(float), want.centroids, K * DIM * sizeof(float));
        free(r.centroids);
    }
    struct result other = run(rows, N, DIM, K, 0, 1, 14);
    CHECK(memcmp(other.centroids, want.centroids, K * DIM * sizeof(float)) != 0);
    free(other.centroids);
    free(want.centroids);
    free(rows);
}

enum { LEVEL_N = 3000, LEVEL_DIM = 37, LEVEL_K = 21 };

/* Centroids of a fixed input as a process with SHARDY_SIMD=level computes them. */
static void run_in_child(const char *level, const float *rows, float *centroids) {
    size_t size = LEVEL_K * LEVEL_DIM * sizeof *centroids, at = 0;
    int fds[2], status;
    CHECK(pipe(fds) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setenv("SHARDY_SIMD", level, 1);
        struct result r = run(rows, LEVEL_N, LEVEL_DIM, LEVEL_K, 0, 1, 5);
        bool right = r.k == LEVEL_K && !strcmp(shardy__vec_kernels_get()->name, level);
        _exit(right && write(fds[1], r.centroids, size) == (ssize_t)size ? 0 : 1);
    }
    close(fds[1]);
    while (at < size) {
        ssize_t got = read(fds[0], (char *)centroids + at, size - at);
        CHECK(got > 0);
        at += (size_t)got;
    }
    close(fds[0]);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(same_centroids_on_all_levels) {
    static float rows[LEVEL_N * LEVEL_DIM];
    static float want[LEVEL_K * LEVEL_DIM], got[LEVEL_K * LEVEL_DIM];
    const shardy__vec_level *level;
    fill(rows, LEVEL_N * LEVEL_DIM, 8, 1, 0);
    run_in_child("portable", rows, want);
    for (uint32_t i = 0; (level = shardy__vec_level_at(i)) != NULL; i++) {
        run_in_child(level->kernels.name, rows, got);
        CHECK_MEM(got, sizeof got, want, sizeof want);
    }
}

TEST(identical_rows_make_one_cluster) {
    enum { N = 3000, DIM = 33 };
    static float rows[N * DIM];
    for (uint32_t i = 0; i < N * DIM; i++) rows[i] = 0.1f * (float)(i % DIM) - 1.3f;
    for (uint32_t k = 1; k <= 300; k = k * 3 + 1) {
        struct result r = run(rows, N, DIM, k, 0, 2, k);
        CHECK_INT(r.k, 1);
        CHECK(r.loss == 0);
        CHECK_MEM(r.centroids, DIM * sizeof(float), rows, DIM * sizeof(float));
        free(r.centroids);
    }
}

/* Every one of the few distinct rows becomes a centroid. */
TEST(fewer_distinct_rows_than_clusters) {
    enum { N = 2000, DIM = 3, DISTINCT = 5 };
    static float rows[N * DIM];
    for (uint32_t i = 0; i < N; i++) {
        for (uint32_t d = 0; d < DIM; d++)
            rows[i * DIM + d] = (float)((i * i) % DISTINCT * (d + 1));
    }
    struct result r = run(rows, N, DIM, 64, 0, 1, 2);
    CHECK_INT(r.k, 3); /* squares modulo 5 */
    CHECK(r.loss == 0);
    free(r.centroids);
}

/* Rare rows that the seeding's sample hardly sees still get centroids of their own. */
TEST(rare_rows_fill_missing_clusters) {
    enum { N = 40000, DIM = 2, RARE = 7 };
    float *rows = new_rows(N, DIM);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t rare = i % 5000 == 4321 ? i / 5000 + 1 : 0;
        rows[i * DIM] = (float)rare;
        rows[i * DIM + 1] = (float)(rare * rare);
    }
    struct result r = run(rows, N, DIM, 20, 0, 1, 4);
    CHECK_INT(r.k, RARE + 2); /* 8 rare values and the common one */
    CHECK(r.loss == 0);
    free(r.centroids);
    free(rows);
}

TEST(as_many_clusters_as_rows) {
    enum { N = 100, DIM = 6 };
    float rows[N * DIM];
    fill(rows, N * DIM, 2, 1, 0);
    const uint32_t counts[] = {N, N + 1, 5 * N};
    for (size_t i = 0; i < 3; i++) {
        struct result r = run(rows, N, DIM, counts[i], 0, 1, 5);
        CHECK_INT(r.k, N);
        CHECK(r.loss == 0);
        free(r.centroids);
    }
}

TEST(one_row) {
    const float row[] = {1, -2, 3};
    struct result r = run(row, 1, 3, 10, 0, 4, 5);
    CHECK_INT(r.k, 1);
    CHECK_MEM(r.centroids, sizeof row, row, sizeof row);
    CHECK(r.loss == 0);
    free(r.centroids);
}

TEST(one_dimension) {
    enum { N = 1200 };
    float rows[N];
    fill_separated(rows, N, 1, 4, 3);
    struct result r = run(rows, N, 1, 4, 0, 1, 1);
    CHECK_INT(r.k, 4);
    CHECK(r.loss < N * 0.25);
    free(r.centroids);
}

TEST(extreme_values) {
    enum { N = 500, DIM = 9, K = 8 };
    float rows[N * DIM];
    const double scales[] = {3e38, 1e30, 1e-30, 1e-44};
    for (size_t s = 0; s < 4; s++) {
        fill(rows, N * DIM, s + 1, scales[s], 0);
        struct result r = run(rows, N, DIM, K, 0, 1, 1);
        double want = loss_of(rows, N, DIM, r.centroids, r.k);
        CHECK(r.k == K || scales[s] < 1e-40);
        CHECK(fabs(r.loss - want) <= 1e-9 * want);
        free(r.centroids);
    }
}

/* Rows that are not numbers are the caller's mistake, but must not hang or leave the arrays. */
TEST(rows_that_are_not_numbers_end) {
    enum { N = 2000, DIM = 4, K = 9 };
    float rows[N * DIM], centroids[K * DIM];
    uint32_t made = 0, partition[N];
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__kmeans_options options = {K, 0, 2, 1};
    for (int all = 0; all < 2; all++) {
        fill(rows, N * DIM, 1, 1, 0);
        for (uint32_t i = 0; i < N * DIM; i += all ? 1 : 97) rows[i] = i % 2 ? NAN : INFINITY;
        CHECK_OK(shardy__kmeans(rows, N, DIM, &options, centroids, &made, NULL, &err), err);
        CHECK(made >= 1 && made <= K);
        CHECK_OK(shardy__vec_assign(SHARDY_METRIC_L2, rows, N, DIM, centroids, made, 2, partition,
                                    NULL, &err),
                 err);
        for (uint32_t i = 0; i < N; i++) CHECK(partition[i] < made);
    }
}

TEST(nothing_to_cluster) {
    float row = 1, centroid;
    uint32_t made, partition;
    shardy__kmeans_options options = {0, 0, 0, 0};
    CHECK_FAILS(shardy__kmeans(&row, 1, 1, &options, &centroid, &made, NULL, NULL),
                SHARDY_E_ARGUMENT);
    options.k = 1;
    CHECK_FAILS(shardy__kmeans(&row, 0, 1, &options, &centroid, &made, NULL, NULL),
                SHARDY_E_ARGUMENT);
    CHECK_FAILS(
        shardy__vec_assign(SHARDY_METRIC_L2, &row, 1, 1, &centroid, 0, 1, &partition, NULL, NULL),
        SHARDY_E_ARGUMENT);
}

/* ---- assignment and probing ---- */

static void check_assign(shardy_metric metric, const float *rows, uint64_t n, uint32_t dim,
                         const float *centroids, uint32_t k) {
    shardy_error err = SHARDY_ERROR_INIT;
    uint32_t *partition = malloc((n + 1) * sizeof *partition), probes[MAX_K + 1];
    double loss = -1, want = 0;
    CHECK(partition != NULL);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        partition[n] = 77;
        CHECK_OK(shardy__vec_assign(metric, rows, n, dim, centroids, k, threads, partition,
                                    threads == 2 ? NULL : &loss, &err),
                 err);
        CHECK_INT(partition[n], 77);
        want = 0;
        for (uint64_t i = 0; i < n; i++) {
            CHECK_INT(partition[i], nearest(metric, rows + i * dim, centroids, k, dim));
            want += l2(rows + i * dim, centroids + (size_t)partition[i] * dim, dim);
        }
        CHECK(fabs(loss - want) <= 1e-9 * want || threads == 2);
    }
    for (uint64_t i = 0; i < n; i += 37) { /* a row's partition is its first probe */
        CHECK_OK(shardy__vec_probe(metric, rows + i * dim, centroids, k, dim, 1, probes, &err),
                 err);
        CHECK_INT(probes[0], partition[i]);
    }
    free(partition);
}

static void check_assign_metrics(const float *rows, uint64_t n, uint32_t dim,
                                 const float *centroids, uint32_t k) {
    check_assign(SHARDY_METRIC_L2, rows, n, dim, centroids, k);
    check_assign(SHARDY_METRIC_COSINE, rows, n, dim, centroids, k);
    check_assign(SHARDY_METRIC_DOT, rows, n, dim, centroids, k);
}

static void check_assign_shapes(void) {
    static const struct {
        uint32_t n, dim, k;
    } shapes[] = {{1, 1, 1},     {7, 3, 2},     {100, 5, 15},  {1500, 8, 16}, {300, 33, 17},
                  {65, 384, 48}, {70, 300, 33}, {50, 1536, 5}, {9, 9000, 3},  {2100, 2, 513}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        uint32_t n = shapes[s].n, dim = shapes[s].dim, k = shapes[s].k;
        float *rows = new_rows(n, dim), *centroids = new_rows(k, dim);
        fill(rows, (size_t)n * dim, s + 1, 1, 0);
        fill(centroids, (size_t)k * dim, s + 100, 1, 0);
        check_assign_metrics(rows, n, dim, centroids, k);
        free(rows);
        free(centroids);
    }
}

TEST(assign_is_brute_force) { check_assign_shapes(); }

TEST(assign_is_brute_force_on_the_portable_level) {
    setenv("SHARDY_SIMD", "portable", 1);
    check_assign_shapes();
}

TEST(assign_is_brute_force_on_avx2) {
    setenv("SHARDY_SIMD", "avx2", 1);
    if (strcmp(shardy__vec_kernels_get()->name, "avx2")) test_skip("no AVX2");
    check_assign_shapes();
}

/* Data on which the quick formula in float32 is worthless: small distances far from the origin,
 * near ties, lengths near both ends of float32's range, rows and centroids of different size. */
static void check_assign_hard(void) {
    enum { N = 200, DIM = 40, K = 50 };
    static float rows[N * DIM], centroids[K * DIM];
    /* scale and offset of rows, scale and offset of centroids */
    const double cases[][4] = {{1, 1e6, 1, 1e6},    {1e-3, 1e3, 1e-3, 1e3}, {1e-6, 1, 1e-6, 1},
                               {1e30, 0, 1e30, 0},  {3e38, 0, 3e38, 0},     {1e-25, 0, 1e-25, 0},
                               {1e-44, 0, 1, 0},    {1e-44, 0, 1e-44, 0},   {1e10, 0, 3e38, 0},
                               {1e-20, 0, 1e30, 0}, {1e-22, 0, 1e-22, 0},   {3e-22, 0, 3e-23, 0},
                               {3e38, 0, 1e-5, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        fill(rows, N * DIM, c + 1, cases[c][0], cases[c][1]);
        fill(centroids, K * DIM, c + 50, cases[c][2], cases[c][3]);
        check_assign_metrics(rows, N, DIM, centroids, K);
        memcpy(centroids, rows, sizeof centroids); /* rows that are centroids */
        check_assign_metrics(rows, N, DIM, centroids, K);
        for (uint32_t i = 0; i < K * DIM; i++) centroids[i] = rows[i % (3 * DIM)]; /* ties */
        check_assign_metrics(rows, N, DIM, centroids, K);
    }
}

TEST(assign_on_hard_data) { check_assign_hard(); }

TEST(assign_on_hard_data_on_the_portable_level) {
    setenv("SHARDY_SIMD", "portable", 1);
    check_assign_hard();
}

TEST(ties_go_to_the_lower_partition) {
    enum { K = 40 };
    float row[2] = {0, 0}, centroids[K * 2];
    for (uint32_t c = 0; c < K; c++) {
        centroids[2 * c] = c % 2 ? 1.0f : -1.0f;
        centroids[2 * c + 1] = c < 20 ? 2.0f : 1.0f;
    }
    uint32_t partition = 99, probes[K];
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(
        shardy__vec_assign(SHARDY_METRIC_L2, row, 1, 2, centroids, K, 1, &partition, NULL, &err),
        err);
    CHECK_INT(partition, 20);
    CHECK_OK(shardy__vec_probe(SHARDY_METRIC_L2, row, centroids, K, 2, K, probes, &err), err);
    for (uint32_t i = 0; i < K; i++) CHECK_INT(probes[i], i < 20 ? i + 20 : i - 20);
    CHECK_OK(shardy__vec_probe(SHARDY_METRIC_DOT, row, centroids, K, 2, K, probes, &err), err);
    for (uint32_t i = 0; i < K; i++) CHECK_INT(probes[i], i);
}

TEST(no_rows) {
    float centroid = 1;
    uint32_t partition = 5;
    double loss = 1;
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__vec_assign(SHARDY_METRIC_L2, &centroid, 0, 1, &centroid, 1, 4, &partition,
                                &loss, &err),
             err);
    CHECK(partition == 5 && loss == 0);
}

static void check_probe(shardy_metric metric, const float *q, const float *centroids, uint32_t k,
                        uint32_t dim, uint32_t nprobes) {
    uint32_t out[MAX_K + 1], count = nprobes < k ? nprobes : k;
    bool seen[MAX_K] = {0};
    shardy_error err = SHARDY_ERROR_INIT;
    out[count] = 7777;
    CHECK_OK(shardy__vec_probe(metric, q, centroids, k, dim, nprobes, out, &err), err);
    CHECK_INT(out[count], 7777);
    for (uint32_t i = 0; i < count; i++) { /* each is the nearest of those not seen yet */
        double got = rank_of(metric, q, centroids + (size_t)out[i] * dim, dim);
        CHECK(out[i] < k && !seen[out[i]]);
        seen[out[i]] = true;
        for (uint32_t c = 0; c < k; c++) {
            if (seen[c]) continue;
            double other = rank_of(metric, q, centroids + (size_t)c * dim, dim);
            CHECK(got < other || (got == other && out[i] < c));
        }
    }
}

TEST(probes_are_the_nearest_in_order) {
    enum { DIM = 19 };
    static float q[DIM], centroids[MAX_K * DIM];
    const uint32_t counts[] = {1, 2, 3, 16, 100, MAX_K}, probes[] = {0, 1, 2, 5, 40, 1000};
    fill(q, DIM, 1, 1, 0);
    for (size_t c = 0; c < 6; c++) {
        fill(centroids, MAX_K * DIM, c + 9, 1, 0);
        for (size_t p = 0; p < 6; p++) {
            check_probe(SHARDY_METRIC_L2, q, centroids, counts[c], DIM, probes[p]);
            check_probe(SHARDY_METRIC_COSINE, q, centroids, counts[c], DIM, probes[p]);
            check_probe(SHARDY_METRIC_DOT, q, centroids, counts[c], DIM, probes[p]);
        }
    }
}

TEST(probes_of_centroids_that_are_not_numbers) {
    const float q[] = {1, 1}, centroids[] = {NAN, 1, 5, 5, 1, INFINITY, 1, 2, NAN, NAN};
    const uint32_t want[] = {3, 1, 0, 2, 4};
    uint32_t out[5], partition = 9;
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__vec_probe(SHARDY_METRIC_L2, q, centroids, 5, 2, 9, out, &err), err);
    CHECK_MEM(out, sizeof out, want, sizeof want);
    CHECK_OK(shardy__vec_assign(SHARDY_METRIC_L2, q, 1, 2, centroids, 5, 1, &partition, NULL, &err),
             err);
    CHECK_INT(partition, 3);
}

/* ---- out of memory ---- */

#ifdef SHARDY_FAULTS
/* Fail the 1st, 2nd, ... allocation of `operation` until it succeeds; returns how many failed. */
static int64_t fail_each_allocation(shardy_status (*operation)(void)) {
    for (int64_t nth = 1;; nth++) {
        shardy__fault_arm(SHARDY__FAULT_ALLOC, nth);
        shardy_status rc = operation();
        bool failed = shardy__fault_count(SHARDY__FAULT_ALLOC) >= nth;
        shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
        if (!failed) {
            CHECK_INT(rc, SHARDY_OK);
            return nth - 1;
        }
        CHECK(rc == SHARDY_OK || rc == SHARDY_E_NO_MEMORY); /* threads can do without */
    }
}

enum { FAULT_N = 1500, FAULT_DIM = 3, FAULT_K = 5 };
static float fault_rows[FAULT_N * FAULT_DIM], fault_centroids[FAULT_K * FAULT_DIM];
static uint32_t fault_out[FAULT_N];

static shardy_status cluster(void) {
    shardy__kmeans_options options = {FAULT_K, 3, 1, 1};
    shardy_error err = SHARDY_ERROR_INIT;
    uint32_t made = 0;
    shardy_status rc = shardy__kmeans(fault_rows, FAULT_N, FAULT_DIM, &options, fault_centroids,
                                      &made, NULL, &err);
    CHECK_INT(made, rc ? 0 : FAULT_K);
    CHECK_INT(err.code, rc);
    return rc;
}

static shardy_status cluster_with_threads(void) {
    shardy__kmeans_options options = {FAULT_K, 1, 2, 1};
    uint32_t made = 0;
    return shardy__kmeans(fault_rows, FAULT_N, FAULT_DIM, &options, fault_centroids, &made, NULL,
                          NULL);
}

static shardy_status assign(void) {
    return shardy__vec_assign(SHARDY_METRIC_DOT, fault_rows, FAULT_N, FAULT_DIM, fault_centroids,
                              FAULT_K, 1, fault_out, NULL, NULL);
}

static shardy_status probe(void) {
    return shardy__vec_probe(SHARDY_METRIC_DOT, fault_rows, fault_centroids, FAULT_K, FAULT_DIM, 2,
                             fault_out, NULL);
}
#endif

TEST(every_allocation_fails_in_turn) {
#ifdef SHARDY_FAULTS
    fill(fault_rows, FAULT_N * FAULT_DIM, 1, 1, 0);
    CHECK_INT(fail_each_allocation(cluster), 11);
    CHECK(fail_each_allocation(cluster_with_threads) > 11);
    CHECK_INT(fail_each_allocation(assign), 3);
    CHECK_INT(fail_each_allocation(probe), 1);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

/* test_vec_kernels.c: every level of kernels that this processor has, against plain references. */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "shardyfusion/shardyfusion.h"
#include "test.h"
#include "vec/vec_kernels.h"

#define UNIT 0x1.0p-24
#define FOR_LEVELS(level) \
    for (uint32_t level##_i = 0; (level = shardy__vec_level_at(level##_i)) != NULL; level##_i++)

static const uint32_t dims[] = {
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,  14,  15,  16,  17,   18, 19, 20,
    21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,  34,  35,  36,  37,   38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53,  54,  55,  56,  57,   58, 59, 60,
    61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 95, 96, 127, 128, 383, 384, 1536, 385};
#define N_DIMS (sizeof dims / sizeof *dims)

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static uint64_t bits_of_double(double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void fill(float *v, size_t n, uint64_t seed, double scale) {
    shardy__rng rng;
    shardy__rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++) v[i] = (float)(scale * (2 * shardy__rng_double(&rng) - 1));
}

/* Sum and sum of absolute values of the terms. */
struct reference {
    double sum, size;
};

static struct reference reference(const float *a, const float *b, uint32_t dim, bool squared) {
    struct reference r = {0, 0};
    for (uint32_t i = 0; i < dim; i++) {
        double d = (double)a[i] - (double)b[i];
        double term = squared ? d * d : (double)a[i] * (double)b[i];
        r.sum += term;
        r.size += fabs(term);
    }
    return r;
}

/* The bound for any order of summation, fused or not: dim + 2 roundings of relative size u. */
static void check_close(const shardy__vec_level *level, uint32_t dim, double got,
                        struct reference want) {
    double bound = (dim + 2.0) * UNIT * want.size;
    if (!(fabs(got - want.sum) <= bound)) {
        test_fail(__FILE__, __LINE__, "%s, dim %u: %.9g, expected %.9g within %.3g",
                  level->kernels.name, dim, got, want.sum, bound);
    }
}

static void check_pair(const shardy__vec_level *level, const float *a, const float *b,
                       uint32_t dim) {
    const shardy__vec_kernels *kernels = &level->kernels;
    check_close(level, dim, kernels->dot(a, b, dim), reference(a, b, dim, false));
    check_close(level, dim, kernels->l2(a, b, dim), reference(a, b, dim, true));
    CHECK_HEX(bits_of(kernels->dot(a, b, dim)), bits_of(kernels->dot(b, a, dim)));
    CHECK_HEX(bits_of(kernels->l2(a, a, dim)), 0);
}

TEST(levels_are_best_first_and_end_with_portable) {
    uint32_t n = 0;
    while (shardy__vec_level_at(n)) n++;
    CHECK(n >= 1);
    CHECK_STR(shardy__vec_level_at(n - 1)->kernels.name, "portable");
    unsetenv("SHARDY_SIMD");
    CHECK_STR(shardy_simd_level(), shardy__vec_level_at(0)->kernels.name);
}

TEST(kernels_are_within_rounding_of_the_reference) {
    const shardy__vec_level *level;
    const double scales[] = {1, 1e-3, 1e15};
    static float a[1600], b[1600];
    FOR_LEVELS(level) {
        for (size_t d = 0; d < N_DIMS; d++) {
            for (size_t s = 0; s < 3; s++) {
                fill(a, 1600, d + 1, scales[s]);
                fill(b, 1600, d + 1000, scales[s]);
                check_pair(level, a, b, dims[d]);
                check_pair(level, a + d % 17, b + d % 5 + 1, dims[d]); /* any alignment of floats */
            }
        }
    }
}

TEST(kernels_on_the_largest_dimension) {
    const shardy__vec_level *level;
    float *a = malloc(SHARDY_DIM_MAX * sizeof *a), *b = malloc(SHARDY_DIM_MAX * sizeof *b);
    CHECK(a && b);
    fill(a, SHARDY_DIM_MAX, 1, 1);
    fill(b, SHARDY_DIM_MAX, 2, 1);
    FOR_LEVELS(level) {
        check_pair(level, a, b, SHARDY_DIM_MAX);
        check_pair(level, a, b, SHARDY_DIM_MAX - 1);
    }
    free(a);
    free(b);
}

/* The rows kernels write n results and nothing else, with the bits of the pairwise kernel. */
static void check_rows(const shardy__vec_level *level, const float *q, const float *rows,
                       uint64_t n, uint32_t dim) {
    const shardy__vec_kernels *kernels = &level->kernels;
    float dot[16], l2[16];
    dot[n] = l2[n] = -7;
    kernels->dot_rows(q, rows, n, dim, dot);
    kernels->l2_rows(q, rows, n, dim, l2);
    CHECK(dot[n] == -7 && l2[n] == -7);
    for (uint64_t i = 0; i < n; i++) {
        CHECK_HEX(bits_of(dot[i]), bits_of(kernels->dot(q, rows + i * dim, dim)));
        CHECK_HEX(bits_of(l2[i]), bits_of(kernels->l2(q, rows + i * dim, dim)));
    }
}

TEST(rows_have_the_bits_of_pairs) {
    const shardy__vec_level *level;
    static float q[1600], rows[13 * 1600];
    fill(q, 1600, 3, 1);
    fill(rows, 13 * 1600, 4, 1);
    FOR_LEVELS(level) {
        for (size_t d = 0; d < N_DIMS; d++) {
            for (uint64_t n = 0; n <= 12; n++) {
                check_rows(level, q + d % 7, rows + n % 3, n, dims[d]);
            }
        }
    }
}

TEST(result_does_not_depend_on_the_place) {
    const shardy__vec_level *level;
    static float a[500], b[500], moved[500];
    fill(a, 500, 5, 1);
    fill(b, 500, 6, 1);
    FOR_LEVELS(level) {
        uint32_t want = bits_of(level->kernels.dot(a, b, 387));
        for (size_t at = 0; at < 64; at++) {
            memcpy(moved + at, b, 387 * sizeof *b);
            CHECK_HEX(bits_of(level->kernels.dot(a, moved + at, 387)), want);
        }
    }
}

/* `n` floats that end where the process may read no further. */
static float *at_end_of_page(size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (n * sizeof(float) + page) / page * page;
    char *p = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK(mprotect(p + size, page, PROT_NONE) == 0);
    return (float *)(void *)(p + size) - n;
}

TEST(nothing_is_read_behind_the_end) {
    const shardy__vec_level *level;
    float *q = at_end_of_page(200), *rows = at_end_of_page(200 * 5), out[5 * SHARDY__PANEL];
    fill(q, 200, 1, 1);
    fill(rows, 1000, 2, 1);
    FOR_LEVELS(level) {
        for (uint32_t dim = 1; dim <= 200; dim++) {
            const float *a = q + 200 - dim, *b = rows + 1000 - 5 * dim;
            level->kernels.dot_rows(a, b, 5, dim, out);
            level->kernels.l2_rows(a, b, 5, dim, out);
            level->exact_dot(a, b + 4 * dim, dim);
            level->exact_l2(a, b + 4 * dim, dim);
            CHECK_INT(level->find_le(a, 0, dim, -5), dim);
            level->from_f16(out, (const uint16_t *)(const void *)(q + 200) - dim % 40, dim % 40);
            level->from_f64(out, (const char *)(q + 200) - dim % 40 * 8, dim % 40);
        }
    }
}

TEST(exact_distances_have_the_same_bits_on_all_levels) {
    const shardy__vec_level *level;
    static float a[1600], b[1600];
    for (size_t d = 0; d < N_DIMS; d++) {
        uint32_t dim = dims[d];
        fill(a, 1600, d + 1, 1);
        fill(b, 1600, d + 500, 3);
        uint64_t dot = bits_of_double(shardy__vec_portable.exact_dot(a, b, dim));
        uint64_t l2 = bits_of_double(shardy__vec_portable.exact_l2(a, b, dim));
        FOR_LEVELS(level) {
            CHECK_HEX(bits_of_double(level->exact_dot(a, b, dim)), dot);
            CHECK_HEX(bits_of_double(level->exact_l2(a, b, dim)), l2);
        }
        struct reference want = reference(a, b, dim, false);
        CHECK(fabs(shardy__vec_distance_exact(SHARDY_METRIC_DOT, a, b, dim) - (1 - want.sum)) <=
              1e-15 * (1 + want.size) * dim);
        want = reference(a, b, dim, true);
        CHECK(fabs(shardy__vec_distance_exact(SHARDY_METRIC_L2, a, b, dim) - want.sum) <=
              1e-15 * want.size * dim);
    }
}

TEST(exact_distances_by_hand) {
    const float a[] = {1, 2, -2}, b[] = {2, 0, 1.5f}, zero[3] = {0}, far[] = {-2, -4, 4};
    CHECK(shardy__vec_distance_exact(SHARDY_METRIC_L2, a, b, 3) == 17.25);
    CHECK(shardy__vec_distance_exact(SHARDY_METRIC_DOT, a, b, 3) == 2);
    CHECK(fabs(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, a, b, 3) - (1 + 1 / 7.5)) < 1e-15);
    CHECK(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, a, a, 3) == 0);
    CHECK(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, a, far, 3) == 2);
    CHECK(isnan(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, a, zero, 3)));
    CHECK(isnan(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, zero, zero, 3)));
    CHECK(isnan(shardy__vec_distance_exact((shardy_metric)9, a, b, 3)));
    /* float32 cannot hold these squares; double precision can. */
    const float big[] = {3e38f, -3e38f}, tiny[] = {1e-45f, 0};
    CHECK(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, big, big, 2) == 0);
    CHECK(isfinite(shardy__vec_distance_exact(SHARDY_METRIC_L2, big, tiny, 2)));
    CHECK(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, tiny, tiny, 2) == 0);
}

TEST(cosine_of_a_vector_with_itself_is_zero) {
    static float a[385];
    for (uint32_t dim = 1; dim <= 385; dim += 3) {
        fill(a, dim, dim, 1);
        CHECK(shardy__vec_distance_exact(SHARDY_METRIC_COSINE, a, a, dim) == 0);
    }
}

TEST(norm_and_normalise) {
    static float v[1600], unit[1600];
    const double scales[] = {1, 1e-42, 3e38};
    for (size_t d = 0; d < N_DIMS; d++) {
        for (size_t s = 0; s < 3; s++) {
            uint32_t dim = dims[d];
            fill(v, 1600, d + 7, scales[s]);
            v[0] = (float)scales[s];
            double norm = sqrt(reference(v, v, dim, false).sum);
            CHECK(fabs(shardy__vec_norm(v, dim) - norm) <= 1e-14 * norm);
            unit[dim] = 7;
            shardy__vec_normalise(unit, v, dim);
            CHECK(unit[dim] == 7);
            for (uint32_t i = 0; i < dim; i++) { /* correctly rounded but for the last bit */
                CHECK(fabs((double)unit[i] - v[i] / norm) <=
                      1.001 * UNIT * fabs(v[i] / norm) + 1e-45);
            }
            CHECK(fabs(shardy__vec_norm(unit, dim) - 1) <= 2 * UNIT);
            shardy__vec_normalise(v, v, dim);
            CHECK_MEM(v, dim * sizeof *v, unit, dim * sizeof *v);
        }
    }
    const float zero[3] = {0, -0.0f, 0};
    shardy__vec_normalise(unit, zero, 3);
    CHECK_MEM(unit, sizeof zero, zero, sizeof zero);
    CHECK(shardy__vec_norm(zero, 3) == 0);
}

TEST(check_finds_special_values_at_every_place) {
    const float special[] = {NAN, -NAN, INFINITY, -INFINITY};
    static float v[70];
    bool zero;
    for (uint32_t dim = 1; dim <= 70; dim++) {
        fill(v, 70, dim, 3e38);
        CHECK(shardy__vec_check(v, dim, &zero) && !zero);
        for (uint32_t i = 0; i < 70; i++) {
            float keep = v[i];
            v[i] = special[i % 4];
            CHECK_INT(shardy__vec_check(v, dim, NULL), i >= dim);
            v[i] = keep;
        }
        memset(v, 0, sizeof v);
        CHECK(shardy__vec_check(v, dim, &zero) && zero);
        v[dim - 1] = -0.0f;
        CHECK(shardy__vec_check(v, dim, &zero) && zero);
        v[dim - 1] = -1e-45f;
        CHECK(shardy__vec_check(v, dim, &zero) && !zero);
    }
}

/* By the definition of the format. NaN keeps sign and payload and becomes quiet. */
static uint32_t half_reference(uint16_t h) {
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    uint32_t sign = (uint32_t)(h >> 15) << 31;
    if (exponent == 31) {
        return sign | 0x7f800000u | (uint32_t)mantissa << 13 | (mantissa ? 1u << 22 : 0);
    }
    double value = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return sign | bits_of((float)value);
}

TEST(every_half) {
    const shardy__vec_level *level;
    static char source[2 * 65536 + 1];
    static float out[65536 + 1];
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t bits = (uint16_t)h;
        memcpy(source + 1 + 2 * h, &bits, 2); /* at an odd address */
    }
    FOR_LEVELS(level) {
        out[65536] = 7;
        level->from_f16(out, source + 1, 65536);
        CHECK(out[65536] == 7);
        for (uint32_t h = 0; h < 65536; h++)
            CHECK_HEX(bits_of(out[h]), half_reference((uint16_t)h));
        for (uint32_t n = 0; n < 40; n++) { /* tails */
            out[n] = 7;
            level->from_f16(out, source + 1 + 2 * 0x3c00, n);
            CHECK(out[n] == 7);
            for (uint32_t i = 0; i < n; i++) {
                CHECK_HEX(bits_of(out[i]), half_reference((uint16_t)(0x3c00 + i)));
            }
        }
    }
    shardy__vec_from_f16(out, source + 1, 65536);
    CHECK(out[0x3c00] == 1 && out[0xc000] == -2);
}

TEST(doubles_become_floats) {
    const double values[] = {0,   -0.0,     1,      0.1,       -1e-45,     1e-46, 1e300,   -1e300,
                             NAN, INFINITY, 3.5e38, 3.4028e38, 0x1.8p-149, 1e-40, 16777217};
    const shardy__vec_level *level;
    enum { N = sizeof values / sizeof *values };
    char source[sizeof values + 3];
    float out[N + 1];
    memcpy(source + 3, values, sizeof values);
    FOR_LEVELS(level) {
        for (uint32_t n = 0; n <= N; n++) {
            out[n] = 7;
            level->from_f64(out, source + 3, n);
            CHECK(out[n] == 7);
            for (uint32_t i = 0; i < n; i++) {
                volatile float want = (float)values[i];
                CHECK_HEX(bits_of(out[i]), bits_of(want));
            }
        }
    }
    shardy__vec_from_f64(out, source + 3, N);
    CHECK(out[6] == INFINITY && out[7] == -INFINITY && isnan(out[8]));
}

TEST(find_le_against_a_loop) {
    const shardy__vec_level *level;
    const float pool[] = {1, 2, 3, NAN, INFINITY, -INFINITY, -0.0f, 0};
    float v[80];
    shardy__rng rng;
    shardy__rng_seed(&rng, 1);
    FOR_LEVELS(level) {
        for (int round = 0; round < 3000; round++) {
            uint64_t n = shardy__rng_below(&rng, 80), from = shardy__rng_below(&rng, n + 1);
            float rare = round % 2 ? 3 : pool[shardy__rng_below(&rng, 8)];
            for (uint64_t i = 0; i < 80; i++) {
                v[i] = shardy__rng_below(&rng, 9) ? rare : pool[shardy__rng_below(&rng, 8)];
            }
            float limit = pool[shardy__rng_below(&rng, 8)];
            uint64_t want = from;
            while (want < n && !(v[want] <= limit)) want++;
            CHECK_INT(level->find_le(v, from, n, limit), want);
        }
    }
}

TEST(panels_are_within_their_bound) {
    const uint32_t sizes[] = {1, 2, 15, 16, 17, 255, 256, 257, 600, 1025};
    const shardy__vec_level *level;
    static float rows[17 * 1025], panel[16 * 1025], out[17 * 16 + 1];
    float centroid[1025];
    fill(rows, sizeof rows / sizeof *rows, 1, 1);
    fill(panel, sizeof panel / sizeof *panel, 2, 1);
    FOR_LEVELS(level) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            uint32_t dim = sizes[s], blocks = (dim + 255) / 256, n = 1 + (uint32_t)s * 16 / 9;
            out[n * 16] = 7;
            level->panel_dots(rows, n, dim, panel, out);
            CHECK(out[n * 16] == 7);
            for (uint32_t r = 0; r < n; r++) {
                for (uint32_t j = 0; j < 16; j++) {
                    for (uint32_t i = 0; i < dim; i++) centroid[i] = panel[i * 16 + j];
                    struct reference want = reference(rows + r * dim, centroid, dim, false);
                    double terms = (dim < 256 ? dim : 256) + blocks + 2;
                    CHECK(fabs(out[r * 16 + j] - want.sum) <= terms * UNIT * want.size);
                }
            }
        }
    }
}

TEST(sums_and_quotients_have_the_same_bits_on_all_levels) {
    const shardy__vec_level *level;
    static float v[101], out[101], want[101];
    double sum[101], sum_want[101];
    fill(v, 101, 1, 1);
    for (uint32_t i = 0; i < 101; i++) {
        want[i] = (float)((double)v[i] / 3.7);
        sum_want[i] = 0.1 * i + (double)v[i];
    }
    FOR_LEVELS(level) {
        for (uint32_t i = 0; i < 101; i++) sum[i] = 0.1 * i;
        level->add_row(sum, v, 101);
        level->divide(out, v, 3.7, 101);
        CHECK_MEM(out, sizeof out, want, sizeof want);
        CHECK_MEM(sum, sizeof sum, sum_want, sizeof sum_want);
    }
}

/* SHARDY_SIMD is read once per process, and each test is a process. */
TEST(environment_forces_portable) {
    setenv("SHARDY_SIMD", "portable", 1);
    CHECK_STR(shardy_simd_level(), "portable");
    setenv("SHARDY_SIMD", "avx2", 1);
    CHECK_STR(shardy_simd_level(), "portable");
    CHECK_STR(shardy__vec_kernels_get()->name, "portable");
}

TEST(environment_forces_the_second_best) {
    const shardy__vec_level *second = shardy__vec_level_at(1);
    if (!second) test_skip("one level only");
    setenv("SHARDY_SIMD", second->kernels.name, 1);
    CHECK_STR(shardy_simd_level(), second->kernels.name);
}

TEST(unknown_level_is_ignored) {
    setenv("SHARDY_SIMD", "mmx", 1);
    CHECK_STR(shardy_simd_level(), shardy__vec_level_at(0)->kernels.name);
}

TEST(level_of_another_processor_is_ignored) {
#if defined(__aarch64__)
    setenv("SHARDY_SIMD", "avx2", 1);
#else
    setenv("SHARDY_SIMD", "neon", 1);
#endif
    CHECK_STR(shardy_simd_level(), shardy__vec_level_at(0)->kernels.name);
}

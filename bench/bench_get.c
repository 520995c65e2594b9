/* bench_get.c: latency of single lookups, warm.
 *
 *   bench_get PREFIX KEYS MISSES [LOOKUPS]     default 200000
 *
 * KEYS and MISSES are row files: keys that are stored, with their values, and keys that are not.
 * All stored keys are read and compared once, then keys are drawn at random: first each lookup is
 * timed on its own (which includes reading the clock, see "clock"), then a whole loop of them
 * ("loop").
 */
#include "bench_util.h"

static uint64_t random_state = 42;

static uint64_t next_random(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void get(shardy_reader *reader, shardy_key key, const shardy_slice *value) {
    shardy_error err;
    shardy_value got;
    err.size = sizeof err;
    bench_check(shardy_reader_get(reader, &key, &got, &err), "get", &err);
    if (got.found != (value != NULL)) bench_fail("get", "found what is not there, or not what is");
    if (value && got.len != value->len) bench_fail("get", "wrong value");
    shardy_value_release(&got);
}

/* Every stored key once: pages and checks, and that the values are right. */
static void read_all(shardy_reader *reader, const bench_rows *rows) {
    for (size_t i = 0; i < rows->n; i++) {
        shardy_error err = SHARDY_ERROR_INIT;
        shardy_value got;
        shardy_key key = shardy_key_bytes(rows->keys[i].data, rows->keys[i].len);
        bench_check(shardy_reader_get(reader, &key, &got, &err), "get", &err);
        if (!got.found || got.len != rows->values[i].len ||
            memcmp(got.data, rows->values[i].data, got.len)) {
            bench_fail("get", "wrong value");
        }
        shardy_value_release(&got);
    }
}

/* The keys to look up, copied one behind the other: a caller has his key in the cache. */
static void draw_keys(const bench_rows *rows, bool found, size_t n, shardy_slice *keys,
                      shardy_slice *values) {
    size_t bytes = 0, *order = bench_alloc(n * sizeof *order);
    for (size_t i = 0; i < n; i++) bytes += rows->keys[order[i] = next_random() % rows->n].len;
    uint8_t *copy = bench_alloc(bytes);
    for (size_t i = 0; i < n; i++) {
        const shardy_slice *key = &rows->keys[order[i]];
        memcpy(copy, key->data, key->len);
        keys[i] = (shardy_slice){copy, key->len};
        if (found) values[i] = rows->values[order[i]];
        copy += key->len;
    }
    free(order);
}

static void measure(shardy_reader *reader, const char *name, const bench_rows *rows, bool found,
                    size_t n) {
    uint64_t *ns = bench_alloc(n * sizeof *ns);
    shardy_slice *keys = bench_alloc(n * sizeof *keys), *values = bench_alloc(n * sizeof *values);
    draw_keys(rows, found, n, keys, values);
    for (size_t i = 0; i < n; i++) {
        const shardy_slice *value = found ? &values[i] : NULL;
        uint64_t start = bench_now_ns();
        get(reader, shardy_key_bytes(keys[i].data, keys[i].len), value);
        ns[i] = bench_now_ns() - start;
    }
    bench_print_latency(name, ns, n);
    uint64_t start = bench_now_ns();
    for (size_t i = 0; i < n; i++) {
        get(reader, shardy_key_bytes(keys[i].data, keys[i].len), found ? &values[i] : NULL);
    }
    printf(", \"%s_loop_us\": %.4f", name, (double)(bench_now_ns() - start) / 1e3 / (double)n);
    free((void *)(uintptr_t)keys[0].data);
    free(keys);
    free(values);
    free(ns);
}

static void measure_clock(void) {
    enum { N = 100000 };
    uint64_t *ns = bench_alloc(N * sizeof *ns);
    for (size_t i = 0; i < N; i++) {
        uint64_t start = bench_now_ns();
        ns[i] = bench_now_ns() - start;
    }
    bench_print_latency("clock", ns, N);
    free(ns);
}

int main(int argc, char **argv) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_reader *reader;
    if (argc < 4) bench_fail("usage", "bench_get PREFIX KEYS MISSES [LOOKUPS]");
    size_t lookups = argc > 4 ? bench_number(argv[4]) : 200000;
    bench_rows rows = bench_load_rows(argv[2]), misses = bench_load_rows(argv[3]);
    uint64_t start = bench_now_ns();
    bench_check(shardy_reader_open(argv[1], NULL, &reader, &err), "open", &err);
    printf("{\"open_s\": %.6f, ", bench_seconds(start, bench_now_ns()));
    start = bench_now_ns();
    read_all(reader, &rows);
    printf("\"first_us\": %.4f, ", (double)(bench_now_ns() - start) / 1e3 / (double)rows.n);
    measure(reader, "hit", &rows, true, lookups);
    printf(", ");
    measure(reader, "miss", &misses, false, lookups);
    printf(", ");
    measure_clock();
    printf("}\n");
    shardy_reader_close(reader);
    bench_free_rows(&rows);
    bench_free_rows(&misses);
    return 0;
}

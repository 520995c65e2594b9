/* bench_search.c: latency of searches, one after the other, warm.
 *
 *   bench_search PREFIX QUERIES DIM [TOP_K [THREADS [SEARCHES]]]     default 10 1 1000
 *
 * QUERIES holds DIM little-endian float32 per query; they are taken in turn. THREADS is how many
 * shards are searched at once. The first pass over the queries is not measured.
 */
#include "bench_util.h"

static size_t search(shardy_reader *reader, const float *query, uint32_t dim, uint32_t top_k) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_search_options options = SHARDY_SEARCH_OPTIONS_INIT;
    shardy_search_result *result;
    options.top_k = top_k;
    options.exact = true;
    bench_check(shardy_reader_search(reader, query, dim, &options, &result, &err), "search", &err);
    size_t hits = result->n_hits;
    shardy_search_result_free(result);
    return hits;
}

int main(int argc, char **argv) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_reader_options options = SHARDY_READER_OPTIONS_INIT;
    shardy_reader *reader;
    if (argc < 4)
        bench_fail("usage", "bench_search PREFIX QUERIES DIM [TOP_K [THREADS [SEARCHES]]]");
    uint32_t dim = bench_number(argv[3]), top_k = argc > 4 ? bench_number(argv[4]) : 10;
    options.threads = argc > 5 ? bench_number(argv[5]) : 1;
    size_t searches = argc > 6 ? bench_number(argv[6]) : 1000, len;
    uint8_t *bytes = bench_load(argv[2], &len);
    const float *queries = (const void *)bytes;
    size_t n = dim ? len / (dim * sizeof(float)) : 0;
    if (!n || !searches) bench_fail(argv[2], "has no queries");
    options.preload = true;
    uint64_t start = bench_now_ns();
    bench_check(shardy_reader_open(argv[1], &options, &reader, &err), "open", &err);
    printf("{\"open_s\": %.6f, ", bench_seconds(start, bench_now_ns()));
    for (size_t i = 0; i < n; i++) {
        if (search(reader, queries + i * dim, dim, top_k) != top_k)
            bench_fail("search", "too few hits");
    }
    uint64_t *ns = bench_alloc(searches * sizeof *ns);
    for (size_t i = 0; i < searches; i++) {
        start = bench_now_ns();
        search(reader, queries + i % n * dim, dim, top_k);
        ns[i] = bench_now_ns() - start;
    }
    bench_print_latency("search", ns, searches);
    printf(", \"peak_rss_mb\": %.1f}\n", bench_peak_rss_mb());
    free(ns);
    free(bytes);
    shardy_reader_close(reader);
    return 0;
}

/* bench_kv.c: how fast key-value rows go into a snapshot.
 *
 *   bench_kv ROWS PREFIX [REPETITIONS [SHARDS [THREADS]]]     default 1 1 0 (0: all cores)
 *
 * Each repetition builds a snapshot below PREFIX/0, PREFIX/1, ... and prints what opening, adding
 * all rows and finishing took. PREFIX may be memory://name, which leaves out the file system.
 */
#include "bench_util.h"

static void build(const bench_rows *rows, const char *prefix, uint32_t shards, uint32_t threads) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_writer_options options = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *writer;
    shardy_build_result *result;
    options.prefix = prefix;
    options.num_dbs = shards;
    options.threads = threads;
    uint64_t start = bench_now_ns(), start_cpu = bench_cpu_ns();
    bench_check(shardy_writer_open(&options, &writer, &err), "open", &err);
    uint64_t opened = bench_now_ns();
    shardy_row row = SHARDY_ROW_INIT;
    for (size_t i = 0; i < rows->n; i++) {
        row.key = shardy_key_bytes(rows->keys[i].data, rows->keys[i].len);
        row.value = rows->values[i];
        bench_check(shardy_writer_add(writer, &row, &err), "add", &err);
    }
    uint64_t added = bench_now_ns();
    bench_check(shardy_writer_finish(writer, &result, &err), "finish", &err);
    uint64_t finished = bench_now_ns(), cpu = bench_cpu_ns();
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < result->n_shards; i++) bytes += result->shards[i].db_bytes;
    printf(
        "{\"rows\": %zu, \"raw_bytes\": %zu, \"db_bytes\": %llu, \"open_s\": %.6f, "
        "\"add_s\": %.6f, \"finish_s\": %.6f, \"total_s\": %.6f, \"cpu_s\": %.6f, \"peak_rss_mb\": "
        "%.1f}\n",
        rows->n, rows->bytes, (unsigned long long)bytes, bench_seconds(start, opened),
        bench_seconds(opened, added), bench_seconds(added, finished),
        bench_seconds(start, finished), bench_seconds(start_cpu, cpu), bench_peak_rss_mb());
    shardy_build_result_free(result);
    shardy_writer_close(writer);
}

int main(int argc, char **argv) {
    if (argc < 3) bench_fail("usage", "bench_kv ROWS PREFIX [REPETITIONS [SHARDS [THREADS]]]");
    uint32_t repetitions = argc > 3 ? bench_number(argv[3]) : 1;
    uint32_t shards = argc > 4 ? bench_number(argv[4]) : 1;
    uint32_t threads = argc > 5 ? bench_number(argv[5]) : 0;
    bench_rows rows = bench_load_rows(argv[1]);
    for (uint32_t i = 0; i < repetitions; i++) {
        char prefix[4096];
        snprintf(prefix, sizeof prefix, "%s/%u", argv[2], i);
        build(&rows, prefix, shards, threads);
    }
    bench_free_rows(&rows);
    return 0;
}

/* bench_build.c: a whole snapshot with vectors.
 *
 *   bench_build ROWS VECTORS DIM PREFIX SHARDS [REPETITIONS [THREADS]]     default 1 0 (0: all
 * cores)
 *
 * VECTORS holds DIM little-endian float32 per row. Each repetition builds below PREFIX/0, PREFIX/1,
 * ...
 */
#include "bench_util.h"

struct input {
    bench_rows rows;
    const float *vectors;
    uint32_t dim;
};

static void add_all(shardy_writer *writer, const struct input *in) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_row row = SHARDY_ROW_INIT;
    row.vector_len = in->dim;
    for (size_t i = 0; i < in->rows.n; i++) {
        row.key = shardy_key_str(in->rows.keys[i].data, in->rows.keys[i].len);
        row.value = in->rows.values[i];
        row.vector = in->vectors + i * in->dim;
        bench_check(shardy_writer_add(writer, &row, &err), "add", &err);
    }
}

static void build(const struct input *in, const char *prefix, uint32_t shards, uint32_t threads) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    shardy_writer_options options = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *writer;
    shardy_build_result *result;
    spec.dim = in->dim;
    spec.metric = SHARDY_METRIC_COSINE;
    spec.index_type = SHARDY_INDEX_FLAT;
    options.prefix = prefix;
    options.num_dbs = shards;
    options.threads = threads;
    options.vector = &spec;
    uint64_t start = bench_now_ns(), start_cpu = bench_cpu_ns();
    bench_check(shardy_writer_open(&options, &writer, &err), "open", &err);
    uint64_t opened = bench_now_ns();
    add_all(writer, in);
    uint64_t added = bench_now_ns();
    bench_check(shardy_writer_finish(writer, &result, &err), "finish", &err);
    uint64_t finished = bench_now_ns(), cpu = bench_cpu_ns();
    size_t raw = in->rows.bytes + in->rows.n * in->dim * sizeof(float);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < result->n_shards; i++) bytes += result->shards[i].db_bytes;
    printf(
        "{\"rows\": %zu, \"raw_bytes\": %zu, \"db_bytes\": %llu, \"open_s\": %.6f, "
        "\"add_s\": %.6f, \"finish_s\": %.6f, \"write_ms\": %llu, \"manifest_ms\": %llu, "
        "\"total_s\": %.6f, \"cpu_s\": %.6f, \"peak_rss_mb\": %.1f}\n",
        in->rows.n, raw, (unsigned long long)bytes, bench_seconds(start, opened),
        bench_seconds(opened, added), bench_seconds(added, finished),
        (unsigned long long)result->write_ms, (unsigned long long)result->manifest_ms,
        bench_seconds(start, finished), bench_seconds(start_cpu, cpu), bench_peak_rss_mb());
    shardy_build_result_free(result);
    shardy_writer_close(writer);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        bench_fail("usage", "bench_build ROWS VECTORS DIM PREFIX SHARDS [REPETITIONS [THREADS]]");
    }
    struct input in = {.rows = bench_load_rows(argv[1]), .dim = bench_number(argv[3])};
    size_t len;
    uint8_t *vectors = bench_load(argv[2], &len);
    if (len != in.rows.n * in.dim * sizeof(float))
        bench_fail(argv[2], "has not one vector per row");
    in.vectors = (const void *)vectors;
    uint32_t shards = bench_number(argv[5]), repetitions = argc > 6 ? bench_number(argv[6]) : 1;
    uint32_t threads = argc > 7 ? bench_number(argv[7]) : 0;
    for (uint32_t i = 0; i < repetitions; i++) {
        char prefix[4096];
        snprintf(prefix, sizeof prefix, "%s/%u", argv[4], i);
        build(&in, prefix, shards, threads);
    }
    bench_free_rows(&in.rows);
    free(vectors);
    return 0;
}

/* test_lib_large.c: shards large enough for the paths that small ones never take: huge pages for
 * rows and vectors, objects written on a thread of their own, values in chunks of their own. */
#include <string.h>

#include "lib_fixture.h"

#define ROWS 6000u
#define DIM 256u /* 6 MB of vectors */
#define DUPLICATES 500u

static void large_vector(uint32_t row, float out[DIM]) {
    for (uint32_t d = 0; d < DIM; d++) out[d] = fixture_value(row, d);
}

/* Mostly some hundred bytes, now and then 100 KB or more than a chunk of rows. */
static size_t value_len(uint32_t row) {
    return row == 1234 ? 3 << 20 : row % 500 == 7 ? 100000 : 900 + row % 301;
}

static void fill_value(uint32_t row, uint32_t version, uint8_t *out) {
    for (size_t i = 0, n = value_len(row); i < n; i++) out[i] = (uint8_t)(row * 31 + version + i);
}

static void add_row(shardy_writer *w, uint32_t row, uint32_t version, uint8_t *scratch) {
    char key[32];
    float v[DIM];
    shardy_row r = SHARDY_ROW_INIT;
    fill_value(row, version, scratch);
    large_vector(row * 2 + version, v);
    r.key = shardy_key_str(key, fixture_key(row, key));
    r.value = (shardy_slice){scratch, value_len(row)};
    r.vector = v;
    r.vector_len = DIM;
    CHECK_OK(shardy_writer_add(w, &r, &err), err);
}

static void check_row(shardy_reader *reader, uint32_t row, uint8_t *scratch) {
    char key[32];
    float query[DIM];
    uint32_t version = row < DUPLICATES;
    shardy_value value;
    shardy_search_result *result;
    shardy_key k = shardy_key_str(key, fixture_key(row, key));
    fill_value(row, version, scratch);
    CHECK_OK(shardy_reader_get(reader, &k, &value, &err), err);
    CHECK(value.found);
    CHECK_INT(value.len, value_len(row));
    CHECK(!memcmp(value.data, scratch, value.len));
    shardy_value_release(&value);
    if (row % 97) return;
    large_vector(row * 2 + version, query);
    CHECK_OK(shardy_reader_search(reader, query, DIM, NULL, &result, &err), err);
    CHECK_MEM(result->hits[0].id.data, result->hits[0].id.len, key, k.bytes.len);
    CHECK(fabs(result->hits[0].score) < 1e-4);
    shardy_search_result_free(result);
}

static void round_trip(uint32_t num_dbs, bool ascending) {
    static const shardy_metric metric = SHARDY_METRIC_L2;
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_vector_spec spec = fixture_spec(metric);
    shardy_build_result *result;
    shardy_verify_report report;
    shardy_writer *w;
    shardy_reader *reader;
    uint8_t *scratch = malloc(4 << 20);
    CHECK(scratch != NULL);
    spec.dim = DIM;
    o.prefix = test_tmpdir();
    o.num_dbs = num_dbs;
    o.threads = 2;
    o.vector = &spec;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < ROWS; i++) add_row(w, ascending ? i : ROWS - 1 - i, 0, scratch);
    for (uint32_t i = 0; i < DUPLICATES; i++) add_row(w, i, 1, scratch);
    CHECK_OK(shardy_writer_finish(w, &result, &err), err);
    CHECK_INT(result->rows_written, ROWS + DUPLICATES);
    CHECK_INT(result->duplicate_rows, DUPLICATES);
    CHECK(result->shards[0].db_bytes > 12u << 20);
    shardy_build_result_free(result);
    shardy_writer_close(w);
    CHECK_OK(shardy_verify(o.prefix, NULL, &report, &err), err);
    CHECK_INT(report.problems, 0);
    CHECK_INT(report.keys, ROWS);
    CHECK_INT(report.vectors, ROWS);
    CHECK_OK(shardy_reader_open(o.prefix, NULL, &reader, &err), err);
    for (uint32_t i = 0; i < ROWS; i++) check_row(reader, i, scratch);
    shardy_reader_close(reader);
    free(scratch);
}

TEST(one_shard_and_an_idle_processor) { round_trip(1, true); }
TEST(as_many_shards_as_threads) { round_trip(2, false); }

/* Rows that come in order of their keys are stored as they came; with one exception they are
 * sorted. */
TEST(input_in_order) {
    for (uint32_t swap = 0; swap <= 3000; swap += 1500) {
        char prefix[300];
        snprintf(prefix, sizeof prefix, "%s/%u", test_tmpdir(), swap);
        shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
        shardy_writer *w;
        shardy_verify_report report;
        o.prefix = prefix;
        o.num_dbs = 1;
        CHECK_OK(shardy_writer_open(&o, &w, &err), err);
        for (uint32_t i = 0; i < 3000; i++) {
            uint32_t number = i + 1 == swap ? 0 : i + 1; /* 0 comes late */
            shardy_row row = SHARDY_ROW_INIT;
            row.key = shardy_key_int(number);
            row.value = (shardy_slice){&number, sizeof number};
            CHECK_OK(shardy_writer_add(w, &row, &err), err);
        }
        CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
        shardy_writer_close(w);
        CHECK_OK(shardy_verify(prefix, NULL, &report, &err), err);
        CHECK_INT(report.problems, 0);
        CHECK_INT(report.keys, 3000);
    }
}

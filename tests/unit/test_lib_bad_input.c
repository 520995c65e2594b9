/* test_lib_bad_input.c: one clear error for each kind of bad input, and nothing published. */
#include <sys/stat.h>
#include <unistd.h>

#include "lib_fixture.h"

static shardy_writer *open_writer(const char *prefix, const shardy_vector_spec *spec) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 4;
    o.vector = spec;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    return w;
}

static void refuse(shardy_writer *w, shardy_row *row, shardy_status code, const char *message) {
    CHECK_FAILS(shardy_writer_add(w, row, &err), code);
    CHECK_CONTAINS(err.message, message);
}

TEST(refused_rows_leave_the_writer_usable) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    shardy_writer *w = open_writer("memory://refused", &spec);
    float v[FIXTURE_DIM];
    fixture_vector(1, v);
    shardy_row good = SHARDY_ROW_INIT;
    good.key = shardy_key_str("good", 4);
    good.value = (shardy_slice){"", 0};
    good.vector = v;
    good.vector_len = FIXTURE_DIM;
    CHECK_OK(shardy_writer_add(w, &good, &err), err);

    shardy_row row = good;
    row.vector_len = 7;
    refuse(w, &row, SHARDY_E_CONFIG, "key \"good\": vector has 7 values; vector_spec.dim is 8");
    row = good;
    row.vector = NULL;
    refuse(w, &row, SHARDY_E_CONFIG, "vector is missing");
    float bad[FIXTURE_DIM] = {1, 2, NAN};
    row = good;
    row.vector = bad;
    refuse(w, &row, SHARDY_E_CONFIG, "vector value 2 is NaN");
    bad[2] = -INFINITY;
    refuse(w, &row, SHARDY_E_CONFIG, "vector value 2 is -infinity");
    memset(bad, 0, sizeof bad);
    refuse(w, &row, SHARDY_E_CONFIG, "all zeros");
    row = good;
    row.key = shardy_key_int(5);
    refuse(w, &row, SHARDY_E_CONFIG, "key 5: is of type int; the first row's key is str");
    row.key = shardy_key_bytes("b", 1);
    refuse(w, &row, SHARDY_E_CONFIG, "mixed int/str/bytes");
    row.key = shardy_key_str("\xff\xfe", 2);
    refuse(w, &row, SHARDY_E_CONFIG, "UTF-8");
    row.key = shardy_key_str("", 0);
    refuse(w, &row, SHARDY_E_CONFIG, "key");
    char *huge = calloc(1, SHARDY_KEY_MAX + 1);
    memset(huge, 'k', SHARDY_KEY_MAX + 1);
    row.key = shardy_key_str(huge, SHARDY_KEY_MAX + 1);
    refuse(w, &row, SHARDY_E_CONFIG, "65535");
    row = good;
    row.value.data = NULL;
    refuse(w, &row, SHARDY_E_CONFIG, "value is missing");
    row = good;
    row.payload = (shardy_slice){"\xc3", 1};
    refuse(w, &row, SHARDY_E_CONFIG, "payload is not valid UTF-8");
    row = good;
    row.vector_id = (shardy_slice){"\xc3", 1};
    refuse(w, &row, SHARDY_E_CONFIG, "vector id is not valid UTF-8");

    row = good;
    row.key = shardy_key_str(huge, 60000); /* 60 KB is fine */
    CHECK_OK(shardy_writer_add(w, &row, &err), err);
    shardy_build_result *result;
    CHECK_OK(shardy_writer_finish(w, &result, &err), err);
    CHECK_INT(result->rows_written, 2);
    shardy_build_result_free(result);
    shardy_writer_close(w);
    shardy_reader *r;
    CHECK_OK(shardy_reader_open("memory://refused", NULL, &r, &err), err);
    shardy_value value;
    CHECK_OK(shardy_reader_get(r, &row.key, &value, &err), err);
    CHECK(value.found && value.len == 0 && value.data);
    shardy_value_release(&value);
    shardy_reader_close(r);
    free(huge);
}

TEST(keys_of_one_byte_and_raw_bytes) {
    shardy_writer *w = open_writer("memory://raw", NULL);
    for (int i = 0; i < 256; i++) {
        uint8_t key[2] = {(uint8_t)i, 0xff};
        shardy_row row = SHARDY_ROW_INIT;
        row.key = shardy_key_bytes(key, i % 2 ? 2 : 1);
        row.value = (shardy_slice){key, 2};
        CHECK_OK(shardy_writer_add(w, &row, &err), err);
    }
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r;
    CHECK_OK(shardy_reader_open("memory://raw", NULL, &r, &err), err);
    CHECK_INT(shardy_reader_key_encoding(r), SHARDY_ENCODING_RAW);
    for (int i = 0; i < 256; i++) {
        uint8_t key[2] = {(uint8_t)i, 0xff};
        shardy_key k = shardy_key_bytes(key, i % 2 ? 2 : 1);
        shardy_value v;
        CHECK_OK(shardy_reader_get(r, &k, &v, &err), err);
        CHECK_MEM(v.data, v.len, key, 2);
        shardy_value_release(&v);
    }
    shardy_reader_close(r);
}

TEST(a_large_value) {
    size_t len = 50u << 20;
    uint8_t *big = malloc(len);
    for (size_t i = 0; i < len; i++) big[i] = (uint8_t)(i * 2654435761u >> 13);
    shardy_writer *w = open_writer("memory://big", NULL);
    for (int i = 0; i < 3; i++) {
        char key[8];
        shardy_row row = SHARDY_ROW_INIT;
        row.key = shardy_key_str(key, (size_t)snprintf(key, sizeof key, "k%d", i));
        row.value = i == 1 ? (shardy_slice){big, len} : (shardy_slice){"small", 5};
        CHECK_OK(shardy_writer_add(w, &row, &err), err);
    }
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r;
    shardy_value v;
    CHECK_OK(shardy_reader_open("memory://big", NULL, &r, &err), err);
    shardy_key k = shardy_key_str("k1", 2);
    CHECK_OK(shardy_reader_get(r, &k, &v, &err), err);
    CHECK(v.len == len && !memcmp(v.data, big, len));
    shardy_value_release(&v);
    shardy_reader_close(r);
    free(big);
}

TEST(options_that_are_refused) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    shardy_writer_options good = SHARDY_WRITER_OPTIONS_INIT, o;
    shardy_writer *w;
    good.prefix = "memory://options";
    good.num_dbs = 1;
    good.vector = &spec;
#define REFUSED(change, code, text)                          \
    do {                                                     \
        o = good;                                            \
        change;                                              \
        CHECK_FAILS(shardy_writer_open(&o, &w, &err), code); \
        CHECK_CONTAINS(err.message, text);                   \
        CHECK(!w);                                           \
    } while (0)
    REFUSED(o.num_dbs = 0, SHARDY_E_CONFIG, "num_dbs must be > 0");
    REFUSED(o.prefix = "", SHARDY_E_CONFIG, "prefix");
    REFUSED(o.prefix = "s3://bucket/x", SHARDY_E_UNSUPPORTED, "s3");
    REFUSED(o.run_id = "../x", SHARDY_E_CONFIG, "run_id");
    REFUSED(o.shard_prefix = "a/b", SHARDY_E_CONFIG, "a/b");
    REFUSED(o.db_path_template = "x", SHARDY_E_CONFIG, "{db_id}");
    REFUSED(o.custom_json = "[1]", SHARDY_E_CONFIG, "object");
    REFUSED(o.custom_json = "{\"vector\": 1}", SHARDY_E_CONFIG, "vector");
    REFUSED(o.block_size = 100, SHARDY_E_CONFIG, "block_size is 100");
    REFUSED(o.bloom_bits_per_key = 99, SHARDY_E_CONFIG, "bloom_bits_per_key");
    REFUSED(o.size = 3, SHARDY_E_ARGUMENT, "size");
    spec.dim = 0;
    REFUSED((void)0, SHARDY_E_CONFIG, "vector.dim must be > 0");
#undef REFUSED
}

TEST(memory_limit_is_an_error) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = "memory://limit";
    o.num_dbs = 2;
    o.memory_limit = 1u << 20;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    shardy_status rc = SHARDY_OK;
    uint32_t i = 0;
    for (; i < 1000000 && !rc; i++) rc = fixture_add(w, i, false, &err);
    CHECK_INT(rc, SHARDY_E_LIMIT);
    CHECK_CONTAINS(err.message, "memory_limit is 1048576");
    CHECK(i > 5000);
    shardy_writer_close(w);
    CHECK_INT(fixture_objects("memory://limit"), 0);
}

static bool cancel_in_build(void *ctx, const shardy_progress *p) {
    (void)ctx;
    return p->shards_built == 0;
}

TEST(cancelled_builds_leave_nothing) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/cancel", test_tmpdir());
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 8;
    o.threads = 2;
    o.progress = cancel_in_build;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < 2000; i++) CHECK_OK(fixture_add(w, i, false, &err), err);
    CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_CANCELLED);
    shardy_writer_close(w);
    CHECK_INT(fixture_objects(prefix), 0);
    shardy_reader *r;
    CHECK_FAILS(shardy_reader_open(prefix, NULL, &r, &err), SHARDY_E_STATE);
    CHECK_CONTAINS(err.message, "_CURRENT");
}

TEST(a_writer_that_is_closed_early_leaves_nothing) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/early", test_tmpdir());
    shardy_writer *w = open_writer(prefix, NULL);
    CHECK_OK(fixture_add(w, 1, false, &err), err);
    shardy_writer_close(w);
    struct stat st;
    CHECK(stat(prefix, &st) != 0);
}

/* A shard that cannot be written is named with its cause, and nothing is published. */
TEST(a_failing_shard_is_named) {
    char prefix[200], blocked[600];
    snprintf(prefix, sizeof prefix, "%s/fail", test_tmpdir());
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 3;
    o.run_id = "r";
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < 100; i++) CHECK_OK(fixture_add(w, i, false, &err), err);
    /* a file where shard 1's directory should go */
    snprintf(blocked, sizeof blocked,
             "mkdir -p %s/shards/run_id=r && touch %s/shards/run_id=r/db=00001", prefix, prefix);
    CHECK_INT(system(blocked), 0);
    CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_COVERAGE);
    CHECK_CONTAINS(err.message, "shard 1: ");
    CHECK_CONTAINS(err.message, "Not a directory");
    shardy_writer_close(w);
    CHECK_INT(fixture_objects(prefix), 0);
}

TEST(reading_what_is_not_there) {
    shardy_reader *r;
    shardy_verify_report report;
    CHECK_FAILS(shardy_reader_open("memory://nothing", NULL, &r, &err), SHARDY_E_STATE);
    CHECK_CONTAINS(err.message, "memory://nothing/_CURRENT");
    CHECK_FAILS(shardy_verify("memory://nothing", NULL, &report, &err), SHARDY_E_STATE);
    char path[200];
    snprintf(path, sizeof path, "%s/file", test_tmpdir());
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    fclose(f);
    CHECK_FAILS(shardy_reader_open(path, NULL, &r, &err), SHARDY_E_IO);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = path;
    o.num_dbs = 1;
    CHECK_FAILS(shardy_writer_open(&o, &w, &err), SHARDY_E_IO);
    CHECK_CONTAINS(err.message, "Not a directory");
}

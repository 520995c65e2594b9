/* test_lance_write.c: the bytes of tables, and that they read back as they were written. */
#include "test_lance.h"

#include "base/fault.h"

/* ---- golden bytes ---- */

static void check_golden(shardy__dir *dir, const char *name) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf got = {0};
    char path[300];
    size_t len;
    snprintf(path, sizeof path, "tests/golden/lance/flat.lance/%s", name);
    uint8_t *want = test_read_file(test_source_path(path), &len);
    CHECK_OK(shardy__dir_read(dir, name, 1 << 20, &got, &err), err);
    CHECK_MEM(got.data, got.len, want, len);
    shardy__buf_free(&got);
    free(want);
}

TEST(golden_bytes) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    CHECK_OK(shardy__lance_write(dir, &golden_rows, &golden_ivf, &golden_options, &err), err);
    check_golden(dir, GOLDEN_DATA);
    check_golden(dir, GOLDEN_AUXILIARY);
    check_golden(dir, GOLDEN_INDEX);
    check_golden(dir, GOLDEN_MANIFEST);
    memory_close(dir);
}

static shardy_status count_object(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    (void)name, (void)size, (void)err;
    ++*(unsigned *)ctx;
    return SHARDY_OK;
}

static unsigned count_objects(shardy__dir *dir) {
    shardy_error err = SHARDY_ERROR_INIT;
    unsigned n = 0;
    CHECK_OK(shardy__dir_list(dir, "", count_object, &n, &err), err);
    return n;
}

/* ---- round trips ---- */

static void round_trip(shardy__dir *dir, fixture *f, unsigned objects) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    problems p;
    CHECK_OK(shardy__lance_write(dir, &f->rows, fixture_ivf(f), &f->options, &err), err);
    CHECK_INT(count_objects(dir), objects);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    fixture_check(f, t);
    if (verify(t, &p)) test_fail(__FILE__, __LINE__, "%s", p.text);
    shardy__lance_close(t);
    CHECK_OK(shardy__lance_open(dir, GOLDEN_MANIFEST, &t, &err), err);
    shardy__lance_close(t);
    fixture_free(f);
}

static void round_trip_of(uint64_t n, uint32_t dim, text_kind texts, int metric,
                          uint32_t partitions) {
    fixture f;
    shardy__dir *dir = memory_dir();
    fixture_init(&f, n, dim, texts, 9);
    if (metric >= 0) fixture_index(&f, (shardy_metric)metric, partitions);
    round_trip(dir, &f, n == 0 ? 1 : metric >= 0 ? 4 : 2);
    memory_close(dir);
}

TEST_TIMEOUT(round_trips, 300) {
    static const uint64_t counts[] = {0, 1, 10, 1000};
    static const uint32_t dims[] = {1, 4, 384};
    for (size_t c = 0; c < 4; c++) {
        for (size_t d = 0; d < 3; d++) {
            for (int metric = -1; metric <= SHARDY_METRIC_DOT; metric++) {
                round_trip_of(counts[c], dims[d], TEXTS_MIXED, metric, 1);
                round_trip_of(counts[c], dims[d], TEXTS_MIXED, metric, 16);
            }
        }
    }
}

TEST_TIMEOUT(round_trip_20000, 300) {
    round_trip_of(20000, 4, TEXTS_MIXED, SHARDY_METRIC_COSINE, 16);
    round_trip_of(20000, 384, TEXTS_MIXED, SHARDY_METRIC_DOT, 1);
}

TEST(texts) {
    round_trip_of(50, 4, TEXTS_NULL, SHARDY_METRIC_L2, 1);
    round_trip_of(50, 4, TEXTS_EMPTY, SHARDY_METRIC_L2, 1);
    round_trip_of(700, 4, TEXTS_LONG, SHARDY_METRIC_L2, 1); /* beyond the stage of 1 MiB */
}

TEST_TIMEOUT(many_partitions, 120) { round_trip_of(1000, 8, TEXTS_MIXED, SHARDY_METRIC_L2, 4096); }

TEST_TIMEOUT(largest_dim, 120) {
    round_trip_of(3, SHARDY_DIM_MAX, TEXTS_MIXED, SHARDY_METRIC_COSINE, 2);
    round_trip_of(6, SHARDY_DIM_MAX, TEXTS_MIXED, SHARDY_METRIC_DOT, 20);
}

TEST(only_zero_vectors) {
    fixture f;
    shardy__dir *dir = memory_dir();
    fixture_init(&f, 5, 4, TEXTS_MIXED, 1);
    fixture_index(&f, SHARDY_METRIC_COSINE, 2);
    CHECK_INT(f.n_entries, 0);
    round_trip(dir, &f, 4);
    memory_close(dir);
}

TEST(files) {
    fixture f;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = NULL;
    CHECK_OK(shardy__store_open(test_tmpdir(), &dir, &err), err);
    fixture_init(&f, 1000, 5, TEXTS_MIXED, 0);
    fixture_index(&f, SHARDY_METRIC_L2, 7);
    round_trip(dir, &f, 4);
    shardy__dir_close(dir);
}

/* Without fixed names two tables differ in all of them. */
TEST(fresh_names) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    shardy__lance *t = NULL;
    for (unsigned i = 0; i < 2; i++) {
        shardy__dir *sub = NULL;
        CHECK_OK(shardy__dir_sub(dir, i ? "a" : "b", &sub, &err), err);
        CHECK_OK(shardy__lance_write(sub, &golden_rows, &golden_ivf, NULL, &err), err);
        CHECK_OK(shardy__lance_open(sub, NULL, &t, &err), err);
        CHECK_INT(shardy__lance_count(t), 3);
        shardy__lance_close(t);
        CHECK_FAILS(shardy__dir_remove_tree(sub, "_indices/00112233-4455-6677-8899-aabbccddeeff/",
                                            NULL, &err),
                    SHARDY_OK);
        CHECK_INT(count_objects(sub), 4);
        shardy__dir_close(sub);
    }
    memory_close(dir);
}

/* ---- input that must be refused ---- */

static shardy_slice bad_text(void *ctx, uint64_t row) {
    (void)ctx;
    return (shardy_slice){"abc\xff", row == 1 ? 4 : 3};
}

static shardy_slice no_text(void *ctx, uint64_t row) {
    (void)ctx, (void)row;
    return (shardy_slice){NULL, 0};
}

static unsigned calls;
static shardy_slice changing_text(void *ctx, uint64_t row) {
    (void)ctx, (void)row;
    return (shardy_slice){"abcdefghij", calls++ % 10};
}

static void refused(const shardy__lance_rows *rows, const shardy__lance_ivf *ivf,
                    shardy_status status, const char *message) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    CHECK_FAILS(shardy__lance_write(dir, rows, ivf, &golden_options, &err), status);
    CHECK_CONTAINS(err.message, message);
    shardy__lance *t = NULL;
    CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), SHARDY_E_NOT_FOUND);
    CHECK(t == NULL);
    memory_close(dir);
}

TEST(refused_rows) {
    shardy__lance_rows rows = golden_rows;
    rows.id = bad_text;
    refused(&rows, NULL, SHARDY_E_CONFIG, "row 1: id is not UTF-8");
    rows.id = no_text;
    refused(&rows, NULL, SHARDY_E_CONFIG, "row 0: id is missing");
    rows.id = changing_text;
    refused(&rows, NULL, SHARDY_E_INTERNAL, "changed");
    rows = golden_rows;
    rows.payload = bad_text;
    refused(&rows, NULL, SHARDY_E_CONFIG, "row 1: payload is not UTF-8");
    rows = golden_rows;
    rows.dim = 0;
    refused(&rows, NULL, SHARDY_E_ARGUMENT, "dim is 0");
    rows.dim = SHARDY_DIM_MAX + 1;
    refused(&rows, NULL, SHARDY_E_ARGUMENT, "1..65536");
    rows = golden_rows;
    rows.count = UINT64_C(1) << 32;
    refused(&rows, NULL, SHARDY_E_LIMIT, "4294967296 rows");
}

TEST(refused_index) {
    shardy__lance_ivf ivf = golden_ivf;
    ivf.partitions = 0;
    refused(&golden_rows, &ivf, SHARDY_E_ARGUMENT, "0 partitions");
    ivf = golden_ivf;
    ivf.kind = (shardy__lance_index_kind)77;
    refused(&golden_rows, &ivf, SHARDY_E_ARGUMENT, "unknown");
    const uint64_t four[] = {4}, twice[] = {0, 1, 1}, outside[] = {0, 1, 3};
    ivf = golden_ivf;
    ivf.lengths = four;
    refused(&golden_rows, &ivf, SHARDY_E_INTERNAL, "more entries than 3 rows");
    ivf = golden_ivf;
    ivf.row_ids = twice;
    refused(&golden_rows, &ivf, SHARDY_E_INTERNAL, "entry 2: row 1");
    ivf.row_ids = outside;
    refused(&golden_rows, &ivf, SHARDY_E_INTERNAL, "entry 2: row 3");
}

TEST(names) {
    CHECK_STR(shardy__lance_index_name(SHARDY__LANCE_IVF_FLAT), "IVF_FLAT");
    CHECK_STR(shardy__lance_index_name(SHARDY__LANCE_NO_INDEX), "none");
    CHECK_STR(shardy__lance_index_name((shardy__lance_index_kind)99), "unknown");
}

TEST(taken_name) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    CHECK_OK(shardy__lance_write(dir, &golden_rows, NULL, &golden_options, &err), err);
    CHECK_FAILS(shardy__lance_write(dir, &golden_rows, NULL, &golden_options, &err),
                SHARDY_E_EXISTS);
    memory_close(dir);
}

/* ---- faults ---- */

#ifdef SHARDY_FAULTS
/* Write and open with the n-th event failing, for every n: an error each time, the right answer at
 * the end. */
static void fault_loop(shardy__fault_kind kind, shardy_status code) {
    shardy_error err = SHARDY_ERROR_INIT;
    fixture f;
    fixture_init(&f, 40, 4, TEXTS_MIXED, 9);
    fixture_index(&f, SHARDY_METRIC_COSINE, 3);
    bool written = false, opened = false;
    for (int64_t nth = 1; !opened; nth++) {
        CHECK(nth < 1000);
        shardy__dir *dir = memory_dir();
        shardy__lance *t = NULL;
        err.message[0] = 0;
        shardy__fault_arm(kind, nth);
        shardy_status rc = shardy__lance_write(dir, &f.rows, &f.ivf, &f.options, &err);
        written = rc == SHARDY_OK;
        if (!rc) rc = shardy__lance_open(dir, NULL, &t, &err);
        shardy__fault_arm(kind, 0);
        CHECK_INT(rc, rc ? code : SHARDY_OK);
        CHECK_INT(err.message[0] != 0, rc != SHARDY_OK);
        opened = rc == SHARDY_OK;
        if (!written) CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), SHARDY_E_NOT_FOUND);
        if (opened) fixture_check(&f, t);
        shardy__lance_close(t);
        memory_close(dir);
    }
    fixture_free(&f);
}

TEST(allocation_faults) { fault_loop(SHARDY__FAULT_ALLOC, SHARDY_E_NO_MEMORY); }

TEST(store_faults) { fault_loop(SHARDY__FAULT_STORE, SHARDY_E_IO); }

TEST(verify_fault) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    shardy__lance *t = NULL;
    problems p = {0};
    const shardy__lance_check check = {on_problem, &p};
    CHECK_OK(shardy__lance_write(dir, &golden_rows, &golden_ivf, &golden_options, &err), err);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 1);
    CHECK_FAILS(shardy__lance_verify(t, &check, &err), SHARDY_E_NO_MEMORY);
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
    CHECK_OK(shardy__lance_verify(t, &check, &err), err);
    shardy__lance_close(t);
    memory_close(dir);
}
#endif

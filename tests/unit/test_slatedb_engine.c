/* test_slatedb_engine.c: databases that the official engine (slatedb 0.17.0) wrote: read where they
 * are sorted runs of plain rows, refused otherwise. Made by
 * tests/golden/slatedb/engine/generate.py. */
#include "test_slatedb.h"

static shardy__dir *engine_dir(const char *name) {
    char path[200];
    snprintf(path, sizeof path, "tests/golden/slatedb/engine/%s", name);
    return open_dir(test_source_path(path));
}

static void add_row(rows *r, const char *word, size_t i) {
    char key[20], value[100];
    int k = snprintf(key, sizeof key, "key%05zu", i);
    int v = snprintf(value, sizeof value, "%s-%zu%.*s", word, i, (int)(i % 30),
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    rows_add(r, key, (size_t)k, value, (size_t)v);
}

static void check_reads(const char *name, const rows *r, uint64_t ssts) {
    shardy__dir *files = engine_dir(name);
    shardy__slatedb *db = open_db(files);
    CHECK_INT(shardy__slatedb_ssts(db), ssts);
    for (size_t i = 0; i < r->n; i++) check_neighbours(db, r, rows_key(r, i));
    check_all_rows(db, r);
    for (size_t i = 0; i < r->n; i += 17) {
        check_range(db, r, rows_key(r, i), rows_key(r, r->n - 1), i, r->n - 1);
    }
    shardy__slatedb_close(db);
    shardy__dir_close(files);
}

static void verify_engine(const char *name, const rows *r) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = engine_dir(name);
    shardy__slatedb *db = open_db(dir);
    shardy__slatedb_stats stats;
    CHECK_OK(shardy__slatedb_verify(db, NULL, &stats, &err), err);
    if (r) CHECK_INT(stats.rows, r->n);
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
}

TEST(one_run) {
    rows r = {0};
    for (size_t i = 0; i < 200; i++) add_row(&r, "value", i);
    check_reads("one-run", &r, 1);
    check_reads("one-run-zstd", &r, 1);
    verify_engine("one-run", &r);
    verify_engine("one-run-zstd", &r);
    rows_free(&r);
}

struct seen {
    const rows *r;
    size_t n;
};

static shardy_status see_row(void *ctx, shardy_slice key, shardy_slice value, shardy_error *err) {
    struct seen *seen = ctx;
    (void)err;
    shardy_slice k = rows_key(seen->r, seen->n), v = rows_value(seen->r, seen->n);
    CHECK_MEM(key.data, key.len, k.data, k.len);
    CHECK_MEM(value.data, value.len, v.data, v.len);
    seen->n++;
    return SHARDY_OK;
}

/* Rows of the newer run hide those of the older one. */
TEST(two_runs) {
    shardy_error err = SHARDY_ERROR_INIT;
    rows r = {0};
    for (size_t i = 0; i < 240; i++) add_row(&r, i >= 200 || i % 3 == 0 ? "second" : "value", i);
    check_reads("two-runs", &r, 2);
    shardy__dir *dir = engine_dir("two-runs");
    shardy__slatedb *db = open_db(dir);
    struct seen seen = {&r, 0};
    shardy__slatedb_check check = {.row = see_row, .ctx = &seen};
    shardy__slatedb_stats stats;
    CHECK_OK(shardy__slatedb_verify(db, &check, &stats, &err), err);
    CHECK_INT(seen.n, r.n);
    CHECK_INT(stats.rows, 200 + 107); /* as stored */
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    rows_free(&r);
}

static void check_open_refused(const char *name, const char *why) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = engine_dir(name);
    shardy__slatedb *db = NULL;
    CHECK_FAILS(shardy__slatedb_open(dir, NULL, &db, &err), SHARDY_E_UNSUPPORTED);
    CHECK_CONTAINS(err.message, name);
    CHECK_CONTAINS(err.message, why);
    CHECK(!db);
    shardy__dir_close(dir);
}

TEST(refused_when_opened) {
    check_open_refused("level-0", "not compacted: it has level-0 SSTs");
    check_open_refused("log", "rows in its write-ahead log (wal/00000000000000000002.sst)");
}

/* What only the rows show is refused by whatever meets them. */
static void check_rows_refused(const char *name, const char *key, const char *why) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = engine_dir(name);
    shardy__slatedb *db = open_db(dir);
    shardy__slatedb_value got;
    shardy__slatedb_iter *it;
    shardy_slice open = {0};
    CHECK_FAILS(shardy__slatedb_get(db, (shardy_slice){key, strlen(key)}, &got, &err),
                SHARDY_E_UNSUPPORTED);
    CHECK_CONTAINS(err.message, why);
    CHECK(!got.value.data && !got.pin.release);
    CHECK_FAILS(shardy__slatedb_iter_open(db, open, open, &it, &err), SHARDY_E_UNSUPPORTED);
    CHECK_CONTAINS(err.message, why);
    CHECK_FAILS(shardy__slatedb_verify(db, NULL, NULL, &err), SHARDY_E_UNSUPPORTED);
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
}

TEST(refused_when_read) {
    check_rows_refused("deletion", "key00005", "block 0: row is a deletion");
    check_rows_refused("expiry", "key00005", "block 0: row is a value that expires");
    check_rows_refused("versions", "key00007", "block 0: several versions of a key");
}

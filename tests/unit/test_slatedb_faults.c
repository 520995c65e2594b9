/* test_slatedb_faults.c: every allocation and every store call made to fail, one after the other.
 * What fails says so, nothing leaks, and what was not committed is not there. */
#include "base/fault.h"
#include "test_slatedb.h"

#ifdef SHARDY_FAULTS

/* How far one attempt came. */
struct attempt {
    bool written;
    shardy_status rc;
};

static shardy_status read_everything(shardy__dir *dir, const rows *r, shardy_error *err) {
    shardy__slatedb *db = NULL;
    shardy__slatedb_iter *it = NULL;
    shardy_slice key, value;
    shardy_status rc = shardy__slatedb_open(dir, NULL, &db, err);
    for (size_t i = 0; i < r->n && !rc; i++) {
        shardy__slatedb_value got;
        shardy_slice expected = rows_value(r, i);
        rc = shardy__slatedb_get(db, rows_key(r, i), &got, err);
        if (rc) break;
        CHECK(got.value.data);
        CHECK_MEM(got.value.data, got.value.len, expected.data, expected.len);
        shardy__pin_release(&got.pin);
    }
    if (!rc) rc = shardy__slatedb_iter_open(db, rows_key(r, 3), rows_key(r, r->n - 1), &it, err);
    size_t n = 0;
    while (!rc) {
        rc = shardy__slatedb_iter_next(it, &key, &value, err);
        if (rc || !key.data) break;
        n++;
    }
    if (!rc) CHECK_INT(n, r->n - 4);
    shardy__slatedb_iter_close(it);
    if (!rc) rc = shardy__slatedb_verify(db, NULL, NULL, err);
    shardy__slatedb_close(db);
    return rc;
}

static struct attempt attempt(shardy__dir *dir, const shardy__slatedb_options *options,
                              const rows *r, shardy_error *err) {
    struct attempt a = {false, try_write(dir, options, r, NULL, err)};
    a.written = a.rc == SHARDY_OK;
    if (a.written) a.rc = read_everything(dir, r, err);
    return a;
}

static void loop(shardy__fault_kind kind, shardy_status expected, bool map,
                 const shardy__slatedb_options *options) {
    rows r = rows_numbered(60);
    uint8_t long_key[700];
    memset(long_key, 'z', sizeof long_key); /* longer than what a walk holds without allocating */
    rows_add(&r, long_key, sizeof long_key, "v", 1);
    shardy__dir *dir = open_dir("memory://faults");
    mapped_dir over = mapped(dir);
    shardy__dir *use = map ? &over.base : dir;
    int64_t nth = 0, failures = 0;
    for (bool done = false; !done;) {
        shardy_error err = SHARDY_ERROR_INIT;
        shardy__fault_arm(kind, ++nth);
        struct attempt a = attempt(use, options, &r, &err);
        int64_t events = shardy__fault_count(kind);
        shardy__fault_arm(kind, 0);
        done = events < nth;
        if (done) {
            CHECK_OK(a.rc, err);
        } else {
            CHECK_INT(a.rc, expected);
            CHECK(err.message[0]);
            failures++;
        }
        if (!a.written) { /* then there is no database, or one without a manifest */
            shardy__slatedb *db = NULL;
            CHECK_FAILS(shardy__slatedb_open(dir, NULL, &db, &err), SHARDY_E_NOT_FOUND);
        }
        shardy__memory_drop("faults");
    }
    CHECK(failures > 20);
    shardy__dir_close(dir);
    rows_free(&r);
}

static const shardy__slatedb_options plain = {.block_size = 256, .sst_bytes = 1000};
static const shardy__slatedb_options zstd = {
    .block_size = 256, .sst_bytes = 500, .compression = SHARDY_COMPRESSION_ZSTD};

TEST(allocations_copied) { loop(SHARDY__FAULT_ALLOC, SHARDY_E_NO_MEMORY, false, &plain); }
TEST(allocations_mapped) { loop(SHARDY__FAULT_ALLOC, SHARDY_E_NO_MEMORY, true, &plain); }
TEST(allocations_compressed) { loop(SHARDY__FAULT_ALLOC, SHARDY_E_NO_MEMORY, true, &zstd); }
TEST(store_calls_copied) { loop(SHARDY__FAULT_STORE, SHARDY_E_IO, false, &plain); }
TEST(store_calls_mapped) { loop(SHARDY__FAULT_STORE, SHARDY_E_IO, true, &plain); }
TEST(store_calls_compressed) { loop(SHARDY__FAULT_STORE, SHARDY_E_IO, false, &zstd); }

/* The writer stays failed, and says so, after the first failure. */
TEST(failed_writer_stays_failed) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_writer *w = NULL;
    shardy__dir *dir = open_dir("memory://faults");
    CHECK_OK(shardy__slatedb_writer_open(dir, &plain, &w, &err), err);
    shardy__fault_arm(SHARDY__FAULT_STORE, 1);
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"a", 1}, (shardy_slice){"", 0}, &err),
                SHARDY_E_IO);
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"b", 1}, (shardy_slice){"", 0}, &err),
                SHARDY_E_STATE);
    CHECK_CONTAINS(err.message, "writer of memory://faults has failed");
    CHECK_FAILS(shardy__slatedb_writer_finish(w, NULL, &err), SHARDY_E_STATE);
    shardy__slatedb_writer_close(w);
    shardy__dir_close(dir);
}

/* After a warm-up, a get from a mapped database allocates nothing and calls no store. */
TEST(warm_get_allocates_nothing) {
    shardy_error err = SHARDY_ERROR_INIT;
    rows r = rows_numbered(500);
    shardy__dir *dir = open_dir("memory://faults");
    mapped_dir over = mapped(dir);
    write_db(dir, &plain, &r);
    shardy__slatedb *db = open_db(&over.base);
    for (int round = 0; round < 2; round++) {
        if (round) {
            shardy__fault_arm(SHARDY__FAULT_ALLOC, INT64_MAX);
            shardy__fault_arm(SHARDY__FAULT_STORE, INT64_MAX);
        }
        for (size_t i = 0; i < r.n; i++) {
            shardy__slatedb_value got;
            CHECK_OK(shardy__slatedb_get(db, rows_key(&r, i), &got, &err), err);
            CHECK(got.value.data && !got.pin.release);
        }
    }
    CHECK_INT(shardy__fault_count(SHARDY__FAULT_ALLOC), 0);
    CHECK_INT(shardy__fault_count(SHARDY__FAULT_STORE), 0);
    shardy__slatedb_close(db);
    shardy__memory_drop("faults");
    shardy__dir_close(dir);
    rows_free(&r);
}

#else
TEST(faults) { test_skip("built without SHARDY_FAULTS"); }
#endif

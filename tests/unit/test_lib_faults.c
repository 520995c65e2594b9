/* test_lib_faults.c: every allocation and every store call of a build, an open and the reads fails
 * in turn. After each failure the prefix holds the old snapshot or the new one, whole, and nothing
 * leaks (leaks show under the asan preset). */
#include "base/fault.h"
#include "lib_fixture.h"

#ifdef SHARDY_FAULTS

#define OLD_ROWS 5
#define NEW_ROWS 60

static shardy_status build(const char *prefix, uint32_t rows, const shardy_vector_spec *spec) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w = NULL;
    shardy_build_result *result = NULL;
    o.prefix = prefix;
    o.num_dbs = 3;
    o.vector = spec;
    o.threads = 1;
    shardy_status rc = shardy_writer_open(&o, &w, &err);
    for (uint32_t i = 0; i < rows && !rc; i++) rc = fixture_add(w, i, true, &err);
    if (!rc) rc = shardy_writer_finish(w, &result, &err);
    shardy_build_result_free(result);
    shardy_writer_close(w);
    return rc;
}

/* A reader does everything once. Wrong answers fail the test, errors are returned. */
static shardy_status read_all(const char *prefix, uint32_t rows) {
    shardy_reader *r = NULL;
    shardy_scan *scan = NULL;
    shardy_search_result *result = NULL;
    shardy_value v = {0}, many[4] = {{0}};
    shardy_key keys[4];
    char names[4][32], text[64];
    float query[FIXTURE_DIM];
    shardy_status rc = shardy_reader_open(prefix, NULL, &r, &err);
    for (uint32_t i = 0; i < 4; i++) keys[i] = shardy_key_str(names[i], fixture_key(i, names[i]));
    if (!rc) rc = shardy_reader_get(r, &keys[0], &v, &err);
    if (!rc) CHECK_MEM(v.data, v.len, text, fixture_text(0, text));
    shardy_value_release(&v);
    if (!rc) rc = shardy_reader_multi_get(r, keys, 4, many, &err);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(rc ? !many[i].found : many[i].found);
        shardy_value_release(&many[i]);
    }
    fixture_vector(2, query);
    if (!rc) rc = shardy_reader_search(r, query, FIXTURE_DIM, NULL, &result, &err);
    if (!rc) CHECK_MEM(result->hits[0].id.data, result->hits[0].id.len, names[2], strlen(names[2]));
    shardy_search_result_free(result);
    if (!rc) rc = shardy_reader_scan(r, NULL, &scan, &err);
    uint32_t n = 0;
    for (bool more = true; !rc; n++) {
        shardy_key k;
        shardy_slice value;
        rc = shardy_scan_next(scan, &more, &k, &value, &err);
        if (!rc && !more) break;
    }
    if (!rc) CHECK_INT(n, rows);
    shardy_scan_close(scan);
    shardy_reader_close(r);
    return rc;
}

static bool known_failure(shardy_status rc) {
    return rc == SHARDY_E_NO_MEMORY || rc == SHARDY_E_IO || rc == SHARDY_E_COVERAGE ||
           rc == SHARDY_E_PUBLISH_MANIFEST || rc == SHARDY_E_PUBLISH_CURRENT ||
           rc == SHARDY_E_VECTOR_INDEX || rc == SHARDY_E_MANIFEST_BUILD;
}

/* After a failed build: the old snapshot, or the new one if only the answer got lost. */
static uint32_t rows_now(const char *prefix) {
    shardy_reader *r;
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    CHECK_OK(shardy_reader_open(prefix, NULL, &r, &err), err);
    CHECK_OK(shardy_reader_info(r, &info, &err), err);
    uint32_t rows = (uint32_t)info.row_count;
    shardy_reader_close(r);
    return rows;
}

static void builds_fail(shardy__fault_kind kind, const char *prefix,
                        const shardy_vector_spec *spec) {
    CHECK_OK(build(prefix, OLD_ROWS, spec), err);
    uint64_t objects = fixture_objects(prefix);
    for (int64_t nth = 1;; nth++) {
        shardy__fault_arm(kind, nth);
        shardy_status rc = build(prefix, NEW_ROWS, spec);
        int64_t seen = shardy__fault_count(kind);
        shardy__fault_arm(kind, 0);
        if (seen < nth) {
            CHECK_INT(rc, SHARDY_OK);
            CHECK(nth > 50);
            break;
        }
        if (rc == SHARDY_OK) { /* a retried publish, or cleaning up that did not matter */
            CHECK_INT(rows_now(prefix), NEW_ROWS);
        } else {
            if (!known_failure(rc)) test_fail(__FILE__, __LINE__, "%s", err.message);
            CHECK_INT(rows_now(prefix), OLD_ROWS);
            /* what a failed build left: at most a complete, unpublished run */
            if (rc != SHARDY_E_PUBLISH_CURRENT && rc != SHARDY_E_PUBLISH_MANIFEST) {
                CHECK_INT(fixture_objects(prefix), objects);
            }
        }
        shardy__dir *dir;
        CHECK_OK(shardy__store_open(prefix, &dir, &err), err);
        CHECK_OK(shardy__dir_remove_tree(dir, "", NULL, &err), err);
        shardy__dir_close(dir);
        CHECK_OK(build(prefix, OLD_ROWS, spec), err);
    }
}

static void reads_fail(shardy__fault_kind kind, const char *prefix, uint32_t rows) {
    for (int64_t nth = 1;; nth++) {
        shardy__fault_arm(kind, nth);
        shardy_status rc = read_all(prefix, rows);
        int64_t seen = shardy__fault_count(kind);
        shardy__fault_arm(kind, 0);
        if (seen < nth) {
            CHECK_INT(rc, SHARDY_OK);
            CHECK(nth > 10);
            return;
        }
        CHECK(rc == SHARDY_E_NO_MEMORY || rc == SHARDY_E_IO);
    }
}
#endif

TEST_TIMEOUT(every_fault_while_building, 300) {
#ifdef SHARDY_FAULTS
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    builds_fail(SHARDY__FAULT_ALLOC, "memory://fault-build", &spec);
    builds_fail(SHARDY__FAULT_STORE, "memory://fault-build2", &spec);
    spec.index_type = SHARDY_INDEX_IVF;
    spec.num_partitions = 4;
    builds_fail(SHARDY__FAULT_ALLOC, "memory://fault-build3", &spec);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

TEST_TIMEOUT(every_fault_while_reading, 300) {
#ifdef SHARDY_FAULTS
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    CHECK_OK(build("memory://fault-read", NEW_ROWS, &spec), err);
    reads_fail(SHARDY__FAULT_ALLOC, "memory://fault-read", NEW_ROWS);
    reads_fail(SHARDY__FAULT_STORE, "memory://fault-read", NEW_ROWS);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

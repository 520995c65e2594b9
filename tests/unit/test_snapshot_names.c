/* test_snapshot_names.c: names of runs and shards, and references below a prefix. */
#include "base/alloc.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_impl.h"
#include "test.h"

static char over_long[202];

TEST(run_ids_and_shard_prefixes) {
    shardy_error err = SHARDY_ERROR_INIT;
    memset(over_long, 'a', sizeof over_long - 1);
    static const struct {
        const char *value, *rule;
    } bad[] = {{"", "must be non-empty"},
               {"a..b", "must not contain '..'"},
               {"..", "must not contain '..'"},
               {".", "contains unsupported characters"},
               {"a/b", "must be a single path segment"},
               {"a\\b", "must be a single path segment"},
               {"a b", "contains unsupported characters"},
               {"a=b", "contains unsupported characters"},
               {"\xc3\xa9", "contains unsupported characters"},
               {over_long, "is longer than 200 bytes"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(shardy__check_run_id(bad[i].value, &err), SHARDY_E_CONFIG);
        CHECK_CONTAINS(err.message, bad[i].rule);
        CHECK(!strncmp(err.message, "run_id \"", 8));
        CHECK_FAILS(shardy__check_shard_prefix(bad[i].value, &err), SHARDY_E_CONFIG);
        CHECK_CONTAINS(err.message, bad[i].rule);
        CHECK(!strncmp(err.message, "shard_prefix \"", 14));
    }
    static const char *const good[] = {NULL, "r1", "A-b_c.9", "2026-01-02", over_long + 1};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_OK(shardy__check_run_id(good[i], &err), err);
        CHECK_OK(shardy__check_shard_prefix(good[i], &err), err);
    }
}

TEST(path_templates) {
    shardy_error err = SHARDY_ERROR_INIT;
    static char long_template[220] = "{db_id}";
    memset(long_template + 7, 'x', 200);
    static const struct {
        const char *value, *rule;
    } bad[] = {{"", "must be non-empty"},
               {"x", "must contain {db_id}"},
               {"{foo}", "may contain no braces but"},
               {"{0}", "may contain no braces but"},
               {"{db_id:q}", "may contain no braces but"},
               {"{db_id:5d}", "may contain no braces but"},
               {"{db_id:0d}", "may contain no braces but"},
               {"{db_id:00d}", "may contain no braces but"},
               {"{db_id:021d}", "may contain no braces but"},
               {"{db_id:099999999999d}", "may contain no braces but"},
               {"{db_id:05}", "may contain no braces but"},
               {"{db_id", "may contain no braces but"},
               {"{db_id:0", "may contain no braces but"},
               {"{{db_id}}", "may contain no braces but"},
               {"{db_id}}", "may contain no braces but"},
               {"db {db_id}", "contains unsupported characters"},
               {"db?{db_id}", "contains unsupported characters"},
               {"db%20{db_id}", "contains unsupported characters"},
               {"/{db_id}", "must be a relative path"},
               {"{db_id}/", "must be a relative path"},
               {"a//{db_id}", "must be a relative path"},
               {"../{db_id}", "must be a relative path"},
               {"{db_id}/.", "must be a relative path"},
               {long_template, "is longer than 200 bytes"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(shardy__check_db_path_template(bad[i].value, &err), SHARDY_E_CONFIG);
        CHECK_CONTAINS(err.message, bad[i].rule);
        CHECK(!strncmp(err.message, "db_path_template \"", 18));
    }
    static const char *const good[] = {NULL,           "db={db_id:05d}",     "{db_id}",
                                       "{db_id:020d}", "a/{db_id:01d}/b..c", "{db_id}-{db_id:03d}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_OK(shardy__check_db_path_template(good[i], &err), err);
    }
}

static void check_path(const char *path_template, uint32_t db_id, uint32_t attempt,
                       const char *expected) {
    shardy_error err = SHARDY_ERROR_INIT;
    char *path = NULL;
    CHECK_OK(shardy__shard_path("shards", "R", path_template, db_id, attempt, &path, &err), err);
    CHECK_STR(path, expected);
    shardy__free(path);
}

TEST(shard_paths) {
    check_path("db={db_id:05d}", 3, 0, "shards/run_id=R/db=00003/attempt=00");
    check_path("db={db_id:05d}", 123456, 101, "shards/run_id=R/db=123456/attempt=101");
    check_path("{db_id}", 0, 7, "shards/run_id=R/0/attempt=07");
    check_path("{db_id}/x-{db_id:03d}", 4294967295u, 99,
               "shards/run_id=R/4294967295/x-4294967295/attempt=99");
    check_path("{db_id:020d}", 5, 0, "shards/run_id=R/00000000000000000005/attempt=00");
}

TEST(references_move_with_the_prefix) {
    static const struct {
        const char *ref, *recorded, *expected;
    } good[] = {{"s3://b/p/shards/x", "s3://b/p", "shards/x"},
                {"s3://b/p/shards/x", "s3://b/p/", "shards/x"},
                {"s3://b/p/shards/x", "s3://b/p//", "shards/x"},
                {"memory://m/a", "memory://m", "a"},
                {"s3://b/p/manifests/t_run_id=r/manifest", NULL, "manifests/t_run_id=r/manifest"},
                {"file:///manifests/a/manifests/t/manifest", NULL, "manifests/t/manifest"},
                {"mem://manifests/run_id=r/manifest", NULL, "manifests/run_id=r/manifest"},
                {"s3://b/p/manifests/x", "s3://b", "p/manifests/x"}};
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *out = NULL;
        CHECK_OK(shardy__relative_ref(good[i].ref, good[i].recorded, &out, &err), err);
        CHECK_STR(out, good[i].expected);
        shardy__free(out);
    }
    static const struct {
        const char *ref, *recorded, *message;
    } bad[] = {{"s3://b/q/x", "s3://b/p", "\"s3://b/q/x\" is not below the snapshot's prefix"},
               {"s3://b/pq/x", "s3://b/p", "is not below"},
               {"s3://b/p", "s3://b/p", "is not below"},
               {"x", "", "is not below"},
               {"/x", "/", "is not below"},
               {"s3://b/p/", "s3://b/p", "segment"},
               {"s3://b/p//x", "s3://b/p", "segment"},
               {"s3://b/p/x/../../y", "s3://b/p", "segment"},
               {"s3://b/p/./x", "s3://b/p", "segment"},
               {"s3://b/p/x\n", "s3://b/p", "control"},
               {"s3://b/p/manifest", NULL, "has no \"/manifests/\""},
               {"s3://b/p/manifests/../x", NULL, "segment"},
               {"s3://b/p/manifests/", NULL, "segment"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *out = (char *)"unset";
        CHECK_FAILS(shardy__relative_ref(bad[i].ref, bad[i].recorded, &out, &err),
                    SHARDY_E_UNSUPPORTED);
        CHECK_CONTAINS(err.message, bad[i].message);
        CHECK(!out);
    }
}

TEST(plain_paths) {
    static const char *const good[] = {"a", "a/b", "...", "a/.b", "a..b/c", "x y/\xc3\xa9"};
    static const char *const bad[] = {"",   "/",    "/a",    "a/",   "a//b", ".",
                                      "..", "a/..", "a/./b", "a\tb", "a\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(shardy__plain_path(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!shardy__plain_path(bad[i]));
}

TEST(times) {
    CHECK(shardy__is_time("2026-01-02T03:04:05.678900Z"));
    CHECK(shardy__is_time("2026-01-02T03:04:05+00:00"));
    CHECK(!shardy__is_time("2026-01-02 03:04:05"));
    CHECK(!shardy__is_time("2026-01-02T03:04"));
    CHECK(!shardy__is_time(""));
}

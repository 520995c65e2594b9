/* test_store.c: one suite over every kind of store, then what is particular to files. */
#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "store/store.h"
#include "test.h"
#include "xxhash.h"

static shardy_error err = SHARDY_ERROR_INIT;

static void put(shardy__dir *dir, const char *name, const char *text) {
    shardy__sink *sink;
    CHECK_OK(shardy__dir_create(dir, name, &sink, &err), err);
    CHECK_OK(shardy__sink_append(sink, text, strlen(text), &err), err);
    CHECK_OK(shardy__sink_commit(sink, &err), err);
    shardy__sink_close(sink);
}

static void expect(shardy__dir *dir, const char *name, const char *text) {
    shardy__buf b = {0};
    CHECK_OK(shardy__dir_read(dir, name, 1000, &b, &err), err);
    CHECK_STR(shardy__buf_text(&b), text);
    shardy__buf_free(&b);
}

static shardy_status collect(void *ctx, const char *name, uint64_t size, shardy_error *e) {
    (void)e;
    shardy__buf_printf(ctx, "%s=%llu ", name, (unsigned long long)size);
    return SHARDY_OK;
}

static void expect_list(shardy__dir *dir, const char *prefix, const char *expected) {
    shardy__buf b = {0};
    CHECK_OK(shardy__dir_list(dir, prefix, collect, &b, &err), err);
    CHECK_STR(shardy__buf_text(&b), expected);
    shardy__buf_free(&b);
}

static void suite(const char *url) {
    shardy__dir *dir, *sub;
    shardy__source *src;
    shardy__sink *sink;
    shardy__pin pin;
    CHECK_OK(shardy__store_open(url, &dir, &err), err);
    expect_list(dir, "", "");
    CHECK_OK(shardy__store_check_writable(dir, &err), err);
    put(dir, "b/two", "22");
    put(dir, "a", "1");
    put(dir, "b/c/three", "");
    put(dir, "bb", "4444");
    expect_list(dir, "", "a=1 b/c/three=0 b/two=2 bb=4 ");
    expect_list(dir, "b/", "b/c/three=0 b/two=2 ");
    expect_list(dir, "nothing/", "");
    expect(dir, "b/c/three", "");

    /* never overwritten, invisible until committed, gone when dropped */
    CHECK_FAILS(shardy__dir_create(dir, "a", &sink, &err), SHARDY_E_EXISTS);
    CHECK_OK(shardy__dir_create(dir, "new/x", &sink, &err), err);
    CHECK_OK(shardy__sink_append(sink, "abc", 3, &err), err);
    CHECK_FAILS(shardy__dir_open(dir, "new/x", 0, &src, &err), SHARDY_E_NOT_FOUND);
    CHECK_CONTAINS(err.message, "new/x");
    expect_list(dir, "new/", "");
    shardy__sink_close(sink);
    CHECK_FAILS(shardy__dir_open(dir, "new/x", 0, &src, &err), SHARDY_E_NOT_FOUND);

    /* two writers of one name: the second commit loses */
    shardy__sink *other;
    CHECK_OK(shardy__dir_create(dir, "race", &sink, &err), err);
    CHECK_OK(shardy__dir_create(dir, "race", &other, &err), err);
    CHECK_OK(shardy__sink_commit(other, &err), err);
    CHECK_FAILS(shardy__sink_commit(sink, &err), SHARDY_E_EXISTS);
    shardy__sink_close(sink);
    shardy__sink_close(other);

    /* replace keeps old readers whole */
    CHECK_OK(shardy__dir_replace(dir, "cur", "old", 3, &err), err);
    CHECK_OK(shardy__dir_open(dir, "cur", SHARDY__OPEN_MAP, &src, &err), err);
    CHECK_OK(shardy__dir_replace(dir, "cur", "newer", 5, &err), err);
    CHECK_MEM(src->map, src->size, "old", 3);
    shardy__source_close(src);
    expect(dir, "cur", "newer");

    /* ranges */
    CHECK_OK(shardy__dir_open(dir, "bb", 0, &src, &err), err);
    CHECK_OK(shardy__source_read(src, 1, 3, &pin, &err), err);
    CHECK_MEM(pin.data, pin.len, "444", 3);
    shardy__pin_release(&pin);
    CHECK_FAILS(shardy__source_read(src, 2, 3, &pin, &err), SHARDY_E_CORRUPT);
    CHECK_FAILS(shardy__source_read(src, UINT64_MAX, 2, &pin, &err), SHARDY_E_CORRUPT);
    shardy__source_close(src);
    shardy__buf b = {0};
    CHECK_FAILS(shardy__dir_read(dir, "bb", 3, &b, &err), SHARDY_E_LIMIT);
    shardy__buf_free(&b);

    /* names from stored bytes must not leave the directory */
    static const char *const bad[] = {"", "/a", "a/", "../a", "b/../a", "b//two", ".", "b/./two"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(shardy__dir_open(dir, bad[i], 0, &src, &err), SHARDY_E_CORRUPT);
    }

    CHECK_OK(shardy__dir_sub(dir, "b", &sub, &err), err);
    expect(sub, "two", "22");
    expect_list(sub, "c/", "c/three=0 ");
    uint64_t removed;
    CHECK_OK(shardy__dir_remove_tree(sub, "c/", &removed, &err), err);
    CHECK_INT(removed, 1);
    CHECK_OK(shardy__dir_remove_tree(sub, "c/", &removed, &err), err);
    CHECK_INT(removed, 0);
    shardy__dir_close(sub);
    expect_list(dir, "b/", "b/two=2 ");
    CHECK_OK(shardy__dir_remove_tree(dir, "", &removed, &err), err);
    CHECK_INT(removed, 5);
    shardy__dir_close(dir);
}

TEST(memory_store) { suite("memory://suite/sub"); }

TEST(file_store) {
    char url[200];
    snprintf(url, sizeof url, "file://%s/x/y", test_tmpdir());
    suite(url);
    snprintf(url, sizeof url, "%s/plain", test_tmpdir());
    suite(url);
}

TEST(urls) {
    static const struct {
        const char *in, *out;
    } good[] = {{"/a/b/", "file:///a/b"},
                {"file:///a//b/../c/.", "file:///a/c"},
                {"file://localhost/a", "file:///a"},
                {"memory://m/", "memory://m"},
                {"memory://m/p", "memory://m/p"},
                {"/a b#c?d%20", "file:///a b#c?d%20"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *out;
        CHECK_OK(shardy__url_normalise(good[i].in, &out, &err), err);
        CHECK_STR(out, good[i].out);
        shardy__free(out);
    }
    char *out, cwd[1000], expected[1200];
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    snprintf(expected, sizeof expected, "file://%s/rel", cwd);
    CHECK_OK(shardy__url_normalise("./rel", &out, &err), err);
    CHECK_STR(out, expected);
    shardy__free(out);
    static const char *const config[] = {
        "", "/", "file://", "file://host/a", "memory://", "memory://a/../b", "memory://a/./b"};
    for (size_t i = 0; i < sizeof config / sizeof *config; i++) {
        CHECK_FAILS(shardy__url_normalise(config[i], &out, &err), SHARDY_E_CONFIG);
    }
    CHECK_FAILS(shardy__url_normalise("s3://bucket/p", &out, &err), SHARDY_E_UNSUPPORTED);
    CHECK_CONTAINS(err.message, "\"s3\"");
}

static size_t count_entries(const char *path) {
    DIR *d = opendir(path);
    size_t n = 0;
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n - 2;
}

TEST(files_leave_nothing_behind) {
    shardy__dir *dir;
    char url[200];
    snprintf(url, sizeof url, "%s/deep/er", test_tmpdir());
    CHECK_OK(shardy__store_open(url, &dir, &err), err);
    CHECK_OK(shardy__store_check_writable(dir, &err), err);
    CHECK_INT(count_entries(test_tmpdir()), 0);
    shardy__dir_close(dir);
}

TEST(prefix_that_is_a_file) {
    shardy__dir *dir;
    char url[200];
    snprintf(url, sizeof url, "%s/file", test_tmpdir());
    FILE *f = fopen(url, "w");
    CHECK(f != NULL);
    fclose(f);
    CHECK_OK(shardy__store_open(url, &dir, &err), err);
    CHECK_FAILS(shardy__store_check_writable(dir, &err), SHARDY_E_IO);
    CHECK_CONTAINS(err.message, "/file: cannot write there: Not a directory");
    CHECK_FAILS(shardy__store_check_writable(dir, NULL), SHARDY_E_IO);
    shardy__dir_close(dir);
}

TEST(full_disk) {
    shardy__dir *dir;
    shardy__sink *sink;
    char path[200];
    snprintf(path, sizeof path, "%s/small", test_tmpdir());
    CHECK(!mkdir(path, 0777));
    if (mount("tmpfs", path, "tmpfs", 0, "size=1m")) test_skip("cannot mount a tmpfs here");
    CHECK_OK(shardy__store_open(path, &dir, &err), err);
    CHECK_OK(shardy__dir_create(dir, "big", &sink, &err), err);
    static char block[1 << 16];
    shardy_status rc = SHARDY_OK;
    for (int i = 0; i < 100 && !rc; i++) rc = shardy__sink_append(sink, block, sizeof block, &err);
    shardy__sink_close(sink);
    shardy__dir_close(dir);
    size_t left = count_entries(path);
    umount(path);
    CHECK_INT(rc, SHARDY_E_IO);
    CHECK_CONTAINS(err.message, "No space left");
    CHECK_INT(left, 0);
}

static bool count_bytes(void *ctx, uint64_t bytes) {
    *(uint64_t *)ctx += bytes;
    return *(uint64_t *)ctx < 100;
}

TEST(recorder) {
    shardy__dir *inner, *sub;
    shardy__recorder *rec;
    shardy__object *objects;
    shardy__sink *sink;
    size_t n;
    uint64_t bytes = 0;
    CHECK_OK(shardy__store_open("memory://rec", &inner, &err), err);
    CHECK_OK(shardy__recorder_open(inner, count_bytes, &bytes, &rec, &err), err);
    shardy__dir *dir = shardy__recorder_dir(rec);
    CHECK_OK(shardy__dir_sub(dir, "vector/t.lance", &sub, &err), err);
    put(sub, "data/x", "hello");
    put(dir, "manifest", "m");
    expect(dir, "vector/t.lance/data/x", "hello");
    CHECK_INT(bytes, 6);
    shardy__recorder_take(rec, &objects, &n);
    CHECK_INT(n, 2);
    CHECK_STR(objects[0].name, "manifest");
    CHECK_STR(objects[1].name, "vector/t.lance/data/x");
    CHECK_INT(objects[1].size, 5);
    CHECK_HEX(objects[1].xxh3, XXH3_64bits("hello", 5));
    shardy__objects_free(objects, n);
    /* cancelled in the middle */
    char block[200] = {0};
    CHECK_OK(shardy__dir_create(dir, "z", &sink, &err), err);
    CHECK_FAILS(shardy__sink_append(sink, block, sizeof block, &err), SHARDY_E_CANCELLED);
    shardy__sink_close(sink);
    shardy__dir_close(sub);
    shardy__recorder_close(rec);
    CHECK_OK(shardy__dir_remove_tree(inner, "", NULL, &err), err);
    shardy__dir_close(inner);
}

#ifdef SHARDY_FAULTS
/* Write, list, read and remove; any failure is passed on. */
static shardy_status tour(const char *url) {
    shardy__dir *dir = NULL;
    shardy__recorder *rec = NULL;
    shardy__sink *sink = NULL;
    shardy__buf text = {0}, names = {0};
    shardy_status rc = shardy__store_open(url, &dir, &err);
    if (!rc) rc = shardy__recorder_open(dir, NULL, NULL, &rec, &err);
    if (!rc) rc = shardy__dir_create(shardy__recorder_dir(rec), "d/x", &sink, &err);
    if (!rc) rc = shardy__sink_append(sink, "abc", 3, &err);
    if (!rc) rc = shardy__sink_commit(sink, &err);
    if (!rc) rc = shardy__dir_replace(dir, "cur", "1", 1, &err);
    if (!rc) rc = shardy__dir_read(dir, "d/x", 10, &text, &err);
    if (!rc) rc = shardy__dir_list(dir, "", collect, &names, &err);
    shardy__sink_close(sink);
    shardy__recorder_close(rec);
    shardy_status gone = dir ? shardy__dir_remove_tree(dir, "", NULL, &err) : SHARDY_OK;
    shardy__dir_close(dir);
    shardy__buf_free(&text);
    bool list_failed = names.failed;
    shardy__buf_free(&names);
    return rc ? rc : gone ? gone : list_failed ? SHARDY_E_NO_MEMORY : SHARDY_OK;
}
#endif

TEST(every_fault) {
#ifdef SHARDY_FAULTS
    char file[200];
    snprintf(file, sizeof file, "%s/faults", test_tmpdir());
    const char *const urls[] = {"memory://faults", file};
    for (int u = 0; u < 2; u++) {
        for (int kind = 0; kind < SHARDY__FAULT_KINDS; kind++) {
            int64_t nth = 1;
            for (;; nth++) {
                shardy__fault_arm(kind, nth);
                shardy_status rc = tour(urls[u]);
                int64_t seen = shardy__fault_count(kind);
                shardy__fault_arm(kind, 0);
                if (seen < nth) {
                    CHECK_INT(rc, SHARDY_OK);
                    break;
                }
                CHECK(rc == (kind == SHARDY__FAULT_ALLOC ? SHARDY_E_NO_MEMORY : SHARDY_E_IO));
                shardy__dir *dir;
                CHECK_OK(shardy__store_open(urls[u], &dir, &err), err);
                CHECK_OK(shardy__dir_remove_tree(dir, "", NULL, &err), err);
                shardy__dir_close(dir);
            }
            CHECK(nth > 5);
        }
    }
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

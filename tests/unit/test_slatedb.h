/* test_slatedb.h: rows in memory, and writing and reading them as a database. */
#ifndef SHARDY_TEST_SLATEDB_H
#define SHARDY_TEST_SLATEDB_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/io.h"
#include "slatedb/slatedb.h"
#include "store/store.h"
#include "test.h"

#define GOLDEN_ULID_HIGH 0x01563e3ab5d3d676u
#define GOLDEN_ULID_LOW 0x4c61efb99302bd5bu
#define GOLDEN_SST(letter) "compacted/01ARZ3NDEKTSV4RRFFQ69G5FA" letter ".sst"
#define MANIFEST "manifest/00000000000000000001.manifest"

static const uint8_t golden_checkpoint[16] = {0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44,
                                              0x85, 0x55, 0x66, 0x66, 0x77, 0x77, 0x88, 0x88};

/* Ascending rows; keys and values lie in `bytes`. */
typedef struct rows {
    shardy__buf bytes;
    struct row {
        size_t key, key_len, value, value_len;
    } *row;
    size_t n, cap;
} rows;

static inline void rows_add(rows *r, const void *key, size_t key_len, const void *value,
                            size_t value_len) {
    CHECK(!shardy__grow(&r->row, &r->cap, r->n + 1, sizeof *r->row));
    r->row[r->n++] = (struct row){r->bytes.len, key_len, r->bytes.len + key_len, value_len};
    shardy__buf_put(&r->bytes, key, key_len);
    shardy__buf_put(&r->bytes, value, value_len);
    CHECK(!r->bytes.failed);
}

static inline shardy_slice rows_key(const rows *r, size_t i) {
    return (shardy_slice){r->bytes.data + r->row[i].key, r->row[i].key_len};
}

static inline shardy_slice rows_value(const rows *r, size_t i) {
    return (shardy_slice){r->bytes.data + r->row[i].value, r->row[i].value_len};
}

static inline void rows_free(rows *r) {
    shardy__buf_free(&r->bytes);
    shardy__free(r->row);
    memset(r, 0, sizeof *r);
}

static const rows *rows_sorted;
static inline int rows_compare(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    const uint8_t *data = rows_sorted->bytes.data;
    return shardy__slice_cmp(data + x->key, x->key_len, data + y->key, y->key_len);
}

/* Sort by key and drop equal keys. */
static inline void rows_sort(rows *r) {
    rows_sorted = r;
    if (r->n) qsort(r->row, r->n, sizeof *r->row, rows_compare);
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (!kept || rows_compare(&r->row[kept - 1], &r->row[i])) r->row[kept++] = r->row[i];
    }
    r->n = kept;
}

static inline size_t rows_find(const rows *r, shardy_slice key) {
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        shardy_slice k = rows_key(r, mid);
        int c = shardy__slice_cmp(k.data, k.len, key.data, key.len);
        if (!c) return mid;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return r->n;
}

/* "key%06d" -> "value-%d-xxx" */
static inline rows rows_numbered(size_t n) {
    rows r = {0};
    for (size_t i = 0; i < n; i++) {
        char key[32], value[100];
        int k = snprintf(key, sizeof key, "key%06zu", 7 * i);
        int v = snprintf(value, sizeof value, "value-%zu-%.*s", i, (int)(i % 50),
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        rows_add(&r, key, (size_t)k, value, i % 11 ? (size_t)v : 0);
    }
    return r;
}

static inline shardy__dir *open_dir(const char *url) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = NULL;
    CHECK_OK(shardy__store_open(url, &dir, &err), err);
    return dir;
}

static inline shardy_status try_write(shardy__dir *dir, const shardy__slatedb_options *options,
                                      const rows *r, shardy__slatedb_stats *stats,
                                      shardy_error *err) {
    shardy__slatedb_writer *w = NULL;
    shardy_status rc = shardy__slatedb_writer_open(dir, options, &w, err);
    for (size_t i = 0; i < r->n && !rc; i++) {
        rc = shardy__slatedb_writer_add(w, rows_key(r, i), rows_value(r, i), err);
    }
    if (!rc) rc = shardy__slatedb_writer_finish(w, stats, err);
    shardy__slatedb_writer_close(w);
    return rc;
}

static inline shardy__slatedb_stats write_db(shardy__dir *dir,
                                             const shardy__slatedb_options *options,
                                             const rows *r) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_stats stats;
    CHECK_OK(try_write(dir, options, r, &stats, &err), err);
    CHECK_INT(stats.rows, r->n);
    return stats;
}

static inline shardy__slatedb *open_db(shardy__dir *dir) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb *db = NULL;
    CHECK_OK(shardy__slatedb_open(dir, NULL, &db, &err), err);
    return db;
}

/* The key has the value that the rows say, or is absent if they do not have it. */
static inline void check_get(shardy__slatedb *db, const rows *r, shardy_slice key) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_value got;
    CHECK_OK(shardy__slatedb_get(db, key, &got, &err), err);
    size_t i = rows_find(r, key);
    if (i == r->n) {
        CHECK(!got.value.data);
        CHECK(!got.pin.release);
        return;
    }
    shardy_slice value = rows_value(r, i);
    CHECK(got.value.data);
    CHECK_INT(got.value.len, value.len);
    CHECK(!memcmp(got.value.data, value.data, value.len));
    shardy__pin_release(&got.pin);
}

/* The key itself and keys near it: longer, shorter, the last byte one up and one down. */
static inline void check_neighbours(shardy__slatedb *db, const rows *r, shardy_slice key) {
    shardy__buf b = {0};
    shardy__buf_put(&b, key.data, key.len);
    shardy__buf_u8(&b, 0);
    CHECK(!b.failed);
    check_get(db, r, key);
    check_get(db, r, (shardy_slice){b.data, key.len + 1});
    check_get(db, r, (shardy_slice){b.data, key.len - 1});
    b.data[key.len - 1]++;
    check_get(db, r, (shardy_slice){b.data, key.len});
    b.data[key.len - 1] = (uint8_t)(b.data[key.len - 1] - 2);
    check_get(db, r, (shardy_slice){b.data, key.len});
    shardy__buf_free(&b);
}

/* Rows [from, to) come out between the bounds. */
static inline void check_range(shardy__slatedb *db, const rows *r, shardy_slice start,
                               shardy_slice end, size_t from, size_t to) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_iter *it = NULL;
    shardy_slice key, value;
    CHECK_OK(shardy__slatedb_iter_open(db, start, end, &it, &err), err);
    for (size_t i = from; i < to; i++) {
        CHECK_OK(shardy__slatedb_iter_next(it, &key, &value, &err), err);
        CHECK(key.data);
        shardy_slice k = rows_key(r, i), v = rows_value(r, i);
        CHECK(key.len == k.len && !memcmp(key.data, k.data, k.len));
        CHECK(value.data && value.len == v.len && !memcmp(value.data, v.data, v.len));
    }
    for (int again = 0; again < 2; again++) {
        CHECK_OK(shardy__slatedb_iter_next(it, &key, &value, &err), err);
        CHECK(!key.data);
    }
    shardy__slatedb_iter_close(it);
}

static inline void check_all_rows(shardy__slatedb *db, const rows *r) {
    check_range(db, r, (shardy_slice){0}, (shardy_slice){0}, 0, r->n);
}

static inline void check_verifies(shardy__slatedb *db, const rows *r) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_stats stats;
    CHECK_OK(shardy__slatedb_verify(db, NULL, &stats, &err), err);
    CHECK_INT(stats.rows, r->n);
    CHECK_INT(stats.ssts, shardy__slatedb_ssts(db));
}

/* Write the rows below `url`, then read everything in every way. */
static inline shardy__slatedb_stats round_trip(const char *url,
                                               const shardy__slatedb_options *options,
                                               const rows *r) {
    shardy__dir *dir = open_dir(url);
    shardy__slatedb_stats stats = write_db(dir, options, r);
    shardy__slatedb *db = open_db(dir);
    CHECK_INT(shardy__slatedb_ssts(db), stats.ssts);
    for (size_t i = 0; i < r->n; i++) check_neighbours(db, r, rows_key(r, i));
    check_get(db, r, (shardy_slice){"", 0});
    check_get(db, r, (shardy_slice){"\xff\xff\xff", 3});
    check_all_rows(db, r);
    check_verifies(db, r);
    for (size_t i = 0; i < r->n; i++) check_get(db, r, rows_key(r, i));
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    return stats;
}

static inline shardy__buf read_object(shardy__dir *dir, const char *name) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf b = {0};
    CHECK_OK(shardy__dir_read(dir, name, UINT64_MAX, &b, &err), err);
    return b;
}

static inline void put_object(shardy__dir *dir, const char *name, const void *data, size_t len) {
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__dir_replace(dir, name, data, len, &err), err);
}

/* ---- a directory whose sources are mapped, as files are, over one whose are not ---- */

typedef struct mapped_dir {
    shardy__dir base;
    shardy__dir *inner; /* borrowed */
} mapped_dir;

static inline shardy_status mapped_open(shardy__dir *dir, const char *name, unsigned flags,
                                        shardy__source **out, shardy_error *err) {
    shardy__dir *inner = ((mapped_dir *)(void *)dir)->inner;
    return inner->ops->open(inner, name, flags | SHARDY__OPEN_MAP, out, err);
}

static inline shardy_status mapped_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                          shardy_error *err) {
    shardy__dir *inner = ((mapped_dir *)(void *)dir)->inner;
    return inner->ops->create(inner, name, out, err);
}

static inline shardy_status mapped_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn,
                                        void *ctx, shardy_error *err) {
    shardy__dir *inner = ((mapped_dir *)(void *)dir)->inner;
    return inner->ops->list(inner, prefix, fn, ctx, err);
}

static const shardy__dir_ops mapped_ops = {
    .open = mapped_open, .create = mapped_create, .list = mapped_list};

static inline mapped_dir mapped(shardy__dir *inner) {
    return (mapped_dir){{&mapped_ops, inner->url}, inner};
}

#endif

/* test_slatedb_roundtrip.c: databases of many shapes, written and read in every way, from mapped
 * files and from sources that copy. */
#include <pthread.h>

#include "test_slatedb.h"

static const char *url(void) {
    static char text[200];
    static unsigned n;
    if (n % 2) {
        snprintf(text, sizeof text, "%s/db%u", test_tmpdir(), n++);
    } else {
        snprintf(text, sizeof text, "memory://roundtrip/db%u", n++);
    }
    return text;
}

/* Both kinds of store, with and without compression. */
static shardy__slatedb_stats round_trip_all(shardy__slatedb_options options, const rows *r) {
    shardy__slatedb_stats stats = {0};
    for (int zstd = 1; zstd >= 0; zstd--) {
        options.compression = zstd ? SHARDY_COMPRESSION_ZSTD : SHARDY_COMPRESSION_NONE;
        round_trip(url(), &options, r);
        stats = round_trip(url(), &options, r);
    }
    shardy__memory_drop("roundtrip");
    return stats;
}

TEST_TIMEOUT(block_sizes, 300) {
    static const uint32_t sizes[] = {64, 100, 1024, 4096, 16384, 65536};
    rows r = rows_numbered(1500);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        round_trip_all((shardy__slatedb_options){.block_size = sizes[i]}, &r);
        round_trip_all((shardy__slatedb_options){.block_size = sizes[i], .sst_bytes = 3000}, &r);
    }
    rows_free(&r);
}

TEST_TIMEOUT(filters, 300) {
    static const uint32_t bits[] = {1, 2, 4, 10, 20, 32};
    rows r = rows_numbered(1000);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        round_trip_all((shardy__slatedb_options){.bloom_bits = bits[i], .sst_bytes = 16384}, &r);
    }
    round_trip_all((shardy__slatedb_options){.no_bloom = true, .sst_bytes = 16384}, &r);
    rows_free(&r);
}

TEST(few_rows) {
    for (size_t n = 0; n < 40; n += n < 3 || n == 16 ? 1 : 13) {
        rows r = rows_numbered(n);
        round_trip_all((shardy__slatedb_options){0}, &r);
        round_trip_all((shardy__slatedb_options){.block_size = 64}, &r);
        rows_free(&r);
    }
}

TEST(many_ssts) {
    rows r = rows_numbered(700);
    shardy__slatedb_stats stats =
        round_trip_all((shardy__slatedb_options){.block_size = 64, .sst_bytes = 1}, &r);
    CHECK_INT(stats.ssts, 700);
    rows_free(&r);
}

TEST(sequence_numbers) {
    rows r = rows_numbered(100);
    round_trip_all((shardy__slatedb_options){.seq = 123456789012}, &r);
    round_trip_all((shardy__slatedb_options){.seq = UINT64_MAX}, &r);
    rows_free(&r);
}

/* ---- keys ---- */

TEST(keys_of_one_byte) {
    rows r = {0};
    for (unsigned i = 0; i < 256; i++) {
        uint8_t key = (uint8_t)i;
        rows_add(&r, &key, 1, &key, 1);
    }
    round_trip_all((shardy__slatedb_options){.block_size = 128}, &r);
    round_trip_all((shardy__slatedb_options){.block_size = 64, .sst_bytes = 60}, &r);
    rows_free(&r);
}

TEST(keys_random) {
    rows r = {0};
    shardy__rng rng;
    shardy__rng_seed(&rng, 7);
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t key[40], value[60];
        size_t len = 1 + shardy__rng_below(&rng, 40), value_len = shardy__rng_below(&rng, 60);
        /* Few letters, so that keys share prefixes and extend each other. */
        for (size_t k = 0; k < len; k++) key[k] = (uint8_t)(0xff * shardy__rng_below(&rng, 2));
        for (size_t k = 0; k < value_len; k++) value[k] = (uint8_t)shardy__rng_next(&rng);
        if (i % 2) {
            for (size_t k = 0; k < len; k++) key[k] = (uint8_t)shardy__rng_next(&rng);
        }
        rows_add(&r, key, len, value, value_len);
    }
    rows_sort(&r);
    round_trip_all((shardy__slatedb_options){.block_size = 512}, &r);
    round_trip_all((shardy__slatedb_options){.block_size = 256, .sst_bytes = 4000}, &r);
    rows_free(&r);
}

/* Each key is the one before and one more byte: 600 deep. */
TEST(keys_that_are_prefixes) {
    static const uint8_t fill[3] = {0, 0xff, 'a'};
    for (size_t f = 0; f < 3; f++) {
        rows r = {0};
        uint8_t key[600];
        memset(key, fill[f], sizeof key);
        for (size_t len = 1; len <= sizeof key; len++) rows_add(&r, key, len, key, len % 7);
        round_trip_all((shardy__slatedb_options){.block_size = 1024}, &r);
        round_trip_all((shardy__slatedb_options){.block_size = 64, .sst_bytes = 2000}, &r);
        rows_free(&r);
    }
}

/* Integers big endian, dense and sparse, and keys that differ far behind their eighth byte. */
TEST(keys_with_long_common_prefix) {
    rows r = {0};
    uint8_t key[320];
    memset(key, 'p', sizeof key);
    for (uint64_t i = 0; i < 1500; i++) {
        shardy__put_be64(key + 300, i * 3);
        rows_add(&r, key, 308, &i, 8);
    }
    round_trip_all((shardy__slatedb_options){0}, &r);
    rows_free(&r);
    for (uint64_t i = 0; i < 1500; i++) {
        shardy__put_be64(key, i * 2 + (i > 700 ? UINT64_C(1) << 63 : 0));
        rows_add(&r, key, 8, &i, i % 9);
    }
    round_trip_all((shardy__slatedb_options){.block_size = 256}, &r);
    rows_free(&r);
    /* Index keys whose eight bytes behind the common prefix are equal. */
    for (unsigned i = 0; i < 600; i++) {
        memset(key, i < 300 ? 'a' : 'b', sizeof key);
        shardy__put_be16(key + 30, (uint16_t)(i * 5));
        rows_add(&r, key, 32, "value of some length", i % 20);
    }
    round_trip_all((shardy__slatedb_options){.block_size = 128}, &r);
    rows_free(&r);
}

TEST(keys_long) {
    rows r = {0};
    uint8_t *key = malloc(65535);
    CHECK(key);
    memset(key, 'k', 65535);
    for (unsigned i = 0; i < 12; i++) {
        key[65534 - 10 * i] = 'l';
        rows_add(&r, key, 65535 - i % 3, "v", 1);
    }
    rows_sort(&r);
    round_trip_all((shardy__slatedb_options){0}, &r);
    round_trip_all((shardy__slatedb_options){.block_size = 64, .sst_bytes = 1}, &r);
    free(key);
    rows_free(&r);
}

/* Every length modulo 8 of first and last keys: the manifest's records are padded to it. */
TEST(keys_of_every_alignment) {
    for (size_t a = 1; a <= 9; a++) {
        for (size_t b = 1; b <= 9; b++) {
            rows r = {0};
            rows_add(&r, "aaaaaaaaa", a, "1", 1);
            rows_add(&r, "bbbbbbbbb", b, "2", 1);
            rows_add(&r, "ccccccccc", a, "3", 1);
            round_trip(url(), &(shardy__slatedb_options){.sst_bytes = 1}, &r);
            round_trip(url(), &(shardy__slatedb_options){.no_checkpoint = a % 2}, &r);
            rows_free(&r);
        }
    }
}

/* ---- values ---- */

TEST_TIMEOUT(values_of_every_size, 300) {
    static const size_t sizes[] = {0,     1,     100,   127,      128,     4000,    4096,   16383,
                                   16384, 65535, 65536, 70 << 10, 1048575, 1048576, 5 << 20};
    rows r = {0};
    size_t n = sizeof sizes / sizeof *sizes;
    uint8_t *value = malloc((5 << 20) + 64);
    CHECK(value);
    shardy__rng rng;
    shardy__rng_seed(&rng, 3);
    for (size_t i = 0; i < (5 << 20) + 64; i++) value[i] = (uint8_t)shardy__rng_next(&rng);
    for (size_t i = 0; i < 3 * n; i++) {
        uint8_t key[2] = {(uint8_t)(i * 5), 'k'};
        rows_add(&r, key, 2, value + i, sizes[i % n] - (sizes[i % n] > i ? i : 0) + i / n);
    }
    free(value);
    round_trip_all((shardy__slatedb_options){0}, &r);
    round_trip_all((shardy__slatedb_options){.block_size = 65536, .sst_bytes = 100000}, &r);
    rows_free(&r);
}

TEST_TIMEOUT(rows_by_the_hundred_thousand, 300) {
    rows r = {0};
    for (uint64_t i = 0; i < 100000; i++) {
        uint8_t key[16] = {0}, value[20];
        shardy__put_be64(key + 8, i);
        memset(value, (int)i, sizeof value);
        rows_add(&r, key, 16, value, i % 20);
    }
    shardy__dir *dir = open_dir(url());
    shardy__slatedb_stats stats =
        write_db(dir, &(shardy__slatedb_options){.block_size = 64, .bloom_bits = 8}, &r);
    CHECK(stats.blocks >= 50000);
    shardy__slatedb *db = open_db(dir);
    for (size_t i = 0; i < r.n; i += 7) check_neighbours(db, &r, rows_key(&r, i));
    check_all_rows(db, &r);
    check_verifies(db, &r);
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    shardy__memory_drop("roundtrip");
    rows_free(&r);
}

/* ---- ranges ---- */

static void check_ranges(const char *where, const shardy__slatedb_options *options) {
    rows r = rows_numbered(600);
    shardy__dir *dir = open_dir(where);
    write_db(dir, options, &r);
    shardy__slatedb *db = open_db(dir);
    shardy_slice open = {0};
    for (size_t i = 0; i < r.n; i += 23) {
        for (size_t j = i; j <= r.n; j += 31) {
            /* Bounds that are keys, and bounds between keys. */
            shardy_slice from = rows_key(&r, i), to = j < r.n ? rows_key(&r, j) : open;
            check_range(db, &r, from, to, i, j);
            char low[20], high[20];
            int l = snprintf(low, sizeof low, "key%06zu!", 7 * i);
            int h = snprintf(high, sizeof high, "key%06zu!", 7 * j);
            if (i < j) {
                check_range(db, &r, (shardy_slice){low, (size_t)l}, (shardy_slice){high, (size_t)h},
                            i + 1, j < r.n ? j + 1 : r.n);
            }
        }
        check_range(db, &r, open, rows_key(&r, i), 0, i);
        check_range(db, &r, rows_key(&r, i), rows_key(&r, 0), 0, 0);
    }
    check_range(db, &r, (shardy_slice){"", 0}, open, 0, r.n);
    check_range(db, &r, open, (shardy_slice){"", 0}, 0, 0);
    check_range(db, &r, (shardy_slice){"a", 1}, (shardy_slice){"z", 1}, 0, r.n);
    check_range(db, &r, (shardy_slice){"z", 1}, open, 0, 0);
    check_range(db, &r, open, (shardy_slice){"a", 1}, 0, 0);
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    rows_free(&r);
}

TEST_TIMEOUT(ranges, 300) {
    check_ranges(url(), &(shardy__slatedb_options){.block_size = 256});
    check_ranges(url(), &(shardy__slatedb_options){.block_size = 256});
    check_ranges(url(), &(shardy__slatedb_options){.block_size = 256, .sst_bytes = 2000});
    check_ranges(url(), &(shardy__slatedb_options){.block_size = 256, .sst_bytes = 2000});
    check_ranges(url(), &(shardy__slatedb_options){.compression = SHARDY_COMPRESSION_ZSTD,
                                                   .sst_bytes = 2000});
    shardy__memory_drop("roundtrip");
}

/* ---- several threads ---- */

struct reader {
    shardy__slatedb *db;
    const rows *r;
    unsigned seed;
};

static void *read_all(void *arg) {
    const struct reader *reader = arg;
    for (size_t i = 0; i < reader->r->n; i++) {
        size_t at = (i * 7919 + reader->seed * 1000) % reader->r->n;
        check_get(reader->db, reader->r, rows_key(reader->r, at));
    }
    check_all_rows(reader->db, reader->r);
    return NULL;
}

static void check_threads(const char *where, const shardy__slatedb_options *options) {
    enum { THREADS = 4 };
    rows r = rows_numbered(4000);
    shardy__dir *dir = open_dir(where);
    write_db(dir, options, &r);
    shardy__slatedb *db = open_db(dir);
    pthread_t ids[THREADS];
    struct reader readers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){db, &r, i};
        CHECK(!pthread_create(&ids[i], NULL, read_all, &readers[i]));
    }
    for (unsigned i = 0; i < THREADS; i++) CHECK(!pthread_join(ids[i], NULL));
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    rows_free(&r);
}

TEST_TIMEOUT(threads, 300) {
    check_threads(url(), &(shardy__slatedb_options){.sst_bytes = 10000});
    check_threads(url(), &(shardy__slatedb_options){.sst_bytes = 10000});
    check_threads(url(), &(shardy__slatedb_options){.compression = SHARDY_COMPRESSION_ZSTD});
    check_threads(url(), &(shardy__slatedb_options){.compression = SHARDY_COMPRESSION_ZSTD});
    shardy__memory_drop("roundtrip");
}

/* ---- what the writer refuses, and what it leaves ---- */

TEST(writer_refuses) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_writer *w = NULL;
    shardy__dir *dir = open_dir("memory://roundtrip/refused");
    shardy__slatedb_options bad = {.block_size = 63};
    CHECK_FAILS(shardy__slatedb_writer_open(dir, &bad, &w, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "block size 63 is not between 64 and 65536");
    bad = (shardy__slatedb_options){.bloom_bits = 33};
    CHECK_FAILS(shardy__slatedb_writer_open(dir, &bad, &w, &err), SHARDY_E_CONFIG);
    bad = (shardy__slatedb_options){.compression = (shardy_compression)1};
    CHECK_FAILS(shardy__slatedb_writer_open(dir, &bad, &w, &err), SHARDY_E_UNSUPPORTED);
    CHECK(!w);
    shardy__slatedb_options options = {0};
    CHECK_OK(shardy__slatedb_writer_open(dir, &options, &w, &err), err);
    shardy_slice value = {"v", 1};
    CHECK_OK(shardy__slatedb_writer_add(w, (shardy_slice){"b", 1}, value, &err), err);
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"b", 1}, value, &err),
                SHARDY_E_INTERNAL);
    CHECK_CONTAINS(err.message, "key \"b\" does not come after key \"b\"");
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"a\xff", 2}, value, &err),
                SHARDY_E_INTERNAL);
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"", 0}, value, &err), SHARDY_E_LIMIT);
    shardy_slice huge = {"", (size_t)1 << 31}; /* refused before a byte of it is read */
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"c", 1}, huge, &err), SHARDY_E_LIMIT);
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){huge.data, 65536}, value, &err),
                SHARDY_E_LIMIT);
    CHECK_OK(shardy__slatedb_writer_add(w, (shardy_slice){"c", 1}, value, &err), err);
    CHECK_OK(shardy__slatedb_writer_finish(w, NULL, &err), err);
    CHECK_FAILS(shardy__slatedb_writer_finish(w, NULL, &err), SHARDY_E_STATE);
    CHECK_FAILS(shardy__slatedb_writer_add(w, (shardy_slice){"d", 1}, value, &err), SHARDY_E_STATE);
    shardy__slatedb_writer_close(w);
    /* A second database at the same place must not replace the first one's manifest. */
    rows r = rows_numbered(3);
    CHECK_FAILS(try_write(dir, &options, &r, NULL, &err), SHARDY_E_EXISTS);
    CHECK_CONTAINS(err.message, MANIFEST);
    rows_free(&r);
    shardy__memory_drop("roundtrip");
    shardy__dir_close(dir);
}

static shardy_status count(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    (void)name, (void)size, (void)err;
    ++*(int *)ctx;
    return SHARDY_OK;
}

TEST(closing_without_finish_commits_nothing) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_writer *w = NULL;
    shardy__dir *dir = open_dir("memory://roundtrip/unfinished");
    shardy__slatedb_options options = {0};
    CHECK_OK(shardy__slatedb_writer_open(dir, &options, &w, &err), err);
    CHECK_OK(shardy__slatedb_writer_add(w, (shardy_slice){"b", 1}, (shardy_slice){"", 0}, &err),
             err);
    shardy__slatedb_writer_close(w);
    int objects = 0;
    CHECK_OK(shardy__dir_list(dir, "", count, &objects, &err), err);
    CHECK_INT(objects, 0);
    shardy__dir_close(dir);
}

/* ---- finding the manifest ---- */

TEST(newest_manifest_wins) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb *db = NULL;
    shardy__dir *dir = open_dir("memory://roundtrip/newest");
    CHECK_FAILS(shardy__slatedb_open(dir, NULL, &db, &err), SHARDY_E_NOT_FOUND);
    CHECK_CONTAINS(err.message, "memory://roundtrip/newest/manifest/: no manifest");
    rows r = rows_numbered(5), none = {0};
    write_db(dir, &(shardy__slatedb_options){0}, &r);
    shardy__buf manifest = read_object(dir, MANIFEST);
    shardy__dir *other = open_dir("memory://roundtrip/empty");
    write_db(other, &(shardy__slatedb_options){0}, &none);
    shardy__buf empty = read_object(other, MANIFEST);
    put_object(dir, MANIFEST, empty.data, empty.len);
    put_object(dir, "manifest/00000000000000000010.manifest", manifest.data, manifest.len);
    put_object(dir, "manifest/00000000000000000009.manifest", empty.data, empty.len);
    put_object(dir, "manifest/00000000000000000011.manifest.tmp", empty.data, empty.len);
    put_object(dir, "manifest/x.tmp", "", 0);
    put_object(dir, "manifest/12.manifest", "", 0);
    put_object(dir, "manifest/99999999999999999999.manifest", "", 0); /* more than 64 bits */
    db = open_db(dir);
    check_all_rows(db, &r);
    shardy__slatedb_close(db);
    CHECK_OK(shardy__slatedb_open(dir, "manifest/00000000000000000009.manifest", &db, &err), err);
    CHECK_INT(shardy__slatedb_ssts(db), 0);
    check_all_rows(db, &none);
    shardy__slatedb_close(db);
    CHECK_FAILS(shardy__slatedb_open(dir, "manifest/00000000000000000003.manifest", &db, &err),
                SHARDY_E_NOT_FOUND);
    shardy__buf_free(&manifest);
    shardy__buf_free(&empty);
    shardy__dir_close(other);
    shardy__dir_close(dir);
    shardy__memory_drop("roundtrip");
    rows_free(&r);
}

/* ---- the filter ---- */

TEST(filter_keeps_absent_keys_from_blocks) {
    shardy_error err = SHARDY_ERROR_INIT;
    rows r = rows_numbered(1000);
    shardy__dir *dir = open_dir("memory://roundtrip/filter");
    shardy__slatedb_options options = {.ulid_high = GOLDEN_ULID_HIGH, .ulid_low = GOLDEN_ULID_LOW};
    write_db(dir, &options, &r);
    /* With the data blocks spoilt, whoever looks into one gets an error. */
    shardy__buf sst = read_object(dir, GOLDEN_SST("V"));
    memset(sst.data, 0xaa, 1000 * 20);
    put_object(dir, GOLDEN_SST("V"), sst.data, sst.len);
    shardy__slatedb *db = open_db(dir);
    unsigned touched = 0;
    for (unsigned i = 0; i < 7000; i++) {
        char key[20];
        size_t len = (size_t)snprintf(key, sizeof key, "key%06u", i);
        shardy__slatedb_value got;
        shardy_status rc = shardy__slatedb_get(db, (shardy_slice){key, len}, &got, &err);
        shardy__pin_release(&got.pin);
        if (i % 7 == 0) continue;
        CHECK(!got.value.data);
        touched += rc != SHARDY_OK;
    }
    CHECK(touched > 0 && touched < 6000 * 2 / 100);
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    shardy__memory_drop("roundtrip");
    shardy__buf_free(&sst);
    rows_free(&r);
}

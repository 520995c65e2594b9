/* test_slatedb_corrupt.c: spoilt bytes. Whatever is changed or cut, an answer is right or an error,
 * and the check notices. */
#include "base/crc32.h"
#include "test_slatedb.h"

struct object {
    const char *name;
    shardy__buf bytes;
};

/* A small database of three SSTs below memory://corrupt, and the bytes of its objects. */
struct small {
    shardy__dir *dir;
    mapped_dir mapped;
    rows r;
    struct object objects[4];
};

static void open_small(struct small *s, shardy_compression compression) {
    static const char *const names[4] = {MANIFEST, GOLDEN_SST("V"), GOLDEN_SST("W"),
                                         GOLDEN_SST("X")};
    shardy__slatedb_options options = {.block_size = 256,
                                       .sst_bytes = compression ? 700 : 1000,
                                       .compression = compression,
                                       .checkpoint_created = 1,
                                       .ulid_high = GOLDEN_ULID_HIGH,
                                       .ulid_low = GOLDEN_ULID_LOW};
    memcpy(options.checkpoint, golden_checkpoint, 16);
    s->dir = open_dir("memory://corrupt");
    s->mapped = mapped(s->dir);
    s->r = rows_numbered(compression ? 90 : 60);
    CHECK_INT(write_db(s->dir, &options, &s->r).ssts, 3);
    for (size_t i = 0; i < 4; i++) {
        s->objects[i].name = names[i];
        s->objects[i].bytes = read_object(s->dir, names[i]);
    }
}

static void close_small(struct small *s) {
    for (size_t i = 0; i < 4; i++) shardy__buf_free(&s->objects[i].bytes);
    rows_free(&s->r);
    shardy__dir_close(s->dir);
    shardy__memory_drop("corrupt");
}

static bool expected_failure(shardy_status rc, const shardy_error *err) {
    if (rc == SHARDY_OK) return false;
    CHECK(rc == SHARDY_E_CORRUPT || rc == SHARDY_E_UNSUPPORTED || rc == SHARDY_E_NOT_FOUND);
    CHECK_CONTAINS(err->message, "memory://corrupt");
    return true;
}

static unsigned gets(shardy__slatedb *db, const rows *r) {
    unsigned failed = 0;
    for (unsigned i = 0; i < 7 * r->n + 20; i += i % 7 ? 4 : 3) { /* each key, and one behind it */
        shardy_error err = SHARDY_ERROR_INIT;
        shardy__slatedb_value got;
        char text[20];
        int len = snprintf(text, sizeof text, "key%06u", i);
        shardy_slice key = {text, (size_t)len};
        if (expected_failure(shardy__slatedb_get(db, key, &got, &err), &err)) {
            failed++;
            continue;
        }
        size_t at = rows_find(r, key);
        if (at == r->n) {
            CHECK(!got.value.data);
        } else {
            shardy_slice value = rows_value(r, at);
            CHECK(got.value.data);
            CHECK_MEM(got.value.data, got.value.len, value.data, value.len);
        }
        shardy__pin_release(&got.pin);
    }
    return failed;
}

/* Rows come in order and unchanged until the end or an error. */
static unsigned iterate(shardy__slatedb *db, const rows *r) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb_iter *it;
    shardy_slice open = {0}, key, value;
    if (expected_failure(shardy__slatedb_iter_open(db, open, open, &it, &err), &err)) return 1;
    unsigned failed = 0;
    size_t n = 0;
    for (;; n++) {
        failed = expected_failure(shardy__slatedb_iter_next(it, &key, &value, &err), &err);
        if (failed || !key.data) break;
        CHECK(n < r->n);
        shardy_slice k = rows_key(r, n), v = rows_value(r, n);
        CHECK_MEM(key.data, key.len, k.data, k.len);
        CHECK_MEM(value.data, value.len, v.data, v.len);
    }
    CHECK(failed || n == r->n);
    shardy__slatedb_iter_close(it);
    return failed;
}

struct told {
    unsigned problems;
};

static void tell(void *ctx, const char *object, const char *text) {
    struct told *told = ctx;
    CHECK_CONTAINS(object, "memory://corrupt/");
    CHECK(*text);
    told->problems++;
}

/* True if the check of the whole database finds something. */
static bool noticed(const struct small *s, bool map) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__slatedb *db = NULL;
    shardy__dir *dir = map ? (shardy__dir *)&s->mapped : s->dir;
    if (expected_failure(shardy__slatedb_open(dir, NULL, &db, &err), &err)) return true;
    unsigned failed = gets(db, &s->r) + iterate(db, &s->r) + gets(db, &s->r);
    struct told told = {0};
    shardy__slatedb_check check = {.problem = tell, .ctx = &told};
    shardy_status rc = shardy__slatedb_verify(db, &check, NULL, &err);
    expected_failure(rc, &err);
    CHECK_INT(rc == SHARDY_OK, told.problems == 0);
    CHECK(rc || !failed);
    shardy__slatedb_close(db);
    return rc != SHARDY_OK;
}

/* Bytes of the manifest of three SSTs with a checkpoint that may have other values: everything else
 * is noticed. */
static bool any_value_is_right(size_t at) {
    return (at >= 186 && at < 194) || /* the last sequence number, if not smaller than the rows' */
           (at >= 286 && at < 290) || /* when the checkpoint was made */
           (at >= 298 && at < 314);   /* its UUID */
}

static void flip_every_byte(shardy_compression compression, bool map) {
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    struct small s;
    open_small(&s, compression);
    CHECK(!noticed(&s, map));
    for (size_t o = 0; o < 4; o++) {
        struct object *object = &s.objects[o];
        for (size_t at = 0; at < object->bytes.len; at++) {
            for (size_t f = 0; f < sizeof flips; f++) {
                object->bytes.data[at] ^= flips[f];
                put_object(s.dir, object->name, object->bytes.data, object->bytes.len);
                object->bytes.data[at] ^= flips[f];
                if (noticed(&s, map) || (o == 0 && any_value_is_right(at))) continue;
                test_fail(__FILE__, __LINE__, "%s: byte %zu ^ %02x went unnoticed", object->name,
                          at, flips[f]);
            }
        }
        put_object(s.dir, object->name, object->bytes.data, object->bytes.len);
    }
    close_small(&s);
}

TEST_TIMEOUT(flipped_bytes_copied, 600) { flip_every_byte(SHARDY_COMPRESSION_NONE, false); }
TEST_TIMEOUT(flipped_bytes_mapped, 600) { flip_every_byte(SHARDY_COMPRESSION_NONE, true); }
TEST_TIMEOUT(flipped_bytes_compressed, 600) { flip_every_byte(SHARDY_COMPRESSION_ZSTD, true); }

/* ---- cut, missing and exchanged objects ---- */

static void cut_everywhere(shardy_compression compression, bool map) {
    struct small s;
    open_small(&s, compression);
    for (size_t o = 0; o < 4; o++) {
        struct object *object = &s.objects[o];
        for (size_t len = 0; len < object->bytes.len; len++) {
            put_object(s.dir, object->name, object->bytes.data, len);
            if (noticed(&s, map)) continue;
            test_fail(__FILE__, __LINE__, "%s cut at %zu went unnoticed", object->name, len);
        }
        put_object(s.dir, object->name, object->bytes.data, object->bytes.len);
    }
    close_small(&s);
}

TEST_TIMEOUT(cut_objects_copied, 300) { cut_everywhere(SHARDY_COMPRESSION_NONE, false); }
TEST_TIMEOUT(cut_objects_mapped, 300) { cut_everywhere(SHARDY_COMPRESSION_ZSTD, true); }

TEST(bytes_behind_the_end) {
    struct small s;
    open_small(&s, SHARDY_COMPRESSION_NONE);
    for (size_t o = 0; o < 4; o++) {
        struct object *object = &s.objects[o];
        shardy__buf longer = {0};
        shardy__buf_put(&longer, object->bytes.data, object->bytes.len);
        shardy__buf_fill(&longer, 0, 3);
        put_object(s.dir, object->name, longer.data, longer.len);
        CHECK(noticed(&s, false));
        put_object(s.dir, object->name, object->bytes.data, object->bytes.len);
        shardy__buf_free(&longer);
    }
    close_small(&s);
}

TEST(missing_sst) {
    shardy_error err = SHARDY_ERROR_INIT;
    struct small s;
    open_small(&s, SHARDY_COMPRESSION_NONE);
    shardy__slatedb *db = NULL;
    shardy__dir_remove_tree(s.dir, GOLDEN_SST("W"), NULL, &err);
    shardy__memory_drop("corrupt");
    for (size_t o = 0; o < 4; o++) {
        if (o == 2) continue;
        put_object(s.dir, s.objects[o].name, s.objects[o].bytes.data, s.objects[o].bytes.len);
    }
    CHECK_OK(shardy__slatedb_open(s.dir, NULL, &db, &err), err);
    check_get(db, &s.r, rows_key(&s.r, 0));
    CHECK_FAILS(shardy__slatedb_preload(db, &err), SHARDY_E_NOT_FOUND);
    CHECK_CONTAINS(err.message, "memory://corrupt/" GOLDEN_SST("W"));
    CHECK(gets(db, &s.r) > 0);
    CHECK_INT(iterate(db, &s.r), 1);
    struct told told = {0};
    shardy__slatedb_check check = {.problem = tell, .ctx = &told};
    shardy__slatedb_stats stats;
    CHECK_FAILS(shardy__slatedb_verify(db, &check, &stats, &err), SHARDY_E_NOT_FOUND);
    CHECK_CONTAINS(err.message, GOLDEN_SST("W"));
    CHECK_INT(told.problems, 1);
    CHECK_INT(stats.ssts, 2); /* the others were checked all the same */
    CHECK(stats.rows > 20 && stats.rows < s.r.n);
    shardy__slatedb_close(db);
    close_small(&s);
}

TEST(exchanged_ssts) {
    struct small s;
    open_small(&s, SHARDY_COMPRESSION_NONE);
    put_object(s.dir, GOLDEN_SST("V"), s.objects[2].bytes.data, s.objects[2].bytes.len);
    put_object(s.dir, GOLDEN_SST("W"), s.objects[1].bytes.data, s.objects[1].bytes.len);
    CHECK(noticed(&s, false));
    CHECK(noticed(&s, true));
    close_small(&s);
}

/* ---- wrong facts under right checksums ---- */

static void seal(uint8_t *end, const uint8_t *begin) {
    shardy__put_be32(end, shardy__crc32(begin, (size_t)(end - begin)));
}

/* Change the three-row golden SST at `at` to `byte` and repair the CRC of [begin, end). */
static shardy_status try_three(size_t at, uint8_t byte, size_t begin, size_t end,
                               shardy_error *err) {
    size_t sst_len, manifest_len;
    uint8_t *sst = test_read_file(test_source_path("tests/golden/slatedb/three.sst"), &sst_len);
    uint8_t *manifest =
        test_read_file(test_source_path("tests/golden/slatedb/three.manifest"), &manifest_len);
    sst[at] = byte;
    seal(sst + end, sst + begin);
    shardy__dir *dir = open_dir("memory://corrupt");
    put_object(dir, MANIFEST, manifest, manifest_len);
    put_object(dir, GOLDEN_SST("V"), sst, sst_len);
    free(sst);
    free(manifest);
    shardy__slatedb *db = open_db(dir);
    struct told told = {0};
    shardy__slatedb_check check = {.problem = tell, .ctx = &told};
    shardy_status rc = shardy__slatedb_verify(db, &check, NULL, err);
    CHECK_INT(told.problems > 0, rc != SHARDY_OK);
    shardy__slatedb_close(db);
    shardy__dir_close(dir);
    shardy__memory_drop("corrupt");
    return rc;
}

/* The block is bytes 0 .. 0x41 and its CRC: rows at 0, 0x14 and 0x25, one restart at 0. */
static void check_three_block(size_t at, uint8_t byte, const char *problem) {
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK(try_three(at, byte, 0, 0x41, &err) != SHARDY_OK);
    bool kind = strstr(problem, "row is a") != NULL; /* well-formed, but not for this reader */
    CHECK_INT(err.code, kind ? SHARDY_E_UNSUPPORTED : SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, "memory://corrupt/" GOLDEN_SST("V") ": ");
    CHECK_CONTAINS(err.message, problem);
}

TEST(rows_that_are_not_plain_puts) {
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(try_three(0x13, 0, 0, 0x41, &err), err);
    check_three_block(0x13, 1, "block 0: row is a deletion");
    check_three_block(0x13, 8, "block 0: row is a merge");
    check_three_block(0x13, 2, "row is a value that expires");
    check_three_block(0x13, 16, "row with unknown flags 10");
    check_three_block(0x13, 9, "row is a deletion");
    check_three_block(0x12, 2, "row has sequence number 2, the manifest's last is 1");
}

TEST(rows_that_do_not_fit_their_block) {
    check_three_block(0x03, 'b', "first key is not the one that is recorded");
    check_three_block(0x00, 1, "row at byte 0 is malformed"); /* shares with nothing */
    check_three_block(0x01, 0, "key is empty");
    check_three_block(0x14, 6, "row at byte 20 is malformed"); /* shares more than there is */
    check_three_block(0x17, 'a', "keys are not in order");
    check_three_block(0x28, 'a', "keys are not in order");
    check_three_block(0x2d, 'z', "last key is not the one that is recorded");
    check_three_block(0x16, 200, "is malformed");
    check_three_block(0x3e, 0x14, "restart offsets are not those of rows");
    check_three_block(0x3e, 0x01, "restart offsets are not those of rows");
    check_three_block(0x40, 0, "number of restarts does not fit");
    check_three_block(0x40, 2, "restart offsets are not those of rows");
    check_three_block(0x40, 40, "number of restarts does not fit");
}

TEST(filter_that_denies_keys) {
    shardy_error err = SHARDY_ERROR_INIT;
    /* The filter is bytes 0x45 .. 0x5a, its four bytes of bits at 0x56. */
    CHECK_FAILS(try_three(0x56, 0, 0x45, 0x5a, &err), SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, "the filter denies");
    CHECK_FAILS(try_three(0x53, 9, 0x45, 0x5a, &err), SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, "filter is longer than its block");
}

TEST(stats_that_count_wrongly) {
    shardy_error err = SHARDY_ERROR_INIT;
    /* The stats are bytes 0xa2 .. 0x106: totals at 0xca, the block's count at 0xfe. */
    CHECK_FAILS(try_three(0xca, 4, 0xa2, 0x106, &err), SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, "3 rows, 18 key bytes, 9 value bytes; the stats say 4, 18, 9");
    CHECK_FAILS(try_three(0xfe, 4, 0xa2, 0x106, &err), SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, "block 0: 3 rows, 4 in the stats");
}

TEST(index_that_does_not_fit) {
    shardy_error err = SHARDY_ERROR_INIT;
    /* The index is bytes 0x5e .. 0x9e. */
    CHECK_FAILS(try_three(0x8e, 1, 0x5e, 0x9e, &err), SHARDY_E_CORRUPT); /* offset of block 0 */
    CHECK_CONTAINS(err.message, "index: offsets of blocks do not ascend from 0");
    CHECK_FAILS(try_three(0x96, 200, 0x5e, 0x9e, &err), SHARDY_E_CORRUPT); /* length of its key */
    CHECK_CONTAINS(err.message, "index: BlockMeta.first_key");
}

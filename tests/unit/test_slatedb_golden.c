/* test_slatedb_golden.c: the bytes of SSTs, manifests and their parts, as docs/format/slatedb.md
 * and tests/golden/slatedb/generate.py have them. */
#include "base/crc32.h"
#include "slatedb/slatedb_filter.h"
#include "slatedb/slatedb_meta.h"
#include "test_slatedb.h"

static const shardy__slatedb_options golden_options = {
    .checkpoint = {0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x85, 0x55, 0x66, 0x66, 0x77,
                   0x77, 0x88, 0x88},
    .checkpoint_created = 1700000000,
    .ulid_high = GOLDEN_ULID_HIGH,
    .ulid_low = GOLDEN_ULID_LOW,
};

static void check_golden(shardy__dir *dir, const char *object, const char *file) {
    char path[200];
    size_t len;
    snprintf(path, sizeof path, "tests/golden/slatedb/%s", file);
    uint8_t *expected = test_read_file(test_source_path(path), &len);
    shardy__buf got = read_object(dir, object);
    CHECK_MEM(got.data, got.len, expected, len);
    free(expected);
    shardy__buf_free(&got);
}

static rows three_rows(void) {
    rows r = {0};
    rows_add(&r, "apple", 5, "red", 3);
    rows_add(&r, "apricot", 7, "", 0);
    rows_add(&r, "banana", 6, "yellow", 6);
    return r;
}

TEST(golden_three_rows) {
    rows r = three_rows();
    shardy__dir *dir = open_dir("memory://golden");
    shardy__slatedb_stats stats = write_db(dir, &golden_options, &r);
    check_golden(dir, GOLDEN_SST("V"), "three.sst");
    check_golden(dir, MANIFEST, "three-checkpoint.manifest");
    CHECK_INT(stats.key_bytes, 18);
    CHECK_INT(stats.value_bytes, 9);
    CHECK_INT(stats.blocks, 1);
    CHECK_INT(stats.ssts, 1);
    CHECK_INT(stats.bytes, 400 + 442);
    shardy__memory_drop("golden");
    shardy__slatedb_options options = golden_options;
    options.no_checkpoint = true;
    write_db(dir, &options, &r);
    check_golden(dir, GOLDEN_SST("V"), "three.sst");
    check_golden(dir, MANIFEST, "three.manifest");
    shardy__memory_drop("golden");
    shardy__dir_close(dir);
    rows_free(&r);
}

TEST(golden_no_rows) {
    rows none = {0};
    shardy__dir *dir = open_dir("memory://golden");
    shardy__slatedb_options options = golden_options;
    write_db(dir, &options, &none);
    check_golden(dir, MANIFEST, "empty-checkpoint.manifest");
    shardy__memory_drop("golden");
    options.no_checkpoint = true;
    write_db(dir, &options, &none);
    check_golden(dir, MANIFEST, "empty.manifest");
    shardy__memory_drop("golden");
    shardy__dir_close(dir);
}

TEST(golden_thousand_rows) {
    static const char *const names[] = {GOLDEN_SST("V"), GOLDEN_SST("W"), GOLDEN_SST("X"),
                                        MANIFEST};
    rows r = rows_numbered(1000);
    shardy__dir *dir = open_dir("memory://golden");
    shardy__slatedb_options options = golden_options;
    options.block_size = 1024;
    options.sst_bytes = 16384;
    shardy__slatedb_stats stats = write_db(dir, &options, &r);
    CHECK_INT(stats.ssts, 3);
    CHECK_INT(stats.blocks, 17 + 17 + 14);
    uint8_t *text = test_read_file(test_source_path("tests/golden/slatedb/thousand.txt"), NULL);
    char *line = (char *)text;
    for (size_t i = 0; i < 4; i++) {
        shardy__buf got = read_object(dir, names[i]);
        CHECK_INT(got.len, strtoul(line, &line, 10));
        CHECK_HEX(shardy__crc32(got.data, got.len), strtoul(line, &line, 16));
        line = strchr(line, '\n');
        CHECK(line);
        shardy__buf_free(&got);
    }
    free(text);
    shardy__memory_drop("golden");
    shardy__dir_close(dir);
    rows_free(&r);
}

TEST(object_names) {
    char name[SHARDY__SDB_SST_NAME_MAX];
    shardy__sdb_ulid ulid = {GOLDEN_ULID_HIGH, GOLDEN_ULID_LOW};
    CHECK_STR(shardy__sdb_sst_name(name, ulid), GOLDEN_SST("V"));
    ulid = (shardy__sdb_ulid){UINT64_MAX, UINT64_MAX};
    CHECK_STR(shardy__sdb_sst_name(name, ulid), "compacted/7ZZZZZZZZZZZZZZZZZZZZZZZZZ.sst");
    ulid = shardy__sdb_ulid_next(ulid);
    CHECK_STR(shardy__sdb_sst_name(name, ulid), "compacted/00000000000000000000000000.sst");
    ulid = shardy__sdb_ulid_next((shardy__sdb_ulid){1, UINT64_MAX});
    CHECK_STR(shardy__sdb_sst_name(name, ulid), "compacted/00000000000010000000000000.sst");
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_ulid fresh, other;
    CHECK_OK(shardy__sdb_ulid_new(&fresh, &err), err);
    CHECK_OK(shardy__sdb_ulid_new(&other, &err), err);
    CHECK(fresh.low != other.low);
    CHECK(fresh.high >> 16 >= 1700000000000u);
}

TEST(siphash) {
    CHECK_HEX(shardy__sdb_hash("", 0), 0xd1fba762150c532c);
    CHECK_HEX(shardy__sdb_hash("a", 1), 0x407448d2b89b1813);
    CHECK_HEX(shardy__sdb_hash("apple", 5), 0xe4305d08716d0e44);
    CHECK_HEX(shardy__sdb_hash("0123456789abcdef", 16), 0x1d42b30f7e060c24);
    uint8_t bytes[64];
    for (unsigned i = 0; i < 64; i++) bytes[i] = (uint8_t)i;
    CHECK_HEX(shardy__sdb_hash(bytes, 64), 0x75e05fd5bbc870c6);
}

static void check_probes(uint64_t hash, uint32_t m, unsigned n, const uint32_t *expected) {
    uint64_t p, d;
    shardy__sdb_filter_start(hash, m, &p, &d);
    for (unsigned i = 0; i < n; i++) {
        CHECK_INT(p, expected[i]);
        shardy__sdb_filter_step(i, m, &p, &d);
    }
}

TEST(filter_probes) {
    check_probes(0xdf77ef56deadbeef, 1000000, 7,
                 (const uint32_t[]){928559, 107781, 287004, 466229, 645457, 824689, 3926});
    check_probes(shardy__sdb_hash("apple", 5), 56, 6, (const uint32_t[]){28, 4, 37, 16, 54, 40});
    check_probes(shardy__sdb_hash("", 0), 1000000, 6,
                 (const uint32_t[]){129260, 59790, 990321, 920854, 851390, 781930});
    /* Fewer bits than steps: as the definition says, d = (d + i) mod m. */
    uint32_t expected[22];
    uint64_t h = 0xfedcba9876543210, p = (uint32_t)h % 8, d = (h >> 32) % 8;
    for (unsigned i = 0; i < 22; i++) {
        d = (d + i) % 8;
        expected[i] = (uint32_t)p;
        p = (p + d) % 8;
    }
    check_probes(h, 8, 22, expected);
    static const struct {
        uint32_t bits;
        uint16_t probes;
    } table[] = {{1, 0},  {4, 2},  {5, 3},   {6, 4},   {8, 5},   {9, 6},   {10, 6}, {12, 8},
                 {13, 8}, {14, 9}, {15, 10}, {16, 11}, {20, 13}, {24, 16}, {32, 22}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        CHECK_INT(shardy__sdb_filter_probes(table[i].bits), table[i].probes);
    }
    CHECK_INT(shardy__sdb_filter_max_keys(10), 400000000);
    CHECK_INT(shardy__sdb_filter_max_keys(32), 134217727);
}

TEST(filter_block) {
    static const uint8_t expected[] = {0, 1, 0, 3, 0x5f, 0x62, 0x66, 0,    0,    0,    0,    0,
                                       0, 0, 9, 0, 6,    0x13, 0x3a, 0x49, 0x30, 0x3c, 0x7d, 0x62};
    uint8_t bytes[64];
    for (unsigned i = 0; i < 64; i++) bytes[i] = (uint8_t)i;
    uint64_t hashes[] = {shardy__sdb_hash("", 0), shardy__sdb_hash("a", 1),
                         shardy__sdb_hash("apple", 5), shardy__sdb_hash("0123456789abcdef", 16),
                         shardy__sdb_hash(bytes, 64)};
    shardy__buf b = {0};
    shardy__sdb_filter_put(&b, hashes, 5, 10);
    CHECK_MEM(b.data, b.len, expected, sizeof expected);
    shardy__sdb_filter f;
    CHECK(!shardy__sdb_filter_parse(&f, b.data, b.len, SHARDY__SDB_FILTER_COMPOSITE));
    for (size_t i = 0; i < 5; i++) CHECK(shardy__sdb_filter_may_hold(&f, hashes[i]));
    CHECK(!shardy__sdb_filter_may_hold(&f, shardy__sdb_hash("pear", 4)));
    /* The older framing is the data alone. */
    CHECK(!shardy__sdb_filter_parse(&f, b.data + 15, b.len - 15, SHARDY__SDB_FILTER_LEGACY));
    for (size_t i = 0; i < 5; i++) CHECK(shardy__sdb_filter_may_hold(&f, hashes[i]));
    /* Every cut is an error. */
    for (size_t len = 0; len < b.len; len++) {
        CHECK(shardy__sdb_filter_parse(&f, b.data, len, SHARDY__SDB_FILTER_COMPOSITE));
    }
    /* An unknown name is passed over: every key may be there. */
    b.data[6] = 'g';
    CHECK(!shardy__sdb_filter_parse(&f, b.data, b.len, SHARDY__SDB_FILTER_COMPOSITE));
    CHECK(!f.bits);
    CHECK(shardy__sdb_filter_may_hold(&f, 7));
    shardy__buf_free(&b);
}

TEST(index_buffer) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_blocks blocks = {0};
    shardy__buf b = {0};
    CHECK_OK(shardy__sdb_blocks_add(&blocks, 0, "", 0, &err), err);
    CHECK_OK(shardy__sdb_blocks_add(&blocks, 1017, "b", 1, &err), err);
    CHECK_OK(shardy__sdb_blocks_add(&blocks, 2030, "cat", 3, &err), err);
    shardy__sdb_put_index(&b, &blocks);
    CHECK_INT(b.len, 120);
    CHECK_INT(shardy__sdb_index_size(&blocks), 120);
    CHECK_HEX(shardy__crc32(b.data, b.len), 0x0e0f1e9d);
    shardy__buf_free(&b);
    shardy__sdb_blocks_free(&blocks);
}

TEST(stats_buffer) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_blocks blocks = {0};
    shardy__sdb_totals totals = {7, 70, 700};
    shardy__buf b = {0};
    CHECK_OK(shardy__sdb_blocks_add(&blocks, 0, "", 0, &err), err);
    CHECK_OK(shardy__sdb_blocks_add(&blocks, 9, "b", 1, &err), err);
    blocks.rows[0] = 3;
    blocks.rows[1] = 4;
    shardy__sdb_put_stats(&b, &totals, &blocks);
    CHECK_INT(b.len, 116);
    CHECK_HEX(shardy__crc32(b.data, b.len), 0xf1e32b21);
    shardy__buf_clear(&b);
    blocks.n = SHARDY__SDB_BLOCK_STATS_MAX + 1; /* too many: the counts per block are left out */
    shardy__sdb_put_stats(&b, &totals, &blocks);
    CHECK_INT(b.len, 80);
    CHECK_HEX(shardy__crc32(b.data, b.len), 0x2c60df4e);
    shardy__buf_free(&b);
    shardy__sdb_blocks_free(&blocks);
}

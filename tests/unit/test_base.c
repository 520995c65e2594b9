/* test_base.c: bytes, text, checksums, buffers, threads. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "shardyfusion/types.h"
#include "test.h"

TEST(crc32_check_value) {
    CHECK_HEX(shardy__crc32("123456789", 9), 0xcbf43926);
    CHECK_HEX(shardy__crc32("", 0), 0);
}

TEST(crc32_methods_agree) {
    uint8_t data[1500];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 131 + i / 7);
    for (size_t len = 0; len < sizeof data - 16; len += 1 + len / 40) {
        for (size_t at = 0; at < 16; at += 5) {
            CHECK_HEX(shardy__crc32(data + at, len), shardy__crc32_portable(0, data + at, len));
        }
    }
    uint32_t whole = shardy__crc32(data, 1500), part = shardy__crc32(data, 700);
    CHECK_HEX(shardy__crc32_extend(part, data + 700, 800), whole);
}

TEST(varint_round_trip) {
    const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t bytes[10];
        uint64_t back = 7;
        size_t n = shardy__put_varint(bytes, values[i]);
        CHECK_INT(shardy__get_varint(bytes, bytes + n, &back), n);
        CHECK_HEX(back, values[i]);
        CHECK_INT(shardy__get_varint(bytes, bytes + n - 1, &back), 0);
    }
    uint64_t v;
    const uint8_t over[11] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    CHECK_INT(shardy__get_varint(over, over + 10, &v), 0);
}

TEST(utf8) {
    CHECK(shardy__utf8_valid("plain ascii text", 16));
    CHECK(shardy__utf8_valid("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9));
    CHECK(!shardy__utf8_valid("\xc0\x80", 2));         /* overlong */
    CHECK(!shardy__utf8_valid("\xed\xa0\x80", 3));     /* surrogate */
    CHECK(!shardy__utf8_valid("\xf4\x90\x80\x80", 4)); /* above U+10FFFF */
    CHECK(!shardy__utf8_valid("12345678\xff", 9));
    char cut[] = "ab\xe2\x82";
    shardy__utf8_cut(cut);
    CHECK_STR(cut, "ab");
    char whole[] = "ab\xc3\xa9";
    shardy__utf8_cut(whole);
    CHECK_STR(whole, "ab\xc3\xa9");
}

TEST(json_strings_as_python) {
    shardy__buf b = {0};
    const char *text = "a\"\\\n\x01\x7f\xc3\xa9\xf0\x9f\x98\x80";
    shardy__buf_json_str(&b, text, strlen(text));
    CHECK_STR(shardy__buf_text(&b), "\"a\\\"\\\\\\n\\u0001\\u007f\\u00e9\\ud83d\\ude00\"");
    shardy__buf_free(&b);
}

TEST(error_messages) {
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_FAILS(shardy__fail(&err, SHARDY_E_CORRUPT, "block %d", 7), SHARDY_E_CORRUPT);
    shardy__error_prefix(&err, "shard %d: ", 3);
    CHECK_STR(err.message, "shard 3: block 7");
    CHECK_FAILS(shardy__fail_os(&err, 2, "open %s", "x"), SHARDY_E_NOT_FOUND);
    CHECK_STR(err.message, "open x: No such file or directory");
    CHECK_FAILS(shardy__fail(NULL, SHARDY_E_IO, "nobody listens"), SHARDY_E_IO);
    char text[16];
    CHECK_STR(shardy__quote(text, sizeof text, "a\n\xff", 3), "\"a\\x0a\\xff\"");
    CHECK_STR(shardy__quote(text, sizeof text, "0123456789abcdef", 16), "\"0123456789...\"");
    CHECK_STR(shardy_status_name(SHARDY_E_CORRUPT), "CORRUPT");
    CHECK_STR(shardy_status_python_class(SHARDY_E_COVERAGE), "ShardCoverageError");
    CHECK_STR(shardy_status_name((shardy_status)999), "unknown");
}

TEST(time_text) {
    char t[SHARDY__TIME_MAX];
    CHECK_STR(shardy__time_text(t, 1767323045678900000u, false), "2026-01-02T03:04:05.678900Z");
    CHECK_STR(shardy__time_text(t, 1767323045000000000u, true), "2026-01-02T03:04:05Z");
    CHECK_STR(shardy__time_text(t, 1767323045000000000u, false), "2026-01-02T03:04:05.000000Z");
}

static void add_index(void *ctx, uint32_t i) {
    __atomic_fetch_add((uint64_t *)ctx, i, __ATOMIC_SEQ_CST);
}

TEST(parallel_for_runs_each_task_once) {
    for (uint32_t threads = 1; threads < 5; threads++) {
        uint64_t sum = 0;
        shardy__parallel_for(threads, 1000, add_index, &sum);
        CHECK_INT(sum, 499500);
    }
}

TEST(injected_allocation_failure) {
#ifdef SHARDY_FAULTS
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 2);
    void *a = shardy__malloc(1), *b = shardy__malloc(1), *c = shardy__malloc(1);
    CHECK(a && !b && c);
    shardy__free(a);
    shardy__free(c);
    CHECK_INT(shardy__fault_count(SHARDY__FAULT_ALLOC), 3);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

TEST(vector_spec_rules) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    CHECK_FAILS(shardy_vector_spec_check(&spec, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "vector.dim must be > 0");
    spec.dim = 3;
    CHECK_OK(shardy_vector_spec_check(&spec, &err), err);
    CHECK_OK(shardy_vector_spec_set_param(&spec, "M", 16, &err), err);
    CHECK_INT(spec.m, 16);
    CHECK_FAILS(shardy_vector_spec_set_param(&spec, "m", 16, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "known are M,");
    CHECK_FAILS(shardy_vector_spec_set_param(&spec, "ef", 0, &err), SHARDY_E_CONFIG);
    CHECK_FAILS(shardy_quantization_parse("pq", &spec.quantization, &err), SHARDY_E_UNSUPPORTED);
    CHECK_OK(shardy_quantization_parse("fp16", &spec.quantization, &err), err);
    CHECK_INT(spec.quantization, SHARDY_QUANTIZATION_SQ);
    shardy_metric metric = SHARDY_METRIC_L2;
    CHECK_FAILS(shardy_metric_parse("dot", &metric, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "cosine, l2, dot_product");
}

/* test_base_json.c: JSON texts in and out. */
#include "base/alloc.h"
#include "base/fault.h"
#include "base/json.h"
#include "test.h"

static json_t *parse(const char *text) {
    shardy_error err = SHARDY_ERROR_INIT;
    json_t *value = NULL;
    CHECK_OK(shardy__json_parse("text", text, strlen(text), 0, SHARDY_E_CORRUPT, &value, &err),
             err);
    CHECK(value);
    return value;
}

static void check_refused(const char *text, size_t len, size_t flags, const char *message) {
    shardy_error err = SHARDY_ERROR_INIT;
    json_t *value = json_true();
    shardy_status rc = shardy__json_parse("text", text, len, flags, SHARDY_E_CORRUPT, &value, &err);
    CHECK_INT(rc, SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, message);
    CHECK(!value);
}

TEST(what_is_not_json) {
    static const struct {
        const char *text, *message;
    } bad[] = {{"", "text: invalid JSON at line 1, column 0: unexpected token near end of file"},
               {" \n ", "line 2, column 1: "},
               {"nul", "line 1, column 3: invalid token near 'nul'"},
               {"true x", "column 6: end of file expected near 'x'"},
               {"NaN", "invalid token near 'NaN'"},
               {"-Infinity", "invalid token near '-'"},
               {"01", "invalid token"},
               {"1.", "invalid token near '1.'"},
               {"\"a", "column 2: premature end of input"},
               {"\"\\x\"", "invalid escape"},
               {"\"\n\"", "unexpected newline"},
               {"\"\\ud800\"", "invalid Unicode"},
               {"\"\xff\"", "unable to decode byte 0xff"},
               {"\"\xed\xa0\x80\"", "unable to decode byte 0xed"},
               {"[1,]", "column 4: unexpected token near ']'"},
               {"[1 2]", "column 4: ']' expected near '2'"},
               {"{\"a\":1,}", "string or '}' expected"},
               {"{\"a\" 1}", "':' expected"},
               {"{\"\\u0000\": 1}", "NUL byte in object key"},
               {"{} {}", "column 4: end of file expected near '{'"},
               {"9223372036854775808", "too big integer near '9223372036854775808'"},
               {"1e999", "real number overflow"},
               {"\x1b[2J", "invalid token near '?'"}, /* what goes to terminals */
               {"\xef\xbb\xbf{}", "invalid token"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_refused(bad[i].text, strlen(bad[i].text), 0, bad[i].message);
    }
    check_refused("1\0", 2, 0, "a NUL byte");
    check_refused("[1\0]", 4, 0, "a NUL byte");
    check_refused("\"a\0b\"", 5, 0, "a NUL byte");
    check_refused(NULL, 0, 0, "end of file");
}

TEST(nesting_and_size_are_bounded) {
    enum { DEPTH = 3000 };
    char text[DEPTH];
    memset(text, '[', sizeof text);
    check_refused(text, sizeof text, 0, "maximum parsing depth reached");
    check_refused(text, SHARDY__JSON_MAX + 1, 0, "134217729 bytes of JSON; at most 134217728");
}

TEST(equal_names) {
    json_t *object = parse("{\"a\": 1, \"\\u0061\": 2}");
    CHECK_INT(json_integer_value(json_object_get(object, "a")), 2);
    json_decref(object);
    check_refused("{\"a\": 1, \"\\u0061\": 2}", 21, JSON_REJECT_DUPLICATES, "duplicate object key");
}

TEST(integers) {
    static const char *const none[] = {"-1", "1.0", "1e3", "\"1\"", "true", "null", "[1]"};
    uint64_t v = 7;
    json_t *value = parse("9223372036854775807");
    CHECK(shardy__json_u64(value, &v));
    CHECK(v == INT64_MAX);
    json_decref(value);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        value = parse(none[i]);
        CHECK(!shardy__json_u64(value, &v));
        json_decref(value);
    }
    CHECK(!shardy__json_u64(NULL, &v));
    CHECK(v == INT64_MAX);
}

TEST(texts) {
    json_t *value = parse("\"\\\"\\/\\n\\u00e9\\ud83d\\ude00\"");
    CHECK_STR(shardy__json_text(value), "\"/\n\xc3\xa9\xf0\x9f\x98\x80");
    json_decref(value);
    value = parse("\"a\\u0000b\"");
    CHECK_INT(json_string_length(value), 3);
    CHECK(!shardy__json_text(value));
    json_decref(value);
    value = parse("5");
    CHECK(!shardy__json_text(value));
    json_decref(value);
    CHECK(!shardy__json_text(NULL));
}

static void check_put(const char *text, const char *expected) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf out = {0};
    json_t *value = parse(text);
    CHECK_OK(shardy__json_put(&out, value, &err), err);
    CHECK_STR(shardy__buf_text(&out), expected);
    shardy__buf_free(&out);
    json_decref(value);
}

/* The expected texts are those of Python's json.dumps(json.loads(text), sort_keys=True), but for
 * upper-case digits in escapes. */
TEST(written_as_python_does) {
    check_put("null", "null");
    check_put(" [ 1,2 , [ ] ,{ } ] ", "[1, 2, [], {}]");
    check_put("{\"b\":1,\"a\":{\"d\":[true,false],\"c\":null}}",
              "{\"a\": {\"c\": null, \"d\": [true, false]}, \"b\": 1}");
    check_put("\"\xc3\xa9\\/\\ud83d\\ude00\\b\\u0000\"", "\"\\u00E9/\\uD83D\\uDE00\\b\\u0000\"");
    check_put("[2.50, -9223372036854775808]", "[2.5, -9223372036854775808]");
    /* Keys in the order of code points, which UTF-16 order is not. */
    check_put("{\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":2,\"\":3,\"B\":4,\"a\":5}",
              "{\"\": 3, \"B\": 4, \"a\": 5, \"\\uFFFD\": 2, \"\\uD83D\\uDE00\": 1}");
}

TEST(doubles_come_back_as_they_were) {
    static const double numbers[] = {0.1, -1.0 / 3, 1e300, 5e-324, 123456789012345680.0, -0.0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        shardy_error err = SHARDY_ERROR_INIT;
        shardy__buf out = {0};
        json_t *value = json_real(numbers[i]);
        CHECK_OK(shardy__json_put(&out, value, &err), err);
        json_t *again = parse(shardy__buf_text(&out));
        double v = json_real_value(again);
        CHECK(json_is_real(again) && !memcmp(&v, &numbers[i], sizeof v));
        json_decref(again);
        json_decref(value);
        shardy__buf_free(&out);
    }
}

TEST(values_in_messages) {
    static const struct {
        const char *text, *quoted;
    } cases[] = {{"-1", "\"-1\""},
                 {"\"hash\"", "\"\"hash\"\""},
                 {"{\"a\": [1]}", "\"{\"a\": [1]}\""},
                 {"\"0123456789012345678901234567890123456789\"", "\"\"0123456789012...\""}};
    char text[20];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = parse(cases[i].text);
        CHECK_CONTAINS(shardy__json_quote(text, sizeof text, value), cases[i].quoted);
        json_decref(value);
    }
    CHECK_STR(shardy__json_quote(text, sizeof text, NULL), "missing");
}

TEST(no_memory_for_the_text) {
#ifdef SHARDY_FAULTS
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf out = {0};
    json_t *value = parse("{\"a\": [1, 2]}");
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 1);
    CHECK_FAILS(shardy__json_put(&out, value, &err), SHARDY_E_NO_MEMORY);
    shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
    shardy__buf_free(&out);
    json_decref(value);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}

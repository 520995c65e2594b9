/* test_snapshot_json.c: the JSON checker, cursor and writer. */
#include "base/alloc.h"
#include "snapshot/snapshot_json.h"
#include "test.h"

static bool check(const char *text, bool python, shardy__json *out, shardy__json_error *error) {
    return shardy__json_check(text, strlen(text), python, out, error);
}

static shardy__json parse(const char *text) {
    shardy__json value;
    shardy__json_error error;
    if (!check(text, true, &value, &error)) {
        test_fail(__FILE__, __LINE__, "%s: byte %zu: %s", text, error.position, error.rule);
    }
    return value;
}

TEST(accepts_json) {
    static const char *const good[] = {"null",
                                       " true ",
                                       "false",
                                       "0",
                                       "-0",
                                       "12",
                                       "-1.50e+10",
                                       "1E5",
                                       "\"\"",
                                       "\"\\u00e9\\ud83d\\ude00\\ud800\"",
                                       "[]",
                                       "{}",
                                       "[1, [2, {\"a\": []}], {}]",
                                       "{\"a\":1,\"b\":{}}",
                                       "\"\xc3\xa9\xf0\x9f\x98\x80\"",
                                       "\"\x7f\"",
                                       "\t[\r\n]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        shardy__json value;
        shardy__json_error error;
        if (!check(good[i], false, &value, &error)) {
            test_fail(__FILE__, __LINE__, "%s: byte %zu: %s", good[i], error.position, error.rule);
        }
    }
}

TEST(refuses_what_is_not_json) {
    static const struct {
        const char *text, *rule;
        size_t position;
    } bad[] = {{"", "the text ends too early", 0},
               {"  ", "the text ends too early", 2},
               {"nul", "expected a value", 0},
               {"nulll", "expected the end of the text", 4},
               {"True", "expected a value", 0},
               {"NaN", "expected a value", 0},
               {"Infinity", "expected a value", 0},
               {"-Infinity", "expected a digit", 1},
               {"01", "a number must not begin with 0", 1},
               {"-", "expected a digit", 1},
               {"1.", "expected a digit", 2},
               {"1e", "expected a digit", 2},
               {"1e+", "expected a digit", 3},
               {".5", "expected a value", 0},
               {"+1", "expected a value", 0},
               {"1 2", "expected the end of the text", 2},
               {"\"abc", "the string has no end", 4},
               {"\"a\\", "the string has no end", 3},
               {"\"a\\x\"", "unknown escape in a string", 3},
               {"\"\\u12g4\"", "\\u needs four hexadecimal digits", 2},
               {"\"\\u12", "\\u needs four hexadecimal digits", 2},
               {"\"a\nb\"", "control character in a string", 2},
               {"\"\xff\"", "not UTF-8", 1},
               {"\"\xed\xa0\x80\"", "not UTF-8", 1},
               {"[1", "expected ',' or ']'", 2},
               {"[1,", "the text ends too early", 3},
               {"[1,]", "expected a value", 3},
               {"[1 2]", "expected ',' or ']'", 3},
               {"[1}", "expected ',' or ']'", 2},
               {"[", "the text ends too early", 1},
               {"]", "expected a value", 0},
               {"{", "expected a key in quotes", 1},
               {"{\"a\"", "expected ':'", 4},
               {"{\"a\" 1}", "expected ':'", 5},
               {"{\"a\":", "the text ends too early", 5},
               {"{\"a\":1", "expected ',' or '}'", 6},
               {"{\"a\":1]", "expected ',' or '}'", 6},
               {"{\"a\":1,}", "expected a key in quotes", 7},
               {"{a:1}", "expected a key in quotes", 1},
               {"{1:1}", "expected a key in quotes", 1},
               {"{}}", "expected the end of the text", 2},
               {"\xef\xbb\xbf{}", "expected a value", 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shardy__json value;
        shardy__json_error error;
        if (check(bad[i].text, false, &value, &error)) {
            test_fail(__FILE__, __LINE__, "%s was accepted", bad[i].text);
        }
        CHECK_STR(error.rule, bad[i].rule);
        CHECK_INT(error.position, bad[i].position);
    }
    shardy__json value;
    shardy__json_error error;
    CHECK(!shardy__json_check("1\0", 2, false, &value, &error)); /* a NUL is no space */
    CHECK(!shardy__json_check("\"a\0b\"", 5, false, &value, &error));
}

TEST(python_also_writes_numbers_that_json_lacks) {
    shardy__json value;
    shardy__json_error error;
    CHECK(check("[NaN, Infinity, -Infinity]", true, &value, &error));
    CHECK(check("-Infinity", true, &value, &error));
    CHECK_INT(shardy__json_type_of(value), SHARDY__JSON_NUMBER);
    CHECK(!check("[NaN, Infinit]", true, &value, &error));
    CHECK(!check("-Inf", true, &value, &error));
}

TEST(nesting_is_bounded) {
    char text[2 * SHARDY__JSON_DEPTH + 3];
    shardy__json value;
    shardy__json_error error;
    for (size_t depth = SHARDY__JSON_DEPTH; depth <= SHARDY__JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        CHECK(shardy__json_check(text, 2 * depth, false, &value, &error) ==
              (depth <= SHARDY__JSON_DEPTH));
    }
    CHECK_STR(error.rule, "nested deeper than 64 levels");
    CHECK_INT(error.position, SHARDY__JSON_DEPTH);
}

TEST(walks_members_and_items) {
    shardy__json object = parse(
        " { \"a\" : [1, \"x,]\", {\"y\": \"}\"}] , \"b\\u00e9\":-1.5, \"c\": {}, \"d\":\"\\\"\"} ");
    shardy__json key, value;
    shardy__json_iter it = shardy__json_begin(object);
    static const struct {
        const char *key;
        shardy__json_type type;
        const char *text;
    } members[] = {{"a", SHARDY__JSON_ARRAY, "[1, \"x,]\", {\"y\": \"}\"}]"},
                   {"b\xc3\xa9", SHARDY__JSON_NUMBER, "-1.5"},
                   {"c", SHARDY__JSON_OBJECT, "{}"},
                   {"d", SHARDY__JSON_STRING, "\"\\\"\""}};
    for (size_t i = 0; i < 4; i++) {
        CHECK(shardy__json_next(&it, &key, &value));
        CHECK(shardy__json_is(key, members[i].key));
        CHECK_INT(shardy__json_type_of(value), members[i].type);
        CHECK_MEM(value.at, value.len, members[i].text, strlen(members[i].text));
    }
    CHECK(!shardy__json_next(&it, &key, &value));
    CHECK(!value.at);

    it = shardy__json_begin(shardy__json_get(object, "a"));
    for (size_t i = 0; i < 3; i++) {
        CHECK(shardy__json_next(&it, &key, &value));
        CHECK(!key.at && value.at);
    }
    CHECK(!shardy__json_next(&it, &key, &value));
    CHECK_INT(shardy__json_type_of(shardy__json_get(object, "none")), SHARDY__JSON_ABSENT);
    CHECK_INT(shardy__json_type_of(shardy__json_get(object, "")), SHARDY__JSON_ABSENT);
}

TEST(the_last_of_equal_keys_counts) {
    shardy__json object = parse("{\"a\": 1, \"\\u0061\": 2}"), value;
    uint64_t number = 0;
    value = shardy__json_get(object, "a");
    CHECK(shardy__json_u64(value, &number));
    CHECK_INT(number, 2);
}

TEST(strings) {
    shardy__buf out = {0};
    shardy__json s = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\ud83d\\ude00\\ud800x\"");
    static const char expected[] = "\"\\/\b\f\n\r\t\0\xc3\xa9\xf0\x9f\x98\x80\xed\xa0\x80x";
    shardy__json_unescape(s, &out);
    CHECK_MEM(out.data, out.len, expected, sizeof expected - 1);
    shardy__buf_free(&out);
    CHECK(shardy__json_is(parse("\"\\u20ac\""), "\xe2\x82\xac"));
    CHECK(!shardy__json_is(parse("\"ab\""), "a"));
    CHECK(!shardy__json_is(parse("\"a\""), "ab"));
    CHECK(!shardy__json_is(parse("\"a\\u0000\""), "a"));
    CHECK(shardy__json_is(parse("\"\""), ""));
}

TEST(integers) {
    static const char *const none[] = {"-1", "1.0", "1e3", "18446744073709551616", "\"1\"", "true"};
    uint64_t v = 7;
    CHECK(shardy__json_u64(parse("18446744073709551615"), &v));
    CHECK(v == UINT64_MAX);
    CHECK(shardy__json_u64(parse("[0]"), &v) == false);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CHECK(!shardy__json_u64(parse(none[i]), &v));
    }
    CHECK(!shardy__json_u64((shardy__json){NULL, 0}, &v));
}

static void check_canonical(const char *text, const char *expected) {
    shardy__buf out = {0};
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__json_canonical(parse(text), &out, &err), err);
    CHECK_STR(shardy__buf_text(&out), expected);
    shardy__buf_free(&out);
}

/* The expected texts are what Python's json.dumps(json.loads(text), sort_keys=True) gives, but that
 * numbers keep their text. */
TEST(canonical_form_is_pythons) {
    check_canonical("null", "null");
    check_canonical(" [ 1,2 , [ ] ,{ } ] ", "[1, 2, [], {}]");
    check_canonical("{\"b\":1,\"a\":{\"d\":[true,false],\"c\":null}}",
                    "{\"a\": {\"c\": null, \"d\": [true, false]}, \"b\": 1}");
    check_canonical("\"\xc3\xa9\\u00E9\\/\\ud83d\\ude00\\ud800\\u007f\"",
                    "\"\\u00e9\\u00e9/\\ud83d\\ude00\\ud800\\u007f\"");
    check_canonical("[2.50, -0, 1E5, 12345678901234567890]",
                    "[2.50, -0, 1E5, 12345678901234567890]");
    /* Keys in the order of code points, which UTF-16 order is not. */
    check_canonical("{\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":2,\"\":3,\"B\":4,\"a\":5}",
                    "{\"\": 3, \"B\": 4, \"a\": 5, \"\\ufffd\": 2, \"\\ud83d\\ude00\": 1}");
}

TEST(canonical_form_refuses_double_keys) {
    shardy__buf out = {0};
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_FAILS(shardy__json_canonical(parse("[{\"a\":1,\"b\":2,\"\\u0061\":3}]"), &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key \"a\" occurs twice in one object");
    shardy__buf_free(&out);
}

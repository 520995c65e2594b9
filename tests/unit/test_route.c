/* test_route.c: shards and stored bytes of keys, against tests/golden/route.json. */
#include "shardyfusion/route.h"
#include "test.h"

/* ---- the golden file: one case per line, fields by name ---- */

typedef struct golden {
    char *text, *next;
} golden;

static golden open_golden(void) {
    char *text = (char *)test_read_file(test_source_path("tests/golden/route.json"), NULL);
    return (golden){text, text};
}

/* The next line that is a case of this kind, NUL-terminated; NULL at the end. */
static char *next_case(golden *g, const char *kind) {
    char wanted[40];
    snprintf(wanted, sizeof wanted, "{\"case\": \"%s\"", kind);
    while (*g->next) {
        char *line = g->next, *end = strchr(line, '\n');
        g->next = end ? end + 1 : line + strlen(line);
        if (end) *end = 0;
        if (!strncmp(line, wanted, strlen(wanted))) return line;
    }
    return NULL;
}

/* What follows `"name": `, without the opening quote. */
static const char *field(const char *line, const char *name) {
    char wanted[40];
    snprintf(wanted, sizeof wanted, "\"%s\": ", name);
    const char *at = strstr(line, wanted);
    if (!at) test_fail(__FILE__, __LINE__, "no field %s in %s", name, line);
    at += strlen(wanted);
    return *at == '"' ? at + 1 : at;
}

static size_t hex_field(const char *line, const char *name, uint8_t *out) {
    const char *at = field(line, name);
    size_t n = 0;
    for (unsigned byte; *at != '"' && sscanf(at, "%2x", &byte) == 1; at += 2)
        out[n++] = (uint8_t)byte;
    return n;
}

static shardy_key key_of(const char *line, uint8_t *bytes) {
    const char *type = field(line, "type");
    if (*type == 'i') return shardy_key_int(strtoll(field(line, "int"), NULL, 10));
    size_t len = hex_field(line, "hex", bytes);
    return *type == 's' ? shardy_key_str((const char *)bytes, len) : shardy_key_bytes(bytes, len);
}

/* ---- tests ---- */

TEST(digests_and_shards_are_the_golden_ones) {
    static const uint32_t moduli[] = {2, 8, 17, 64, 1000};
    static uint8_t bytes[4096];
    golden g = open_golden();
    int cases = 0;
    CHECK_CONTAINS(g.text, "{\"moduli\": [2, 8, 17, 64, 1000],");
    for (char *line; (line = next_case(&g, "route")); cases++) {
        shardy_key key = key_of(line, bytes);
        CHECK_HEX(shardy_route_digest(&key), strtoull(field(line, "digest"), NULL, 16));
        char *at = (char *)field(line, "mod") + 1;
        for (size_t i = 0; i < 5; i++, at += 2) {
            CHECK_INT(shardy_route_hash(&key, moduli[i]), strtol(at, &at, 10));
        }
    }
    CHECK(cases >= 40);
    free(g.text);
}

TEST(stored_bytes_are_the_golden_ones) {
    static uint8_t bytes[4096], expected[4096];
    golden g = open_golden();
    shardy_error err = SHARDY_ERROR_INIT;
    int stored = 0, refused = 0;
    for (char *line; (line = next_case(&g, "store"));) {
        shardy_key key = key_of(line, bytes), back;
        char name[8] = {0}, phrase[80] = {0};
        sscanf(field(line, "encoding"), "%7[^\"]", name);
        sscanf(field(line, "refusal"), "%79[^\"]", phrase);
        shardy_key_encoding encoding = SHARDY_ENCODING_AUTO;
        CHECK_OK(shardy_key_encoding_parse(name, &encoding, &err), err);
        uint8_t scratch[8];
        shardy_slice out;
        if (*phrase) {
            CHECK_FAILS(shardy_key_encode(&key, encoding, scratch, &out, &err), SHARDY_E_CONFIG);
            CHECK_CONTAINS(err.message, phrase);
            CHECK(!out.data);
            refused++;
            continue;
        }
        CHECK_OK(shardy_key_encode(&key, encoding, scratch, &out, &err), err);
        size_t len = hex_field(line, "stored", expected);
        CHECK_MEM(out.data, out.len, expected, len);
        CHECK_OK(shardy_key_decode(out, encoding, &back, &err), err);
        CHECK_HEX(shardy_route_digest(&back), shardy_route_digest(&key));
        stored++;
    }
    CHECK(stored >= 25 && refused >= 40);
    free(g.text);
}

TEST(auto_encoding_follows_the_key_type) {
    CHECK_INT(shardy_key_encoding_for(SHARDY_KEY_INT), SHARDY_ENCODING_U64BE);
    CHECK_INT(shardy_key_encoding_for(SHARDY_KEY_STR), SHARDY_ENCODING_UTF8);
    CHECK_INT(shardy_key_encoding_for(SHARDY_KEY_BYTES), SHARDY_ENCODING_RAW);
}

TEST(messages_name_key_value_and_rule) {
    shardy_error err = SHARDY_ERROR_INIT;
    uint8_t scratch[8];
    shardy_slice out;
    shardy_key minus = shardy_key_int(-7), word = shardy_key_str("abc", 3);
    shardy_key odd = shardy_key_bytes("a\xff", 2), odd_str = shardy_key_str("a\xff", 2);

    CHECK_FAILS(shardy_key_encode(&minus, SHARDY_ENCODING_U64BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key -7: u64be encoding requires value in [0, 2^63-1]");
    CHECK_FAILS(shardy_key_encode(&minus, SHARDY_ENCODING_U32BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key -7: u32be encoding requires value in [0, 2^32-1]");
    CHECK_FAILS(shardy_key_encode(&word, SHARDY_ENCODING_U64BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key \"abc\": u64be encoding expects int key, got str");
    CHECK_FAILS(shardy_key_encode(&minus, SHARDY_ENCODING_RAW, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key -7: raw encoding expects bytes or str, got int");
    CHECK_FAILS(shardy_key_encode(&odd, SHARDY_ENCODING_UTF8, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key \"a\\xff\" is not UTF-8, which utf8 encoding requires");
    CHECK_FAILS(shardy_key_encode(&odd_str, SHARDY_ENCODING_RAW, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_STR(err.message, "key \"a\\xff\" is not UTF-8, which a str key requires");
    CHECK_FAILS(shardy_key_encode(&word, SHARDY_ENCODING_AUTO, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "key encoding 0 is none of");
    CHECK_FAILS(shardy_key_encode(&word, SHARDY_ENCODING_U64BE, scratch, &out, NULL),
                SHARDY_E_CONFIG);
}

TEST(key_length_limits) {
    static char big[SHARDY_KEY_MAX + 1];
    memset(big, 'k', sizeof big);
    shardy_error err = SHARDY_ERROR_INIT;
    uint8_t scratch[8];
    shardy_slice out;
    shardy_key longest = shardy_key_bytes(big, SHARDY_KEY_MAX),
               over = shardy_key_str(big, sizeof big);
    CHECK_OK(shardy_key_encode(&longest, SHARDY_ENCODING_RAW, scratch, &out, &err), err);
    CHECK(out.data == big && out.len == SHARDY_KEY_MAX);
    CHECK_FAILS(shardy_key_encode(&over, SHARDY_ENCODING_UTF8, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "...\" has 65536 bytes; a key has 1 to 65535 bytes");
    shardy_key absent = shardy_key_bytes(NULL, 0);
    CHECK_FAILS(shardy_key_encode(&absent, SHARDY_ENCODING_RAW, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "key \"\" is empty");
    CHECK_HEX(shardy_route_digest(&absent), 0x2d06800538d394c2);
}

TEST(lookups_take_stored_bytes_of_integers) {
    shardy_error err = SHARDY_ERROR_INIT;
    uint8_t scratch[8];
    shardy_slice out;
    const uint8_t be[8] = {0, 0, 0, 0, 0, 0, 0, 42};
    shardy_key as_int = shardy_key_int(42), as_bytes = shardy_key_bytes(be, 8);
    CHECK_OK(shardy_key_encode_lookup(&as_int, SHARDY_ENCODING_U64BE, scratch, &out, &err), err);
    CHECK_MEM(out.data, out.len, be, 8);
    CHECK_OK(shardy_key_encode_lookup(&as_bytes, SHARDY_ENCODING_U64BE, scratch, &out, &err), err);
    CHECK_MEM(out.data, out.len, be, 8);
    /* The bytes are what is hashed, so such a lookup may go to another shard than the integer. */
    CHECK(shardy_route_digest(&as_int) != shardy_route_digest(&as_bytes));

    shardy_key four = shardy_key_bytes(be + 4, 4), five = shardy_key_bytes(be, 5);
    CHECK_OK(shardy_key_encode_lookup(&four, SHARDY_ENCODING_U32BE, scratch, &out, &err), err);
    CHECK_MEM(out.data, out.len, be + 4, 4);
    CHECK_FAILS(shardy_key_encode_lookup(&five, SHARDY_ENCODING_U64BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "u64be key bytes must have length 8, got 5");
    CHECK_FAILS(shardy_key_encode_lookup(&as_bytes, SHARDY_ENCODING_U32BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "u32be key bytes must have length 4, got 8");
    shardy_key word = shardy_key_str("12345678", 8);
    CHECK_FAILS(shardy_key_encode_lookup(&word, SHARDY_ENCODING_U64BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "requires integer lookup keys, got str");
    shardy_key top = shardy_key_bytes("\x80\0\0\0\0\0\0\0", 8);
    CHECK_FAILS(shardy_key_encode_lookup(&top, SHARDY_ENCODING_U64BE, scratch, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "requires value in [0, 2^63-1]");
    CHECK_OK(shardy_key_encode_lookup(&word, SHARDY_ENCODING_RAW, scratch, &out, &err), err);
    shardy_key empty = shardy_key_str("", 0);
    CHECK_FAILS(shardy_key_encode_lookup(&empty, SHARDY_ENCODING_UTF8, scratch, &out, &err),
                SHARDY_E_CONFIG);
}

TEST(stored_bytes_that_nobody_wrote_are_corrupt) {
    static const struct {
        shardy_key_encoding encoding;
        const char *bytes;
        size_t len;
        const char *message;
    } bad[] = {{SHARDY_ENCODING_U64BE, "1234567", 7, "wrong length"},
               {SHARDY_ENCODING_U64BE, "", 0, "wrong length"},
               {SHARDY_ENCODING_U64BE, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "above 2^63-1"},
               {SHARDY_ENCODING_U32BE, "12345", 5, "wrong length"},
               {SHARDY_ENCODING_UTF8, "", 0, "1 to 65535"},
               {SHARDY_ENCODING_UTF8, "\xff", 1, "not UTF-8"},
               {SHARDY_ENCODING_RAW, "", 0, "1 to 65535"},
               {SHARDY_ENCODING_AUTO, "a", 1, "unknown"}};
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shardy_key key;
        shardy_slice stored = {bad[i].bytes, bad[i].len};
        CHECK_FAILS(shardy_key_decode(stored, bad[i].encoding, &key, &err), SHARDY_E_CORRUPT);
        CHECK_CONTAINS(err.message, bad[i].message);
    }
    shardy_key key;
    shardy_slice top = {"\xff\xff\xff\xff", 4}, raw = {"\xff", 1}, text = {"\xc3\xa9", 2};
    CHECK_OK(shardy_key_decode(top, SHARDY_ENCODING_U32BE, &key, &err), err);
    CHECK_INT(key.i64, UINT32_MAX);
    CHECK_OK(shardy_key_decode(raw, SHARDY_ENCODING_RAW, &key, &err), err);
    CHECK_INT(key.type, SHARDY_KEY_BYTES);
    CHECK_OK(shardy_key_decode(text, SHARDY_ENCODING_UTF8, &key, &err), err);
    CHECK_INT(key.type, SHARDY_KEY_STR);
}

TEST(stored_order_is_number_order) {
    static const int64_t values[] = {0,     1,          255,        256,      65535,
                                     65536, 4294967295, 4294967296, INT64_MAX};
    uint8_t last[8] = {0}, scratch[8];
    shardy_slice out;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        shardy_key key = shardy_key_int(values[i]);
        CHECK_FAILS(shardy_key_encode(&key, SHARDY_ENCODING_U64BE, scratch, &out, NULL), SHARDY_OK);
        CHECK(i == 0 || memcmp(last, out.data, 8) < 0);
        memcpy(last, out.data, 8);
    }
}

TEST(shards_are_evenly_filled) {
    static uint32_t count[16];
    for (int64_t i = 0; i < 160000; i++) {
        shardy_key key = shardy_key_int(i);
        count[shardy_route_hash(&key, 16)]++;
    }
    for (size_t i = 0; i < 16; i++) CHECK(count[i] > 9500 && count[i] < 10500);
}

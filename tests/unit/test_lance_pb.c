/* test_lance_pb.c: the protobuf reader, on its own. */
#include "lance/lance_pb.h"
#include "test.h"

/* ---- protobuf ---- */

TEST(pb_bytes) {
    shardy__buf b = {0};
    const uint64_t values[] = {1, 300, 0};
    shardy__pb_uint(&b, 1, 0);
    shardy__pb_uint(&b, 1, 150);
    shardy__pb_optional(&b, 2, 0);
    shardy__pb_uint(&b, 4, UINT64_MAX);
    shardy__pb_str(&b, 2, "hi");
    shardy__pb_packed(&b, 3, values, 3);
    shardy__pb_packed(&b, 3, values, 0);
    shardy__pb_double(&b, 16, 1.0);
    const char want[] =
        "\x08\x96\x01\x10\0\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\2hi"
        "\x1a\4\1\xac\2\0\x81\1\0\0\0\0\0\0\xf0\x3f";
    CHECK_MEM(b.data, b.len, want, sizeof want - 1);
    shardy__buf_free(&b);
}

/* Lengths that need one, two and three bytes. */
TEST(pb_nesting) {
    static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        shardy__buf b = {0};
        shardy__pb_field f;
        size_t outer = shardy__pb_begin(&b, 1), inner = shardy__pb_begin(&b, 2);
        shardy__buf_fill(&b, 'x', lengths[i]);
        shardy__pb_end(&b, inner);
        shardy__pb_end(&b, outer);
        shardy_slice rest = {b.data, b.len};
        CHECK_INT(shardy__pb_next(&rest, &f), 1);
        CHECK_INT(rest.len, 0);
        rest = f.bytes;
        CHECK_INT(shardy__pb_next(&rest, &f), 1);
        CHECK_INT(f.number, 2);
        CHECK_INT(f.bytes.len, lengths[i]);
        CHECK(!lengths[i] || ((const char *)f.bytes.data)[lengths[i] - 1] == 'x');
        CHECK_INT(shardy__pb_next(&rest, &f), 0);
        shardy__buf_free(&b);
    }
}

static int next(const char *bytes, size_t len) {
    char *copy = malloc(len ? len : 1); /* so that a read beyond the end is seen */
    memcpy(copy, bytes, len);
    shardy_slice rest = {copy, len};
    shardy__pb_field f;
    int got = shardy__pb_next(&rest, &f);
    free(copy);
    return got;
}

#define NEXT(bytes) next(bytes, sizeof(bytes) - 1)

TEST(pb_malformed) {
    CHECK_INT(NEXT(""), 0);
    CHECK_INT(NEXT("\x08\1"), 1);
    CHECK_INT(NEXT("\x09"
                   "12345678"),
              1);
    CHECK_INT(NEXT("\x0d"
                   "1234"),
              1);
    CHECK_INT(NEXT("\x0a\3abc"), 1);
    CHECK_INT(NEXT("\x08"), -1);
    CHECK_INT(NEXT("\x08\x80"), -1);
    CHECK_INT(NEXT("\x80"), -1);
    CHECK_INT(NEXT("\x00\1"), -1);                 /* field 0 */
    CHECK_INT(NEXT("\x80\x80\x80\x80\x10\1"), -1); /* field 2^29 */
    CHECK_INT(NEXT("\x0b\x0c"), -1);               /* group */
    CHECK_INT(NEXT("\x0e"), -1);                   /* no such wire type */
    CHECK_INT(NEXT("\x09"
                   "1234567"),
              -1);
    CHECK_INT(NEXT("\x0d"
                   "123"),
              -1);
    CHECK_INT(NEXT("\x0a\4abc"), -1);
    CHECK_INT(NEXT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"
                   "abc"),
              -1);
}

typedef struct parts {
    uint64_t number;
    shardy_slice text;
    shardy__pb_ints ints;
    shardy__pb_many many;
} parts;

static shardy_status read_parts(const char *bytes, size_t len, parts *p, shardy_error *err) {
    *p = (parts){.number = 77, .text = {NULL, 0}};
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_UINT, &p->number}, {2, SHARDY__PB_BYTES, &p->text},
        {3, SHARDY__PB_INTS, &p->ints},   {4, SHARDY__PB_MANY, &p->many},
        {5, SHARDY__PB_SKIP_UINT, NULL},  {6, SHARDY__PB_SKIP_BYTES, NULL}};
    return shardy__pb_read("url", "Parts", (shardy_slice){bytes, len}, wants, 6, err);
}

#define READ(bytes) read_parts(bytes, sizeof(bytes) - 1, &p, &err)

TEST(pb_read) {
    parts p;
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(READ(""), err);
    CHECK_INT(p.number, 77);
    CHECK(p.text.data == NULL);
    CHECK_OK(READ("\x08\5\x12\0\x1a\3\1\2\3\x18\4\x22\1a\x22\2bc\x28\1\x28\2\x32\1z\x32\0"), err);
    CHECK_INT(p.number, 5);
    CHECK(p.text.data != NULL && p.text.len == 0);
    CHECK_INT(p.ints.n, 4);
    CHECK_INT(p.ints.v[3], 4);
    CHECK_INT(p.many.n, 2);
    CHECK_MEM(p.many.v[1].data, p.many.v[1].len, "bc", 2);
    CHECK_OK(READ("\x1a\x0a\1\2\3\4\5\6\7\x08\x09\x0a"), err); /* more than are kept */
    CHECK_INT(p.ints.n, 10);
    CHECK_FAILS(READ("\x08\5\x08\5"), SHARDY_E_CORRUPT);
    CHECK_STR(err.message, "url: field 1 of Parts is malformed");
    CHECK_FAILS(READ("\x12\0\x12\0"), SHARDY_E_CORRUPT);
    CHECK_FAILS(READ("\x0a\1\1"), SHARDY_E_CORRUPT); /* bytes for a number */
    CHECK_FAILS(READ("\x10\1"), SHARDY_E_CORRUPT);   /* a number for bytes */
    CHECK_FAILS(READ("\x20\1"), SHARDY_E_CORRUPT);
    CHECK_FAILS(READ("\x2a\0"), SHARDY_E_CORRUPT);
    CHECK_FAILS(READ("\x30\0"), SHARDY_E_CORRUPT);
    CHECK_FAILS(READ("\x1a\1\x80"), SHARDY_E_CORRUPT); /* a cut varint in a run */
    CHECK_FAILS(READ("\x1d"
                     "1234"),
                SHARDY_E_CORRUPT);
    CHECK_FAILS(READ("\x08"), SHARDY_E_CORRUPT);
    CHECK_STR(err.message, "url: Parts is not a protobuf message");
    CHECK_FAILS(READ("\x38\1"), SHARDY_E_UNSUPPORTED);
    CHECK_STR(err.message, "url: field 7 of Parts is not supported");
}

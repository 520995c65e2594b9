/* lance_pb.c: see lance_pb.h. */
#include "lance/lance_pb.h"

#include <string.h>

#include "base/bytes.h"

/* ---- writing ---- */

static void tag(shardy__buf *b, uint32_t field, shardy__pb_wire wire) {
    shardy__buf_varint(b, (uint64_t)field << 3 | wire);
}

void shardy__pb_optional(shardy__buf *b, uint32_t field, uint64_t v) {
    tag(b, field, SHARDY__PB_VARINT);
    shardy__buf_varint(b, v);
}

void shardy__pb_uint(shardy__buf *b, uint32_t field, uint64_t v) {
    if (v) shardy__pb_optional(b, field, v);
}

void shardy__pb_double(shardy__buf *b, uint32_t field, double v) {
    uint64_t bits;
    memcpy(&bits, &v, 8);
    tag(b, field, SHARDY__PB_FIXED64);
    shardy__buf_le64(b, bits);
}

void shardy__pb_head(shardy__buf *b, uint32_t field, uint64_t len) {
    tag(b, field, SHARDY__PB_LENGTH);
    shardy__buf_varint(b, len);
}

void shardy__pb_bytes(shardy__buf *b, uint32_t field, const void *data, size_t len) {
    shardy__pb_head(b, field, len);
    shardy__buf_put(b, data, len);
}

void shardy__pb_str(shardy__buf *b, uint32_t field, const char *s) {
    shardy__pb_bytes(b, field, s, strlen(s));
}

size_t shardy__pb_begin(shardy__buf *b, uint32_t field) {
    tag(b, field, SHARDY__PB_LENGTH);
    return b->len;
}

void shardy__pb_end(shardy__buf *b, size_t begin) {
    uint8_t head[10];
    size_t len = b->len - begin, n = shardy__put_varint(head, len);
    if (!shardy__buf_reserve(b, n)) return;
    memmove(b->data + begin + n, b->data + begin, len);
    memcpy(b->data + begin, head, n);
    b->len += n;
}

void shardy__pb_packed(shardy__buf *b, uint32_t field, const uint64_t *v, size_t n) {
    if (!n) return;
    size_t run = shardy__pb_begin(b, field);
    for (size_t i = 0; i < n; i++) shardy__buf_varint(b, v[i]);
    shardy__pb_end(b, run);
}

/* ---- reading ---- */

static bool take_varint(shardy_slice *rest, uint64_t *v) {
    const uint8_t *p = rest->data;
    size_t n = shardy__get_varint(p, p + rest->len, v);
    rest->data = p + n;
    rest->len -= n;
    return n != 0;
}

int shardy__pb_next(shardy_slice *rest, shardy__pb_field *field) {
    uint64_t key, len;
    if (!rest->len) return 0;
    if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff) return -1;
    *field = (shardy__pb_field){.number = (uint32_t)(key >> 3), .wire = (shardy__pb_wire)(key & 7)};
    switch (field->wire) {
        case SHARDY__PB_VARINT:
            return take_varint(rest, &field->value) ? 1 : -1;
        case SHARDY__PB_FIXED64:
            len = 8;
            break;
        case SHARDY__PB_FIXED32:
            len = 4;
            break;
        case SHARDY__PB_LENGTH:
            if (!take_varint(rest, &len)) return -1;
            break;
        default:
            return -1;
    }
    if (len > rest->len) return -1;
    field->bytes = (shardy_slice){rest->data, (size_t)len};
    rest->data = (const uint8_t *)rest->data + len;
    rest->len -= (size_t)len;
    return 1;
}

bool shardy__pb_each(const shardy__pb_field *field, void (*fn)(void *ctx, uint64_t v), void *ctx) {
    if (field->wire == SHARDY__PB_VARINT) {
        fn(ctx, field->value);
        return true;
    }
    if (field->wire != SHARDY__PB_LENGTH) return false;
    shardy_slice rest = field->bytes;
    while (rest.len) {
        uint64_t v;
        if (!take_varint(&rest, &v)) return false;
        fn(ctx, v);
    }
    return true;
}

static void add_int(void *ctx, uint64_t v) {
    shardy__pb_ints *ints = ctx;
    if (ints->n < sizeof ints->v / sizeof *ints->v) ints->v[ints->n] = v;
    ints->n++;
}

/* Store one field where the caller wants it; false: not the wire type of its kind. */
static bool store(const shardy__pb_want *want, const shardy__pb_field *field) {
    shardy__pb_many *many = want->out;
    switch (want->kind) {
        case SHARDY__PB_UINT:
            if (field->wire != SHARDY__PB_VARINT) return false;
            *(uint64_t *)want->out = field->value;
            return true;
        case SHARDY__PB_BYTES:
            if (field->wire != SHARDY__PB_LENGTH) return false;
            *(shardy_slice *)want->out = field->bytes;
            return true;
        case SHARDY__PB_INTS:
            return shardy__pb_each(field, add_int, want->out);
        case SHARDY__PB_MANY:
            if (field->wire != SHARDY__PB_LENGTH) return false;
            if (many->n < sizeof many->v / sizeof *many->v) many->v[many->n] = field->bytes;
            many->n++;
            return true;
        case SHARDY__PB_SKIP_UINT:
            return field->wire == SHARDY__PB_VARINT;
        case SHARDY__PB_SKIP_BYTES:
            return field->wire == SHARDY__PB_LENGTH;
    }
    return false;
}

shardy_status shardy__pb_read(const char *url, const char *what, shardy_slice message,
                              const shardy__pb_want *wants, size_t n, shardy_error *err) {
    shardy__pb_field field;
    uint32_t seen = 0;
    int more;
    while ((more = shardy__pb_next(&message, &field)) > 0) {
        size_t i = 0;
        while (i < n && wants[i].number != field.number) i++;
        if (i == n) {
            return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: field %u of %s is not supported",
                                url, field.number, what);
        }
        bool single = wants[i].kind == SHARDY__PB_UINT || wants[i].kind == SHARDY__PB_BYTES;
        if ((single && seen >> i & 1) || !store(&wants[i], &field)) {
            return shardy__fail(err, SHARDY_E_CORRUPT, "%s: field %u of %s is malformed", url,
                                field.number, what);
        }
        seen |= 1u << i;
    }
    if (more < 0) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s is not a protobuf message", url, what);
    }
    return SHARDY_OK;
}

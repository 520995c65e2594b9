/* buf.c: see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

void shardy__buf_free(shardy__buf *b) {
    shardy__free(b->data);
    memset(b, 0, sizeof *b);
}

uint8_t *shardy__buf_reserve(shardy__buf *b, size_t len) {
    size_t need;
    if (b->failed || __builtin_add_overflow(b->len, len, &need) ||
        shardy__grow(&b->data, &b->cap, need, 1)) {
        b->failed = true;
        return NULL;
    }
    return b->data + b->len;
}

void shardy__buf_put(shardy__buf *b, const void *bytes, size_t len) {
    if (!len) return;
    uint8_t *p = shardy__buf_reserve(b, len);
    if (!p) return;
    memcpy(p, bytes, len);
    b->len += len;
}

void shardy__buf_fill(shardy__buf *b, uint8_t byte, size_t len) {
    uint8_t *p = shardy__buf_reserve(b, len);
    if (!p) return;
    memset(p, byte, len);
    b->len += len;
}

void shardy__buf_u8(shardy__buf *b, uint8_t v) { shardy__buf_put(b, &v, 1); }
void shardy__buf_le16(shardy__buf *b, uint16_t v) { shardy__buf_put(b, &v, 2); }
void shardy__buf_le32(shardy__buf *b, uint32_t v) { shardy__buf_put(b, &v, 4); }
void shardy__buf_le64(shardy__buf *b, uint64_t v) { shardy__buf_put(b, &v, 8); }
void shardy__buf_be16(shardy__buf *b, uint16_t v) { shardy__buf_le16(b, __builtin_bswap16(v)); }
void shardy__buf_be32(shardy__buf *b, uint32_t v) { shardy__buf_le32(b, __builtin_bswap32(v)); }
void shardy__buf_be64(shardy__buf *b, uint64_t v) { shardy__buf_le64(b, __builtin_bswap64(v)); }

void shardy__buf_varint(shardy__buf *b, uint64_t v) {
    uint8_t *p = shardy__buf_reserve(b, 10);
    if (p) b->len += shardy__put_varint(p, v);
}

void shardy__buf_str(shardy__buf *b, const char *s) { shardy__buf_put(b, s, strlen(s)); }

void shardy__buf_printf(shardy__buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *p = n < 0 ? NULL : shardy__buf_reserve(b, (size_t)n + 1);
    if (!p) {
        b->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf((char *)p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

/* Decode the character at p (valid UTF-8 is the caller's promise; a stray byte becomes U+FFFD). */
static uint32_t decode(const uint8_t *p, const uint8_t *end, size_t *n) {
    uint32_t c = p[0];
    size_t extra = c < 0x80 ? 0 : c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 4;
    *n = 1;
    if (!extra) return c;
    if (extra == 4 || (size_t)(end - p) <= extra) return 0xFFFD;
    c &= 0x3Fu >> extra;
    for (size_t i = 1; i <= extra; i++) c = c << 6 | (p[i] & 0x3F);
    *n = extra + 1;
    return c;
}

static void json_char(shardy__buf *b, uint32_t c) {
    static const char *const names[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    if (c == '"' || c == '\\') {
        shardy__buf_u8(b, '\\');
        shardy__buf_u8(b, (uint8_t)c);
    } else if (c < sizeof names / sizeof *names && names[c]) {
        shardy__buf_str(b, names[c]);
    } else if (c >= 0x20 && c < 0x7f) {
        shardy__buf_u8(b, (uint8_t)c);
    } else if (c < 0x10000) {
        shardy__buf_printf(b, "\\u%04x", (unsigned)c);
    } else {
        c -= 0x10000;
        shardy__buf_printf(b, "\\u%04x\\u%04x", (unsigned)(0xD800 + (c >> 10)),
                           (unsigned)(0xDC00 + (c & 0x3FF)));
    }
}

void shardy__buf_json_str(shardy__buf *b, const void *utf8, size_t len) {
    const uint8_t *p = utf8, *end = p + len;
    shardy__buf_u8(b, '"');
    while (p < end) {
        size_t n;
        json_char(b, decode(p, end, &n));
        p += n;
    }
    shardy__buf_u8(b, '"');
}

const char *shardy__buf_text(shardy__buf *b) {
    uint8_t *p = shardy__buf_reserve(b, 1);
    if (!p) return NULL;
    *p = 0;
    return (const char *)b->data;
}

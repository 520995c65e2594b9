/* buf.h: a growing byte buffer.
 *
 * Out of memory is sticky: appends after it do nothing and `failed` stays set, so that a message
 * can be built without a check per field and checked once at the end. A zeroed buffer is empty and
 * valid.
 */
#ifndef SHARDY_BASE_BUF_H
#define SHARDY_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct shardy__buf {
    uint8_t *data;
    size_t len, cap;
    bool failed;
} shardy__buf;

void shardy__buf_free(shardy__buf *b); /* leaves it empty and valid */
static inline void shardy__buf_clear(shardy__buf *b) { b->len = 0; }

/* Room for `len` more bytes at data + len, which the caller fills and then adds to `len`; NULL and
 * `failed` if there is none. */
uint8_t *shardy__buf_reserve(shardy__buf *b, size_t len);

void shardy__buf_put(shardy__buf *b, const void *bytes, size_t len);
void shardy__buf_fill(shardy__buf *b, uint8_t byte, size_t len);
void shardy__buf_u8(shardy__buf *b, uint8_t v);
void shardy__buf_le16(shardy__buf *b, uint16_t v);
void shardy__buf_le32(shardy__buf *b, uint32_t v);
void shardy__buf_le64(shardy__buf *b, uint64_t v);
void shardy__buf_be16(shardy__buf *b, uint16_t v);
void shardy__buf_be32(shardy__buf *b, uint32_t v);
void shardy__buf_be64(shardy__buf *b, uint64_t v);
void shardy__buf_varint(shardy__buf *b, uint64_t v);
void shardy__buf_str(shardy__buf *b, const char *s); /* without its NUL */
void shardy__buf_printf(shardy__buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string literal as Python's json.dumps writes it (ASCII, \uXXXX escapes) of UTF-8 text. */
void shardy__buf_json_str(shardy__buf *b, const void *utf8, size_t len);
/* NUL-terminate (the NUL is not counted) and return the text; NULL if `failed`. */
const char *shardy__buf_text(shardy__buf *b);

#endif

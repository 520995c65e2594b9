/* text.h: byte buffers, UTF-8, hexadecimal, base64, sizes and lists of numbers: what the command
 * does with text. Buffers grow as needed; a machine that has no memory left ends the command. */
#ifndef SHARDY_CLI_TEXT_H
#define SHARDY_CLI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing run of bytes. Zero it to begin; text_free to end. `data` is NUL-terminated once
 * something was appended, which `len` does not count. */
typedef struct text_buf {
    char *data;
    size_t len;
    size_t cap;
} text_buf;

void text_free(text_buf *buf);
void text_clear(text_buf *buf);
/* Make room for `more` further bytes and a NUL. */
void text_reserve(text_buf *buf, size_t more);
void text_add(text_buf *buf, const void *data, size_t len);
void text_add_str(text_buf *buf, const char *str);
void text_add_char(text_buf *buf, char c);
void text_addf(text_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text, never NULL. */
const char *text_cstr(const text_buf *buf);

/* realloc that ends the command with "out of memory" instead of failing. size must not be 0. */
void *text_alloc(void *old, size_t size);

/* What went wrong, in one line. */
typedef struct problem {
    char text[800];
} problem;
/* Fill `p`; always false, so that a function may `return problem_set(...)`. */
bool problem_set(problem *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Length of the longest prefix that is well-formed UTF-8 (RFC 3629); `len` if all of it is. */
size_t text_utf8_prefix(const void *data, size_t len);
bool text_is_utf8(const void *data, size_t len);

void text_add_hex(text_buf *buf, const void *data, size_t len);
void text_add_base64(text_buf *buf, const void *data, size_t len);
/* Append the bytes that `str` spells; false (and nothing appended) where it does not. */
bool text_decode_hex(text_buf *buf, const char *str, size_t len);
bool text_decode_base64(text_buf *buf, const char *str, size_t len);

/* Append bytes so that they fit in one line of a terminal: backslash, control characters and bytes
 * that are not UTF-8 become \\, \n, \t, \r or \xNN. */
void text_add_escaped(text_buf *buf, const void *data, size_t len);

/* Append "1.5 MB", "812 B" (powers of 1000). */
void text_add_size(text_buf *buf, uint64_t bytes);

/* Decimal numbers, whole string, no sign for the unsigned one. */
bool text_parse_u64(const char *str, uint64_t *out);
bool text_parse_i64(const char *str, size_t len, int64_t *out);
/* "4096", "64k", "2GiB", "1.5GB": KiB, MiB, GiB, TiB (also K, M, G, T) are powers of 1024;
 * KB, MB, GB, TB powers of 1000. */
bool text_parse_size(const char *str, uint64_t *out);
/* "0.1, -2e3,4" or "[1, 2]" appended to *floats (grown with text_alloc). */
bool text_parse_floats(const char *str, float **floats, size_t *n, problem *why);

#endif

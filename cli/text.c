/* text.c: byte buffers, UTF-8, hexadecimal, base64, sizes and lists of numbers.
 *
 * Sources: RFC 3629 (UTF-8), RFC 4648 (base64, base16).
 */
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static _Noreturn void out_of_memory(void) {
    fputs("shardy: out of memory\n", stderr);
    exit(1);
}

void *text_alloc(void *old, size_t size) {
    void *p = realloc(old, size);
    if (!p) out_of_memory();
    return p;
}

void text_free(text_buf *buf) {
    free(buf->data);
    *buf = (text_buf){0};
}

void text_clear(text_buf *buf) {
    buf->len = 0;
    if (buf->data) buf->data[0] = '\0';
}

void text_reserve(text_buf *buf, size_t more) {
    if (more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4) out_of_memory();
    size_t need = buf->len + more + 1;
    if (need <= buf->cap) return;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need) cap *= 2;
    buf->data = text_alloc(buf->data, cap);
    buf->cap = cap;
}

void text_add(text_buf *buf, const void *data, size_t len) {
    text_reserve(buf, len);
    if (len) memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void text_add_str(text_buf *buf, const char *str) { text_add(buf, str, strlen(str)); }

void text_add_char(text_buf *buf, char c) { text_add(buf, &c, 1); }

void text_addf(text_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        text_reserve(buf, (size_t)n);
        vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

const char *text_cstr(const text_buf *buf) { return buf->data ? buf->data : ""; }

bool problem_set(problem *p, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(p->text, sizeof p->text, fmt, args);
    va_end(args);
    return false;
}

/* Bytes of the UTF-8 character at `data`, 0 if there is none; n must not be 0. */
static size_t utf8_char(const void *data, size_t n) {
    const unsigned char *s = data;
    if (s[0] < 0x80) return 1;
    size_t len = s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (len == 0 || len > n) return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0; /* over-long */
    if (s[0] == 0xED && s[1] > 0x9F) return 0; /* surrogates */
    if (s[0] == 0xF0 && s[1] < 0x90) return 0; /* over-long */
    if (s[0] == 0xF4 && s[1] > 0x8F) return 0; /* above U+10FFFF */
    return len;
}

size_t text_utf8_prefix(const void *data, size_t len) {
    const unsigned char *s = data;
    size_t i = 0;
    while (i < len) {
        size_t n = utf8_char(s + i, len - i);
        if (n == 0) break;
        i += n;
    }
    return i;
}

bool text_is_utf8(const void *data, size_t len) { return text_utf8_prefix(data, len) == len; }

void text_add_hex(text_buf *buf, const void *data, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *s = data;
    text_reserve(buf, len > SIZE_MAX / 8 ? SIZE_MAX / 2 : len * 2);
    for (size_t i = 0; i < len; i++) {
        buf->data[buf->len++] = digits[s[i] >> 4];
        buf->data[buf->len++] = digits[s[i] & 15];
    }
    buf->data[buf->len] = '\0';
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool text_decode_hex(text_buf *buf, const char *str, size_t len) {
    if (len % 2) return false;
    size_t before = buf->len;
    text_reserve(buf, len / 2);
    for (size_t i = 0; i < len; i += 2) {
        int hi = hex_digit(str[i]), lo = hex_digit(str[i + 1]);
        if (hi < 0 || lo < 0) {
            buf->len = before;
            return false;
        }
        buf->data[buf->len++] = (char)(hi * 16 + lo);
    }
    buf->data[buf->len] = '\0';
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_add_base64(text_buf *buf, const void *data, size_t len) {
    const unsigned char *s = data;
    text_reserve(buf, len > SIZE_MAX / 8 ? SIZE_MAX / 2 : (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)s[i] << 16;
        if (left > 1) v |= (uint32_t)s[i + 1] << 8;
        if (left > 2) v |= s[i + 2];
        buf->data[buf->len++] = base64_digits[v >> 18];
        buf->data[buf->len++] = base64_digits[(v >> 12) & 63];
        buf->data[buf->len++] = left > 1 ? base64_digits[(v >> 6) & 63] : '=';
        buf->data[buf->len++] = left > 2 ? base64_digits[v & 63] : '=';
    }
    buf->data[buf->len] = '\0';
}

static int base64_digit(char c) {
    const char *at = c ? memchr(base64_digits, c, 64) : NULL;
    return at ? (int)(at - base64_digits) : -1;
}

bool text_decode_base64(text_buf *buf, const char *str, size_t len) {
    if (len % 4) return false;
    size_t before = buf->len;
    text_reserve(buf, len / 4 * 3);
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        size_t pad = last ? (size_t)(str[i + 3] == '=') + (size_t)(str[i + 2] == '=') : 0;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k >= 4 - pad ? 0 : base64_digit(str[i + k]);
            if (d < 0) {
                buf->len = before;
                return false;
            }
            v = v << 6 | (uint32_t)d;
        }
        for (size_t k = 0; k < 3 - pad; k++) buf->data[buf->len++] = (char)(v >> (16 - 8 * k));
    }
    buf->data[buf->len] = '\0';
    return true;
}

void text_add_escaped(text_buf *buf, const void *data, size_t len) {
    const unsigned char *s = data;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_char(s + i, len - i);
        if (s[i] == '\\') {
            text_add_str(buf, "\\\\");
        } else if (s[i] == '\n') {
            text_add_str(buf, "\\n");
        } else if (s[i] == '\t') {
            text_add_str(buf, "\\t");
        } else if (s[i] == '\r') {
            text_add_str(buf, "\\r");
        } else if (n == 0 || s[i] < 0x20 || s[i] == 0x7F) {
            text_addf(buf, "\\x%02x", s[i]);
        } else {
            text_add(buf, s + i, n);
        }
        i += n ? n : 1;
    }
}

void text_add_size(text_buf *buf, uint64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        text_addf(buf, "%u B", (unsigned)bytes);
        return;
    }
    double v = (double)bytes / 1000;
    size_t unit = 0;
    while (v >= 999.95 && unit < 5) v /= 1000, unit++;
    text_addf(buf, "%.1f %s", v, units[unit]);
}

bool text_parse_u64(const char *str, uint64_t *out) {
    uint64_t v = 0;
    if (!*str) return false;
    for (; *str; str++) {
        if (*str < '0' || *str > '9') return false;
        uint64_t digit = (uint64_t)(*str - '0');
        if (v > (UINT64_MAX - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool text_parse_i64(const char *str, size_t len, int64_t *out) {
    bool negative = len > 0 && str[0] == '-';
    size_t i = negative ? 1 : 0;
    uint64_t v = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (i == len) return false;
    for (; i < len; i++) {
        if (str[i] < '0' || str[i] > '9') return false;
        uint64_t digit = (uint64_t)(str[i] - '0');
        if (v > (limit - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *out = !negative ? (int64_t)v : v == limit ? INT64_MIN : -(int64_t)v;
    return true;
}

bool text_parse_size(const char *str, uint64_t *out) {
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"K", 1024.0},
                 {"KiB", 1024.0},
                 {"M", 1048576.0},
                 {"MiB", 1048576.0},
                 {"G", 1073741824.0},
                 {"GiB", 1073741824.0},
                 {"T", 1099511627776.0},
                 {"TiB", 1099511627776.0},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"TB", 1e12}};
    size_t n = strspn(str, "0123456789.");
    if (n == 0 || n > 30) return false;
    char *end = NULL;
    double v = strtod(str, &end);
    if (end != str + n) return false;
    while (*end == ' ') end++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(end, units[i].name)) continue;
        v *= units[i].factor;
        if (!(v < 9.2e18)) return false;
        *out = (uint64_t)v;
        return true;
    }
    return false;
}

bool text_parse_floats(const char *str, float **floats, size_t *n, problem *why) {
    const char *at = str + strspn(str, " \t\r\n");
    bool bracket = *at == '[';
    if (bracket) at++;
    size_t cap = *n;
    for (;;) {
        at += strspn(at, " \t\r\n");
        char *end = NULL;
        double v = strtod(at, &end);
        if (end == at) {
            return problem_set(why, "number %zu of the query is missing or not a number: '%.40s'",
                               *n + 1, at);
        }
        if (*n == cap) {
            cap = cap ? cap * 2 : 64;
            *floats = text_alloc(*floats, cap * sizeof **floats);
        }
        (*floats)[(*n)++] = (float)v;
        at = end + strspn(end, " \t\r\n");
        if (*at != ',') break;
        at++;
    }
    if (bracket && *at == ']')
        at += 1 + strspn(at + 1, " \t\r\n");
    else if (bracket)
        return problem_set(why, "the query's '[' is not closed");
    if (*at)
        return problem_set(why, "unexpected text after number %zu of the query: '%.40s'", *n, at);
    return true;
}

/* lance_json.c: see lance_json.h. A recursive scanner over a cursor; containers nest 16 deep at
 * most. */
#include "lance/lance_json.h"

#include <string.h>

enum { MAX_DEPTH = 16 };

typedef struct cursor {
    const char *p, *end;
} cursor;

static void space(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

/* Take `ch` if it is next behind white space. */
static bool take(cursor *c, char ch) {
    space(c);
    if (c->p == c->end || *c->p != ch) return false;
    c->p++;
    return true;
}

static bool digits(cursor *c) {
    const char *start = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') c->p++;
    return c->p > start;
}

static bool scan_number(cursor *c) {
    if (c->p < c->end && *c->p == '-') c->p++;
    const char *start = c->p;
    if (!digits(c) || (*start == '0' && c->p - start > 1)) return false;
    if (c->p < c->end && *c->p == '.') {
        c->p++;
        if (!digits(c)) return false;
    }
    if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-')) c->p++;
        if (!digits(c)) return false;
    }
    return true;
}

/* The digits of \u are looked at when the string is unescaped. */
static bool scan_string(cursor *c) {
    if (c->p == c->end || *c->p != '"') return false;
    for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
        if ((unsigned char)*c->p < 0x20) return false;
        if (*c->p != '\\') continue;
        if (++c->p == c->end || !memchr("\"\\/bfnrtu", *c->p, 9)) return false;
    }
    if (c->p == c->end) return false;
    c->p++;
    return true;
}

static bool scan_word(cursor *c, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len)) return false;
    c->p += len;
    return true;
}

static bool scan_value(cursor *c, unsigned depth);

static bool scan_members(cursor *c, unsigned depth, char close, bool keyed) {
    c->p++;
    if (take(c, close)) return true;
    do {
        space(c);
        if (keyed && (!scan_string(c) || !take(c, ':'))) return false;
        if (!scan_value(c, depth + 1)) return false;
    } while (take(c, ','));
    return take(c, close);
}

static bool scan_value(cursor *c, unsigned depth) {
    space(c);
    if (c->p == c->end || depth > MAX_DEPTH) return false;
    switch (*c->p) {
        case '"':
            return scan_string(c);
        case '{':
            return scan_members(c, depth, '}', true);
        case '[':
            return scan_members(c, depth, ']', false);
        case 't':
            return scan_word(c, "true");
        case 'f':
            return scan_word(c, "false");
        case 'n':
            return scan_word(c, "null");
        default:
            return scan_number(c);
    }
}

static cursor start(shardy_slice text) {
    const char *p = text.data;
    return (cursor){p, p + text.len};
}

bool shardy__lance_json_get(shardy_slice text, const char *key, shardy_slice *value) {
    cursor c = start(text);
    size_t key_len = strlen(key);
    *value = (shardy_slice){NULL, 0};
    if (!take(&c, '{')) return false;
    bool more = !take(&c, '}');
    while (more) {
        space(&c);
        const char *name = c.p + 1;
        if (!scan_string(&c)) return false;
        size_t name_len = (size_t)(c.p - 1 - name);
        if (!take(&c, ':')) return false;
        space(&c);
        const char *begin = c.p;
        if (!scan_value(&c, 0)) return false;
        if (name_len == key_len && !memcmp(name, key, key_len)) {
            if (value->data) return false;
            *value = (shardy_slice){begin, (size_t)(c.p - begin)};
        }
        more = take(&c, ',');
        if (!more && !take(&c, '}')) return false;
    }
    space(&c);
    return c.p == c.end;
}

bool shardy__lance_json_each(shardy_slice text, bool (*fn)(void *ctx, shardy_slice value),
                             void *ctx) {
    cursor c = start(text);
    if (!take(&c, '[')) return false;
    bool more = !take(&c, ']');
    while (more) {
        space(&c);
        const char *begin = c.p;
        if (!scan_value(&c, 0) || !fn(ctx, (shardy_slice){begin, (size_t)(c.p - begin)}))
            return false;
        more = take(&c, ',');
        if (!more && !take(&c, ']')) return false;
    }
    space(&c);
    return c.p == c.end;
}

static bool hex4(const char *p, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char h = p[i];
        uint32_t d = h >= '0' && h <= '9'   ? (uint32_t)(h - '0')
                     : h >= 'a' && h <= 'f' ? (uint32_t)(h - 'a' + 10)
                     : h >= 'A' && h <= 'F' ? (uint32_t)(h - 'A' + 10)
                                            : 16;
        if (d > 15) return false;
        *out = *out << 4 | d;
    }
    return true;
}

static void put_utf8(shardy__buf *b, uint32_t c) {
    if (c < 0x80) {
        shardy__buf_u8(b, (uint8_t)c);
        return;
    }
    int extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xC0, 0xE0, 0xF0};
    shardy__buf_u8(b, (uint8_t)(first[extra] | c >> (6 * extra)));
    while (extra-- > 0) shardy__buf_u8(b, (uint8_t)(0x80 | (c >> (6 * extra) & 0x3F)));
}

/* The escape behind a backslash at *p; surrogates must come in pairs. */
static bool unescape(const char **p, const char *end, shardy__buf *out) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *q = *p;
    uint32_t c, low;
    if (*q != 'u') {
        const char *at = strchr(names, *q);
        if (!at) return false;
        shardy__buf_u8(out, (uint8_t)values[at - names]);
        *p = q + 1;
        return true;
    }
    if (end - q < 5 || !hex4(q + 1, &c)) return false;
    q += 5;
    if (c >= 0xDC00 && c < 0xE000) return false;
    if (c >= 0xD800 && c < 0xDC00) {
        if (end - q < 6 || q[0] != '\\' || q[1] != 'u' || !hex4(q + 2, &low)) return false;
        if (low < 0xDC00 || low > 0xDFFF) return false;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        q += 6;
    }
    put_utf8(out, c);
    *p = q;
    return true;
}

bool shardy__lance_json_text(shardy_slice value, shardy__buf *out) {
    cursor c = start(value);
    if (!scan_string(&c) || c.p != c.end) return false;
    const char *p = (const char *)value.data + 1, *end = c.end - 1;
    while (p < end) {
        const char *plain = memchr(p, '\\', (size_t)(end - p));
        if (!plain) plain = end;
        shardy__buf_put(out, p, (size_t)(plain - p));
        p = plain;
        if (p == end) break;
        p++;
        if (!unescape(&p, end, out)) return false;
    }
    return true;
}

bool shardy__lance_json_uint(shardy_slice value, uint64_t *out) {
    cursor c = start(value);
    *out = 0;
    for (; c.p < c.end; c.p++) {
        if (*c.p < '0' || *c.p > '9') return false;
        if (__builtin_mul_overflow(*out, 10, out)) return false;
        if (__builtin_add_overflow(*out, (uint64_t)(*c.p - '0'), out)) return false;
    }
    return value.len > 0 && !(value.len > 1 && *(const char *)value.data == '0');
}

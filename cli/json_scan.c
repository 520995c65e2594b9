/* json_scan.c: a strict JSON reader that yields pieces of the text.
 *
 * Source: RFC 8259. Strings must be UTF-8 and escapes must pair surrogates, so that every string
 * can be written out as UTF-8. Short decimal numbers are converted exactly by one division or
 * multiplication (Clinger, "How to read floating point numbers accurately", 1990: both operands are
 * exact doubles); the others by strtod.
 */
#include "json_scan.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 512 };

void json_scan_init(json_scan *s, const char *text, size_t len) {
    *s = (json_scan){text, text, text + len, NULL};
}

static bool fail(json_scan *s, const char *text) {
    s->problem = text;
    return false;
}

static void skip_space(json_scan *s) {
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

static int hex4(const char *at) {
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* s->at is behind a backslash. */
static bool scan_escape(json_scan *s) {
    if (s->at == s->end) return fail(s, "the string is not closed");
    char c = *s->at;
    if (c != 'u') {
        if (!c || !strchr("\"\\/bfnrt", c)) return fail(s, "unknown escape in a string");
        s->at++;
        return true;
    }
    int unit = s->end - s->at >= 5 ? hex4(s->at + 1) : -1;
    if (unit < 0) return fail(s, "\\u needs four hexadecimal digits");
    if (unit >= 0xDC00 && unit <= 0xDFFF) return fail(s, "second half of a surrogate pair alone");
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        int low =
            s->end - s->at >= 11 && s->at[5] == '\\' && s->at[6] == 'u' ? hex4(s->at + 7) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return fail(s, "first half of a surrogate pair alone");
        s->at += 6;
    }
    s->at += 5;
    return true;
}

/* s->at is at the opening quote. */
static bool scan_string(json_scan *s, json_value *out) {
    *out = (json_value){JSON_STRING, s->at, 0, false};
    s->at++;
    for (;;) {
        while (s->at < s->end) {
            unsigned char c = (unsigned char)*s->at;
            if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) break;
            s->at++;
        }
        if (s->at == s->end) return fail(s, "the string is not closed");
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') break;
        if (c == '\\') {
            out->escaped = true;
            s->at++;
            if (!scan_escape(s)) return false;
        } else if (c < 0x20) {
            return fail(s, "control character in a string");
        } else {
            size_t n = text_utf8_char(s->at, (size_t)(s->end - s->at));
            if (n == 0) return fail(s, "the string is not UTF-8");
            s->at += n;
        }
    }
    s->at++;
    out->len = (size_t)(s->at - out->at);
    return true;
}

/* A number as it is read: digits * 10^exponent. More than 19 digits overflow `digits`. */
typedef struct decimal {
    uint64_t digits;
    size_t n; /* digits, leading zeros too */
    int64_t exponent;
    bool negative;
} decimal;

static bool scan_digits(json_scan *s, decimal *d) {
    const char *before = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        d->digits = d->digits * 10 + (uint64_t)(*s->at - '0');
    }
    d->n += (size_t)(s->at - before);
    return s->at > before || fail(s, "a digit is missing");
}

/* s->at is behind the 'e'. An exponent of six digits or more is as good as infinite. */
static bool scan_exponent(json_scan *s, decimal *d) {
    bool negative = s->at < s->end && *s->at == '-';
    if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
    decimal e = {0};
    if (!scan_digits(s, &e)) return false;
    int64_t value = e.n > 5 ? 99999 : (int64_t)e.digits;
    d->exponent += negative ? -value : value;
    return true;
}

/* s->at is at a '-' or a digit. */
static bool scan_number(json_scan *s, json_value *out, decimal *d) {
    *out = (json_value){JSON_NUMBER, s->at, 0, false};
    *d = (decimal){.negative = *s->at == '-'};
    if (d->negative) s->at++;
    if (s->at < s->end && *s->at == '0') {
        s->at++;
    } else if (!scan_digits(s, d)) {
        return false;
    }
    if (s->at < s->end && *s->at == '.') {
        const char *fraction = ++s->at;
        if (!scan_digits(s, d)) return false;
        d->exponent = fraction - s->at;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (!scan_exponent(s, d)) return false;
    }
    out->len = (size_t)(s->at - out->at);
    return true;
}

static bool scan_word(json_scan *s, json_value *out) {
    static const struct {
        const char *text;
        json_type type;
    } words[] = {{"null", JSON_NULL}, {"true", JSON_TRUE}, {"false", JSON_FALSE}};
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(words[i].text);
        if ((size_t)(s->end - s->at) < len || memcmp(s->at, words[i].text, len)) continue;
        *out = (json_value){words[i].type, s->at, len, false};
        s->at += len;
        return true;
    }
    return fail(s, "not JSON");
}

static bool scan_scalar(json_scan *s, json_value *out) {
    if (s->at == s->end) return fail(s, "a value is missing");
    if (*s->at == '"') return scan_string(s, out);
    decimal ignored;
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) return scan_number(s, out, &ignored);
    return scan_word(s, out);
}

/* "name" : */
static bool scan_name(json_scan *s, json_value *name) {
    skip_space(s);
    if (s->at == s->end || *s->at != '"') return fail(s, "a member's name in quotes is missing");
    if (!scan_string(s, name)) return false;
    skip_space(s);
    if (s->at == s->end || *s->at != ':') return fail(s, "':' is missing");
    s->at++;
    skip_space(s);
    return true;
}

/* Behind a value inside of `depth` brackets: close what closes, step over a comma. */
static bool after_value(json_scan *s, const char *open, size_t *depth) {
    json_value name;
    while (*depth > 0) {
        skip_space(s);
        char close = open[*depth - 1] == '{' ? '}' : ']';
        if (s->at < s->end && *s->at == close) {
            s->at++;
            (*depth)--;
            continue;
        }
        if (s->at == s->end || *s->at != ',') {
            return fail(s, close == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
        }
        s->at++;
        return close == '}' ? scan_name(s, &name) : true;
    }
    return true;
}

bool json_scan_value(json_scan *s, json_value *out) {
    char open[DEPTH_MAX];
    size_t depth = 0;
    skip_space(s);
    const char *start = s->at;
    do {
        skip_space(s);
        json_value scalar, name;
        if (s->at < s->end && (*s->at == '{' || *s->at == '[')) {
            if (depth == DEPTH_MAX) return fail(s, "nested too deeply");
            open[depth++] = *s->at++;
            skip_space(s);
            if (s->at < s->end && *s->at == (open[depth - 1] == '{' ? '}' : ']')) {
                s->at++;
                depth--;
                if (!after_value(s, open, &depth)) return false;
            } else if (open[depth - 1] == '{' && !scan_name(s, &name)) {
                return false;
            }
            continue;
        }
        if (!scan_scalar(s, &scalar)) return false;
        if (depth == 0) {
            *out = scalar;
            return true;
        }
        if (!after_value(s, open, &depth)) return false;
    } while (depth > 0);
    *out = (json_value){*start == '{' ? JSON_OBJECT : JSON_ARRAY, start, (size_t)(s->at - start),
                        false};
    return true;
}

bool json_scan_finish(json_scan *s) {
    skip_space(s);
    return s->at == s->end || fail(s, "unexpected text behind the value");
}

bool json_scan_open(json_scan *s) {
    skip_space(s);
    if (s->at == s->end || *s->at != '{') return fail(s, "not a JSON object");
    s->at++;
    return true;
}

bool json_scan_member(json_scan *s, bool *more, json_value *name) {
    bool first = s->at[-1] == '{'; /* else the end of the last member's value */
    skip_space(s);
    *more = s->at == s->end || *s->at != '}';
    if (!*more) {
        s->at++;
        return true;
    }
    if (!first) {
        if (s->at == s->end || *s->at != ',') return fail(s, "',' or '}' is missing");
        s->at++;
    }
    return scan_name(s, name);
}

/* The nearest double to a number that was read at `text`. */
static double decimal_value(const decimal *d, const char *text) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->n > 19 || d->digits > (uint64_t)1 << 53 || d->exponent < -22 || d->exponent > 22) {
        return strtod(text, NULL); /* ends at the ',' or ']' behind the number */
    }
    double v = (double)d->digits;
    v = d->exponent < 0 ? v / powers[-d->exponent] : v * powers[d->exponent];
    return d->negative ? -v : v;
}

bool json_scan_floats(json_scan *s, float **floats, size_t *cap, size_t *n) {
    *n = 0;
    if (s->at == s->end || *s->at != '[') return fail(s, "not an array of numbers");
    s->at++;
    skip_space(s);
    if (s->at < s->end && *s->at == ']') {
        s->at++;
        return true;
    }
    for (;;) {
        skip_space(s);
        json_value number;
        decimal d;
        if (s->at == s->end || (*s->at != '-' && (*s->at < '0' || *s->at > '9'))) {
            return fail(s, "not a number");
        }
        if (!scan_number(s, &number, &d)) return false;
        if (*n == *cap) {
            *cap = *cap ? *cap * 2 : 512;
            *floats = text_alloc(*floats, *cap * sizeof **floats);
        }
        (*floats)[(*n)++] = (float)decimal_value(&d, number.at);
        skip_space(s);
        if (s->at < s->end && *s->at == ']') break;
        if (s->at == s->end || *s->at != ',') return fail(s, "',' or ']' is missing");
        s->at++;
    }
    s->at++;
    return true;
}

/* ---- values ---- */

static void add_utf8(text_buf *out, uint32_t c) {
    if (c < 0x80) {
        text_add_char(out, (char)c);
    } else if (c < 0x800) {
        text_add_char(out, (char)(0xC0 | c >> 6));
        text_add_char(out, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        text_add_char(out, (char)(0xE0 | c >> 12));
        text_add_char(out, (char)(0x80 | (c >> 6 & 63)));
        text_add_char(out, (char)(0x80 | (c & 63)));
    } else {
        text_add_char(out, (char)(0xF0 | c >> 18));
        text_add_char(out, (char)(0x80 | (c >> 12 & 63)));
        text_add_char(out, (char)(0x80 | (c >> 6 & 63)));
        text_add_char(out, (char)(0x80 | (c & 63)));
    }
}

void json_scan_string(const json_value *string, text_buf *out) {
    const char *at = string->at + 1, *end = string->at + string->len - 1;
    if (!string->escaped) {
        text_add(out, at, (size_t)(end - at));
        return;
    }
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        text_add(out, at, plain);
        if (!slash) return;
        char c = slash[1];
        at = slash + 2;
        if (c != 'u') {
            static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
            const char *known = strchr(from, c);
            text_add_char(out, known ? to[known - from] : c);
            continue;
        }
        uint32_t unit = (uint32_t)hex4(at);
        at += 4;
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + ((uint32_t)hex4(at + 2) - 0xDC00);
            at += 6;
        }
        add_utf8(out, unit);
    }
}

bool json_scan_string_is(const json_value *string, const char *text, size_t len,
                         text_buf *scratch) {
    if (!string->escaped) return string->len == len + 2 && !memcmp(string->at + 1, text, len);
    text_clear(scratch);
    json_scan_string(string, scratch);
    return scratch->len == len && !memcmp(scratch->data, text, len);
}

bool json_scan_integer(const json_value *number, int64_t *out) {
    return number->type == JSON_NUMBER && text_parse_i64(number->at, number->len, out);
}

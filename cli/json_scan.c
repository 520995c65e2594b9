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

static void scan_digits(json_scan *s) {
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
}

static bool need_digits(json_scan *s) {
    const char *before = s->at;
    scan_digits(s);
    return s->at > before || fail(s, "a digit is missing");
}

static bool scan_number(json_scan *s, json_value *out) {
    *out = (json_value){JSON_NUMBER, s->at, 0, false};
    if (*s->at == '-') s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!need_digits(s))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!need_digits(s)) return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
        if (!need_digits(s)) return false;
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
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) return scan_number(s, out);
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

bool json_scan_open(json_scan *s, char bracket) {
    skip_space(s);
    if (s->at == s->end || *s->at != bracket) {
        return fail(s, bracket == '{' ? "not a JSON object" : "not a JSON array");
    }
    s->at++;
    return true;
}

/* Step to the next item of a container; *more is false behind its closing bracket. */
static bool next_item(json_scan *s, char close, bool *more) {
    const char *before = s->at - 1; /* the opening bracket or the end of the last item */
    skip_space(s);
    bool first = *before == (close == '}' ? '{' : '[');
    if (s->at < s->end && *s->at == close) {
        s->at++;
        *more = false;
        return true;
    }
    *more = true;
    if (first) return true;
    if (s->at == s->end || *s->at != ',') {
        return fail(s, close == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
    }
    s->at++;
    return true;
}

bool json_scan_member(json_scan *s, bool *more, json_value *name, json_value *value) {
    if (!next_item(s, '}', more)) return false;
    return !*more || (scan_name(s, name) && json_scan_value(s, value));
}

bool json_scan_element(json_scan *s, bool *more, json_value *value) {
    if (!next_item(s, ']', more)) return false;
    return !*more || json_scan_value(s, value);
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

void json_string(const json_value *string, text_buf *out) {
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

bool json_string_is(const json_value *string, const char *text, size_t len, text_buf *scratch) {
    if (!string->escaped) return string->len == len + 2 && !memcmp(string->at + 1, text, len);
    text_clear(scratch);
    json_string(string, scratch);
    return scratch->len == len && !memcmp(scratch->data, text, len);
}

bool json_integer(const json_value *number, int64_t *out) {
    return number->type == JSON_NUMBER && text_parse_i64(number->at, number->len, out);
}

double json_double(const json_value *number) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *at = number->at, *end = at + number->len;
    bool negative = *at == '-';
    if (negative) at++;
    uint64_t digits = 0;
    int exponent = 0, n = 0;
    for (bool fraction = false; at < end; at++) {
        if (*at == '.') {
            fraction = true;
        } else if (*at >= '0' && *at <= '9') {
            if (++n > 19) break;
            digits = digits * 10 + (uint64_t)(*at - '0');
            exponent -= fraction;
        } else {
            break;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E') && end - at <= 5) {
        bool minus = at[1] == '-';
        int e = 0;
        for (at += at[1] == '-' || at[1] == '+' ? 2 : 1; at < end; at++) e = e * 10 + (*at - '0');
        exponent += minus ? -e : e;
    }
    if (at < end || digits > (uint64_t)1 << 53 || exponent < -22 || exponent > 22) {
        return strtod(number->at, NULL); /* the text goes on with ',' or ']' or ends in a NUL */
    }
    double v = (double)digits;
    v = exponent < 0 ? v / powers[-exponent] : v * powers[exponent];
    return negative ? -v : v;
}

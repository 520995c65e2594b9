/* snapshot_json.c: a JSON checker and a cursor over checked text (RFC 8259); see snapshot_json.h.
 */
#include "snapshot/snapshot_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/utf8.h"

/* ---- checking ---- */

typedef struct checker {
    const char *text, *at, *end;
    bool python;
    const char *rule;
} checker;

static bool refuse(checker *c, const char *rule) {
    c->rule = rule;
    return false;
}

static const char *after_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

static bool digit(const checker *c) { return c->at < c->end && *c->at >= '0' && *c->at <= '9'; }

static int hex_digit(char ch) {
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static bool check_escape(checker *c) {
    c->at++; /* the backslash */
    if (c->at == c->end) return refuse(c, "the string has no end");
    char ch = *c->at;
    if (ch == 'u') {
        for (int i = 1; i <= 4; i++) {
            if (c->end - c->at <= i || hex_digit(c->at[i]) < 0) {
                return refuse(c, "\\u needs four hexadecimal digits");
            }
        }
        c->at += 5;
        return true;
    }
    if (!ch || !strchr("\"\\/bfnrt", ch)) return refuse(c, "unknown escape in a string");
    c->at++;
    return true;
}

static bool check_string(checker *c) {
    c->at++; /* the quote */
    while (c->at < c->end) {
        unsigned char ch = (unsigned char)*c->at;
        if (ch == '"') {
            c->at++;
            return true;
        }
        if (ch == '\\') {
            if (!check_escape(c)) return false;
            continue;
        }
        if (ch < 0x20) return refuse(c, "control character in a string");
        size_t n = shardy__utf8_char(c->at, (size_t)(c->end - c->at));
        if (!n) return refuse(c, "not UTF-8");
        c->at += n;
    }
    return refuse(c, "the string has no end");
}

static bool check_digits(checker *c) {
    if (!digit(c)) return refuse(c, "expected a digit");
    while (digit(c)) c->at++;
    return true;
}

static bool check_word(checker *c, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0) {
        return refuse(c, "expected a value");
    }
    c->at += len;
    return true;
}

static bool check_number(checker *c) {
    if (*c->at == '-') c->at++;
    if (c->python && c->at < c->end && *c->at == 'I') return check_word(c, "Infinity");
    if (digit(c) && *c->at == '0') {
        c->at++;
        if (digit(c)) return refuse(c, "a number must not begin with 0");
    } else if (!check_digits(c)) {
        return false;
    }
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!check_digits(c)) return false;
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-')) c->at++;
        if (!check_digits(c)) return false;
    }
    return true;
}

static bool check_scalar(checker *c) {
    switch (*c->at) {
        case '"':
            return check_string(c);
        case 't':
            return check_word(c, "true");
        case 'f':
            return check_word(c, "false");
        case 'n':
            return check_word(c, "null");
        case 'N':
            return c->python ? check_word(c, "NaN") : refuse(c, "expected a value");
        case 'I':
            return c->python ? check_word(c, "Infinity") : refuse(c, "expected a value");
        default:
            break;
    }
    if (*c->at == '-' || digit(c)) return check_number(c);
    return refuse(c, "expected a value");
}

static bool check_key(checker *c) {
    c->at = after_space(c->at, c->end);
    if (c->at == c->end || *c->at != '"') return refuse(c, "expected a key in quotes");
    if (!check_string(c)) return false;
    c->at = after_space(c->at, c->end);
    if (c->at == c->end || *c->at != ':') return refuse(c, "expected ':'");
    c->at++;
    return true;
}

/* What follows a value: true if there is another value at `at`, false if the text is at its end or
 * refused (c->rule). `open` holds the closing characters of what is open. */
static bool check_after_value(checker *c, const char *open, size_t *depth) {
    while (*depth) {
        char close = open[*depth - 1];
        c->at = after_space(c->at, c->end);
        if (c->at < c->end && *c->at == ',') {
            c->at++;
            return close == ']' || check_key(c);
        }
        if (c->at == c->end || *c->at != close) {
            return refuse(c, close == ']' ? "expected ',' or ']'" : "expected ',' or '}'");
        }
        c->at++;
        --*depth;
    }
    return false;
}

static bool check_text(checker *c) {
    char open[SHARDY__JSON_DEPTH];
    size_t depth = 0;
    do {
        c->at = after_space(c->at, c->end);
        if (c->at == c->end) return refuse(c, "the text ends too early");
        if (*c->at == '{' || *c->at == '[') {
            if (depth == SHARDY__JSON_DEPTH) return refuse(c, "nested deeper than 64 levels");
            char close = open[depth++] = *c->at++ == '{' ? '}' : ']';
            c->at = after_space(c->at, c->end);
            if (c->at < c->end && *c->at == close) {
                c->at++;
                depth--;
            } else if (close == '}' && !check_key(c)) {
                return false;
            } else {
                continue; /* the first item follows */
            }
        } else if (!check_scalar(c)) {
            return false;
        }
        if (!check_after_value(c, open, &depth)) return !c->rule;
    } while (true);
}

bool shardy__json_check(const char *text, size_t len, bool python, shardy__json *out,
                        shardy__json_error *error) {
    checker c = {text, text, text + len, python, NULL};
    const char *start = after_space(text, c.end);
    bool ok = check_text(&c);
    *out = (shardy__json){start, (size_t)(c.at - start)};
    if (ok) {
        c.at = after_space(c.at, c.end);
        if (c.at != c.end) ok = refuse(&c, "expected the end of the text");
    }
    *error = (shardy__json_error){(size_t)(c.at - text), c.rule};
    return ok;
}

/* ---- walking checked text ---- */

shardy__json_type shardy__json_type_of(shardy__json value) {
    if (!value.at) return SHARDY__JSON_ABSENT;
    switch (*value.at) {
        case '{':
            return SHARDY__JSON_OBJECT;
        case '[':
            return SHARDY__JSON_ARRAY;
        case '"':
            return SHARDY__JSON_STRING;
        case 't':
        case 'f':
            return SHARDY__JSON_BOOL;
        case 'n':
            return SHARDY__JSON_NULL;
        default:
            return SHARDY__JSON_NUMBER;
    }
}

static const char *skip_space(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++;
    return at;
}

static const char *skip_string(const char *at) {
    for (at++; *at != '"'; at++) {
        if (*at == '\\') at++;
    }
    return at + 1;
}

/* The end of the value that begins at `at`. A value that is walked always lies inside an object or
 * an array, so that a closing character follows it. */
static const char *skip_value(const char *at) {
    if (*at == '"') return skip_string(at);
    if (*at != '{' && *at != '[') {
        while (!strchr(",]} \t\n\r", *at)) at++;
        return at;
    }
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        at++;
    } while (depth);
    return at;
}

shardy__json_iter shardy__json_begin(shardy__json value) {
    return (shardy__json_iter){value.at + 1};
}

bool shardy__json_next(shardy__json_iter *iter, shardy__json *key, shardy__json *value) {
    const char *at = skip_space(iter->at);
    *key = *value = (shardy__json){NULL, 0};
    if (*at == ',') at = skip_space(at + 1);
    if (*at == '}' || *at == ']') return false;
    const char *end = skip_value(at);
    const char *colon = skip_space(end);
    if (*at == '"' && *colon == ':') {
        *key = (shardy__json){at, (size_t)(end - at)};
        at = skip_space(colon + 1);
        end = skip_value(at);
    }
    *value = (shardy__json){at, (size_t)(end - at)};
    iter->at = end;
    return true;
}

static uint32_t hex4(const char *at) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 4 | (uint32_t)hex_digit(at[i]);
    return v;
}

/* The escape after the backslash at `at`; sets *c and returns what follows. */
static const char *read_escape(const char *at, uint32_t *c) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *known = strchr(from, at[1]);
    if (at[1] != 'u') {
        *c = (uint32_t)(unsigned char)(known ? to[known - from] : at[1]);
        return at + 2;
    }
    *c = hex4(at + 2);
    at += 6;
    if ((*c & 0xFC00) == 0xD800 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex4(at + 2);
        if ((low & 0xFC00) == 0xDC00) {
            *c = 0x10000 + ((*c & 0x3FF) << 10 | (low & 0x3FF));
            at += 6;
        }
    }
    return at;
}

static size_t put_utf8(uint8_t out[4], uint32_t c) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3F));
    out[0] = (uint8_t)((0xF00u >> n & 0xF0) | c);
    return n;
}

/* The next character of a string as UTF-8; returns what follows. */
static const char *read_char(const char *at, uint8_t out[4], size_t *n) {
    if (*at != '\\') {
        out[0] = (uint8_t)*at;
        *n = 1;
        return at + 1;
    }
    uint32_t c;
    at = read_escape(at, &c);
    *n = put_utf8(out, c);
    return at;
}

bool shardy__json_is(shardy__json string, const char *text) {
    const char *at = string.at + 1;
    while (*at != '"') {
        uint8_t bytes[4];
        size_t n;
        at = read_char(at, bytes, &n);
        for (size_t i = 0; i < n; i++, text++) {
            if (!*text || (uint8_t)*text != bytes[i]) return false;
        }
    }
    return !*text;
}

void shardy__json_unescape(shardy__json string, shardy__buf *out) {
    const char *at = string.at + 1;
    while (*at != '"') {
        size_t plain = strcspn(at, "\\\"");
        shardy__buf_put(out, at, plain);
        at += plain;
        if (*at != '\\') continue;
        uint8_t bytes[4];
        size_t n;
        at = read_char(at, bytes, &n);
        shardy__buf_put(out, bytes, n);
    }
}

shardy__json shardy__json_get(shardy__json object, const char *name) {
    shardy__json_iter it = shardy__json_begin(object);
    shardy__json key, value, found = {NULL, 0};
    while (shardy__json_next(&it, &key, &value)) {
        if (shardy__json_is(key, name)) found = value;
    }
    return found;
}

bool shardy__json_u64(shardy__json value, uint64_t *out) {
    uint64_t v = 0;
    if (!value.at) return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') return false;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(value.at[i] - '0'), &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

/* ---- writing ---- */

typedef struct member {
    shardy__buf name; /* unescaped */
    shardy__json value;
} member;

static int by_name(const void *a, const void *b) {
    const member *x = a, *y = b;
    return shardy__slice_cmp(x->name.data, x->name.len, y->name.data, y->name.len);
}

static shardy_status collect(shardy__json object, member **out, size_t *n, shardy_error *err) {
    shardy__json_iter it = shardy__json_begin(object);
    shardy__json key, value;
    size_t cap = 0;
    while (shardy__json_next(&it, &key, &value)) {
        if (shardy__grow(out, &cap, *n + 1, sizeof **out)) return shardy__fail_nomem(err);
        member *m = &(*out)[(*n)++];
        *m = (member){.value = value};
        shardy__json_unescape(key, &m->name);
        if (m->name.failed) return shardy__fail_nomem(err);
    }
    if (*n > 1) qsort(*out, *n, sizeof **out, by_name);
    for (size_t i = 1; i < *n; i++) {
        if (by_name(&(*out)[i - 1], &(*out)[i]) != 0) continue;
        char text[100];
        return shardy__fail(
            err, SHARDY_E_CONFIG, "key %s occurs twice in one object",
            shardy__quote(text, sizeof text, (*out)[i].name.data, (*out)[i].name.len));
    }
    return SHARDY_OK;
}

static shardy_status canonical_object(shardy__json object, shardy__buf *out, shardy_error *err) {
    member *members = NULL;
    size_t n = 0;
    shardy_status rc = collect(object, &members, &n, err);
    if (rc) goto done;
    shardy__buf_u8(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i) shardy__buf_str(out, ", ");
        shardy__buf_json_str(out, members[i].name.data, members[i].name.len);
        shardy__buf_str(out, ": ");
        rc = shardy__json_canonical(members[i].value, out, err);
        if (rc) goto done;
    }
    shardy__buf_u8(out, '}');
done:
    for (size_t i = 0; i < n; i++) shardy__buf_free(&members[i].name);
    shardy__free(members);
    return rc;
}

static shardy_status canonical_array(shardy__json array, shardy__buf *out, shardy_error *err) {
    shardy__json_iter it = shardy__json_begin(array);
    shardy__json key, value;
    shardy__buf_u8(out, '[');
    for (size_t i = 0; shardy__json_next(&it, &key, &value); i++) {
        if (i) shardy__buf_str(out, ", ");
        SHARDY_TRY(shardy__json_canonical(value, out, err));
    }
    shardy__buf_u8(out, ']');
    return SHARDY_OK;
}

static shardy_status canonical_string(shardy__json string, shardy__buf *out, shardy_error *err) {
    shardy__buf text = {0};
    shardy__json_unescape(string, &text);
    bool failed = text.failed;
    if (!failed) shardy__buf_json_str(out, text.data, text.len);
    shardy__buf_free(&text);
    return failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

shardy_status shardy__json_canonical(shardy__json value, shardy__buf *out, shardy_error *err) {
    shardy_status rc = SHARDY_OK;
    switch (shardy__json_type_of(value)) {
        case SHARDY__JSON_OBJECT:
            rc = canonical_object(value, out, err);
            break;
        case SHARDY__JSON_ARRAY:
            rc = canonical_array(value, out, err);
            break;
        case SHARDY__JSON_STRING:
            rc = canonical_string(value, out, err);
            break;
        default:
            shardy__buf_put(out, value.at, value.len);
            break;
    }
    return rc ? rc : out->failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

/* json.c: see json.h. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

shardy_status shardy__json_parse(const char *what, const void *text, size_t len, size_t flags,
                                 shardy_status code, json_t **out, shardy_error *err) {
    json_error_t e;
    *out = NULL;
    if (len > SHARDY__JSON_MAX) {
        return shardy__fail(err, code, "%s: %zu bytes of JSON; at most %zu are allowed", what, len,
                            SHARDY__JSON_MAX);
    }
    if (len && memchr(text, 0, len)) { /* behind a number jansson would drop it */
        return shardy__fail(err, code, "%s: invalid JSON: a NUL byte", what);
    }
    *out = json_loadb(len ? text : "", len, flags | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    if (*out) return SHARDY_OK;
    /* A failed allocation inside the tree leaves no text. */
    if (!e.text[0] || json_error_code(&e) == json_error_out_of_memory) {
        return shardy__fail_nomem(err);
    }
    for (char *p = e.text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?'; /* it quotes the input */
    }
    return shardy__fail(err, code, "%s: invalid JSON at line %d, column %d: %s", what, e.line,
                        e.column, e.text);
}

bool shardy__json_u64(const json_t *value, uint64_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

const char *shardy__json_text(const json_t *value) {
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static int append(const char *bytes, size_t len, void *out) {
    shardy__buf_put(out, bytes, len);
    return ((shardy__buf *)out)->failed ? -1 : 0;
}

shardy_status shardy__json_put(shardy__buf *out, const json_t *value, shardy_error *err) {
    size_t flags = JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_ENSURE_ASCII;
    return json_dump_callback(value, append, out, flags) ? shardy__fail_nomem(err) : SHARDY_OK;
}

const char *shardy__json_quote(char *dst, size_t size, const json_t *value) {
    char text[200]; /* more than any message has room for */
    size_t len = value ? json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY) : 0;
    if (!len) {
        snprintf(dst, size, "missing");
        return dst;
    }
    return shardy__quote(dst, size, text, len < sizeof text ? len : sizeof text);
}

/* error.c: status tables and error messages. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct status_row {
    const char *name, *text, *python;
    bool retryable;
};

static const struct status_row status_rows[] = {
#define SHARDY_X(name, value, text, retryable, python) [value] = {#name, text, python, retryable},
    SHARDY_STATUS_MAP(SHARDY_X)
#undef SHARDY_X
};
static const char *const unknown = "unknown";

static const struct status_row *status_row(shardy_status s) {
    size_t i = (size_t)s;
    return i < sizeof status_rows / sizeof *status_rows && status_rows[i].name ? &status_rows[i]
                                                                               : NULL;
}

const char *shardy_status_name(shardy_status s) {
    const struct status_row *row = status_row(s);
    return row ? row->name : unknown;
}

const char *shardy_status_text(shardy_status s) {
    const struct status_row *row = status_row(s);
    return row ? row->text : unknown;
}

bool shardy_status_retryable(shardy_status s) {
    const struct status_row *row = status_row(s);
    return row ? row->retryable : false;
}

const char *shardy_status_python_class(shardy_status s) {
    const struct status_row *row = status_row(s);
    return row ? row->python : "ShardyfusionError";
}

static void set(shardy_error *err, shardy_status code, int os_error, const char *fmt, va_list ap) {
    if (!err) return;
    err->code = code;
    err->shard = -1;
    err->os_error = os_error;
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    shardy__utf8_cut(err->message);
}

shardy_status shardy__fail(shardy_error *err, shardy_status code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    set(err, code, 0, fmt, ap);
    va_end(ap);
    return code;
}

shardy_status shardy__fail_os(shardy_error *err, int os_error, const char *fmt, ...) {
    shardy_status code = os_error == ENOENT   ? SHARDY_E_NOT_FOUND
                         : os_error == EEXIST ? SHARDY_E_EXISTS
                         : os_error == ENOMEM ? SHARDY_E_NO_MEMORY
                                              : SHARDY_E_IO;
    va_list ap;
    va_start(ap, fmt);
    set(err, code, os_error, fmt, ap);
    va_end(ap);
    if (err) {
        char text[128];
        /* GNU strerror_r returns the text, in `text` or static. */
        const char *why = strerror_r(os_error, text, sizeof text);
        size_t len = strlen(err->message), room = sizeof err->message - strlen(why) - 6;
        if (len > room) { /* of a long name the end goes, not the reason */
            err->message[room] = 0;
            shardy__utf8_cut(err->message);
            strcat(err->message, "...");
            len = strlen(err->message);
        }
        snprintf(err->message + len, sizeof err->message - len, ": %s", why);
    }
    return code;
}

shardy_status shardy__fail_nomem(shardy_error *err) {
    return shardy__fail(err, SHARDY_E_NO_MEMORY, "out of memory");
}

void shardy__error_prefix(shardy_error *err, const char *fmt, ...) {
    if (!err) return;
    char text[sizeof err->message];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    size_t used = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    snprintf(text + used, sizeof text - used, "%s", err->message);
    memcpy(err->message, text, sizeof text);
    shardy__utf8_cut(err->message);
}

const char *shardy__quote(char *dst, size_t size, const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    size_t o = 0, i = 0;
    if (!p) len = 0;
    dst[o++] = '"';
    while (i < len) {
        size_t n = p[i] >= 0x20 && p[i] != 0x7f ? shardy__utf8_char(p + i, len - i) : 0;
        size_t need = n ? n : 4;
        if (o + need + 5 > size) { /* room for ..."NUL */
            memcpy(dst + o, "...", 3);
            o += 3;
            break;
        }
        if (n) {
            memcpy(dst + o, p + i, n);
        } else {
            snprintf(dst + o, 5, "\\x%02x", p[i]);
            n = 1;
        }
        o += need;
        i += n;
    }
    dst[o++] = '"';
    dst[o] = 0;
    return dst;
}

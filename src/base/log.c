/* log.c: see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void shardy__log_init(shardy__log *log, shardy_log_fn fn, void *ctx) {
    log->fn = fn;
    log->ctx = ctx;
    shardy__mutex_init(&log->lock);
}

void shardy__log_destroy(shardy__log *log) { shardy__mutex_destroy(&log->lock); }

void shardy__log_write(shardy__log *log, int level, const char *fmt, ...) {
    if (!log->fn) return;
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    shardy__mutex_lock(&log->lock);
    log->fn(log->ctx, level, text);
    shardy__mutex_unlock(&log->lock);
}

/* log.h: lines of log through the caller's function. */
#ifndef SHARDY_BASE_LOG_H
#define SHARDY_BASE_LOG_H

#include "base/thread.h"
#include "shardyfusion/types.h"

enum {
    SHARDY__LOG_ERROR = 3,
    SHARDY__LOG_WARNING = 4,
    SHARDY__LOG_INFO = 6,
    SHARDY__LOG_DEBUG = 7
};

/* `lock` keeps two threads of one handle out of the function at once. fn NULL: silence. */
typedef struct shardy__log {
    shardy_log_fn fn;
    void *ctx;
    shardy__mutex lock;
} shardy__log;

void shardy__log_init(shardy__log *log, shardy_log_fn fn, void *ctx);
void shardy__log_destroy(shardy__log *log);
void shardy__log_write(shardy__log *log, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

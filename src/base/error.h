/* error.h: filling shardy_error, and the two ways of passing a failure on.
 *
 * A function that owns nothing uses SHARDY_TRY; one that owns something uses `rc = ...; if (rc)
 * goto done;` with one label that frees in reverse and is right for zeroed variables.
 */
#ifndef SHARDY_BASE_ERROR_H
#define SHARDY_BASE_ERROR_H

#include "shardyfusion/status.h"

#define SHARDY_TRY(call)                                \
    do {                                                \
        shardy_status shardy__rc = (call);              \
        if (shardy__rc != SHARDY_OK) return shardy__rc; \
    } while (0)

/* Set code and message (shard -1, os_error 0) and return the code. err may be NULL. */
shardy_status shardy__fail(shardy_error *err, shardy_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and the text of `os_error`. Codes: ENOENT ->
 * NOT_FOUND, EEXIST -> EXISTS, ENOMEM -> NO_MEMORY, everything else -> IO. */
shardy_status shardy__fail_os(shardy_error *err, int os_error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

shardy_status shardy__fail_nomem(shardy_error *err);

/* Put `fmt` in front of the message that is there ("shard 12: ..."); the code stays. */
void shardy__error_prefix(shardy_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Write `len` bytes as readable text for a message: quoted, UTF-8 as it is, other bytes as \xNN,
 * cut with "..." so that `size` (with the NUL) suffices; NULL bytes as none. Returns dst. */
const char *shardy__quote(char *dst, size_t size, const void *bytes, size_t len);

#endif

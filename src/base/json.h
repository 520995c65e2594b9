/* json.h: JSON texts (RFC 8259) through jansson, with failures as everywhere else.
 *
 * Strict UTF-8, at most 2,048 levels, integers of 64 bits with sign; what does not fit is an error.
 * Trees live in malloc's memory, not in alloc.h's, and end with json_decref.
 */
#ifndef SHARDY_BASE_JSON_H
#define SHARDY_BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* A tree takes up to eighty times the bytes of its text, so stored texts have a limit. */
#define SHARDY__JSON_MAX ((size_t)1 << 27)

/* One value of any kind; *out is NULL after a failure. `flags`: 0 or JSON_REJECT_DUPLICATES
 * (without it the last of equal names counts). `code` with "{what}: invalid JSON at line ..." or
 * SHARDY_E_NO_MEMORY. */
shardy_status shardy__json_parse(const char *what, const void *text, size_t len, size_t flags,
                                 shardy_status code, json_t **out, shardy_error *err);

/* A value that is an integer from 0; false: it is not, or NULL. */
bool shardy__json_u64(const json_t *value, uint64_t *out);

/* The text of a string without NUL, borrowed; NULL: it is not one. */
const char *shardy__json_text(const json_t *value);

/* Append the value in one line: sorted names, ", " and ": ", ASCII. */
shardy_status shardy__json_put(shardy__buf *out, const json_t *value, shardy_error *err);

/* A value in a message: its text in quotes, cut to fit; "missing" for NULL. Returns dst. */
const char *shardy__json_quote(char *dst, size_t size, const json_t *value);

#endif

/* snapshot_json.h: reading and writing the JSON texts of manifests and pointers.
 *
 * A text is checked once; after that a value is a slice of it, and nothing is copied but the
 * strings that are asked for. Numbers keep their text, so no precision is lost on the way through.
 */
#ifndef SHARDY_SNAPSHOT_SNAPSHOT_JSON_H
#define SHARDY_SNAPSHOT_SNAPSHOT_JSON_H

#include "base/buf.h"
#include "base/error.h"

/* Arrays and objects within one another. */
#define SHARDY__JSON_DEPTH 64

/* One value, without the space around it. at NULL: absent. */
typedef struct shardy__json {
    const char *at;
    size_t len;
} shardy__json;

typedef enum shardy__json_type {
    SHARDY__JSON_ABSENT,
    SHARDY__JSON_NULL,
    SHARDY__JSON_BOOL,
    SHARDY__JSON_NUMBER,
    SHARDY__JSON_STRING,
    SHARDY__JSON_ARRAY,
    SHARDY__JSON_OBJECT
} shardy__json_type;

/* Where and why a text is not JSON. */
typedef struct shardy__json_error {
    size_t position; /* in bytes from the beginning */
    const char *rule;
} shardy__json_error;

/* Whether `text` is one JSON value (RFC 8259) in UTF-8; *out is that value. `python` also allows
 * NaN, Infinity and -Infinity, which Python's json.dumps writes. The other functions need checked
 * text. */
bool shardy__json_check(const char *text, size_t len, bool python, shardy__json *out,
                        shardy__json_error *error);

shardy__json_type shardy__json_type_of(shardy__json value);

/* Walk the members of an object or the items of an array (`key` stays absent). */
typedef struct shardy__json_iter {
    const char *at;
} shardy__json_iter;
shardy__json_iter shardy__json_begin(shardy__json value);
bool shardy__json_next(shardy__json_iter *iter, shardy__json *key, shardy__json *value);

/* The member of that name; the last one if there are several, absent if there is none. */
shardy__json shardy__json_get(shardy__json object, const char *name);
/* Whether a string value (or key) is this text. */
bool shardy__json_is(shardy__json string, const char *text);
/* Append a string's text as UTF-8. Escapes of lone surrogates become three bytes each, which are
 * not UTF-8. */
void shardy__json_unescape(shardy__json string, shardy__buf *out);
/* A non-negative integer without fraction and exponent. */
bool shardy__json_u64(shardy__json value, uint64_t *out);

/* Append the value as Python's json.dumps(sort_keys=True) writes it: ", " and ": ", ASCII escapes.
 * SHARDY_E_CONFIG: a key occurs twice in one object. */
shardy_status shardy__json_canonical(shardy__json value, shardy__buf *out, shardy_error *err);

#endif

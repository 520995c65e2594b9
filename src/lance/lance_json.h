/* lance_json.h: reading the few JSON texts in the schema metadata of index files (RFC 8259).
 *
 * Texts are slices into the mapped file; nothing is allocated but unescaped strings. Every function
 * checks the whole text that it is given.
 */
#ifndef SHARDY_LANCE_LANCE_JSON_H
#define SHARDY_LANCE_LANCE_JSON_H

#include "base/buf.h"
#include "shardyfusion/types.h"

/* The raw text of member `key` of an object; data NULL if there is none. false: not an object, or
 * the key comes twice. */
bool shardy__lance_json_get(shardy_slice text, const char *key, shardy_slice *value);

/* Call fn with the raw text of each element of an array until it answers false. false: not an
 * array, or fn said so. */
bool shardy__lance_json_each(shardy_slice text, bool (*fn)(void *ctx, shardy_slice value),
                             void *ctx);

/* Append the content of a string as UTF-8. false: not a string; out of memory is out->failed. */
bool shardy__lance_json_text(shardy_slice value, shardy__buf *out);

/* A whole number below 2^64 without sign, fraction or exponent. */
bool shardy__lance_json_uint(shardy_slice value, uint64_t *out);

#endif

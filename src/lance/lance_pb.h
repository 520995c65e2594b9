/* lance_pb.h: protobuf messages, written into a growing buffer and read from stored bytes.
 *
 * Only what Lance uses: varints, 64-bit and 32-bit fixed values and length-delimited fields
 * (https://protobuf.dev/programming-guides/encoding/). Groups are refused.
 */
#ifndef SHARDY_LANCE_LANCE_PB_H
#define SHARDY_LANCE_LANCE_PB_H

#include "base/buf.h"
#include "base/error.h"
#include "shardyfusion/types.h"

/* ---- writing ---- */

/* A plain scalar: 0 is the default and left out. */
void shardy__pb_uint(shardy__buf *b, uint32_t field, uint64_t v);
/* An `optional` scalar: 0 is written too. */
void shardy__pb_optional(shardy__buf *b, uint32_t field, uint64_t v);
void shardy__pb_double(shardy__buf *b, uint32_t field, double v);
void shardy__pb_bytes(shardy__buf *b, uint32_t field, const void *data, size_t len);
void shardy__pb_str(shardy__buf *b, uint32_t field, const char *s);
/* Tag and length only: the caller provides the `len` bytes. */
void shardy__pb_head(shardy__buf *b, uint32_t field, uint64_t len);
/* A repeated scalar in one run; nothing if n is 0. */
void shardy__pb_packed(shardy__buf *b, uint32_t field, const uint64_t *v, size_t n);

/* What is appended between begin and end becomes a nested message. */
size_t shardy__pb_begin(shardy__buf *b, uint32_t field);
void shardy__pb_end(shardy__buf *b, size_t begin);

/* ---- reading ---- */

typedef enum shardy__pb_wire {
    SHARDY__PB_VARINT = 0,
    SHARDY__PB_FIXED64 = 1,
    SHARDY__PB_LENGTH = 2,
    SHARDY__PB_FIXED32 = 5
} shardy__pb_wire;

typedef struct shardy__pb_field {
    uint32_t number;
    shardy__pb_wire wire;
    uint64_t value;     /* of VARINT */
    shardy_slice bytes; /* of LENGTH: a part of the message */
} shardy__pb_field;

/* Take the next field off `rest`. 1: got one, 0: there is none, -1: malformed. */
int shardy__pb_next(shardy_slice *rest, shardy__pb_field *field);

/* Call fn for each number of a repeated scalar, packed or not; false: malformed. */
bool shardy__pb_each(const shardy__pb_field *field, void (*fn)(void *ctx, uint64_t v), void *ctx);

/* A message is read by listing the fields that are understood. Whatever is not in the list could
 * change the meaning of what is, so it is SHARDY_E_UNSUPPORTED; SKIP marks what is known not to,
 * and may repeat. */
typedef enum shardy__pb_kind {
    SHARDY__PB_UINT,      /* uint64_t; keeps its value if absent */
    SHARDY__PB_BYTES,     /* shardy_slice; keeps its value if absent */
    SHARDY__PB_INTS,      /* shardy__pb_ints */
    SHARDY__PB_MANY,      /* shardy__pb_many */
    SHARDY__PB_SKIP_UINT, /* out is NULL */
    SHARDY__PB_SKIP_BYTES
} shardy__pb_kind;

typedef struct shardy__pb_want {
    uint32_t number;
    shardy__pb_kind kind;
    void *out;
} shardy__pb_want;

/* Repeated fields: the first eight are kept, all are counted. */
typedef struct shardy__pb_ints {
    uint64_t v[8];
    size_t n;
} shardy__pb_ints;

typedef struct shardy__pb_many {
    shardy_slice v[8];
    size_t n;
} shardy__pb_many;

/* Read `message`; `url` and `what` ("Manifest") name it in errors. SHARDY_E_CORRUPT: malformed, a
 * single field that comes twice, or a wrong wire type. At most 32 wants. */
shardy_status shardy__pb_read(const char *url, const char *what, shardy_slice message,
                              const shardy__pb_want *wants, size_t n, shardy_error *err);

#endif

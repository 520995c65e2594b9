/* writer_columns.h: typed access to the columns of an Arrow record batch.
 *
 * Source: "The Arrow Columnar Format" and "The Arrow C data interface" (format strings, buffer
 * layouts) of the Apache Arrow specification.
 */
#ifndef SHARDY_WRITER_WRITER_COLUMNS_H
#define SHARDY_WRITER_WRITER_COLUMNS_H

#include "base/buf.h"
#include "base/error.h"
#include "shardyfusion/arrow.h"
#include "shardyfusion/types.h"

typedef enum shardy__column_kind {
    SHARDY__COLUMN_INT, /* any integer type */
    SHARDY__COLUMN_BOOL,
    SHARDY__COLUMN_FLOAT,  /* float16, float32, float64 */
    SHARDY__COLUMN_STRING, /* utf8 of any layout */
    SHARDY__COLUMN_BINARY, /* binary of any layout */
    SHARDY__COLUMN_VECTOR  /* list of float16, float32, float64 */
} shardy__column_kind;

typedef struct shardy__column {
    const char *name;
    shardy__column_kind kind;
    char layout;   /* first character of the format string, or 'v' for views */
    uint8_t width; /* bytes of a fixed-size value */
    const struct ArrowArray *array;
    const struct ArrowArray *items; /* VECTOR: the child */
    char item_layout;               /* 'e', 'f', 'g' */
    int64_t list_size;              /* fixed_size_list, else 0 */
    int64_t first;                  /* index of the batch's row 0 in this array, offset included */
    const uint8_t *validity;        /* NULL: no nulls */
} shardy__column;

/* Find column `name` of a struct batch and check that its type is one of `kinds` (bit 1 << kind).
 * SHARDY_E_CONFIG names the column, what it is and what is allowed. */
shardy_status shardy__column_find(const struct ArrowSchema *schema, const struct ArrowArray *batch,
                                  const char *name, unsigned kinds, shardy__column *out,
                                  shardy_error *err);

static inline bool shardy__column_is_null(const shardy__column *c, int64_t row) {
    int64_t i = c->first + row;
    return c->validity && !(c->validity[i >> 3] >> (i & 7) & 1);
}

/* The row must not be null. STRING and BINARY: borrowed from the array. */
shardy_status shardy__column_bytes(const shardy__column *c, int64_t row, shardy_slice *out,
                                   shardy_error *err);
/* INT. An unsigned value above INT64_MAX is SHARDY_E_CONFIG. */
shardy_status shardy__column_int(const shardy__column *c, int64_t row, int64_t *out,
                                 shardy_error *err);
/* VECTOR: float32 values are borrowed from the array where they are aligned, others converted into
 * `scratch`, which grows. Null items are SHARDY_E_CONFIG. */
shardy_status shardy__column_vector(const shardy__column *c, int64_t row, shardy__buf *scratch,
                                    const float **out, uint32_t *len, shardy_error *err);
/* Any kind but BINARY and VECTOR: the value as JSON. Floats that JSON cannot hold are null. */
shardy_status shardy__column_json(const shardy__column *c, int64_t row, shardy__buf *out,
                                  shardy_error *err);

#endif

/* lance_schema.h: the columns that our files have, their schema fields and their page encodings.
 *
 * The writer writes these messages and the reader compares with them: a column that is encoded in
 * any other way is not misread but refused. docs/format/lance.md describes the messages.
 */
#ifndef SHARDY_LANCE_LANCE_SCHEMA_H
#define SHARDY_LANCE_LANCE_SCHEMA_H

#include "lance/lance_pb.h"

typedef enum shardy__lance_type {
    SHARDY__LANCE_UTF8,    /* two buffers: end offsets, bytes */
    SHARDY__LANCE_U64,     /* one buffer of values, as the following */
    SHARDY__LANCE_F32_LIST /* fixed-size list of `dim` floats */
} shardy__lance_type;

typedef struct shardy__lance_field {
    const char *name;
    shardy__lance_type type;
    uint32_t dim; /* of a list */
    bool nullable;
} shardy__lance_field;

enum { SHARDY__LANCE_DATA_FIELDS = 3, SHARDY__LANCE_AUXILIARY_FIELDS = 2 };

/* The columns of the data file, of auxiliary.idx and of index.idx under IVF_FLAT. */
void shardy__lance_data_fields(shardy__lance_field out[SHARDY__LANCE_DATA_FIELDS], uint32_t dim);
void shardy__lance_flat_fields(shardy__lance_field out[SHARDY__LANCE_AUXILIARY_FIELDS],
                               uint32_t dim);
extern const shardy__lance_field shardy__lance_flat_marker;

/* Append the fields to a Manifest or a Schema (in both they are field 1), ids counting from 0. */
void shardy__lance_put_fields(shardy__buf *b, const shardy__lance_field *fields, size_t n);

/* Check stored fields against what is expected; which of them are nullable may differ. */
shardy_status shardy__lance_check_fields(const char *url, const shardy__pb_many *stored,
                                         const shardy__lance_field *fields, size_t n,
                                         shardy_error *err);

/* The dimension in the logical type of a stored field that must be a list of floats. */
shardy_status shardy__lance_field_dim(const char *url, shardy_slice stored, uint32_t *dim,
                                      shardy_error *err);

/* Bytes per row of buffer 0. */
uint64_t shardy__lance_row_size(const shardy__lance_field *field);
/* Buffers per page: 1 or 2. */
size_t shardy__lance_buffers(const shardy__lance_field *field);

/* Append the content of a column's Encoding message, and of a page's. `text_bytes` is the size of a
 * UTF-8 page's second buffer. */
void shardy__lance_put_column_encoding(shardy__buf *b);
void shardy__lance_put_page_encoding(shardy__buf *b, const shardy__lance_field *field,
                                     uint64_t text_bytes);

#endif

/* lance_file.h: the Lance container, of which the data file and both index files are instances:
 * buffers padded to 64 bytes, then schema, column metadata, two offset tables and a footer.
 */
#ifndef SHARDY_LANCE_LANCE_FILE_H
#define SHARDY_LANCE_LANCE_FILE_H

#include "base/io.h"
#include "lance/lance_schema.h"

#define SHARDY__LANCE_FOOTER 40u    /* bytes */
#define SHARDY__LANCE_ALIGNMENT 64u /* of buffers */

enum {
    SHARDY__LANCE_MAX_COLUMNS = 5,
    SHARDY__LANCE_MAX_GLOBALS = 2,
    SHARDY__LANCE_MAX_BUFFERS = 8
};

/* Where a buffer lies in the file, without its padding. */
typedef struct shardy__lance_range {
    uint64_t at, size;
} shardy__lance_range;

/* An entry of the schema's metadata. */
typedef struct shardy__lance_meta {
    const char *key;
    shardy_slice value;
} shardy__lance_meta;

/* ---- writing ---- */

/* A file being written. Bytes pass through a stage of 1 MiB, larger runs directly; only the tail is
 * built in memory. Zeroed is closed. */
typedef struct shardy__lance_out {
    shardy__sink *sink;
    uint8_t *stage;
    size_t staged;
    uint64_t at;                                     /* bytes put so far */
    uint64_t begin;                                  /* where the buffer being put began */
    shardy__buf columns;                             /* ColumnMetadata messages, back to back */
    uint64_t column_ends[SHARDY__LANCE_MAX_COLUMNS]; /* of each, in `columns` */
    uint32_t n_columns;
    shardy__lance_range globals[SHARDY__LANCE_MAX_GLOBALS]; /* 0 is the schema */
    uint32_t n_globals;
} shardy__lance_out;

shardy_status shardy__lance_out_open(shardy__lance_out *out, shardy__dir *dir, const char *name,
                                     shardy_error *err);
/* Append to the current buffer. */
shardy_status shardy__lance_out_put(shardy__lance_out *out, const void *data, size_t len,
                                    shardy_error *err);
/* End the current buffer: pad it, say where it lies. */
shardy_status shardy__lance_out_end_buffer(shardy__lance_out *out, shardy__lance_range *range,
                                           shardy_error *err);
/* Add the next column: one page of `buffers`, or none if there are no rows. */
void shardy__lance_out_column(shardy__lance_out *out, const shardy__lance_field *field,
                              uint64_t rows, const shardy__lance_range *buffers);
/* Make a buffer the next global buffer; they count from 1. */
void shardy__lance_out_global(shardy__lance_out *out, shardy__lance_range range);
/* Write the tail and commit. `metas` in ascending order of keys. *size is the file's. */
shardy_status shardy__lance_out_finish(shardy__lance_out *out, const shardy__lance_field *fields,
                                       size_t n_fields, uint64_t rows,
                                       const shardy__lance_meta *metas, size_t n_metas,
                                       uint64_t *size, shardy_error *err);
void shardy__lance_out_close(shardy__lance_out *out);

/* ---- reading ---- */

/* A mapped file with a checked tail. Zeroed is closed. */
typedef struct shardy__lance_in {
    shardy__source *src;
    const uint8_t *map;
    shardy_slice schema; /* the FileDescriptor */
    uint64_t data_end;   /* buffers lie before it */
    uint32_t n_columns;
    uint32_t n_globals;
    const uint8_t *column_table; /* position and size of each */
    const uint8_t *global_table;
    shardy__lance_range used[SHARDY__LANCE_MAX_BUFFERS]; /* buffers handed out: no byte twice */
    uint32_t n_used;
} shardy__lance_in;

shardy_status shardy__lance_in_open(shardy__lance_in *in, shardy__dir *dir, const char *name,
                                    shardy_error *err);
/* Check the schema, the number of columns and the number of rows. */
shardy_status shardy__lance_in_fields(const shardy__lance_in *in, const shardy__lance_field *fields,
                                      size_t n, uint64_t rows, shardy_error *err);
/* The value of a metadata key that must be there once. */
shardy_status shardy__lance_in_meta(const shardy__lance_in *in, const char *key,
                                    shardy_slice *value, shardy_error *err);
/* The one page of a column, checked; `buffers` has room for two. UTF-8 contents are not looked at.
 * Call it once per column, after the fields were checked. */
shardy_status shardy__lance_in_column(shardy__lance_in *in, uint32_t number,
                                      const shardy__lance_field *field, uint64_t rows,
                                      shardy_slice *buffers, shardy_error *err);
shardy_status shardy__lance_in_global(shardy__lance_in *in, uint64_t number, shardy_slice *out,
                                      shardy_error *err);
void shardy__lance_in_close(shardy__lance_in *in);

#endif

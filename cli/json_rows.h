/* json_rows.h: rows for the writer out of JSON Lines. */
#ifndef SHARDY_CLI_JSON_ROWS_H
#define SHARDY_CLI_JSON_ROWS_H

#include <jansson.h>

#include "keys.h"
#include "lines.h"
#include "npy.h"

/* Which field of a line is what; names are borrowed. */
typedef struct row_fields {
    const char *key;
    const char *value;     /* NULL: the whole line */
    const char *vector;    /* NULL: none */
    const char *vector_id; /* NULL: the key */
    const char *payload;   /* NULL: none */
    char *const *payload_fields;
    size_t n_payload_fields;
    byte_format key_format, value_format;
} row_fields;

enum { ROW_FIELDS_MAX = 64 };

/* A field that rows are searched for. */
typedef struct row_slot {
    const char *name, *option;
    const json_t *value; /* in the current row; NULL: it has none */
    shardy_slice text;   /* as it is spelled there; set by spell_values */
    uint64_t seen;       /* rows that had it */
} row_slot;

typedef struct json_rows {
    lines *in;
    const row_fields *fields;
    const npy *matrix; /* vectors beside the rows; NULL: none */
    uint64_t n_rows;   /* returned so far */
    const char *line;  /* of the current row */
    size_t line_len;
    json_t *row;
    bool spelled; /* slots have their text */
    row_slot slots[ROW_FIELDS_MAX];
    size_t n_slots;
    size_t key, value, vector, vector_id, payload; /* slots; NO_SLOT */
    text_buf key_buf, value_buf, id_buf, payload_buf;
    float *floats;
    size_t n_floats, cap_floats;
} json_rows;

/* `in`, `fields` and `matrix` are borrowed until json_rows_close. */
bool json_rows_open(json_rows *r, lines *in, const row_fields *fields, const npy *matrix,
                    problem *why);
/* The next row; its memory is borrowed until the next call. A failure names file, line and, where
 * JSON is at fault, column. Row i of the matrix belongs to the i-th line that is not blank. */
lines_status json_rows_next(json_rows *r, shardy_row *row, problem *why);
/* After the last row: the matrix must be used up, and every field named must have occurred. */
bool json_rows_finish(json_rows *r, problem *why);
void json_rows_close(json_rows *r);

#endif

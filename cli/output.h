/* output.h: results in the four formats. Commands say what they found; only this file knows what it
 * looks like.
 *
 *     out_begin(out, "info");                  json   one indented document
 *     out_str(out, "run_id", info.run_id);     jsonl  the same in one line
 *     out_list(out, "shards");                 table  aligned columns
 *         out_row(out); ... out_row_end(out);  text   name=value: one line per field of the
 * document, out_list_end(out);                              one line per row of a list
 *     out_end(out);
 *
 * A stream (out_begin_stream) is a document whose list may be endless: in jsonl each row is a line
 * of its own and the rest of the document is left out.
 */
#ifndef SHARDY_CLI_OUTPUT_H
#define SHARDY_CLI_OUTPUT_H

#include <stdio.h>

#include "text.h"

typedef enum out_format { OUT_TEXT, OUT_TABLE, OUT_JSON, OUT_JSONL } out_format;

/* The names that --output-format takes, in the order of out_format; NULL-terminated. */
extern const char *const out_format_names[];

enum { OUT_COLUMNS_MAX = 16, OUT_DEPTH_MAX = 8 };

/* Cells of a table that is being collected: `n_cells` pieces of `text`, `n_columns` per row. */
typedef struct out_table {
    text_buf text;
    struct out_cell {
        size_t offset, len;
        bool number, set;
    } *cells;
    size_t n_rows, cap_rows;
    size_t n_columns;
    const char *columns[OUT_COLUMNS_MAX]; /* static names; NULL: no heading */
    size_t widths[OUT_COLUMNS_MAX];
    bool printed; /* some rows are out: widths are settled */
} out_table;

typedef struct output {
    FILE *file;
    out_format format;
    bool stream, in_list, in_row;
    const char *group;
    int depth;
    bool first[OUT_DEPTH_MAX];
    bool first_field; /* text: of a row */
    text_buf scratch;
    out_table table;
} output;

void out_init(output *o, FILE *file, out_format format);
void out_free(output *o);

void out_begin(output *o, const char *op);
void out_begin_stream(output *o, const char *op);
void out_end(output *o);
/* A nested object, outside of lists. */
void out_group(output *o, const char *name);
void out_group_end(output *o);
/* A list of rows; names given to fields must be static. */
void out_list(output *o, const char *name);
void out_list_end(output *o);
void out_row(output *o);
void out_row_end(output *o);

/* Fields. A name "row_count|rows" is row_count in JSON and rows for people. */
void out_str(output *o, const char *name, const char *value); /* NULL: null */
void out_bytes(output *o, const char *name, const void *utf8, size_t len);
void out_u64(output *o, const char *name, uint64_t value);
void out_i64(output *o, const char *name, int64_t value);
void out_f64(output *o, const char *name, double value, int decimals);
void out_bool(output *o, const char *name, bool value);
void out_null(output *o, const char *name);
/* JSON text as it is (checked by the caller); NULL: null. */
void out_json(output *o, const char *name, const char *json, size_t len);

/* Whether text is wanted, so that a command may print its own with out_print. */
bool out_is_text(const output *o);
bool out_is_table(const output *o);
void out_print(output *o, const void *data, size_t len);
void out_printf(output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append the JSON string that `utf8` is, quotes included; bytes that are not UTF-8 become U+FFFD.
 */
void out_add_json_string(text_buf *buf, const void *utf8, size_t len);

#endif

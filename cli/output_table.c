/* output_table.c: rows collected until their columns can be measured.
 *
 * Widths come from the first ROWS_MEASURED rows; later rows keep them, so that an endless scan
 * needs bounded memory. Keys, values and payloads are cut at CELL_MAX characters: a table is for
 * eyes, the other formats are for the whole value.
 */
#include "output_table.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MEASURED = 1000, CELL_MAX = 60 };

static struct out_cell *cell_at(out_table *t, size_t row, size_t column) {
    return &t->cells[row * OUT_COLUMNS_MAX + column];
}

/* Characters of UTF-8 text. */
static size_t count_chars(const char *s, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

void table_row(out_table *t, FILE *file) {
    if (t->n_rows == ROWS_MEASURED) table_flush(t, file);
    if (t->n_rows == t->cap_rows) {
        t->cap_rows = t->cap_rows ? t->cap_rows * 2 : 32;
        t->cells = text_alloc(t->cells, t->cap_rows * OUT_COLUMNS_MAX * sizeof *t->cells);
    }
    memset(cell_at(t, t->n_rows, 0), 0, OUT_COLUMNS_MAX * sizeof *t->cells);
    t->n_rows++;
}

static void set_cell(out_table *t, size_t column, const char *value, size_t len, bool number) {
    struct out_cell *cell = cell_at(t, t->n_rows - 1, column);
    *cell = (struct out_cell){t->text.len, 0, number, true};
    text_add_escaped(&t->text, value, len);
    cell->len = t->text.len - cell->offset;
}

void table_cell(out_table *t, const char *name, const char *value, size_t len, bool number,
                bool cut) {
    size_t column = 0;
    while (column < t->n_columns && strcmp(t->columns[column], name)) column++;
    if (column == t->n_columns) {
        if (column == OUT_COLUMNS_MAX) return;
        t->columns[t->n_columns++] = name;
        t->widths[column] = count_chars(name, strlen(name));
    }
    size_t shown = len;
    cut = cut && count_chars(value, len) > CELL_MAX;
    if (cut) {
        size_t chars = 0;
        for (shown = 0; shown < len; shown++) {
            if (((unsigned char)value[shown] & 0xC0) != 0x80 && ++chars == CELL_MAX) break;
        }
    }
    set_cell(t, column, value, shown, number);
    if (cut) {
        text_add_str(&t->text, "…");
        cell_at(t, t->n_rows - 1, column)->len += strlen("…");
    }
}

void table_pair(out_table *t, FILE *file, const char *name, const char *value, size_t len) {
    if (t->n_columns == 0) {
        t->columns[0] = t->columns[1] = NULL;
        t->n_columns = 2;
    }
    table_row(t, file);
    set_cell(t, 0, name, strlen(name), false);
    set_cell(t, 1, value, len, false);
}

static void measure(out_table *t) {
    for (size_t r = 0; r < t->n_rows; r++) {
        for (size_t c = 0; c < t->n_columns; c++) {
            struct out_cell *cell = cell_at(t, r, c);
            size_t chars = count_chars(text_cstr(&t->text) + cell->offset, cell->len);
            if (chars > t->widths[c]) t->widths[c] = chars;
        }
    }
}

static void print_cell(FILE *file, const char *text, size_t len, size_t width, bool right,
                       bool last) {
    size_t chars = count_chars(text, len);
    size_t pad = chars < width ? width - chars : 0;
    if (right) fprintf(file, "%*s", (int)pad, "");
    fwrite(text, 1, len, file);
    if (!right && !last) fprintf(file, "%*s", (int)pad, "");
    fputs(last ? "\n" : "  ", file);
}

static void print_heading(out_table *t, FILE *file) {
    for (size_t c = 0; c < t->n_columns; c++) {
        bool right = t->n_rows > 0 && cell_at(t, 0, c)->number;
        print_cell(file, t->columns[c], strlen(t->columns[c]), t->widths[c], right,
                   c + 1 == t->n_columns);
    }
}

void table_flush(out_table *t, FILE *file) {
    if (t->n_rows == 0) return;
    if (!t->printed) {
        measure(t);
        if (t->columns[0]) print_heading(t, file);
        t->printed = true;
    }
    for (size_t r = 0; r < t->n_rows; r++) {
        for (size_t c = 0; c < t->n_columns; c++) {
            struct out_cell *cell = cell_at(t, r, c);
            const char *text = cell->set ? text_cstr(&t->text) + cell->offset : "-";
            print_cell(file, text, cell->set ? cell->len : 1, t->widths[c], cell->number,
                       c + 1 == t->n_columns);
        }
    }
    t->n_rows = 0;
    text_clear(&t->text);
}

void table_reset(out_table *t) {
    t->n_rows = t->n_columns = 0;
    memset(t->widths, 0, sizeof t->widths);
    memset(t->columns, 0, sizeof t->columns);
    t->printed = false;
    text_clear(&t->text);
}

void table_free(out_table *t) {
    text_free(&t->text);
    free(t->cells);
    *t = (out_table){0};
}

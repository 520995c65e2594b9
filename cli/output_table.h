/* output_table.h: rows collected until their columns can be measured. Used by output.c only. */
#ifndef SHARDY_CLI_OUTPUT_TABLE_H
#define SHARDY_CLI_OUTPUT_TABLE_H

#include "output.h"

/* Begin a row; prints what was collected when it is much. */
void table_row(out_table *t, FILE *file);
/* Set the cell of the current row that belongs to the column called `name` (static). `cut`: show
 * only so much as fits a screen. */
void table_cell(out_table *t, const char *name, const char *value, size_t len, bool number,
                bool cut);
/* A row of a table without heading: a name and its value, which is never cut. */
void table_pair(out_table *t, FILE *file, const char *name, const char *value, size_t len);
/* Print what was collected. */
void table_flush(out_table *t, FILE *file);
/* Forget rows, columns and widths. */
void table_reset(out_table *t);
void table_free(out_table *t);

#endif

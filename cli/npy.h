/* npy.h: a matrix of floating point numbers in NumPy's file format, mapped, not read. */
#ifndef SHARDY_CLI_NPY_H
#define SHARDY_CLI_NPY_H

#include "text.h"

typedef struct npy {
    void *map;
    size_t map_len;
    const unsigned char *data;
    uint64_t rows; /* 1 for a file of one dimension */
    uint64_t cols;
    unsigned item;    /* bytes per number: 2, 4 or 8 */
    const char *name; /* the path, borrowed */
} npy;

/* Versions 1 to 3, dtype <f2, <f4 or <f8, C order, one or two dimensions. */
bool npy_open(npy *m, const char *path, problem *why);
/* Copy row `row` (below m->rows) to `out` (m->cols floats). */
void npy_row(const npy *m, uint64_t row, float *out);
void npy_close(npy *m);
/* Whether the file at `path` begins like a .npy file. */
bool npy_is(const char *path);

#endif

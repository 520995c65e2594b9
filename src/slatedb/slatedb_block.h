/* slatedb_block.h: the rows of one data block, after CRC and decompression. */
#ifndef SHARDY_SLATEDB_BLOCK_H
#define SHARDY_SLATEDB_BLOCK_H

#include "slatedb/slatedb_format.h"

/* A block whose trailer fits: rows, then the u16 offset of each restart row and their number. */
typedef struct shardy__sdb_block {
    const uint8_t *rows, *end; /* end of the rows */
    const uint8_t *restarts;
    uint32_t n_restarts; /* at least 1 */
} shardy__sdb_block;

/* The text of what is wrong, or NULL. */
const char *shardy__sdb_block_open(const void *data, size_t len, shardy__sdb_block *out);

typedef struct shardy__sdb_row {
    const uint8_t *suffix, *value, *next;
    uint64_t shared, suffix_len, value_len;
    uint8_t flags;
} shardy__sdb_row;

/* The row at `p` < end. False if it does not end by `end`. */
bool shardy__sdb_row_read(const uint8_t *p, const uint8_t *end, shardy__sdb_row *out);

/* ---- walking: every row in order, with its whole key ---- */

typedef struct shardy__sdb_walk {
    const uint8_t *next, *end;
    uint8_t *key; /* `small` or `heap` */
    size_t key_len, key_cap;
    shardy__sdb_row row;
    uint8_t *heap;
    uint8_t small[256];
} shardy__sdb_walk;

void shardy__sdb_walk_init(shardy__sdb_walk *w); /* once; then free once */
void shardy__sdb_walk_start(shardy__sdb_walk *w, const shardy__sdb_block *block);
void shardy__sdb_walk_free(shardy__sdb_walk *w);

typedef enum shardy__sdb_step {
    SHARDY__SDB_ROW,
    SHARDY__SDB_END,
    SHARDY__SDB_MALFORMED,
    SHARDY__SDB_NO_MEMORY
} shardy__sdb_step;
/* Go to the next row: key, key_len and row are its own. Does not check the order. */
shardy__sdb_step shardy__sdb_walk_next(shardy__sdb_walk *w);

/* ---- checking ---- */

typedef struct shardy__sdb_bounds {
    shardy_slice low;  /* the first key is not smaller; equal if `first` */
    shardy_slice high; /* the last key is smaller; if `last`, equal */
    bool first, last;
    uint64_t max_seq;
} shardy__sdb_bounds;

/* Everything that finding and walking rely on, and that every row is a plain put: a block that
 * passes is never misread. Errors do not name the object: the caller puts that in front. */
shardy_status shardy__sdb_block_check(const shardy__sdb_block *block,
                                      const shardy__sdb_bounds *bounds, shardy_error *err);

/* ---- finding ---- */

/* A part of a checked block, from one restart row to the next. */
typedef struct shardy__sdb_span {
    const uint8_t *begin, *end;
} shardy__sdb_span;

/* The rows among which alone the key can be. */
shardy__sdb_span shardy__sdb_block_span(const shardy__sdb_block *block, shardy_slice key);
/* The value under `key` in that span; data NULL: not there. */
shardy_slice shardy__sdb_span_find(shardy__sdb_span span, shardy_slice key);

#endif

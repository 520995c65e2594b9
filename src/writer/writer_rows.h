/* writer_rows.h: the buffered rows of one shard, and their order.
 *
 * Keys, values, ids and payloads lie in chunks that never move, so an entry points straight at its
 * bytes. Vectors lie in chunks of whole rows.
 */
#ifndef SHARDY_WRITER_WRITER_ROWS_H
#define SHARDY_WRITER_WRITER_ROWS_H

#include "base/error.h"
#include "shardyfusion/types.h"

typedef struct shardy__row_entry {
    const uint8_t *key; /* the value follows the key's last byte */
    uint32_t key_len;
    uint32_t value_len;
} shardy__row_entry;

typedef struct shardy__vector_entry {
    const uint8_t *id;
    const uint8_t *payload; /* NULL: null */
    uint32_t id_len;
    uint32_t payload_len;
} shardy__vector_entry;

/* Zeroed is empty. Row numbers are arrival order. */
typedef struct shardy__rows {
    uint32_t dim; /* 0: no vectors */
    uint32_t n;
    bool unsorted; /* some key did not come after the one before it */
    shardy__row_entry *entries;
    shardy__vector_entry *vectors; /* parallel to entries if dim */
    float **vector_chunks;
    uint32_t rows_per_chunk;
    size_t cap, vector_cap, n_vector_chunks, cap_vector_chunks;
    struct shardy__arena_chunk *arena; /* newest first */
    uint64_t bytes;                    /* memory held; 0: nothing to free */
} shardy__rows;

#define SHARDY__ROWS_MAX (UINT32_MAX - 65535) /* row numbers may be rounded up to blocks */

/* One row to buffer; everything is copied. */
typedef struct shardy__new_row {
    shardy_slice key, value, id, payload;
    const float *vector;
} shardy__new_row;

shardy_status shardy__rows_add(shardy__rows *rows, const shardy__new_row *row, shardy_error *err);
void shardy__rows_free(shardy__rows *rows);

static inline const float *shardy__rows_vector(const shardy__rows *rows, uint32_t row) {
    return rows->vector_chunks[row / rows->rows_per_chunk] +
           (size_t)(row % rows->rows_per_chunk) * rows->dim;
}

/* The rows to store: in ascending order of key bytes, of equal keys only the last to arrive. *order
 * (owned, shardy__free) holds *n row numbers. */
shardy_status shardy__rows_order(const shardy__rows *rows, uint32_t **order, uint32_t *n,
                                 shardy_error *err);

#endif

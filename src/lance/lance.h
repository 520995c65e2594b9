/* lance.h: the vector half of a shard: a Lance table of format 2.0 with one IVF index.
 *
 * What is written below `<dir>` (a `<name>.lance` directory): one data file with the columns id,
 * vector, payload; `_indices/<uuid>/{auxiliary,index}.idx`; last, the manifest
 * `_versions/18446744073709551614.manifest`. A table without rows is the manifest alone. What is
 * read: that shape, whoever wrote it; anything else is SHARDY_E_UNSUPPORTED. docs/format/lance.md
 * is the specification with its sources.
 */
#ifndef SHARDY_LANCE_LANCE_H
#define SHARDY_LANCE_LANCE_H

#include "base/io.h"
#include "shardyfusion/types.h"

/* ---- writing ---- */

/* The rows of a table, in row order, by callback, so that nothing is copied twice. Row numbers are
 * 0 .. count-1. Each column is read in ascending order: vectors once, texts twice (their lengths
 * are stored before their bytes). What a callback returns is borrowed until its next call. */
typedef struct shardy__lance_rows {
    uint64_t count;
    uint32_t dim;
    void *ctx;
    shardy_slice (*id)(void *ctx, uint64_t row);      /* UTF-8 */
    const float *(*vector)(void *ctx, uint64_t row);  /* dim floats */
    shardy_slice (*payload)(void *ctx, uint64_t row); /* UTF-8; data NULL: null */
} shardy__lance_rows;

typedef enum shardy__lance_index_kind {
    SHARDY__LANCE_NO_INDEX = 0,
    SHARDY__LANCE_IVF_FLAT = 1
    /* IVF_SQ, IVF_HNSW_SQ, IVF_HNSW_FLAT come here */
} shardy__lance_index_kind;

const char *shardy__lance_index_name(shardy__lance_index_kind kind); /* "IVF_FLAT" */

/* An IVF index over (some of) the rows. Entries are ordered by partition, inside a partition by
 * row. Zero vectors under cosine have no direction and are left out (Lance does the same). */
typedef struct shardy__lance_ivf {
    shardy__lance_index_kind kind;
    shardy_metric metric;
    uint32_t partitions;     /* >= 1 */
    const float *centroids;  /* partitions x dim; borrowed */
    const uint64_t *lengths; /* entries of each partition; borrowed */
    const uint64_t *row_ids; /* row number of each entry; borrowed; sum(lengths) of them */
    double loss;             /* sum of squared distances to the centroids */
    /* The indexed form of an entry (under cosine the unit vector), read once in ascending order;
     * borrowed until the next call. */
    const float *(*vector)(void *ctx, uint64_t entry);
    void *ctx;
} shardy__lance_ivf;

typedef struct shardy__lance_options {
    uint64_t wall_ns;       /* time stamped into the manifest; 0: now */
    uint8_t index_uuid[16]; /* all zero: a fresh one. Never reuse: readers cache by it */
    const char *data_name;  /* file name below data/; NULL: a fresh one */
    const char *version;    /* writer version recorded; NULL: "14.0.2" of library "lance" */
} shardy__lance_options;

/* Write the whole table below `dir` (borrowed for the call). `ivf` NULL: no index. */
shardy_status shardy__lance_write(shardy__dir *dir, const shardy__lance_rows *rows,
                                  const shardy__lance_ivf *ivf,
                                  const shardy__lance_options *options, shardy_error *err);

/* ---- reading ---- */

typedef struct shardy__lance shardy__lance;

/* Open the table below `dir` (borrowed until close). `manifest` is an object name or NULL to list
 * and take the newest. All lengths, offsets and protobufs are checked here; accessors cannot fail
 * after that. Files are mapped. A handle may be used by any number of threads. */
shardy_status shardy__lance_open(shardy__dir *dir, const char *manifest, shardy__lance **out,
                                 shardy_error *err);
void shardy__lance_close(shardy__lance *table); /* NULL is allowed */

uint64_t shardy__lance_count(const shardy__lance *table);
uint32_t shardy__lance_dim(const shardy__lance *table);
/* All vectors, row major, 64-byte aligned in file but only 4-byte aligned by promise; NULL if no
 * rows. Borrowed until close, as everything below. */
const float *shardy__lance_vectors(const shardy__lance *table);
shardy_slice shardy__lance_id(const shardy__lance *table, uint64_t row);
shardy_slice shardy__lance_payload(const shardy__lance *table, uint64_t row);

/* The index as stored; NULL if there is none. */
typedef struct shardy__lance_index {
    shardy__lance_index_kind kind;
    shardy_metric metric;
    uint32_t partitions;
    const float *centroids;  /* partitions x dim */
    const uint64_t *offsets; /* partitions + 1 entry numbers */
    const uint64_t *row_ids; /* offsets[partitions] of them, each < count */
    const float *vectors;    /* entries x dim as indexed */
} shardy__lance_index;
const shardy__lance_index *shardy__lance_get_index(const shardy__lance *table);

/* ---- checking ---- */

typedef struct shardy__lance_check {
    /* Called for each kind of problem in each object; `object` is a URL. */
    void (*problem)(void *ctx, const char *object, const char *text);
    void *ctx;
} shardy__lance_check;

/* Beyond what open checks: ids and payloads are UTF-8, vectors finite, every row exactly once in
 * the index (zero vectors under cosine: not at all), indexed vectors equal to the rows' (unit
 * length under cosine), each entry in the partition that a reader would probe for it, centroids
 * finite. SHARDY_OK if all was looked at, whatever was found. */
shardy_status shardy__lance_verify(shardy__lance *table, const shardy__lance_check *check,
                                   shardy_error *err);

#endif

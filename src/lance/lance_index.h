/* lance_index.h: names and numbers that the writer and the reader of an index share. */
#ifndef SHARDY_LANCE_LANCE_INDEX_H
#define SHARDY_LANCE_LANCE_INDEX_H

#include "lance/lance.h"

/* What Lance calls a metric: "l2", "cosine", "dot", and its number in VectorIndexDetails. */
const char *shardy__lance_metric_name(shardy_metric metric);
uint32_t shardy__lance_metric_number(shardy_metric metric);

/* The reverse of the names; false: not known. */
bool shardy__lance_metric_parse(shardy_slice name, shardy_metric *out);
bool shardy__lance_index_parse(shardy_slice name, shardy__lance_index_kind *out);

/* "_indices/<uuid>/<file>"; owned. NULL: out of memory. */
char *shardy__lance_index_object(const uint8_t uuid[16], const char *file);

/* Metadata keys of the index files. */
#define SHARDY__LANCE_KEY_METRIC "distance_type"
#define SHARDY__LANCE_KEY_FLAT "lance:flat"
#define SHARDY__LANCE_KEY_INDEX "lance:index"
#define SHARDY__LANCE_KEY_IVF "lance:ivf"
#define SHARDY__LANCE_KEY_STORAGE "storage_metadata"

#define SHARDY__LANCE_AUXILIARY "auxiliary.idx"
#define SHARDY__LANCE_INDEX "index.idx"

#define SHARDY__LANCE_DETAILS \
    "lance.index.pb.VectorIndexDetails" /* after the '/' of its type URL */

/* The set {0} of fragments as a portable 32-bit Roaring bitmap: cookie 12346, one container, key 0,
 * cardinality - 1 = 0, offset 16, value 0. */
enum { SHARDY__LANCE_BITMAP = 18 };
extern const uint8_t shardy__lance_fragment_bitmap[SHARDY__LANCE_BITMAP];

enum { SHARDY__LANCE_TENSOR_FLOAT32 = 2, SHARDY__LANCE_VECTOR_FIELD = 1 };

#endif

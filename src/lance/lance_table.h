/* lance_table.h: an open table, shared by the files that open, answer and verify. */
#ifndef SHARDY_LANCE_LANCE_TABLE_H
#define SHARDY_LANCE_LANCE_TABLE_H

#include "base/bytes.h"
#include "lance/lance.h"
#include "lance/lance_file.h"

/* What a manifest says, checked. The slices are parts of the mapped manifest. */
typedef struct shardy__lance_manifest {
    uint32_t dim;
    uint64_t rows;
    shardy_slice data_name; /* below data/ */
    uint64_t data_size;     /* 0: not said, as the following */
    bool indexed;
    uint8_t uuid[16];
    uint64_t metric; /* Lance's number */
    uint64_t auxiliary_size, index_size;
} shardy__lance_manifest;

/* `version` is what the object's name says, 0 if it says nothing. */
shardy_status shardy__lance_read_manifest(const shardy__source *src, uint64_t version,
                                          shardy__lance_manifest *out, shardy_error *err);
/* The newest manifest below `dir`, by name; *name is owned. SHARDY_E_NOT_FOUND if there is none. */
shardy_status shardy__lance_find_manifest(shardy__dir *dir, char **name, shardy_error *err);
/* The version that a manifest's object name stands for, 0 if it is not such a name. */
uint64_t shardy__lance_name_version(const char *name);

/* A UTF-8 column: `ends` has any alignment. */
typedef struct shardy__lance_text {
    const uint8_t *ends;
    const uint8_t *bytes;
    uint64_t adjustment; /* ends from here on are null rows */
} shardy__lance_text;

static inline uint64_t shardy__lance_text_end(const shardy__lance_text *text, uint64_t row) {
    uint64_t end = shardy__le64(text->ends + 8 * row);
    return end >= text->adjustment ? end - text->adjustment : end;
}

struct shardy__lance {
    shardy__lance_in data, auxiliary, index_file;
    uint64_t count;
    uint32_t dim;
    shardy__lance_text id, payload;
    const float *vectors;
    bool indexed;
    shardy__lance_index index;
    uint64_t *offsets; /* owned, index.offsets */
    float *centroids;  /* owned, index.centroids */
};

/* Open the index files that the manifest names into the table, whose rows are open. */
shardy_status shardy__lance_read_index(shardy__lance *table, shardy__dir *dir,
                                       const shardy__lance_manifest *manifest, shardy_error *err);

#endif

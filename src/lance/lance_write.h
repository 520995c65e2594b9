/* lance_write.h: the parts of shardy__lance_write: data file, index files, manifest. */
#ifndef SHARDY_LANCE_LANCE_WRITE_H
#define SHARDY_LANCE_LANCE_WRITE_H

#include "lance/lance.h"
#include "lance/lance_index.h"

/* What the manifest needs to know; filled part by part. */
typedef struct shardy__lance_plan {
    const shardy__lance_rows *rows;
    const shardy__lance_ivf *ivf; /* NULL: no index */
    const char *data_name;
    const char *version; /* of the writer */
    uint8_t uuid[16];
    uint64_t wall_ns;
    uint64_t data_size, auxiliary_size, index_size;
} shardy__lance_plan;

shardy_status shardy__lance_write_data(shardy__dir *dir, shardy__lance_plan *plan,
                                       shardy_error *err);
shardy_status shardy__lance_write_index(shardy__dir *dir, shardy__lance_plan *plan,
                                        shardy_error *err);
shardy_status shardy__lance_write_manifest(shardy__dir *dir, const shardy__lance_plan *plan,
                                           shardy_error *err);

#endif

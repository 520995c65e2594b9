/* lance_index_read.c: opening auxiliary.idx and index.idx.
 *
 * Sources: lance-14.0.2/src/index/vector/ivf/v2.rs, lance-index-14.0.2/src/vector/ivf/storage.rs.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "lance/lance_index.h"
#include "lance/lance_table.h"

static shardy_status corrupt(const shardy__lance_in *in, const char *what, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s", in->src->url, what);
}

/* A metadata value as JSON, owned by the caller. */
static shardy_status read_json(const shardy__lance_in *in, const char *key, json_t **out,
                               shardy_error *err) {
    shardy_slice text;
    *out = NULL;
    SHARDY_TRY(shardy__lance_in_meta(in, key, &text, err));
    shardy_status rc = shardy__json_parse(key, text.data, text.len, JSON_REJECT_DUPLICATES,
                                          SHARDY_E_CORRUPT, out, err);
    if (rc == SHARDY_E_CORRUPT) shardy__error_prefix(err, "%s: metadata ", in->src->url);
    return rc;
}

/* ---- the IVF message ---- */

typedef struct ivf_message {
    uint64_t n_offsets, n_lengths;
    uint64_t *offsets, *lengths; /* where to put them, or NULL to count only */
    shardy_slice tensor;
} ivf_message;

static void add_offset(void *ctx, uint64_t v) {
    ivf_message *ivf = ctx;
    if (ivf->offsets) ivf->offsets[ivf->n_offsets] = v;
    ivf->n_offsets++;
}

static void add_length(void *ctx, uint64_t v) {
    ivf_message *ivf = ctx;
    if (ivf->lengths) ivf->lengths[ivf->n_lengths] = v;
    ivf->n_lengths++;
}

/* One pass over the message; false: malformed. */
static bool scan_ivf(shardy_slice message, ivf_message *ivf) {
    shardy__pb_field field;
    int more;
    ivf->n_offsets = ivf->n_lengths = 0;
    while ((more = shardy__pb_next(&message, &field)) > 0) {
        if (field.number == 2) {
            if (!shardy__pb_each(&field, add_offset, ivf)) return false;
        } else if (field.number == 3) {
            if (!shardy__pb_each(&field, add_length, ivf)) return false;
        } else if (field.number == 4 && field.wire == SHARDY__PB_LENGTH) {
            ivf->tensor = field.bytes;
        } else if (field.number != 5) { /* 5: the loss; 1: centroids of old */
            return false;
        }
    }
    return more == 0;
}

/* The IVF message of a file; its arrays are owned by the caller even after a failure. */
static shardy_status read_ivf(shardy__lance_in *in, ivf_message *ivf, shardy_error *err) {
    shardy_slice message;
    json_t *value;
    uint64_t number;
    SHARDY_TRY(read_json(in, SHARDY__LANCE_KEY_IVF, &value, err));
    bool good = shardy__json_u64(value, &number);
    json_decref(value);
    if (!good) {
        return corrupt(in, "metadata " SHARDY__LANCE_KEY_IVF " is not a number", err);
    }
    SHARDY_TRY(shardy__lance_in_global(in, number, &message, err));
    if (!scan_ivf(message, ivf) || !ivf->n_lengths || ivf->n_lengths > UINT32_MAX) {
        return corrupt(in, "the IVF message is malformed", err);
    }
    if (ivf->n_offsets && ivf->n_offsets != ivf->n_lengths) {
        return corrupt(in, "the IVF message has not as many offsets as lengths", err);
    }
    ivf->offsets = shardy__realloc_array(NULL, (size_t)ivf->n_lengths + 1, 8);
    ivf->lengths = shardy__realloc_array(NULL, (size_t)ivf->n_lengths, 8);
    if (!ivf->offsets || !ivf->lengths) return shardy__fail_nomem(err);
    scan_ivf(message, ivf);
    return SHARDY_OK;
}

static void free_ivf(ivf_message *ivf) {
    shardy__free(ivf->offsets);
    shardy__free(ivf->lengths);
}

/* ---- metadata ---- */

/* A string member of metadata, borrowed from it. */
static shardy_status read_name(const shardy__lance_in *in, const json_t *object, const char *name,
                               shardy_slice *out, shardy_error *err) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value)) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "%s: metadata " SHARDY__LANCE_KEY_INDEX
                            " is not an object with a string \"%s\"",
                            in->src->url, name);
    }
    *out = (shardy_slice){json_string_value(value), json_string_length(value)};
    return SHARDY_OK;
}

static shardy_status unknown(const shardy__lance_in *in, const char *what, shardy_slice name,
                             shardy_error *err) {
    char quoted[80];
    return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: %s %s is not supported", in->src->url, what,
                        shardy__quote(quoted, sizeof quoted, name.data, name.len));
}

static shardy_status read_kind(const shardy__lance_in *in, shardy__lance_index *index,
                               shardy_error *err) {
    json_t *object;
    shardy_slice name;
    SHARDY_TRY(read_json(in, SHARDY__LANCE_KEY_INDEX, &object, err));
    shardy_status rc = read_name(in, object, "type", &name, err);
    if (!rc && !shardy__lance_index_parse(name, &index->kind)) {
        rc = unknown(in, "index type", name, err);
    }
    if (!rc) rc = read_name(in, object, "distance_type", &name, err);
    if (!rc && !shardy__lance_metric_parse(name, &index->metric)) {
        rc = unknown(in, "metric", name, err);
    }
    json_decref(object);
    return rc;
}

/* An array of one string, which is a JSON object with the table's dim. */
static shardy_status check_storage(const shardy__lance_in *in, uint32_t dim, shardy_error *err) {
    json_t *array, *object = NULL;
    uint64_t stored = 0;
    SHARDY_TRY(read_json(in, SHARDY__LANCE_KEY_STORAGE, &array, err));
    const json_t *text = json_array_size(array) == 1 ? json_array_get(array, 0) : NULL;
    shardy_status rc = shardy__json_parse(SHARDY__LANCE_KEY_STORAGE, json_string_value(text),
                                          json_string_length(text), JSON_REJECT_DUPLICATES,
                                          SHARDY_E_CORRUPT, &object, err);
    bool good = !rc && shardy__json_u64(json_object_get(object, "dim"), &stored) && stored == dim;
    if (!good && rc != SHARDY_E_NO_MEMORY) {
        rc = corrupt(in, "metadata " SHARDY__LANCE_KEY_STORAGE " is not that of the table's dim",
                     err);
    }
    json_decref(object);
    json_decref(array);
    return rc;
}

/* ---- auxiliary.idx ---- */

static shardy_status check_row_ids(const shardy__lance *table, uint64_t entries,
                                   shardy_error *err) {
    for (uint64_t i = 0; i < entries; i++) {
        if (table->index.row_ids[i] < table->count) continue;
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: entry %llu is of row %llu, there are %llu",
                            table->auxiliary.src->url, (unsigned long long)i,
                            (unsigned long long)table->index.row_ids[i],
                            (unsigned long long)table->count);
    }
    return SHARDY_OK;
}

/* Offsets must be the running sum of the lengths, or absent; the sum is put behind the last. */
static shardy_status check_partitions(const shardy__lance_in *in, ivf_message *ivf, uint64_t rows,
                                      shardy_error *err) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < ivf->n_lengths; i++) {
        if (!ivf->n_offsets) ivf->offsets[i] = sum;
        if (ivf->offsets[i] != sum || ivf->lengths[i] > rows - sum) {
            return shardy__fail(err, SHARDY_E_CORRUPT,
                                "%s: partition %llu: entries %llu+%llu, expected from %llu of %llu",
                                in->src->url, (unsigned long long)i,
                                (unsigned long long)ivf->offsets[i],
                                (unsigned long long)ivf->lengths[i], (unsigned long long)sum,
                                (unsigned long long)rows);
        }
        sum += ivf->lengths[i];
    }
    ivf->offsets[ivf->n_lengths] = sum;
    return SHARDY_OK;
}

static shardy_status read_auxiliary(shardy__lance *table, shardy_error *err) {
    shardy__lance_in *in = &table->auxiliary;
    shardy__lance_field fields[SHARDY__LANCE_AUXILIARY_FIELDS];
    shardy_slice metric, ids, vectors;
    shardy_metric stored;
    ivf_message ivf = {0};
    shardy__lance_flat_fields(fields, table->dim);
    shardy_status rc = read_ivf(in, &ivf, err);
    if (!rc) rc = check_partitions(in, &ivf, table->count, err);
    if (rc) goto done;
    uint64_t entries = ivf.offsets[ivf.n_lengths];
    rc = shardy__lance_in_fields(in, fields, SHARDY__LANCE_AUXILIARY_FIELDS, entries, err);
    if (!rc) rc = shardy__lance_in_column(in, 0, &fields[0], entries, &ids, err);
    if (!rc) rc = shardy__lance_in_column(in, 1, &fields[1], entries, &vectors, err);
    if (!rc) rc = check_storage(in, table->dim, err);
    if (!rc) rc = shardy__lance_in_meta(in, SHARDY__LANCE_KEY_METRIC, &metric, err);
    if (rc) goto done;
    if (!shardy__lance_metric_parse(metric, &stored) || stored != table->index.metric) {
        rc = corrupt(in, "metadata " SHARDY__LANCE_KEY_METRIC " is not that of index.idx", err);
        goto done;
    }
    if (ivf.n_lengths != table->index.partitions) {
        rc = corrupt(in, "the number of partitions is not that of index.idx", err);
        goto done;
    }
    table->index.row_ids = ids.data;
    table->index.vectors = vectors.data;
    table->index.offsets = table->offsets = ivf.offsets;
    ivf.offsets = NULL;
    rc = check_row_ids(table, entries, err);
done:
    free_ivf(&ivf);
    return rc;
}

/* ---- index.idx ---- */

static shardy_status read_centroids(shardy__lance *table, shardy_slice tensor, shardy_error *err) {
    const shardy__lance_in *in = &table->index_file;
    uint64_t type = 0, cells = 0;
    shardy__pb_ints shape = {.n = 0};
    shardy_slice data = {"", 0};
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_UINT, &type}, {2, SHARDY__PB_INTS, &shape}, {3, SHARDY__PB_BYTES, &data}};
    SHARDY_TRY(shardy__pb_read(in->src->url, "Tensor", tensor, wants, 3, err));
    cells = (uint64_t)table->index.partitions * table->dim;
    if (type != SHARDY__LANCE_TENSOR_FLOAT32 || shape.n != 2 ||
        shape.v[0] != table->index.partitions || shape.v[1] != table->dim ||
        data.len / sizeof(float) != cells || data.len % sizeof(float)) {
        return corrupt(in, "the centroids are not one float vector for each partition", err);
    }
    table->centroids = shardy__malloc(data.len);
    if (!table->centroids) return shardy__fail_nomem(err);
    memcpy(table->centroids, data.data, data.len); /* a message has no alignment */
    table->index.centroids = table->centroids;
    return SHARDY_OK;
}

/* An array of as many empty strings as there are partitions. */
static shardy_status check_flat(const shardy__lance_in *in, uint64_t partitions,
                                shardy_error *err) {
    json_t *array;
    SHARDY_TRY(read_json(in, SHARDY__LANCE_KEY_FLAT, &array, err));
    bool good = json_is_array(array) && json_array_size(array) == partitions;
    for (size_t i = 0; good && i < partitions; i++) {
        const json_t *text = json_array_get(array, i);
        good = json_is_string(text) && !json_string_length(text);
    }
    json_decref(array);
    if (good) return SHARDY_OK;
    return corrupt(in, "metadata " SHARDY__LANCE_KEY_FLAT " is not \"\" for each partition", err);
}

static shardy_status read_index_file(shardy__lance *table, shardy_error *err) {
    shardy__lance_in *in = &table->index_file;
    shardy_slice none[2];
    ivf_message ivf = {0};
    shardy_status rc = shardy__lance_in_fields(in, &shardy__lance_flat_marker, 1, 0, err);
    if (!rc) rc = shardy__lance_in_column(in, 0, &shardy__lance_flat_marker, 0, none, err);
    if (!rc) rc = read_ivf(in, &ivf, err);
    if (!rc) rc = check_partitions(in, &ivf, 0, err);
    if (rc) goto done;
    table->index.partitions = (uint32_t)ivf.n_lengths;
    rc = read_centroids(table, ivf.tensor, err);
    if (!rc) rc = check_flat(in, ivf.n_lengths, err);
done:
    free_ivf(&ivf);
    return rc;
}

/* ---- both ---- */

static shardy_status open_file(shardy__lance_in *in, shardy__dir *dir, const uint8_t uuid[16],
                               const char *file, uint64_t size, shardy_error *err) {
    char *name = shardy__lance_index_object(uuid, file);
    if (!name) return shardy__fail_nomem(err);
    shardy_status rc = shardy__lance_in_open(in, dir, name, err);
    if (!rc && size && size != in->src->size) {
        rc =
            shardy__fail(err, SHARDY_E_CORRUPT, "%s: %llu bytes, the manifest says %llu",
                         in->src->url, (unsigned long long)in->src->size, (unsigned long long)size);
    }
    shardy__free(name);
    return rc;
}

shardy_status shardy__lance_read_index(shardy__lance *table, shardy__dir *dir,
                                       const shardy__lance_manifest *manifest, shardy_error *err) {
    SHARDY_TRY(open_file(&table->auxiliary, dir, manifest->uuid, SHARDY__LANCE_AUXILIARY,
                         manifest->auxiliary_size, err));
    SHARDY_TRY(open_file(&table->index_file, dir, manifest->uuid, SHARDY__LANCE_INDEX,
                         manifest->index_size, err));
    SHARDY_TRY(read_kind(&table->index_file, &table->index, err));
    if (shardy__lance_metric_number(table->index.metric) != manifest->metric) {
        return corrupt(&table->index_file, "the metric is not the one that the manifest names",
                       err);
    }
    SHARDY_TRY(read_index_file(table, err));
    SHARDY_TRY(read_auxiliary(table, err));
    table->indexed = true;
    return SHARDY_OK;
}

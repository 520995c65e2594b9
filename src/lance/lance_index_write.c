/* lance_index_write.c: the two files of an IVF index.
 *
 * auxiliary.idx holds the entries, ordered by partition: row ids and what searches compare (the
 * "storage": under FLAT the vectors). index.idx holds the centroids and the partitions' sub-indexes
 * (FLAT has none: one column without rows). In both the IVF message is global buffer 1, put last so
 * that it lies in the block at the end of the file that readers fetch first.
 * Sources: lance-14.0.2/src/index/vector/builder.rs (merge_partitions),
 * lance-index-14.0.2/src/vector/ivf/storage.rs.
 */
#include <string.h>

#include "base/alloc.h"
#include "lance/lance_file.h"
#include "lance/lance_write.h"

typedef struct index_job {
    const shardy__lance_plan *plan;
    const shardy__lance_ivf *ivf;
    uint64_t entries;
    uint32_t dim;
} index_job;

/* ---- the IVF message ---- */

static void put_partitions(shardy__buf *b, uint32_t n, const uint64_t *lengths) {
    uint64_t offset = 0;
    size_t run = shardy__pb_begin(b, 2);
    for (uint32_t i = 0; i < n; i++) {
        shardy__buf_varint(b, offset);
        offset += lengths ? lengths[i] : 0;
    }
    shardy__pb_end(b, run);
    run = shardy__pb_begin(b, 3);
    for (uint32_t i = 0; i < n; i++) shardy__buf_varint(b, lengths ? lengths[i] : 0);
    shardy__pb_end(b, run);
}

/* auxiliary.idx: where each partition's entries are. */
static shardy_status put_entry_ivf(shardy__lance_out *out, const index_job *job,
                                   shardy_error *err) {
    shardy__buf ivf = {0};
    shardy__lance_range range = {0, 0};
    put_partitions(&ivf, job->ivf->partitions, job->ivf->lengths);
    shardy_status rc =
        ivf.failed ? shardy__fail_nomem(err) : shardy__lance_out_put(out, ivf.data, ivf.len, err);
    if (!rc) rc = shardy__lance_out_end_buffer(out, &range, err);
    if (!rc) shardy__lance_out_global(out, range);
    shardy__buf_free(&ivf);
    return rc;
}

/* index.idx: the centroids, which go to the sink as they are, and the sub-indexes' rows, none. */
static shardy_status put_centroid_ivf(shardy__lance_out *out, const index_job *job,
                                      shardy_error *err) {
    const shardy__lance_ivf *ivf = job->ivf;
    const uint64_t shape[2] = {ivf->partitions, job->dim};
    uint64_t bytes = shape[0] * shape[1] * sizeof(float);
    shardy__buf tensor = {0}, head = {0}, tail = {0};
    shardy__lance_range range = {0, 0};
    shardy__pb_uint(&tensor, 1, SHARDY__LANCE_TENSOR_FLOAT32);
    shardy__pb_packed(&tensor, 2, shape, 2);
    shardy__pb_head(&tensor, 3, bytes);
    put_partitions(&head, ivf->partitions, NULL);
    shardy__pb_head(&head, 4, tensor.len + bytes);
    shardy__buf_put(&head, tensor.data, tensor.len);
    shardy__pb_double(&tail, 5, ivf->loss);
    shardy_status rc = SHARDY_OK;
    if (tensor.failed || head.failed || tail.failed) rc = shardy__fail_nomem(err);
    if (!rc) rc = shardy__lance_out_put(out, head.data, head.len, err);
    if (!rc) rc = shardy__lance_out_put(out, ivf->centroids, (size_t)bytes, err);
    if (!rc) rc = shardy__lance_out_put(out, tail.data, tail.len, err);
    if (!rc) rc = shardy__lance_out_end_buffer(out, &range, err);
    if (!rc) shardy__lance_out_global(out, range);
    shardy__buf_free(&tensor);
    shardy__buf_free(&head);
    shardy__buf_free(&tail);
    return rc;
}

/* ---- auxiliary.idx ---- */

static shardy_status put_entries(shardy__lance_out *out, const index_job *job,
                                 const shardy__lance_field *fields, shardy_error *err) {
    shardy__lance_range range;
    SHARDY_TRY(shardy__lance_out_put(out, job->ivf->row_ids, (size_t)job->entries * 8, err));
    SHARDY_TRY(shardy__lance_out_end_buffer(out, &range, err));
    shardy__lance_out_column(out, &fields[0], job->entries, &range);
    for (uint64_t i = 0; i < job->entries; i++) {
        SHARDY_TRY(shardy__lance_out_put(out, job->ivf->vector(job->ivf->ctx, i),
                                         (size_t)job->dim * sizeof(float), err));
    }
    SHARDY_TRY(shardy__lance_out_end_buffer(out, &range, err));
    shardy__lance_out_column(out, &fields[1], job->entries, &range);
    return put_entry_ivf(out, job, err);
}

/* A JSON array of one string, which is itself JSON. */
static void put_storage_metadata(shardy__buf *b, const index_job *job) {
    shardy__buf inner = {0};
    shardy__buf_printf(&inner, "{\"dim\":%u}", job->dim);
    shardy__buf_u8(b, '[');
    shardy__buf_json_str(b, inner.data, inner.len);
    shardy__buf_u8(b, ']');
    b->failed |= inner.failed;
    shardy__buf_free(&inner);
}

static shardy_slice text_slice(const char *s) { return (shardy_slice){s, strlen(s)}; }

static shardy_status write_auxiliary(shardy__lance_out *out, const index_job *job, uint64_t *size,
                                     shardy_error *err) {
    shardy__lance_field fields[SHARDY__LANCE_AUXILIARY_FIELDS];
    shardy__lance_flat_fields(fields, job->dim);
    shardy__buf storage = {0};
    put_storage_metadata(&storage, job);
    shardy_status rc = storage.failed ? shardy__fail_nomem(err) : SHARDY_OK;
    if (!rc) rc = put_entries(out, job, fields, err);
    if (!rc) {
        const shardy__lance_meta metas[] = {
            {SHARDY__LANCE_KEY_METRIC, text_slice(shardy__lance_metric_name(job->ivf->metric))},
            {SHARDY__LANCE_KEY_IVF, text_slice("1")},
            {SHARDY__LANCE_KEY_STORAGE, {storage.data, storage.len}},
        };
        rc = shardy__lance_out_finish(out, fields, SHARDY__LANCE_AUXILIARY_FIELDS, job->entries,
                                      metas, 3, size, err);
    }
    shardy__buf_free(&storage);
    return rc;
}

/* ---- index.idx ---- */

static shardy_status write_index(shardy__lance_out *out, const index_job *job, uint64_t *size,
                                 shardy_error *err) {
    const shardy__lance_ivf *ivf = job->ivf;
    shardy__buf flat = {0}, index = {0};
    for (uint32_t i = 0; i < ivf->partitions; i++) shardy__buf_str(&flat, i ? ",\"\"" : "[\"\"");
    shardy__buf_str(&flat, "]");
    shardy__buf_printf(&index, "{\"type\":\"%s\",\"distance_type\":\"%s\"}",
                       shardy__lance_index_name(ivf->kind), shardy__lance_metric_name(ivf->metric));
    shardy_status rc = flat.failed || index.failed ? shardy__fail_nomem(err) : SHARDY_OK;
    if (!rc) rc = put_centroid_ivf(out, job, err);
    if (!rc) {
        shardy__lance_out_column(out, &shardy__lance_flat_marker, 0, NULL);
        const shardy__lance_meta metas[] = {
            {SHARDY__LANCE_KEY_FLAT, {flat.data, flat.len}},
            {SHARDY__LANCE_KEY_INDEX, {index.data, index.len}},
            {SHARDY__LANCE_KEY_IVF, text_slice("1")},
        };
        rc = shardy__lance_out_finish(out, &shardy__lance_flat_marker, 1, 0, metas, 3, size, err);
    }
    shardy__buf_free(&flat);
    shardy__buf_free(&index);
    return rc;
}

/* ---- both ---- */

typedef shardy_status (*write_fn)(shardy__lance_out *out, const index_job *job, uint64_t *size,
                                  shardy_error *err);

static shardy_status write_file(shardy__dir *dir, const index_job *job, const char *file,
                                write_fn write, uint64_t *size, shardy_error *err) {
    shardy__lance_out out = {0};
    char *name = shardy__lance_index_object(job->plan->uuid, file);
    if (!name) return shardy__fail_nomem(err);
    shardy_status rc = shardy__lance_out_open(&out, dir, name, err);
    if (!rc) rc = write(&out, job, size, err);
    shardy__lance_out_close(&out);
    shardy__free(name);
    return rc;
}

/* The entries must be what lance.h says: a broken order would be found by no reader. */
static shardy_status check_entries(const shardy__lance_rows *rows, const shardy__lance_ivf *ivf,
                                   uint64_t *entries, shardy_error *err) {
    uint64_t e = 0;
    for (uint32_t p = 0; p < ivf->partitions; p++) {
        uint64_t len = ivf->lengths[p];
        if (len > rows->count - e) {
            return shardy__fail(err, SHARDY_E_INTERNAL, "index has more entries than %llu rows",
                                (unsigned long long)rows->count);
        }
        for (uint64_t last = e + len, first = e; e < last; e++) {
            if (ivf->row_ids[e] < rows->count &&
                (e == first || ivf->row_ids[e] > ivf->row_ids[e - 1])) {
                continue;
            }
            return shardy__fail(err, SHARDY_E_INTERNAL,
                                "index entry %llu: row %llu is out of order or not one of %llu",
                                (unsigned long long)e, (unsigned long long)ivf->row_ids[e],
                                (unsigned long long)rows->count);
        }
    }
    *entries = e;
    return SHARDY_OK;
}

shardy_status shardy__lance_write_index(shardy__dir *dir, shardy__lance_plan *plan,
                                        shardy_error *err) {
    index_job job = {.plan = plan, .ivf = plan->ivf, .dim = plan->rows->dim};
    SHARDY_TRY(check_entries(plan->rows, plan->ivf, &job.entries, err));
    SHARDY_TRY(write_file(dir, &job, SHARDY__LANCE_AUXILIARY, write_auxiliary,
                          &plan->auxiliary_size, err));
    return write_file(dir, &job, SHARDY__LANCE_INDEX, write_index, &plan->index_size, err);
}

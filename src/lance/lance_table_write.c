/* lance_table_write.c: the data file: the columns id, vector, payload, one page each.
 *
 * A UTF-8 page stores for each row the end of its bytes, before the bytes themselves; a null row
 * stores the end of the row before plus the "null adjustment", which is one more than all bytes. So
 * the texts are asked for twice: for their lengths, then for their bytes.
 * Source: lance-encoding-14.0.2/src/array_encoding/physical/binary.rs.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "lance/lance_file.h"
#include "lance/lance_write.h"

typedef shardy_slice (*text_fn)(void *ctx, uint64_t row);

/* Set ends[row] for all rows; a null row is marked by the top bit until the sum is known. */
#define NULL_MARK (UINT64_C(1) << 63)

static shardy_status measure(const shardy__lance_rows *rows, text_fn text, const char *name,
                             bool nullable, uint64_t *ends, uint64_t *bytes, shardy_error *err) {
    uint64_t end = 0;
    for (uint64_t row = 0; row < rows->count; row++) {
        shardy_slice value = text(rows->ctx, row);
        const char *wrong = NULL;
        if (!value.data && !nullable) wrong = "is missing";
        if (value.data && !shardy__utf8_valid(value.data, value.len)) wrong = "is not UTF-8";
        if (wrong) {
            return shardy__fail(err, SHARDY_E_CONFIG, "row %llu: %s %s", (unsigned long long)row,
                                name, wrong);
        }
        end += value.data ? value.len : 0;
        ends[row] = end | (value.data ? 0 : NULL_MARK);
    }
    *bytes = end;
    return SHARDY_OK;
}

static shardy_status put_text(shardy__lance_out *out, const shardy__lance_rows *rows, text_fn text,
                              uint64_t bytes, shardy_error *err) {
    uint64_t begin = out->at;
    for (uint64_t row = 0; row < rows->count; row++) {
        shardy_slice value = text(rows->ctx, row);
        if (value.data) SHARDY_TRY(shardy__lance_out_put(out, value.data, value.len, err));
    }
    if (out->at - begin == bytes) return SHARDY_OK;
    return shardy__fail(err, SHARDY_E_INTERNAL, "%s: texts changed while they were written",
                        out->sink->url);
}

static shardy_status put_text_column(shardy__lance_out *out, const shardy__lance_rows *rows,
                                     text_fn text, const shardy__lance_field *field,
                                     shardy_error *err) {
    shardy__lance_range ranges[2];
    uint64_t bytes = 0;
    uint64_t *ends = shardy__realloc_array(NULL, (size_t)rows->count, 8);
    if (!ends) return shardy__fail_nomem(err);
    shardy_status rc = measure(rows, text, field->name, field->nullable, ends, &bytes, err);
    if (rc) goto done;
    for (uint64_t row = 0; row < rows->count; row++) {
        if (ends[row] & NULL_MARK) ends[row] = (ends[row] & ~NULL_MARK) + bytes + 1;
    }
    rc = shardy__lance_out_put(out, ends, (size_t)rows->count * 8, err);
    if (!rc) rc = shardy__lance_out_end_buffer(out, &ranges[0], err);
    if (!rc) rc = put_text(out, rows, text, bytes, err);
    if (!rc) rc = shardy__lance_out_end_buffer(out, &ranges[1], err);
    if (!rc) shardy__lance_out_column(out, field, rows->count, ranges);
done:
    shardy__free(ends);
    return rc;
}

static shardy_status put_vector_column(shardy__lance_out *out, const shardy__lance_rows *rows,
                                       const shardy__lance_field *field, shardy_error *err) {
    shardy__lance_range range;
    for (uint64_t row = 0; row < rows->count; row++) {
        SHARDY_TRY(shardy__lance_out_put(out, rows->vector(rows->ctx, row),
                                         (size_t)rows->dim * sizeof(float), err));
    }
    SHARDY_TRY(shardy__lance_out_end_buffer(out, &range, err));
    shardy__lance_out_column(out, field, rows->count, &range);
    return SHARDY_OK;
}

shardy_status shardy__lance_write_data(shardy__dir *dir, shardy__lance_plan *plan,
                                       shardy_error *err) {
    const shardy__lance_rows *rows = plan->rows;
    shardy__lance_out out = {0};
    shardy__lance_field fields[SHARDY__LANCE_DATA_FIELDS];
    shardy__lance_data_fields(fields, rows->dim);
    shardy_status rc = SHARDY_OK;
    char *name = shardy__format("data/%s", plan->data_name);
    if (!name) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    rc = shardy__lance_out_open(&out, dir, name, err);
    if (!rc) rc = put_text_column(&out, rows, rows->id, &fields[0], err);
    if (!rc) rc = put_vector_column(&out, rows, &fields[1], err);
    if (!rc) rc = put_text_column(&out, rows, rows->payload, &fields[2], err);
    if (!rc) {
        rc = shardy__lance_out_finish(&out, fields, SHARDY__LANCE_DATA_FIELDS, rows->count, NULL, 0,
                                      &plan->data_size, err);
    }
done:
    shardy__lance_out_close(&out);
    shardy__free(name);
    return rc;
}

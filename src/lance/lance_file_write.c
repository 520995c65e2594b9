/* lance_file_write.c: writing the container of lance_file.h.
 *
 * Source: lance-file-14.0.2/src/versions/v2_0/writer.rs.
 */
#include <string.h>

#include "base/alloc.h"
#include "lance/lance_file.h"

#define STAGE_SIZE ((size_t)1 << 20)

shardy_status shardy__lance_out_open(shardy__lance_out *out, shardy__dir *dir, const char *name,
                                     shardy_error *err) {
    memset(out, 0, sizeof *out);
    out->n_globals = 1;
    out->stage = shardy__malloc(STAGE_SIZE);
    if (!out->stage) return shardy__fail_nomem(err);
    return shardy__dir_create(dir, name, &out->sink, err);
}

static shardy_status flush(shardy__lance_out *out, shardy_error *err) {
    size_t len = out->staged;
    out->staged = 0;
    return len ? shardy__sink_append(out->sink, out->stage, len, err) : SHARDY_OK;
}

shardy_status shardy__lance_out_put(shardy__lance_out *out, const void *data, size_t len,
                                    shardy_error *err) {
    if (!len) return SHARDY_OK;
    out->at += len;
    if (len > STAGE_SIZE - out->staged) SHARDY_TRY(flush(out, err));
    if (len >= STAGE_SIZE) return shardy__sink_append(out->sink, data, len, err);
    memcpy(out->stage + out->staged, data, len);
    out->staged += len;
    return SHARDY_OK;
}

shardy_status shardy__lance_out_end_buffer(shardy__lance_out *out, shardy__lance_range *range,
                                           shardy_error *err) {
    uint8_t padding[SHARDY__LANCE_ALIGNMENT];
    memset(padding, 'H', sizeof padding);
    *range = (shardy__lance_range){out->begin, out->at - out->begin};
    SHARDY_TRY(shardy__lance_out_put(out, padding, -range->size % SHARDY__LANCE_ALIGNMENT, err));
    out->begin = out->at;
    return SHARDY_OK;
}

void shardy__lance_out_column(shardy__lance_out *out, const shardy__lance_field *field,
                              uint64_t rows, const shardy__lance_range *buffers) {
    shardy__buf *b = &out->columns;
    size_t encoding = shardy__pb_begin(b, 1);
    shardy__lance_put_column_encoding(b);
    shardy__pb_end(b, encoding);
    if (rows) {
        size_t n = shardy__lance_buffers(field);
        uint64_t at[2], size[2] = {0};
        for (size_t i = 0; i < n; i++) {
            at[i] = buffers[i].at;
            size[i] = buffers[i].size;
        }
        size_t page = shardy__pb_begin(b, 2);
        shardy__pb_packed(b, 1, at, n);
        shardy__pb_packed(b, 2, size, n);
        shardy__pb_uint(b, 3, rows);
        encoding = shardy__pb_begin(b, 4);
        shardy__lance_put_page_encoding(b, field, size[1]);
        shardy__pb_end(b, encoding);
        shardy__pb_end(b, page);
    }
    out->column_ends[out->n_columns++] = b->len;
}

void shardy__lance_out_global(shardy__lance_out *out, shardy__lance_range range) {
    out->globals[out->n_globals++] = range;
}

/* FileDescriptor{Schema{fields, metadata}, rows} */
static void put_descriptor(shardy__buf *b, const shardy__lance_field *fields, size_t n_fields,
                           uint64_t rows, const shardy__lance_meta *metas, size_t n_metas) {
    size_t schema = shardy__pb_begin(b, 1);
    shardy__lance_put_fields(b, fields, n_fields);
    for (size_t i = 0; i < n_metas; i++) {
        size_t entry = shardy__pb_begin(b, 5);
        shardy__pb_str(b, 1, metas[i].key);
        shardy__pb_bytes(b, 2, metas[i].value.data, metas[i].value.len);
        shardy__pb_end(b, entry);
    }
    shardy__pb_end(b, schema);
    shardy__pb_uint(b, 2, rows);
}

/* Everything behind the column metadata, which begins at `columns` in the file. */
static void put_tables(shardy__buf *b, const shardy__lance_out *out, uint64_t columns) {
    uint64_t at = columns, column_table = columns + out->columns.len;
    for (uint32_t i = 0; i < out->n_columns; i++) {
        uint64_t end = columns + out->column_ends[i];
        shardy__buf_le64(b, at);
        shardy__buf_le64(b, end - at);
        at = end;
    }
    for (uint32_t i = 0; i < out->n_globals; i++) {
        shardy__buf_le64(b, out->globals[i].at);
        shardy__buf_le64(b, out->globals[i].size);
    }
    shardy__buf_le64(b, columns);
    shardy__buf_le64(b, column_table);
    shardy__buf_le64(b, column_table + 16u * out->n_columns);
    shardy__buf_le32(b, out->n_globals);
    shardy__buf_le32(b, out->n_columns);
    shardy__buf_le16(b, 0);
    shardy__buf_le16(b, 3);
    shardy__buf_put(b, "LANC", 4);
}

shardy_status shardy__lance_out_finish(shardy__lance_out *out, const shardy__lance_field *fields,
                                       size_t n_fields, uint64_t rows,
                                       const shardy__lance_meta *metas, size_t n_metas,
                                       uint64_t *size, shardy_error *err) {
    shardy__buf tail = {0};
    put_descriptor(&tail, fields, n_fields, rows, metas, n_metas);
    out->globals[0] = (shardy__lance_range){out->at, tail.len};
    uint64_t columns = out->at + tail.len;
    shardy__buf_put(&tail, out->columns.data, out->columns.len);
    put_tables(&tail, out, columns);
    shardy_status rc = SHARDY_OK;
    if (tail.failed || out->columns.failed) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    rc = shardy__lance_out_put(out, tail.data, tail.len, err);
    if (!rc) rc = flush(out, err);
    if (!rc) rc = shardy__sink_commit(out->sink, err);
    *size = out->at;
done:
    shardy__buf_free(&tail);
    return rc;
}

void shardy__lance_out_close(shardy__lance_out *out) {
    shardy__sink_close(out->sink);
    shardy__free(out->stage);
    shardy__buf_free(&out->columns);
    memset(out, 0, sizeof *out);
}

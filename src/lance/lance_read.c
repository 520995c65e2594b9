/* lance_read.c: opening a table and answering from it.
 *
 * Everything is checked at open, so that the accessors are plain arithmetic on mapped bytes.
 */
#include <string.h>

#include "base/alloc.h"
#include "lance/lance_table.h"

/* Ends must ascend, null rows add nothing, and the last must be the end of the bytes. The loop has
 * no exit, so that the compiler can keep it in vector registers. */
static bool check_ends(const shardy__lance_text *text, uint64_t rows, bool nullable) {
    uint64_t before = 0, bad = 0, last = text->adjustment - 1;
    for (uint64_t row = 0; row < rows; row++) {
        uint64_t end = shardy__le64(text->ends + 8 * row);
        uint64_t null = end >= text->adjustment;
        end -= null ? text->adjustment : 0;
        bad |= (end < before) | (end > last) | (null & (!nullable | (end != before)));
        before = end;
    }
    return !bad && before == last;
}

static shardy_status read_text(shardy__lance *table, uint32_t number,
                               const shardy__lance_field *field, shardy__lance_text *out,
                               shardy_error *err) {
    shardy__lance_in *in = &table->data;
    shardy_slice buffers[2];
    SHARDY_TRY(shardy__lance_in_column(in, number, field, table->count, buffers, err));
    *out = (shardy__lance_text){buffers[0].data, buffers[1].data, (uint64_t)buffers[1].len + 1};
    if (check_ends(out, table->count, field->nullable)) return SHARDY_OK;
    return shardy__fail(err, SHARDY_E_CORRUPT,
                        "%s: column %s: end offsets do not ascend to the %zu bytes of the column",
                        in->src->url, field->name, buffers[1].len);
}

static shardy_status read_rows(shardy__lance *table, shardy__dir *dir,
                               const shardy__lance_manifest *manifest, shardy_error *err) {
    shardy__lance_in *in = &table->data;
    shardy__lance_field fields[SHARDY__LANCE_DATA_FIELDS];
    shardy_slice vectors;
    char *name = shardy__format("data/%.*s", (int)manifest->data_name.len,
                                (const char *)manifest->data_name.data);
    if (!name) return shardy__fail_nomem(err);
    shardy_status rc = shardy__lance_in_open(in, dir, name, err);
    shardy__free(name);
    if (rc) return rc;
    if (manifest->data_size && manifest->data_size != in->src->size) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %llu bytes, the manifest says %llu",
                            in->src->url, (unsigned long long)in->src->size,
                            (unsigned long long)manifest->data_size);
    }
    shardy__lance_data_fields(fields, table->dim);
    SHARDY_TRY(shardy__lance_in_fields(in, fields, SHARDY__LANCE_DATA_FIELDS, table->count, err));
    SHARDY_TRY(read_text(table, 0, &fields[0], &table->id, err));
    SHARDY_TRY(shardy__lance_in_column(in, 1, &fields[1], table->count, &vectors, err));
    table->vectors = vectors.data;
    return read_text(table, 2, &fields[2], &table->payload, err);
}

shardy_status shardy__lance_open(shardy__dir *dir, const char *manifest, shardy__lance **out,
                                 shardy_error *err) {
    char *found = NULL;
    shardy__source *src = NULL;
    shardy__lance_manifest m;
    shardy_status rc = SHARDY_OK;
    *out = NULL;
    shardy__lance *table = shardy__calloc(1, sizeof *table);
    if (!table) return shardy__fail_nomem(err);
    if (!manifest) {
        rc = shardy__lance_find_manifest(dir, &found, err);
        if (rc) goto done;
        manifest = found;
    }
    rc = shardy__dir_open(dir, manifest, SHARDY__OPEN_MAP, &src, err);
    if (!rc) rc = shardy__lance_read_manifest(src, shardy__lance_name_version(manifest), &m, err);
    if (rc) goto done;
    table->count = m.rows;
    table->dim = m.dim;
    if (m.rows) rc = read_rows(table, dir, &m, err);
    if (!rc && m.indexed) rc = shardy__lance_read_index(table, dir, &m, err);
done:
    shardy__source_close(src);
    shardy__free(found);
    if (rc) {
        shardy__lance_close(table);
    } else {
        *out = table;
    }
    return rc;
}

void shardy__lance_close(shardy__lance *table) {
    if (!table) return;
    shardy__lance_in_close(&table->data);
    shardy__lance_in_close(&table->auxiliary);
    shardy__lance_in_close(&table->index_file);
    shardy__free(table->offsets);
    shardy__free(table->centroids);
    shardy__free(table);
}

uint64_t shardy__lance_count(const shardy__lance *table) { return table->count; }

uint32_t shardy__lance_dim(const shardy__lance *table) { return table->dim; }

const float *shardy__lance_vectors(const shardy__lance *table) { return table->vectors; }

static shardy_slice text_at(const shardy__lance_text *text, uint64_t row) {
    uint64_t begin = row ? shardy__lance_text_end(text, row - 1) : 0;
    uint64_t end = shardy__le64(text->ends + 8 * row);
    if (end >= text->adjustment) return (shardy_slice){NULL, 0};
    return (shardy_slice){text->bytes + begin, (size_t)(end - begin)};
}

shardy_slice shardy__lance_id(const shardy__lance *table, uint64_t row) {
    return text_at(&table->id, row);
}

shardy_slice shardy__lance_payload(const shardy__lance *table, uint64_t row) {
    return text_at(&table->payload, row);
}

const shardy__lance_index *shardy__lance_get_index(const shardy__lance *table) {
    return table->indexed ? &table->index : NULL;
}

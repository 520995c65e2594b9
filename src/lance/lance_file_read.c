/* lance_file_read.c: reading the container of lance_file.h. Nothing in it is believed unchecked.
 *
 * Source: lance-file-14.0.2/src/reader.rs. Stricter than that reader: what must be contiguous is
 * checked to be, and a column has one page.
 */
#include <string.h>

#include "base/bytes.h"
#include "lance/lance_file.h"

enum { MAX_GLOBALS = 16 };

static shardy_status corrupt(const shardy__lance_in *in, const char *what, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s", in->src->url, what);
}

/* From the end of the file backwards: footer, global table, column table, columns, schema. */
static shardy_status check_tail(shardy__lance_in *in, shardy_error *err) {
    uint64_t size = in->src->size, end = size - SHARDY__LANCE_FOOTER;
    const uint8_t *footer = in->map + end;
    in->n_globals = shardy__le32(footer + 24);
    in->n_columns = shardy__le32(footer + 28);
    unsigned major = shardy__le16(footer + 32), minor = shardy__le16(footer + 34);
    if (memcmp(footer + 36, "LANC", 4)) return corrupt(in, "does not end with LANC", err);
    if (!(major == 0 && minor == 3) && !(major == 2 && minor == 0)) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: footer version %u.%u, expected 0.3",
                            in->src->url, major, minor);
    }
    if (in->n_globals > MAX_GLOBALS || in->n_columns > SHARDY__LANCE_MAX_COLUMNS) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: %u columns and %u global buffers, at most %u and %u expected",
                            in->src->url, in->n_columns, in->n_globals,
                            (unsigned)SHARDY__LANCE_MAX_COLUMNS, (unsigned)MAX_GLOBALS);
    }
    uint64_t tables = 16 * ((uint64_t)in->n_globals + in->n_columns);
    if (!in->n_globals || tables > end) return corrupt(in, "no room for the offset tables", err);
    uint64_t column_table = end - tables, global_table = end - 16 * (uint64_t)in->n_globals;
    uint64_t at = shardy__le64(footer);
    if (shardy__le64(footer + 8) != column_table || shardy__le64(footer + 16) != global_table ||
        at > column_table) {
        return corrupt(in, "the footer's positions do not fit the file", err);
    }
    in->column_table = in->map + column_table;
    in->global_table = in->map + global_table;
    uint64_t schema = shardy__le64(in->global_table);
    if (schema > at || shardy__le64(in->global_table + 8) != at - schema) {
        return corrupt(in, "the schema does not end where the column metadata begins", err);
    }
    in->schema = (shardy_slice){in->map + schema, (size_t)(at - schema)};
    in->data_end = schema;
    for (uint32_t i = 0; i < in->n_columns; i++) {
        const uint8_t *entry = in->column_table + 16 * (size_t)i;
        uint64_t len = shardy__le64(entry + 8);
        if (shardy__le64(entry) != at || len > column_table - at) {
            return corrupt(in, "column metadata is not contiguous", err);
        }
        at += len;
    }
    return at == column_table ? SHARDY_OK : corrupt(in, "column metadata has gaps", err);
}

shardy_status shardy__lance_in_open(shardy__lance_in *in, shardy__dir *dir, const char *name,
                                    shardy_error *err) {
    memset(in, 0, sizeof *in);
    SHARDY_TRY(shardy__dir_open(dir, name, SHARDY__OPEN_MAP, &in->src, err));
    in->map = in->src->map;
    if (in->src->size < SHARDY__LANCE_FOOTER) return corrupt(in, "too short for a footer", err);
    return check_tail(in, err);
}

void shardy__lance_in_close(shardy__lance_in *in) {
    shardy__source_close(in->src);
    memset(in, 0, sizeof *in);
}

static shardy_status read_schema(const shardy__lance_in *in, shardy_slice *schema, uint64_t *rows,
                                 shardy_error *err) {
    *schema = (shardy_slice){"", 0};
    *rows = 0;
    const shardy__pb_want wants[] = {{1, SHARDY__PB_BYTES, schema}, {2, SHARDY__PB_UINT, rows}};
    return shardy__pb_read(in->src->url, "FileDescriptor", in->schema, wants, 2, err);
}

shardy_status shardy__lance_in_fields(const shardy__lance_in *in, const shardy__lance_field *fields,
                                      size_t n, uint64_t rows, shardy_error *err) {
    shardy_slice schema;
    uint64_t stored_rows;
    shardy__pb_many stored = {.n = 0};
    SHARDY_TRY(read_schema(in, &schema, &stored_rows, err));
    const shardy__pb_want wants[] = {{1, SHARDY__PB_MANY, &stored},
                                     {5, SHARDY__PB_SKIP_BYTES, NULL}};
    SHARDY_TRY(shardy__pb_read(in->src->url, "Schema", schema, wants, 2, err));
    SHARDY_TRY(shardy__lance_check_fields(in->src->url, &stored, fields, n, err));
    if (in->n_columns != n) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: %u columns, expected %zu", in->src->url,
                            in->n_columns, n);
    }
    if (stored_rows != rows) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %llu rows, expected %llu", in->src->url,
                            (unsigned long long)stored_rows, (unsigned long long)rows);
    }
    return SHARDY_OK;
}

shardy_status shardy__lance_in_meta(const shardy__lance_in *in, const char *key,
                                    shardy_slice *value, shardy_error *err) {
    shardy_slice schema;
    uint64_t rows;
    shardy__pb_field field;
    *value = (shardy_slice){NULL, 0};
    SHARDY_TRY(read_schema(in, &schema, &rows, err));
    while (shardy__pb_next(&schema, &field) > 0) {
        if (field.number != 5) continue;
        shardy_slice k = {"", 0}, v = {"", 0};
        const shardy__pb_want wants[] = {{1, SHARDY__PB_BYTES, &k}, {2, SHARDY__PB_BYTES, &v}};
        SHARDY_TRY(shardy__pb_read(in->src->url, "schema metadata", field.bytes, wants, 2, err));
        if (k.len != strlen(key) || memcmp(k.data, key, k.len)) continue;
        if (value->data) {
            return shardy__fail(err, SHARDY_E_CORRUPT, "%s: metadata key %s comes twice",
                                in->src->url, key);
        }
        *value = v;
    }
    if (!value->data) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: metadata key %s is missing", in->src->url,
                            key);
    }
    return SHARDY_OK;
}

/* Take [at, at + size) of the file as a buffer: it lies before the schema, begins where buffers do,
 * and shares no byte with another. A position that was changed cannot pass. */
static shardy_status take_buffer(shardy__lance_in *in, const char *what, uint64_t at, uint64_t size,
                                 shardy_slice *out, shardy_error *err) {
    const char *rule = NULL;
    if (at > in->data_end || size > in->data_end - at) rule = "does not lie before the schema";
    for (uint32_t i = 0; size && !rule && i < in->n_used; i++) {
        const shardy__lance_range *other = &in->used[i];
        if (at < other->at + other->size && other->at < at + size) rule = "overlaps another";
    }
    if (rule || in->n_used == SHARDY__LANCE_MAX_BUFFERS) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s: buffer at byte %llu %s", in->src->url,
                            what, (unsigned long long)at, rule ? rule : "is one too many");
    }
    if (at % SHARDY__LANCE_ALIGNMENT) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: %s: buffer at byte %llu is not aligned to %u", in->src->url, what,
                            (unsigned long long)at, SHARDY__LANCE_ALIGNMENT);
    }
    if (size) in->used[in->n_used++] = (shardy__lance_range){at, size};
    *out = (shardy_slice){in->map + at, (size_t)size};
    return SHARDY_OK;
}

shardy_status shardy__lance_in_global(shardy__lance_in *in, uint64_t number, shardy_slice *out,
                                      shardy_error *err) {
    if (number < 1 || number >= in->n_globals) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: global buffer %llu, there are %u",
                            in->src->url, (unsigned long long)number, in->n_globals);
    }
    const uint8_t *entry = in->global_table + 16 * number;
    return take_buffer(in, "global buffer", shardy__le64(entry), shardy__le64(entry + 8), out, err);
}

/* ---- columns ---- */

typedef struct page {
    shardy__pb_ints at, size;
    uint64_t rows, first;
    shardy_slice encoding;
} page;

/* Compare a stored encoding with the one that our own column of this kind would have. */
static shardy_status check_encoding(const shardy__lance_in *in, const shardy__lance_field *field,
                                    shardy_slice stored, const page *p, shardy_error *err) {
    shardy__buf want = {0};
    shardy_status rc = SHARDY_OK;
    if (p) {
        shardy__lance_put_page_encoding(&want, field, p->size.v[1]);
    } else {
        shardy__lance_put_column_encoding(&want);
    }
    if (want.failed) {
        rc = shardy__fail_nomem(err);
    } else if (want.len != stored.len || memcmp(want.data, stored.data, want.len)) {
        rc = shardy__fail(err, SHARDY_E_UNSUPPORTED,
                          "%s: column %s: the %s encoding is not the plain one", in->src->url,
                          field->name, p ? "page" : "column");
    }
    shardy__buf_free(&want);
    return rc;
}

static shardy_status read_page(const shardy__lance_in *in, const shardy__lance_field *field,
                               shardy_slice message, uint64_t rows, page *p, shardy_error *err) {
    const char *url = in->src->url;
    size_t n = shardy__lance_buffers(field);
    *p = (page){.encoding = {"", 0}};
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_INTS, &p->at},    {2, SHARDY__PB_INTS, &p->size},
        {3, SHARDY__PB_UINT, &p->rows},  {4, SHARDY__PB_BYTES, &p->encoding},
        {5, SHARDY__PB_UINT, &p->first},
    };
    SHARDY_TRY(shardy__pb_read(url, "Page", message, wants, sizeof wants / sizeof *wants, err));
    if (p->rows != rows || p->first) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "%s: column %s: page of %llu rows from row %llu, expected %llu from 0",
                            url, field->name, (unsigned long long)p->rows,
                            (unsigned long long)p->first, (unsigned long long)rows);
    }
    if (p->at.n != p->size.n) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "%s: column %s: page has %zu buffer offsets but %zu sizes", url,
                            field->name, p->at.n, p->size.n);
    }
    if (p->at.n != n) { /* a dictionary, a validity bitmap */
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: column %s: page of %zu buffers, expected %zu", url, field->name,
                            p->at.n, n);
    }
    uint64_t want = 0;
    if (__builtin_mul_overflow(rows, shardy__lance_row_size(field), &want) ||
        p->size.v[0] != want) {
        return shardy__fail(
            err, SHARDY_E_CORRUPT,
            "%s: column %s: buffer 0 has %llu bytes, not %llu for each of %llu rows", url,
            field->name, (unsigned long long)p->size.v[0],
            (unsigned long long)shardy__lance_row_size(field), (unsigned long long)rows);
    }
    return check_encoding(in, field, p->encoding, p, err);
}

shardy_status shardy__lance_in_column(shardy__lance_in *in, uint32_t number,
                                      const shardy__lance_field *field, uint64_t rows,
                                      shardy_slice *buffers, shardy_error *err) {
    const uint8_t *entry = in->column_table + 16 * (size_t)number;
    shardy_slice message = {in->map + shardy__le64(entry), (size_t)shardy__le64(entry + 8)};
    shardy_slice encoding = {"", 0};
    shardy__pb_many pages = {.n = 0};
    const shardy__pb_want wants[] = {{1, SHARDY__PB_BYTES, &encoding},
                                     {2, SHARDY__PB_MANY, &pages}};
    SHARDY_TRY(shardy__pb_read(in->src->url, "ColumnMetadata", message, wants, 2, err));
    SHARDY_TRY(check_encoding(in, field, encoding, NULL, err));
    if (pages.n > 1) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: column %s is split over %zu pages, one is supported", in->src->url,
                            field->name, pages.n);
    }
    if (pages.n != (rows != 0)) {
        return shardy__fail(err, SHARDY_E_CORRUPT, "%s: column %s has %zu pages for %llu rows",
                            in->src->url, field->name, pages.n, (unsigned long long)rows);
    }
    buffers[0] = (shardy_slice){in->map, 0};
    if (!rows) return SHARDY_OK;
    page p;
    SHARDY_TRY(read_page(in, field, pages.v[0], rows, &p, err));
    for (size_t i = 0; i < p.at.n; i++) {
        SHARDY_TRY(take_buffer(in, field->name, p.at.v[i], p.size.v[i], &buffers[i], err));
    }
    if ((uintptr_t)buffers[0].data % 8) { /* the map itself */
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: column %s: the map is not aligned to 8",
                            in->src->url, field->name);
    }
    return SHARDY_OK;
}

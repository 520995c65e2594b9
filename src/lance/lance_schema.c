/* lance_schema.c: see lance_schema.h.
 *
 * Sources: lance-file-14.0.2/src/datatypes.rs (fields), lance-encoding-14.0.2/protos/
 * encodings_v2_0.proto and its decoders in src/array_encoding/physical (encodings).
 */
#include "lance/lance_schema.h"

#include <stdio.h>
#include <string.h>

#define NO_PARENT UINT64_MAX /* -1: a top-level field */

const shardy__lance_field shardy__lance_flat_marker = {"__flat_marker", SHARDY__LANCE_U64, 0,
                                                       false};

void shardy__lance_data_fields(shardy__lance_field out[SHARDY__LANCE_DATA_FIELDS], uint32_t dim) {
    out[0] = (shardy__lance_field){"id", SHARDY__LANCE_UTF8, 0, false};
    out[1] = (shardy__lance_field){"vector", SHARDY__LANCE_F32_LIST, dim, false};
    out[2] = (shardy__lance_field){"payload", SHARDY__LANCE_UTF8, 0, true};
}

void shardy__lance_flat_fields(shardy__lance_field out[SHARDY__LANCE_AUXILIARY_FIELDS],
                               uint32_t dim) {
    out[0] = (shardy__lance_field){"_rowid", SHARDY__LANCE_U64, 0, true};
    out[1] = (shardy__lance_field){"flat", SHARDY__LANCE_F32_LIST, dim, false};
}

#define LIST_PREFIX "fixed_size_list:float:"

static const char *logical_type(char out[48], const shardy__lance_field *field) {
    switch (field->type) {
        case SHARDY__LANCE_UTF8:
            return "string";
        case SHARDY__LANCE_U64:
            return "uint64";
        case SHARDY__LANCE_F32_LIST:
            snprintf(out, 48, LIST_PREFIX "%u", field->dim);
            return out;
    }
    return "";
}

uint64_t shardy__lance_row_size(const shardy__lance_field *field) {
    return field->type == SHARDY__LANCE_F32_LIST ? (uint64_t)field->dim * 4 : 8;
}

size_t shardy__lance_buffers(const shardy__lance_field *field) {
    return field->type == SHARDY__LANCE_UTF8 ? 2 : 1;
}

/* ---- fields ---- */

void shardy__lance_put_fields(shardy__buf *b, const shardy__lance_field *fields, size_t n) {
    char text[48];
    for (size_t i = 0; i < n; i++) {
        size_t field = shardy__pb_begin(b, 1);
        shardy__pb_str(b, 2, fields[i].name);
        shardy__pb_uint(b, 3, i);
        shardy__pb_uint(b, 4, NO_PARENT);
        shardy__pb_str(b, 5, logical_type(text, &fields[i]));
        shardy__pb_uint(b, 6, fields[i].nullable);
        shardy__pb_uint(b, 7, fields[i].type == SHARDY__LANCE_UTF8 ? 2 : 1);
        shardy__pb_end(b, field);
    }
}

typedef struct stored_field {
    shardy_slice name, type;
    uint64_t id, parent;
} stored_field;

static shardy_status read_field(const char *url, shardy_slice message, stored_field *out,
                                shardy_error *err) {
    *out = (stored_field){{"", 0}, {"", 0}, 0, 0};
    const shardy__pb_want wants[] = {
        {2, SHARDY__PB_BYTES, &out->name},  {3, SHARDY__PB_UINT, &out->id},
        {4, SHARDY__PB_UINT, &out->parent}, {5, SHARDY__PB_BYTES, &out->type},
        {6, SHARDY__PB_SKIP_UINT, NULL},   /* nullable: the page encoding decides */
        {7, SHARDY__PB_SKIP_UINT, NULL},   /* encoding of format 1 */
        {10, SHARDY__PB_SKIP_BYTES, NULL}, /* notes of the user */
    };
    return shardy__pb_read(url, "Field", message, wants, sizeof wants / sizeof *wants, err);
}

static bool slice_is(shardy_slice slice, const char *text) {
    return slice.len == strlen(text) && !memcmp(slice.data, text, slice.len);
}

shardy_status shardy__lance_check_fields(const char *url, const shardy__pb_many *stored,
                                         const shardy__lance_field *fields, size_t n,
                                         shardy_error *err) {
    char want[48], name[80], type[80];
    if (stored->n != n) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: schema of %zu fields, expected %zu",
                            url, stored->n, n);
    }
    for (size_t i = 0; i < n; i++) {
        stored_field f;
        SHARDY_TRY(read_field(url, stored->v[i], &f, err));
        const char *text = logical_type(want, &fields[i]);
        if (slice_is(f.name, fields[i].name) && slice_is(f.type, text) && f.id == i &&
            f.parent == NO_PARENT) {
            continue;
        }
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "%s: field %zu of the schema is %s of type %s (id %llu), expected "
                            "\"%s\" of type \"%s\" at the top level",
                            url, i, shardy__quote(name, sizeof name, f.name.data, f.name.len),
                            shardy__quote(type, sizeof type, f.type.data, f.type.len),
                            (unsigned long long)f.id, fields[i].name, text);
    }
    return SHARDY_OK;
}

shardy_status shardy__lance_field_dim(const char *url, shardy_slice stored, uint32_t *dim,
                                      shardy_error *err) {
    stored_field f;
    char type[80];
    SHARDY_TRY(read_field(url, stored, &f, err));
    const char *text = f.type.data;
    size_t at = strlen(LIST_PREFIX);
    uint64_t v = 0;
    bool good = f.type.len > at && f.type.len - at <= 5 && !memcmp(text, LIST_PREFIX, at);
    for (; good && at < f.type.len; at++) {
        good = text[at] >= '0' && text[at] <= '9';
        v = v * 10 + (uint64_t)(text[at] - '0');
    }
    if (!good || v < 1 || v > SHARDY_DIM_MAX) {
        return shardy__fail(
            err, SHARDY_E_UNSUPPORTED,
            "%s: column vector is of type %s, expected \"" LIST_PREFIX "N\" with N in 1..%u", url,
            shardy__quote(type, sizeof type, f.type.data, f.type.len), SHARDY_DIM_MAX);
    }
    *dim = (uint32_t)v;
    return SHARDY_OK;
}

/* ---- encodings ---- */

/* Encoding{direct{Any{url, ...}}}: begin returns the places to close, innermost last. */
typedef struct any {
    size_t direct, any, value;
} any;

static any begin_any(shardy__buf *b, const char *url) {
    any a;
    a.direct = shardy__pb_begin(b, 2);
    a.any = shardy__pb_begin(b, 1);
    shardy__pb_str(b, 1, url);
    a.value = shardy__pb_begin(b, 2);
    return a;
}

static void end_any(shardy__buf *b, any a) {
    shardy__pb_end(b, a.value);
    shardy__pb_end(b, a.any);
    shardy__pb_end(b, a.direct);
}

/* Flat{bits_per_value, Buffer{index}}. The Buffer must be there even when it is empty. */
static void put_flat(shardy__buf *b, uint32_t bits, uint32_t buffer) {
    size_t flat = shardy__pb_begin(b, 1);
    shardy__pb_uint(b, 1, bits);
    size_t ref = shardy__pb_begin(b, 2);
    shardy__pb_uint(b, 1, buffer);
    shardy__pb_end(b, ref);
    shardy__pb_end(b, flat);
}

/* Nullable{NoNull{values}} around what is put between begin and end. */
typedef struct no_nulls {
    size_t nullable, none, values;
} no_nulls;

static no_nulls begin_no_nulls(shardy__buf *b) {
    no_nulls n;
    n.nullable = shardy__pb_begin(b, 2);
    n.none = shardy__pb_begin(b, 1);
    n.values = shardy__pb_begin(b, 1);
    return n;
}

static void end_no_nulls(shardy__buf *b, no_nulls n) {
    shardy__pb_end(b, n.values);
    shardy__pb_end(b, n.none);
    shardy__pb_end(b, n.nullable);
}

static void put_values(shardy__buf *b, uint32_t bits) {
    no_nulls n = begin_no_nulls(b);
    put_flat(b, bits, 0);
    end_no_nulls(b, n);
}

static void put_list(shardy__buf *b, uint32_t dim, uint32_t bits) {
    no_nulls n = begin_no_nulls(b);
    size_t list = shardy__pb_begin(b, 3);
    shardy__pb_uint(b, 1, dim);
    size_t items = shardy__pb_begin(b, 2);
    put_values(b, bits);
    shardy__pb_end(b, items);
    shardy__pb_end(b, list);
    end_no_nulls(b, n);
}

static void put_binary(shardy__buf *b, uint64_t bytes) {
    size_t binary = shardy__pb_begin(b, 6);
    size_t ends = shardy__pb_begin(b, 1);
    put_values(b, 64);
    shardy__pb_end(b, ends);
    size_t data = shardy__pb_begin(b, 2);
    put_flat(b, 8, 1);
    shardy__pb_end(b, data);
    shardy__pb_uint(b, 3, bytes + 1); /* what is added to the end offset of a null row */
    shardy__pb_end(b, binary);
}

void shardy__lance_put_column_encoding(shardy__buf *b) {
    any a = begin_any(b, "/lance.encodings.ColumnEncoding");
    shardy__pb_end(b, shardy__pb_begin(b, 1)); /* values: Empty */
    end_any(b, a);
}

void shardy__lance_put_page_encoding(shardy__buf *b, const shardy__lance_field *field,
                                     uint64_t text_bytes) {
    any a = begin_any(b, "/lance.encodings.ArrayEncoding");
    switch (field->type) {
        case SHARDY__LANCE_UTF8:
            put_binary(b, text_bytes);
            break;
        case SHARDY__LANCE_U64:
            put_values(b, 64);
            break;
        case SHARDY__LANCE_F32_LIST:
            put_list(b, field->dim, 32);
            break;
    }
    end_any(b, a);
}

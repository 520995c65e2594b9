/* writer_columns.c: see writer_columns.h. */
#include "writer/writer_columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "vec/vec.h"

/* ---- types ---- */

struct type_row {
    const char *format;
    shardy__column_kind kind;
    uint8_t width;
};

static const struct type_row types[] = {
    {"c", SHARDY__COLUMN_INT, 1},      {"C", SHARDY__COLUMN_INT, 1},
    {"s", SHARDY__COLUMN_INT, 2},      {"S", SHARDY__COLUMN_INT, 2},
    {"i", SHARDY__COLUMN_INT, 4},      {"I", SHARDY__COLUMN_INT, 4},
    {"l", SHARDY__COLUMN_INT, 8},      {"L", SHARDY__COLUMN_INT, 8},
    {"b", SHARDY__COLUMN_BOOL, 0},     {"e", SHARDY__COLUMN_FLOAT, 2},
    {"f", SHARDY__COLUMN_FLOAT, 4},    {"g", SHARDY__COLUMN_FLOAT, 8},
    {"u", SHARDY__COLUMN_STRING, 4},   {"U", SHARDY__COLUMN_STRING, 8},
    {"vu", SHARDY__COLUMN_STRING, 16}, {"z", SHARDY__COLUMN_BINARY, 4},
    {"Z", SHARDY__COLUMN_BINARY, 8},   {"vz", SHARDY__COLUMN_BINARY, 16},
};

static const char *const kind_names[] = {"an integer", "a bool", "a float",
                                         "a string",   "binary", "a list of floats"};

static bool known_list(const struct ArrowSchema *s, shardy__column *c) {
    const char *f = s->format;
    if (f[0] != '+' || s->n_children != 1) return false;
    const char *item = s->children[0]->format;
    if (strlen(item) != 1 || !strchr("efg", item[0])) return false;
    c->item_layout = item[0];
    c->width = f[1] == 'L' ? 8 : 4;
    c->layout = f[1];
    if (f[1] == 'w' && f[2] == ':') {
        c->list_size = strtoll(f + 3, NULL, 10);
        return c->list_size >= 0;
    }
    return (f[1] == 'l' || f[1] == 'L') && !f[2];
}

static bool known_type(const struct ArrowSchema *s, shardy__column *c) {
    if (s->dictionary) return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].format, s->format)) continue;
        c->kind = types[i].kind;
        c->width = types[i].width;
        c->layout = s->format[0];
        return true;
    }
    c->kind = SHARDY__COLUMN_VECTOR;
    return known_list(s, c);
}

static shardy_status wrong_type(const char *name, const struct ArrowSchema *s, unsigned kinds,
                                shardy_error *err) {
    char allowed[160] = "";
    for (unsigned k = 0; k < sizeof kind_names / sizeof *kind_names; k++) {
        if (!(kinds >> k & 1)) continue;
        if (*allowed) strcat(allowed, " or ");
        strcat(allowed, kind_names[k]);
    }
    return shardy__fail(err, SHARDY_E_CONFIG,
                        "column \"%s\" has Arrow type \"%s\"%s; it must be %s", name, s->format,
                        s->dictionary ? " with a dictionary" : "", allowed);
}

/* Buffers that the layout needs must be there if there are rows. */
static bool has_buffers(const shardy__column *c) {
    const struct ArrowArray *a = c->array;
    int64_t need = c->kind == SHARDY__COLUMN_VECTOR   ? (c->layout == 'w' ? 1 : 2)
                   : c->layout == 'v'                 ? 3
                   : c->kind >= SHARDY__COLUMN_STRING ? 3
                                                      : 2;
    if (a->n_buffers < need) return false;
    if (a->length == 0 || c->layout == 'w') return true;
    return a->buffers[1] != NULL;
}

shardy_status shardy__column_find(const struct ArrowSchema *schema, const struct ArrowArray *batch,
                                  const char *name, unsigned kinds, shardy__column *out,
                                  shardy_error *err) {
    memset(out, 0, sizeof *out);
    int64_t at = -1;
    for (int64_t i = 0; i < schema->n_children; i++) {
        const char *child = schema->children[i]->name;
        if (!child || strcmp(child, name)) continue;
        if (at >= 0) {
            return shardy__fail(err, SHARDY_E_CONFIG, "column \"%s\" occurs more than once", name);
        }
        at = i;
    }
    if (at < 0 || at >= batch->n_children) {
        return shardy__fail(err, SHARDY_E_CONFIG, "column \"%s\" is not in the data", name);
    }
    const struct ArrowSchema *s = schema->children[at];
    out->name = name;
    out->array = batch->children[at];
    if (!known_type(s, out) || !(kinds >> out->kind & 1)) return wrong_type(name, s, kinds, err);
    out->first = out->array->offset + batch->offset;
    if (out->array->length < batch->offset + batch->length || !has_buffers(out)) {
        return shardy__fail(err, SHARDY_E_CONFIG, "column \"%s\": the array is not well formed",
                            name);
    }
    if (out->array->null_count && out->array->n_buffers) out->validity = out->array->buffers[0];
    if (out->kind != SHARDY__COLUMN_VECTOR) return SHARDY_OK;
    out->items = out->array->n_children == 1 ? out->array->children[0] : NULL;
    if (!out->items || out->items->n_buffers < 2 ||
        (out->items->length && !out->items->buffers[1])) {
        return shardy__fail(err, SHARDY_E_CONFIG, "column \"%s\": the array is not well formed",
                            name);
    }
    return SHARDY_OK;
}

/* ---- values ---- */

static shardy_status bad_row(const shardy__column *c, int64_t row, const char *what,
                             shardy_error *err) {
    return shardy__fail(err, SHARDY_E_CONFIG, "column \"%s\", row %" PRId64 " of the batch: %s",
                        c->name, row, what);
}

static shardy_status view_bytes(const shardy__column *c, int64_t i, int64_t row, shardy_slice *out,
                                shardy_error *err) {
    const uint8_t *view = (const uint8_t *)c->array->buffers[1] + 16 * i;
    int32_t len = (int32_t)shardy__le32(view);
    if (len >= 0 && len <= 12) {
        *out = (shardy_slice){view + 4, (size_t)len};
        return SHARDY_OK;
    }
    int32_t buffer = (int32_t)shardy__le32(view + 8), offset = (int32_t)shardy__le32(view + 12);
    /* The last buffer holds the sizes of the variadic ones. */
    int64_t n = c->array->n_buffers - 3;
    if (len < 0 || offset < 0 || buffer < 0 || buffer >= n || !c->array->buffers[2 + buffer]) {
        return bad_row(c, row, "the string view is not well formed", err);
    }
    *out = (shardy_slice){(const uint8_t *)c->array->buffers[2 + buffer] + offset, (size_t)len};
    return SHARDY_OK;
}

/* Offsets i and i + 1 of a variable-length layout. */
static bool offsets_at(const shardy__column *c, int64_t i, int64_t *from, int64_t *to) {
    const uint8_t *p = (const uint8_t *)c->array->buffers[1] + (int64_t)c->width * i;
    if (c->width == 8) {
        *from = (int64_t)shardy__le64(p);
        *to = (int64_t)shardy__le64(p + 8);
    } else {
        *from = (int32_t)shardy__le32(p);
        *to = (int32_t)shardy__le32(p + 4);
    }
    return *from >= 0 && *to >= *from;
}

shardy_status shardy__column_bytes(const shardy__column *c, int64_t row, shardy_slice *out,
                                   shardy_error *err) {
    int64_t i = c->first + row, from, to;
    static const uint8_t nothing[1];
    if (c->layout == 'v') return view_bytes(c, i, row, out, err);
    if (!offsets_at(c, i, &from, &to)) return bad_row(c, row, "offsets are not ascending", err);
    const uint8_t *data = c->array->buffers[2];
    if (!data && to > from) return bad_row(c, row, "the data buffer is missing", err);
    *out = (shardy_slice){data ? data + from : nothing, (size_t)(to - from)};
    return SHARDY_OK;
}

shardy_status shardy__column_int(const shardy__column *c, int64_t row, int64_t *out,
                                 shardy_error *err) {
    int64_t i = c->first + row;
    const uint8_t *p = (const uint8_t *)c->array->buffers[1] + (int64_t)c->width * i;
    switch (c->layout) {
        case 'c':
            *out = (int8_t)*p;
            break;
        case 'C':
            *out = *p;
            break;
        case 's':
            *out = (int16_t)shardy__le16(p);
            break;
        case 'S':
            *out = shardy__le16(p);
            break;
        case 'i':
            *out = (int32_t)shardy__le32(p);
            break;
        case 'I':
            *out = shardy__le32(p);
            break;
        default:
            *out = (int64_t)shardy__le64(p);
            break;
    }
    if (c->layout == 'L' && *out < 0) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "column \"%s\": value %" PRIu64
                            " is out of range; keys above 2^63-1 "
                            "cannot be routed",
                            c->name, (uint64_t)*out);
    }
    return SHARDY_OK;
}

static bool items_have_null(const shardy__column *c, int64_t from, int64_t n) {
    const uint8_t *valid = c->items->null_count ? c->items->buffers[0] : NULL;
    for (int64_t i = from; valid && i < from + n; i++) {
        int64_t at = i + c->items->offset;
        if (!(valid[at >> 3] >> (at & 7) & 1)) return true;
    }
    return false;
}

shardy_status shardy__column_vector(const shardy__column *c, int64_t row, shardy__buf *scratch,
                                    const float **out, uint32_t *len, shardy_error *err) {
    int64_t i = c->first + row, from, to;
    static const float nothing[1];
    if (c->layout == 'w') {
        from = i * c->list_size;
        to = from + c->list_size;
    } else if (!offsets_at(c, i, &from, &to)) {
        return bad_row(c, row, "offsets are not ascending", err);
    }
    int64_t n = to - from;
    if (to > c->items->length || n > SHARDY_DIM_MAX) {
        return bad_row(c, row, "the list is longer than its items or than any dim", err);
    }
    if (items_have_null(c, from, n)) return bad_row(c, row, "the vector has a null value", err);
    *len = (uint32_t)n;
    *out = nothing;
    if (!n) return SHARDY_OK;
    unsigned width = c->item_layout == 'e' ? 2 : c->item_layout == 'f' ? 4 : 8;
    const uint8_t *p = (const uint8_t *)c->items->buffers[1] + width * (from + c->items->offset);
    if (width == 4 && (uintptr_t)p % sizeof(float) == 0) {
        *out = (const float *)(const void *)p;
        return SHARDY_OK;
    }
    shardy__buf_clear(scratch);
    float *dst = (float *)(void *)shardy__buf_reserve(scratch, (size_t)n * sizeof(float));
    if (!dst) return shardy__fail_nomem(err);
    if (width == 2) shardy__vec_from_f16(dst, p, (uint64_t)n);
    if (width == 4) memcpy(dst, p, (size_t)n * sizeof(float));
    if (width == 8) shardy__vec_from_f64(dst, p, (uint64_t)n);
    *out = dst;
    return SHARDY_OK;
}

static void json_float(const shardy__column *c, int64_t i, shardy__buf *out) {
    const uint8_t *p = (const uint8_t *)c->array->buffers[1] + (int64_t)c->width * i;
    double v;
    float f;
    if (c->layout == 'g') {
        memcpy(&v, p, 8);
    } else {
        if (c->layout == 'e') {
            shardy__vec_from_f16(&f, p, 1);
        } else {
            memcpy(&f, p, 4);
        }
        v = (double)f;
    }
    if (isfinite(v)) {
        shardy__buf_printf(out, "%.17g", v);
    } else {
        shardy__buf_str(out, "null");
    }
}

shardy_status shardy__column_json(const shardy__column *c, int64_t row, shardy__buf *out,
                                  shardy_error *err) {
    int64_t i = c->first + row, v;
    shardy_slice text;
    if (shardy__column_is_null(c, row)) {
        shardy__buf_str(out, "null");
    } else if (c->kind == SHARDY__COLUMN_STRING) {
        SHARDY_TRY(shardy__column_bytes(c, row, &text, err));
        shardy__buf_json_str(out, text.data, text.len);
    } else if (c->kind == SHARDY__COLUMN_BOOL) {
        const uint8_t *bits = c->array->buffers[1];
        shardy__buf_str(out, bits[i >> 3] >> (i & 7) & 1 ? "true" : "false");
    } else if (c->kind == SHARDY__COLUMN_FLOAT) {
        json_float(c, i, out);
    } else if (c->layout == 'L') {
        shardy__buf_printf(out, "%" PRIu64,
                           shardy__le64((const uint8_t *)c->array->buffers[1] + 8 * i));
    } else {
        SHARDY_TRY(shardy__column_int(c, row, &v, err));
        shardy__buf_printf(out, "%" PRId64, v);
    }
    return out->failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

/* writer_arrow.c: rows from Arrow record batches. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "writer/writer_columns.h"
#include "writer/writer_impl.h"

#define BIT(kind) (1u << SHARDY__COLUMN_##kind)

struct batch {
    shardy_writer *w;
    shardy__column key, value, vector, id, payload;
    shardy__column *fields; /* payload fields */
    size_t n_fields;
    bool has_id, has_payload;
    shardy__buf floats, json; /* reused for each row */
};

static shardy_status find_columns(struct batch *b, const struct ArrowSchema *schema,
                                  const struct ArrowArray *array, const shardy_arrow_columns *c,
                                  shardy_error *err) {
    const unsigned bytes = BIT(STRING) | BIT(BINARY);
    const unsigned scalars = BIT(INT) | BIT(BOOL) | BIT(FLOAT) | BIT(STRING);
    SHARDY_TRY(shardy__column_find(schema, array, c->key, bytes | BIT(INT), &b->key, err));
    SHARDY_TRY(shardy__column_find(schema, array, c->value, bytes, &b->value, err));
    if (!b->w->spec.dim) return SHARDY_OK;
    SHARDY_TRY(shardy__column_find(schema, array, c->vector, BIT(VECTOR), &b->vector, err));
    b->has_id = c->vector_id != NULL;
    if (b->has_id) {
        SHARDY_TRY(
            shardy__column_find(schema, array, c->vector_id, BIT(STRING) | BIT(INT), &b->id, err));
    }
    b->has_payload = c->payload != NULL;
    if (b->has_payload) {
        SHARDY_TRY(shardy__column_find(schema, array, c->payload, BIT(STRING), &b->payload, err));
    }
    if (!c->n_payload_fields) return SHARDY_OK;
    b->fields = shardy__calloc(c->n_payload_fields, sizeof *b->fields);
    if (!b->fields) return shardy__fail_nomem(err);
    b->n_fields = c->n_payload_fields;
    for (size_t i = 0; i < b->n_fields; i++) {
        SHARDY_TRY(
            shardy__column_find(schema, array, c->payload_fields[i], scalars, &b->fields[i], err));
    }
    return SHARDY_OK;
}

/* ---- one row ---- */

static shardy_status null_error(const shardy__column *c, int64_t row, const shardy_key *key,
                                shardy_error *err) {
    char text[200] = "";
    if (key && key->type == SHARDY_KEY_INT) snprintf(text, sizeof text, "%" PRId64, key->i64);
    if (key && key->type != SHARDY_KEY_INT) {
        shardy__quote(text, sizeof text, key->bytes.data, key->bytes.len);
    }
    return shardy__fail(err, SHARDY_E_CONFIG,
                        "%s%s%scolumn \"%s\", row %" PRId64
                        " of the batch, is null; keys, values "
                        "and vectors must not be",
                        key ? "key " : "", text, key ? ": " : "", c->name, row);
}

static shardy_status read_key(const struct batch *b, int64_t row, shardy_key *key,
                              shardy_error *err) {
    if (shardy__column_is_null(&b->key, row)) return null_error(&b->key, row, NULL, err);
    if (b->key.kind == SHARDY__COLUMN_INT) {
        key->type = SHARDY_KEY_INT;
        return shardy__column_int(&b->key, row, &key->i64, err);
    }
    key->type = b->key.kind == SHARDY__COLUMN_STRING ? SHARDY_KEY_STR : SHARDY_KEY_BYTES;
    return shardy__column_bytes(&b->key, row, &key->bytes, err);
}

static shardy_status read_id(const struct batch *b, int64_t row, char scratch[32], shardy_row *out,
                             shardy_error *err) {
    int64_t v;
    if (shardy__column_is_null(&b->id, row)) return null_error(&b->id, row, &out->key, err);
    if (b->id.kind == SHARDY__COLUMN_STRING) {
        return shardy__column_bytes(&b->id, row, &out->vector_id, err);
    }
    SHARDY_TRY(shardy__column_int(&b->id, row, &v, err));
    int n = snprintf(scratch, 32, "%" PRId64, v);
    out->vector_id = (shardy_slice){scratch, (size_t)n};
    return SHARDY_OK;
}

static shardy_status gather_fields(struct batch *b, int64_t row, shardy_row *out,
                                   shardy_error *err) {
    shardy__buf_clear(&b->json);
    for (size_t i = 0; i < b->n_fields; i++) {
        const shardy__column *c = &b->fields[i];
        shardy__buf_str(&b->json, i ? ", " : "{");
        shardy__buf_json_str(&b->json, c->name, strlen(c->name));
        shardy__buf_str(&b->json, ": ");
        SHARDY_TRY(shardy__column_json(c, row, &b->json, err));
    }
    shardy__buf_str(&b->json, "}");
    out->payload = (shardy_slice){b->json.data, b->json.len};
    return b->json.failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

static shardy_status read_vector_part(struct batch *b, int64_t row, char scratch[32],
                                      shardy_row *out, shardy_error *err) {
    if (shardy__column_is_null(&b->vector, row)) return null_error(&b->vector, row, &out->key, err);
    SHARDY_TRY(
        shardy__column_vector(&b->vector, row, &b->floats, &out->vector, &out->vector_len, err));
    if (b->has_id) SHARDY_TRY(read_id(b, row, scratch, out, err));
    if (b->n_fields) return gather_fields(b, row, out, err);
    if (b->has_payload && !shardy__column_is_null(&b->payload, row)) {
        return shardy__column_bytes(&b->payload, row, &out->payload, err);
    }
    return SHARDY_OK;
}

static shardy_status add_batch_row(struct batch *b, int64_t row, shardy_error *err) {
    shardy_row out = SHARDY_ROW_INIT;
    char id[32];
    SHARDY_TRY(read_key(b, row, &out.key, err));
    if (shardy__column_is_null(&b->value, row)) return null_error(&b->value, row, &out.key, err);
    SHARDY_TRY(shardy__column_bytes(&b->value, row, &out.value, err));
    if (b->w->spec.dim) SHARDY_TRY(read_vector_part(b, row, id, &out, err));
    return shardy__writer_add_row(b->w, &out, err);
}

/* ---- the batch ---- */

/* null_count may be -1: not counted yet. */
static bool has_null_rows(const struct ArrowArray *batch) {
    const uint8_t *valid = batch->null_count && batch->n_buffers ? batch->buffers[0] : NULL;
    for (int64_t i = batch->offset; valid && i < batch->offset + batch->length; i++) {
        if (!(valid[i >> 3] >> (i & 7) & 1)) return true;
    }
    return false;
}

static shardy_status check_call(const shardy_writer *w, const struct ArrowSchema *schema,
                                const struct ArrowArray *batch, const shardy_arrow_columns *c,
                                shardy_error *err) {
    if (!schema->release || !batch->release || !schema->format || strcmp(schema->format, "+s")) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "a record batch (Arrow struct array) is needed, not type \"%s\"",
                            schema->release && schema->format ? schema->format : "released");
    }
    if (!c->key || !c->value) {
        return shardy__fail(err, SHARDY_E_CONFIG, "columns for key and value must be named");
    }
    if (w->spec.dim && !c->vector) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "the snapshot has vectors, so the vector column must be named");
    }
    if (!w->spec.dim && (c->vector || c->vector_id || c->payload || c->n_payload_fields)) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "vector columns are named, but the snapshot has no vector spec");
    }
    if (c->payload && c->n_payload_fields) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "payload column and payload fields cannot be combined");
    }
    for (size_t i = 0; i < c->n_payload_fields; i++) {
        if (c->payload_fields && c->payload_fields[i]) continue;
        return shardy__fail(err, SHARDY_E_CONFIG, "payload field %zu has no name", i);
    }
    if (has_null_rows(batch)) {
        return shardy__fail(err, SHARDY_E_CONFIG, "the record batch has null rows");
    }
    return SHARDY_OK;
}

shardy_status shardy_writer_add_arrow(shardy_writer *w, const struct ArrowSchema *schema,
                                      const struct ArrowArray *array,
                                      const shardy_arrow_columns *columns, shardy_error *err) {
    if (!w || !schema || !array || !columns || columns->size != sizeof *columns) {
        return shardy__fail(
            err, SHARDY_E_ARGUMENT,
            "shardy_writer_add_arrow: a required pointer is NULL or of unknown size");
    }
    SHARDY_TRY(shardy__writer_usable(w, err));
    shardy_error local = SHARDY_ERROR_INIT;
    struct batch b = {.w = w};
    shardy_status rc = check_call(w, schema, array, columns, &local);
    if (!rc) rc = find_columns(&b, schema, array, columns, &local);
    for (int64_t i = 0; i < array->length && !rc; i++) rc = add_batch_row(&b, i, &local);
    shardy__free(b.fields);
    shardy__buf_free(&b.floats);
    shardy__buf_free(&b.json);
    if (rc) {
        local.code = rc;
        w->failed = local; /* part of the batch is in: the build cannot be right any more */
        if (err) *err = local;
    }
    return rc;
}

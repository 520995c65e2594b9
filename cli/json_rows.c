/* json_rows.c: rows for the writer out of JSON Lines.
 *
 * A line is one JSON object, read by jansson. Strings give their characters, any other value its
 * JSON text as it is spelled, which a tree does not keep: it is cut out of the line.
 */
#include "json_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NO_SLOT SIZE_MAX

static bool add_slot(json_rows *r, const char *name, const char *option, size_t *slot,
                     problem *why) {
    for (size_t i = 0; i < r->n_slots; i++) { /* one field may serve several purposes */
        if (!strcmp(r->slots[i].name, name)) {
            *slot = i;
            return true;
        }
    }
    if (r->n_slots == ROW_FIELDS_MAX) {
        return problem_set(why, "more than %d fields are named", ROW_FIELDS_MAX);
    }
    *slot = r->n_slots++;
    r->slots[*slot] = (row_slot){.name = name, .option = option};
    return true;
}

bool json_rows_open(json_rows *r, lines *in, const row_fields *fields, const npy *matrix,
                    problem *why) {
    *r = (json_rows){.in = in, .fields = fields, .matrix = matrix};
    r->value = r->vector = r->vector_id = r->payload = NO_SLOT;
    bool ok = add_slot(r, fields->key, "--key-field", &r->key, why);
    if (ok && fields->value) ok = add_slot(r, fields->value, "--value-field", &r->value, why);
    if (ok && fields->vector) ok = add_slot(r, fields->vector, "--vector-field", &r->vector, why);
    if (ok && fields->vector_id) {
        ok = add_slot(r, fields->vector_id, "--vector-id-field", &r->vector_id, why);
    }
    if (ok && fields->payload) {
        ok = add_slot(r, fields->payload, "--payload-field", &r->payload, why);
    }
    for (size_t i = 0; ok && i < fields->n_payload_fields; i++) {
        size_t slot = 0;
        ok = add_slot(r, fields->payload_fields[i], "--payload-fields", &slot, why);
    }
    return ok;
}

void json_rows_close(json_rows *r) {
    text_free(&r->key_buf);
    text_free(&r->value_buf);
    text_free(&r->id_buf);
    text_free(&r->payload_buf);
    free(r->floats);
    json_decref(r->row);
    *r = (json_rows){0};
}

/* Every failure below says only what is wrong; where is added by json_rows_next. */
static bool read_line(json_rows *r, const char *line, size_t len, problem *why) {
    json_error_t e;
    json_decref(r->row);
    r->row = NULL;
    r->line = line;
    r->line_len = len;
    r->spelled = false;
    const char *nul = memchr(line, 0, len); /* behind a number jansson would drop it */
    if (nul) return problem_set(why, "column %zu: a NUL byte", (size_t)(nul - line) + 1);
    r->row = json_loadb(line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &e);
    if (!r->row && !e.text[0]) return problem_set(why, "out of memory");
    if (!r->row) return problem_set(why, "column %d: %s", e.column, e.text);
    if (!json_is_object(r->row)) return problem_set(why, "not a JSON object");
    for (size_t i = 0; i < r->n_slots; i++) {
        r->slots[i].value = json_object_get(r->row, r->slots[i].name);
        r->slots[i].seen += r->slots[i].value != NULL;
    }
    return true;
}

/* Read the value that begins at *at, and move on behind it. NULL: no memory. */
static json_t *read_value(const json_rows *r, const char **at) {
    json_error_t e;
    json_t *value = json_loadb(*at, (size_t)(r->line + r->line_len - *at),
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, &e);
    if (value) *at += e.position;
    return value;
}

/* Find out how each field's value is spelled. The line has passed, so jansson need only read name
 * after name and value after value, and tell where each one ends. */
static bool spell_values(json_rows *r, problem *why) {
    if (r->spelled) return true;
    const char *at = r->line + strspn(r->line, " \t\r\n{");
    for (size_t left = json_object_size(r->row); left > 0; left--) {
        json_t *name = read_value(r, &at);
        at += strspn(at, " \t\r\n:");
        const char *begin = at;
        json_t *value = name ? read_value(r, &at) : NULL;
        for (size_t i = 0; value && i < r->n_slots; i++) {
            if (strcmp(r->slots[i].name, json_string_value(name)) != 0) continue;
            r->slots[i].text = (shardy_slice){begin, (size_t)(at - begin)};
        }
        at += strspn(at, " \t\r\n,");
        json_decref(name);
        json_decref(value);
        if (!value) return problem_set(why, "out of memory");
    }
    r->spelled = true;
    return true;
}

static bool need(const row_slot *slot, problem *why) {
    if (!slot->value) {
        return problem_set(why, "field \"%s\" is missing (%s)", slot->name, slot->option);
    }
    if (json_is_null(slot->value)) {
        return problem_set(why, "field \"%s\" is null (%s)", slot->name, slot->option);
    }
    return true;
}

/* The bytes of a value: characters of a string (decoded as `format` says), else the JSON text. */
static bool take_bytes(json_rows *r, const row_slot *slot, byte_format format, text_buf *buf,
                       shardy_slice *out, problem *why) {
    const char *text = json_string_value(slot->value);
    size_t len = json_string_length(slot->value);
    if (format == BYTES_TEXT) {
        if (!text && !spell_values(r, why)) return false;
        *out = text ? (shardy_slice){text, len} : slot->text;
        return true;
    }
    text_clear(buf);
    if (!text || !bytes_decode(buf, format, text, len)) {
        return problem_set(why, "field \"%s\" is not %s", slot->name, byte_format_names[format]);
    }
    *out = (shardy_slice){text_cstr(buf), buf->len};
    return true;
}

static bool take_key(json_rows *r, shardy_key *key, problem *why) {
    const row_slot *slot = &r->slots[r->key];
    byte_format format = r->fields->key_format;
    if (!need(slot, why)) return false;
    if (json_is_integer(slot->value) && format == BYTES_TEXT) {
        *key = shardy_key_int(json_integer_value(slot->value));
        return true;
    }
    if (json_is_real(slot->value) && format == BYTES_TEXT) {
        return spell_values(r, why) &&
               problem_set(why, "key %.*s in field \"%s\" is not a whole number of 64 bits",
                           (int)(slot->text.len < 60 ? slot->text.len : 60),
                           (const char *)slot->text.data, slot->name);
    }
    if (!json_is_string(slot->value)) {
        return problem_set(why, "key field \"%s\" must be a string%s", slot->name,
                           format == BYTES_TEXT ? " or a whole number" : "");
    }
    shardy_slice bytes;
    if (!take_bytes(r, slot, format, &r->key_buf, &bytes, why)) return false;
    *key = format == BYTES_TEXT ? shardy_key_str(bytes.data, bytes.len)
                                : shardy_key_bytes(bytes.data, bytes.len);
    return true;
}

static void reserve_floats(json_rows *r, size_t n) {
    if (n <= r->cap_floats) return;
    r->cap_floats = n;
    r->floats = text_alloc(r->floats, n * sizeof *r->floats);
}

static bool take_vector_field(json_rows *r, problem *why) {
    const row_slot *slot = &r->slots[r->vector];
    if (!need(slot, why)) return false;
    if (!json_is_array(slot->value)) {
        return problem_set(why, "field \"%s\" is not an array of numbers", slot->name);
    }
    r->n_floats = json_array_size(slot->value);
    reserve_floats(r, r->n_floats);
    for (size_t i = 0; i < r->n_floats; i++) {
        const json_t *number = json_array_get(slot->value, i);
        if (!json_is_number(number)) {
            return problem_set(why, "element %zu of field \"%s\" is not a number", i, slot->name);
        }
        r->floats[i] = (float)json_number_value(number);
    }
    return true;
}

static void take_matrix_row(json_rows *r, uint64_t index) {
    size_t cols = (size_t)r->matrix->cols;
    reserve_floats(r, cols);
    npy_row(r->matrix, index, r->floats);
    r->n_floats = cols;
}

static bool take_vector(json_rows *r, shardy_row *row, problem *why) {
    if (r->matrix)
        take_matrix_row(r, r->n_rows);
    else if (r->vector == NO_SLOT)
        return true;
    else if (!take_vector_field(r, why))
        return false;
    if (r->n_floats > SHARDY_DIM_MAX) {
        return problem_set(why, "the vector has %zu numbers, more than %u", r->n_floats,
                           SHARDY_DIM_MAX);
    }
    static const float none;
    row->vector = r->n_floats ? r->floats : &none;
    row->vector_len = (uint32_t)r->n_floats;
    return true;
}

static bool take_vector_id(json_rows *r, shardy_row *row, problem *why) {
    if (r->vector_id == NO_SLOT) return true;
    const row_slot *slot = &r->slots[r->vector_id];
    if (!need(slot, why)) return false;
    if (!json_is_string(slot->value) && !json_is_integer(slot->value)) {
        return problem_set(why, "vector id field \"%s\" must be a string or a whole number",
                           slot->name);
    }
    return take_bytes(r, slot, BYTES_TEXT, &r->id_buf, &row->vector_id, why);
}

/* Strings and integers lose nothing in the tree; cutting out the others takes a second pass. */
static bool add_json(json_rows *r, const row_slot *slot, text_buf *buf, problem *why) {
    if (json_is_string(slot->value)) {
        out_add_json_string(buf, json_string_value(slot->value), json_string_length(slot->value));
    } else if (json_is_integer(slot->value)) {
        text_addf(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(slot->value));
    } else if (spell_values(r, why)) {
        text_add(buf, slot->text.data, slot->text.len);
    } else {
        return false;
    }
    return true;
}

/* {"a":..., "b":...} of the members that are there. */
static bool gather_payload(json_rows *r, shardy_row *row, problem *why) {
    text_buf *buf = &r->payload_buf;
    text_clear(buf);
    for (size_t i = 0; i < r->fields->n_payload_fields; i++) {
        row_slot *slot = r->slots;
        while (strcmp(slot->name, r->fields->payload_fields[i])) slot++;
        if (!slot->value) continue;
        text_add_char(buf, buf->len ? ',' : '{');
        out_add_json_string(buf, slot->name, strlen(slot->name));
        text_add_char(buf, ':');
        if (!add_json(r, slot, buf, why)) return false;
    }
    if (buf->len == 0) return true; /* null */
    text_add_char(buf, '}');
    row->payload = (shardy_slice){buf->data, buf->len};
    return true;
}

static bool take_payload(json_rows *r, shardy_row *row, problem *why) {
    if (r->fields->n_payload_fields) return gather_payload(r, row, why);
    if (r->payload == NO_SLOT) return true;
    const row_slot *slot = &r->slots[r->payload];
    if (!slot->value || json_is_null(slot->value)) return true;
    return take_bytes(r, slot, BYTES_TEXT, &r->payload_buf, &row->payload, why);
}

static bool make_row(json_rows *r, const char *line, size_t len, shardy_row *row, problem *why) {
    *row = (shardy_row)SHARDY_ROW_INIT;
    if (!read_line(r, line, len, why) || !take_key(r, &row->key, why)) return false;
    if (r->value == NO_SLOT) {
        row->value = (shardy_slice){line, len};
    } else if (!need(&r->slots[r->value], why) ||
               !take_bytes(r, &r->slots[r->value], r->fields->value_format, &r->value_buf,
                           &row->value, why)) {
        return false;
    }
    return take_vector(r, row, why) && take_vector_id(r, row, why) && take_payload(r, row, why);
}

/* More rows than vectors: count them all, so that the message can name both numbers. */
static lines_status too_many_rows(json_rows *r, problem *why) {
    uint64_t rows = r->n_rows + 1;
    for (;;) {
        char *line = NULL;
        size_t len = 0;
        lines_status status = lines_next(r->in, &line, &len, why);
        if (status == LINES_FAILED || status == LINES_STOPPED) return status;
        if (status == LINES_END) break;
        rows += !line_is_blank(line, len);
    }
    problem_set(why, "%s has %" PRIu64 " rows, but %s has %" PRIu64 " vectors", r->in->name, rows,
                r->matrix->name, r->matrix->rows);
    return LINES_FAILED;
}

lines_status json_rows_next(json_rows *r, shardy_row *row, problem *why) {
    char *line = NULL;
    size_t len = 0;
    do {
        lines_status status = lines_next(r->in, &line, &len, why);
        if (status != LINES_OK) return status;
    } while (line_is_blank(line, len));
    if (r->matrix && r->n_rows == r->matrix->rows) return too_many_rows(r, why);
    if (len > 0 && line[len - 1] == '\r') len--;
    problem what;
    if (!make_row(r, line, len, row, &what)) {
        problem_set(why, "%s: line %" PRIu64 ": %s", r->in->name, r->in->number, what.text);
        return LINES_FAILED;
    }
    r->n_rows++;
    return LINES_OK;
}

bool json_rows_finish(json_rows *r, problem *why) {
    if (r->matrix && r->n_rows != r->matrix->rows) {
        return problem_set(why, "%s has %" PRIu64 " rows, but %s has %" PRIu64 " vectors",
                           r->in->name, r->n_rows, r->matrix->name, r->matrix->rows);
    }
    for (size_t i = 0; i < r->n_slots && r->n_rows > 0; i++) {
        if (r->slots[i].seen) continue;
        return problem_set(why, "field \"%s\" (%s) is in none of the %" PRIu64 " rows of %s",
                           r->slots[i].name, r->slots[i].option, r->n_rows, r->in->name);
    }
    return true;
}

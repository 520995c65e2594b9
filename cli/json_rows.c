/* json_rows.c: rows for the writer out of JSON Lines.
 *
 * A line is one JSON object. The members that were asked for are found in one pass; everything else
 * is only checked. Strings give their characters, any other value its JSON text.
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
    r->slots[*slot] = (row_slot){.name = name, .option = option, .name_len = strlen(name)};
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
    text_free(&r->name_buf);
    free(r->floats);
    *r = (json_rows){0};
}

/* The slot of a member; NULL: nobody asked for it. */
static row_slot *find_slot(json_rows *r, const json_value *name) {
    for (size_t i = 0; i < r->n_slots; i++) {
        row_slot *slot = &r->slots[i];
        if (json_scan_string_is(name, slot->name, slot->name_len, &r->name_buf)) return slot;
    }
    return NULL;
}

/* Read the value of a member. A vector is converted while it is checked: it is most of the text. */
static bool read_value(json_rows *r, json_scan *s, row_slot *slot) {
    json_value value;
    bool floats = slot && r->vector != NO_SLOT && slot == &r->slots[r->vector] && s->at < s->end &&
                  *s->at == '[';
    if (!floats) {
        if (!json_scan_value(s, &value)) return false;
    } else {
        value = (json_value){JSON_ARRAY, s->at, 0, false};
        if (!json_scan_floats(s, &r->floats, &r->cap_floats, &r->n_floats)) return false;
        value.len = (size_t)(s->at - value.at);
    }
    if (slot) slot->value = value;
    return true;
}

/* Every failure below says only what is wrong; where is added by json_rows_next. */
static bool split_line(json_rows *r, const char *line, size_t len, problem *why) {
    json_scan s;
    json_scan_init(&s, line, len);
    for (size_t i = 0; i < r->n_slots; i++) r->slots[i].present = false;
    bool more = true, ok = json_scan_open(&s);
    while (ok && more) {
        json_value name;
        ok = json_scan_member(&s, &more, &name);
        if (!ok || !more) break;
        row_slot *slot = find_slot(r, &name);
        if (slot && slot->present) {
            return problem_set(why, "field \"%s\" appears twice", slot->name);
        }
        ok = read_value(r, &s, slot);
        if (!ok || !slot) continue;
        slot->present = true;
        slot->seen++;
    }
    ok = ok && json_scan_finish(&s);
    return ok || problem_set(why, "column %zu: %s", (size_t)(s.at - s.begin) + 1, s.problem);
}

static bool need(const row_slot *slot, problem *why) {
    if (!slot->present) {
        return problem_set(why, "field \"%s\" is missing (%s)", slot->name, slot->option);
    }
    if (slot->value.type == JSON_NULL) {
        return problem_set(why, "field \"%s\" is null (%s)", slot->name, slot->option);
    }
    return true;
}

/* The bytes of a value: characters of a string (decoded as `format` says), else the JSON text. */
static bool take_bytes(const row_slot *slot, byte_format format, text_buf *buf, text_buf *scratch,
                       shardy_slice *out, problem *why) {
    const json_value *v = &slot->value;
    if (v->type != JSON_STRING && format == BYTES_TEXT) {
        *out = (shardy_slice){v->at, v->len};
        return true;
    }
    if (v->type == JSON_STRING && format == BYTES_TEXT && !v->escaped) {
        *out = (shardy_slice){v->at + 1, v->len - 2};
        return true;
    }
    text_clear(buf);
    text_clear(scratch);
    if (v->type == JSON_STRING) json_scan_string(v, scratch);
    if (v->type != JSON_STRING || !bytes_decode(buf, format, text_cstr(scratch), scratch->len)) {
        return problem_set(why, "field \"%s\" is not %s", slot->name, byte_format_names[format]);
    }
    *out = (shardy_slice){text_cstr(buf), buf->len};
    return true;
}

static bool take_key(json_rows *r, shardy_key *key, problem *why) {
    const row_slot *slot = &r->slots[r->key];
    byte_format format = r->fields->key_format;
    if (!need(slot, why)) return false;
    int64_t number = 0;
    if (slot->value.type == JSON_NUMBER && format == BYTES_TEXT) {
        if (!json_scan_integer(&slot->value, &number)) {
            return problem_set(why, "key %.*s in field \"%s\" is not a whole number of 64 bits",
                               (int)(slot->value.len < 60 ? slot->value.len : 60), slot->value.at,
                               slot->name);
        }
        *key = shardy_key_int(number);
        return true;
    }
    if (slot->value.type != JSON_STRING) {
        return problem_set(why, "key field \"%s\" must be a string%s", slot->name,
                           format == BYTES_TEXT ? " or a whole number" : "");
    }
    shardy_slice bytes;
    if (!take_bytes(slot, format, &r->key_buf, &r->name_buf, &bytes, why)) return false;
    *key = format == BYTES_TEXT ? shardy_key_str(bytes.data, bytes.len)
                                : shardy_key_bytes(bytes.data, bytes.len);
    return true;
}

static bool check_vector_field(json_rows *r, problem *why) {
    const row_slot *slot = &r->slots[r->vector];
    if (!need(slot, why)) return false;
    if (slot->value.type == JSON_ARRAY) return true;
    return problem_set(why, "field \"%s\" is not an array of numbers", slot->name);
}

static void take_matrix_row(json_rows *r, uint64_t index) {
    size_t cols = (size_t)r->matrix->cols;
    if (r->cap_floats < cols) {
        r->cap_floats = cols;
        r->floats = text_alloc(r->floats, cols * sizeof *r->floats);
    }
    npy_row(r->matrix, index, r->floats);
    r->n_floats = cols;
}

static bool take_vector(json_rows *r, shardy_row *row, problem *why) {
    if (r->matrix)
        take_matrix_row(r, r->n_rows);
    else if (r->vector == NO_SLOT)
        return true;
    else if (!check_vector_field(r, why))
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
    int64_t number;
    if (!need(slot, why)) return false;
    if (slot->value.type != JSON_STRING && !json_scan_integer(&slot->value, &number)) {
        return problem_set(why, "vector id field \"%s\" must be a string or a whole number",
                           slot->name);
    }
    return take_bytes(slot, BYTES_TEXT, &r->id_buf, &r->name_buf, &row->vector_id, why);
}

/* {"a":..., "b":...} of the members that are there. */
static void gather_payload(json_rows *r, shardy_row *row) {
    text_buf *buf = &r->payload_buf;
    text_clear(buf);
    for (size_t i = 0; i < r->fields->n_payload_fields; i++) {
        row_slot *slot = r->slots;
        while (strcmp(slot->name, r->fields->payload_fields[i])) slot++;
        if (!slot->present) continue;
        text_add_char(buf, buf->len ? ',' : '{');
        out_add_json_string(buf, slot->name, slot->name_len);
        text_add_char(buf, ':');
        text_add(buf, slot->value.at, slot->value.len);
    }
    if (buf->len == 0) return; /* null */
    text_add_char(buf, '}');
    row->payload = (shardy_slice){buf->data, buf->len};
}

static bool take_payload(json_rows *r, shardy_row *row, problem *why) {
    if (r->fields->n_payload_fields) gather_payload(r, row);
    if (r->payload == NO_SLOT) return true;
    const row_slot *slot = &r->slots[r->payload];
    if (!slot->present || slot->value.type == JSON_NULL) return true;
    return take_bytes(slot, BYTES_TEXT, &r->payload_buf, &r->name_buf, &row->payload, why);
}

static bool make_row(json_rows *r, const char *line, size_t len, shardy_row *row, problem *why) {
    *row = (shardy_row)SHARDY_ROW_INIT;
    if (!split_line(r, line, len, why) || !take_key(r, &row->key, why)) return false;
    if (r->value == NO_SLOT) {
        row->value = (shardy_slice){line, len};
    } else if (!need(&r->slots[r->value], why) ||
               !take_bytes(&r->slots[r->value], r->fields->value_format, &r->value_buf,
                           &r->name_buf, &row->value, why)) {
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
    problem_set(why, "%s has %" PRIu64 " rows, but the vector file %" PRIu64 " vectors",
                r->in->name, rows, r->matrix->rows);
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
        return problem_set(why, "%s has %" PRIu64 " rows, but the vector file %" PRIu64 " vectors",
                           r->in->name, r->n_rows, r->matrix->rows);
    }
    for (size_t i = 0; i < r->n_slots && r->n_rows > 0; i++) {
        if (r->slots[i].seen) continue;
        return problem_set(why, "field \"%s\" (%s) is in none of the %" PRIu64 " rows of %s",
                           r->slots[i].name, r->slots[i].option, r->n_rows, r->in->name);
    }
    return true;
}

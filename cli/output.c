/* output.c: results in the four formats. Tables are in output_table.c.
 *
 * JSON is written as the calls come; only tables are collected, because columns must be measured.
 */
#include "output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "output_table.h"

const char *const out_format_names[] = {"text", "table", "json", "jsonl", NULL};

/* What a field's text is. */
typedef enum field_kind {
    FIELD_STRING, /* UTF-8, quoted in JSON */
    FIELD_DATA,   /* the same, of any length: tables cut it */
    FIELD_NUMBER, /* numbers, true, false, null: bare everywhere */
    FIELD_JSON    /* any JSON text */
} field_kind;

void out_init(output *o, FILE *file, out_format format) {
    *o = (output){.file = file, .format = format};
}

void out_free(output *o) {
    text_free(&o->scratch);
    table_free(&o->table);
}

static bool is_json(const output *o) { return o->format == OUT_JSON || o->format == OUT_JSONL; }

bool out_is_text(const output *o) { return o->format == OUT_TEXT; }
bool out_is_table(const output *o) { return o->format == OUT_TABLE; }

/* Whether the current part of a document is left out: jsonl streams print rows only. */
static bool is_hidden(const output *o) { return o->format == OUT_JSONL && o->stream && !o->in_row; }

void out_print(output *o, const void *data, size_t len) { fwrite(data, 1, len, o->file); }

void out_printf(output *o, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vfprintf(o->file, fmt, args);
    va_end(args);
}

void out_add_json_string(text_buf *buf, const void *utf8, size_t len) {
    const char *s = utf8;
    text_add_char(buf, '"');
    size_t done = 0, valid = text_utf8_prefix(s, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (i < valid && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
        text_add(buf, s + done, i - done);
        done = i + 1;
        if (i == valid) {
            text_add_str(buf, "\\ufffd"); /* file names need not be UTF-8, JSON must */
            valid = done + text_utf8_prefix(s + done, len - done);
        } else if (c == '"' || c == '\\')
            text_addf(buf, "\\%c", c);
        else if (c == '\n')
            text_add_str(buf, "\\n");
        else if (c == '\t')
            text_add_str(buf, "\\t");
        else if (c == '\r')
            text_add_str(buf, "\\r");
        else
            text_addf(buf, "\\u%04x", c);
    }
    text_add(buf, s + done, len - done);
    text_add_char(buf, '"');
}

/* ---- JSON structure ---- */

/* What comes before an element: a comma, and a new line with indentation in json. */
static void json_separate(output *o) {
    if (!o->first[o->depth]) fputs(o->format == OUT_JSONL ? ", " : ",", o->file);
    if (o->format == OUT_JSON && o->depth > 0) fprintf(o->file, "\n%*s", 2 * o->depth, "");
    o->first[o->depth] = false;
}

static void json_open(output *o, const char *name, char bracket) {
    if (o->depth > 0) json_separate(o);
    if (name) fprintf(o->file, "\"%s\": ", name);
    fputc(bracket, o->file);
    o->first[++o->depth] = true;
}

static void json_close(output *o, char bracket) {
    bool empty = o->first[o->depth--];
    if (o->format == OUT_JSON && !empty) fprintf(o->file, "\n%*s", 2 * o->depth, "");
    fputc(bracket, o->file);
}

/* ---- documents ---- */

void out_begin(output *o, const char *op) {
    if (!is_json(o) || is_hidden(o)) return;
    json_open(o, NULL, '{');
    out_str(o, "op", op);
}

void out_begin_stream(output *o, const char *op) {
    o->stream = true;
    out_begin(o, op);
}

void out_end(output *o) {
    if (is_json(o) && !is_hidden(o)) {
        json_close(o, '}');
        fputc('\n', o->file);
    } else if (o->format == OUT_TABLE) {
        table_flush(&o->table, o->file);
        table_reset(&o->table);
    }
    o->stream = false;
}

void out_group(output *o, const char *name) {
    if (is_json(o))
        json_open(o, name, '{');
    else
        o->group = name;
}

void out_group_end(output *o) {
    if (is_json(o)) json_close(o, '}');
    o->group = NULL;
}

void out_list(output *o, const char *name) {
    if (is_json(o) && !is_hidden(o)) json_open(o, name, '[');
    if (o->format == OUT_TABLE) {
        if (o->table.n_rows) {
            table_flush(&o->table, o->file);
            fputc('\n', o->file);
        }
        table_reset(&o->table);
    }
    o->in_list = true;
}

void out_list_end(output *o) {
    if (is_json(o) && !is_hidden(o)) json_close(o, ']');
    if (o->format == OUT_TABLE) {
        table_flush(&o->table, o->file);
        table_reset(&o->table);
    }
    o->in_list = false;
}

void out_row(output *o) {
    o->in_row = true;
    o->first_field = true;
    if (is_json(o)) json_open(o, NULL, '{');
    if (o->format == OUT_TABLE) table_row(&o->table, o->file);
}

void out_row_end(output *o) {
    if (is_json(o)) json_close(o, '}');
    if (o->format == OUT_TEXT || (o->format == OUT_JSONL && o->stream)) fputc('\n', o->file);
    o->in_row = false;
}

/* ---- fields ---- */

/* Text of a row must not be cut by blanks: such values are written as JSON strings. */
static void text_row_value(output *o, field_kind kind, const char *value, size_t len) {
    bool string = kind == FIELD_STRING || kind == FIELD_DATA, quote = string && len == 0;
    for (size_t i = 0; i < len && string && !quote; i++) {
        unsigned char c = (unsigned char)value[i];
        quote = c <= 0x20 || c == 0x7F || c == '"' || c == '\\';
    }
    text_buf *buf = &o->scratch;
    text_clear(buf);
    if (quote)
        out_add_json_string(buf, value, len);
    else
        text_add(buf, value, len);
    fwrite(buf->data, 1, buf->len, o->file);
}

static void text_field(output *o, const char *name, field_kind kind, const char *value,
                       size_t len) {
    if (o->in_row) {
        fprintf(o->file, "%s%s=", o->first_field ? "" : " ", name);
        o->first_field = false;
        text_row_value(o, kind, value, len);
        return;
    }
    text_clear(&o->scratch);
    text_add_escaped(&o->scratch, value, len);
    fprintf(o->file, "%s%s%s=%s\n", o->group ? o->group : "", o->group ? "." : "", name,
            text_cstr(&o->scratch));
}

static void json_field(output *o, const char *name, size_t name_len, field_kind kind,
                       const char *value, size_t len) {
    json_separate(o);
    fprintf(o->file, "\"%.*s\": ", (int)name_len, name);
    text_clear(&o->scratch);
    if (kind == FIELD_STRING || kind == FIELD_DATA)
        out_add_json_string(&o->scratch, value, len);
    else
        text_add(&o->scratch, value, len);
    if (kind == FIELD_JSON) { /* a line is a document: JSON allows line ends between its tokens */
        for (size_t i = 0; i < o->scratch.len; i++) {
            if (o->scratch.data[i] == '\n' || o->scratch.data[i] == '\r') o->scratch.data[i] = ' ';
        }
    }
    fwrite(o->scratch.data, 1, o->scratch.len, o->file);
}

static void field(output *o, const char *name, field_kind kind, const char *value, size_t len) {
    if (is_hidden(o)) return;
    size_t name_len = strcspn(name, "|");
    if (is_json(o)) {
        json_field(o, name, name_len, kind, value, len);
        return;
    }
    if (name[name_len]) name += name_len + 1; /* the name for people */
    if (o->format == OUT_TEXT) {
        text_field(o, name, kind, value, len);
    } else if (o->in_row) {
        bool cut = kind == FIELD_DATA || kind == FIELD_JSON;
        table_cell(&o->table, name, value, len, kind == FIELD_NUMBER, cut);
    } else {
        text_buf label = {0};
        text_addf(&label, "%s%s%s", o->group ? o->group : "", o->group ? "." : "", name);
        table_pair(&o->table, o->file, label.data, value, len);
        text_free(&label);
    }
}

void out_bytes(output *o, const char *name, const void *utf8, size_t len) {
    field(o, name, FIELD_DATA, utf8, len);
}

void out_str(output *o, const char *name, const char *value) {
    if (value)
        field(o, name, FIELD_STRING, value, strlen(value));
    else
        out_null(o, name);
}

void out_null(output *o, const char *name) {
    if (is_json(o))
        field(o, name, FIELD_NUMBER, "null", 4);
    else
        field(o, name, FIELD_NUMBER, "-", 1);
}

void out_u64(output *o, const char *name, uint64_t value) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, value);
    field(o, name, FIELD_NUMBER, digits, (size_t)n);
}

void out_i64(output *o, const char *name, int64_t value) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRId64, value);
    field(o, name, FIELD_NUMBER, digits, (size_t)n);
}

void out_f64(output *o, const char *name, double value, int decimals) {
    char digits[400];
    int n = snprintf(digits, sizeof digits, "%.*f", decimals, value);
    const char *start = digits;
    if (digits[0] == '-' && strspn(digits + 1, "0.") == (size_t)n - 1) start++, n--; /* no -0.00 */
    field(o, name, FIELD_NUMBER, start, (size_t)n);
}

void out_bool(output *o, const char *name, bool value) {
    field(o, name, FIELD_NUMBER, value ? "true" : "false", value ? 4 : 5);
}

void out_json(output *o, const char *name, const char *json, size_t len) {
    if (json)
        field(o, name, FIELD_JSON, json, len);
    else
        out_null(o, name);
}

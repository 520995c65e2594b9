/* keys.c: keys and values as people write and read them. */
#include "keys.h"

#include <inttypes.h>
#include <string.h>

const char *const byte_format_names[] = {"text", "hex", "base64", NULL};
const char *const value_encoding_names[] = {"auto", "utf8", "hex", "base64", NULL};

bool bytes_decode(text_buf *buf, byte_format format, const char *text, size_t len) {
    switch (format) {
        case BYTES_HEX:
            return text_decode_hex(buf, text, len);
        case BYTES_BASE64:
            return text_decode_base64(buf, text, len);
        case BYTES_TEXT:
            break;
    }
    text_add(buf, text, len);
    return true;
}

bool key_from_text(const char *text, shardy_key_encoding encoding, byte_format format,
                   text_buf *buf, shardy_key *key, problem *why) {
    const char *name = shardy_key_encoding_name(encoding);
    if (encoding == SHARDY_ENCODING_U64BE || encoding == SHARDY_ENCODING_U32BE) {
        int64_t value = 0;
        if (format != BYTES_TEXT) {
            return problem_set(why, "--key-format %s does not fit: keys of this snapshot are %s",
                               byte_format_names[format], name);
        }
        if (!text_parse_i64(text, strlen(text), &value)) {
            return problem_set(why,
                               "key '%.200s' is not a valid integer (keys of this snapshot are %s)",
                               text, name);
        }
        *key = shardy_key_int(value);
        return true;
    }
    text_clear(buf);
    if (!bytes_decode(buf, format, text, strlen(text))) {
        return problem_set(why, "key '%.200s' is not %s", text, byte_format_names[format]);
    }
    *key = encoding == SHARDY_ENCODING_RAW ? shardy_key_bytes(buf->data, buf->len)
                                           : shardy_key_str(buf->data, buf->len);
    return true;
}

void key_field(output *o, const char *name, const shardy_key *key) {
    if (key->type == SHARDY_KEY_INT) {
        out_i64(o, name, key->i64);
    } else if (text_is_utf8(key->bytes.data, key->bytes.len)) {
        out_bytes(o, name, key->bytes.data, key->bytes.len);
    } else {
        text_buf buf = {0};
        text_add_base64(&buf, key->bytes.data, key->bytes.len);
        out_bytes(o, name, buf.data, buf.len);
        out_str(o, "key_format", "base64");
        text_free(&buf);
    }
}

void key_add_text(text_buf *buf, const shardy_key *key) {
    if (key->type == SHARDY_KEY_INT)
        text_addf(buf, "%" PRId64, key->i64);
    else
        text_add_escaped(buf, key->bytes.data, key->bytes.len);
}

bool value_check(value_encoding encoding, shardy_slice value, problem *why) {
    if (encoding != VALUE_UTF8 || text_is_utf8(value.data, value.len)) return true;
    return problem_set(why, "the value is not UTF-8: use --value-encoding auto, base64 or hex");
}

value_encoding value_add(text_buf *buf, value_encoding encoding, shardy_slice value) {
    if (encoding == VALUE_AUTO) {
        encoding = text_is_utf8(value.data, value.len) ? VALUE_UTF8 : VALUE_BASE64;
    }
    if (encoding == VALUE_HEX)
        text_add_hex(buf, value.data, value.len);
    else if (encoding == VALUE_BASE64)
        text_add_base64(buf, value.data, value.len);
    else
        text_add(buf, value.data, value.len);
    return encoding;
}

void value_fields(output *o, value_encoding encoding, shardy_slice value) {
    text_buf buf = {0};
    value_encoding shown = value_add(&buf, encoding, value);
    out_bytes(o, "value", text_cstr(&buf), buf.len);
    out_str(o, "encoding", value_encoding_names[shown]);
    text_free(&buf);
}

void print_pair(output *o, const shardy_key *key, value_encoding encoding,
                const shardy_slice *value) {
    text_buf line = {0}, shown = {0};
    key_add_text(&line, key);
    if (value) {
        text_add_char(&line, '\t');
        if (encoding == VALUE_AUTO)
            text_add(&shown, value->data, value->len);
        else
            value_add(&shown, encoding, *value);
        text_add_escaped(&line, text_cstr(&shown), shown.len); /* any value stays in its line */
    }
    text_add_char(&line, '\n');
    out_print(o, line.data, line.len);
    text_free(&shown);
    text_free(&line);
}

/* route_key.c: the bytes under which a shard stores a key, and the way back.
 *
 * Rules and examples: docs/format/routing.md. Big-endian integers sort as numbers, so the order of
 * stored bytes is the order of keys under every encoding.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"
#include "shardyfusion/route.h"

#define KEY_TEXT 100

/* A key as messages show it. */
static const char *key_text(char out[KEY_TEXT], const shardy_key *key) {
    if (key->type == SHARDY_KEY_INT) {
        snprintf(out, KEY_TEXT, "%lld", (long long)key->i64);
        return out;
    }
    return shardy__quote(out, KEY_TEXT, key->bytes.data, key->bytes.len);
}

static const char *type_name(shardy_key_type type) {
    switch (type) {
        case SHARDY_KEY_INT:
            return "int";
        case SHARDY_KEY_STR:
            return "str";
        case SHARDY_KEY_BYTES:
            return "bytes";
    }
    return "unknown";
}

shardy_key_encoding shardy_key_encoding_for(shardy_key_type type) {
    switch (type) {
        case SHARDY_KEY_STR:
            return SHARDY_ENCODING_UTF8;
        case SHARDY_KEY_BYTES:
            return SHARDY_ENCODING_RAW;
        case SHARDY_KEY_INT:
            break;
    }
    return SHARDY_ENCODING_U64BE;
}

static size_t int_width(shardy_key_encoding encoding) {
    return encoding == SHARDY_ENCODING_U64BE ? 8 : encoding == SHARDY_ENCODING_U32BE ? 4 : 0;
}

static shardy_status int_range(int64_t value, shardy_key_encoding encoding, shardy_error *err) {
    if (encoding == SHARDY_ENCODING_U64BE && value < 0) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "key %lld: u64be encoding requires value in [0, 2^63-1]",
                            (long long)value);
    }
    if (encoding == SHARDY_ENCODING_U32BE && (value < 0 || value > UINT32_MAX)) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "key %lld: u32be encoding requires value in [0, 2^32-1]",
                            (long long)value);
    }
    return SHARDY_OK;
}

static shardy_status encode_int(const shardy_key *key, shardy_key_encoding encoding,
                                uint8_t scratch[8], shardy_slice *out, shardy_error *err) {
    if (key->type != SHARDY_KEY_INT) {
        char text[KEY_TEXT];
        return shardy__fail(err, SHARDY_E_CONFIG, "key %s: %s encoding expects int key, got %s",
                            key_text(text, key), shardy_key_encoding_name(encoding),
                            type_name(key->type));
    }
    if (!scratch) return shardy__fail(err, SHARDY_E_ARGUMENT, "scratch is NULL");
    SHARDY_TRY(int_range(key->i64, encoding, err));
    if (encoding == SHARDY_ENCODING_U64BE) {
        shardy__put_be64(scratch, (uint64_t)key->i64);
    } else {
        shardy__put_be32(scratch, (uint32_t)key->i64);
    }
    *out = (shardy_slice){scratch, int_width(encoding)};
    return SHARDY_OK;
}

static shardy_status encode_bytes(const shardy_key *key, shardy_key_encoding encoding,
                                  shardy_slice *out, shardy_error *err) {
    char text[KEY_TEXT];
    bool utf8 = encoding == SHARDY_ENCODING_UTF8;
    const void *data = key->bytes.data;
    size_t len = key->bytes.len;
    if (key->type != SHARDY_KEY_STR && key->type != SHARDY_KEY_BYTES) {
        return shardy__fail(
            err, SHARDY_E_CONFIG, "key %s: %s, got %s", key_text(text, key),
            utf8 ? "utf8 encoding expects str or bytes" : "raw encoding expects bytes or str",
            type_name(key->type));
    }
    if (!data || len == 0) {
        return shardy__fail(err, SHARDY_E_CONFIG, "key \"\" is empty; a key has 1 to %u bytes",
                            SHARDY_KEY_MAX);
    }
    if (len > SHARDY_KEY_MAX) {
        return shardy__fail(err, SHARDY_E_CONFIG, "key %s has %zu bytes; a key has 1 to %u bytes",
                            key_text(text, key), len, SHARDY_KEY_MAX);
    }
    if ((utf8 || key->type == SHARDY_KEY_STR) && !shardy__utf8_valid(data, len)) {
        return shardy__fail(err, SHARDY_E_CONFIG, "key %s is not UTF-8, which %s requires",
                            key_text(text, key), utf8 ? "utf8 encoding" : "a str key");
    }
    /* Not `*out = key->bytes`: one load of two fields that the caller has just stored one by one
     * waits for all stores before them (25 ns of 110 per row added). */
    out->data = data;
    out->len = len;
    return SHARDY_OK;
}

static shardy_status check_pointers(const shardy_key *key, shardy_slice *out, shardy_error *err) {
    if (out) *out = (shardy_slice){NULL, 0};
    return key && out ? SHARDY_OK : shardy__fail(err, SHARDY_E_ARGUMENT, "key or out is NULL");
}

shardy_status shardy_key_encode(const shardy_key *key, shardy_key_encoding encoding,
                                uint8_t scratch[8], shardy_slice *out, shardy_error *err) {
    SHARDY_TRY(check_pointers(key, out, err));
    switch (encoding) {
        case SHARDY_ENCODING_U64BE:
        case SHARDY_ENCODING_U32BE:
            return encode_int(key, encoding, scratch, out, err);
        case SHARDY_ENCODING_UTF8:
        case SHARDY_ENCODING_RAW:
            return encode_bytes(key, encoding, out, err);
        case SHARDY_ENCODING_AUTO:
            break;
    }
    return shardy__fail(err, SHARDY_E_CONFIG, "key encoding %d is none of u64be, u32be, utf8, raw",
                        (int)encoding);
}

shardy_status shardy_key_encode_lookup(const shardy_key *key, shardy_key_encoding encoding,
                                       uint8_t scratch[8], shardy_slice *out, shardy_error *err) {
    size_t width = int_width(encoding);
    char text[KEY_TEXT];
    SHARDY_TRY(check_pointers(key, out, err));
    if (!width || key->type == SHARDY_KEY_INT) {
        return shardy_key_encode(key, encoding, scratch, out, err);
    }
    if (key->type != SHARDY_KEY_BYTES) {
        return shardy__fail(err, SHARDY_E_CONFIG, "key %s: %s requires integer lookup keys, got %s",
                            key_text(text, key), shardy_key_encoding_name(encoding),
                            type_name(key->type));
    }
    if (!key->bytes.data || key->bytes.len != width) {
        return shardy__fail(
            err, SHARDY_E_CONFIG, "key %s: %s key bytes must have length %zu, got %zu",
            key_text(text, key), shardy_key_encoding_name(encoding), width, key->bytes.len);
    }
    if (width == 8 && (*(const uint8_t *)key->bytes.data & 0x80)) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "key %s: u64be encoding requires value in [0, 2^63-1]",
                            key_text(text, key));
    }
    *out = key->bytes;
    return SHARDY_OK;
}

static shardy_status bad_stored(shardy_slice stored, shardy_key_encoding encoding, const char *rule,
                                shardy_error *err) {
    char text[KEY_TEXT];
    return shardy__fail(err, SHARDY_E_CORRUPT, "stored key %s (%zu bytes) is no %s key: %s",
                        shardy__quote(text, sizeof text, stored.data, stored.len), stored.len,
                        shardy_key_encoding_name(encoding), rule);
}

shardy_status shardy_key_decode(shardy_slice stored, shardy_key_encoding encoding, shardy_key *out,
                                shardy_error *err) {
    size_t width = int_width(encoding);
    if (!out) return shardy__fail(err, SHARDY_E_ARGUMENT, "out is NULL");
    *out = (shardy_key){SHARDY_KEY_BYTES, 0, {NULL, 0}};
    if (!stored.data) stored.len = 0;
    if (width) {
        if (stored.len != width) return bad_stored(stored, encoding, "wrong length", err);
        uint64_t value = width == 8 ? shardy__be64(stored.data) : shardy__be32(stored.data);
        if (value > INT64_MAX) return bad_stored(stored, encoding, "above 2^63-1", err);
        *out = shardy_key_int((int64_t)value);
        return SHARDY_OK;
    }
    if (encoding != SHARDY_ENCODING_UTF8 && encoding != SHARDY_ENCODING_RAW) {
        return bad_stored(stored, encoding, "the encoding is unknown", err);
    }
    if (stored.len == 0 || stored.len > SHARDY_KEY_MAX) {
        return bad_stored(stored, encoding, "a key has 1 to 65535 bytes", err);
    }
    if (encoding == SHARDY_ENCODING_UTF8) {
        if (!shardy__utf8_valid(stored.data, stored.len)) {
            return bad_stored(stored, encoding, "not UTF-8", err);
        }
        *out = shardy_key_str(stored.data, stored.len);
    } else {
        *out = shardy_key_bytes(stored.data, stored.len);
    }
    return SHARDY_OK;
}

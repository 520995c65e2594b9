/* keys.h: keys and values as people write and read them. */
#ifndef SHARDY_CLI_KEYS_H
#define SHARDY_CLI_KEYS_H

#include "cli.h"

/* How bytes are spelled in text: --key-format, --value-format. */
typedef enum byte_format { BYTES_TEXT, BYTES_HEX, BYTES_BASE64 } byte_format;
extern const char *const byte_format_names[];

/* How values are shown: --value-encoding. AUTO: as text if they are UTF-8, else base64. */
typedef enum value_encoding { VALUE_AUTO, VALUE_UTF8, VALUE_HEX, VALUE_BASE64 } value_encoding;
extern const char *const value_encoding_names[];

/* Append the bytes that `len` bytes of text spell; false if they do not. */
bool bytes_decode(text_buf *buf, byte_format format, const char *text, size_t len);

/* The key that `text` means in a snapshot with this encoding: a number for integer encodings, a
 * string for utf8, bytes for raw. The key's bytes live in `buf`, which is cleared first. */
bool key_from_text(const char *text, shardy_key_encoding encoding, byte_format format,
                   text_buf *buf, shardy_key *key, problem *why);

/* Field `name` with the key: a number, a string, or base64 together with "key_format". */
void key_field(output *o, const char *name, const shardy_key *key);
/* Append the key for people, in one line. */
void key_add_text(text_buf *buf, const shardy_key *key);

/* Append a value that was checked as `encoding` says; returns what it became, never AUTO. */
value_encoding value_add(text_buf *buf, value_encoding encoding, shardy_slice value);
/* False (and why): the value cannot be shown so. Asked before anything is printed. */
bool value_check(value_encoding encoding, shardy_slice value, problem *why);
/* Fields "value" and "encoding" of a value that was checked. */
void value_fields(output *o, value_encoding encoding, shardy_slice value);
/* "KEY<TAB>VALUE" in one line, for the text format; value NULL: only the key. */
void print_pair(output *o, const shardy_key *key, value_encoding encoding,
                const shardy_slice *value);

#endif

/* json_scan.h: a strict JSON reader that yields pieces of the text instead of a tree.
 *
 * Rows are wide and most of a row is passed on as it is, so values stay where they are: a span of
 * the line. Numbers keep their digits (64-bit integers are exact), objects their spelling.
 */
#ifndef SHARDY_CLI_JSON_SCAN_H
#define SHARDY_CLI_JSON_SCAN_H

#include "text.h"

typedef enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_type;

/* One value: its text, quotes or brackets included. */
typedef struct json_value {
    json_type type;
    const char *at;
    size_t len;
    bool escaped; /* a string with backslashes in it */
} json_value;

typedef struct json_scan {
    const char *begin, *at, *end;
    const char *problem; /* static text, once a function answered false; at the position `at` */
} json_scan;

void json_scan_init(json_scan *s, const char *text, size_t len);
/* Read the value at the current position, whole and checked, deeply nested ones too. */
bool json_scan_value(json_scan *s, json_value *out);
/* Whether only white space is left. */
bool json_scan_finish(json_scan *s);

/* Members of an object: open, then member until *more is false, each followed by its value. */
bool json_scan_open(json_scan *s);
bool json_scan_member(json_scan *s, bool *more, json_value *name);
/* A value that must be an array of numbers, each rounded to double, then to float, in *floats
 * (grown with text_alloc; *cap is its size). */
bool json_scan_floats(json_scan *s, float **floats, size_t *cap, size_t *n);

/* Append the characters of a string value that was read without a problem. */
void json_scan_string(const json_value *string, text_buf *out);
/* Whether a string value spells `text`. */
bool json_scan_string_is(const json_value *string, const char *text, size_t len, text_buf *scratch);
/* A number without fraction and exponent that fits in 64 bits, exactly. */
bool json_scan_integer(const json_value *number, int64_t *out);

#endif

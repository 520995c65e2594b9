/* 02_get.c: look keys up, one and several, and walk over all rows in key order.
 *
 *     example_get [PREFIX]        (default ./example-snapshot, which 01_build.c makes)
 */
#include <stdio.h>
#include <string.h>

#include "shardyfusion/shardyfusion.h"

static void show(const char *key, const shardy_value *value) {
    if (value->found)
        printf("%-8s %.*s\n", key, (int)value->len, (const char *)value->data);
    else
        printf("%-8s (not stored)\n", key);
}

static shardy_status get_one(shardy_reader *reader, const char *id, shardy_error *err) {
    shardy_key key = shardy_key_str(id, strlen(id));
    shardy_value value;
    shardy_status status = shardy_reader_get(reader, &key, &value, err);
    if (status != SHARDY_OK) return status;
    show(id, &value);
    shardy_value_release(&value); /* until here the bytes are borrowed from the mapped file */
    return SHARDY_OK;
}

static shardy_status get_many(shardy_reader *reader, shardy_error *err) {
    static const char *const ids[] = {"lemon", "durian", "apple"};
    shardy_key keys[3];
    shardy_value values[3];
    for (size_t i = 0; i < 3; i++) keys[i] = shardy_key_str(ids[i], strlen(ids[i]));
    shardy_status status = shardy_reader_multi_get(reader, keys, 3, values, err);
    for (size_t i = 0; status == SHARDY_OK && i < 3; i++) {
        show(ids[i], &values[i]);
        shardy_value_release(&values[i]);
    }
    return status;
}

static shardy_status walk(shardy_reader *reader, shardy_error *err) {
    shardy_scan_options options = SHARDY_SCAN_OPTIONS_INIT;
    options.start = (shardy_slice){"b", 1}; /* from the first key that is not below "b" */
    shardy_scan *scan = NULL;
    shardy_status status = shardy_reader_scan(reader, &options, &scan, err);
    for (bool more = true; status == SHARDY_OK && more;) {
        shardy_key key;
        shardy_slice value;
        status = shardy_scan_next(scan, &more, &key, &value, err);
        if (status == SHARDY_OK && more) {
            printf("%.*s = %.*s\n", (int)key.bytes.len, (const char *)key.bytes.data,
                   (int)value.len, (const char *)value.data);
        }
    }
    shardy_scan_close(scan);
    return status;
}

int main(int argc, char **argv) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_reader *reader = NULL;
    const char *prefix = argc > 1 ? argv[1] : "example-snapshot";
    shardy_status status = shardy_reader_open(prefix, NULL, &reader, &err);
    if (status == SHARDY_OK) status = get_one(reader, "cherry", &err);
    if (status == SHARDY_OK) status = get_many(reader, &err);
    if (status == SHARDY_OK) status = walk(reader, &err);
    if (status != SHARDY_OK) fprintf(stderr, "%s: %s\n", shardy_status_name(status), err.message);
    shardy_reader_close(reader);
    return status == SHARDY_OK ? 0 : 1;
}

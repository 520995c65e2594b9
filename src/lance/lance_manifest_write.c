/* lance_manifest_write.c: the manifest of version 1: index section, manifest message, tail.
 *
 * Sources: lance-table-14.0.2/src/io/manifest.rs, src/format/manifest.rs and protos/table.proto.
 */
#include <string.h>

#include "lance/lance_pb.h"
#include "lance/lance_schema.h"
#include "lance/lance_write.h"

/* Version 1: versions count down from 2^64 - 1 so that the newest is listed first. */
#define MANIFEST_NAME "_versions/18446744073709551614.manifest"
#define INDEX_NAME "vector_idx" /* as lancedb would call it */
#define VERSION 1

static void put_index_file(shardy__buf *b, const char *name, uint64_t size) {
    size_t file = shardy__pb_begin(b, 10);
    shardy__pb_str(b, 1, name);
    shardy__pb_uint(b, 2, size);
    shardy__pb_end(b, file);
}

static void put_details(shardy__buf *b, const shardy__lance_ivf *ivf) {
    size_t any = shardy__pb_begin(b, 6);
    shardy__pb_str(b, 1, "/" SHARDY__LANCE_DETAILS);
    size_t details = shardy__pb_begin(b, 2);
    shardy__pb_uint(b, 1, shardy__lance_metric_number(ivf->metric));
    shardy__pb_end(b, shardy__pb_begin(b, 8)); /* FlatCompression */
    shardy__pb_end(b, details);
    shardy__pb_end(b, any);
}

/* IndexSection{IndexMetadata} */
static void put_index(shardy__buf *b, const shardy__lance_plan *plan) {
    const uint64_t fields[] = {SHARDY__LANCE_VECTOR_FIELD};
    size_t index = shardy__pb_begin(b, 1);
    size_t uuid = shardy__pb_begin(b, 1);
    shardy__pb_bytes(b, 1, plan->uuid, 16);
    shardy__pb_end(b, uuid);
    shardy__pb_packed(b, 2, fields, 1);
    shardy__pb_str(b, 3, INDEX_NAME);
    shardy__pb_uint(b, 4, VERSION);
    shardy__pb_bytes(b, 5, shardy__lance_fragment_bitmap, SHARDY__LANCE_BITMAP);
    put_details(b, plan->ivf);
    shardy__pb_optional(b, 7, 1); /* index_version */
    shardy__pb_optional(b, 8, plan->wall_ns / 1000000);
    put_index_file(b, SHARDY__LANCE_AUXILIARY, plan->auxiliary_size);
    put_index_file(b, SHARDY__LANCE_INDEX, plan->index_size);
    shardy__pb_end(b, index);
}

static void put_fragment(shardy__buf *b, const shardy__lance_plan *plan) {
    const uint64_t numbers[SHARDY__LANCE_DATA_FIELDS] = {0, 1, 2};
    size_t fragment = shardy__pb_begin(b, 2);
    size_t file = shardy__pb_begin(b, 2);
    shardy__pb_str(b, 1, plan->data_name);
    shardy__pb_packed(b, 2, numbers, SHARDY__LANCE_DATA_FIELDS); /* field ids */
    shardy__pb_packed(b, 3, numbers, SHARDY__LANCE_DATA_FIELDS); /* their columns */
    shardy__pb_uint(b, 4, 2);                                    /* format 2.0 */
    shardy__pb_uint(b, 6, plan->data_size);
    shardy__pb_end(b, file);
    shardy__pb_uint(b, 4, plan->rows->count);
    shardy__pb_end(b, fragment);
}

static void put_two(shardy__buf *b, uint32_t field, const char *first, const char *second) {
    size_t pair = shardy__pb_begin(b, field);
    shardy__pb_str(b, 1, first);
    shardy__pb_str(b, 2, second);
    shardy__pb_end(b, pair);
}

static void put_manifest(shardy__buf *b, const shardy__lance_plan *plan) {
    shardy__lance_field fields[SHARDY__LANCE_DATA_FIELDS];
    shardy__lance_data_fields(fields, plan->rows->dim);
    shardy__lance_put_fields(b, fields, SHARDY__LANCE_DATA_FIELDS);
    if (plan->rows->count) put_fragment(b, plan);
    shardy__pb_uint(b, 3, VERSION);
    if (plan->ivf) shardy__pb_optional(b, 6, 0); /* the index section is at position 0 */
    size_t time = shardy__pb_begin(b, 7);
    shardy__pb_uint(b, 1, plan->wall_ns / 1000000000);
    shardy__pb_uint(b, 2, plan->wall_ns % 1000000000);
    shardy__pb_end(b, time);
    if (plan->rows->count) shardy__pb_optional(b, 11, 0); /* max_fragment_id */
    put_two(b, 13, "lance", plan->version);
    put_two(b, 15, "lance", "2.0");
}

/* A section is a message behind its length in four bytes. */
static size_t begin_section(shardy__buf *b) {
    shardy__buf_le32(b, 0);
    return b->len;
}

static void end_section(shardy__buf *b, size_t begin) {
    size_t len = b->len - begin;
    if (b->failed) return;
    for (int i = 0; i < 4; i++) b->data[begin - 4 + (size_t)i] = (uint8_t)(len >> (8 * i));
}

shardy_status shardy__lance_write_manifest(shardy__dir *dir, const shardy__lance_plan *plan,
                                           shardy_error *err) {
    shardy__buf b = {0};
    shardy__sink *sink = NULL;
    if (plan->ivf) {
        size_t section = begin_section(&b);
        put_index(&b, plan);
        end_section(&b, section);
    }
    size_t at = b.len, section = begin_section(&b);
    put_manifest(&b, plan);
    end_section(&b, section);
    shardy__buf_le64(&b, at);
    shardy__buf_le16(&b, 0);
    shardy__buf_le16(&b, 2);
    shardy__buf_put(&b, "LANC", 4);
    shardy_status rc = b.failed ? shardy__fail_nomem(err) : SHARDY_OK;
    if (!rc) rc = shardy__dir_create(dir, MANIFEST_NAME, &sink, err);
    if (!rc) rc = shardy__sink_append(sink, b.data, b.len, err);
    if (!rc) rc = shardy__sink_commit(sink, err);
    shardy__sink_close(sink);
    shardy__buf_free(&b);
    return rc;
}

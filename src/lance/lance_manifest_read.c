/* lance_manifest_read.c: finding and reading the manifest.
 *
 * Sources: lance-table-14.0.2/src/io/manifest.rs, src/io/commit.rs (names), protos/table.proto.
 */
#include <string.h>

#include "base/alloc.h"
#include "lance/lance_index.h"
#include "lance/lance_table.h"

#define VERSIONS "_versions/"
#define SUFFIX ".manifest"
#define NAME_LENGTH (strlen(VERSIONS) + 20 + strlen(SUFFIX))

enum { TAIL = 16 };

/* ---- names ---- */

uint64_t shardy__lance_name_version(const char *name) {
    const char *digits = name + strlen(VERSIONS);
    uint64_t v = 0;
    if (strlen(name) != NAME_LENGTH || strncmp(name, VERSIONS, strlen(VERSIONS)) ||
        strcmp(digits + 20, SUFFIX)) {
        return 0;
    }
    for (int i = 0; i < 20; i++) {
        if (digits[i] < '0' || digits[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(digits[i] - '0'), &v)) {
            return 0;
        }
    }
    return UINT64_MAX - v;
}

typedef struct search {
    char *name;
    uint64_t version;
} search;

static shardy_status consider(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    search *found = ctx;
    uint64_t version = shardy__lance_name_version(name);
    (void)size;
    if (version <= found->version) return SHARDY_OK;
    char *copy = shardy__strdup(name);
    if (!copy) return shardy__fail_nomem(err);
    shardy__free(found->name);
    *found = (search){copy, version};
    return SHARDY_OK;
}

shardy_status shardy__lance_find_manifest(shardy__dir *dir, char **name, shardy_error *err) {
    search found = {NULL, 0};
    *name = NULL;
    shardy_status rc = shardy__dir_list(dir, VERSIONS, consider, &found, err);
    if (!rc && !found.name) {
        rc = shardy__fail(err, SHARDY_E_NOT_FOUND, "%s/" VERSIONS ": no manifest of a vector table",
                          dir->url);
    }
    if (rc) {
        shardy__free(found.name);
        return rc;
    }
    *name = found.name;
    return SHARDY_OK;
}

/* ---- pieces ---- */

static shardy_status unsupported(const char *url, const char *what, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: %s", url, what);
}

static shardy_status corrupt(const char *url, const char *what, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_CORRUPT, "%s: %s", url, what);
}

static bool is(shardy_slice slice, const char *text) {
    return slice.len == strlen(text) && !memcmp(slice.data, text, slice.len);
}

/* The message behind its length at `at`, which must end at or before `limit`. */
static bool section(const shardy__source *src, uint64_t at, uint64_t limit, shardy_slice *out) {
    if (at > limit || limit - at < 4) return false;
    uint32_t len = shardy__le32(src->map + at);
    if (len > limit - at - 4) return false;
    *out = (shardy_slice){src->map + at + 4, len};
    return true;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- rows ---- */

static bool counts_to_three(const shardy__pb_ints *ints) {
    return ints->n == 3 && ints->v[0] == 0 && ints->v[1] == 1 && ints->v[2] == 2;
}

static shardy_status read_data_file(const char *url, shardy_slice message,
                                    shardy__lance_manifest *out, shardy_error *err) {
    shardy__pb_ints fields = {.n = 0}, columns = {.n = 0};
    uint64_t major = 0, minor = 0;
    out->data_name = (shardy_slice){"", 0};
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_BYTES, &out->data_name}, {2, SHARDY__PB_INTS, &fields},
        {3, SHARDY__PB_INTS, &columns},         {4, SHARDY__PB_UINT, &major},
        {5, SHARDY__PB_UINT, &minor},           {6, SHARDY__PB_UINT, &out->data_size},
    };
    SHARDY_TRY(shardy__pb_read(url, "DataFile", message, wants, COUNT(wants), err));
    if (major != 2 || minor != 0)
        return unsupported(url, "the data file is not of format 2.0", err);
    if (!counts_to_three(&fields) || !counts_to_three(&columns)) {
        return unsupported(url, "the data file's fields and columns are not 0, 1, 2", err);
    }
    if (!out->data_name.len || out->data_name.len > 1000 ||
        memchr(out->data_name.data, 0, out->data_name.len)) {
        return corrupt(url, "the data file has no usable name", err);
    }
    return SHARDY_OK;
}

static shardy_status read_fragment(const char *url, shardy_slice message,
                                   shardy__lance_manifest *out, shardy_error *err) {
    uint64_t id = 0;
    shardy__pb_many files = {.n = 0};
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_UINT, &id},
        {2, SHARDY__PB_MANY, &files},
        {4, SHARDY__PB_UINT, &out->rows},
        /* when rows were updated and created, each in two forms */
        {7, SHARDY__PB_SKIP_BYTES, NULL},
        {8, SHARDY__PB_SKIP_BYTES, NULL},
        {9, SHARDY__PB_SKIP_BYTES, NULL},
        {10, SHARDY__PB_SKIP_BYTES, NULL},
    };
    SHARDY_TRY(shardy__pb_read(url, "DataFragment", message, wants, COUNT(wants), err));
    if (id != 0 || files.n != 1) {
        return unsupported(url, "the fragment is not number 0 with one data file", err);
    }
    if (out->rows == 0 || out->rows > UINT32_MAX) {
        return corrupt(url, "the fragment's number of rows is out of range", err);
    }
    return read_data_file(url, files.v[0], out, err);
}

/* ---- index ---- */

static shardy_status read_details(const char *url, shardy_slice any, shardy__lance_manifest *out,
                                  shardy_error *err) {
    shardy_slice type = {"", 0}, value = {"", 0}, flat = {NULL, 0};
    const shardy__pb_want wants[] = {{1, SHARDY__PB_BYTES, &type}, {2, SHARDY__PB_BYTES, &value}};
    SHARDY_TRY(shardy__pb_read(url, "index_details", any, wants, COUNT(wants), err));
    if (!is(type, "/" SHARDY__LANCE_DETAILS) &&
        !is(type, "type.googleapis.com/" SHARDY__LANCE_DETAILS)) {
        return unsupported(url, "the index is not a vector index that Lance readers know", err);
    }
    const shardy__pb_want parts[] = {
        {1, SHARDY__PB_UINT, &out->metric},
        {8, SHARDY__PB_BYTES, &flat},
        /* wishes for a rebuild */
        {2, SHARDY__PB_SKIP_UINT, NULL},
        {9, SHARDY__PB_SKIP_BYTES, NULL},
        {10, SHARDY__PB_SKIP_UINT, NULL},
    };
    SHARDY_TRY(shardy__pb_read(url, "VectorIndexDetails", value, parts, COUNT(parts), err));
    if (!flat.data || flat.len) return unsupported(url, "the index is not an IVF_FLAT index", err);
    return SHARDY_OK;
}

static shardy_status read_index_files(const char *url, const shardy__pb_many *files,
                                      shardy__lance_manifest *out, shardy_error *err) {
    if (files->n > 2) return unsupported(url, "the index has more than two files", err);
    for (size_t i = 0; i < files->n; i++) {
        shardy_slice name = {"", 0};
        uint64_t size = 0;
        const shardy__pb_want wants[] = {{1, SHARDY__PB_BYTES, &name}, {2, SHARDY__PB_UINT, &size}};
        SHARDY_TRY(shardy__pb_read(url, "IndexFile", files->v[i], wants, COUNT(wants), err));
        uint64_t *known = is(name, SHARDY__LANCE_AUXILIARY) ? &out->auxiliary_size
                          : is(name, SHARDY__LANCE_INDEX)   ? &out->index_size
                                                            : NULL;
        if (!known || *known) return unsupported(url, "the index has files of other names", err);
        *known = size;
    }
    return SHARDY_OK;
}

static shardy_status read_index(const char *url, shardy_slice message, shardy__lance_manifest *out,
                                shardy_error *err) {
    shardy_slice uuid = {"", 0}, bitmap = {"", 0}, details = {"", 0}, bytes = {"", 0};
    shardy__pb_ints fields = {.n = 0};
    shardy__pb_many files = {.n = 0};
    uint64_t version = 0;
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_BYTES, &uuid},     {2, SHARDY__PB_INTS, &fields},
        {3, SHARDY__PB_SKIP_BYTES, NULL}, /* name */
        {4, SHARDY__PB_SKIP_UINT, NULL},  /* version of the table that was indexed */
        {5, SHARDY__PB_BYTES, &bitmap},   {6, SHARDY__PB_BYTES, &details},
        {7, SHARDY__PB_UINT, &version},   {8, SHARDY__PB_SKIP_UINT, NULL}, /* created_at */
        {10, SHARDY__PB_MANY, &files},
    };
    SHARDY_TRY(shardy__pb_read(url, "IndexMetadata", message, wants, COUNT(wants), err));
    const shardy__pb_want id[] = {{1, SHARDY__PB_BYTES, &bytes}};
    SHARDY_TRY(shardy__pb_read(url, "UUID", uuid, id, 1, err));
    if (bytes.len != 16) return corrupt(url, "the index's UUID does not have 16 bytes", err);
    memcpy(out->uuid, bytes.data, 16);
    if (version > 1) return unsupported(url, "the index is of a version above 1", err);
    if (fields.n != 1 || fields.v[0] != SHARDY__LANCE_VECTOR_FIELD) {
        return unsupported(url, "the index is not on the column vector", err);
    }
    if (bitmap.len != SHARDY__LANCE_BITMAP ||
        memcmp(bitmap.data, shardy__lance_fragment_bitmap, SHARDY__LANCE_BITMAP)) {
        return unsupported(url, "the index does not cover exactly fragment 0", err);
    }
    SHARDY_TRY(read_index_files(url, &files, out, err));
    out->indexed = true;
    return read_details(url, details, out, err);
}

static shardy_status read_index_section(const shardy__source *src, uint64_t at, uint64_t limit,
                                        shardy__lance_manifest *out, shardy_error *err) {
    shardy_slice message;
    shardy__pb_many indices = {.n = 0};
    const shardy__pb_want wants[] = {{1, SHARDY__PB_MANY, &indices}};
    if (!section(src, at, limit, &message)) {
        return corrupt(src->url, "the index section does not lie before the manifest", err);
    }
    SHARDY_TRY(shardy__pb_read(src->url, "IndexSection", message, wants, 1, err));
    if (indices.n > 1) return unsupported(src->url, "the table has more than one index", err);
    if (!indices.n) return SHARDY_OK;
    if (!out->rows) return unsupported(src->url, "a table without rows has an index", err);
    return read_index(src->url, indices.v[0], out, err);
}

/* ---- the whole ---- */

static shardy_status check_format(const char *url, shardy_slice message, shardy_error *err) {
    shardy_slice name = {"lance", 5}, version = {"2.0", 3};
    const shardy__pb_want wants[] = {{1, SHARDY__PB_BYTES, &name}, {2, SHARDY__PB_BYTES, &version}};
    SHARDY_TRY(shardy__pb_read(url, "DataStorageFormat", message, wants, 2, err));
    if (is(name, "lance") && is(version, "2.0")) return SHARDY_OK;
    return unsupported(url, "the table's data is not in Lance format 2.0", err);
}

static shardy_status read_schema(const char *url, const shardy__pb_many *stored,
                                 shardy__lance_manifest *out, shardy_error *err) {
    shardy__lance_field fields[SHARDY__LANCE_DATA_FIELDS];
    if (stored->n != SHARDY__LANCE_DATA_FIELDS) {
        return unsupported(url, "the table's columns are not id, vector, payload", err);
    }
    SHARDY_TRY(shardy__lance_field_dim(url, stored->v[SHARDY__LANCE_VECTOR_FIELD], &out->dim, err));
    shardy__lance_data_fields(fields, out->dim);
    return shardy__lance_check_fields(url, stored, fields, SHARDY__LANCE_DATA_FIELDS, err);
}

static shardy_status read_message(const shardy__source *src, shardy_slice message, uint64_t at,
                                  uint64_t name_version, shardy__lance_manifest *out,
                                  shardy_error *err) {
    const char *url = src->url;
    shardy__pb_many fields = {.n = 0}, fragments = {.n = 0};
    shardy_slice format = {"", 0};
    uint64_t version = 0, flags = 0, index_at = UINT64_MAX, history[2] = {UINT64_MAX, UINT64_MAX};
    const shardy__pb_want wants[] = {
        {1, SHARDY__PB_MANY, &fields},
        {2, SHARDY__PB_MANY, &fragments},
        {3, SHARDY__PB_UINT, &version},
        {6, SHARDY__PB_UINT, &index_at},
        {9, SHARDY__PB_UINT, &flags},
        {15, SHARDY__PB_BYTES, &format},
        {21, SHARDY__PB_UINT, &history[0]}, /* where the file says how the version came to be */
        {23, SHARDY__PB_UINT, &history[1]},
        /* what says nothing about the rows: notes of the user, the time, a tag, flags for writers,
         * the largest fragment number, the transaction's file, the writer, the branch */
        {5, SHARDY__PB_SKIP_BYTES, NULL},
        {7, SHARDY__PB_SKIP_BYTES, NULL},
        {8, SHARDY__PB_SKIP_BYTES, NULL},
        {10, SHARDY__PB_SKIP_UINT, NULL},
        {11, SHARDY__PB_SKIP_UINT, NULL},
        {12, SHARDY__PB_SKIP_BYTES, NULL},
        {13, SHARDY__PB_SKIP_BYTES, NULL},
        {16, SHARDY__PB_SKIP_BYTES, NULL},
        {19, SHARDY__PB_SKIP_BYTES, NULL},
        {20, SHARDY__PB_SKIP_BYTES, NULL},
    };
    SHARDY_TRY(shardy__pb_read(url, "Manifest", message, wants, COUNT(wants), err));
    if (flags) return unsupported(url, "the table needs features of readers that we lack", err);
    if (name_version && version != name_version) {
        return corrupt(url, "the version in the manifest is not the one in its name", err);
    }
    SHARDY_TRY(check_format(url, format, err));
    SHARDY_TRY(read_schema(url, &fields, out, err));
    if (fragments.n > 1) return unsupported(url, "the table has more than one fragment", err);
    if (fragments.n) SHARDY_TRY(read_fragment(url, fragments.v[0], out, err));
    if (index_at != UINT64_MAX) return read_index_section(src, index_at, at, out, err);
    if (at && history[0] == UINT64_MAX && history[1] == UINT64_MAX) {
        return corrupt(url, "there is something before the manifest that nothing names", err);
    }
    return SHARDY_OK;
}

shardy_status shardy__lance_read_manifest(const shardy__source *src, uint64_t version,
                                          shardy__lance_manifest *out, shardy_error *err) {
    memset(out, 0, sizeof *out);
    if (src->size < TAIL) return corrupt(src->url, "too short for a manifest", err);
    uint64_t end = src->size - TAIL;
    const uint8_t *tail = src->map + end;
    uint64_t at = shardy__le64(tail);
    shardy_slice message;
    if (memcmp(tail + 12, "LANC", 4)) return corrupt(src->url, "does not end with LANC", err);
    if (shardy__le16(tail + 8) != 0 || shardy__le16(tail + 10) != 2) {
        return unsupported(src->url, "the manifest is not of version 0.2", err);
    }
    if (!section(src, at, end, &message) || at + 4 + message.len != end) {
        return corrupt(src->url, "the manifest message does not end where the tail begins", err);
    }
    return read_message(src, message, at, version, out, err);
}

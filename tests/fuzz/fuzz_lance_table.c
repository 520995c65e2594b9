/* fuzz_lance_table.c: tables from anywhere. An input is the four objects of a table one after the
 * other, each behind its length in four bytes: data file, auxiliary.idx, index.idx, manifest.
 * Missing ones do not exist. What opens must answer everything without leaving its bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "lance/lance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OBJECTS = 4 };

/* ---- a directory of these objects ---- */

typedef struct object_dir {
    shardy__dir base;
    const uint8_t *bytes[OBJECTS];
    size_t len[OBJECTS];
} object_dir;

/* A source in an allocation of exactly its size, so that the address sanitizer sees its end. */
typedef struct object_source {
    shardy__source base;
    uint8_t *copy;
} object_source;

static void source_close(shardy__source *src) {
    shardy__free(((object_source *)src)->copy);
    shardy__free(src);
}

static const shardy__source_ops source_ops = {NULL, source_close};

static size_t which(const char *name) {
    if (strstr(name, "auxiliary.idx")) return 1;
    if (strstr(name, "index.idx")) return 2;
    return strncmp(name, "data/", 5) ? 3 : 0;
}

static shardy_status dir_open(shardy__dir *dir, const char *name, unsigned flags,
                              shardy__source **out, shardy_error *err) {
    static char url[] = "fuzz://object";
    object_dir *d = (object_dir *)dir;
    size_t i = which(name);
    (void)flags;
    if (!d->bytes[i]) return shardy__fail(err, SHARDY_E_NOT_FOUND, "%s: no such object", name);
    object_source *src = shardy__calloc(1, sizeof *src);
    uint8_t *copy = shardy__malloc(d->len[i] ? d->len[i] : 1);
    if (!src || !copy) abort();
    if (d->len[i]) memcpy(copy, d->bytes[i], d->len[i]);
    *src = (object_source){{&source_ops, d->len[i], copy, url}, copy};
    *out = &src->base;
    return SHARDY_OK;
}

static shardy_status dir_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn, void *ctx,
                              shardy_error *err) {
    (void)dir, (void)prefix;
    return fn(ctx, "_versions/18446744073709551614.manifest", 1, err);
}

static const shardy__dir_ops dir_ops = {.open = dir_open, .list = dir_list};

static void unpack(object_dir *dir, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < OBJECTS && size >= 4; i++) {
        size_t len = shardy__le32(data);
        if (len > size - 4) len = size - 4;
        dir->bytes[i] = data + 4;
        dir->len[i] = len;
        data += 4 + len;
        size -= 4 + len;
    }
}

/* ---- asking everything ---- */

static volatile uint64_t sink;

static void touch(const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) sum += p[i];
    sink = sum;
}

static void expect(bool ok) {
    if (!ok) abort();
}

static void ask(const shardy__lance *t) {
    uint64_t count = shardy__lance_count(t);
    uint32_t dim = shardy__lance_dim(t);
    expect(dim >= 1 && dim <= SHARDY_DIM_MAX);
    for (uint64_t row = 0; row < count; row++) {
        shardy_slice id = shardy__lance_id(t, row), payload = shardy__lance_payload(t, row);
        expect(id.data != NULL);
        touch(id.data, id.len);
        touch(payload.data, payload.len);
    }
    touch(shardy__lance_vectors(t), count * dim * 4);
    const shardy__lance_index *index = shardy__lance_get_index(t);
    if (!index) return;
    expect(index->partitions >= 1 && index->offsets[0] == 0);
    for (uint32_t p = 0; p < index->partitions; p++) {
        expect(index->offsets[p] <= index->offsets[p + 1]);
    }
    uint64_t entries = index->offsets[index->partitions];
    expect(entries <= count);
    for (uint64_t e = 0; e < entries; e++) expect(index->row_ids[e] < count);
    touch(index->vectors, entries * dim * 4);
    touch(index->centroids, (uint64_t)index->partitions * dim * 4);
}

static void on_problem(void *ctx, const char *object, const char *text) {
    (void)ctx;
    touch(object, strlen(object));
    touch(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char url[] = "fuzz://dir";
    object_dir dir = {.base = {&dir_ops, url}};
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    unpack(&dir, data, size);
    shardy_status rc = shardy__lance_open(&dir.base, NULL, &t, &err);
    if (rc) {
        expect(!t && err.message[0]);
        expect(rc == SHARDY_E_CORRUPT || rc == SHARDY_E_UNSUPPORTED || rc == SHARDY_E_NOT_FOUND);
        return 0;
    }
    const shardy__lance_check check = {on_problem, NULL};
    ask(t);
    expect(shardy__lance_verify(t, &check, &err) == SHARDY_OK);
    shardy__lance_close(t);
    return 0;
}

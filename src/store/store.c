/* store.c: opens the directory of a URL; listings in byte order. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_impl.h"

shardy_status shardy__store_open(const char *url, shardy__dir **out, shardy_error *err) {
    char *normal = NULL;
    *out = NULL;
    SHARDY_TRY(shardy__url_normalise(url, &normal, err));
    bool memory = !strncmp(normal, SHARDY__MEMORY_SCHEME, strlen(SHARDY__MEMORY_SCHEME));
    shardy_status rc =
        memory ? shardy__memory_dir(normal, out, err) : shardy__file_dir(normal, out, err);
    shardy__free(normal);
    return rc;
}

shardy_status shardy__store_check_writable(shardy__dir *dir, shardy_error *err) {
    shardy__sink *sink = NULL;
    shardy_status rc = shardy__dir_create(dir, "write-check", &sink, err);
    if (!rc) rc = shardy__sink_append(sink, "x", 1, err);
    shardy__sink_close(sink);
    return rc;
}

shardy_status shardy__names_add(shardy__names *names, const char *name, uint64_t size,
                                shardy_error *err) {
    if (shardy__grow(&names->items, &names->cap, names->n + 1, sizeof *names->items)) {
        return shardy__fail_nomem(err);
    }
    char *copy = shardy__strdup(name);
    if (!copy) return shardy__fail_nomem(err);
    names->items[names->n].name = copy;
    names->items[names->n].size = size;
    names->n++;
    return SHARDY_OK;
}

static int by_name(const void *a, const void *b) {
    const struct shardy__name *x = a, *y = b;
    return strcmp(x->name, y->name);
}

shardy_status shardy__names_report(shardy__names *names, shardy__list_fn fn, void *ctx,
                                   shardy_error *err) {
    if (names->n) qsort(names->items, names->n, sizeof *names->items, by_name);
    for (size_t i = 0; i < names->n; i++) {
        SHARDY_TRY(fn(ctx, names->items[i].name, names->items[i].size, err));
    }
    return SHARDY_OK;
}

void shardy__names_free(shardy__names *names) {
    for (size_t i = 0; i < names->n; i++) shardy__free(names->items[i].name);
    shardy__free(names->items);
    memset(names, 0, sizeof *names);
}

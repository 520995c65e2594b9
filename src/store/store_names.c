/* store_names.c: listings in byte order, whatever order the store has them in. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_names.h"

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

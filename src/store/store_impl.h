/* store_impl.h: what the store's own files share: one constructor per kind of store. */
#ifndef SHARDY_STORE_STORE_IMPL_H
#define SHARDY_STORE_STORE_IMPL_H

#include "store/store.h"

#define SHARDY__FILE_SCHEME "file://"
#define SHARDY__MEMORY_SCHEME "memory://"

/* `url` is normalised. */
shardy_status shardy__file_dir(const char *url, shardy__dir **out, shardy_error *err);
shardy_status shardy__memory_dir(const char *url, shardy__dir **out, shardy_error *err);

/* Listings are collected, sorted and then reported, so that every store lists in byte order. */
typedef struct shardy__names {
    struct shardy__name {
        char *name;
        uint64_t size;
    } *items;
    size_t n, cap;
} shardy__names;

shardy_status shardy__names_add(shardy__names *names, const char *name, uint64_t size,
                                shardy_error *err);
/* Sort, call fn for each. */
shardy_status shardy__names_report(shardy__names *names, shardy__list_fn fn, void *ctx,
                                   shardy_error *err);
void shardy__names_free(shardy__names *names);

#endif

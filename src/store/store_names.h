/* store_names.h: a list of object names, for listings. */
#ifndef SHARDY_STORE_STORE_NAMES_H
#define SHARDY_STORE_STORE_NAMES_H

#include "base/io.h"

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

/* alloc.h: the only way to get heap memory, so that tests can make any allocation fail. */
#ifndef SHARDY_BASE_ALLOC_H
#define SHARDY_BASE_ALLOC_H

#include <stddef.h>

/* As malloc, calloc, realloc, free. Sizes of 0 give a unique pointer. Multiplications in
 * shardy__calloc and shardy__realloc_array are checked. NULL: out of memory. */
void *shardy__malloc(size_t size) __attribute__((malloc, warn_unused_result));
void *shardy__calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *shardy__realloc(void *p, size_t size) __attribute__((warn_unused_result));
void *shardy__realloc_array(void *p, size_t count, size_t size) __attribute__((warn_unused_result));
void shardy__free(void *p);

/* `alignment` is a power of two, at least 16; freed with shardy__free. */
void *shardy__aligned_alloc(size_t alignment, size_t size) __attribute__((warn_unused_result));

/* For blocks of many bytes that are soon filled: on huge pages where the system has them, since one
 * fault per 4 KiB page costs more than writing it. Best in multiples of SHARDY__HUGE_PAGE; freed
 * with shardy__free. */
#define SHARDY__HUGE_PAGE ((size_t)2 << 20)
void *shardy__huge_alloc(size_t size) __attribute__((warn_unused_result));

/* Owned copies; strdup of NULL is NULL. */
char *shardy__strdup(const char *s) __attribute__((warn_unused_result));
char *shardy__strndup(const char *s, size_t len) __attribute__((warn_unused_result));
char *shardy__format(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), warn_unused_result));

/* Make *array hold at least `need` items of `item` bytes; capacity grows by doubling. */
int shardy__grow(void *array_pointer, size_t *capacity, size_t need, size_t item);

#endif

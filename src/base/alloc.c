/* alloc.c: heap memory with an injection point for tests (fault.h). */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fault.h"

void *shardy__malloc(size_t size) {
    if (shardy__fault(SHARDY__FAULT_ALLOC)) return NULL;
    return malloc(size ? size : 1);
}

void *shardy__calloc(size_t count, size_t size) {
    if (shardy__fault(SHARDY__FAULT_ALLOC)) return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

void *shardy__realloc(void *p, size_t size) {
    if (shardy__fault(SHARDY__FAULT_ALLOC)) return NULL;
    return realloc(p, size ? size : 1);
}

void *shardy__realloc_array(void *p, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return shardy__realloc(p, bytes);
}

void *shardy__aligned_alloc(size_t alignment, size_t size) {
    void *p = NULL;
    if (shardy__fault(SHARDY__FAULT_ALLOC)) return NULL;
    if (posix_memalign(&p, alignment, size ? size : 1)) return NULL;
    return p;
}

void *shardy__huge_alloc(size_t size) {
    void *p = shardy__aligned_alloc(SHARDY__HUGE_PAGE, size);
#if defined(MADV_HUGEPAGE)
    /* Only whole huge pages; advice, so failing changes nothing. */
    if (p && size >= SHARDY__HUGE_PAGE) {
        (void)madvise(p, size & ~(SHARDY__HUGE_PAGE - 1), MADV_HUGEPAGE);
    }
#endif
    return p;
}

void shardy__free(void *p) { free(p); }

char *shardy__strndup(const char *s, size_t len) {
    char *copy = shardy__malloc(len + 1);
    if (!copy) return NULL;
    if (len) memcpy(copy, s, len);
    copy[len] = 0;
    return copy;
}

char *shardy__strdup(const char *s) { return s ? shardy__strndup(s, strlen(s)) : NULL; }

char *shardy__format(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    char *text = shardy__malloc((size_t)n + 1);
    if (!text) return NULL;
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}

int shardy__grow(void *array_pointer, size_t *capacity, size_t need, size_t item) {
    if (need <= *capacity) return 0;
    size_t cap = *capacity ? *capacity : 8;
    while (cap < need) {
        if (__builtin_mul_overflow(cap, (size_t)2, &cap)) return -1;
    }
    void *old;
    memcpy(&old, array_pointer, sizeof old);
    void *grown = shardy__realloc_array(old, cap, item);
    if (!grown) return -1;
    memcpy(array_pointer, &grown, sizeof grown);
    *capacity = cap;
    return 0;
}

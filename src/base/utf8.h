/* utf8.h: UTF-8 as RFC 3629 defines it (no surrogates, nothing above U+10FFFF, shortest form). */
#ifndef SHARDY_BASE_UTF8_H
#define SHARDY_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at p, 0 if there is none within len. */
size_t shardy__utf8_char(const void *p, size_t len);
bool shardy__utf8_valid(const void *p, size_t len);
/* Remove a character that is cut at the end of this string. */
void shardy__utf8_cut(char *s);

#endif

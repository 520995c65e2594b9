/* utf8.c: see utf8.h. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t shardy__utf8_char(const void *data, size_t len) {
    const uint8_t *p = data;
    if (!len) return 0;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
    size_t n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len < n) return 0;
    uint8_t lo = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    uint8_t hi = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < lo || p[1] > hi) return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    return n;
}

bool shardy__utf8_valid(const void *data, size_t len) {
    const uint8_t *p = data;
    size_t i = 0;
    while (i < len) {
        if (len - i >= 8) { /* eight ASCII bytes at once: most text */
            uint64_t w;
            memcpy(&w, p + i, 8);
            if (!(w & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size_t n = shardy__utf8_char(p + i, len - i);
        if (!n) return false;
        i += n;
    }
    return true;
}

void shardy__utf8_cut(char *s) {
    size_t len = strlen(s), back = 0;
    while (back < 3 && back < len && ((uint8_t)s[len - 1 - back] & 0xC0) == 0x80) back++;
    if (back == len) return;
    size_t start = len - 1 - back;
    if ((uint8_t)s[start] >= 0x80 && !shardy__utf8_char(s + start, len - start)) s[start] = 0;
}

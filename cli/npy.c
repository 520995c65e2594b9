/* npy.c: a matrix of floating point numbers in NumPy's file format.
 *
 * Source: numpy/lib/format.py (magic "\x93NUMPY", version, header length, a Python dictionary with
 * 'descr', 'fortran_order' and 'shape', then the numbers); IEEE 754 for half precision.
 */
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char npy_magic[] = "\x93NUMPY";
enum { MAGIC_LEN = 6, HEADER_MAX = 1 << 20 };

/* ---- the header's dictionary ---- */

typedef struct npy_header {
    char descr[16];
    bool fortran;
    uint64_t shape[8];
    size_t n_dims;
    unsigned seen; /* bits: descr, fortran_order, shape */
} npy_header;

static void skip_space(const char **at) { *at += strspn(*at, " \t\n\r"); }

static bool take(const char **at, char c) {
    skip_space(at);
    if (**at != c) return false;
    ++*at;
    return true;
}

/* A quoted string without escapes. */
static bool take_string(const char **at, char *out, size_t cap) {
    skip_space(at);
    char quote = **at;
    if (quote != '\'' && quote != '"') return false;
    const char *end = strchr(*at + 1, quote);
    size_t len = end ? (size_t)(end - *at - 1) : cap;
    if (len >= cap) return false;
    memcpy(out, *at + 1, len);
    out[len] = '\0';
    *at = end + 1;
    return true;
}

static bool take_number(const char **at, uint64_t *out) {
    skip_space(at);
    char digits[24] = {0};
    size_t n = strspn(*at, "0123456789");
    if (n == 0 || n >= sizeof digits) return false;
    memcpy(digits, *at, n);
    *at += n;
    return text_parse_u64(digits, out);
}

static bool take_shape(const char **at, npy_header *h) {
    if (!take(at, '(')) return false;
    while (!take(at, ')')) {
        if (h->n_dims == 8 || !take_number(at, &h->shape[h->n_dims])) return false;
        h->n_dims++;
        if (!take(at, ',')) return take(at, ')');
    }
    return true;
}

static bool take_member(const char **at, npy_header *h) {
    char name[32];
    if (!take_string(at, name, sizeof name) || !take(at, ':')) return false;
    skip_space(at);
    if (!strcmp(name, "descr")) {
        h->seen |= 1;
        return take_string(at, h->descr, sizeof h->descr);
    }
    if (!strcmp(name, "fortran_order")) {
        h->seen |= 2;
        h->fortran = !strncmp(*at, "True", 4);
        if (!h->fortran && strncmp(*at, "False", 5)) return false;
        *at += h->fortran ? 4 : 5;
        return true;
    }
    if (!strcmp(name, "shape")) {
        h->seen |= 4;
        return take_shape(at, h);
    }
    return false;
}

static bool parse_header(const char *at, npy_header *h) {
    *h = (npy_header){0};
    if (!take(&at, '{')) return false;
    while (!take(&at, '}')) {
        if (!take_member(&at, h)) return false;
        if (!take(&at, ',') && *at != '}') return false;
    }
    skip_space(&at);
    return *at == '\0' && h->seen == 7;
}

/* ---- the file ---- */

/* Where the dictionary is; false: not a .npy file. */
static bool find_header(const npy *m, size_t *at, size_t *len) {
    const unsigned char *b = m->map;
    if (m->map_len < 12 || memcmp(b, npy_magic, MAGIC_LEN) || b[6] < 1 || b[6] > 3) return false;
    *len = (size_t)b[8] | (size_t)b[9] << 8;
    *at = 10;
    if (b[6] > 1) {
        *len |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
        *at = 12;
    }
    return *len <= HEADER_MAX && *len <= m->map_len - *at;
}

static bool check_header(npy *m, const npy_header *h, size_t data_at, const char *path,
                         problem *why) {
    if (!strcmp(h->descr, "<f2"))
        m->item = 2;
    else if (!strcmp(h->descr, "<f4"))
        m->item = 4;
    else if (!strcmp(h->descr, "<f8"))
        m->item = 8;
    else
        return problem_set(why, "%s: dtype '%s' is not supported (<f2, <f4, <f8)", path, h->descr);
    if (h->n_dims != 1 && h->n_dims != 2) {
        return problem_set(why, "%s: has %zu dimensions, not 2", path, h->n_dims);
    }
    if (h->fortran && h->n_dims == 2) {
        return problem_set(why, "%s: is in Fortran order; save numpy.ascontiguousarray of it",
                           path);
    }
    m->rows = h->n_dims == 2 ? h->shape[0] : 1;
    m->cols = h->shape[h->n_dims - 1];
    uint64_t have = m->map_len - data_at, count = 0, bytes = 0;
    if (__builtin_mul_overflow(m->rows, m->cols, &count) ||
        __builtin_mul_overflow(count, (uint64_t)m->item, &bytes) || bytes != have) {
        return problem_set(why,
                           "%s: %" PRIu64 " x %" PRIu64
                           " numbers of %u bytes do not fit the %" PRIu64
                           " bytes behind the header",
                           path, m->rows, m->cols, m->item, have);
    }
    m->data = (const unsigned char *)m->map + data_at;
    return true;
}

static bool map_file(npy *m, const char *path, problem *why) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return problem_set(why, "%s: %s", path, strerror(errno));
    bool ok = false;
    if (fstat(fd, &st) < 0) {
        problem_set(why, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        problem_set(why, "%s: not a regular file", path);
    } else if (st.st_size < 12) {
        problem_set(why, "%s: not a .npy file", path);
    } else {
        m->map_len = (size_t)st.st_size;
        m->map = mmap(NULL, m->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = m->map != MAP_FAILED;
        if (!ok) m->map = NULL, problem_set(why, "%s: %s", path, strerror(errno));
    }
    close(fd);
    return ok;
}

bool npy_open(npy *m, const char *path, problem *why) {
    *m = (npy){.name = path};
    if (!map_file(m, path, why)) return false;
    npy_header header;
    size_t at = 0, len = 0;
    bool ok = find_header(m, &at, &len);
    if (!ok) problem_set(why, "%s: not a .npy file", path);
    if (ok) {
        text_buf dictionary = {0};
        text_add(&dictionary, (const char *)m->map + at, len);
        ok = strlen(text_cstr(&dictionary)) == len && parse_header(text_cstr(&dictionary), &header);
        text_free(&dictionary);
        if (!ok) problem_set(why, "%s: the .npy header cannot be read", path);
    }
    ok = ok && check_header(m, &header, at + len, path, why);
    if (ok)
        madvise(m->map, m->map_len, MADV_SEQUENTIAL);
    else
        npy_close(m);
    return ok;
}

void npy_close(npy *m) {
    if (m->map) munmap(m->map, m->map_len);
    *m = (npy){0};
}

bool npy_is(const char *path) {
    char head[MAGIC_LEN] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n == MAGIC_LEN && !memcmp(head, npy_magic, MAGIC_LEN);
}

/* ---- numbers, little endian on any machine ---- */

static uint32_t load32(const unsigned char *b) {
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static float float_from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float half_to_float(uint32_t half) {
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31) return float_from_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent) return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f; /* zero and subnormal halves */
    return sign ? -tiny : tiny;
}

static double load_double(const unsigned char *b) {
    uint64_t bits = (uint64_t)load32(b) | (uint64_t)load32(b + 4) << 32;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

void npy_row(const npy *m, uint64_t row, float *out) {
    const unsigned char *b = m->data + row * m->cols * m->item;
    size_t n = (size_t)m->cols;
    if (m->item == 2) {
        for (size_t i = 0; i < n; i++)
            out[i] = half_to_float(b[2 * i] | (uint32_t)b[2 * i + 1] << 8);
    } else if (m->item == 4) {
        for (size_t i = 0; i < n; i++) out[i] = float_from_bits(load32(b + 4 * i));
    } else {
        for (size_t i = 0; i < n; i++) out[i] = (float)load_double(b + 8 * i);
    }
}

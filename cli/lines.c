/* lines.c: lines of a file or of standard input, plain or zstd-compressed.
 *
 * Source of the magic number: RFC 8878, section 3.1.1.
 */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stop.h"

enum { READ_SIZE = 256 * 1024 };

bool lines_open(lines *l, const char *path, problem *why) {
    *l = (lines){.fd = -1};
    bool is_stdin = !path || !strcmp(path, "-");
    l->name = is_stdin ? "standard input" : path;
    l->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0) return problem_set(why, "%s: %s", l->name, strerror(errno));
    struct stat st;
    if (fstat(l->fd, &st) == 0) {
        if (S_ISDIR(st.st_mode)) return problem_set(why, "%s: is a directory", l->name);
        if (S_ISREG(st.st_mode)) l->file_size = (uint64_t)st.st_size;
    }
    l->in = text_alloc(NULL, READ_SIZE);
    return true;
}

void lines_close(lines *l) {
    if (l->fd > STDIN_FILENO) close(l->fd);
    ZSTD_freeDStream(l->zstd);
    free(l->in);
    text_free(&l->buf);
    *l = (lines){.fd = -1};
}

/* Read more of the file behind what is in `in`. */
static lines_status read_more(lines *l, problem *why) {
    if (l->in_at == l->in_len) l->in_at = l->in_len = 0;
    for (;;) {
        if (stop_requested()) return LINES_STOPPED;
        ssize_t n = read(l->fd, l->in + l->in_len, READ_SIZE - l->in_len);
        if (n > 0) {
            l->in_len += (size_t)n;
            l->bytes_read += (uint64_t)n;
            return LINES_OK;
        }
        if (n == 0) {
            l->in_eof = true;
            return LINES_OK;
        }
        if (errno == EINTR) continue;
        problem_set(why, "%s: %s", l->name, strerror(errno));
        return LINES_FAILED;
    }
}

/* The first bytes tell whether the file is compressed. */
static lines_status check_magic(lines *l, problem *why) {
    static const unsigned char magic[] = {0x28, 0xB5, 0x2F, 0xFD};
    static const unsigned char byte_order_mark[] = {0xEF, 0xBB, 0xBF};
    while (l->in_len < sizeof magic && !l->in_eof) {
        lines_status status = read_more(l, why);
        if (status != LINES_OK) return status;
    }
    l->checked = true;
    if (l->in_len >= sizeof magic && !memcmp(l->in, magic, sizeof magic)) {
        l->zstd = ZSTD_createDStream();
        if (!l->zstd) {
            problem_set(why, "%s: out of memory for zstd", l->name);
            return LINES_FAILED;
        }
    } else if (l->in_len >= 3 && !memcmp(l->in, byte_order_mark, 3)) {
        l->in_at = 3;
    }
    return LINES_OK;
}

static lines_status decompress(lines *l, problem *why) {
    ZSTD_inBuffer in = {l->in, l->in_len, l->in_at};
    text_reserve(&l->buf, ZSTD_DStreamOutSize());
    ZSTD_outBuffer out = {l->buf.data, l->buf.cap - 1, l->buf.len};
    size_t hint = ZSTD_decompressStream(l->zstd, &out, &in);
    if (ZSTD_isError(hint)) {
        problem_set(why, "%s: line %llu: not valid zstd data: %s", l->name,
                    (unsigned long long)l->number + 1, ZSTD_getErrorName(hint));
        return LINES_FAILED;
    }
    l->frame_open = hint != 0;
    l->in_at = in.pos;
    l->buf.len = out.pos;
    l->buf.data[l->buf.len] = '\0';
    return LINES_OK;
}

/* Append decoded text to `buf`. LINES_END: there is none any more. */
static lines_status fill(lines *l, problem *why) {
    if (!l->checked) {
        lines_status status = check_magic(l, why);
        if (status != LINES_OK) return status;
    }
    if (l->in_at == l->in_len && !l->in_eof) {
        lines_status status = read_more(l, why);
        if (status != LINES_OK) return status;
    }
    if (l->in_at == l->in_len) {
        if (!l->frame_open) return LINES_END;
        problem_set(why, "%s: line %llu: the zstd data ends in the middle of a frame", l->name,
                    (unsigned long long)l->number + 1);
        return LINES_FAILED;
    }
    if (l->zstd) return decompress(l, why);
    text_add(&l->buf, l->in + l->in_at, l->in_len - l->in_at);
    l->in_at = l->in_len;
    return LINES_OK;
}

/* Move what is not yet returned to the front, when that is cheap. */
static void compact(lines *l) {
    if (l->start == 0) return;
    size_t left = l->buf.len - l->start;
    memmove(l->buf.data, l->buf.data + l->start, left + 1);
    l->buf.len = left;
    l->start = 0;
}

lines_status lines_next(lines *l, char **line, size_t *len, problem *why) {
    lines_status status = LINES_OK;
    size_t searched = 0; /* bytes of the line known to hold no line end */
    for (;;) {
        size_t left = l->buf.len - l->start;
        char *begin = l->buf.data ? l->buf.data + l->start : NULL;
        char *end = left > searched ? memchr(begin + searched, '\n', left - searched) : NULL;
        if (!end && status == LINES_END && left > 0) end = begin + left; /* the last, open line */
        if (end) {
            *line = begin;
            *len = (size_t)(end - begin);
            *end = '\0';
            l->start += *len + (status == LINES_END ? 0 : 1);
            l->number++;
            return LINES_OK;
        }
        if (status == LINES_END) return LINES_END;
        if (left > LINES_MAX) {
            problem_set(why, "%s: line %llu is longer than %zu bytes", l->name,
                        (unsigned long long)l->number + 1, LINES_MAX);
            return LINES_FAILED;
        }
        searched = left;
        compact(l);
        status = fill(l, why);
        if (status != LINES_OK && status != LINES_END) return status;
    }
}

bool line_is_blank(const char *line, size_t len) { return strspn(line, " \t\r\f\v") == len; }

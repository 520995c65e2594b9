/* lines.h: lines of a file or of standard input, plain or zstd-compressed, with bounded memory. */
#ifndef SHARDY_CLI_LINES_H
#define SHARDY_CLI_LINES_H

#include <zstd.h>

#include "text.h"

/* Longest line, in bytes. */
#define LINES_MAX ((size_t)1 << 30)

typedef enum lines_status { LINES_OK, LINES_END, LINES_FAILED, LINES_STOPPED } lines_status;

typedef struct lines {
    int fd;
    const char *name; /* for messages; borrowed */
    unsigned char *in;
    size_t in_at, in_len;
    bool in_eof, checked, frame_open;
    ZSTD_DStream *zstd; /* NULL: plain */
    text_buf buf;       /* decoded text: lines from `start` on */
    size_t start;
    uint64_t number;     /* of the line last returned, from 1 */
    uint64_t bytes_read; /* of the file */
    uint64_t file_size;  /* 0: not known */
} lines;

/* Open `path`; "-" or NULL is standard input. */
bool lines_open(lines *l, const char *path, problem *why);
/* The next line, without its end, NUL-terminated behind *len bytes; borrowed until the next call.
 */
lines_status lines_next(lines *l, char **line, size_t *len, problem *why);
void lines_close(lines *l);

/* Whether a line holds only white space. */
bool line_is_blank(const char *line, size_t len);

#endif

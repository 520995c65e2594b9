/* progress.c: the progress bar of a build, and its way to be cancelled. */
#include "progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "stop.h"

enum { BAR_WIDTH = 20 };

double progress_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_init(progress *p, const cli *c, const lines *input) {
    *p = (progress){.begun = progress_clock(), .input = input};
    p->enabled = !c->quiet && isatty(STDERR_FILENO);
}

/* 1234567 -> "1,234,567" */
static void add_grouped(text_buf *buf, uint64_t n) {
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) text_add_char(buf, ',');
        text_add_char(buf, digits[i]);
    }
}

/* How much of the current phase is done, 0 to 1; below 0: not known. */
static double done_part(const progress *p, const shardy_progress *state) {
    if (state->shards_total) return (double)state->shards_built / state->shards_total;
    uint64_t size = p->input->file_size;
    return size ? (double)p->input->bytes_read / (double)size : -1;
}

static void add_bar(text_buf *buf, double part) {
    int full = (int)(part * BAR_WIDTH);
    text_add_char(buf, '[');
    for (int i = 0; i < BAR_WIDTH; i++) text_add_char(buf, i < full ? '#' : '.');
    text_add_str(buf, "] ");
}

static void draw(progress *p, const shardy_progress *state, double now) {
    text_buf line = {0};
    double part = done_part(p, state);
    double since = now - (state->shards_total ? p->finish_begun : p->begun);
    if (part > 1) part = 1;
    if (part >= 0) add_bar(&line, part);
    add_grouped(&line, state->rows_added);
    text_add_str(&line, " rows");
    if (state->shards_total) {
        text_addf(&line, ", %u/%u shards, ", state->shards_built, state->shards_total);
        text_add_size(&line, state->bytes_written);
    }
    if (part > 0 && part < 1 && since > 0.5) {
        double left = since / part - since;
        text_addf(&line, ", ETA %d:%02d", (int)(left / 60), (int)left % 60);
    }
    struct winsize size = {0};
    size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    size_t shown = line.len < columns - 1 ? line.len : columns - 1;
    fprintf(stderr, "\r%.*s\033[K", (int)shown, line.data);
    fflush(stderr);
    p->shown = true;
    text_free(&line);
}

bool progress_update(void *ctx, const shardy_progress *state) {
    progress *p = ctx;
    if (stop_requested()) return false;
    if (!p->enabled) return true;
    double now = progress_clock();
    if (state->shards_total && p->finish_begun == 0) p->finish_begun = now;
    if (now - p->begun > 1) draw(p, state, now);
    return true;
}

void progress_clear(progress *p) {
    if (!p->shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->shown = false;
}

/* progress.h: the progress bar of a build, and its way to be cancelled. */
#ifndef SHARDY_CLI_PROGRESS_H
#define SHARDY_CLI_PROGRESS_H

#include "cli.h"
#include "lines.h"

typedef struct progress {
    bool enabled; /* a terminal is there to see it */
    bool shown;
    double begun, finish_begun; /* seconds; finish_begun 0: rows are still being read */
    const lines *input;
} progress;

/* Seconds of a clock that never goes back. */
double progress_clock(void);
/* Draws on stderr if that is a terminal, not --quiet, and the build takes longer than a second. */
void progress_init(progress *p, const cli *c, const lines *input);
/* A shardy_progress_fn; ctx is the progress. Cancels once a signal was received. */
bool progress_update(void *ctx, const shardy_progress *state);
/* Remove the bar from the screen. */
void progress_clear(progress *p);

#endif

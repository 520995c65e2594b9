/* stop.h: being interrupted (SIGINT, SIGTERM, SIGHUP) without leaving anything half done. */
#ifndef SHARDY_CLI_STOP_H
#define SHARDY_CLI_STOP_H

#include <stdbool.h>

/* From now on the first of these signals only raises the flag; a second one kills. System calls
 * are interrupted. */
void stop_install(void);
bool stop_requested(void);
/* End the process by the signal that was received. Does not return if there was one. */
void stop_raise(void);

#endif

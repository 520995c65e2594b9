/* stop.c: being interrupted without leaving anything half done. */
#include "stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int stop_signal; /* lock-free, so that a handler may store it */

static void on_signal(int number) { atomic_store(&stop_signal, number); }

void stop_install(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old, action = {.sa_handler = on_signal};
        sigemptyset(&action.sa_mask);
        action.sa_flags = (int)SA_RESETHAND; /* no SA_RESTART: a blocked read returns */
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL); /* nohup stays */
    }
}

bool stop_requested(void) { return atomic_load(&stop_signal) != 0; }

void stop_raise(void) {
    int number = atomic_load(&stop_signal);
    if (number == 0) return;
    signal(number, SIG_DFL);
    raise(number);
}

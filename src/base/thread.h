/* thread.h: the few threading tools that the library needs, over pthreads. */
#ifndef SHARDY_BASE_THREAD_H
#define SHARDY_BASE_THREAD_H

#include <pthread.h>

#include "base/error.h"

typedef pthread_mutex_t shardy__mutex;
static inline void shardy__mutex_init(shardy__mutex *m) { pthread_mutex_init(m, NULL); }
static inline void shardy__mutex_destroy(shardy__mutex *m) { pthread_mutex_destroy(m); }
static inline void shardy__mutex_lock(shardy__mutex *m) { pthread_mutex_lock(m); }
static inline void shardy__mutex_unlock(shardy__mutex *m) { pthread_mutex_unlock(m); }

/* Processors that this process may run on, at least 1. */
uint32_t shardy__cpu_count(void);
/* Physical memory of the machine in bytes; 0 if unknown. */
uint64_t shardy__memory_size(void);

/* One unit of work. Tasks that fail do not stop the others unless the caller's own state says so.
 */
typedef void (*shardy__task_fn)(void *ctx, uint32_t index);

/* Run task(ctx, 0 .. n-1) on up to `threads` threads, the caller's included, and wait for all of
 * them. Tasks start in index order. If threads cannot be started the caller's does the work. Never
 * more than SHARDY__THREADS_MAX run, whatever the options of a handle ask for. */
#define SHARDY__THREADS_MAX 1024u
void shardy__parallel_for(uint32_t threads, uint32_t n, shardy__task_fn task, void *ctx);

/* The same for tasks that can fail: after a failure no other task is begun. The result is the
 * failure of the lowest index, whatever the threads did when. */
typedef shardy_status (*shardy__try_fn)(void *ctx, uint32_t index, shardy_error *err);
shardy_status shardy__parallel_try(uint32_t threads, uint32_t n, shardy__try_fn task, void *ctx,
                                   shardy_error *err);

/* How often this process has been created by fork since the library was first used: a handle
 * remembers the value and compares. */
uint32_t shardy__fork_generation(void);

#endif

/* thread.c: parallel loops and the fork counter. */
#include "base/thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"

uint32_t shardy__cpu_count(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int n = CPU_COUNT(&set);
        if (n > 0) return (uint32_t)n;
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

uint64_t shardy__memory_size(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

struct loop {
    _Atomic uint32_t next;
    uint32_t n;
    shardy__task_fn task;
    void *ctx;
};

static void *run_loop(void *arg) {
    struct loop *loop = arg;
    for (;;) {
        uint32_t i = atomic_fetch_add(&loop->next, 1);
        if (i >= loop->n) return NULL;
        loop->task(loop->ctx, i);
    }
}

void shardy__parallel_for(uint32_t threads, uint32_t n, shardy__task_fn task, void *ctx) {
    struct loop loop = {0, n, task, ctx};
    uint32_t started = 0;
    if (threads > n) threads = n;
    if (threads > SHARDY__THREADS_MAX) threads = SHARDY__THREADS_MAX;
    pthread_t *ids = threads > 1 ? shardy__malloc((threads - 1) * sizeof *ids) : NULL;
    while (ids && started + 1 < threads) {
        if (pthread_create(&ids[started], NULL, run_loop, &loop)) break;
        started++;
    }
    run_loop(&loop);
    for (uint32_t i = 0; i < started; i++) pthread_join(ids[i], NULL);
    shardy__free(ids);
}

struct try_loop {
    shardy__try_fn task;
    void *ctx;
    _Atomic uint32_t end; /* tasks from here on are not begun */
    shardy__mutex lock;   /* guards the change of `end` and `failed`, the failure of task `end` */
    shardy_error failed;
};

static void try_task(void *ctx, uint32_t i) {
    struct try_loop *t = ctx;
    shardy_error err = SHARDY_ERROR_INIT;
    if (i >= atomic_load(&t->end)) return;
    shardy_status rc = t->task(t->ctx, i, &err);
    if (!rc) return;
    err.code = rc;
    shardy__mutex_lock(&t->lock);
    if (i < atomic_load(&t->end)) {
        atomic_store(&t->end, i);
        t->failed = err;
    }
    shardy__mutex_unlock(&t->lock);
}

shardy_status shardy__parallel_try(uint32_t threads, uint32_t n, shardy__try_fn task, void *ctx,
                                   shardy_error *err) {
    struct try_loop t = {.task = task, .ctx = ctx, .end = n, .failed = SHARDY_ERROR_INIT};
    shardy__mutex_init(&t.lock);
    shardy__parallel_for(threads, n, try_task, &t);
    shardy__mutex_destroy(&t.lock);
    if (t.failed.code && err) *err = t.failed;
    return t.failed.code;
}

static _Atomic uint32_t fork_generation;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void in_child(void) { atomic_fetch_add(&fork_generation, 1); }
static void register_fork(void) { pthread_atfork(NULL, NULL, in_child); }

uint32_t shardy__fork_generation(void) {
    pthread_once(&fork_once, register_fork);
    return atomic_load_explicit(&fork_generation, memory_order_relaxed);
}

/* fault.c: the counters behind fault.h. */
#include "base/fault.h"

#ifdef SHARDY_FAULTS
#include <stdatomic.h>

static _Atomic int64_t seen[SHARDY__FAULT_KINDS];
static _Atomic int64_t target[SHARDY__FAULT_KINDS];

void shardy__fault_arm(shardy__fault_kind kind, int64_t nth) {
    atomic_store(&target[kind], nth);
    atomic_store(&seen[kind], 0);
}

int64_t shardy__fault_count(shardy__fault_kind kind) { return atomic_load(&seen[kind]); }

bool shardy__fault(shardy__fault_kind kind) {
    int64_t n = atomic_fetch_add(&seen[kind], 1) + 1;
    int64_t t = atomic_load(&target[kind]);
    return t != 0 && n == t;
}
#else
typedef int shardy__fault_unused; /* ISO C wants a declaration */
#endif

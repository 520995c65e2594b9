/* fault.h: make the n-th allocation, store call or ... fail, in builds with SHARDY_FAULTS.
 *
 * Tests loop: fail the 1st, the 2nd, ... until the operation succeeds. Release builds compile the
 * check away.
 */
#ifndef SHARDY_BASE_FAULT_H
#define SHARDY_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum shardy__fault_kind {
    SHARDY__FAULT_ALLOC, /* heap allocation */
    SHARDY__FAULT_STORE, /* call of an object directory, source or sink (io.h) */
    SHARDY__FAULT_KINDS
} shardy__fault_kind;

#ifdef SHARDY_FAULTS
/* Fail the `nth` event (1-based) of `kind` from now on, once; 0 switches off. Counts over all
 * threads. */
void shardy__fault_arm(shardy__fault_kind kind, int64_t nth);
/* Events seen since the last arm. */
int64_t shardy__fault_count(shardy__fault_kind kind);
/* True if this event must fail. */
bool shardy__fault(shardy__fault_kind kind);
#else
static inline bool shardy__fault(shardy__fault_kind kind) {
    (void)kind;
    return false;
}
#endif

#endif

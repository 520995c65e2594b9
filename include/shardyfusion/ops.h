/* ops.h: what an operator does with a prefix. */
#ifndef SHARDYFUSION_OPS_H
#define SHARDYFUSION_OPS_H

#include "shardyfusion/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One finding of verify: `object` is the object's URL, `problem` says what is wrong. Borrowed. */
typedef void (*shardy_problem_fn)(void *ctx, int32_t db_id, const char *object,
                                  const char *problem);

typedef struct shardy_verify_options {
    size_t size;
    const char *current_name; /* default "_CURRENT" */
    uint32_t threads;         /* shards verified at once; default: the machine's cores */
    shardy_problem_fn problem;
    void *problem_ctx;
} shardy_verify_options;

#define SHARDY_VERIFY_OPTIONS_INIT {.size = sizeof(shardy_verify_options)}

typedef struct shardy_verify_report {
    uint32_t shards;   /* non-empty shards looked at */
    uint64_t objects;  /* objects read */
    uint64_t bytes;    /* bytes read */
    uint64_t keys;     /* rows found in key-value stores */
    uint64_t vectors;  /* rows found in vector tables */
    uint64_t problems; /* findings reported */
} shardy_verify_report;

/* Read every object of the current snapshot again: sizes and checksums as recorded, block CRCs, key
 * order, routing of every key, filters that answer for every key, row counts, key ranges, vector
 * rows (finite, right dimension) and index coverage. Goes on after a problem. `options` may be
 * NULL. SHARDY_OK: *report says how many problems there are. Errors are as in shardy_reader_open:
 * what keeps the snapshot from being looked at at all. */
SHARDY_API shardy_status shardy_verify(const char *prefix, const shardy_verify_options *options,
                                       shardy_verify_report *report, shardy_error *err);

#ifdef __cplusplus
}
#endif
#endif

/* bench_util.h: what the benchmark programs share: a clock, percentiles, rows from a file.
 *
 * The programs print one JSON object per line; bench/run.py makes their input and reads their
 * output, and they can be run by hand under a profiler with what `run.py --keep` leaves behind.
 *
 * Row files are a sequence of: u32 key length, u32 value length, key, value (little-endian).
 */
#ifndef SHARDY_BENCH_UTIL_H
#define SHARDY_BENCH_UTIL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shardyfusion/shardyfusion.h"

static inline void bench_fail(const char *what, const char *detail) {
    fprintf(stderr, "%s: %s\n", what, detail);
    exit(1);
}

static inline void bench_check(shardy_status status, const char *what, const shardy_error *err) {
    if (status) bench_fail(what, err->message);
}

static inline uint64_t bench_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline double bench_seconds(uint64_t from, uint64_t to) { return (double)(to - from) / 1e9; }

/* Processor time of all threads of this process. */
static inline uint64_t bench_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The most memory that this process has held at once; 0 if unknown. (getrusage would count what the
 * process was forked from, too.) */
static inline double bench_peak_rss_mb(void) {
    char line[256];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (!strncmp(line, "VmHWM:", 6)) kib = strtoul(line + 6, NULL, 10);
    }
    if (f) fclose(f);
    return (double)kib / 1024;
}

static inline void *bench_alloc(size_t bytes) {
    void *p = malloc(bytes ? bytes : 1);
    if (!p) bench_fail("bench", "out of memory");
    return p;
}

static inline uint8_t *bench_load(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) bench_fail(path, "cannot be read");
    long size = ftell(f);
    if (size < 0) bench_fail(path, "has no size");
    rewind(f);
    uint8_t *data = bench_alloc((size_t)size);
    if (fread(data, 1, (size_t)size, f) != (size_t)size) bench_fail(path, "cannot be read");
    fclose(f);
    *len = (size_t)size;
    return data;
}

typedef struct bench_rows {
    uint8_t *data;
    size_t n, bytes; /* of keys and values */
    shardy_slice *keys, *values;
} bench_rows;

static inline bench_rows bench_load_rows(const char *path) {
    size_t len, at = 0, cap = 1024;
    bench_rows rows = {.data = bench_load(path, &len)};
    rows.keys = bench_alloc(cap * sizeof *rows.keys);
    rows.values = bench_alloc(cap * sizeof *rows.values);
    while (len - at >= 8) {
        uint32_t sizes[2];
        memcpy(sizes, rows.data + at, sizeof sizes);
        at += sizeof sizes;
        if ((uint64_t)sizes[0] + sizes[1] > len - at) bench_fail(path, "is cut");
        if (rows.n == cap) {
            cap *= 2;
            rows.keys = realloc(rows.keys, cap * sizeof *rows.keys);
            rows.values = realloc(rows.values, cap * sizeof *rows.values);
            if (!rows.keys || !rows.values) bench_fail("bench", "out of memory");
        }
        rows.keys[rows.n] = (shardy_slice){rows.data + at, sizes[0]};
        rows.values[rows.n++] = (shardy_slice){rows.data + at + sizes[0], sizes[1]};
        at += (size_t)sizes[0] + sizes[1];
        rows.bytes += (size_t)sizes[0] + sizes[1];
    }
    if (!rows.n) bench_fail(path, "has no rows");
    return rows;
}

static inline void bench_free_rows(bench_rows *rows) {
    free(rows->data);
    free(rows->keys);
    free(rows->values);
}

static inline int bench_compare_ns(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts the samples and prints `"name": {...}` with percentiles in microseconds. */
static inline void bench_print_latency(const char *name, uint64_t *ns, size_t n) {
    double sum = 0;
    qsort(ns, n, sizeof *ns, bench_compare_ns);
    for (size_t i = 0; i < n; i++) sum += (double)ns[i];
    printf("\"%s\": {\"p50_us\": %.3f, \"p99_us\": %.3f, \"mean_us\": %.3f, \"n\": %zu}", name,
           (double)ns[n / 2] / 1e3, (double)ns[n * 99 / 100] / 1e3, sum / (double)n / 1e3, n);
}

static inline uint32_t bench_number(const char *text) {
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (*end || !*text || v > UINT32_MAX) bench_fail(text, "is not a number");
    return (uint32_t)v;
}

#endif

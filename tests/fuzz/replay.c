/* replay.c: runs a fuzz target as a plain test: over its corpus, and over mutations of the corpus
 * that are the same in every run.
 *
 * A target tests/fuzz/fuzz_X.c defines LLVMFuzzerTestOneInput; its corpus is tests/fuzz/corpus/X/.
 * SHARDY_FUZZ_ROUNDS=n sets the number of mutations per file (default 200), SHARDY_FUZZ_SHOW=1
 * prints each one before it runs, so that the last line names the one that crashed.
 */
#include <dirent.h>
#include <errno.h>

#include "base/clock.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FILES 500
#define DEFAULT_ROUNDS 200
#define EVERY_LENGTH 1500 /* files up to this size are also cut at every length */
#define ROOM 64           /* bytes that a mutation may add */

static bool show;

/* In an allocation of exactly this size, so that the address sanitizer sees a byte too many. */
static void run_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    CHECK(copy);
    if (size) memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* ---- the corpus ---- */

typedef struct corpus {
    char *names[MAX_FILES]; /* sorted, so that runs are alike */
    size_t n;
    char dir[3000];
} corpus;

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void open_corpus(corpus *c) {
    const char *target = program_invocation_short_name;
    CHECK(!strncmp(target, "fuzz_", 5));
    char relative[200];
    snprintf(relative, sizeof relative, "tests/fuzz/corpus/%s", target + 5);
    snprintf(c->dir, sizeof c->dir, "%s", test_source_path(relative));
    DIR *d = opendir(c->dir);
    if (!d) test_fail(__FILE__, __LINE__, "%s: %s", c->dir, strerror(errno));
    c->n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        CHECK(c->n < MAX_FILES);
        c->names[c->n] = strdup(e->d_name);
        CHECK(c->names[c->n++]);
    }
    closedir(d);
    CHECK(c->n > 0);
    qsort(c->names, c->n, sizeof *c->names, by_name);
    show = getenv("SHARDY_FUZZ_SHOW") != NULL;
}

static uint8_t *read_entry(const corpus *c, size_t i, size_t *len) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", c->dir, c->names[i]);
    return test_read_file(path, len);
}

static void close_corpus(corpus *c) {
    for (size_t i = 0; i < c->n; i++) free(c->names[i]);
}

/* ---- mutations ---- */

static size_t below(shardy__rng *rng, size_t n) { return (size_t)shardy__rng_below(rng, n); }

/* Change `data`, which holds `len` bytes and room for ROOM more; returns the new length. */
static size_t mutate_once(shardy__rng *rng, uint8_t *data, size_t len) {
    static const uint64_t numbers[] = {
        0,          1,           0x7f,      0x80,       0xff, 0x7fff,  0xffff,         0x7fffffff,
        0x80000000, 0xffffffffu, INT64_MAX, UINT64_MAX, 4096, 0x10000, 1u << 20 | 0xf, 3};
    if (len == 0) {
        data[0] = (uint8_t)shardy__rng_next(rng);
        return 1;
    }
    size_t at = below(rng, len), run = 1 + below(rng, len - at < ROOM / 4 ? len - at : ROOM / 4);
    switch (below(rng, 8)) {
        case 0:
            data[at] ^= (uint8_t)(1u << below(rng, 8));
            return len;
        case 1:
            data[at] = (uint8_t)shardy__rng_next(rng);
            return len;
        case 2:
            data[at] = (uint8_t)(data[at] + 1 - 2 * below(rng, 2));
            return len;
        case 3:
            return at; /* cut */
        case 4:        /* remove */
            memmove(data + at, data + at + run, len - at - run);
            return len - run;
        case 5: /* repeat */
            memmove(data + at + run, data + at, len - at);
            return len + run;
        case 6: /* copy from elsewhere */
            memmove(data + at, data + below(rng, len - run + 1), run);
            return len;
        default: { /* a number that is often an edge */
            uint64_t v = numbers[below(rng, sizeof numbers / sizeof *numbers)];
            size_t width = (size_t)1 << below(rng, 4);
            if (below(rng, 2)) v = __builtin_bswap64(v) >> (64 - 8 * width);
            memcpy(data + at, &v, width < len - at ? width : len - at);
            return len;
        }
    }
}

static void run_mutations(const char *name, const uint8_t *data, size_t len, long rounds,
                          shardy__rng *rng) {
    enum { STACKED = 4 };
    uint8_t *work = malloc(len + STACKED * ROOM);
    CHECK(work);
    for (long round = 0; round < rounds; round++) {
        size_t n = len;
        memcpy(work, data, len);
        for (size_t k = 1 + below(rng, STACKED); k; k--) n = mutate_once(rng, work, n);
        if (show) fprintf(stderr, "%s: round %ld, %zu bytes\n", name, round, n);
        run_copy(work, n);
    }
    free(work);
}

/* ---- tests ---- */

TEST_TIMEOUT(corpus, 300) {
    corpus c;
    open_corpus(&c);
    run_copy(NULL, 0);
    for (size_t i = 0; i < c.n; i++) {
        size_t len;
        uint8_t *data = read_entry(&c, i, &len);
        if (show) fprintf(stderr, "%s: %zu bytes\n", c.names[i], len);
        run_copy(data, len);
        free(data);
    }
    close_corpus(&c);
}

TEST_TIMEOUT(cut_at_every_length, 300) {
    corpus c;
    open_corpus(&c);
    for (size_t i = 0; i < c.n; i++) {
        size_t len;
        uint8_t *data = read_entry(&c, i, &len);
        for (size_t cut = 0; len <= EVERY_LENGTH && cut < len; cut++) {
            if (show) fprintf(stderr, "%s: cut at %zu\n", c.names[i], cut);
            run_copy(data, cut);
        }
        free(data);
    }
    close_corpus(&c);
}

TEST_TIMEOUT(mutations, 1800) {
    corpus c;
    const char *wanted = getenv("SHARDY_FUZZ_ROUNDS");
    long rounds = wanted ? strtol(wanted, NULL, 10) : DEFAULT_ROUNDS;
    open_corpus(&c);
    for (size_t i = 0; i < c.n; i++) {
        shardy__rng rng;
        size_t len;
        uint8_t *data = read_entry(&c, i, &len);
        shardy__rng_seed(&rng, 1 + i);
        run_mutations(c.names[i], data, len, rounds, &rng);
        free(data);
    }
    close_corpus(&c);
}

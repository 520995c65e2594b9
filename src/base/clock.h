/* clock.h: time and random numbers; nobody else asks the system for them. */
#ifndef SHARDY_BASE_CLOCK_H
#define SHARDY_BASE_CLOCK_H

#include "base/error.h"

uint64_t shardy__monotonic_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
uint64_t shardy__wall_ns(void);
void shardy__sleep_ns(uint64_t ns);

/* "2026-01-02T03:04:05.678900Z", always 27 characters; with `compact` the fraction is left out when
 * it is zero (as pydantic writes it). */
#define SHARDY__TIME_MAX 40
const char *shardy__time_text(char out[SHARDY__TIME_MAX], uint64_t wall_ns, bool compact);

/* Unpredictable bytes from the kernel. */
shardy_status shardy__random(void *out, size_t len, shardy_error *err);

/* Version-4 UUID as 16 bytes in display order, and its texts. */
shardy_status shardy__uuid4(uint8_t out[16], shardy_error *err);
const char *shardy__uuid_hex(char out[33], const uint8_t uuid[16]);
const char *shardy__uuid_dashed(char out[37], const uint8_t uuid[16]);

/* Small deterministic generator (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64) for
 * sampling and k-means. */
typedef struct shardy__rng {
    uint64_t s[4];
} shardy__rng;
void shardy__rng_seed(shardy__rng *rng, uint64_t seed);
uint64_t shardy__rng_next(shardy__rng *rng);
/* Uniform in [0, n), n > 0. */
uint64_t shardy__rng_below(shardy__rng *rng, uint64_t n);
/* Uniform in [0, 1). */
double shardy__rng_double(shardy__rng *rng);

#endif

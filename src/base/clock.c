/* clock.c: see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static uint64_t now(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t shardy__monotonic_ns(void) { return now(CLOCK_MONOTONIC); }
uint64_t shardy__wall_ns(void) { return now(CLOCK_REALTIME); }

void shardy__sleep_ns(uint64_t ns) {
    struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

const char *shardy__time_text(char out[SHARDY__TIME_MAX], uint64_t wall_ns, bool compact) {
    time_t s = (time_t)(wall_ns / 1000000000u);
    unsigned us = (unsigned)(wall_ns % 1000000000u / 1000u);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(out, SHARDY__TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    if (us || !compact) n += (size_t)snprintf(out + n, SHARDY__TIME_MAX - n, ".%06u", us);
    snprintf(out + n, SHARDY__TIME_MAX - n, "Z");
    return out;
}

shardy_status shardy__random(void *out, size_t len, shardy_error *err) {
    uint8_t *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return shardy__fail_os(err, errno, "random bytes");
        p += n;
        len -= (size_t)n;
    }
    return SHARDY_OK;
}

shardy_status shardy__uuid4(uint8_t out[16], shardy_error *err) {
    SHARDY_TRY(shardy__random(out, 16, err));
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x40);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
    return SHARDY_OK;
}

const char *shardy__uuid_hex(char out[33], const uint8_t uuid[16]) {
    for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", uuid[i]);
    return out;
}

const char *shardy__uuid_dashed(char out[37], const uint8_t uuid[16]) {
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
        snprintf(p, 3, "%02x", uuid[i]);
        p += 2;
    }
    return out;
}

static uint64_t splitmix64(uint64_t *x) {
    uint64_t z = (*x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void shardy__rng_seed(shardy__rng *rng, uint64_t seed) {
    for (int i = 0; i < 4; i++) rng->s[i] = splitmix64(&seed);
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t shardy__rng_next(shardy__rng *rng) {
    uint64_t *s = rng->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t shardy__rng_below(shardy__rng *rng, uint64_t n) {
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do {
        x = shardy__rng_next(rng);
    } while (x >= limit);
    return x % n;
}

double shardy__rng_double(shardy__rng *rng) {
    return (double)(shardy__rng_next(rng) >> 11) * 0x1.0p-53;
}

/* test.h: the test harness.
 *
 * A test file defines tests with TEST(name) { ... } and nothing else; its executable (made by
 * tests/CMakeLists.txt) runs each test in a process of its own with a time-out and ends with one
 * line "N passed, N failed, N skipped". Arguments: names of tests to run (default all); --list.
 *
 * Checks print both values and end the test. Work that leaks fails under the asan preset.
 */
#ifndef SHARDY_TEST_H
#define SHARDY_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shardyfusion/status.h"

void test_register(const char *name, void (*fn)(void), unsigned timeout_s);
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *reason);

#define TEST_TIMEOUT(name, seconds)                                       \
    static void test_##name(void);                                        \
    __attribute__((constructor)) static void test_register_##name(void) { \
        test_register(#name, test_##name, seconds);                       \
    }                                                                     \
    static void test_##name(void)
#define TEST(name) TEST_TIMEOUT(name, 60)

#define CHECK(cond)                                                       \
    do {                                                                  \
        if (!(cond)) test_fail(__FILE__, __LINE__, "%s is false", #cond); \
    } while (0)
#define CHECK_INT(a, b)                                                                     \
    do {                                                                                    \
        long long test_a = (long long)(a), test_b = (long long)(b);                         \
        if (test_a != test_b)                                                               \
            test_fail(__FILE__, __LINE__, "%s is %lld, expected %s = %lld", #a, test_a, #b, \
                      test_b);                                                              \
    } while (0)
#define CHECK_HEX(a, b)                                                                        \
    do {                                                                                       \
        unsigned long long test_a = (unsigned long long)(a), test_b = (unsigned long long)(b); \
        if (test_a != test_b)                                                                  \
            test_fail(__FILE__, __LINE__, "%s is %llx, expected %s = %llx", #a, test_a, #b,    \
                      test_b);                                                                 \
    } while (0)
#define CHECK_STR(a, b)                                                        \
    do {                                                                       \
        const char *test_a = (a), *test_b = (b);                               \
        if (!test_a || !test_b || strcmp(test_a, test_b))                      \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #a, \
                      test_a ? test_a : "(null)", test_b ? test_b : "(null)"); \
    } while (0)
#define CHECK_CONTAINS(a, part)                                                              \
    do {                                                                                     \
        const char *test_a = (a), *test_b = (part);                                          \
        if (!test_a || !strstr(test_a, test_b))                                              \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", expected it to contain \"%s\"", #a, \
                      test_a ? test_a : "(null)", test_b);                                   \
    } while (0)
#define CHECK_MEM(a, a_len, b, b_len)                                                           \
    do {                                                                                        \
        CHECK_INT(a_len, b_len);                                                                \
        const uint8_t *test_p = (const void *)(a), *test_q = (const void *)(b);                 \
        for (size_t test_i = 0; test_i < (size_t)(b_len); test_i++)                             \
            if (test_p[test_i] != test_q[test_i])                                               \
                test_fail(__FILE__, __LINE__, "%s differs from %s at byte %zu: %02x, not %02x", \
                          #a, #b, test_i, test_p[test_i], test_q[test_i]);                      \
    } while (0)
/* The call succeeds; `err` is the shardy_error that it was given. */
#define CHECK_OK(call, err)                                                                 \
    do {                                                                                    \
        shardy_status test_rc = (call);                                                     \
        if (test_rc != SHARDY_OK)                                                           \
            test_fail(__FILE__, __LINE__, "%s: %s: %s", #call, shardy_status_name(test_rc), \
                      (err).message);                                                       \
    } while (0)
/* The call fails with `code`. */
#define CHECK_FAILS(call, expected)                                               \
    do {                                                                          \
        shardy_status test_rc = (call);                                           \
        if (test_rc != (expected))                                                \
            test_fail(__FILE__, __LINE__, "%s is %s, expected %s", #call,         \
                      shardy_status_name(test_rc), shardy_status_name(expected)); \
    } while (0)

/* A fresh directory, removed with its contents when the test ends. Static storage. */
const char *test_tmpdir(void);
/* A whole file of the source tree; owned, freed with free(). *len may be NULL. Fails if absent. */
uint8_t *test_read_file(const char *path, size_t *len);
/* A path below the source tree's root. Static storage, valid until the next call. */
const char *test_source_path(const char *relative);

#endif

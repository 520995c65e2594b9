/* vec_kernels.c: which level of kernels this process uses. */
#include "vec/vec_kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shardyfusion/shardyfusion.h"

/* Best first. */
static const shardy__vec_level *const levels[] = {
#if defined(__x86_64__)
    &shardy__vec_avx512,
    &shardy__vec_avx2,
#elif defined(__aarch64__)
    &shardy__vec_neon,
#endif
    &shardy__vec_portable,
};

static const shardy__vec_level *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

const shardy__vec_level *shardy__vec_level_at(uint32_t i) {
    for (size_t at = 0; at < sizeof levels / sizeof *levels; at++) {
        if (levels[at]->available() && i-- == 0) return levels[at];
    }
    return NULL;
}

static void choose(void) {
    const char *wanted = getenv("SHARDY_SIMD");
    const shardy__vec_level *level;
    chosen = shardy__vec_level_at(0);
    for (uint32_t i = 0; wanted && (level = shardy__vec_level_at(i)) != NULL; i++) {
        if (!strcmp(level->kernels.name, wanted)) chosen = level;
    }
}

const shardy__vec_level *shardy__vec_level_get(void) {
    pthread_once(&once, choose);
    return chosen;
}

const shardy__vec_kernels *shardy__vec_kernels_get(void) {
    return &shardy__vec_level_get()->kernels;
}

const char *shardy_simd_level(void) { return shardy__vec_kernels_get()->name; }

/* 03_search.c: the nearest neighbours of a vector.
 *
 *     example_search [PREFIX]        (default ./example-snapshot, which 01_build.c makes)
 */
#include <stdio.h>

#include "shardyfusion/shardyfusion.h"

int main(int argc, char **argv) {
    static const float query[3] = {1.0f, 0.0f, 0.1f};
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_reader *reader = NULL;
    shardy_search_result *result = NULL;

    shardy_search_options options = SHARDY_SEARCH_OPTIONS_INIT;
    options.top_k = 2;

    const char *prefix = argc > 1 ? argv[1] : "example-snapshot";
    shardy_status status = shardy_reader_open(prefix, NULL, &reader, &err);
    if (status == SHARDY_OK) {
        status = shardy_reader_search(reader, query, 3, &options, &result, &err);
    }
    if (status == SHARDY_OK) {
        for (size_t i = 0; i < result->n_hits; i++) {
            const shardy_hit *hit = &result->hits[i];
            printf("%.6f  %.*s  %.*s\n", hit->score, (int)hit->id.len, (const char *)hit->id.data,
                   (int)hit->payload.len, (const char *)hit->payload.data);
        }
    } else {
        fprintf(stderr, "%s: %s\n", shardy_status_name(status), err.message);
    }
    shardy_search_result_free(result);
    shardy_reader_close(reader);
    return status == SHARDY_OK ? 0 : 1;
}

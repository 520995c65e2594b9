/* 01_build.c: build a snapshot of a few rows with values and vectors, and publish it.
 *
 *     example_build [PREFIX]        (default ./example-snapshot)
 */
#include <stdio.h>
#include <string.h>

#include "shardyfusion/shardyfusion.h"

static const struct {
    const char *id, *value, *payload;
    float vector[3];
} fruits[] = {
    {"apple", "grows on trees", "{\"colour\": \"red\"}", {0.9f, 0.1f, 0.0f}},
    {"banana", "grows on herbs", "{\"colour\": \"yellow\"}", {0.2f, 0.9f, 0.1f}},
    {"cherry", "has a stone", "{\"colour\": \"red\"}", {0.8f, 0.0f, 0.3f}},
    {"lemon", "is sour", "{\"colour\": \"yellow\"}", {0.1f, 0.9f, 0.3f}},
};

int main(int argc, char **argv) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_writer *writer = NULL;
    shardy_build_result *result = NULL;

    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    spec.dim = 3;
    spec.metric = SHARDY_METRIC_COSINE;
    spec.index_type = SHARDY_INDEX_FLAT;

    shardy_writer_options options = SHARDY_WRITER_OPTIONS_INIT;
    options.prefix = argc > 1 ? argv[1] : "example-snapshot";
    options.num_dbs = 2;
    options.vector = &spec;

    shardy_status status = shardy_writer_open(&options, &writer, &err);
    for (size_t i = 0; status == SHARDY_OK && i < sizeof fruits / sizeof fruits[0]; i++) {
        shardy_row row = SHARDY_ROW_INIT;
        row.key = shardy_key_str(fruits[i].id, strlen(fruits[i].id));
        row.value = (shardy_slice){fruits[i].value, strlen(fruits[i].value)};
        row.vector = fruits[i].vector;
        row.vector_len = 3;
        row.payload = (shardy_slice){fruits[i].payload, strlen(fruits[i].payload)};
        status = shardy_writer_add(writer, &row, &err); /* everything is copied */
    }
    /* Nothing is visible before this; from then on the whole snapshot is. */
    if (status == SHARDY_OK) status = shardy_writer_finish(writer, &result, &err);

    if (status == SHARDY_OK) {
        printf("published %llu rows in %u shards: %s\n", (unsigned long long)result->rows_written,
               result->n_shards, result->snapshot.manifest_ref);
    } else {
        fprintf(stderr, "%s: %s\n", shardy_status_name(status), err.message);
    }
    shardy_build_result_free(result);
    shardy_writer_close(writer);
    return status == SHARDY_OK ? 0 : 1;
}

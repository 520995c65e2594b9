/* fuzz_snapshot_custom.c: custom manifest fields as callers give them. The result must be a fixed
 * point: canonical JSON that merges into itself. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "snapshot/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) abort();
}

/* Read and written once more, the text stays as it is. */
static void expect_canonical(const char *text) {
    json_t *value = NULL;
    shardy__buf out = {0};
    size_t len = strlen(text);
    expect(!shardy__json_parse("custom", text, len, JSON_REJECT_DUPLICATES, SHARDY_E_CONFIG, &value,
                               NULL));
    expect(shardy__json_put(&out, value, NULL) == SHARDY_OK);
    expect(out.len == len && !memcmp(out.data, text, len));
    shardy__buf_free(&out);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    shardy__custom in = {0};
    char *out = NULL, *text = shardy__strndup((const char *)data, size);
    expect(text != NULL);
    spec.dim = 4;
    in.user_json = text;
    in.spec = size % 2 ? &spec : NULL;
    shardy_status rc = shardy__custom_json(&in, &out, &err);
    expect(rc == SHARDY_OK || rc == SHARDY_E_CONFIG);
    if (!rc) expect_canonical(out);
    shardy__free(out);
    shardy__free(text);
    return 0;
}

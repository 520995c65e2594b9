/* fuzz_snapshot_current.c: `_CURRENT` pointers from anywhere. What is accepted must survive being
 * written and read again, and its reference must stay below the prefix. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "snapshot/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__current c, again;
    shardy__buf json = {0};
    char *name = NULL;
    if (shardy__current_decode(data, size, &c, &err)) {
        expect(strstr(err.message, "CURRENT pointer validation failed") != NULL);
        return 0;
    }
    expect(shardy__current_encode(&c, &json, &err) == SHARDY_OK);
    expect(shardy__current_decode(json.data, json.len, &again, &err) == SHARDY_OK);
    expect(!strcmp(c.manifest_ref, again.manifest_ref) && !strcmp(c.run_id, again.run_id) &&
           !strcmp(c.updated_at, again.updated_at));
    if (shardy__relative_ref(c.manifest_ref, NULL, &name, &err) == SHARDY_OK) {
        expect(!strncmp(name, "manifests/", 10) && !strstr(name, "/../"));
    }
    shardy__free(name);
    shardy__buf_free(&json);
    shardy__current_free(&again);
    shardy__current_free(&c);
    return 0;
}

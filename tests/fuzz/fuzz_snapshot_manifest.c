/* fuzz_snapshot_manifest.c: SQLite images from anywhere. What is accepted must obey the rules of a
 * manifest and survive being written and read again. */
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m, again;
    shardy__buf image = {0};
    shardy_status rc = shardy__manifest_decode(data, size, &m, &err);
    if (rc) {
        expect(rc == SHARDY_E_MANIFEST_PARSE || rc == SHARDY_E_UNSUPPORTED);
        expect(err.message[0] != 0);
        return 0;
    }
    shardy_snapshot_info info;
    shardy__manifest_info(&m, "ref", NULL, &info);
    expect(info.num_shards <= info.num_dbs);
    expect(shardy__manifest_encode(&m, &image, &err) == SHARDY_OK);
    expect(shardy__manifest_decode(image.data, image.len, &again, &err) == SHARDY_OK);
    expect(again.n_shards == m.n_shards && again.n_objects == m.n_objects);
    expect(!strcmp(again.custom_json, m.custom_json));
    shardy__buf_free(&image);
    shardy__manifest_free(&again);
    shardy__manifest_free(&m);
    return 0;
}

/* fuzz_slatedb_block.c: data blocks from anywhere. In a block that passes its check, walking and
 * finding agree on every row. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "slatedb/slatedb_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) abort();
}

static shardy_slice find(const shardy__sdb_block *block, const void *key, size_t len) {
    shardy_slice k = {key, len};
    return shardy__sdb_span_find(shardy__sdb_block_span(block, k), k);
}

static void check_rows(const shardy__sdb_block *block) {
    shardy__sdb_walk w;
    uint8_t *before = NULL;
    size_t before_len = 0;
    shardy__sdb_step step;
    shardy__sdb_walk_init(&w);
    shardy__sdb_walk_start(&w, block);
    while ((step = shardy__sdb_walk_next(&w)) == SHARDY__SDB_ROW) {
        expect(shardy__slice_cmp(before, before_len, w.key, w.key_len) < 0);
        shardy_slice value = find(block, w.key, w.key_len);
        expect(value.data == w.row.value && value.len == w.row.value_len);
        free(before);
        before_len = w.key_len;
        before = malloc(before_len + 1);
        expect(before != NULL);
        memcpy(before, w.key, before_len);
        before[before_len] =
            0; /* the smallest key behind this one: there only if it is the next row */
        value = find(block, before, before_len + 1);
        expect(!value.data || (const uint8_t *)value.data > w.row.value);
    }
    expect(step == SHARDY__SDB_END);
    free(before);
    shardy__sdb_walk_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t high[1 << 16];
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_block block;
    if (shardy__sdb_block_open(data, size, &block)) return 0;
    memset(high, 0xff, sizeof high);
    shardy__sdb_bounds bounds = {.low = {"", 0}, .high = {high, sizeof high}, .max_seq = 1000};
    shardy_status rc = shardy__sdb_block_check(&block, &bounds, &err);
    if (rc) {
        expect(rc == SHARDY_E_CORRUPT || rc == SHARDY_E_UNSUPPORTED);
        return 0;
    }
    check_rows(&block);
    return 0;
}

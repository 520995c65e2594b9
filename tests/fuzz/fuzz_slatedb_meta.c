/* fuzz_slatedb_meta.c: the other parts of an SST from anywhere. The first byte says which: 0 index,
 * 1 stats, 2 info, 3 and 4 filter (composite, legacy), 5 a zstd frame. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "slatedb/slatedb_codec.h"
#include "slatedb/slatedb_filter.h"
#include "slatedb/slatedb_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) abort();
}

static void fuzz_index(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_info info = {.first = {"a", 1}, .last = {"zzzz", 4}, .index_offset = 1u << 31};
    shardy__sdb_index index;
    shardy_status rc = shardy__sdb_parse_index(data, size, &info, "fuzz://sst", &index, &err);
    if (rc) {
        expect(rc == SHARDY_E_CORRUPT || rc == SHARDY_E_UNSUPPORTED);
        return;
    }
    expect(index.n > 0 && index.offsets[0] == 0 && index.offsets[index.n] == info.index_offset);
    for (uint32_t i = 0; i < index.n; i++) {
        expect(index.offsets[i] < index.offsets[i + 1]);
        shardy_slice key = shardy__sdb_index_key(&index, i);
        if (i) expect(shardy__sdb_index_find(&index, key) == i);
    }
    expect(shardy__sdb_index_find(&index, info.last) == index.n - 1);
    expect(shardy__sdb_index_find(&index, info.first) == 0);
    shardy__sdb_index_free(&index);
}

static void fuzz_stats(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_stats_view stats;
    if (shardy__sdb_parse_stats(data, size, "fuzz://sst", &stats, &err)) return;
    for (uint32_t i = 0; stats.each && i < stats.blocks.count; i++) {
        expect(shardy__sdb_stats_rows(&stats, i) <= UINT16_MAX);
    }
}

static void fuzz_info(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_info info, again;
    shardy__buf b = {0};
    if (shardy__sdb_parse_info(data, size, "fuzz://sst", &info, &err)) return;
    shardy__sdb_put_info(&b, &info);
    expect(!shardy__sdb_parse_info(b.data, b.len, "fuzz://sst", &again, &err));
    expect(shardy__sdb_info_equal(&info, &again));
    shardy__buf_free(&b);
}

static void fuzz_filter(const uint8_t *data, size_t size, uint8_t format) {
    shardy__sdb_filter filter;
    if (shardy__sdb_filter_parse(&filter, data, size, format)) return;
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t hash = shardy__sdb_hash(&i, sizeof i);
        shardy__sdb_filter_prefetch(&filter, hash);
        (void)shardy__sdb_filter_may_hold(&filter, hash);
    }
}

static void fuzz_frame(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_decoders *decoders;
    shardy__buf plain = {0};
    expect(!shardy__sdb_decoders_open(&decoders, &err));
    shardy_status rc = shardy__sdb_decode(decoders, data, size, &plain, &err);
    expect(rc == SHARDY_OK || rc == SHARDY_E_CORRUPT || rc == SHARDY_E_NO_MEMORY);
    shardy__buf_free(&plain);
    shardy__sdb_decoders_close(decoders);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    switch (data[0]) {
        case 0:
            fuzz_index(data + 1, size - 1);
            break;
        case 1:
            fuzz_stats(data + 1, size - 1);
            break;
        case 2:
            fuzz_info(data + 1, size - 1);
            break;
        case 3:
            fuzz_filter(data + 1, size - 1, SHARDY__SDB_FILTER_COMPOSITE);
            break;
        case 4:
            fuzz_filter(data + 1, size - 1, SHARDY__SDB_FILTER_LEGACY);
            break;
        case 5:
            fuzz_frame(data + 1, size - 1);
            break;
        default:
            break;
    }
    return 0;
}

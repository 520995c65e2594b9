/* fuzz_slatedb_manifest.c: database manifests from anywhere. What is accepted is sorted runs of
 * SSTs in order, each SST in one of them, and can be written again. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "slatedb/slatedb_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) abort();
}

static int compare(shardy_slice a, shardy_slice b) {
    return shardy__slice_cmp(a.data, a.len, b.data, b.len);
}

static void check_runs(const shardy__sdb_manifest *m) {
    size_t at = 0;
    for (size_t r = 0; r < m->n_runs; r++) {
        expect(m->runs[r].begin == at && m->runs[r].end > at);
        at = m->runs[r].end;
        for (size_t i = m->runs[r].begin; i < at; i++) {
            const shardy__sdb_info *info = &m->tables[i].info;
            expect(info->first.len > 0 && compare(info->first, info->last) <= 0);
            expect(i == m->runs[r].begin || compare(m->tables[i - 1].info.last, info->first) < 0);
        }
    }
    expect(at == m->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__sdb_manifest m, again;
    shardy_status rc = shardy__sdb_parse_manifest(data, size, "fuzz://manifest", &m, &err);
    if (rc) {
        expect(rc == SHARDY_E_CORRUPT || rc == SHARDY_E_UNSUPPORTED);
        expect(strstr(err.message, "fuzz://manifest") != NULL);
        return 0;
    }
    check_runs(&m);
    shardy__buf b = {0};
    shardy__sdb_checkpoint checkpoint = {m.has_checkpoint ? m.checkpoint : NULL,
                                         m.checkpoint_created};
    if (m.n_runs < 2 &&
        !shardy__sdb_put_manifest(&b, m.tables, m.n, m.last_seq, checkpoint, NULL)) {
        expect(!shardy__sdb_parse_manifest(b.data, b.len, "fuzz://again", &again, &err));
        expect(again.n == m.n && again.last_seq == m.last_seq);
        for (size_t i = 0; i < m.n; i++) {
            expect(shardy__sdb_info_equal(&m.tables[i].info, &again.tables[i].info));
        }
        shardy__sdb_manifest_free(&again);
    }
    shardy__buf_free(&b);
    shardy__sdb_manifest_free(&m);
    return 0;
}

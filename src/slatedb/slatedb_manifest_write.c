/* slatedb_manifest_write.c: the manifest object of a database that is one sorted run.
 *
 * Layout (positions in the flatbuffer, which begins behind the two bytes of version): vtables, the
 * ManifestV2 table at 112, one empty vector that serves as l0, the vectors of SSTs, runs, views and
 * checkpoints, the checkpoint, then one record per SST: CompactedSsTableV2, CompactedSsTableView,
 * Ulid, SsTableInfo, first and last key. Tables with 64-bit fields lie at multiples of 8. The
 * schema is manifest.fbs of slatedb 0.18.0.
 */
#include "base/bytes.h"
#include "slatedb/slatedb_meta.h"

static const uint16_t ulid_vtable[4] = {8, 24, 8, 16}; /* also Uuid */
static const uint16_t sst_vtable[5] = {10, 16, 4, 8, 12};
static const uint16_t view_vtable[4] = {8, 12, 4, 8};
static const uint16_t run_vtable[4] = {8, 12, 4, 8};
static const uint16_t checkpoint_vtable[6] = {12, 24, 4, 8, 16, 20};
static const uint16_t manifest_vtable[16] = {32, 80, 24, 0, 20, 32, 40, 48,
                                             56, 0,  4,  8, 12, 64, 16, 72};

/* Positions of the vtables and of what has a fixed place. */
enum {
    AT_INFO_VT = 4,
    AT_ULID_VT = 30,
    AT_SST_VT = 38,
    AT_VIEW_VT = 48,
    AT_RUN_VT = 56,
    AT_CHECKPOINT_VT = 64,
    AT_MANIFEST_VT = 76,
    AT_MANIFEST = 112,
    AT_EMPTY = 192,
    AT_SSTS = 200,
    CHECKPOINT_LEN = 48,
    RECORD_HEAD = 120 /* of an SST's record, in front of its keys */
};

struct layout {
    size_t n, runs, views, checkpoints, first_checkpoint, first_record, end;
};

static size_t record_size(const shardy__sdb_info *info) {
    return RECORD_HEAD +
           shardy__sdb_align(
               shardy__sdb_bytes_size(info->first.len) + shardy__sdb_bytes_size(info->last.len), 8);
}

static struct layout lay_out(const shardy__sdb_table *tables, size_t n, bool checkpoint) {
    struct layout at = {.n = n};
    at.runs = AT_SSTS + 4 + 4 * n;
    at.views = at.runs + 20;
    at.checkpoints = n ? at.views + 4 + 4 * n : at.runs + 4;
    at.first_checkpoint = shardy__sdb_align(at.checkpoints + 4 + (checkpoint ? 4 : 0), 8);
    at.first_record = at.first_checkpoint + (checkpoint ? CHECKPOINT_LEN : 0);
    at.end = at.first_record;
    for (size_t i = 0; i < n; i++) at.end += record_size(&tables[i].info);
    return at;
}

static void put_ulid(shardy__buf *out, size_t pos, uint64_t high, uint64_t low) {
    shardy__buf_le32(out, (uint32_t)(pos - AT_ULID_VT));
    shardy__buf_le32(out, 0);
    shardy__buf_le64(out, high);
    shardy__buf_le64(out, low);
}

static void put_head(shardy__buf *out, const struct layout *at, uint64_t last_seq) {
    shardy__buf_le32(out, AT_MANIFEST);
    shardy__buf_put(out, shardy__sdb_info_vtable, sizeof shardy__sdb_info_vtable);
    shardy__buf_put(out, ulid_vtable, sizeof ulid_vtable);
    shardy__buf_put(out, sst_vtable, sizeof sst_vtable);
    shardy__buf_put(out, view_vtable, sizeof view_vtable);
    shardy__buf_put(out, run_vtable, sizeof run_vtable);
    shardy__buf_put(out, checkpoint_vtable, sizeof checkpoint_vtable);
    shardy__buf_put(out, manifest_vtable, sizeof manifest_vtable);
    shardy__buf_le32(out, 0);
    shardy__buf_le32(out, AT_MANIFEST - AT_MANIFEST_VT);
    shardy__buf_le32(out, AT_SSTS - (AT_MANIFEST + 4));
    shardy__buf_le32(out, AT_EMPTY - (AT_MANIFEST + 8)); /* l0 */
    shardy__buf_le32(out, (uint32_t)at->runs - (AT_MANIFEST + 12));
    shardy__buf_le32(out, (uint32_t)at->checkpoints - (AT_MANIFEST + 16));
    shardy__buf_le32(out, 1);     /* initialized */
    shardy__buf_fill(out, 0, 48); /* manifest id, epochs, WAL ids, clock tick */
    shardy__buf_le64(out, last_seq);
    shardy__buf_fill(out, 0, 8); /* the empty vector, padding */
}

/* A vector of references to one table of each SST's record, `inside` it. */
static void put_references(shardy__buf *out, const struct layout *at, size_t vector, size_t inside,
                           const shardy__sdb_table *tables) {
    size_t record = at->first_record;
    shardy__buf_le32(out, (uint32_t)at->n);
    for (size_t i = 0; i < at->n; i++) {
        shardy__buf_le32(out, (uint32_t)(record + inside - (vector + 4 + 4 * i)));
        record += record_size(&tables[i].info);
    }
}

static void put_runs(shardy__buf *out, const struct layout *at, const shardy__sdb_table *tables) {
    shardy__buf_le32(out, at->n ? 1 : 0);
    if (!at->n) return;
    shardy__buf_le32(out, 4);
    shardy__buf_le32(out, (uint32_t)(at->runs + 8 - AT_RUN_VT));
    shardy__buf_le32(out, 0); /* run id */
    shardy__buf_le32(out, 4);
    put_references(out, at, at->views, 16, tables);
}

static void put_checkpoint(shardy__buf *out, const struct layout *at,
                           shardy__sdb_checkpoint checkpoint) {
    size_t pos = at->first_checkpoint;
    shardy__buf_le32(out, checkpoint.uuid ? 1 : 0);
    if (checkpoint.uuid) {
        shardy__buf_le32(out, (uint32_t)(pos - (at->checkpoints + 4)));
    }
    shardy__buf_fill(out, 0, pos - (at->checkpoints + (checkpoint.uuid ? 8 : 4)));
    if (!checkpoint.uuid) return;
    shardy__buf_le32(out, (uint32_t)(pos - AT_CHECKPOINT_VT));
    shardy__buf_le32(out, 20);
    shardy__buf_le64(out, 1); /* manifest id */
    shardy__buf_le32(out, 0); /* never expires */
    shardy__buf_le32(out, checkpoint.created);
    put_ulid(out, pos + 24, shardy__be64(checkpoint.uuid), shardy__be64(checkpoint.uuid + 8));
}

static void put_record(shardy__buf *out, size_t pos, const shardy__sdb_table *table) {
    const shardy__sdb_info *info = &table->info;
    size_t first = shardy__sdb_bytes_size(info->first.len);
    size_t keys = first + shardy__sdb_bytes_size(info->last.len);
    shardy__buf_le32(out, (uint32_t)(pos - AT_SST_VT));
    shardy__buf_le32(out, 28); /* the Ulid, from pos + 4 */
    shardy__buf_le32(out, 48); /* the SsTableInfo, from pos + 8 */
    shardy__buf_le32(out, SHARDY__SDB_SST_VERSION);
    shardy__buf_le32(out, (uint32_t)(pos + 16 - AT_VIEW_VT));
    shardy__buf_le32(out, 12); /* the same Ulid as the view's id and as the SST's */
    shardy__buf_le32(out, 8);
    shardy__buf_le32(out, 0);
    put_ulid(out, pos + 32, table->ulid.high, table->ulid.low);
    shardy__sdb_put_info_table(out, info, (uint32_t)(pos + 56 - AT_INFO_VT), SHARDY__SDB_INFO_TABLE,
                               (uint32_t)(SHARDY__SDB_INFO_TABLE + first));
    shardy__sdb_put_bytes(out, info->first);
    shardy__sdb_put_bytes(out, info->last);
    shardy__buf_fill(out, 0, shardy__sdb_align(keys, 8) - keys);
}

shardy_status shardy__sdb_put_manifest(shardy__buf *out, const shardy__sdb_table *tables, size_t n,
                                       uint64_t last_seq, shardy__sdb_checkpoint checkpoint,
                                       shardy_error *err) {
    struct layout at = lay_out(tables, n, checkpoint.uuid != NULL);
    if (at.end > SHARDY__SDB_MANIFEST_MAX - 2) {
        return shardy__fail(err, SHARDY_E_LIMIT,
                            "manifest of %zu SSTs would have %zu bytes, at most %u are allowed", n,
                            at.end, SHARDY__SDB_MANIFEST_MAX - 2);
    }
    shardy__buf_be16(out, SHARDY__SDB_MANIFEST_VERSION);
    put_head(out, &at, last_seq);
    put_references(out, &at, AT_SSTS, 0, tables);
    put_runs(out, &at, tables);
    put_checkpoint(out, &at, checkpoint);
    size_t record = at.first_record;
    for (size_t i = 0; i < n; i++) {
        put_record(out, record, &tables[i]);
        record += record_size(&tables[i].info);
    }
    return out->failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

/* slatedb_manifest_read.c: manifests of version 2, ours and the engine's.
 *
 * The engine arranges its tables in another order than slatedb_manifest_write.c does, so everything
 * is found by its references. A manifest carries no checksum: every SST must be named by exactly
 * one view, and slatedb_sst.c compares each SST's info with the copy that the SST itself holds.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "slatedb/slatedb_parse.h"

/* Slots of ManifestV2. */
enum {
    EXTERNAL_DBS = 6,
    INITIALIZED = 8,
    WRITER_EPOCH = 10,
    REPLAY_AFTER = 14,
    SSTS = 20,
    L0 = 22,
    COMPACTED = 24,
    CHECKPOINTS = 28,
    LAST_SEQ = 30,
    SEGMENTS = 36,
    SEGMENT_EXTRACTOR = 38,
    MANIFEST_END = 40
};

/* An SST of the manifest's list while the views are matched with it. */
struct listed {
    shardy__sdb_table table;
    bool used;
};

struct parse {
    shardy__fb fb;
    const char *url;
    shardy__sdb_manifest *out;
    struct listed *listed; /* sorted by ULID */
    size_t n_listed;
    shardy_error *err;
};

static shardy_status corrupt(struct parse *p, const char *what) {
    return shardy__fail(p->err, SHARDY_E_CORRUPT, "%s: %s", p->url, what);
}

static shardy_status unsupported(struct parse *p, const char *what) {
    return shardy__fail(p->err, SHARDY_E_UNSUPPORTED, "%s: %s", p->url, what);
}

static shardy_status malformed(struct parse *p) {
    return shardy__fail(p->err, SHARDY_E_CORRUPT, "%s: field %s is malformed", p->url, p->fb.bad);
}

static int compare_listed(const void *a, const void *b) {
    const shardy__sdb_ulid *x = &((const struct listed *)a)->table.ulid;
    const shardy__sdb_ulid *y = &((const struct listed *)b)->table.ulid;
    if (x->high != y->high) return x->high < y->high ? -1 : 1;
    return (x->low > y->low) - (x->low < y->low);
}

static shardy__sdb_ulid read_ulid(struct parse *p, const shardy__fb_table *t, unsigned slot,
                                  const char *name) {
    shardy__fb_table u = shardy__fb_child(&p->fb, t, slot, name);
    shardy__sdb_ulid ulid = {shardy__fb_u64(&p->fb, &u, 4, name),
                             shardy__fb_u64(&p->fb, &u, 6, name)};
    return ulid;
}

/* ---- what must not be there ---- */

static bool any(struct parse *p, const shardy__fb_table *t, unsigned slot, const char *name) {
    if (!shardy__fb_has(&p->fb, t, slot)) return false;
    return shardy__fb_vec(&p->fb, t, slot, 4, name).count != 0;
}

/* Reading needs no checkpoint, but the engine would refuse a malformed one. */
static void read_checkpoints(struct parse *p, const shardy__fb_table *t) {
    shardy__fb *fb = &p->fb;
    shardy__sdb_manifest *m = p->out;
    shardy__fb_vector v = shardy__fb_vec(fb, t, CHECKPOINTS, 4, "ManifestV2.checkpoints");
    for (uint32_t i = 0; i < v.count && !fb->bad; i++) {
        shardy__fb_table checkpoint = shardy__fb_item(fb, &v, i, "Checkpoint");
        shardy__fb_table id = shardy__fb_child(fb, &checkpoint, 4, "Checkpoint.id");
        if (i > 0) continue;
        m->has_checkpoint = true;
        shardy__put_be64(m->checkpoint, shardy__fb_u64(fb, &id, 4, "Uuid.high"));
        shardy__put_be64(m->checkpoint + 8, shardy__fb_u64(fb, &id, 6, "Uuid.low"));
        m->checkpoint_created =
            shardy__fb_u32(fb, &checkpoint, 10, "Checkpoint.checkpoint_create_time_s");
    }
}

static shardy_status read_head(struct parse *p, const shardy__fb_table *t) {
    shardy__fb *fb = &p->fb;
    uint8_t initialized = shardy__fb_u8(fb, t, INITIALIZED, "ManifestV2.initialized");
    p->out->writer_epoch = shardy__fb_u64(fb, t, WRITER_EPOCH, "ManifestV2.writer_epoch");
    p->out->replay_after_wal_id =
        shardy__fb_u64(fb, t, REPLAY_AFTER, "ManifestV2.replay_after_wal_id");
    p->out->last_seq = shardy__fb_u64(fb, t, LAST_SEQ, "ManifestV2.last_l0_seq");
    bool external = any(p, t, EXTERNAL_DBS, "ManifestV2.external_dbs");
    bool segments = any(p, t, SEGMENTS, "ManifestV2.segments");
    bool l0 = shardy__fb_vec(fb, t, L0, 4, "ManifestV2.l0").count != 0;
    read_checkpoints(p, t);
    if (fb->bad) return malformed(p);
    if (initialized != 1) return corrupt(p, "database is not initialized");
    if (shardy__fb_has_from(fb, t, MANIFEST_END)) {
        return unsupported(p, "manifest has fields of a newer version");
    }
    if (external) return unsupported(p, "database is a clone that refers to external databases");
    if (segments || shardy__fb_has(fb, t, SEGMENT_EXTRACTOR)) {
        return unsupported(p, "database has segments");
    }
    if (l0) return unsupported(p, "database is not compacted: it has level-0 SSTs");
    return SHARDY_OK;
}

/* ---- the list of SSTs ---- */

static shardy_status read_listed(struct parse *p, const shardy__fb_vector *ssts, uint32_t i) {
    shardy__fb *fb = &p->fb;
    shardy__fb_table t = shardy__fb_item(fb, ssts, i, "CompactedSsTableV2");
    shardy__fb_table info = shardy__fb_child(fb, &t, 6, "CompactedSsTableV2.info");
    uint16_t version = shardy__fb_u16(fb, &t, 8, "CompactedSsTableV2.format_version");
    p->listed[i].table.ulid = read_ulid(p, &t, 4, "CompactedSsTableV2.id");
    if (fb->bad) return malformed(p);
    if (shardy__fb_has_from(fb, &t, 10)) {
        return unsupported(p, "an SST has fields of a newer version");
    }
    if (version != SHARDY__SDB_SST_VERSION) {
        return shardy__fail(p->err, SHARDY_E_UNSUPPORTED, "%s: SST format version %u", p->url,
                            version);
    }
    return shardy__sdb_read_info(fb, &info, p->url, &p->listed[i].table.info, p->err);
}

static shardy_status read_ssts(struct parse *p, const shardy__fb_table *t) {
    shardy__fb_vector ssts = shardy__fb_vec(&p->fb, t, SSTS, 4, "ManifestV2.ssts");
    if (p->fb.bad) return malformed(p);
    p->n_listed = ssts.count;
    p->listed = shardy__calloc(p->n_listed, sizeof *p->listed);
    p->out->tables = shardy__calloc(p->n_listed, sizeof *p->out->tables);
    if (!p->listed || !p->out->tables) return shardy__fail_nomem(p->err);
    for (uint32_t i = 0; i < ssts.count; i++) SHARDY_TRY(read_listed(p, &ssts, i));
    qsort(p->listed, p->n_listed, sizeof *p->listed, compare_listed);
    for (size_t i = 1; i < p->n_listed; i++) {
        if (!compare_listed(&p->listed[i - 1], &p->listed[i])) {
            return corrupt(p, "two SSTs have the same id");
        }
    }
    return SHARDY_OK;
}

/* ---- the sorted runs ---- */

static shardy_status read_view(struct parse *p, const shardy__fb_vector *views, uint32_t i) {
    shardy__fb *fb = &p->fb;
    shardy__fb_table t = shardy__fb_item(fb, views, i, "CompactedSsTableView");
    struct listed wanted = {.used = false};
    wanted.table.ulid = read_ulid(p, &t, 6, "CompactedSsTableView.sst_id");
    if (fb->bad) return malformed(p);
    if (shardy__fb_has(fb, &t, 8)) return unsupported(p, "an SST is only partly visible");
    if (shardy__fb_has_from(fb, &t, 10)) {
        return unsupported(p, "a view has fields of a newer version");
    }
    struct listed *found =
        p->n_listed ? bsearch(&wanted, p->listed, p->n_listed, sizeof wanted, compare_listed)
                    : NULL;
    if (!found || found->used) {
        return corrupt(p, found ? "an SST is used twice" : "a view refers to an unknown SST");
    }
    found->used = true;
    shardy__sdb_manifest *m = p->out;
    shardy__sdb_table *table = &m->tables[m->n];
    *table = found->table;
    if (i > 0) {
        const shardy__sdb_info *before = &table[-1].info;
        int order = shardy__slice_cmp(before->last.data, before->last.len, table->info.first.data,
                                      table->info.first.len);
        if (order == 0) return unsupported(p, "several versions of a key");
        if (order > 0) return corrupt(p, "SSTs of a sorted run are not in key order");
    }
    m->n++;
    return SHARDY_OK;
}

static shardy_status read_run(struct parse *p, const shardy__fb_table *t, shardy__sdb_run *run) {
    shardy__fb_vector views = shardy__fb_vec(&p->fb, t, 6, 4, "SortedRunV2.ssts");
    if (p->fb.bad) return malformed(p);
    if (shardy__fb_has_from(&p->fb, t, 8)) {
        return unsupported(p, "a sorted run has fields of a newer version");
    }
    if (!views.count) return corrupt(p, "a sorted run is empty");
    run->begin = p->out->n;
    for (uint32_t i = 0; i < views.count; i++) SHARDY_TRY(read_view(p, &views, i));
    run->end = p->out->n;
    return SHARDY_OK;
}

static shardy_status read_runs(struct parse *p, const shardy__fb_table *t) {
    shardy__fb_vector runs = shardy__fb_vec(&p->fb, t, COMPACTED, 4, "ManifestV2.compacted");
    if (p->fb.bad) return malformed(p);
    if (runs.count > p->n_listed) return corrupt(p, "more sorted runs than SSTs");
    p->out->runs = shardy__calloc(runs.count, sizeof *p->out->runs);
    if (!p->out->runs) return shardy__fail_nomem(p->err);
    uint32_t last_id = 0;
    for (uint32_t i = 0; i < runs.count; i++) {
        shardy__fb_table run = shardy__fb_item(&p->fb, &runs, i, "SortedRunV2");
        uint32_t id = shardy__fb_u32(&p->fb, &run, 4, "SortedRunV2.id");
        /* Newer runs have greater ids and come first; what they hold hides older rows. */
        if (i > 0 && id >= last_id) return corrupt(p, "ids of sorted runs do not descend");
        last_id = id;
        SHARDY_TRY(read_run(p, &run, &p->out->runs[i]));
        p->out->n_runs++;
    }
    if (p->out->n != p->n_listed) return corrupt(p, "an SST belongs to no sorted run");
    return SHARDY_OK;
}

shardy_status shardy__sdb_parse_manifest(const void *data, size_t len, const char *url,
                                         shardy__sdb_manifest *out, shardy_error *err) {
    struct parse p = {.url = url, .out = out, .err = err};
    memset(out, 0, sizeof *out);
    if (len < 2) return corrupt(&p, "manifest is cut");
    unsigned version = shardy__be16(data);
    if (version != SHARDY__SDB_MANIFEST_VERSION) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "%s: manifest format version %u, not 2", url,
                            version);
    }
    shardy__fb_init(&p.fb, (const uint8_t *)data + 2, len - 2);
    shardy__fb_table root = shardy__fb_root(&p.fb);
    shardy_status rc = p.fb.bad ? malformed(&p) : read_head(&p, &root);
    if (!rc) rc = read_ssts(&p, &root);
    if (!rc) rc = read_runs(&p, &root);
    shardy__free(p.listed);
    if (rc) shardy__sdb_manifest_free(out);
    return rc;
}

void shardy__sdb_manifest_free(shardy__sdb_manifest *manifest) {
    shardy__free(manifest->tables);
    shardy__free(manifest->runs);
    memset(manifest, 0, sizeof *manifest);
}

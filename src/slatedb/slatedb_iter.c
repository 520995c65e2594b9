/* slatedb_iter.c: rows in key order.
 *
 * One cursor per sorted run; with several runs the smallest key wins, and among equal keys the
 * newest run's. A cursor walks block after block; from sources that are not mapped it reads as many
 * blocks at once as fit READ_AHEAD.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "slatedb/slatedb_db.h"

enum { READ_AHEAD = 256 << 10 };

struct cursor {
    size_t next, end; /* tables of the run still to come */
    shardy__sdb_sst *sst;
    uint32_t block; /* the next one to open */
    /* Stored bytes of blocks [pin_first, pin_end) of `sst`. */
    shardy__pin pin;
    uint32_t pin_first, pin_end;
    shardy__buf plain;
    shardy__sdb_walk walk;
    bool open; /* `walk` is inside a block */
    bool done;
    bool taken; /* the row in `walk` was given to the caller */
};

struct shardy__slatedb_iter {
    shardy__slatedb *db;
    uint8_t *start, *finish; /* owned copies; finish NULL: open */
    size_t start_len, finish_len;
    struct cursor *cursors;
    size_t n;
    shardy_status failed;
};

/* ---- one run ---- */

static void drop_pin(struct cursor *c) {
    shardy__pin_release(&c->pin);
    c->pin_first = c->pin_end = 0;
}

/* True if the SST begins at or behind the end of the range. */
static bool behind(const shardy__slatedb_iter *it, const shardy__sdb_sst *sst) {
    return it->finish && shardy__slice_cmp(sst->info.first.data, sst->info.first.len, it->finish,
                                           it->finish_len) >= 0;
}

static shardy_status next_sst(shardy__slatedb_iter *it, struct cursor *c, shardy_error *err) {
    drop_pin(c);
    c->sst = NULL;
    if (c->next == c->end) {
        c->done = true;
        return SHARDY_OK;
    }
    SHARDY_TRY(shardy__sdb_use(it->db, c->next, &c->sst, err));
    c->next++;
    c->block = 0;
    c->done = behind(it, c->sst);
    return SHARDY_OK;
}

/* Blocks to read at once from `block` on. */
static uint32_t blocks_ahead(const shardy__sdb_sst *sst, uint32_t block) {
    if (sst->src->map) return 1;
    const uint64_t *offsets = sst->index.offsets;
    uint32_t n = 1;
    while (block + n < sst->index.n && offsets[block + n + 1] - offsets[block] <= READ_AHEAD) n++;
    return n;
}

static shardy_status open_block(struct cursor *c, uint32_t block, shardy_error *err) {
    const uint64_t *offsets = c->sst->index.offsets;
    shardy__sdb_block rows;
    if (block < c->pin_first || block >= c->pin_end) {
        drop_pin(c);
        uint32_t n = blocks_ahead(c->sst, block);
        SHARDY_TRY(shardy__sdb_sst_read(c->sst, block, n, &c->pin, err));
        c->pin_first = block;
        c->pin_end = block + n;
    }
    const uint8_t *stored = c->pin.data + (offsets[block] - offsets[c->pin_first]);
    SHARDY_TRY(shardy__sdb_sst_block(c->sst, block, stored, &c->plain, &rows, err));
    shardy__sdb_walk_start(&c->walk, &rows);
    c->block = block + 1;
    c->open = true;
    return SHARDY_OK;
}

/* Go to the cursor's next row, or to its end. */
static shardy_status step(shardy__slatedb_iter *it, struct cursor *c, shardy_error *err) {
    c->taken = false;
    while (!c->done) {
        if (c->open) {
            shardy__sdb_step got = shardy__sdb_walk_next(&c->walk);
            if (got == SHARDY__SDB_NO_MEMORY) return shardy__fail_nomem(err);
            if (got == SHARDY__SDB_MALFORMED) {
                return shardy__fail(err, SHARDY_E_CORRUPT, "%s: block %u changed while it was read",
                                    c->sst->src->url, c->block - 1);
            }
            if (got == SHARDY__SDB_ROW) break;
            c->open = false;
        }
        if (c->sst && c->block < c->sst->index.n) {
            SHARDY_TRY(open_block(c, c->block, err));
        } else {
            SHARDY_TRY(next_sst(it, c, err));
        }
    }
    if (!c->done && it->finish) {
        c->done = shardy__slice_cmp(c->walk.key, c->walk.key_len, it->finish, it->finish_len) >= 0;
    }
    return SHARDY_OK;
}

/* Stand on the first row that is not smaller than the start. */
static shardy_status seek(shardy__slatedb_iter *it, struct cursor *c, const shardy__sdb_run *run,
                          shardy_error *err) {
    shardy_slice start = {it->start, it->start_len};
    size_t first = it->start ? shardy__sdb_run_find(it->db, run, start) : run->end;
    c->next = first == run->end ? run->begin : first;
    c->end = run->end;
    SHARDY_TRY(next_sst(it, c, err));
    if (c->done || first == run->end) return step(it, c, err);
    const shardy__sdb_info *info = &c->sst->info;
    if (shardy__slice_cmp(start.data, start.len, info->last.data, info->last.len) > 0) {
        SHARDY_TRY(next_sst(it, c, err));
        return step(it, c, err);
    }
    uint32_t block = shardy__sdb_index_find(&c->sst->index, start);
    uint32_t needed = shardy__sdb_first_needed(c->sst, block, start);
    if (needed < block) SHARDY_TRY(open_block(c, needed, err));
    SHARDY_TRY(open_block(c, block, err));
    do {
        SHARDY_TRY(step(it, c, err));
    } while (!c->done &&
             shardy__slice_cmp(c->walk.key, c->walk.key_len, start.data, start.len) < 0);
    return SHARDY_OK;
}

/* ---- all runs ---- */

static shardy_status copy_bound(shardy_slice bound, uint8_t **out, size_t *len, shardy_error *err) {
    if (!bound.data) return SHARDY_OK;
    *out = shardy__malloc(bound.len);
    if (!*out) return shardy__fail_nomem(err);
    if (bound.len) memcpy(*out, bound.data, bound.len);
    *len = bound.len;
    return SHARDY_OK;
}

shardy_status shardy__slatedb_iter_open(shardy__slatedb *db, shardy_slice start, shardy_slice end,
                                        shardy__slatedb_iter **out, shardy_error *err) {
    *out = NULL;
    shardy__slatedb_iter *it = shardy__calloc(1, sizeof *it);
    if (!it) return shardy__fail_nomem(err);
    it->db = db;
    shardy_status rc = copy_bound(start, &it->start, &it->start_len, err);
    if (rc) goto done;
    rc = copy_bound(end, &it->finish, &it->finish_len, err);
    if (rc) goto done;
    it->cursors = shardy__calloc(db->manifest.n_runs, sizeof *it->cursors);
    if (!it->cursors) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    it->n = db->manifest.n_runs;
    for (size_t i = 0; i < it->n; i++) shardy__sdb_walk_init(&it->cursors[i].walk);
    for (size_t i = 0; i < it->n; i++) {
        rc = seek(it, &it->cursors[i], &db->manifest.runs[i], err);
        if (rc) goto done;
    }
    *out = it;
    it = NULL;
done:
    shardy__slatedb_iter_close(it);
    return rc;
}

void shardy__slatedb_iter_close(shardy__slatedb_iter *it) {
    if (!it) return;
    for (size_t i = 0; i < it->n; i++) {
        struct cursor *c = &it->cursors[i];
        shardy__pin_release(&c->pin);
        shardy__buf_free(&c->plain);
        shardy__sdb_walk_free(&c->walk);
    }
    shardy__free(it->cursors);
    shardy__free(it->start);
    shardy__free(it->finish);
    shardy__free(it);
}

static int compare_cursors(const struct cursor *a, const struct cursor *b) {
    return shardy__slice_cmp(a->walk.key, a->walk.key_len, b->walk.key, b->walk.key_len);
}

/* The cursor whose row is next; NULL at the end. */
static struct cursor *smallest(shardy__slatedb_iter *it) {
    struct cursor *best = NULL;
    for (size_t i = 0; i < it->n; i++) {
        struct cursor *c = &it->cursors[i];
        if (!c->done && (!best || compare_cursors(c, best) < 0)) best = c;
    }
    return best;
}

/* Leave the row that was given last, and the older rows of other runs that it hides. */
static shardy_status advance(shardy__slatedb_iter *it, shardy_error *err) {
    struct cursor *last = NULL;
    for (size_t i = 0; i < it->n && !last; i++) {
        if (it->cursors[i].taken) last = &it->cursors[i];
    }
    if (!last) return SHARDY_OK;
    for (size_t i = 0; i < it->n; i++) {
        struct cursor *c = &it->cursors[i];
        if (c != last && !c->done && !compare_cursors(c, last)) SHARDY_TRY(step(it, c, err));
    }
    return step(it, last, err);
}

shardy_status shardy__slatedb_iter_next(shardy__slatedb_iter *it, shardy_slice *key,
                                        shardy_slice *value, shardy_error *err) {
    *key = *value = (shardy_slice){0};
    if (it->failed) return shardy__fail(err, it->failed, "iterator has failed before");
    it->failed = advance(it, err);
    if (it->failed) return it->failed;
    struct cursor *c = it->n == 1 ? (it->cursors->done ? NULL : it->cursors) : smallest(it);
    if (!c) return SHARDY_OK;
    c->taken = true;
    *key = (shardy_slice){c->walk.key, c->walk.key_len};
    *value = (shardy_slice){c->walk.row.value, c->walk.row.value_len};
    return SHARDY_OK;
}

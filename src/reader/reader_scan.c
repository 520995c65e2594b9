/* reader_scan.c: rows of several shards in one order: a heap of one iterator per shard. */
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "reader/reader_impl.h"
#include "shardyfusion/route.h"

struct lane {
    uint32_t db_id;
    shardy__slatedb_iter *it;
    shardy_slice key, value; /* the row that this lane offers next */
};

struct shardy_scan {
    shardy__reader_state *state;
    struct lane *lanes; /* the first n form a min-heap by key */
    uint32_t n, cap;
    bool advance; /* the first lane's row has been given out */
    shardy_error failed;
    uint32_t fork_generation;
};

static bool before(const struct lane *a, const struct lane *b) {
    return shardy__slice_cmp(a->key.data, a->key.len, b->key.data, b->key.len) < 0;
}

static void sift_down(shardy_scan *s, uint32_t i) {
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= s->n) return;
        if (child + 1 < s->n && before(&s->lanes[child + 1], &s->lanes[child])) child++;
        if (!before(&s->lanes[child], &s->lanes[i])) return;
        struct lane t = s->lanes[i];
        s->lanes[i] = s->lanes[child];
        s->lanes[child] = t;
        i = child;
    }
}

/* The smallest bytes above every key that begins with `prefix`; false if there are none. */
static bool prefix_end(shardy__buf *out, shardy_slice prefix) {
    shardy__buf_put(out, prefix.data, prefix.len);
    while (!out->failed && out->len && out->data[out->len - 1] == 0xff) out->len--;
    if (!out->len) return false;
    out->data[out->len - 1]++;
    return true;
}

static shardy_status open_lane(shardy_scan *s, uint32_t db_id, shardy_slice start, shardy_slice end,
                               shardy_error *err) {
    shardy__slatedb *kv;
    struct lane *lane = &s->lanes[s->n];
    SHARDY_TRY(shardy__state_kv(s->state, db_id, &kv, err));
    lane->db_id = db_id;
    shardy_status rc = shardy__slatedb_iter_open(kv, start, end, &lane->it, err);
    if (!rc) rc = shardy__slatedb_iter_next(lane->it, &lane->key, &lane->value, err);
    if (rc || !lane->key.data) {
        shardy__slatedb_iter_close(lane->it);
        return shardy__shard_error(rc, db_id, err);
    }
    s->n++;
    return SHARDY_OK;
}

static shardy_status open_lanes(shardy_scan *s, const shardy_scan_options *o, shardy_error *err) {
    uint32_t *ids = NULL, n = 0;
    shardy__buf end = {0};
    shardy_slice from = o->start, to = o->end;
    shardy_status rc = shardy__choose_shards(s->state, o->shard_ids, o->n_shard_ids, &ids, &n, err);
    if (rc) goto done;
    if (o->prefix.data && o->prefix.len) {
        from = o->prefix;
        bool bounded = prefix_end(&end, o->prefix);
        to = bounded ? (shardy_slice){end.data, end.len} : (shardy_slice){NULL, 0};
    }
    s->lanes = shardy__calloc(n, sizeof *s->lanes);
    if (!s->lanes || end.failed) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    for (uint32_t i = 0; i < n && !rc; i++) rc = open_lane(s, ids[i], from, to, err);
    for (uint32_t i = s->n / 2; i-- > 0 && !rc;) sift_down(s, i);
done:
    shardy__free(ids);
    shardy__buf_free(&end);
    return rc;
}

shardy_status shardy_reader_scan(shardy_reader *r, const shardy_scan_options *options,
                                 shardy_scan **out, shardy_error *err) {
    shardy_scan_options defaults = SHARDY_SCAN_OPTIONS_INIT;
    if (!out) return shardy__fail(err, SHARDY_E_ARGUMENT, "out is NULL");
    *out = NULL;
    SHARDY_TRY(shardy__reader_usable(r, err));
    if (!options) options = &defaults;
    if (options->size != sizeof *options) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "scan options have an unknown size");
    }
    if (options->prefix.data && (options->start.data || options->end.data)) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "scan: prefix cannot be combined with start or end");
    }
    shardy_scan *s = shardy__calloc(1, sizeof *s);
    if (!s) return shardy__fail_nomem(err);
    s->fork_generation = r->fork_generation;
    s->state = r->state;
    shardy__state_ref(s->state);
    shardy_status rc = open_lanes(s, options, err);
    if (rc) {
        shardy_scan_close(s);
        return rc;
    }
    *out = s;
    return SHARDY_OK;
}

/* Move the first lane on; an exhausted lane leaves the heap. */
static shardy_status advance(shardy_scan *s, shardy_error *err) {
    struct lane *lane = &s->lanes[0];
    shardy_status rc = shardy__slatedb_iter_next(lane->it, &lane->key, &lane->value, err);
    if (rc) return shardy__shard_error(rc, lane->db_id, err);
    if (!lane->key.data) {
        shardy__slatedb_iter_close(lane->it);
        *lane = s->lanes[--s->n];
    }
    sift_down(s, 0);
    return SHARDY_OK;
}

shardy_status shardy_scan_next(shardy_scan *s, bool *more, shardy_key *key, shardy_slice *value,
                               shardy_error *err) {
    if (more) *more = false;
    if (key) *key = (shardy_key){0};
    if (value) *value = (shardy_slice){NULL, 0};
    if (!s || !more || !key || !value) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "shardy_scan_next: a required pointer is NULL");
    }
    if (s->fork_generation != shardy__fork_generation()) {
        return shardy__fail(err, SHARDY_E_FORKED, "scan was opened before a fork");
    }
    shardy_error local = SHARDY_ERROR_INIT;
    shardy_status rc = s->failed.code;
    if (!rc) {
        if (s->advance && s->n) rc = advance(s, &local);
        s->advance = false;
        if (!rc && s->n) {
            rc = shardy_key_decode(s->lanes[0].key, s->state->loaded.manifest.key_encoding, key,
                                   &local);
            shardy__shard_error(rc, s->lanes[0].db_id, &local);
        }
        local.code = rc;
        if (rc) s->failed = local;
    }
    if (rc) {
        if (err) *err = s->failed;
        return rc;
    }
    if (!s->n) return SHARDY_OK;
    *value = s->lanes[0].value;
    *more = s->advance = true;
    return SHARDY_OK;
}

void shardy_scan_close(shardy_scan *s) {
    if (!s) return;
    for (uint32_t i = 0; i < s->n; i++) shardy__slatedb_iter_close(s->lanes[i].it);
    shardy__free(s->lanes);
    shardy__state_unref(s->state);
    shardy__free(s);
}

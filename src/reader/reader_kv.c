/* reader_kv.c: point lookups. */
#include <string.h>

#include "base/alloc.h"
#include "reader/reader_impl.h"
#include "shardyfusion/route.h"

/* A value's owner is the state that it borrows from or, when it also holds bytes of its own (a
 * block that had to be decompressed or fetched), a `held` with the lowest bit of the pointer set.
 */
struct held {
    shardy__reader_state *state;
    shardy__pin pin;
};

#define HELD_BIT ((uintptr_t)1)

void shardy_value_release(shardy_value *value) {
    if (!value) return;
    uintptr_t owner = (uintptr_t)value->owner;
    if (owner & HELD_BIT) {
        struct held *held = (struct held *)(owner & ~HELD_BIT);
        shardy__pin_release(&held->pin);
        shardy__state_unref(held->state);
        shardy__free(held);
    } else if (owner) {
        shardy__state_unref((shardy__reader_state *)owner);
    }
    memset(value, 0, sizeof *value);
}

static shardy_status give_value(shardy__reader_state *state, shardy__slatedb_value *found,
                                shardy_value *out, shardy_error *err) {
    if (!found->value.data) return SHARDY_OK;
    void *owner = state;
    if (found->pin.release) {
        struct held *held = shardy__malloc(sizeof *held);
        if (!held) {
            shardy__pin_release(&found->pin);
            return shardy__fail_nomem(err);
        }
        *held = (struct held){state, found->pin};
        owner = (void *)((uintptr_t)held | HELD_BIT);
    }
    shardy__state_ref(state);
    *out = (shardy_value){found->value.data, found->value.len, true, owner};
    return SHARDY_OK;
}

static shardy_status get_stored(shardy__reader_state *state, uint32_t db_id, shardy_slice stored,
                                shardy_value *out, shardy_error *err) {
    shardy__slatedb *kv;
    shardy__slatedb_value found = {0};
    SHARDY_TRY(shardy__state_kv(state, db_id, &kv, err));
    if (!kv) return SHARDY_OK;
    shardy_status rc = shardy__slatedb_get(kv, stored, &found, err);
    return rc ? shardy__shard_error(rc, db_id, err) : give_value(state, &found, out, err);
}

static shardy_status get_key(shardy__reader_state *state, const shardy_key *key, shardy_value *out,
                             shardy_error *err) {
    uint8_t scratch[8];
    shardy_slice stored;
    SHARDY_TRY(
        shardy_key_encode_lookup(key, state->loaded.manifest.key_encoding, scratch, &stored, err));
    return get_stored(state, shardy_route_hash(key, state->num_dbs), stored, out, err);
}

shardy_status shardy_reader_get(shardy_reader *r, const shardy_key *key, shardy_value *out,
                                shardy_error *err) {
    if (out) memset(out, 0, sizeof *out);
    if (!key || !out) return shardy__fail(err, SHARDY_E_ARGUMENT, "key or out is NULL");
    SHARDY_TRY(shardy__reader_usable(r, err));
    return get_key(r->state, key, out, err);
}

/* ---- multi_get ---- */

/* Groups are shards or, if there are fewer keys than shards, several shards each. */
struct multi {
    shardy__reader_state *state;
    const shardy_key *keys;
    shardy_value *out;
    uint32_t n_groups;
    size_t *order; /* key numbers by group */
    size_t *start; /* per group: where it begins; one more at the end */
};

static shardy_status multi_task(void *ctx, uint32_t group, shardy_error *err) {
    struct multi *m = ctx;
    for (size_t i = m->start[group]; i < m->start[group + 1]; i++) {
        SHARDY_TRY(get_key(m->state, &m->keys[m->order[i]], &m->out[m->order[i]], err));
    }
    return SHARDY_OK;
}

/* Counting sort of the key numbers by group. */
static shardy_status make_groups(struct multi *m, size_t n, shardy_error *err) {
    uint32_t shards = m->state->num_dbs, groups = n < shards ? (uint32_t)n : shards;
    m->n_groups = groups;
    m->order = shardy__realloc_array(NULL, n, sizeof *m->order);
    m->start = shardy__calloc((size_t)groups + 1, sizeof *m->start);
    uint32_t *group = shardy__realloc_array(NULL, n, sizeof *group);
    if (!m->order || !m->start || !group) {
        shardy__free(group);
        return shardy__fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        group[i] = shardy_route_hash(&m->keys[i], shards) % groups;
        m->start[group[i]]++;
    }
    size_t at = 0;
    for (uint32_t g = 0; g <= groups; g++) {
        size_t count = m->start[g];
        m->start[g] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++) m->order[m->start[group[i]]++] = i;
    for (uint32_t g = groups; g > 0; g--) m->start[g] = m->start[g - 1]; /* undo the advance */
    m->start[0] = 0;
    shardy__free(group);
    return SHARDY_OK;
}

shardy_status shardy_reader_multi_get(shardy_reader *r, const shardy_key *keys, size_t n,
                                      shardy_value *out, shardy_error *err) {
    if (out && n) memset(out, 0, n * sizeof *out);
    if ((!keys || !out) && n) return shardy__fail(err, SHARDY_E_ARGUMENT, "keys or out is NULL");
    SHARDY_TRY(shardy__reader_usable(r, err));
    if (!n) return SHARDY_OK;
    struct multi m = {.state = r->state, .keys = keys, .out = out};
    shardy_status rc = make_groups(&m, n, err);
    if (!rc) rc = shardy__parallel_try(m.state->threads, m.n_groups, multi_task, &m, err);
    for (size_t i = 0; rc && i < n; i++) shardy_value_release(&out[i]);
    shardy__free(m.order);
    shardy__free(m.start);
    return rc;
}

/* reader.c: opening a reader and asking for facts. */
#include <string.h>

#include "base/alloc.h"
#include "reader/reader_impl.h"
#include "shardyfusion/route.h"

shardy_status shardy__reader_usable(const shardy_reader *reader, shardy_error *err) {
    if (!reader) return shardy__fail(err, SHARDY_E_ARGUMENT, "reader is NULL");
    if (reader->fork_generation != shardy__fork_generation()) {
        return shardy__fail(err, SHARDY_E_FORKED,
                            "reader was opened before a fork; open a new one");
    }
    return SHARDY_OK;
}

static shardy_status preload_task(void *ctx, uint32_t i, shardy_error *err) {
    shardy__reader_state *state = ctx;
    const shardy__manifest *m = &state->loaded.manifest;
    uint32_t db_id = m->shards[i].db_id;
    shardy__slatedb *kv;
    shardy__lance *table;
    SHARDY_TRY(shardy__state_kv(state, db_id, &kv, err));
    SHARDY_TRY(shardy__shard_error(shardy__slatedb_preload(kv, err), db_id, err));
    return m->has_vectors ? shardy__state_table(state, db_id, &table, err) : SHARDY_OK;
}

shardy_status shardy_reader_open(const char *prefix, const shardy_reader_options *options,
                                 shardy_reader **out, shardy_error *err) {
    shardy_reader_options defaults = SHARDY_READER_OPTIONS_INIT;
    if (out) *out = NULL;
    if (!options) options = &defaults;
    if (!prefix || !out || options->size != sizeof *options) {
        return shardy__fail(
            err, SHARDY_E_ARGUMENT,
            "shardy_reader_open: prefix or out is NULL, or options have an unknown size");
    }
    shardy_reader *r = shardy__calloc(1, sizeof *r);
    if (!r) return shardy__fail_nomem(err);
    r->fork_generation = shardy__fork_generation();
    shardy__log_init(&r->log, options->log, options->log_ctx);
    const char *current = options->current_name ? options->current_name : "_CURRENT";
    shardy_status rc = shardy__state_open(prefix, current, options->threads, &r->state, err);
    if (!rc && options->preload) {
        rc = shardy__parallel_try(r->state->threads, r->state->loaded.manifest.n_shards,
                                  preload_task, r->state, err);
    }
    if (rc) {
        shardy_reader_close(r);
        return rc;
    }
    const shardy__manifest *m = &r->state->loaded.manifest;
    shardy__log_write(&r->log, SHARDY__LOG_INFO, "opened run %s: %u shards", m->run_id, m->num_dbs);
    *out = r;
    return SHARDY_OK;
}

void shardy_reader_close(shardy_reader *r) {
    if (!r) return;
    shardy__state_unref(r->state);
    shardy__log_destroy(&r->log);
    shardy__free(r);
}

shardy_status shardy_reader_info(shardy_reader *r, shardy_snapshot_info *out, shardy_error *err) {
    SHARDY_TRY(shardy__reader_usable(r, err));
    if (!out || out->size != sizeof *out) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "snapshot info is NULL or of an unknown size");
    }
    const shardy__loaded *l = &r->state->loaded;
    shardy__manifest_info(&l->manifest, l->current.manifest_ref, l->current.updated_at, out);
    return SHARDY_OK;
}

shardy_status shardy_reader_shards(shardy_reader *r, const shardy_shard_info **out, uint32_t *n,
                                   shardy_error *err) {
    if (out) *out = NULL;
    if (n) *n = 0;
    SHARDY_TRY(shardy__reader_usable(r, err));
    if (!out || !n) return shardy__fail(err, SHARDY_E_ARGUMENT, "out is NULL");
    *out = r->state->infos;
    *n = r->state->num_dbs;
    return SHARDY_OK;
}

shardy_key_encoding shardy_reader_key_encoding(const shardy_reader *r) {
    return r ? r->state->loaded.manifest.key_encoding : SHARDY_ENCODING_AUTO;
}

shardy_status shardy_reader_route_key(shardy_reader *r, const shardy_key *key, uint32_t *db_id,
                                      shardy_error *err) {
    uint8_t scratch[8];
    shardy_slice stored;
    if (db_id) *db_id = 0;
    SHARDY_TRY(shardy__reader_usable(r, err));
    if (!key || !db_id) return shardy__fail(err, SHARDY_E_ARGUMENT, "key or out is NULL");
    SHARDY_TRY(shardy_key_encode_lookup(key, shardy_reader_key_encoding(r), scratch, &stored, err));
    *db_id = shardy_route_hash(key, r->state->num_dbs);
    return SHARDY_OK;
}

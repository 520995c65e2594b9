/* slatedb_writer.c: a database as one sorted run of SSTs, then its manifest.
 *
 * The manifest is written last and only if its name is free: it is the commit of the database.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "shardyfusion/route.h"
#include "shardyfusion/writer.h"
#include "slatedb/slatedb.h"
#include "slatedb/slatedb_builder.h"

enum { DEFAULT_BLOCK_SIZE = 4096, DEFAULT_BLOOM_BITS = 10, DEFAULT_SST_BYTES = 256 << 20 };

struct shardy__slatedb_writer {
    shardy__dir *dir; /* borrowed */
    shardy__slatedb_options options;
    shardy__sdb_builder builder;
    shardy__sink *sink; /* of the open SST, or NULL */
    shardy__sdb_table *tables;
    uint8_t **keys; /* owned memory of tables[i]'s first and last key */
    size_t n, tables_cap, keys_cap;
    shardy__sdb_ulid next;
    shardy__slatedb_stats stats;
    bool failed, finished;
};

static shardy_status check_options(shardy__slatedb_options *o, shardy_error *err) {
    if (!o->block_size) o->block_size = DEFAULT_BLOCK_SIZE;
    if (!o->bloom_bits) o->bloom_bits = DEFAULT_BLOOM_BITS;
    if (!o->sst_bytes) o->sst_bytes = DEFAULT_SST_BYTES;
    if (!o->seq) o->seq = 1;
    if (!o->checkpoint_created) {
        o->checkpoint_created = (uint32_t)(shardy__wall_ns() / 1000000000u);
    }
    if (o->block_size < SHARDY__SDB_BLOCK_SIZE_MIN || o->block_size > SHARDY__SDB_BLOCK_SIZE_MAX) {
        return shardy__fail(err, SHARDY_E_CONFIG, "block size %u is not between %u and %u",
                            o->block_size, SHARDY__SDB_BLOCK_SIZE_MIN, SHARDY__SDB_BLOCK_SIZE_MAX);
    }
    if (o->bloom_bits > 32) {
        return shardy__fail(err, SHARDY_E_CONFIG, "%u bloom filter bits per key, at most 32",
                            o->bloom_bits);
    }
    if (o->compression != SHARDY_COMPRESSION_NONE && o->compression != SHARDY_COMPRESSION_ZSTD) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED, "compression %d of a key-value shard",
                            (int)o->compression);
    }
    return SHARDY_OK;
}

shardy_status shardy__slatedb_writer_open(shardy__dir *dir, const shardy__slatedb_options *options,
                                          shardy__slatedb_writer **out, shardy_error *err) {
    *out = NULL;
    shardy__slatedb_writer *w = shardy__calloc(1, sizeof *w);
    if (!w) return shardy__fail_nomem(err);
    w->dir = dir;
    w->options = *options;
    shardy_status rc = check_options(&w->options, err);
    if (rc) goto done;
    w->next = (shardy__sdb_ulid){options->ulid_high, options->ulid_low};
    shardy__sdb_builder_options builder = {
        .block_size = w->options.block_size,
        .bloom_bits = w->options.no_bloom ? 0 : w->options.bloom_bits,
        .zstd = w->options.compression == SHARDY_COMPRESSION_ZSTD,
        .seq = w->options.seq,
    };
    rc = shardy__sdb_builder_init(&w->builder, &builder, err);
    if (rc) goto done;
    *out = w;
    w = NULL;
done:
    shardy__slatedb_writer_close(w);
    return rc;
}

void shardy__slatedb_writer_close(shardy__slatedb_writer *w) {
    if (!w) return;
    shardy__sink_close(w->sink);
    shardy__sdb_builder_free(&w->builder);
    for (size_t i = 0; i < w->n; i++) shardy__free(w->keys[i]);
    shardy__free(w->keys);
    shardy__free(w->tables);
    shardy__free(w);
}

static shardy_status begin_sst(shardy__slatedb_writer *w, shardy_error *err) {
    char name[SHARDY__SDB_SST_NAME_MAX];
    if (shardy__grow(&w->tables, &w->tables_cap, w->n + 1, sizeof *w->tables) ||
        shardy__grow(&w->keys, &w->keys_cap, w->n + 1, sizeof *w->keys)) {
        return shardy__fail_nomem(err);
    }
    bool given = w->options.ulid_high || w->options.ulid_low;
    if (!given) SHARDY_TRY(shardy__sdb_ulid_new(&w->next, err));
    shardy__sdb_sst_name(name, w->next);
    SHARDY_TRY(shardy__dir_create(w->dir, name, &w->sink, err));
    shardy__sdb_builder_start(&w->builder, w->sink);
    return SHARDY_OK;
}

static shardy_status end_sst(shardy__slatedb_writer *w, shardy_error *err) {
    shardy__sdb_table *table = &w->tables[w->n];
    SHARDY_TRY(shardy__sdb_builder_finish(&w->builder, &table->info, err));
    SHARDY_TRY(shardy__sink_commit(w->sink, err));
    shardy__sink_close(w->sink);
    w->sink = NULL;
    shardy_slice *first = &table->info.first, *last = &table->info.last;
    uint8_t *keys = shardy__malloc(first->len + last->len);
    if (!keys) return shardy__fail_nomem(err);
    memcpy(keys, first->data, first->len);
    memcpy(keys + first->len, last->data, last->len);
    first->data = keys;
    last->data = keys + first->len;
    table->ulid = w->next;
    w->next = shardy__sdb_ulid_next(w->next);
    w->keys[w->n++] = keys;
    const shardy__sdb_builder *b = &w->builder;
    w->stats.rows += b->totals.rows;
    w->stats.key_bytes += b->totals.key_bytes;
    w->stats.value_bytes += b->totals.value_bytes;
    w->stats.blocks += b->blocks.n;
    w->stats.bytes += b->offset;
    w->stats.ssts++;
    return SHARDY_OK;
}

static shardy_status check_row(const shardy__slatedb_writer *w, shardy_slice key,
                               shardy_slice value, shardy_error *err) {
    if (w->failed || w->finished) {
        return shardy__fail(err, SHARDY_E_STATE, "writer of %s has %s", w->dir->url,
                            w->failed ? "failed" : "finished");
    }
    if (key.len == 0 || key.len > SHARDY_KEY_MAX) {
        return shardy__fail(err, SHARDY_E_LIMIT, "key of %zu bytes, 1 to %u are allowed", key.len,
                            SHARDY_KEY_MAX);
    }
    if (value.len > SHARDY_VALUE_MAX) {
        char text[200];
        return shardy__fail(err, SHARDY_E_LIMIT, "value of %zu bytes under key %s, at most %u",
                            value.len, shardy__quote(text, sizeof text, key.data, key.len),
                            SHARDY_VALUE_MAX);
    }
    return SHARDY_OK;
}

static shardy_status add(shardy__slatedb_writer *w, shardy_slice key, shardy_slice value,
                         size_t common, shardy_error *err) {
    if (w->sink && (shardy__sdb_builder_bytes(&w->builder) >= w->options.sst_bytes ||
                    shardy__sdb_builder_full(&w->builder))) {
        SHARDY_TRY(end_sst(w, err));
    }
    if (!w->sink) SHARDY_TRY(begin_sst(w, err));
    return shardy__sdb_builder_add(&w->builder, key, value, common, err);
}

shardy_status shardy__slatedb_writer_add(shardy__slatedb_writer *w, shardy_slice key,
                                         shardy_slice value, shardy_error *err) {
    size_t common;
    SHARDY_TRY(check_row(w, key, value, err));
    SHARDY_TRY(shardy__sdb_builder_order(&w->builder, key, &common, err));
    if (!value.len) value.data = "";
    shardy_status rc = add(w, key, value, common, err);
    if (rc) w->failed = true;
    return rc;
}

static shardy_status write_manifest(shardy__slatedb_writer *w, shardy_error *err) {
    shardy__buf bytes = {0};
    shardy__sink *sink = NULL;
    shardy__sdb_checkpoint checkpoint = {w->options.no_checkpoint ? NULL : w->options.checkpoint,
                                         w->options.checkpoint_created};
    uint64_t last_seq = w->n ? w->options.seq : 0;
    shardy_status rc = shardy__sdb_put_manifest(&bytes, w->tables, w->n, last_seq, checkpoint, err);
    if (rc) goto done;
    rc = shardy__dir_create(w->dir, SHARDY__SDB_MANIFEST_NAME, &sink, err);
    if (rc) goto done;
    rc = shardy__sink_append(sink, bytes.data, bytes.len, err);
    if (rc) goto done;
    rc = shardy__sink_commit(sink, err);
    if (rc) goto done;
    w->stats.bytes += bytes.len;
done:
    shardy__sink_close(sink);
    shardy__buf_free(&bytes);
    return rc;
}

shardy_status shardy__slatedb_writer_finish(shardy__slatedb_writer *w, shardy__slatedb_stats *stats,
                                            shardy_error *err) {
    if (w->failed || w->finished) {
        return shardy__fail(err, SHARDY_E_STATE, "writer of %s has %s", w->dir->url,
                            w->failed ? "failed" : "finished");
    }
    shardy_status rc = w->sink ? end_sst(w, err) : SHARDY_OK;
    if (!rc) rc = write_manifest(w, err);
    if (rc) {
        w->failed = true;
        return rc;
    }
    w->finished = true;
    if (stats) *stats = w->stats;
    return SHARDY_OK;
}

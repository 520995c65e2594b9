/* writer.c: opening a writer and adding single rows. */
#include "shardyfusion/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "shardyfusion/route.h"
#include "store/store.h"
#include "vec/vec.h"
#include "writer/writer_impl.h"

#define PROGRESS_EVERY_NS 100000000u

/* ---- progress ---- */

bool shardy__meter_report(shardy__meter *m, bool force) {
    if (!m->fn) return true;
    if (atomic_load(&m->cancelled)) return false;
    uint64_t now = shardy__monotonic_ns();
    bool go_on = true;
    shardy__mutex_lock(&m->lock);
    if (force || now - m->last_ns >= PROGRESS_EVERY_NS) {
        m->last_ns = now;
        shardy_progress p = {atomic_load(&m->rows), atomic_load(&m->shards_total),
                             atomic_load(&m->shards_built), atomic_load(&m->bytes)};
        go_on = m->fn(m->ctx, &p);
    }
    shardy__mutex_unlock(&m->lock);
    if (!go_on) atomic_store(&m->cancelled, true);
    return go_on;
}

/* ---- options ---- */

static shardy_status check_range(const char *name, uint64_t value, uint64_t low, uint64_t high,
                                 shardy_error *err) {
    if (!value || (value >= low && value <= high)) return SHARDY_OK;
    return shardy__fail(err, SHARDY_E_CONFIG,
                        "%s is %" PRIu64 "; it must be %" PRIu64 " .. %" PRIu64, name, value, low,
                        high);
}

static shardy_status check_options(const shardy_writer_options *o, shardy_error *err) {
    if (o->size != sizeof *o) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "writer options have an unknown size %zu",
                            o->size);
    }
    if (o->num_dbs < 1 || o->num_dbs > SHARDY__NUM_DBS_MAX) {
        return shardy__fail(err, SHARDY_E_CONFIG, "sharding.num_dbs must be > 0 and <= %u, got %u",
                            SHARDY__NUM_DBS_MAX, o->num_dbs);
    }
    if (o->key_encoding < SHARDY_ENCODING_AUTO || o->key_encoding > SHARDY_ENCODING_RAW) {
        return shardy__fail(err, SHARDY_E_CONFIG, "key_encoding %d is unknown",
                            (int)o->key_encoding);
    }
    if (o->compression != SHARDY_COMPRESSION_NONE && o->compression != SHARDY_COMPRESSION_ZSTD) {
        return shardy__fail(err, SHARDY_E_CONFIG, "compression %d is unknown", (int)o->compression);
    }
    SHARDY_TRY(check_range("block_size", o->block_size, 1024, 65536, err));
    SHARDY_TRY(check_range("bloom_bits_per_key", o->bloom_bits_per_key, 2, 32, err));
    SHARDY_TRY(check_range("sst_bytes", o->sst_bytes, 65536, UINT64_C(1) << 40, err));
    SHARDY_TRY(check_range("threads", o->threads, 1, SHARDY__THREADS_MAX, err));
    SHARDY_TRY(check_range("memory_limit", o->memory_limit, 1u << 20, UINT64_MAX, err));
    if (o->key_col && (!*o->key_col || !shardy__utf8_valid(o->key_col, strlen(o->key_col)))) {
        char text[100];
        return shardy__fail(err, SHARDY_E_CONFIG, "key_col %s must be non-empty UTF-8",
                            shardy__quote(text, sizeof text, o->key_col, strlen(o->key_col)));
    }
    if (o->run_id) SHARDY_TRY(shardy__check_run_id(o->run_id, err));
    if (o->shard_prefix) SHARDY_TRY(shardy__check_shard_prefix(o->shard_prefix, err));
    if (o->db_path_template) SHARDY_TRY(shardy__check_db_path_template(o->db_path_template, err));
    return o->vector ? shardy_vector_spec_check(o->vector, err) : SHARDY_OK;
}

/* The user's JSON must be mergeable; finding out after the build would be late. */
static shardy_status check_custom(const char *json, shardy_error *err) {
    char *merged = NULL;
    shardy__custom custom = {.user_json = json};
    shardy_status rc = shardy__custom_json(&custom, &merged, err);
    shardy__free(merged);
    return rc;
}

static shardy_status copy_strings(shardy_writer *w, const shardy_writer_options *o,
                                  shardy_error *err) {
    uint8_t uuid[16];
    char hex[33];
    SHARDY_TRY(shardy__uuid4(uuid, err));
    w->run_named = o->run_id != NULL;
    w->run_id = shardy__strdup(o->run_id ? o->run_id : shardy__uuid_hex(hex, uuid));
    w->key_col = shardy__strdup(o->key_col ? o->key_col : "_key");
    w->shard_prefix = shardy__strdup(o->shard_prefix ? o->shard_prefix : "shards");
    w->db_path_template =
        shardy__strdup(o->db_path_template ? o->db_path_template : "db={db_id:05d}");
    w->custom_json = shardy__strdup(o->custom_json);
    bool ok = w->run_id && w->key_col && w->shard_prefix && w->db_path_template &&
              (w->custom_json || !o->custom_json);
    return ok ? SHARDY_OK : shardy__fail_nomem(err);
}

static shardy_status stop_at_first(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    (void)size, (void)err;
    *(bool *)ctx = name != NULL;
    return SHARDY_E_CANCELLED; /* one is enough */
}

shardy_status shardy__run_taken(const shardy_writer *w, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_CONFIG,
                        "run_id \"%s\" has objects below %s/%s already; it must be new", w->run_id,
                        w->prefix, w->shard_prefix);
}

/* Attempts write under fresh names; a run id that is in use would mix two runs. */
static shardy_status check_run_is_new(shardy_writer *w, shardy_error *err) {
    bool any = false;
    char *below = shardy__format("%s/run_id=%s/", w->shard_prefix, w->run_id);
    if (!below) return shardy__fail_nomem(err);
    shardy_status rc = shardy__dir_list(w->dir, below, stop_at_first, &any, err);
    shardy__free(below);
    return any ? shardy__run_taken(w, err) : rc;
}

static shardy_status open_parts(shardy_writer *w, const shardy_writer_options *o,
                                shardy_error *err) {
    SHARDY_TRY(shardy__url_normalise(o->prefix, &w->prefix, err));
    SHARDY_TRY(copy_strings(w, o, err));
    SHARDY_TRY(check_custom(w->custom_json, err));
    w->options.threads = o->threads ? o->threads : shardy__cpu_count();
    uint64_t memory = shardy__memory_size();
    w->limit = o->memory_limit ? o->memory_limit : memory ? memory / 4 * 3 : UINT64_MAX;
    w->encoding = o->key_encoding;
    if (o->vector) w->spec = *o->vector;
    w->shards = shardy__calloc(o->num_dbs, sizeof *w->shards);
    if (!w->shards) return shardy__fail_nomem(err);
    SHARDY_TRY(shardy__store_open(w->prefix, &w->dir, err));
    SHARDY_TRY(shardy__store_check_writable(w->dir, err));
    return check_run_is_new(w, err);
}

shardy_status shardy_writer_open(const shardy_writer_options *options, shardy_writer **out,
                                 shardy_error *err) {
    if (out) *out = NULL;
    if (!options || !out) {
        return shardy__fail(err, SHARDY_E_ARGUMENT,
                            "shardy_writer_open: a required pointer is NULL");
    }
    SHARDY_TRY(check_options(options, err));
    shardy_writer *w = shardy__calloc(1, sizeof *w);
    if (!w) return shardy__fail_nomem(err);
    w->options = *options;
    w->failed = (shardy_error)SHARDY_ERROR_INIT;
    w->opened_ns = shardy__monotonic_ns();
    w->fork_generation = shardy__fork_generation();
    shardy__log_init(&w->log, options->log, options->log_ctx);
    w->meter.fn = options->progress;
    w->meter.ctx = options->progress_ctx;
    shardy__mutex_init(&w->meter.lock);
    shardy_status rc = open_parts(w, options, err);
    if (rc) {
        shardy_writer_close(w);
        return rc;
    }
    *out = w;
    return SHARDY_OK;
}

void shardy_writer_close(shardy_writer *w) {
    if (!w) return;
    for (uint32_t i = 0; w->shards && i < w->options.num_dbs; i++) {
        if (w->shards[i].bytes) shardy__rows_free(&w->shards[i]);
    }
    shardy__free(w->shards);
    shardy__dir_close(w->dir);
    shardy__mutex_destroy(&w->meter.lock);
    shardy__log_destroy(&w->log);
    shardy__free(w->prefix);
    shardy__free(w->run_id);
    shardy__free(w->key_col);
    shardy__free(w->shard_prefix);
    shardy__free(w->db_path_template);
    shardy__free(w->custom_json);
    shardy__free(w);
}

shardy_status shardy__writer_usable(const shardy_writer *w, shardy_error *err) {
    if (w->fork_generation != shardy__fork_generation()) {
        return shardy__fail(err, SHARDY_E_FORKED,
                            "writer was opened before a fork; open a new one");
    }
    if (w->failed.code) {
        if (err) *err = w->failed;
        return w->failed.code;
    }
    if (w->finished) return shardy__fail(err, SHARDY_E_STATE, "writer is finished");
    return SHARDY_OK;
}

/* ---- rows ---- */

static const char *key_text(char *dst, size_t size, const shardy_key *key) {
    if (key->type == SHARDY_KEY_INT) {
        snprintf(dst, size, "%" PRId64, key->i64);
        return dst;
    }
    return shardy__quote(dst, size, key->bytes.data, key->bytes.len);
}

static const char *key_type_name(shardy_key_type type) {
    return type == SHARDY_KEY_INT ? "int" : type == SHARDY_KEY_STR ? "str" : "bytes";
}

/* "key X: rule" */
#define REFUSE(err, key, ...)                                                                  \
    do {                                                                                       \
        char refuse_text[200];                                                                 \
        shardy__fail(err, SHARDY_E_CONFIG, __VA_ARGS__);                                       \
        shardy__error_prefix(err, "key %s: ", key_text(refuse_text, sizeof refuse_text, key)); \
        return SHARDY_E_CONFIG;                                                                \
    } while (0)

static shardy_status check_vector(const shardy_writer *w, const shardy_row *row,
                                  shardy_error *err) {
    bool zero;
    if (!w->spec.dim) {
        if (row->vector || row->vector_len) {
            REFUSE(err, &row->key, "a vector was given, but the snapshot has no vector spec");
        }
        return SHARDY_OK;
    }
    if (!row->vector) {
        REFUSE(err, &row->key, "vector is missing; every row needs one of dim %u", w->spec.dim);
    }
    if (row->vector_len != w->spec.dim) {
        REFUSE(err, &row->key, "vector has %u values; vector_spec.dim is %u", row->vector_len,
               w->spec.dim);
    }
    if (!shardy__vec_check(row->vector, row->vector_len, &zero)) {
        uint32_t i = 0;
        while (i < row->vector_len && shardy__vec_check(row->vector + i, 1, NULL)) i++;
        REFUSE(err, &row->key, "vector value %u is %s; all values must be finite", i,
               row->vector[i] != row->vector[i] ? "NaN"
               : row->vector[i] > 0             ? "infinity"
                                                : "-infinity");
    }
    if (zero && w->spec.metric == SHARDY_METRIC_COSINE) {
        REFUSE(err, &row->key, "vector is all zeros, which has no direction under metric cosine");
    }
    return SHARDY_OK;
}

static shardy_status check_text(const shardy_row *row, shardy_slice text, const char *what,
                                shardy_error *err) {
    if (!text.data) return SHARDY_OK;
    if (text.len > SHARDY_VALUE_MAX) {
        REFUSE(err, &row->key, "%s has %zu bytes; at most %u are allowed", what, text.len,
               SHARDY_VALUE_MAX);
    }
    if (!shardy__utf8_valid(text.data, text.len)) {
        REFUSE(err, &row->key, "%s is not valid UTF-8", what);
    }
    return SHARDY_OK;
}

/* The id of a row that brings none: its key, as text. `scratch` keeps short made ones; *made is
 * owned for long ones. */
static shardy_status default_id(const shardy_key *key, shardy_slice stored, char scratch[32],
                                char **made, shardy_slice *id, shardy_error *err) {
    *made = NULL;
    if (key->type == SHARDY_KEY_STR) {
        *id = stored;
        return SHARDY_OK;
    }
    if (key->type == SHARDY_KEY_INT) {
        int n = snprintf(scratch, 32, "%" PRId64, key->i64);
        *id = (shardy_slice){scratch, (size_t)n};
        return SHARDY_OK;
    }
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = key->bytes.data;
    char *hex = shardy__malloc(2 * key->bytes.len + 1);
    if (!hex) return shardy__fail_nomem(err);
    for (size_t i = 0; i < key->bytes.len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    *made = hex;
    *id = (shardy_slice){hex, 2 * key->bytes.len};
    return SHARDY_OK;
}

static shardy_status check_key_type(shardy_writer *w, const shardy_key *key, shardy_error *err) {
    if (key->type < SHARDY_KEY_INT || key->type > SHARDY_KEY_BYTES) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "key type %d is unknown", (int)key->type);
    }
    if (w->key_type && w->key_type != key->type) {
        REFUSE(err, key,
               "is of type %s; the first row's key is %s, and mixed int/str/bytes keys "
               "are not allowed",
               key_type_name(key->type), key_type_name(w->key_type));
    }
    return SHARDY_OK;
}

static shardy_status check_row(shardy_writer *w, const shardy_row *row, shardy_error *err) {
    SHARDY_TRY(check_key_type(w, &row->key, err));
    if (!row->value.data) REFUSE(err, &row->key, "value is missing");
    if (row->value.len > SHARDY_VALUE_MAX) {
        REFUSE(err, &row->key, "value has %zu bytes; at most %u are allowed", row->value.len,
               SHARDY_VALUE_MAX);
    }
    SHARDY_TRY(check_vector(w, row, err));
    SHARDY_TRY(check_text(row, row->vector_id, "vector id", err));
    return check_text(row, row->payload, "payload", err);
}

static shardy_status store_row(shardy_writer *w, const shardy_row *row, shardy_slice stored,
                               shardy_error *err) {
    shardy__rows *rows = &w->shards[shardy_route_hash(&row->key, w->options.num_dbs)];
    char scratch[32], *made = NULL;
    shardy__new_row fresh = {stored, row->value, row->vector_id, row->payload, row->vector};
    if (w->spec.dim && !fresh.id.data) {
        SHARDY_TRY(default_id(&row->key, stored, scratch, &made, &fresh.id, err));
    }
    rows->dim = w->spec.dim; /* here, so that shards without rows take no memory */
    uint64_t before = rows->bytes;
    shardy_status rc = shardy__rows_add(rows, &fresh, err);
    w->bytes += rows->bytes - before;
    shardy__free(made);
    return rc;
}

shardy_status shardy__writer_add_row(shardy_writer *w, const shardy_row *row, shardy_error *err) {
    uint8_t scratch[8];
    shardy_slice stored;
    SHARDY_TRY(check_row(w, row, err));
    shardy_key_encoding encoding =
        w->encoding ? w->encoding : shardy_key_encoding_for(row->key.type);
    SHARDY_TRY(shardy_key_encode(&row->key, encoding, scratch, &stored, err));
    if (w->bytes > w->limit) {
        return shardy__fail(err, SHARDY_E_LIMIT,
                            "buffered rows hold %" PRIu64 " bytes; memory_limit is %" PRIu64
                            " and rows are not spilled to disk",
                            w->bytes, w->limit);
    }
    SHARDY_TRY(store_row(w, row, stored, err));
    w->encoding = encoding;
    w->key_type = row->key.type;
    w->rows++;
    if (w->rows % 1024 == 0) {
        atomic_store(&w->meter.rows, w->rows);
        if (!shardy__meter_report(&w->meter, false)) {
            shardy__fail(&w->failed, SHARDY_E_CANCELLED, "cancelled by the caller");
            return shardy__writer_usable(w, err);
        }
    }
    return SHARDY_OK;
}

shardy_status shardy_writer_add(shardy_writer *w, const shardy_row *row, shardy_error *err) {
    if (!w || !row || row->size != sizeof *row) {
        return shardy__fail(err, SHARDY_E_ARGUMENT,
                            "shardy_writer_add: writer or row is NULL or of an unknown size");
    }
    SHARDY_TRY(shardy__writer_usable(w, err));
    return shardy__writer_add_row(w, row, err);
}

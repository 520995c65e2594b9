/* snapshot_model.c: a manifest in memory: its rules, its facts and its end. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "snapshot/snapshot_impl.h"

shardy_status shardy__recode(shardy_error *err, shardy_status code) {
    if (err) err->code = code;
    return code;
}

void shardy__manifest_free(shardy__manifest *m) {
    for (uint32_t i = 0; i < m->n_shards; i++) {
        shardy_shard_info *s = &m->shards[i];
        const char *owned[] = {s->db_url,        s->min_key,     s->max_key,
                               s->checkpoint_id, s->writer_info, s->vector_index};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) shardy__free((char *)owned[k]);
    }
    for (size_t i = 0; i < m->n_objects; i++) shardy__free(m->objects[i].name);
    char *owned[] = {m->run_id,           m->created_at,   m->prefix,        m->key_col,
                     m->db_path_template, m->shard_prefix, m->sharding_json, m->custom_json,
                     m->index_type,       m->quantization, m->index_note};
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) shardy__free(owned[k]);
    shardy__free(m->shards);
    shardy__free(m->objects);
    memset(m, 0, sizeof *m);
}

const shardy__manifest_object *shardy__manifest_objects(const shardy__manifest *m, uint32_t db_id,
                                                        size_t *n) {
    size_t low = 0, high = m->n_objects;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m->objects[mid].db_id < db_id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    while (high < m->n_objects && m->objects[high].db_id == db_id) high++;
    *n = high - low;
    return *n ? m->objects + low : NULL;
}

bool shardy__is_time(const char *text) {
    static const char shape[] = "0000-00-00T00:00:00";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i]) return false;
    }
    return true;
}

shardy_status shardy__check_json(const char *what, const char *text, bool object, json_t **out,
                                 shardy_status code, shardy_error *err) {
    json_t *value;
    SHARDY_TRY(shardy__json_parse(what, text, strlen(text), 0, code, &value, err));
    shardy_status rc = SHARDY_OK;
    if (object ? !json_is_object(value) : json_is_object(value) || json_is_array(value)) {
        rc = shardy__fail(err, code, "%s must be a JSON %s", what, object ? "object" : "scalar");
    } else if (out) {
        *out = json_incref(value);
    }
    json_decref(value);
    return rc;
}

/* ---- rules ---- */

static shardy_status check_text(const char *field, const char *value, shardy_status code,
                                shardy_error *err) {
    if (!value || !*value) return shardy__fail(err, code, "%s must be non-empty", field);
    if (!shardy__utf8_valid(value, strlen(value))) {
        return shardy__fail(err, code, "%s is not UTF-8", field);
    }
    return SHARDY_OK;
}

static shardy_status check_header(const shardy__manifest *m, shardy_status code,
                                  shardy_error *err) {
    const struct {
        const char *field, *value;
    } texts[] = {{"run_id", m->run_id},
                 {"created_at", m->created_at},
                 {"s3_prefix", m->prefix},
                 {"key_col", m->key_col},
                 {"db_path_template", m->db_path_template},
                 {"shard_prefix", m->shard_prefix}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        SHARDY_TRY(check_text(texts[i].field, texts[i].value, code, err));
    }
    if (!shardy__is_time(m->created_at)) {
        char text[60];
        return shardy__fail(err, code, "created_at %s is not a time",
                            shardy__quote(text, sizeof text, m->created_at, strlen(m->created_at)));
    }
    if (m->num_dbs < 1 || m->num_dbs > SHARDY__NUM_DBS_MAX) {
        return shardy__fail(err, code, "num_dbs %u is outside 1 to %u", m->num_dbs,
                            SHARDY__NUM_DBS_MAX);
    }
    if (m->key_encoding < SHARDY_ENCODING_U64BE || m->key_encoding > SHARDY_ENCODING_RAW) {
        return shardy__fail(err, code, "key_encoding %d is unknown", (int)m->key_encoding);
    }
    if (m->n_shards > m->num_dbs) {
        return shardy__fail(err, code, "number of shards %u exceeds num_dbs %u", m->n_shards,
                            m->num_dbs);
    }
    return m->custom_json ? shardy__check_json("custom", m->custom_json, true, NULL, code, err)
                          : SHARDY_OK;
}

static shardy_status expect_string(const json_t *sharding, const char *name, const char *expected,
                                   shardy_status code, shardy_error *err) {
    const json_t *value = json_object_get(sharding, name);
    const char *string = shardy__json_text(value);
    char text[80];
    if (string && !strcmp(string, expected)) return SHARDY_OK;
    if (string && !strcmp(string, "cel")) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "sharding: %s \"cel\" is not supported; only \"%s\" is", name,
                            expected);
    }
    return shardy__fail(err, code, "sharding: %s is %s; expected \"%s\"", name,
                        shardy__json_quote(text, sizeof text, value), expected);
}

static shardy_status check_routing(const json_t *sharding, uint32_t num_dbs, shardy_status code,
                                   shardy_error *err) {
    SHARDY_TRY(expect_string(sharding, "strategy", SHARDY__STRATEGY, code, err));
    SHARDY_TRY(expect_string(sharding, "hash_algorithm", SHARDY__HASH_ALGORITHM, code, err));
    const json_t *values = json_object_get(sharding, "routing_values");
    if (!values || json_is_null(values)) return SHARDY_OK;
    if (!json_is_array(values)) {
        return shardy__fail(err, code, "sharding: routing_values must be a list or null");
    }
    size_t n = json_array_size(values);
    if ((n ? n : 1) != num_dbs) {
        return shardy__fail(err, code,
                            "sharding: routing_values cardinality %zu does not fit num_dbs %u", n,
                            num_dbs);
    }
    return SHARDY_OK;
}

static shardy_status check_sharding(const shardy__manifest *m, shardy_status code,
                                    shardy_error *err) {
    json_t *sharding;
    if (!m->sharding_json) return SHARDY_OK; /* plain hash */
    SHARDY_TRY(shardy__check_json("sharding", m->sharding_json, true, &sharding, code, err));
    shardy_status rc = check_routing(sharding, m->num_dbs, code, err);
    json_decref(sharding);
    return rc;
}

/* Without the shard's number, which the caller puts in front. */
static shardy_status check_shard(const shardy__manifest *m, const shardy_shard_info *s,
                                 shardy_status code, shardy_error *err) {
    char *path = NULL;
    SHARDY_TRY(check_text("db_url", s->db_url, code, err));
    SHARDY_TRY(shardy__relative_ref(s->db_url, m->prefix, &path, err));
    shardy__free(path);
    if (s->row_count > INT64_MAX || s->db_bytes > INT64_MAX || s->vector_count > INT64_MAX) {
        return shardy__fail(err, code, "row_count, db_bytes or vector_count is above 2^63-1");
    }
    if (s->min_key) SHARDY_TRY(shardy__check_json("min_key", s->min_key, false, NULL, code, err));
    if (s->max_key) SHARDY_TRY(shardy__check_json("max_key", s->max_key, false, NULL, code, err));
    if (s->checkpoint_id) SHARDY_TRY(check_text("checkpoint_id", s->checkpoint_id, code, err));
    return s->writer_info ? shardy__check_json("writer_info", s->writer_info, true, NULL, code, err)
                          : SHARDY_OK;
}

static shardy_status check_shards(const shardy__manifest *m, shardy_status code,
                                  shardy_error *err) {
    uint64_t rows = 0, bytes = 0, vectors = 0;
    for (uint32_t i = 0; i < m->n_shards; i++) {
        const shardy_shard_info *s = &m->shards[i];
        if (s->db_id >= m->num_dbs) {
            return shardy__fail(err, code, "shards: db_id %u is out of range [0, %u)", s->db_id,
                                m->num_dbs);
        }
        if (i && s->db_id == s[-1].db_id) {
            return shardy__fail(err, code, "shards: duplicate db_id %u", s->db_id);
        }
        if (i && s->db_id < s[-1].db_id) {
            return shardy__fail(err, code, "shards: db_id %u after %u", s->db_id, s[-1].db_id);
        }
        shardy_status rc = check_shard(m, s, code, err);
        if (rc) {
            shardy__error_prefix(err, "shard %u: ", s->db_id);
            return rc;
        }
        rows += s->row_count; /* no overflow: each is below 2^63 and the sum is checked each time */
        bytes += s->db_bytes;
        vectors += s->vector_count;
        if (rows > INT64_MAX || bytes > INT64_MAX || vectors > INT64_MAX) {
            return shardy__fail(err, code,
                                "shards: row_count, db_bytes or vector_count adds up to more than "
                                "2^63-1");
        }
    }
    return SHARDY_OK;
}

static shardy_status check_objects(const shardy__manifest *m, shardy_status code,
                                   shardy_error *err) {
    uint32_t shard = 0;
    for (size_t i = 0; i < m->n_objects; i++) {
        const shardy__manifest_object *o = &m->objects[i];
        char text[200];
        shardy__quote(text, sizeof text, o->name ? o->name : "", o->name ? strlen(o->name) : 0);
        while (shard < m->n_shards && m->shards[shard].db_id < o->db_id) shard++;
        if (shard == m->n_shards || m->shards[shard].db_id != o->db_id) {
            return shardy__fail(err, code,
                                "shard_objects: db_id %u of %s is not in shards or out of order",
                                o->db_id, text);
        }
        if (!o->name || !shardy__plain_path(o->name) ||
            !shardy__utf8_valid(o->name, strlen(o->name))) {
            return shardy__fail(err, code,
                                "shard_objects: shard %u: name %s is not a plain relative path",
                                o->db_id, text);
        }
        if (o->size > INT64_MAX) {
            return shardy__fail(err, code, "shard_objects: shard %u: %s is larger than 2^63-1",
                                o->db_id, text);
        }
        if (i && o[-1].db_id == o->db_id && strcmp(o[-1].name, o->name) >= 0) {
            return shardy__fail(err, code, "shard_objects: shard %u: %s is there twice or unsorted",
                                o->db_id, text);
        }
    }
    return SHARDY_OK;
}

shardy_status shardy__manifest_check(const shardy__manifest *m, shardy_status code,
                                     shardy_error *err) {
    SHARDY_TRY(check_header(m, code, err));
    SHARDY_TRY(check_sharding(m, code, err));
    SHARDY_TRY(check_shards(m, code, err));
    return check_objects(m, code, err);
}

/* ---- facts ---- */

void shardy__manifest_info(const shardy__manifest *m, const char *ref, const char *published,
                           shardy_snapshot_info *out) {
    *out = (shardy_snapshot_info)SHARDY_SNAPSHOT_INFO_INIT;
    out->prefix = m->prefix;
    out->run_id = m->run_id;
    out->manifest_ref = ref;
    out->created_at = m->created_at;
    out->published_at = published;
    out->num_dbs = m->num_dbs;
    out->num_shards = m->n_shards;
    out->strategy = SHARDY__STRATEGY;
    out->hash_algorithm = SHARDY__HASH_ALGORITHM;
    out->key_col = m->key_col;
    out->key_encoding = shardy_key_encoding_name(m->key_encoding);
    out->custom_json = m->custom_json;
    for (uint32_t i = 0; i < m->n_shards; i++) {
        out->row_count += m->shards[i].row_count;
        out->db_bytes += m->shards[i].db_bytes;
    }
    if (!m->has_vectors) return;
    out->has_vectors = true;
    out->dim = m->dim;
    out->metric = shardy_metric_name(m->metric);
    out->index_type = m->index_type;
    out->quantization = m->quantization;
    out->index_note = m->index_note;
    for (uint32_t i = 0; i < m->n_shards; i++) {
        const char *built = m->shards[i].vector_index;
        out->vector_count += m->shards[i].vector_count;
        if (!built) continue;
        bool same = !out->index_built || !strcmp(out->index_built, built);
        out->index_built = same ? built : "mixed";
    }
}

/* snapshot_custom.c: the manifest's `custom` object.
 *
 * custom["vector"] is what every implementation knows of a snapshot's vectors,
 * custom["shardyfusion"] is what this one adds per shard; readers must do without the second.
 * docs/format/snapshot.md has the fields.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "shardyfusion/shardyfusion.h"
#include "snapshot/snapshot_impl.h"

#define FORMAT 1                        /* of custom["shardyfusion"] */
#define USER_JSON_MAX ((size_t)1 << 24) /* bytes of custom fields given by the caller */

/* ---- making ---- */

/* Setters take over the value, whatever comes of it, and answer false without memory: jansson
 * passes a NULL on as a failure. */
static bool set(json_t *object, const char *name, json_t *value) {
    return json_object_set_new(object, name, value) == 0;
}

static bool set_u64(json_t *object, const char *name, uint64_t value) {
    return set(object, name, json_integer((json_int_t)value));
}

static bool set_text(json_t *object, const char *name, const char *text) {
    return set(object, name, text ? json_string(text) : json_null());
}

static bool set_index_params(json_t *vector, const shardy_vector_spec *spec) {
    const struct {
        const char *name;
        uint32_t value;
    } params[] = {{"M", spec->m},
                  {"ef_construction", spec->ef_construction},
                  {"num_partitions", spec->num_partitions},
                  {"ef", spec->ef},
                  {"nprobes", spec->nprobes},
                  {"refine_factor", spec->refine_factor}};
    json_t *object = json_object();
    bool ok = object != NULL;
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        if (params[i].value) ok = ok && set_u64(object, params[i].name, params[i].value);
    }
    if (ok && json_object_size(object)) ok = json_object_set(vector, "index_params", object) == 0;
    json_decref(object);
    return ok;
}

static bool set_vector(json_t *custom, const shardy_vector_spec *spec) {
    bool asked = spec->quantization != SHARDY_QUANTIZATION_DEFAULT;
    json_t *vector = json_object();
    return set(custom, "vector", vector) && set_u64(vector, "dim", spec->dim) &&
           set_text(vector, "metric", shardy_metric_name(spec->metric)) &&
           set_text(vector, "index_type", shardy_index_type_name(spec->index_type)) &&
           set_text(vector, "quantization",
                    asked ? shardy_quantization_name(spec->quantization) : NULL) &&
           set_index_params(vector, spec) && set(vector, "unified", json_true()) &&
           set_text(vector, "backend", "lancedb") && set_text(vector, "kv_backend", "slatedb");
}

static bool set_shards(json_t *own, const shardy__custom *in) {
    json_t *shards = json_object();
    bool ok = set(own, "shards", shards);
    for (uint32_t i = 0; ok && i < in->n_shards; i++) {
        const shardy_shard_info *s = &in->shards[i];
        json_t *facts = json_object();
        char db_id[11];
        snprintf(db_id, sizeof db_id, "%u", s->db_id);
        ok = set(shards, db_id, facts) && set_u64(facts, "vector_count", s->vector_count) &&
             set_text(facts, "vector_index", s->vector_index) &&
             set_u64(facts, "vector_partitions", s->vector_partitions);
    }
    return ok;
}

static bool set_own(json_t *custom, const shardy__custom *in) {
    char writer[60];
    snprintf(writer, sizeof writer, "shardyfusion %s", shardy_version());
    json_t *own = json_object();
    return set(custom, "shardyfusion", own) && set_u64(own, "format", FORMAT) &&
           set_text(own, "writer", writer) && set_u64(own, "duplicate_rows", in->duplicate_rows) &&
           (!in->index_note || set_text(own, "index_note", in->index_note)) &&
           (!in->spec || set_shards(own, in));
}

/* The caller's object, which must leave room for ours. */
static shardy_status read_user(const char *text, json_t **out, shardy_error *err) {
    static const char what[] = "custom manifest fields";
    static const char *const reserved[] = {"vector", "shardyfusion", "sqlite_sidecar"};
    size_t len = strlen(text);
    if (len > USER_JSON_MAX) {
        return shardy__fail(err, SHARDY_E_CONFIG, "%s have %zu bytes; at most %zu are allowed",
                            what, len, USER_JSON_MAX);
    }
    SHARDY_TRY(
        shardy__json_parse(what, text, len, JSON_REJECT_DUPLICATES, SHARDY_E_CONFIG, out, err));
    if (!json_is_object(*out)) {
        return shardy__fail(err, SHARDY_E_CONFIG, "%s must be a JSON object", what);
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (!json_object_get(*out, reserved[i])) continue;
        return shardy__fail(err, SHARDY_E_CONFIG, "%s: key \"%s\" is reserved", what, reserved[i]);
    }
    return SHARDY_OK;
}

shardy_status shardy__custom_json(const shardy__custom *in, char **out, shardy_error *err) {
    shardy__buf text = {0};
    json_t *custom = NULL;
    *out = NULL;
    shardy_status rc = read_user(in->user_json ? in->user_json : "{}", &custom, err);
    if (rc) goto done;
    if ((in->spec && !set_vector(custom, in->spec)) || !set_own(custom, in)) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    rc = shardy__json_put(&text, custom, err);
    if (rc) goto done;
    *out = shardy__strndup((const char *)text.data, text.len);
    if (!*out) rc = shardy__fail_nomem(err);
done:
    shardy__buf_free(&text);
    json_decref(custom);
    return rc;
}

shardy_status shardy__key_json(const shardy_key *key, char **out, shardy_error *err) {
    shardy__buf text = {0};
    *out = NULL;
    if (key->type == SHARDY_KEY_INT) {
        shardy__buf_printf(&text, "%lld", (long long)key->i64);
    } else if (shardy__utf8_valid(key->bytes.data, key->bytes.len)) {
        shardy__buf_json_str(&text, key->bytes.data, key->bytes.len);
    } else if (key->type == SHARDY_KEY_BYTES) {
        return SHARDY_OK;
    } else {
        return shardy__fail(err, SHARDY_E_CONFIG, "a str key is not UTF-8");
    }
    const char *json = shardy__buf_text(&text);
    *out = json ? shardy__strdup(json) : NULL;
    shardy__buf_free(&text);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

/* ---- parsing ---- */

static shardy_status bad_custom(shardy_error *err, const char *path, const char *rule) {
    return shardy__fail(err, SHARDY_E_MANIFEST_PARSE, "custom%s %s", path, rule);
}

/* A string member as an owned text; absent or null leave *out NULL. */
static shardy_status text_member(const json_t *object, const char *path, const char *name,
                                 char **out, shardy_error *err) {
    const json_t *value = json_object_get(object, name);
    *out = NULL;
    if (!value || json_is_null(value)) return SHARDY_OK;
    const char *text = shardy__json_text(value);
    if (!text) {
        return shardy__fail(err, SHARDY_E_MANIFEST_PARSE,
                            "custom%s[\"%s\"] must be a string or null", path, name);
    }
    *out = shardy__strdup(text);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

/* A member that is an integer in [min, max]; absent leaves *out. */
static shardy_status number_member(const json_t *object, const char *path, const char *name,
                                   const uint64_t range[2], uint64_t *out, shardy_error *err) {
    const json_t *value = json_object_get(object, name);
    uint64_t v;
    if (!value) return SHARDY_OK;
    if (!shardy__json_u64(value, &v) || v < range[0] || v > range[1]) {
        char text[80];
        return shardy__fail(err, SHARDY_E_MANIFEST_PARSE,
                            "custom%s[\"%s\"] is %s; it must be an integer from %llu to %llu", path,
                            name, shardy__json_quote(text, sizeof text, value),
                            (unsigned long long)range[0], (unsigned long long)range[1]);
    }
    *out = v;
    return SHARDY_OK;
}

/* As Python has it. */
static bool truthy(const json_t *v) {
    if (json_is_boolean(v)) return json_is_true(v);
    if (json_is_number(v)) return json_number_value(v) != 0;
    return json_string_length(v) || json_array_size(v) || json_object_size(v);
}

/* The engine named by a member must be ours, which is also what an absent one means. */
static shardy_status check_backend(const json_t *vector, const char *name, const char *ours,
                                   shardy_error *err) {
    char *value = NULL;
    SHARDY_TRY(text_member(vector, "[\"vector\"]", name, &value, err));
    shardy_status rc = SHARDY_OK;
    if (value && strcmp(value, ours) != 0) {
        char text[80];
        rc = shardy__fail(err, SHARDY_E_UNSUPPORTED,
                          "custom[\"vector\"][\"%s\"] is %s; this library reads \"%s\" only", name,
                          shardy__quote(text, sizeof text, value, strlen(value)), ours);
    }
    shardy__free(value);
    return rc;
}

static shardy_status parse_index_params(shardy__manifest *m, const json_t *vector,
                                        shardy_error *err) {
    static const uint64_t range[2] = {1, INT32_MAX};
    const json_t *params = json_object_get(vector, "index_params");
    uint64_t nprobes = 0;
    if (!params || json_is_null(params)) return SHARDY_OK;
    if (!json_is_object(params)) {
        return bad_custom(err, "[\"vector\"][\"index_params\"]", "must be an object");
    }
    SHARDY_TRY(
        number_member(params, "[\"vector\"][\"index_params\"]", "nprobes", range, &nprobes, err));
    m->nprobes = (uint32_t)nprobes;
    return SHARDY_OK;
}

static shardy_status parse_metric(shardy__manifest *m, const json_t *vector, shardy_error *err) {
    char *metric = NULL;
    SHARDY_TRY(text_member(vector, "[\"vector\"]", "metric", &metric, err));
    shardy_status rc = SHARDY_OK;
    if (!metric || shardy_metric_parse(metric, &m->metric, NULL)) {
        char text[80];
        rc = shardy__fail(
            err, SHARDY_E_MANIFEST_PARSE,
            "custom[\"vector\"][\"metric\"] is %s; it must be one of cosine, l2, "
            "dot_product",
            metric ? shardy__quote(text, sizeof text, metric, strlen(metric)) : "missing");
    }
    shardy__free(metric);
    return rc;
}

static shardy_status parse_vector(shardy__manifest *m, const json_t *vector, shardy_error *err) {
    static const char path[] = "[\"vector\"]";
    static const uint64_t range[2] = {1, SHARDY_DIM_MAX};
    uint64_t dim = 0;
    if (!json_is_object(vector)) {
        return bad_custom(err, path, "must be an object");
    }
    if (!truthy(json_object_get(vector, "unified"))) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "unsupported or incomplete vector metadata: custom[\"vector\"] is not "
                            "\"unified\"; vector-only snapshots are not supported");
    }
    SHARDY_TRY(check_backend(vector, "backend", "lancedb", err));
    SHARDY_TRY(check_backend(vector, "kv_backend", "slatedb", err));
    SHARDY_TRY(number_member(vector, path, "dim", range, &dim, err));
    if (!dim) return bad_custom(err, "[\"vector\"][\"dim\"]", "is missing");
    SHARDY_TRY(parse_metric(m, vector, err));
    SHARDY_TRY(text_member(vector, path, "index_type", &m->index_type, err));
    if (!m->index_type) {
        m->index_type = shardy__strdup("hnsw");
        if (!m->index_type) return shardy__fail_nomem(err);
    }
    SHARDY_TRY(text_member(vector, path, "quantization", &m->quantization, err));
    SHARDY_TRY(parse_index_params(m, vector, err));
    m->dim = (uint32_t)dim;
    m->has_vectors = true;
    return SHARDY_OK;
}

static int by_db_id(const void *key, const void *item) {
    uint32_t a = *(const uint32_t *)key, b = ((const shardy_shard_info *)item)->db_id;
    return (a > b) - (a < b);
}

/* The shard of a decimal db_id. */
static shardy_shard_info *find_shard(shardy__manifest *m, const char *digits) {
    size_t len = strlen(digits);
    if (!len || len > 10 || strspn(digits, "0123456789") < len) return NULL;
    unsigned long long id = strtoull(digits, NULL, 10);
    if (id >= m->num_dbs || !m->n_shards) return NULL;
    uint32_t db_id = (uint32_t)id;
    return bsearch(&db_id, m->shards, m->n_shards, sizeof *m->shards, by_db_id);
}

static shardy_status parse_shard_facts(shardy__manifest *m, const char *key, const json_t *facts,
                                       shardy_error *err) {
    static const uint64_t any[2] = {0, INT64_MAX}, u32[2] = {0, UINT32_MAX};
    char path[80], name[40];
    uint64_t partitions = 0;
    snprintf(path, sizeof path, "[\"shardyfusion\"][\"shards\"][%s]",
             shardy__quote(name, sizeof name, key, strlen(key)));
    shardy_shard_info *s = find_shard(m, key);
    if (!s) return bad_custom(err, path, "is not the db_id of a shard");
    if (!json_is_object(facts)) {
        return bad_custom(err, path, "must be an object");
    }
    if (s->vector_index) return bad_custom(err, path, "is there twice");
    SHARDY_TRY(number_member(facts, path, "vector_count", any, &s->vector_count, err));
    SHARDY_TRY(number_member(facts, path, "vector_partitions", u32, &partitions, err));
    s->vector_partitions = (uint32_t)partitions;
    char *built = NULL;
    shardy_status rc = text_member(facts, path, "vector_index", &built, err);
    s->vector_index = built;
    return rc;
}

static shardy_status parse_own(shardy__manifest *m, const json_t *own, shardy_error *err) {
    static const char path[] = "[\"shardyfusion\"]";
    uint64_t format;
    if (!json_is_object(own)) return bad_custom(err, path, "must be an object");
    if (!shardy__json_u64(json_object_get(own, "format"), &format)) {
        return bad_custom(err, "[\"shardyfusion\"][\"format\"]", "must be an integer");
    }
    if (format != FORMAT) return SHARDY_OK; /* facts of a later version; nothing depends on them */
    SHARDY_TRY(text_member(own, path, "index_note", &m->index_note, err));
    json_t *shards = json_object_get(own, "shards"), *facts;
    if (!shards) return SHARDY_OK;
    if (!json_is_object(shards)) {
        return bad_custom(err, "[\"shardyfusion\"][\"shards\"]", "must be an object");
    }
    const char *key;
    json_object_foreach(shards, key, facts) { SHARDY_TRY(parse_shard_facts(m, key, facts, err)); }
    return SHARDY_OK;
}

static shardy_status parse_members(shardy__manifest *m, const json_t *custom, shardy_error *err) {
    if (json_object_get(custom, "sqlite_sidecar")) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "custom[\"sqlite_sidecar\"]: shards are SQLite databases; this library "
                            "reads \"slatedb\" only");
    }
    const json_t *vector = json_object_get(custom, "vector");
    if (vector && !json_is_null(vector)) SHARDY_TRY(parse_vector(m, vector, err));
    const json_t *own = json_object_get(custom, "shardyfusion");
    return own ? parse_own(m, own, err) : SHARDY_OK;
}

shardy_status shardy__custom_parse(shardy__manifest *m, shardy_error *err) {
    json_t *custom;
    SHARDY_TRY(
        shardy__check_json("custom", m->custom_json, true, &custom, SHARDY_E_MANIFEST_PARSE, err));
    shardy_status rc = parse_members(m, custom, err);
    json_decref(custom);
    return rc;
}

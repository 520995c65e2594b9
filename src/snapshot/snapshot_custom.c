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

static void put_str(shardy__buf *out, const char *text) {
    if (text) {
        shardy__buf_json_str(out, text, strlen(text));
    } else {
        shardy__buf_str(out, "null");
    }
}

static void put_index_params(shardy__buf *out, const shardy_vector_spec *spec) {
    const struct {
        const char *name;
        uint32_t value;
    } params[] = {{"M", spec->m},
                  {"ef_construction", spec->ef_construction},
                  {"num_partitions", spec->num_partitions},
                  {"ef", spec->ef},
                  {"nprobes", spec->nprobes},
                  {"refine_factor", spec->refine_factor}};
    const char *before = ", \"index_params\": {";
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        if (!params[i].value) continue;
        shardy__buf_printf(out, "%s\"%s\": %u", before, params[i].name, params[i].value);
        before = ", ";
    }
    if (!strcmp(before, ", ")) shardy__buf_u8(out, '}');
}

static void put_vector(shardy__buf *out, const shardy_vector_spec *spec) {
    bool asked = spec->quantization != SHARDY_QUANTIZATION_DEFAULT;
    shardy__buf_printf(out, "{\"dim\": %u, \"metric\": ", spec->dim);
    put_str(out, shardy_metric_name(spec->metric));
    shardy__buf_str(out, ", \"index_type\": ");
    put_str(out, shardy_index_type_name(spec->index_type));
    shardy__buf_str(out, ", \"quantization\": ");
    put_str(out, asked ? shardy_quantization_name(spec->quantization) : NULL);
    put_index_params(out, spec);
    shardy__buf_str(out,
                    ", \"unified\": true, \"backend\": \"lancedb\", \"kv_backend\": "
                    "\"slatedb\"}");
}

static void put_own(shardy__buf *out, const shardy__custom *in) {
    shardy__buf_printf(out, "{\"format\": %d, \"writer\": \"shardyfusion %s\"", FORMAT,
                       shardy_version());
    shardy__buf_printf(out, ", \"duplicate_rows\": %llu", (unsigned long long)in->duplicate_rows);
    if (in->index_note) {
        shardy__buf_str(out, ", \"index_note\": ");
        put_str(out, in->index_note);
    }
    if (in->spec) {
        shardy__buf_str(out, ", \"shards\": {");
        for (uint32_t i = 0; i < in->n_shards; i++) {
            const shardy_shard_info *s = &in->shards[i];
            shardy__buf_printf(out, "%s\"%u\": {\"vector_count\": %llu, \"vector_index\": ",
                               i ? ", " : "", s->db_id, (unsigned long long)s->vector_count);
            put_str(out, s->vector_index);
            shardy__buf_printf(out, ", \"vector_partitions\": %u}", s->vector_partitions);
        }
        shardy__buf_u8(out, '}');
    }
    shardy__buf_u8(out, '}');
}

/* Append the members of the caller's object, each followed by a comma. */
static shardy_status put_user(shardy__buf *out, const char *user_json, shardy_error *err) {
    shardy__json object, key, value;
    shardy__json_error bad;
    if (!user_json) return SHARDY_OK;
    size_t len = strlen(user_json);
    if (len > USER_JSON_MAX) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "custom manifest fields have %zu bytes; at most %zu are allowed", len,
                            USER_JSON_MAX);
    }
    if (!shardy__json_check(user_json, len, false, &object, &bad)) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "custom manifest fields: invalid JSON at byte %zu: %s", bad.position,
                            bad.rule);
    }
    if (shardy__json_type_of(object) != SHARDY__JSON_OBJECT) {
        return shardy__fail(err, SHARDY_E_CONFIG, "custom manifest fields must be a JSON object");
    }
    shardy__json_iter it = shardy__json_begin(object);
    while (shardy__json_next(&it, &key, &value)) {
        if (shardy__json_is(key, "vector") || shardy__json_is(key, "shardyfusion")) {
            return shardy__fail(err, SHARDY_E_CONFIG,
                                "custom manifest fields: key %.*s is the library's own",
                                (int)key.len, key.at);
        }
        shardy__buf_put(out, key.at, key.len);
        shardy__buf_str(out, ": ");
        shardy__buf_put(out, value.at, value.len);
        shardy__buf_str(out, ", ");
    }
    return SHARDY_OK;
}

shardy_status shardy__custom_json(const shardy__custom *in, char **out, shardy_error *err) {
    shardy__buf plain = {0}, sorted = {0};
    shardy__json object;
    shardy__json_error bad;
    *out = NULL;
    shardy__buf_u8(&plain, '{');
    shardy_status rc = put_user(&plain, in->user_json, err);
    if (rc) goto done;
    if (in->spec) {
        shardy__buf_str(&plain, "\"vector\": ");
        put_vector(&plain, in->spec);
        shardy__buf_str(&plain, ", ");
    }
    shardy__buf_str(&plain, "\"shardyfusion\": ");
    put_own(&plain, in);
    shardy__buf_u8(&plain, '}');
    if (plain.failed) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    if (!shardy__json_check((const char *)plain.data, plain.len, false, &object, &bad)) {
        rc = shardy__fail(err, SHARDY_E_CONFIG, "custom: invalid JSON at byte %zu: %s",
                          bad.position, bad.rule);
        goto done;
    }
    rc = shardy__json_canonical(object, &sorted, err);
    if (rc) {
        if (rc == SHARDY_E_CONFIG) shardy__error_prefix(err, "custom manifest fields: ");
        goto done;
    }
    const char *text = shardy__buf_text(&sorted);
    *out = text ? shardy__strdup(text) : NULL;
    if (!*out) rc = shardy__fail_nomem(err);
done:
    shardy__buf_free(&plain);
    shardy__buf_free(&sorted);
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
static shardy_status text_member(shardy__json object, const char *path, const char *name,
                                 char **out, shardy_error *err) {
    shardy__json value = shardy__json_get(object, name);
    shardy__json_type type = shardy__json_type_of(value);
    shardy__buf text = {0};
    *out = NULL;
    if (type == SHARDY__JSON_ABSENT || type == SHARDY__JSON_NULL) return SHARDY_OK;
    shardy_status rc = SHARDY_OK;
    if (type == SHARDY__JSON_STRING) shardy__json_unescape(value, &text);
    if (!shardy__buf_text(&text)) {
        rc = shardy__fail_nomem(err);
    } else if (type != SHARDY__JSON_STRING || memchr(text.data, 0, text.len) ||
               !shardy__utf8_valid(text.data, text.len)) {
        rc = shardy__fail(err, SHARDY_E_MANIFEST_PARSE, "custom%s[\"%s\"] must be a string or null",
                          path, name);
    } else {
        *out = shardy__strdup((const char *)text.data);
        if (!*out) rc = shardy__fail_nomem(err);
    }
    shardy__buf_free(&text);
    return rc;
}

/* A member that is an integer in [min, max]; absent leaves *out. */
static shardy_status number_member(shardy__json object, const char *path, const char *name,
                                   const uint64_t range[2], uint64_t *out, shardy_error *err) {
    shardy__json value = shardy__json_get(object, name);
    uint64_t v;
    if (!value.at) return SHARDY_OK;
    if (!shardy__json_u64(value, &v) || v < range[0] || v > range[1]) {
        char text[80];
        return shardy__fail(err, SHARDY_E_MANIFEST_PARSE,
                            "custom%s[\"%s\"] is %s; it must be an integer from %llu to %llu", path,
                            name, shardy__quote(text, sizeof text, value.at, value.len),
                            (unsigned long long)range[0], (unsigned long long)range[1]);
    }
    *out = v;
    return SHARDY_OK;
}

static bool truthy(shardy__json v) {
    switch (shardy__json_type_of(v)) {
        case SHARDY__JSON_ABSENT:
        case SHARDY__JSON_NULL:
            return false;
        case SHARDY__JSON_BOOL:
            return *v.at == 't';
        case SHARDY__JSON_NUMBER:
            return strspn(v.at, "-0.") < v.len;
        default:
            return v.len > 2; /* not "", [] or {} */
    }
}

/* The engine named by a member must be ours, which is also what an absent one means. */
static shardy_status check_backend(shardy__json vector, const char *name, const char *ours,
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

static shardy_status parse_index_params(shardy__manifest *m, shardy__json vector,
                                        shardy_error *err) {
    static const uint64_t range[2] = {1, INT32_MAX};
    shardy__json params = shardy__json_get(vector, "index_params");
    shardy__json_type type = shardy__json_type_of(params);
    uint64_t nprobes = 0;
    if (type == SHARDY__JSON_ABSENT || type == SHARDY__JSON_NULL) return SHARDY_OK;
    if (type != SHARDY__JSON_OBJECT) {
        return bad_custom(err, "[\"vector\"][\"index_params\"]", "must be an object");
    }
    SHARDY_TRY(
        number_member(params, "[\"vector\"][\"index_params\"]", "nprobes", range, &nprobes, err));
    m->nprobes = (uint32_t)nprobes;
    return SHARDY_OK;
}

static shardy_status parse_metric(shardy__manifest *m, shardy__json vector, shardy_error *err) {
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

static shardy_status parse_vector(shardy__manifest *m, shardy__json vector, shardy_error *err) {
    static const char path[] = "[\"vector\"]";
    static const uint64_t range[2] = {1, SHARDY_DIM_MAX};
    uint64_t dim = 0;
    if (shardy__json_type_of(vector) != SHARDY__JSON_OBJECT) {
        return bad_custom(err, path, "must be an object");
    }
    if (!truthy(shardy__json_get(vector, "unified"))) {
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

static shardy_shard_info *find_shard(shardy__manifest *m, shardy__json key) {
    uint64_t id;
    shardy__json digits = {key.at + 1, key.len - 2};
    if (!digits.len || !shardy__json_u64(digits, &id) || id >= m->num_dbs || !m->n_shards) {
        return NULL;
    }
    uint32_t db_id = (uint32_t)id;
    return bsearch(&db_id, m->shards, m->n_shards, sizeof *m->shards, by_db_id);
}

static shardy_status parse_shard_facts(shardy__manifest *m, shardy__json key, shardy__json facts,
                                       shardy_error *err) {
    static const uint64_t any[2] = {0, INT64_MAX}, u32[2] = {0, UINT32_MAX};
    char path[80], name[40];
    uint64_t partitions = 0;
    snprintf(path, sizeof path, "[\"shardyfusion\"][\"shards\"][%s]",
             shardy__quote(name, sizeof name, key.at + 1, key.len - 2));
    shardy_shard_info *s = find_shard(m, key);
    if (!s) return bad_custom(err, path, "is not the db_id of a shard");
    if (shardy__json_type_of(facts) != SHARDY__JSON_OBJECT) {
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

static shardy_status parse_own(shardy__manifest *m, shardy__json own, shardy_error *err) {
    static const char path[] = "[\"shardyfusion\"]";
    uint64_t format;
    if (shardy__json_type_of(own) != SHARDY__JSON_OBJECT) {
        return bad_custom(err, path, "must be an object");
    }
    if (!shardy__json_u64(shardy__json_get(own, "format"), &format)) {
        return bad_custom(err, "[\"shardyfusion\"][\"format\"]", "must be an integer");
    }
    if (format != FORMAT) return SHARDY_OK; /* facts of a later version; nothing depends on them */
    SHARDY_TRY(text_member(own, path, "index_note", &m->index_note, err));
    shardy__json shards = shardy__json_get(own, "shards"), key, facts;
    if (!shards.at) return SHARDY_OK;
    if (shardy__json_type_of(shards) != SHARDY__JSON_OBJECT) {
        return bad_custom(err, "[\"shardyfusion\"][\"shards\"]", "must be an object");
    }
    shardy__json_iter it = shardy__json_begin(shards);
    while (shardy__json_next(&it, &key, &facts)) {
        SHARDY_TRY(parse_shard_facts(m, key, facts, err));
    }
    return SHARDY_OK;
}

shardy_status shardy__custom_parse(shardy__manifest *m, shardy_error *err) {
    shardy__json custom;
    SHARDY_TRY(
        shardy__check_json("custom", m->custom_json, true, &custom, SHARDY_E_MANIFEST_PARSE, err));
    if (shardy__json_get(custom, "sqlite_sidecar").at) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "custom[\"sqlite_sidecar\"]: shards are SQLite databases; this library "
                            "reads \"slatedb\" only");
    }
    shardy__json vector = shardy__json_get(custom, "vector");
    shardy__json_type type = shardy__json_type_of(vector);
    if (type != SHARDY__JSON_ABSENT && type != SHARDY__JSON_NULL) {
        SHARDY_TRY(parse_vector(m, vector, err));
    }
    shardy__json own = shardy__json_get(custom, "shardyfusion");
    return own.at ? parse_own(m, own, err) : SHARDY_OK;
}

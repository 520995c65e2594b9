/* snapshot_current.c: the pointer `_CURRENT`: compact JSON with sorted keys. */
#include <string.h>

#include "base/alloc.h"
#include "snapshot/snapshot_impl.h"

void shardy__current_free(shardy__current *c) {
    shardy__free(c->manifest_ref);
    shardy__free(c->run_id);
    shardy__free(c->updated_at);
    memset(c, 0, sizeof *c);
}

shardy_status shardy__current_encode(const shardy__current *c, shardy__buf *out,
                                     shardy_error *err) {
    shardy__buf_str(
        out, "{\"format_version\":1,\"manifest_content_type\":\"" SHARDY__MANIFEST_CONTENT_TYPE
             "\",\"manifest_ref\":");
    shardy__buf_json_str(out, c->manifest_ref, strlen(c->manifest_ref));
    shardy__buf_str(out, ",\"run_id\":");
    shardy__buf_json_str(out, c->run_id, strlen(c->run_id));
    shardy__buf_str(out, ",\"updated_at\":");
    shardy__buf_json_str(out, c->updated_at, strlen(c->updated_at));
    shardy__buf_u8(out, '}');
    return out->failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

static shardy_status invalid(shardy_error *err, const char *what, const char *rule) {
    return shardy__fail(err, SHARDY_E_MANIFEST_PARSE, "CURRENT pointer validation failed: %s %s",
                        what, rule);
}

static shardy_status text_field(const json_t *object, const char *name, char **out,
                                shardy_error *err) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value)) return invalid(err, name, "must be a string");
    const char *text = shardy__json_text(value);
    if (!text || !*text) return invalid(err, name, "must be a non-empty string without NUL");
    *out = shardy__strdup(text);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

shardy_status shardy__current_decode(const void *json, size_t len, shardy__current *out,
                                     shardy_error *err) {
    json_t *value;
    memset(out, 0, sizeof *out);
    SHARDY_TRY(shardy__json_parse("CURRENT pointer validation failed", json, len, 0,
                                  SHARDY_E_MANIFEST_PARSE, &value, err));
    shardy_status rc = SHARDY_OK;
    if (!json_is_object(value)) rc = invalid(err, "it", "must be a JSON object");
    if (!rc) rc = text_field(value, "manifest_ref", &out->manifest_ref, err);
    if (!rc) rc = text_field(value, "run_id", &out->run_id, err);
    if (!rc) rc = text_field(value, "updated_at", &out->updated_at, err);
    if (!rc && !shardy__is_time(out->updated_at)) rc = invalid(err, "updated_at", "is not a time");
    if (rc) shardy__current_free(out);
    json_decref(value);
    return rc;
}

/* snapshot_current.c: the pointer `_CURRENT`: compact JSON with sorted keys. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
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

static shardy_status text_field(shardy__json object, const char *name, char **out,
                                shardy_error *err) {
    shardy__json value = shardy__json_get(object, name);
    shardy_status rc = SHARDY_OK;
    shardy__buf text = {0};
    if (shardy__json_type_of(value) != SHARDY__JSON_STRING) {
        rc = invalid(err, name, "must be a string");
        goto done;
    }
    shardy__json_unescape(value, &text);
    if (!shardy__buf_text(&text)) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    if (!text.len || memchr(text.data, 0, text.len) || !shardy__utf8_valid(text.data, text.len)) {
        rc = invalid(err, name, "must be a non-empty UTF-8 string without NUL");
        goto done;
    }
    *out = shardy__strdup((const char *)text.data);
    if (!*out) rc = shardy__fail_nomem(err);
done:
    shardy__buf_free(&text);
    return rc;
}

shardy_status shardy__current_decode(const void *json, size_t len, shardy__current *out,
                                     shardy_error *err) {
    shardy__json value;
    shardy__json_error bad;
    memset(out, 0, sizeof *out);
    if (!shardy__json_check(json, len, true, &value, &bad)) {
        return shardy__fail(err, SHARDY_E_MANIFEST_PARSE,
                            "CURRENT pointer validation failed: invalid JSON at byte %zu: %s",
                            bad.position, bad.rule);
    }
    if (shardy__json_type_of(value) != SHARDY__JSON_OBJECT) {
        return invalid(err, "it", "must be a JSON object");
    }
    shardy_status rc = text_field(value, "manifest_ref", &out->manifest_ref, err);
    if (!rc) rc = text_field(value, "run_id", &out->run_id, err);
    if (!rc) rc = text_field(value, "updated_at", &out->updated_at, err);
    if (!rc && !shardy__is_time(out->updated_at)) rc = invalid(err, "updated_at", "is not a time");
    if (rc) shardy__current_free(out);
    return rc;
}

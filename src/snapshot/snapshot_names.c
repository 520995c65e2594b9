/* snapshot_names.c: names of runs, shards and objects, and references between them.
 *
 * Everything that becomes part of an object name is checked here, so that a name never needs
 * escaping in a URL or on a file system and never leaves the prefix. Format:
 * docs/format/snapshot.md.
 */
#include <string.h>

#include "base/alloc.h"
#include "snapshot/snapshot_impl.h"

#define NAME_MAX_BYTES 200 /* a file name holds 255 bytes; ours have up to 36 more */
#define DIGITS_MAX 20      /* of {db_id:0Nd} */

static const char segment_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
static const char template_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-=/";

bool shardy__plain_path(const char *path) {
    const char *at = path;
    while (true) {
        size_t len = strcspn(at, "/");
        if (len == 0 || (len == 1 && at[0] == '.')) return false;
        if (len == 2 && at[0] == '.' && at[1] == '.') return false;
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f) return false;
        }
        if (!at[len]) return true;
        at += len + 1;
    }
}

static shardy_status bad_name(const char *option, const char *value, const char *rule,
                              shardy_error *err) {
    char text[300];
    return shardy__fail(err, SHARDY_E_CONFIG, "%s %s %s", option,
                        shardy__quote(text, sizeof text, value, strlen(value)), rule);
}

/* One segment of an object name. */
static shardy_status check_segment(const char *option, const char *value, shardy_error *err) {
    if (!*value) return bad_name(option, value, "must be non-empty", err);
    if (strstr(value, "..")) return bad_name(option, value, "must not contain '..'", err);
    if (strpbrk(value, "/\\")) return bad_name(option, value, "must be a single path segment", err);
    if (value[strspn(value, segment_chars)] || !strcmp(value, ".")) {
        return bad_name(option, value,
                        "contains unsupported characters; letters, digits, '.', '_' and '-' are "
                        "allowed",
                        err);
    }
    if (strlen(value) > NAME_MAX_BYTES) {
        return bad_name(option, value, "is longer than 200 bytes", err);
    }
    return SHARDY_OK;
}

shardy_status shardy__check_run_id(const char *run_id, shardy_error *err) {
    return run_id ? check_segment("run_id", run_id, err) : SHARDY_OK;
}

shardy_status shardy__check_shard_prefix(const char *shard_prefix, shardy_error *err) {
    return shard_prefix ? check_segment("shard_prefix", shard_prefix, err) : SHARDY_OK;
}

/* A placeholder at `at`: its length and padded width; 0 if it is none. */
static size_t placeholder(const char *at, unsigned *width) {
    static const char open[] = "{db_id";
    size_t len = sizeof open - 1;
    *width = 0;
    if (strncmp(at, open, len) != 0) return 0;
    if (at[len] == '}') return len + 1;
    if (at[len] != ':' || at[len + 1] != '0') return 0;
    len += 2;
    size_t first = len;
    while (at[len] >= '0' && at[len] <= '9' && *width <= DIGITS_MAX) {
        *width = *width * 10 + (unsigned)(at[len++] - '0');
    }
    if (len == first || at[len] != 'd' || at[len + 1] != '}') return 0;
    return *width >= 1 && *width <= DIGITS_MAX ? len + 2 : 0;
}

/* The template with `db_id` in its placeholders. */
static void expand(shardy__buf *out, const char *path_template, uint32_t db_id) {
    for (const char *at = path_template; *at;) {
        unsigned width;
        size_t len = placeholder(at, &width);
        if (len) {
            shardy__buf_printf(out, "%0*u", (int)width, db_id);
        } else {
            shardy__buf_u8(out, (uint8_t)*at);
            len = 1;
        }
        at += len;
    }
}

shardy_status shardy__check_db_path_template(const char *path_template, shardy_error *err) {
    static const char option[] = "db_path_template";
    if (!path_template) return SHARDY_OK;
    if (!*path_template) return bad_name(option, path_template, "must be non-empty", err);
    size_t placeholders = 0;
    for (const char *at = path_template; *at;) {
        unsigned width;
        size_t len = placeholder(at, &width);
        if (len) {
            placeholders++;
        } else if (*at == '{' || *at == '}') {
            return bad_name(option, path_template,
                            "may contain no braces but {db_id} and {db_id:0Nd} with N from 1 to 20",
                            err);
        } else if (!strchr(template_chars, *at)) {
            return bad_name(option, path_template,
                            "contains unsupported characters; letters, digits, '.', '_', '-', '=' "
                            "and '/' are allowed",
                            err);
        }
        at += len ? len : 1;
    }
    if (!placeholders) {
        return bad_name(option, path_template,
                        "must contain {db_id} or {db_id:0Nd}, or all shards would share one place",
                        err);
    }
    if (strlen(path_template) > NAME_MAX_BYTES) {
        return bad_name(option, path_template, "is longer than 200 bytes", err);
    }
    if (!shardy__plain_path(path_template)) {
        return bad_name(option, path_template,
                        "must be a relative path without empty, '.' and '..' segments", err);
    }
    return SHARDY_OK;
}

shardy_status shardy__shard_path(const char *shard_prefix, const char *run_id,
                                 const char *path_template, uint32_t db_id, uint32_t attempt,
                                 char **out, shardy_error *err) {
    shardy__buf path = {0};
    *out = NULL;
    shardy__buf_printf(&path, "%s/run_id=%s/", shard_prefix, run_id);
    expand(&path, path_template, db_id);
    shardy__buf_printf(&path, "/attempt=%02u", attempt);
    const char *text = shardy__buf_text(&path);
    if (text) *out = shardy__strdup(text);
    shardy__buf_free(&path);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

/* The part of `ref` that is relative to the prefix; NULL if there is none. */
static const char *tail_of(const char *ref, const char *recorded_prefix) {
    if (recorded_prefix) {
        size_t len = strlen(recorded_prefix);
        while (len && recorded_prefix[len - 1] == '/') len--;
        if (!len || strncmp(ref, recorded_prefix, len) != 0 || ref[len] != '/') return NULL;
        return ref + len + 1;
    }
    const char *found = NULL;
    for (const char *at = ref; (at = strstr(at, "/manifests/")); at++) found = at + 1;
    return found;
}

shardy_status shardy__relative_ref(const char *ref, const char *recorded_prefix, char **out,
                                   shardy_error *err) {
    char text[300], base[300];
    const char *tail = tail_of(ref, recorded_prefix);
    *out = NULL;
    shardy__quote(text, sizeof text, ref, strlen(ref));
    if (!tail && recorded_prefix) {
        return shardy__fail(
            err, SHARDY_E_UNSUPPORTED, "reference %s is not below the snapshot's prefix %s", text,
            shardy__quote(base, sizeof base, recorded_prefix, strlen(recorded_prefix)));
    }
    if (!tail) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "manifest reference %s has no \"/manifests/\" in it", text);
    }
    if (!shardy__plain_path(tail)) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "reference %s has an empty, \".\" or \"..\" segment or a control "
                            "character below the prefix",
                            text);
    }
    *out = shardy__strdup(tail);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

/* io.c: the checks in front of every storage implementation. */
#include "base/io.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"

static shardy_status injected(shardy_error *err, const char *what, const char *url) {
    if (!shardy__fault(SHARDY__FAULT_STORE)) return SHARDY_OK;
    return shardy__fail(err, SHARDY_E_IO, "%s %s: injected fault", what, url ? url : "");
}

/* Names come from stored bytes too, so a bad one must not leave the directory. */
static shardy_status check_name(const char *name, bool empty_allowed, shardy_error *err) {
    size_t start = 0;
    bool bad = !*name && !empty_allowed;
    for (size_t i = 0; *name && !bad; i++) {
        if (name[i] != '/' && name[i] != 0) continue;
        size_t len = i - start;
        bool last_slash = name[i] == 0 && len == 0 && empty_allowed && i > 0;
        bad = (len == 0 && !last_slash) || (len == 1 && name[start] == '.') ||
              (len == 2 && name[start] == '.' && name[start + 1] == '.');
        start = i + 1;
        if (name[i] == 0) break;
    }
    if (bad) {
        char text[200];
        return shardy__fail(err, SHARDY_E_CORRUPT, "object name %s is not a plain relative path",
                            shardy__quote(text, sizeof text, name, strlen(name)));
    }
    return SHARDY_OK;
}

shardy_status shardy__source_read(shardy__source *src, uint64_t offset, uint64_t len,
                                  shardy__pin *out, shardy_error *err) {
    memset(out, 0, sizeof *out);
    if (offset > src->size || len > src->size - offset) {
        return shardy__fail(err, SHARDY_E_CORRUPT,
                            "%s: bytes %llu+%llu are outside the object of %llu bytes", src->url,
                            (unsigned long long)offset, (unsigned long long)len,
                            (unsigned long long)src->size);
    }
    SHARDY_TRY(injected(err, "read", src->url));
    if (src->map) {
        out->data = src->map + offset;
        out->len = (size_t)len;
        return SHARDY_OK;
    }
    return src->ops->read(src, offset, (size_t)len, out, err);
}

void shardy__source_close(shardy__source *src) {
    if (src) src->ops->close(src);
}

shardy_status shardy__sink_append(shardy__sink *sink, const void *data, size_t len,
                                  shardy_error *err) {
    SHARDY_TRY(injected(err, "write", sink->url));
    if (!len) return SHARDY_OK;
    SHARDY_TRY(sink->ops->append(sink, data, len, err));
    sink->written += len;
    return SHARDY_OK;
}

shardy_status shardy__sink_commit(shardy__sink *sink, shardy_error *err) {
    SHARDY_TRY(injected(err, "commit", sink->url));
    return sink->ops->commit(sink, err);
}

void shardy__sink_close(shardy__sink *sink) {
    if (sink) sink->ops->close(sink);
}

shardy_status shardy__dir_open(shardy__dir *dir, const char *name, unsigned flags,
                               shardy__source **out, shardy_error *err) {
    *out = NULL;
    SHARDY_TRY(check_name(name, false, err));
    SHARDY_TRY(injected(err, "open", dir->url));
    return dir->ops->open(dir, name, flags, out, err);
}

shardy_status shardy__dir_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                 shardy_error *err) {
    *out = NULL;
    SHARDY_TRY(check_name(name, false, err));
    SHARDY_TRY(injected(err, "create", dir->url));
    return dir->ops->create(dir, name, out, err);
}

shardy_status shardy__dir_replace(shardy__dir *dir, const char *name, const void *data, size_t len,
                                  shardy_error *err) {
    SHARDY_TRY(check_name(name, false, err));
    SHARDY_TRY(injected(err, "replace", dir->url));
    return dir->ops->replace(dir, name, data, len, err);
}

shardy_status shardy__dir_read(shardy__dir *dir, const char *name, uint64_t max, shardy__buf *out,
                               shardy_error *err) {
    shardy__source *src = NULL;
    shardy__pin pin = {0};
    SHARDY_TRY(shardy__dir_open(dir, name, 0, &src, err));
    shardy_status rc = SHARDY_OK;
    if (src->size > max) {
        rc = shardy__fail(err, SHARDY_E_LIMIT, "%s: object of %llu bytes, at most %llu expected",
                          src->url, (unsigned long long)src->size, (unsigned long long)max);
        goto done;
    }
    rc = shardy__source_read(src, 0, src->size, &pin, err);
    if (rc) goto done;
    shardy__buf_put(out, pin.data, pin.len);
    if (out->failed) rc = shardy__fail_nomem(err);
done:
    shardy__pin_release(&pin);
    shardy__source_close(src);
    return rc;
}

shardy_status shardy__dir_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn, void *ctx,
                               shardy_error *err) {
    SHARDY_TRY(check_name(prefix, true, err));
    SHARDY_TRY(injected(err, "list", dir->url));
    return dir->ops->list(dir, prefix, fn, ctx, err);
}

shardy_status shardy__dir_remove_tree(shardy__dir *dir, const char *prefix, uint64_t *removed,
                                      shardy_error *err) {
    uint64_t n = 0;
    if (removed) *removed = 0;
    SHARDY_TRY(check_name(prefix, true, err));
    SHARDY_TRY(injected(err, "remove", dir->url));
    shardy_status rc = dir->ops->remove_tree(dir, prefix, &n, err);
    if (removed) *removed = n;
    return rc;
}

shardy_status shardy__dir_sub(shardy__dir *dir, const char *path, shardy__dir **out,
                              shardy_error *err) {
    *out = NULL;
    SHARDY_TRY(check_name(path, false, err));
    return dir->ops->sub(dir, path, out, err);
}

void shardy__dir_close(shardy__dir *dir) {
    if (dir) dir->ops->close(dir);
}

/* store_recorder.c: a directory that passes everything on and keeps a list of what was committed.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "store/store_impl.h"

struct recorder_dir {
    shardy__dir base;
    shardy__recorder *recorder;
    shardy__dir *inner;
    char *path; /* of this directory below the recorder's, "" or ending in '/' */
    bool owned; /* `inner` and this struct go with close */
};

struct shardy__recorder {
    struct recorder_dir root;
    shardy__bytes_fn progress;
    void *ctx;
    bool write_behind;
    shardy__mutex lock; /* guards the list */
    shardy__object *objects;
    size_t n, cap;
};

struct recorder_sink {
    shardy__sink base;
    shardy__sink *inner;
    shardy__recorder *recorder;
    char *name;
    XXH3_state_t *hash;
};

/* ---- sinks ---- */

static shardy_status sink_append(shardy__sink *sink, const void *data, size_t len,
                                 shardy_error *err) {
    struct recorder_sink *s = (struct recorder_sink *)sink;
    shardy__recorder *r = s->recorder;
    SHARDY_TRY(shardy__sink_append(s->inner, data, len, err));
    XXH3_64bits_update(s->hash, data, len);
    if (r->progress && !r->progress(r->ctx, len)) {
        return shardy__fail(err, SHARDY_E_CANCELLED, "cancelled by the caller");
    }
    return SHARDY_OK;
}

static shardy_status sink_commit(shardy__sink *sink, shardy_error *err) {
    struct recorder_sink *s = (struct recorder_sink *)sink;
    shardy__recorder *r = s->recorder;
    SHARDY_TRY(shardy__sink_commit(s->inner, err));
    shardy_status rc = SHARDY_OK;
    shardy__mutex_lock(&r->lock);
    if (shardy__grow(&r->objects, &r->cap, r->n + 1, sizeof *r->objects)) {
        rc = shardy__fail_nomem(err); /* the object exists, but the attempt has failed */
    } else {
        r->objects[r->n++] = (shardy__object){s->name, sink->written, XXH3_64bits_digest(s->hash)};
        s->name = NULL;
    }
    shardy__mutex_unlock(&r->lock);
    return rc;
}

static void sink_close(shardy__sink *sink) {
    struct recorder_sink *s = (struct recorder_sink *)sink;
    shardy__sink_close(s->inner);
    XXH3_freeState(s->hash);
    shardy__free(s->name);
    shardy__free(s);
}

static const shardy__sink_ops sink_ops = {sink_append, sink_commit, sink_close};

/* ---- directory ---- */

static shardy_status recorder_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                     shardy_error *err) {
    struct recorder_dir *d = (struct recorder_dir *)dir;
    struct recorder_sink *s = shardy__calloc(1, sizeof *s);
    if (!s) return shardy__fail_nomem(err);
    shardy_status rc = SHARDY_OK;
    s->base.ops = &sink_ops;
    s->recorder = d->recorder;
    s->name = shardy__format("%s%s", d->path, name);
    s->hash = XXH3_createState();
    if (!s->name || !s->hash) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    XXH3_64bits_reset(s->hash);
    rc = shardy__dir_create(d->inner, name, &s->inner, err);
    if (!rc && d->recorder->write_behind) rc = shardy__behind(&s->inner, err);
    if (!rc) s->base.url = s->inner->url;
done:
    if (rc) {
        sink_close(&s->base);
    } else {
        *out = &s->base;
    }
    return rc;
}

static shardy_status recorder_open(shardy__dir *dir, const char *name, unsigned flags,
                                   shardy__source **out, shardy_error *err) {
    return shardy__dir_open(((struct recorder_dir *)dir)->inner, name, flags, out, err);
}

static shardy_status recorder_replace(shardy__dir *dir, const char *name, const void *data,
                                      size_t len, shardy_error *err) {
    (void)data, (void)len;
    return shardy__fail(err, SHARDY_E_INTERNAL, "%s/%s: a shard's objects are never replaced",
                        dir->url, name);
}

static shardy_status recorder_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn,
                                   void *ctx, shardy_error *err) {
    return shardy__dir_list(((struct recorder_dir *)dir)->inner, prefix, fn, ctx, err);
}

static shardy_status recorder_remove(shardy__dir *dir, const char *prefix, uint64_t *removed,
                                     shardy_error *err) {
    return shardy__dir_remove_tree(((struct recorder_dir *)dir)->inner, prefix, removed, err);
}

static void recorder_dir_close(shardy__dir *dir) {
    struct recorder_dir *d = (struct recorder_dir *)dir;
    if (!d->owned) return;
    shardy__dir_close(d->inner);
    shardy__free(d->path);
    shardy__free(d);
}

static shardy_status recorder_sub(shardy__dir *dir, const char *path, shardy__dir **out,
                                  shardy_error *err);

static const shardy__dir_ops dir_ops = {recorder_open,     recorder_create, recorder_replace,
                                        recorder_list,     recorder_remove, recorder_sub,
                                        recorder_dir_close};

static shardy_status recorder_sub(shardy__dir *dir, const char *path, shardy__dir **out,
                                  shardy_error *err) {
    struct recorder_dir *d = (struct recorder_dir *)dir;
    struct recorder_dir *sub = shardy__calloc(1, sizeof *sub);
    if (!sub) return shardy__fail_nomem(err);
    sub->owned = true;
    sub->recorder = d->recorder;
    sub->base.ops = &dir_ops;
    sub->path = shardy__format("%s%s/", d->path, path);
    shardy_status rc =
        sub->path ? shardy__dir_sub(d->inner, path, &sub->inner, err) : shardy__fail_nomem(err);
    if (rc) {
        recorder_dir_close(&sub->base);
        return rc;
    }
    sub->base.url = sub->inner->url;
    *out = &sub->base;
    return SHARDY_OK;
}

/* ---- the recorder ---- */

shardy_status shardy__recorder_open(shardy__dir *inner, shardy__bytes_fn progress, void *ctx,
                                    shardy__recorder **out, shardy_error *err) {
    *out = NULL;
    shardy__recorder *r = shardy__calloc(1, sizeof *r);
    if (r) r->root.path = shardy__strdup("");
    if (!r || !r->root.path) {
        shardy__free(r);
        return shardy__fail_nomem(err);
    }
    r->root.base.ops = &dir_ops;
    r->root.base.url = inner->url;
    r->root.inner = inner;
    r->root.recorder = r;
    r->progress = progress;
    r->ctx = ctx;
    shardy__mutex_init(&r->lock);
    *out = r;
    return SHARDY_OK;
}

void shardy__recorder_write_behind(shardy__recorder *recorder) { recorder->write_behind = true; }

shardy__dir *shardy__recorder_dir(shardy__recorder *recorder) { return &recorder->root.base; }

static int by_name(const void *a, const void *b) {
    const shardy__object *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void shardy__recorder_take(shardy__recorder *r, shardy__object **out, size_t *n) {
    shardy__mutex_lock(&r->lock);
    if (r->n) qsort(r->objects, r->n, sizeof *r->objects, by_name);
    *out = r->objects;
    *n = r->n;
    r->objects = NULL;
    r->n = r->cap = 0;
    shardy__mutex_unlock(&r->lock);
}

void shardy__objects_free(shardy__object *objects, size_t n) {
    for (size_t i = 0; i < n; i++) shardy__free(objects[i].name);
    shardy__free(objects);
}

void shardy__recorder_close(shardy__recorder *r) {
    if (!r) return;
    shardy__objects_free(r->objects, r->n);
    shardy__mutex_destroy(&r->lock);
    shardy__free(r->root.path);
    shardy__free(r);
}

/* store_memory.c: objects in this process's memory, for tests.
 *
 * One registry of named stores under one lock. An object's bytes are counted references: sources
 * keep them alive when the object is replaced or removed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "store/store_impl.h"
#include "store/store_names.h"

struct blob {
    uint32_t refs; /* under `lock` */
    size_t len;
    uint8_t data[];
};

struct object {
    char *name; /* the whole path after memory:// */
    struct blob *blob;
};

/* All objects of all memory stores, in order of their names. Guarded by `lock`, which is never held
 * while calling out. */
static struct object *objects;
static size_t n_objects, cap_objects;
static shardy__mutex lock = PTHREAD_MUTEX_INITIALIZER;

struct memory_dir {
    shardy__dir base;
    const char *path; /* inside base.url, after the scheme */
};

/* The number of objects whose names come before `name`. */
static size_t rank(const char *name) {
    size_t low = 0, high = n_objects;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(objects[mid].name, name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct object *find(const char *name) {
    size_t at = rank(name);
    return at < n_objects && !strcmp(objects[at].name, name) ? &objects[at] : NULL;
}

static void unref(struct blob *blob) {
    if (--blob->refs == 0) shardy__free(blob);
}

/* The objects from *from to before *to are those whose names begin with `start`. */
static void find_range(const char *start, size_t *from, size_t *to) {
    size_t len = strlen(start);
    *from = *to = rank(start);
    while (*to < n_objects && !strncmp(objects[*to].name, start, len)) ++*to;
}

/* Remove the objects whose names begin with `start`; how many there were. */
static size_t drop_range(const char *start) {
    size_t from, to;
    shardy__mutex_lock(&lock);
    find_range(start, &from, &to);
    for (size_t i = from; i < to; i++) {
        shardy__free(objects[i].name);
        unref(objects[i].blob);
    }
    if (to > from) memmove(&objects[from], &objects[to], (n_objects - to) * sizeof *objects);
    n_objects -= to - from;
    if (n_objects == 0) { /* so that leak checkers see an empty registry as freed */
        shardy__free(objects);
        objects = NULL;
        cap_objects = 0;
    }
    shardy__mutex_unlock(&lock);
    return to - from;
}

/* Store `blob` (consumed on success) under `name`. */
static shardy_status put(const char *name, struct blob *blob, bool replace, shardy_error *err) {
    shardy_status rc = SHARDY_OK;
    shardy__mutex_lock(&lock);
    struct object *old = find(name);
    if (old && !replace) {
        rc = shardy__fail(err, SHARDY_E_EXISTS, SHARDY__MEMORY_SCHEME "%s: object exists", name);
    } else if (old) {
        unref(old->blob);
        old->blob = blob;
    } else {
        char *copy = shardy__strdup(name);
        if (!copy || shardy__grow(&objects, &cap_objects, n_objects + 1, sizeof *objects)) {
            shardy__free(copy);
            rc = shardy__fail_nomem(err);
        } else {
            size_t at = rank(name);
            memmove(&objects[at + 1], &objects[at], (n_objects - at) * sizeof *objects);
            objects[at] = (struct object){copy, blob};
            n_objects++;
        }
    }
    shardy__mutex_unlock(&lock);
    return rc;
}

static struct blob *make_blob(const void *data, size_t len) {
    struct blob *blob = shardy__malloc(sizeof *blob + len);
    if (!blob) return NULL;
    blob->refs = 1;
    blob->len = len;
    if (len) memcpy(blob->data, data, len);
    return blob;
}

/* ---- sources ---- */

struct memory_source {
    shardy__source base;
    struct blob *blob;
};

static void source_close(shardy__source *src) {
    struct memory_source *s = (struct memory_source *)src;
    shardy__mutex_lock(&lock);
    unref(s->blob);
    shardy__mutex_unlock(&lock);
    shardy__free(src->url);
    shardy__free(s);
}

static void release_copy(void *token) { shardy__free(token); }

/* Without OPEN_MAP reads give copies, as a remote store's would, so that leaks and uses after
 * release show in tests. */
static shardy_status source_read(shardy__source *src, uint64_t offset, size_t len, shardy__pin *out,
                                 shardy_error *err) {
    struct memory_source *s = (struct memory_source *)src;
    uint8_t *copy = shardy__malloc(len);
    if (!copy) return shardy__fail_nomem(err);
    if (len) memcpy(copy, s->blob->data + offset, len);
    *out = (shardy__pin){copy, len, copy, release_copy};
    return SHARDY_OK;
}

static const shardy__source_ops source_ops = {source_read, source_close};

static shardy_status memory_open(shardy__dir *dir, const char *name, unsigned flags,
                                 shardy__source **out, shardy_error *err) {
    struct memory_dir *d = (struct memory_dir *)dir;
    struct memory_source *s = shardy__calloc(1, sizeof *s);
    char *path = shardy__url_join(d->path, name);
    shardy_status rc = SHARDY_OK;
    if (s) s->base.url = shardy__url_join(dir->url, name);
    if (!s || !path || !s->base.url) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    shardy__mutex_lock(&lock);
    struct object *o = find(path);
    if (o) {
        s->blob = o->blob;
        s->blob->refs++;
    }
    shardy__mutex_unlock(&lock);
    if (!o) {
        rc = shardy__fail(err, SHARDY_E_NOT_FOUND, "%s: no such object", s->base.url);
        goto done;
    }
    s->base.ops = &source_ops;
    s->base.size = s->blob->len;
    s->base.map = flags & SHARDY__OPEN_MAP ? s->blob->data : NULL;
    *out = &s->base;
done:
    shardy__free(path);
    if (rc && s) {
        shardy__free(s->base.url);
        shardy__free(s);
    }
    return rc;
}

/* ---- sinks ---- */

struct memory_sink {
    shardy__sink base;
    char *path;
    shardy__buf bytes;
};

static shardy_status sink_append(shardy__sink *sink, const void *data, size_t len,
                                 shardy_error *err) {
    struct memory_sink *s = (struct memory_sink *)sink;
    shardy__buf_put(&s->bytes, data, len);
    return s->bytes.failed ? shardy__fail_nomem(err) : SHARDY_OK;
}

static shardy_status sink_commit(shardy__sink *sink, shardy_error *err) {
    struct memory_sink *s = (struct memory_sink *)sink;
    struct blob *blob = make_blob(s->bytes.data, s->bytes.len);
    if (!blob) return shardy__fail_nomem(err);
    shardy_status rc = put(s->path, blob, false, err);
    if (rc) shardy__free(blob);
    return rc;
}

static void sink_close(shardy__sink *sink) {
    struct memory_sink *s = (struct memory_sink *)sink;
    shardy__buf_free(&s->bytes);
    shardy__free(s->path);
    shardy__free(sink->url);
    shardy__free(s);
}

static const shardy__sink_ops sink_ops = {sink_append, sink_commit, sink_close};

static shardy_status memory_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                   shardy_error *err) {
    struct memory_dir *d = (struct memory_dir *)dir;
    struct memory_sink *s = shardy__calloc(1, sizeof *s);
    if (!s) return shardy__fail_nomem(err);
    s->base.ops = &sink_ops;
    s->base.url = shardy__url_join(dir->url, name);
    s->path = shardy__url_join(d->path, name);
    shardy_status rc = s->base.url && s->path ? SHARDY_OK : shardy__fail_nomem(err);
    if (!rc) {
        shardy__mutex_lock(&lock);
        bool exists = find(s->path) != NULL;
        shardy__mutex_unlock(&lock);
        if (exists) rc = shardy__fail(err, SHARDY_E_EXISTS, "%s: object exists", s->base.url);
    }
    if (rc) {
        sink_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return SHARDY_OK;
}

static shardy_status memory_replace(shardy__dir *dir, const char *name, const void *data,
                                    size_t len, shardy_error *err) {
    struct memory_dir *d = (struct memory_dir *)dir;
    char *path = shardy__url_join(d->path, name);
    struct blob *blob = make_blob(data, len);
    shardy_status rc = path && blob ? put(path, blob, true, err) : shardy__fail_nomem(err);
    if (rc) shardy__free(blob);
    shardy__free(path);
    return rc;
}

/* ---- listing and removing ---- */

static shardy_status memory_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn,
                                 void *ctx, shardy_error *err) {
    struct memory_dir *d = (struct memory_dir *)dir;
    shardy__names names = {0};
    shardy_status rc = SHARDY_OK;
    size_t at, end, skip = strlen(d->path) + 1;
    char *start = shardy__format("%s/%s", d->path, prefix);
    if (!start) return shardy__fail_nomem(err);
    shardy__mutex_lock(&lock);
    for (find_range(start, &at, &end); at < end && !rc; at++) {
        rc = shardy__names_add(&names, objects[at].name + skip, objects[at].blob->len, err);
    }
    shardy__mutex_unlock(&lock);
    if (!rc) rc = shardy__names_report(&names, fn, ctx, err);
    shardy__names_free(&names);
    shardy__free(start);
    return rc;
}

static shardy_status memory_remove_tree(shardy__dir *dir, const char *prefix, uint64_t *removed,
                                        shardy_error *err) {
    struct memory_dir *d = (struct memory_dir *)dir;
    char *start = shardy__format("%s/%s", d->path, prefix);
    if (!start) return shardy__fail_nomem(err);
    *removed = drop_range(start);
    shardy__free(start);
    return SHARDY_OK;
}

void shardy__memory_drop(const char *name) {
    char *start = shardy__format("%s/", name);
    if (start) drop_range(start);
    shardy__free(start);
}

/* ---- the directory itself ---- */

static shardy_status memory_sub(shardy__dir *dir, const char *path, shardy__dir **out,
                                shardy_error *err) {
    char *url = shardy__url_join(dir->url, path);
    if (!url) return shardy__fail_nomem(err);
    shardy_status rc = shardy__memory_dir(url, out, err);
    shardy__free(url);
    return rc;
}

static void memory_close(shardy__dir *dir) {
    shardy__free(dir->url);
    shardy__free(dir);
}

static const shardy__dir_ops dir_ops = {memory_open, memory_create,      memory_replace,
                                        memory_list, memory_remove_tree, memory_sub,
                                        memory_close};

shardy_status shardy__memory_dir(const char *url, shardy__dir **out, shardy_error *err) {
    struct memory_dir *d = shardy__calloc(1, sizeof *d);
    if (d) d->base.url = shardy__strdup(url);
    if (!d || !d->base.url) {
        shardy__free(d);
        return shardy__fail_nomem(err);
    }
    d->base.ops = &dir_ops;
    d->path = d->base.url + strlen(SHARDY__MEMORY_SCHEME);
    *out = &d->base;
    return SHARDY_OK;
}

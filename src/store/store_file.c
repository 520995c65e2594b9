/* store_file.c: objects as files.
 *
 * An object is written to `<name>.<random>.shardy-tmp`, synced, and then given its name without
 * replacing anything; then its directory is synced. Readers map objects; they never change once
 * they have their name, and only `replace` (for `_CURRENT`) puts a new file in the place of
 * another.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/store_impl.h"
#include "store/store_names.h"

#define TMP_SUFFIX ".shardy-tmp"
#define PARENT_ATTEMPTS 100
#define MAX_DEPTH 64 /* of nested directories when listing or removing */

struct file_dir {
    shardy__dir base;
    const char *path; /* inside base.url */
};

/* ---- sources ---- */

static void source_close(shardy__source *src) {
    if (src->size) munmap((void *)(uintptr_t)src->map, (size_t)src->size);
    shardy__free(src->url);
    shardy__free(src);
}

static const shardy__source_ops source_ops = {NULL, source_close};

static shardy_status map_file(int fd, shardy__source *src, shardy_error *err) {
    static const uint8_t nothing[1];
    struct stat st;
    if (fstat(fd, &st)) return shardy__fail_os(err, errno, "%s", src->url);
    if (!S_ISREG(st.st_mode)) {
        return shardy__fail(err, SHARDY_E_IO, "%s: not a regular file", src->url);
    }
    src->map = nothing;
    if (!st.st_size) return SHARDY_OK;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) return shardy__fail_os(err, errno, "%s: map", src->url);
    src->map = map;
    src->size = (uint64_t)st.st_size;
    return SHARDY_OK;
}

static shardy_status file_open(shardy__dir *dir, const char *name, unsigned flags,
                               shardy__source **out, shardy_error *err) {
    struct file_dir *d = (struct file_dir *)dir;
    shardy_status rc = SHARDY_OK;
    int fd = -1;
    (void)flags; /* files are always mapped */
    shardy__source *src = shardy__calloc(1, sizeof *src);
    char *path = shardy__url_join(d->path, name);
    if (src) src->url = shardy__url_join(dir->url, name);
    if (!src || !path || !src->url) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    src->ops = &source_ops;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    rc = fd < 0 ? shardy__fail_os(err, errno, "%s", src->url) : map_file(fd, src, err);
done:
    if (fd >= 0) close(fd);
    shardy__free(path);
    if (rc && src) {
        shardy__free(src->url);
        shardy__free(src);
    } else {
        *out = src;
    }
    return rc;
}

/* ---- directories of files ---- */

static shardy_status sync_dir(const char *path, shardy_error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return shardy__fail_os(err, errno, "%s", path);
    /* Some file systems cannot sync a directory and say EINVAL: nothing more can be done there. */
    shardy_status rc =
        fsync(fd) && errno != EINVAL ? shardy__fail_os(err, errno, "%s: sync", path) : SHARDY_OK;
    close(fd);
    return rc;
}

/* The length of the longest leading part of `path` that exists; it must be a directory. */
static shardy_status existing_part(char *path, size_t *len, shardy_error *err) {
    for (size_t end = strlen(path); end > 0; end--) {
        struct stat st;
        if (path[end] != '/') continue;
        path[end] = 0;
        int bad = stat(path, &st) ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
        shardy_status rc = bad && bad != ENOENT ? shardy__fail_os(err, bad, "%s", path) : SHARDY_OK;
        path[end] = '/';
        if (rc || !bad) {
            *len = end;
            return rc;
        }
    }
    *len = 0;
    return SHARDY_OK;
}

static shardy_status sync_parent(char *path, shardy_error *err) {
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) return sync_dir("/", err);
    *slash = 0;
    shardy_status rc = sync_dir(path, err);
    *slash = '/';
    return rc;
}

/* Make the parents of `path` durably; *existed is the length of the part that was there before. */
static shardy_status make_parents(char *path, size_t *existed, shardy_error *err) {
    SHARDY_TRY(existing_part(path, existed, err));
    for (char *slash = path + *existed; (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        shardy_status rc = SHARDY_OK;
        if (mkdir(path, 0777) && errno != EEXIST) rc = shardy__fail_os(err, errno, "%s", path);
        if (!rc) rc = sync_parent(path, err);
        *slash = '/';
        if (rc) return rc;
    }
    return SHARDY_OK;
}

/* ---- sinks ---- */

/* Bytes that are handed to the disk together while the next ones are being made: the sync at the
 * end then waits for the last of them only (58 MB: 5 ms instead of 35). */
#define WRITE_BACK (INT64_C(4) << 20)

struct file_sink {
    shardy__sink base;
    int fd;
    bool done;
    int64_t end, written_back; /* bytes appended, and those of them whose writing has been begun */
    size_t existed;            /* length of the part of `path` that was there before */
    char *path, *tmp;
};

/* Only a start: errors show at the sync. */
static void begin_write_back(struct file_sink *s) {
    int64_t len = s->end - s->written_back;
    if (len < WRITE_BACK) return;
    (void)sync_file_range(s->fd, s->written_back, len, SYNC_FILE_RANGE_WRITE);
    s->written_back = s->end;
}

static shardy_status sink_append(shardy__sink *sink, const void *data, size_t len,
                                 shardy_error *err) {
    struct file_sink *s = (struct file_sink *)sink;
    const uint8_t *p = data;
    while (len) {
        ssize_t n = write(s->fd, p, len < (1u << 30) ? len : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return shardy__fail_os(err, errno, "%s: write", sink->url);
        p += n;
        len -= (size_t)n;
        s->end += n;
    }
    begin_write_back(s);
    return SHARDY_OK;
}

static shardy_status sync_and_close(struct file_sink *s, shardy_error *err) {
    int bad = fsync(s->fd) ? errno : 0;
    if (close(s->fd) && !bad) bad = errno;
    s->fd = -1;
    return bad ? shardy__fail_os(err, bad, "%s: sync", s->base.url) : SHARDY_OK;
}

static shardy_status sink_commit(shardy__sink *sink, shardy_error *err) {
    struct file_sink *s = (struct file_sink *)sink;
    SHARDY_TRY(sync_and_close(s, err));
    if (renameat2(AT_FDCWD, s->tmp, AT_FDCWD, s->path, RENAME_NOREPLACE)) {
        /* File systems without that flag: a hard link does not replace either. */
        if (errno != EINVAL && errno != ENOSYS) {
            return shardy__fail_os(err, errno, "%s: commit", sink->url);
        }
        if (link(s->tmp, s->path)) return shardy__fail_os(err, errno, "%s: commit", sink->url);
        unlink(s->tmp);
    }
    s->done = true;
    return sync_parent(s->path, err);
}

static void sink_close(shardy__sink *sink) {
    struct file_sink *s = (struct file_sink *)sink;
    if (s->fd >= 0) close(s->fd);
    if (!s->done && s->tmp) {
        unlink(s->tmp);
        /* Directories made for this object go too, if nobody else uses them. */
        for (char *slash;
             (slash = strrchr(s->path, '/')) && (size_t)(slash - s->path) > s->existed;) {
            *slash = 0;
            if (rmdir(s->path) && errno != ENOENT) break;
        }
    }
    shardy__free(s->path);
    shardy__free(s->tmp);
    shardy__free(sink->url);
    shardy__free(s);
}

static const shardy__sink_ops sink_ops = {sink_append, sink_commit, sink_close};

/* Make the temporary file and its parents. Another writer that gives up removes directories that
 * were empty, perhaps between the two: then once more. */
static shardy_status open_tmp(struct file_sink *s, shardy_error *err) {
    shardy_status rc;
    int attempt = 0;
    do {
        rc = make_parents(s->path, &s->existed, err);
        if (rc) {
            shardy__error_prefix(err, "%s: ", s->base.url);
        } else {
            s->fd = open(s->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (s->fd < 0) rc = shardy__fail_os(err, errno, "%s", s->base.url);
        }
    } while (rc == SHARDY_E_NOT_FOUND && ++attempt < PARENT_ATTEMPTS);
    return rc;
}

static shardy_status open_sink(shardy__dir *dir, const char *name, struct file_sink **out,
                               shardy_error *err) {
    struct file_dir *d = (struct file_dir *)dir;
    uint64_t random;
    *out = NULL;
    SHARDY_TRY(shardy__random(&random, sizeof random, err));
    struct file_sink *s = shardy__calloc(1, sizeof *s);
    if (!s) return shardy__fail_nomem(err);
    shardy_status rc;
    s->fd = -1;
    s->existed = SIZE_MAX; /* nothing to remove before it is known */
    s->base.ops = &sink_ops;
    s->base.url = shardy__url_join(dir->url, name);
    s->path = shardy__url_join(d->path, name);
    if (s->path) s->tmp = shardy__format("%s.%016" PRIx64 TMP_SUFFIX, s->path, random);
    rc = s->base.url && s->tmp ? open_tmp(s, err) : shardy__fail_nomem(err);
    if (rc) {
        sink_close(&s->base);
        return rc;
    }
    *out = s;
    return SHARDY_OK;
}

static shardy_status file_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                 shardy_error *err) {
    struct file_sink *s = NULL;
    SHARDY_TRY(open_sink(dir, name, &s, err));
    if (!access(s->path, F_OK)) {
        shardy_status rc = shardy__fail_os(err, EEXIST, "%s", s->base.url);
        sink_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return SHARDY_OK;
}

static shardy_status file_replace(shardy__dir *dir, const char *name, const void *data, size_t len,
                                  shardy_error *err) {
    struct file_sink *s = NULL;
    SHARDY_TRY(open_sink(dir, name, &s, err));
    shardy_status rc = sink_append(&s->base, data, len, err);
    if (!rc) rc = sync_and_close(s, err);
    if (!rc && rename(s->tmp, s->path)) {
        rc = shardy__fail_os(err, errno, "%s: replace", s->base.url);
    }
    if (!rc) {
        s->done = true;
        rc = sync_parent(s->path, err);
    }
    sink_close(&s->base);
    return rc;
}

/* ---- listing and removing ---- */

static bool is_tmp(const char *name) {
    size_t len = strlen(name), tail = strlen(TMP_SUFFIX);
    return len > tail && !strcmp(name + len - tail, TMP_SUFFIX);
}

typedef shardy_status (*visit_fn)(void *ctx, const char *path, const char *name,
                                  const struct stat *st, shardy_error *err);

/* Visit what is below `path`, files before the directory that holds them. `name` is the path
 * relative to the start. A directory that vanishes meanwhile is skipped. */
static shardy_status walk(const char *path, const char *name, int depth, visit_fn visit, void *ctx,
                          shardy_error *err) {
    DIR *dir = opendir(path);
    if (!dir) return errno == ENOENT ? SHARDY_OK : shardy__fail_os(err, errno, "%s", path);
    shardy_status rc = SHARDY_OK;
    struct dirent *entry;
    while (!rc && (entry = readdir(dir))) {
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char *child = shardy__url_join(path, entry->d_name);
        char *child_name =
            *name ? shardy__url_join(name, entry->d_name) : shardy__strdup(entry->d_name);
        if (!child || !child_name) {
            rc = shardy__fail_nomem(err);
        } else if (lstat(child, &st)) {
            if (errno != ENOENT) rc = shardy__fail_os(err, errno, "%s", child);
        } else {
            if (S_ISDIR(st.st_mode)) {
                rc = depth < MAX_DEPTH
                         ? walk(child, child_name, depth + 1, visit, ctx, err)
                         : shardy__fail(err, SHARDY_E_IO, "%s: directories nest too deep", child);
            }
            if (!rc) rc = visit(ctx, child, child_name, &st, err);
        }
        shardy__free(child);
        shardy__free(child_name);
    }
    closedir(dir);
    return rc;
}

struct list_visit {
    shardy__names names;
    const char *prefix; /* as given */
};

static shardy_status visit_list(void *ctx, const char *path, const char *name,
                                const struct stat *st, shardy_error *err) {
    struct list_visit *v = ctx;
    (void)path;
    if (!S_ISREG(st->st_mode) || is_tmp(name)) return SHARDY_OK;
    char *full = shardy__format("%s%s", v->prefix, name);
    if (!full) return shardy__fail_nomem(err);
    shardy_status rc = shardy__names_add(&v->names, full, (uint64_t)st->st_size, err);
    shardy__free(full);
    return rc;
}

static shardy_status file_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn, void *ctx,
                               shardy_error *err) {
    struct file_dir *d = (struct file_dir *)dir;
    struct list_visit v = {{0}, prefix};
    char *path = shardy__url_join(d->path, prefix);
    if (!path) return shardy__fail_nomem(err);
    shardy_status rc = walk(path, "", 0, visit_list, &v, err);
    if (!rc) rc = shardy__names_report(&v.names, fn, ctx, err);
    shardy__names_free(&v.names);
    shardy__free(path);
    return rc;
}

static shardy_status visit_remove(void *ctx, const char *path, const char *name,
                                  const struct stat *st, shardy_error *err) {
    uint64_t *removed = ctx;
    (void)name;
    if (S_ISDIR(st->st_mode) ? rmdir(path) : unlink(path)) {
        if (errno == ENOENT || errno == ENOTEMPTY) return SHARDY_OK;
        return shardy__fail_os(err, errno, "%s: remove", path);
    }
    if (!S_ISDIR(st->st_mode)) ++*removed;
    return SHARDY_OK;
}

static shardy_status file_remove_tree(shardy__dir *dir, const char *prefix, uint64_t *removed,
                                      shardy_error *err) {
    struct file_dir *d = (struct file_dir *)dir;
    char *path = shardy__url_join(d->path, prefix);
    if (!path) return shardy__fail_nomem(err);
    shardy_status rc = walk(path, "", 0, visit_remove, removed, err);
    if (!rc && rmdir(path) && errno != ENOENT && errno != ENOTEMPTY) {
        rc = shardy__fail_os(err, errno, "%s: remove", path);
    }
    shardy__free(path);
    return rc;
}

/* ---- the directory itself ---- */

static shardy_status file_sub(shardy__dir *dir, const char *path, shardy__dir **out,
                              shardy_error *err) {
    char *url = shardy__url_join(dir->url, path);
    if (!url) return shardy__fail_nomem(err);
    shardy_status rc = shardy__file_dir(url, out, err);
    shardy__free(url);
    return rc;
}

static void file_close(shardy__dir *dir) {
    shardy__free(dir->url);
    shardy__free(dir);
}

static const shardy__dir_ops dir_ops = {file_open,        file_create, file_replace, file_list,
                                        file_remove_tree, file_sub,    file_close};

shardy_status shardy__file_dir(const char *url, shardy__dir **out, shardy_error *err) {
    struct file_dir *d = shardy__calloc(1, sizeof *d);
    if (d) d->base.url = shardy__strdup(url);
    if (!d || !d->base.url) {
        shardy__free(d);
        return shardy__fail_nomem(err);
    }
    d->base.ops = &dir_ops;
    d->path = d->base.url + strlen(SHARDY__FILE_SCHEME);
    *out = &d->base;
    return SHARDY_OK;
}

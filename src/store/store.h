/* store.h: object directories by URL.
 *
 *   /dir, ./dir, file:///dir   files. Objects are made under a temporary name, synced, then linked
 * to their name; readers map them. memory://name[/path]       this process only, for tests; lives
 * until shardy__memory_drop s3://, gs://               SHARDY_E_UNSUPPORTED, naming the scheme
 */
#ifndef SHARDY_STORE_STORE_H
#define SHARDY_STORE_STORE_H

#include "base/io.h"

/* The URL that manifests record: plain paths become absolute file:// URLs (no symbolic links
 * resolved, "." and ".." segments folded), trailing slashes go. Paths in URLs are taken literally:
 * there is no percent-decoding, query or fragment. *out is owned (shardy__free).
 * SHARDY_E_CONFIG: empty, not UTF-8, no path, a host in a file URL, "." or ".." below memory://;
 * SHARDY_E_UNSUPPORTED: other schemes. */
shardy_status shardy__url_normalise(const char *url, char **out, shardy_error *err);

/* base + "/" + rest; owned. `rest` may be "" (a copy of base). NULL: out of memory. */
char *shardy__url_join(const char *base, const char *rest);

/* The directory at `url` (normalised or not). It need not exist: the first object makes it. */
shardy_status shardy__store_open(const char *url, shardy__dir **out, shardy_error *err);

/* Check that objects can be made below `dir` by starting one and dropping it; nothing stays behind.
 * The error says what is in the way: a parent that is a file, no permission, a full disk. */
shardy_status shardy__store_check_writable(shardy__dir *dir, shardy_error *err);

/* Forget all objects of memory://name. Open directories and sources stay valid. */
void shardy__memory_drop(const char *name);

/* A directory like `inner` (borrowed) that also records what is committed through it and its
 * subdirectories: name relative to the recorder, size and XXH3-64 of the bytes. For building a
 * shard: the list goes into the manifest. `progress`, if set, is called with each number of bytes
 * appended (from whatever thread appends); it returns false to cancel (SHARDY_E_CANCELLED). */
typedef struct shardy__object {
    char *name;
    uint64_t size;
    uint64_t xxh3;
} shardy__object;

typedef struct shardy__recorder shardy__recorder;
typedef bool (*shardy__bytes_fn)(void *ctx, uint64_t bytes);
shardy_status shardy__recorder_open(shardy__dir *inner, shardy__bytes_fn progress, void *ctx,
                                    shardy__recorder **out, shardy_error *err);
/* Write large objects on threads of their own from now on; for when a processor would be idle. */
void shardy__recorder_write_behind(shardy__recorder *recorder);
/* Borrowed from the recorder; valid while it is open. */
shardy__dir *shardy__recorder_dir(shardy__recorder *recorder);
/* The objects committed so far, sorted by name; owned by the caller from now on
 * (shardy__objects_free). */
void shardy__recorder_take(shardy__recorder *recorder, shardy__object **out, size_t *n);
void shardy__objects_free(shardy__object *objects, size_t n);
void shardy__recorder_close(shardy__recorder *recorder);

#endif

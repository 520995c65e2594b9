/* io.h: how format code reaches storage: a directory of named objects, with random-access sources
 * to read and append-only sinks to write.
 *
 * The formats (slatedb, lance) and everything above know only these three interfaces; src/store
 * implements them per kind of store. The functions here check arguments, bounds and injected faults
 * and then call the implementation, so that every implementation is checked the same way.
 *
 * Object names are relative paths with '/' and without empty, "." or ".." segments.
 *
 * Threads: a directory and a source may be used by several threads at once; a sink by one.
 */
#ifndef SHARDY_BASE_IO_H
#define SHARDY_BASE_IO_H

#include "base/buf.h"
#include "base/error.h"
#include "shardyfusion/types.h"

/* ---- reading ---- */

/* Bytes held in memory until shardy__pin_release. `release` NULL: nothing to do. */
typedef struct shardy__pin {
    const uint8_t *data;
    size_t len;
    void *token;
    void (*release)(void *token);
} shardy__pin;

static inline void shardy__pin_release(shardy__pin *pin) {
    if (pin->release) pin->release(pin->token);
    pin->data = NULL;
    pin->len = 0;
    pin->token = NULL;
    pin->release = NULL;
}

typedef struct shardy__source shardy__source;
typedef struct shardy__source_ops {
    /* Bounds are checked already. Not called while `map` is set. */
    shardy_status (*read)(shardy__source *src, uint64_t offset, size_t len, shardy__pin *out,
                          shardy_error *err);
    void (*close)(shardy__source *src);
} shardy__source_ops;

/* One immutable object. The implementation embeds this as its first member. */
struct shardy__source {
    const shardy__source_ops *ops;
    uint64_t size;
    const uint8_t *map; /* the whole object if it is addressable, valid until close; else NULL */
    char *url;          /* for messages; owned by the implementation */
};

/* Pin [offset, offset + len). A range that leaves the object is SHARDY_E_CORRUPT: offsets come from
 * stored bytes. */
shardy_status shardy__source_read(shardy__source *src, uint64_t offset, uint64_t len,
                                  shardy__pin *out, shardy_error *err);
void shardy__source_close(shardy__source *src); /* NULL is allowed */

/* ---- writing ---- */

typedef struct shardy__sink shardy__sink;
typedef struct shardy__sink_ops {
    shardy_status (*append)(shardy__sink *sink, const void *data, size_t len, shardy_error *err);
    shardy_status (*commit)(shardy__sink *sink, shardy_error *err);
    void (*close)(shardy__sink *sink);
} shardy__sink_ops;

/* One object being written. It exists for others from a successful commit on, whole and durable. */
struct shardy__sink {
    const shardy__sink_ops *ops;
    uint64_t written; /* bytes appended so far; kept by shardy__sink_append */
    char *url;
};

/* Data is copied. Large appends are cheap, many tiny ones are not: callers buffer. */
shardy_status shardy__sink_append(shardy__sink *sink, const void *data, size_t len,
                                  shardy_error *err);
/* Make the object visible. SHARDY_E_EXISTS if the name was taken meanwhile. Close is still needed.
 */
shardy_status shardy__sink_commit(shardy__sink *sink, shardy_error *err);
/* Free the sink; without a successful commit nothing stays behind. NULL is allowed. */
void shardy__sink_close(shardy__sink *sink);

/* ---- directories ---- */

typedef enum shardy__open_flags {
    SHARDY__OPEN_MAP = 1 /* `map` must be set: the whole object will be read in no order */
} shardy__open_flags;

/* Called for each object below a prefix; `name` is relative to the directory, borrowed. Returning
 * anything but SHARDY_OK stops the listing and is its result. */
typedef shardy_status (*shardy__list_fn)(void *ctx, const char *name, uint64_t size,
                                         shardy_error *err);

typedef struct shardy__dir shardy__dir;
typedef struct shardy__dir_ops {
    shardy_status (*open)(shardy__dir *dir, const char *name, unsigned flags, shardy__source **out,
                          shardy_error *err);
    shardy_status (*create)(shardy__dir *dir, const char *name, shardy__sink **out,
                            shardy_error *err);
    shardy_status (*replace)(shardy__dir *dir, const char *name, const void *data, size_t len,
                             shardy_error *err);
    shardy_status (*list)(shardy__dir *dir, const char *prefix, shardy__list_fn fn, void *ctx,
                          shardy_error *err);
    shardy_status (*remove_tree)(shardy__dir *dir, const char *prefix, uint64_t *removed,
                                 shardy_error *err);
    shardy_status (*sub)(shardy__dir *dir, const char *path, shardy__dir **out, shardy_error *err);
    void (*close)(shardy__dir *dir);
} shardy__dir_ops;

struct shardy__dir {
    const shardy__dir_ops *ops;
    char *url; /* no trailing slash; owned by the implementation */
};

/* SHARDY_E_NOT_FOUND names the object's URL. */
shardy_status shardy__dir_open(shardy__dir *dir, const char *name, unsigned flags,
                               shardy__source **out, shardy_error *err);
/* Start a new object; parents come into being as needed. SHARDY_E_EXISTS if the name is taken. */
shardy_status shardy__dir_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                 shardy_error *err);
/* Create or atomically replace a small object; durable on return. */
shardy_status shardy__dir_replace(shardy__dir *dir, const char *name, const void *data, size_t len,
                                  shardy_error *err);
/* Append a whole object to `out`; SHARDY_E_LIMIT if it is larger than `max`. */
shardy_status shardy__dir_read(shardy__dir *dir, const char *name, uint64_t max, shardy__buf *out,
                               shardy_error *err);
/* All objects whose name begins with `prefix` ("" or a path ending in '/'), in ascending byte
 * order. A prefix without objects is an empty listing. */
shardy_status shardy__dir_list(shardy__dir *dir, const char *prefix, shardy__list_fn fn, void *ctx,
                               shardy_error *err);
/* Remove all objects below `prefix`, which is as for a listing. *removed may be NULL. */
shardy_status shardy__dir_remove_tree(shardy__dir *dir, const char *prefix, uint64_t *removed,
                                      shardy_error *err);
/* The directory at `path` below this one; independent of it, closed on its own. */
shardy_status shardy__dir_sub(shardy__dir *dir, const char *path, shardy__dir **out,
                              shardy_error *err);
void shardy__dir_close(shardy__dir *dir); /* NULL is allowed */

#endif

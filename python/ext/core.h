/* core.h: what the files of the extension module share.
 *
 * Rules of this directory. The library's functions that read, write or compute for long run without
 * the interpreter lock; those that take about a microsecond (adding a row, a get from an open
 * shard) keep it, because giving it up costs more (see reader.c). The library's callbacks (log,
 * progress, problems) never take that lock while they may run on a thread of the library: they
 * leave what they have to say in memory, and the Python thread that waits picks it up. So no lock
 * of the library is ever held by somebody who waits for the interpreter.
 *
 * Only the limited API of Python 3.11 is used: one binary serves 3.11 and everything later.
 */
#ifndef SHARDY_PYTHON_CORE_H
#define SHARDY_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>

#include "shardyfusion/shardyfusion.h"

/* Python keeps functions in void pointers (type slots), which ISO C does not know. */
#pragma GCC diagnostic ignored "-Wpedantic"

/* ---- module state ---- */

#define CORE_ONE(name, value, text, retryable, python) +1
enum { CORE_STATUS_COUNT = 0 SHARDY_STATUS_MAP(CORE_ONE) }; /* codes count from 0 without gaps */
#undef CORE_ONE

typedef struct core_state {
    PyObject *status_class[CORE_STATUS_COUNT]; /* exception class of every status code */
    PyTypeObject *writer_type;
    PyTypeObject *reader_type;
    PyTypeObject *scan_type;
    PyObject *json_encode; /* bound method: payload object -> JSON text */
    PyObject *float_array; /* array.array */
} core_state;

/* The state of the module that made the type of `self`. */
core_state *core_state_of(PyObject *self);

/* ---- log.c: lines of log on their way to logging.getLogger("shardyfusion") ---- */

typedef struct core_log {
    PyThread_type_lock lock;
    struct core_log_line *first;
    struct core_log_line **last;
    size_t waiting;
    size_t dropped;
    atomic_bool any;
} core_log;

int core_log_init(core_log *log); /* -1 with MemoryError */
void core_log_destroy(core_log *log);
void core_log_take(void *log, int level, const char *message); /* a shardy_log_fn */
void core_log_deliver(core_log *log);                          /* keeps the current exception */

/* ---- errors.c ---- */

/* A cheap SHARDY_ERROR_INIT for calls that take less than a microsecond. */
static inline void core_error_init(shardy_error *err) {
    err->size = sizeof *err;
    err->code = SHARDY_OK;
    err->shard = -1;
    err->os_error = 0;
    err->message[0] = 0;
}

/* Get the exception classes. -1 with an exception. */
int core_errors_init(core_state *state);

/* Raise what `status` means, with the message of `err`; an exception that is already set (from a
 * signal or a callback) stays. Always returns NULL. */
PyObject *core_raise(core_state *state, shardy_status status, const shardy_error *err);

/* Raise the class of `status` with a message of our own. Always returns NULL. */
PyObject *core_raise_text(core_state *state, shardy_status status, const char *format, ...);

/* If the current exception is a ConfigValidationError, put what it is about, as
 * PyUnicode_FromFormat writes it, and ": " in front of its text. */
void core_name_subject(core_state *state, const char *format, ...);

/* ---- convert.c: Python objects -> slices, keys, floats ---- */

/* A borrowed view of somebody's bytes, and what keeps them in place. Zeroed: nothing. */
typedef struct core_hold {
    PyObject *object;
    Py_buffer view;
    bool viewed;
} core_hold;

void core_release(core_hold *hold);

/* All return -1 with an exception. int, str or bytes-like; the bytes stay borrowed from `object`.
 */
int core_key_from(core_state *state, PyObject *object, shardy_key *key, core_hold *hold);
/* bytes-like or str (as UTF-8). */
int core_bytes_from(core_state *state, PyObject *object, const char *what, shardy_slice *out,
                    core_hold *hold);
/* int or str; None: absent. */
int core_id_from(core_state *state, PyObject *object, shardy_slice *out, core_hold *hold);
/* dict (as JSON) or str; None: absent. */
int core_payload_from(core_state *state, PyObject *object, shardy_slice *out, core_hold *hold);

/* Integer in 0 .. max; `name` is for the message. */
int core_unsigned_from(core_state *state, PyObject *object, const char *name, uint64_t max,
                       uint64_t *out);
/* A sequence of shard ids. *out NULL for None; freed with PyMem_Free. */
int core_shard_ids_from(core_state *state, PyObject *object, uint32_t **out, size_t *n);

/* ---- vector.c ---- */

/* One vector as floats: borrowed from a float32 buffer, or converted into `scratch`. */
typedef struct core_vector {
    const float *data;
    uint32_t len;
    core_hold hold;
    float *scratch;
    size_t room;
} core_vector;

int core_vector_from(core_state *state, PyObject *object, core_vector *vector);
void core_vector_release(core_vector *vector); /* keeps the scratch */
void core_vector_free(core_vector *vector);

/* ---- facts.c: structs of the library -> dicts ---- */

PyObject *core_text(const char *text); /* None for NULL */
/* Text that must be UTF-8; `what` is for the message. */
PyObject *core_text_of(core_state *state, shardy_slice slice, const char *what);
PyObject *core_key_object(core_state *state, const shardy_key *key);
PyObject *core_snapshot_dict(const shardy_snapshot_info *info);
PyObject *core_shard_list(const shardy_shard_info *shards, uint32_t n);

/* ---- writer.c ---- */

enum core_phase { CORE_PHASE_OPEN, CORE_PHASE_FINISHING, CORE_PHASE_CLOSED };

typedef struct core_writer {
    PyObject ob_base;
    shardy_writer *writer; /* NULL once closed */
    PyObject *progress;    /* callable, or NULL */
    core_log log;
    bool busy; /* a call is under way; guarded by the interpreter lock */
    enum core_phase phase;
    PyThreadState *released; /* set while the adding thread has given up the interpreter lock */
    /* During finish, from the library's threads to the waiting one: */
    PyThread_type_lock latest_lock;
    shardy_progress latest;
    bool has_latest;
    atomic_bool cancel;
} core_writer;

extern PyType_Spec core_writer_spec;

/* Begin and end a call. enter: -1 with an exception if closed or in use. */
int core_writer_enter(core_writer *self);
void core_writer_leave(core_writer *self);
/* Handle signals and call the progress function. False: an exception is set. */
bool core_writer_report(core_writer *self, const shardy_progress *progress);

/* ---- finish.c ---- */
PyObject *core_writer_finish(core_writer *self, PyObject *unused);

/* ---- options.c: keyword arguments of Writer -> options ---- */
int core_writer_options_from(core_state *state, PyObject *kwargs, shardy_writer_options *options,
                             shardy_vector_spec *spec, PyObject **progress);

/* ---- rows.c, arrow.c: methods of Writer ---- */
PyObject *core_writer_add(core_writer *self, PyObject *args, PyObject *kwargs);
PyObject *core_writer_add_records(core_writer *self, PyObject *args, PyObject *kwargs);
PyObject *core_writer_add_arrow(core_writer *self, PyObject *args, PyObject *kwargs);

/* ---- reader.c, scan.c ---- */

typedef struct core_reader {
    PyObject ob_base;
    shardy_reader *reader; /* NULL once closed */
    core_log log;
    size_t users; /* calls under way; guarded by the interpreter lock */
    bool closing; /* close when the last user leaves */
    bool *opened; /* per shard: a get has opened it; guarded by the interpreter lock */
} core_reader;

extern PyType_Spec core_reader_spec;
extern PyType_Spec core_scan_spec;

int core_reader_enter(core_reader *self); /* -1 with ReaderStateError if closed */
void core_reader_leave(core_reader *self);

PyObject *core_reader_scan(core_reader *self, PyObject *args, PyObject *kwargs);
PyObject *core_reader_search(core_reader *self, PyObject *args, PyObject *kwargs);
PyObject *core_reader_vector(core_reader *self, PyObject *id);

/* ---- verify.c ---- */
PyObject *core_verify(PyObject *module, PyObject *args, PyObject *kwargs);

#endif

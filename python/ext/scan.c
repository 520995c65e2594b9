/* scan.c: Reader.scan and the iterator that it returns. */
#include <string.h>

#include "core.h"

typedef struct core_scan {
    PyObject ob_base;
    shardy_scan *scan; /* NULL at the end */
    core_reader *reader;
    bool started; /* the first row has been asked for, so the shards are open */
    bool busy;
} core_scan;

static void scan_end(core_scan *self) {
    shardy_scan_close(self->scan);
    self->scan = NULL;
}

/* As in reader.c: what opens shards runs without the interpreter lock, a row does not. */
static shardy_status step(core_scan *self, bool *more, shardy_key *key, shardy_slice *value,
                          shardy_error *err) {
    if (self->started) return shardy_scan_next(self->scan, more, key, value, err);
    shardy_status rc;
    self->started = true;
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_scan_next(self->scan, more, key, value, err);
    PyEval_RestoreThread(unlocked);
    return rc;
}

static PyObject *scan_next(core_scan *self) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err;
    shardy_key key;
    shardy_slice value;
    bool more = false;
    core_error_init(&err);
    if (!self->scan) return NULL;
    if (self->busy) {
        return core_raise_text(state, SHARDY_E_STATE, "a scan belongs to one thread at a time");
    }
    self->busy = true;
    shardy_status rc = step(self, &more, &key, &value, &err);
    core_log_deliver(&self->reader->log);
    PyObject *row = NULL;
    if (rc) {
        core_raise(state, rc, &err);
    } else if (more) {
        PyObject *key_object = core_key_object(state, &key);
        if (key_object) {
            row = Py_BuildValue("(Ny#)", key_object, value.data, (Py_ssize_t)value.len);
        }
    } else {
        scan_end(self);
    }
    self->busy = false;
    return row;
}

static PyObject *scan_close(core_scan *self, PyObject *unused) {
    (void)unused;
    if (self->busy) {
        return core_raise_text(core_state_of((PyObject *)self), SHARDY_E_STATE,
                               "a scan belongs to one thread at a time");
    }
    scan_end(self);
    Py_RETURN_NONE;
}

static void scan_dealloc(core_scan *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    scan_end(self);
    Py_XDECREF((PyObject *)self->reader);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* A bound as stored key bytes: bytes and str as they are, integers encoded. */
typedef struct scan_bound {
    shardy_slice slice;
    core_hold hold;
    uint8_t scratch[8];
} scan_bound;

static int bound_from(core_reader *self, PyObject *object, scan_bound *bound) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_key key;
    if (!object || Py_IsNone(object)) return 0;
    if (core_key_from(state, object, &key, &bound->hold)) return -1;
    if (key.type != SHARDY_KEY_INT) {
        bound->slice = key.bytes;
        return 0;
    }
    shardy_status rc = shardy_key_encode(&key, shardy_reader_key_encoding(self->reader),
                                         bound->scratch, &bound->slice, &err);
    if (rc) core_raise(state, rc, &err);
    return rc ? -1 : 0;
}

static PyObject *scan_new(core_reader *self, const shardy_scan_options *options) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_scan *scan = NULL;
    shardy_status rc;
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_reader_scan(self->reader, options, &scan, &err);
    PyEval_RestoreThread(unlocked);
    if (rc) return core_raise(state, rc, &err);
    core_scan *object = (core_scan *)PyType_GenericAlloc(state->scan_type, 0);
    if (!object) {
        shardy_scan_close(scan);
        return NULL;
    }
    object->scan = scan;
    object->reader = (core_reader *)Py_NewRef((PyObject *)self);
    return (PyObject *)object;
}

PyObject *core_reader_scan(core_reader *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"prefix", "start", "end", "shard_ids", NULL};
    PyObject *prefix = NULL, *start = NULL, *end = NULL, *shard_ids = NULL, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO:scan", names, &prefix, &start, &end,
                                     &shard_ids) ||
        core_reader_enter(self)) {
        return NULL;
    }
    shardy_scan_options options = SHARDY_SCAN_OPTIONS_INIT;
    scan_bound bounds[3];
    memset(bounds, 0, sizeof bounds);
    uint32_t *ids = NULL;
    if (!bound_from(self, prefix, &bounds[0]) && !bound_from(self, start, &bounds[1]) &&
        !bound_from(self, end, &bounds[2]) &&
        !core_shard_ids_from(core_state_of((PyObject *)self), shard_ids, &ids,
                             &options.n_shard_ids)) {
        options.prefix = bounds[0].slice;
        options.start = bounds[1].slice;
        options.end = bounds[2].slice;
        options.shard_ids = ids;
        result = scan_new(self, &options);
    }
    PyMem_Free(ids);
    for (int i = 0; i < 3; i++) core_release(&bounds[i].hold);
    core_reader_leave(self);
    return result;
}

static PyMethodDef methods[] = {
    {"close", (PyCFunction)scan_close, METH_NOARGS, "End the scan."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Iterator of (key, value)."},
    {Py_tp_dealloc, scan_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, scan_next},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec core_scan_spec = {
    .name = "shardyfusion._core.Scan",
    .basicsize = sizeof(core_scan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

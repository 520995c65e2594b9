/* reader.c: the type Reader: life, facts, get and multi_get.
 *
 * A reader may be used by many Python threads at once. close() while calls are under way marks the
 * reader; the last call that leaves closes it.
 */
#include <string.h>

#include "core.h"

int core_reader_enter(core_reader *self) {
    if (!self->reader || self->closing) {
        core_raise_text(core_state_of((PyObject *)self), SHARDY_E_STATE, "Reader is closed");
        return -1;
    }
    self->users++;
    return 0;
}

static void close_now(core_reader *self) {
    shardy_reader *reader = self->reader;
    self->reader = NULL;
    PyThreadState *unlocked = PyEval_SaveThread();
    shardy_reader_close(reader);
    PyEval_RestoreThread(unlocked);
}

void core_reader_leave(core_reader *self) {
    if (--self->users == 0 && self->closing && self->reader) close_now(self);
    core_log_deliver(&self->log);
}

static shardy_status note_shards(core_reader *self, bool opened, shardy_error *err) {
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    shardy_status rc = shardy_reader_info(self->reader, &info, err);
    if (rc) return rc;
    self->opened = PyMem_Calloc(info.num_dbs, sizeof *self->opened);
    if (!self->opened) return SHARDY_E_NO_MEMORY;
    memset(self->opened, opened, info.num_dbs * sizeof *self->opened);
    return SHARDY_OK;
}

static int open_reader(core_reader *self, const char *prefix, const char *current_name,
                       PyObject *threads, int preload) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_reader_options options = SHARDY_READER_OPTIONS_INIT;
    shardy_error err = SHARDY_ERROR_INIT;
    uint64_t n = 0;
    if (threads && !Py_IsNone(threads) &&
        core_unsigned_from(state, threads, "threads", UINT32_MAX, &n)) {
        return -1;
    }
    options.current_name = current_name;
    options.threads = (uint32_t)n;
    options.preload = preload != 0;
    options.log = core_log_take;
    options.log_ctx = &self->log;
    shardy_status rc;
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_reader_open(prefix, &options, &self->reader, &err);
    PyEval_RestoreThread(unlocked);
    core_log_deliver(&self->log);
    if (!rc) rc = note_shards(self, options.preload, &err);
    if (rc) core_raise(state, rc, &err);
    return rc ? -1 : 0;
}

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"prefix", "current_name", "threads", "preload", NULL};
    const char *prefix, *current_name = NULL;
    PyObject *threads = NULL;
    int preload = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$zOp:Reader", names, &prefix, &current_name,
                                     &threads, &preload)) {
        return NULL;
    }
    core_reader *self = (core_reader *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    if (core_log_init(&self->log) || open_reader(self, prefix, current_name, threads, preload)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void reader_dealloc(core_reader *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    shardy_reader_close(self->reader);
    core_log_deliver(&self->log);
    core_log_destroy(&self->log);
    PyMem_Free(self->opened);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *reader_close(core_reader *self, PyObject *unused) {
    (void)unused;
    if (self->reader && !self->closing) {
        self->closing = true;
        if (!self->users) close_now(self);
        core_log_deliver(&self->log);
    }
    Py_RETURN_NONE;
}

/* ---- get ---- */

static PyObject *value_object(const shardy_value *value) {
    if (!value->found) return Py_NewRef(Py_None);
    return PyBytes_FromStringAndSize(value->data, (Py_ssize_t)value->len);
}

/* The first get from a shard opens it, which may take milliseconds, and runs without the
 * interpreter lock. Later ones keep the lock, because they take about a microsecond. Measured
 * (1,000,000 rows of 256 bytes in 16 shards, warm, two cores): giving the lock up in every get made
 * it 0.1 us slower alone, up to twice as slow with four reading threads, and let 125,000 to 340,000
 * gets through in four seconds instead of 510,000 to 600,000 beside a thread that computes, because
 * that thread then keeps the lock for a whole slice of 5 ms. The price: a page that is not in
 * memory is read with the lock held, which on a local disk takes less than such a slice. */
static shardy_status get(core_reader *self, const shardy_key *key, shardy_value *value,
                         shardy_error *err) {
    uint32_t db_id;
    shardy_status rc = shardy_reader_route_key(self->reader, key, &db_id, err);
    if (rc) return rc;
    if (self->opened[db_id]) return shardy_reader_get(self->reader, key, value, err);
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_reader_get(self->reader, key, value, err);
    PyEval_RestoreThread(unlocked);
    if (!rc) self->opened[db_id] = true;
    return rc;
}

static PyObject *reader_get(core_reader *self, PyObject *object) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err;
    shardy_key key;
    shardy_value value;
    core_hold hold = {0};
    core_error_init(&err);
    if (core_key_from(state, object, &key, &hold)) return NULL;
    PyObject *result = NULL;
    if (core_reader_enter(self) == 0) {
        shardy_status rc = get(self, &key, &value, &err);
        core_reader_leave(self);
        if (rc) {
            core_raise(state, rc, &err);
        } else {
            result = value_object(&value);
            shardy_value_release(&value);
        }
    }
    core_release(&hold);
    return result;
}

/* ---- multi_get ---- */

typedef struct key_batch {
    PyObject *list; /* the key objects */
    size_t n;
    shardy_key *keys;
    core_hold *holds;
    shardy_value *values;
} key_batch;

static int fill_batch(core_state *state, PyObject *objects, key_batch *batch) {
    if (PyUnicode_Check(objects) || PyBytes_Check(objects) || PyByteArray_Check(objects)) {
        core_raise_text(state, SHARDY_E_CONFIG,
                        "keys is one key, %.100R; it must be several, as in [key]", objects);
        return -1;
    }
    batch->list = PySequence_List(objects);
    if (!batch->list) return -1;
    batch->n = (size_t)PyList_Size(batch->list);
    size_t room = batch->n ? batch->n : 1;
    batch->keys = PyMem_Calloc(room, sizeof *batch->keys);
    batch->holds = PyMem_Calloc(room, sizeof *batch->holds);
    batch->values = PyMem_Calloc(room, sizeof *batch->values);
    if (!batch->keys || !batch->holds || !batch->values) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < batch->n; i++) {
        PyObject *object = PyList_GetItem(batch->list, (Py_ssize_t)i);
        if (core_key_from(state, object, &batch->keys[i], &batch->holds[i])) return -1;
    }
    return 0;
}

static void free_batch(key_batch *batch) {
    for (size_t i = 0; batch->holds && i < batch->n; i++) core_release(&batch->holds[i]);
    for (size_t i = 0; batch->values && i < batch->n; i++) shardy_value_release(&batch->values[i]);
    PyMem_Free(batch->keys);
    PyMem_Free(batch->holds);
    PyMem_Free(batch->values);
    Py_XDECREF(batch->list);
}

static PyObject *batch_dict(const key_batch *batch) {
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < batch->n; i++) {
        PyObject *value = value_object(&batch->values[i]);
        if (!value || PyDict_SetItem(dict, PyList_GetItem(batch->list, (Py_ssize_t)i), value)) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *reader_multi_get(core_reader *self, PyObject *objects) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err = SHARDY_ERROR_INIT;
    key_batch batch = {0};
    PyObject *dict = NULL;
    if (fill_batch(state, objects, &batch) == 0 && core_reader_enter(self) == 0) {
        shardy_status rc;
        PyThreadState *unlocked = PyEval_SaveThread();
        rc = shardy_reader_multi_get(self->reader, batch.keys, batch.n, batch.values, &err);
        PyEval_RestoreThread(unlocked);
        core_reader_leave(self);
        if (rc) {
            core_raise(state, rc, &err);
        } else {
            dict = batch_dict(&batch);
        }
    }
    free_batch(&batch);
    return dict;
}

/* ---- facts ---- */

static PyObject *reader_info(core_reader *self, PyObject *unused) {
    (void)unused;
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    shardy_error err = SHARDY_ERROR_INIT;
    if (core_reader_enter(self)) return NULL;
    shardy_status rc = shardy_reader_info(self->reader, &info, &err);
    PyObject *dict =
        rc ? core_raise(core_state_of((PyObject *)self), rc, &err) : core_snapshot_dict(&info);
    core_reader_leave(self);
    return dict;
}

static PyObject *reader_shards(core_reader *self, PyObject *unused) {
    (void)unused;
    const shardy_shard_info *shards;
    uint32_t n;
    shardy_error err = SHARDY_ERROR_INIT;
    if (core_reader_enter(self)) return NULL;
    shardy_status rc = shardy_reader_shards(self->reader, &shards, &n, &err);
    PyObject *list =
        rc ? core_raise(core_state_of((PyObject *)self), rc, &err) : core_shard_list(shards, n);
    core_reader_leave(self);
    return list;
}

static PyObject *reader_route_key(core_reader *self, PyObject *object) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_key key;
    core_hold hold = {0};
    uint32_t db_id = 0;
    PyObject *result = NULL;
    if (core_key_from(state, object, &key, &hold)) return NULL;
    if (core_reader_enter(self) == 0) {
        shardy_status rc = shardy_reader_route_key(self->reader, &key, &db_id, &err);
        core_reader_leave(self);
        result = rc ? core_raise(state, rc, &err) : PyLong_FromUnsignedLong(db_id);
    }
    core_release(&hold);
    return result;
}

static PyObject *reader_key_encoding(core_reader *self, PyObject *unused) {
    (void)unused;
    if (core_reader_enter(self)) return NULL;
    shardy_key_encoding encoding = shardy_reader_key_encoding(self->reader);
    core_reader_leave(self);
    return core_text(shardy_key_encoding_name(encoding));
}

static PyObject *reader_enter(PyObject *self, PyObject *unused) {
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *reader_exit(core_reader *self, PyObject *args) {
    (void)args;
    return reader_close(self, NULL);
}

static PyMethodDef methods[] = {
    {"get", (PyCFunction)reader_get, METH_O, "The value stored under a key, or None."},
    {"multi_get", (PyCFunction)reader_multi_get, METH_O, "{key: value or None} in input order."},
    {"search", (PyCFunction)(void (*)(void))core_reader_search, METH_VARARGS | METH_KEYWORDS,
     "The rows nearest to a query vector."},
    {"vector", (PyCFunction)core_reader_vector, METH_O, "The vector stored under an id, or None."},
    {"scan", (PyCFunction)(void (*)(void))core_reader_scan, METH_VARARGS | METH_KEYWORDS,
     "An iterator of (key, value) in order of stored key bytes."},
    {"info", (PyCFunction)reader_info, METH_NOARGS, "Facts about the snapshot."},
    {"shards", (PyCFunction)reader_shards, METH_NOARGS, "Facts about every shard."},
    {"route_key", (PyCFunction)reader_route_key, METH_O, "The shard that a key belongs to."},
    {"key_encoding", (PyCFunction)reader_key_encoding, METH_NOARGS, "Name of the key encoding."},
    {"close", (PyCFunction)reader_close, METH_NOARGS, "Close the reader."},
    {"__enter__", reader_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)reader_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Reads one published snapshot. See reader.h for the rules."},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec core_reader_spec = {
    .name = "shardyfusion._core.Reader",
    .basicsize = sizeof(core_reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

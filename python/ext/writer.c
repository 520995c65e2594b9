/* writer.c: the type Writer: life, calls, progress and signals. */
#include "core.h"

core_state *core_state_of(PyObject *self) { return PyType_GetModuleState(Py_TYPE(self)); }

int core_writer_enter(core_writer *self) {
    core_state *state = core_state_of((PyObject *)self);
    if (!self->writer) {
        core_raise_text(state, SHARDY_E_STATE, "Writer is closed");
        return -1;
    }
    if (self->busy) {
        core_raise_text(state, SHARDY_E_STATE,
                        "Writer is in use: a writer belongs to one thread at a time");
        return -1;
    }
    self->busy = true;
    return 0;
}

void core_writer_leave(core_writer *self) {
    self->busy = false;
    core_log_deliver(&self->log);
}

bool core_writer_report(core_writer *self, const shardy_progress *progress) {
    core_log_deliver(&self->log);
    if (PyErr_CheckSignals()) return false;
    if (!self->progress) return true;
    PyObject *answer =
        PyObject_CallFunction(self->progress, "KIIK", (unsigned long long)progress->rows_added,
                              (unsigned)progress->shards_total, (unsigned)progress->shards_built,
                              (unsigned long long)progress->bytes_written);
    bool go = answer && answer != Py_False;
    Py_XDECREF(answer);
    return go;
}

/* Called by the library: while adding, on the thread that adds; during finish, on any thread. */
static bool on_progress(void *ctx, const shardy_progress *progress) {
    core_writer *self = ctx;
    if (self->phase == CORE_PHASE_FINISHING) {
        PyThread_acquire_lock(self->latest_lock, WAIT_LOCK);
        self->latest = *progress;
        self->has_latest = true;
        PyThread_release_lock(self->latest_lock);
        return !atomic_load(&self->cancel);
    }
    PyThreadState *released = self->released;
    if (released) PyEval_RestoreThread(released);
    self->released = NULL;
    bool go = !PyErr_Occurred() && core_writer_report(self, progress);
    if (released) self->released = PyEval_SaveThread();
    return go;
}

static int open_writer(core_writer *self, core_state *state, const char *prefix, PyObject *kwargs) {
    shardy_writer_options options = SHARDY_WRITER_OPTIONS_INIT;
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    shardy_error err = SHARDY_ERROR_INIT;
    PyObject *progress;
    if (core_writer_options_from(state, kwargs, &options, &spec, &progress)) return -1;
    self->progress = Py_XNewRef(progress);
    options.prefix = prefix;
    options.progress = on_progress;
    options.progress_ctx = self;
    options.log = core_log_take;
    options.log_ctx = &self->log;
    shardy_status rc = shardy_writer_open(&options, &self->writer, &err);
    core_log_deliver(&self->log);
    if (rc) core_raise(state, rc, &err);
    return rc ? -1 : 0;
}

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    const char *prefix;
    if (!PyArg_ParseTuple(args, "s:Writer", &prefix)) return NULL;
    core_writer *self = (core_writer *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    atomic_init(&self->cancel, false);
    self->latest_lock = PyThread_allocate_lock();
    if (!self->latest_lock) PyErr_NoMemory();
    if (!self->latest_lock || core_log_init(&self->log) ||
        open_writer(self, core_state_of((PyObject *)self), prefix, kwargs)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int writer_traverse(core_writer *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->progress);
    return 0;
}

static int writer_clear(core_writer *self) {
    Py_CLEAR(self->progress);
    return 0;
}

static void writer_dealloc(core_writer *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    shardy_writer_close(self->writer);
    core_log_deliver(&self->log);
    core_log_destroy(&self->log);
    if (self->latest_lock) PyThread_free_lock(self->latest_lock);
    writer_clear(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *writer_close(core_writer *self, PyObject *unused) {
    (void)unused;
    if (!self->writer) Py_RETURN_NONE;
    if (core_writer_enter(self)) return NULL;
    shardy_writer *writer = self->writer;
    self->writer = NULL;
    self->phase = CORE_PHASE_CLOSED;
    PyThreadState *unlocked = PyEval_SaveThread();
    shardy_writer_close(writer);
    PyEval_RestoreThread(unlocked);
    core_writer_leave(self);
    Py_RETURN_NONE;
}

static PyObject *writer_enter(PyObject *self, PyObject *unused) {
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *writer_exit(core_writer *self, PyObject *args) {
    (void)args;
    return writer_close(self, NULL);
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))core_writer_add, METH_VARARGS | METH_KEYWORDS,
     "Add one row."},
    {"add_records", (PyCFunction)(void (*)(void))core_writer_add_records,
     METH_VARARGS | METH_KEYWORDS, "Add a row for every record; return how many."},
    {"add_arrow", (PyCFunction)(void (*)(void))core_writer_add_arrow, METH_VARARGS | METH_KEYWORDS,
     "Add all rows of an Arrow stream or array; return how many."},
    {"finish", (PyCFunction)core_writer_finish, METH_NOARGS, "Build, store and publish."},
    {"close", (PyCFunction)writer_close, METH_NOARGS,
     "Free the writer and whatever an unfinished build left behind."},
    {"__enter__", writer_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)writer_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Builds one snapshot from rows. See writer.h for the rules."},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_traverse, writer_traverse},
    {Py_tp_clear, writer_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec core_writer_spec = {
    .name = "shardyfusion._core.Writer",
    .basicsize = sizeof(core_writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

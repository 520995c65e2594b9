/* arrow.c: Writer.add_arrow: rows from the Arrow PyCapsule interface.
 *
 * Source: "The Arrow PyCapsule Interface" of the Apache Arrow specification: `__arrow_c_stream__`
 * answers a capsule "arrow_array_stream", `__arrow_c_array__` a pair of capsules "arrow_schema" and
 * "arrow_array". Structures are moved out of their capsules, as the interface asks of consumers.
 */
#include <string.h>

#include "core.h"

typedef struct arrow_names {
    const char *key, *value, *vector, *vector_id, *payload;
    const char **fields;
    size_t n_fields;
} arrow_names;

static shardy_arrow_columns columns_of(const arrow_names *names) {
    shardy_arrow_columns columns = SHARDY_ARROW_COLUMNS_INIT;
    columns.key = names->key;
    columns.value = names->value;
    columns.vector = names->vector;
    columns.vector_id = names->vector_id;
    columns.payload = names->payload;
    columns.payload_fields = names->fields;
    columns.n_payload_fields = names->n_fields;
    return columns;
}

/* Add a batch without the interpreter lock. Releases the batch. */
static int add_batch(core_writer *self, const struct ArrowSchema *schema, struct ArrowArray *batch,
                     const shardy_arrow_columns *columns, unsigned long long *n) {
    shardy_error err = SHARDY_ERROR_INIT;
    unsigned long long rows = batch->length > 0 ? (unsigned long long)batch->length : 0;
    self->released = PyEval_SaveThread();
    shardy_status rc = shardy_writer_add_arrow(self->writer, schema, batch, columns, &err);
    batch->release(batch);
    PyEval_RestoreThread(self->released);
    self->released = NULL;
    if (rc) {
        core_raise(core_state_of((PyObject *)self), rc, &err);
        return -1;
    }
    *n += rows;
    return PyErr_CheckSignals();
}

/* ---- streams ---- */

static int stream_failed(core_writer *self, struct ArrowArrayStream *stream, int code) {
    const char *text = stream->get_last_error(stream);
    if (!PyErr_Occurred()) {
        core_raise_text(core_state_of((PyObject *)self), SHARDY_E_IO,
                        "the Arrow stream failed with errno %d: %s", code, text ? text : "no text");
    }
    return -1;
}

static int drain_stream(core_writer *self, struct ArrowArrayStream *stream,
                        const shardy_arrow_columns *columns, unsigned long long *n) {
    struct ArrowSchema schema;
    memset(&schema, 0, sizeof schema);
    int rc = stream->get_schema(stream, &schema);
    if (rc) return stream_failed(self, stream, rc);
    for (;;) {
        struct ArrowArray batch;
        memset(&batch, 0, sizeof batch);
        PyThreadState *unlocked = PyEval_SaveThread();
        rc = stream->get_next(stream, &batch);
        PyEval_RestoreThread(unlocked);
        if (rc) rc = stream_failed(self, stream, rc);
        if (rc || !batch.release) break;
        rc = add_batch(self, &schema, &batch, columns, n);
        if (rc) break;
    }
    if (schema.release) schema.release(&schema);
    return rc;
}

static int add_stream(core_writer *self, PyObject *capsule, const shardy_arrow_columns *columns,
                      unsigned long long *n) {
    struct ArrowArrayStream *given = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (!given) return -1;
    if (!given->release) {
        core_raise_text(core_state_of((PyObject *)self), SHARDY_E_CONFIG,
                        "the Arrow stream was consumed already");
        return -1;
    }
    struct ArrowArrayStream stream = *given;
    given->release = NULL;
    int rc = drain_stream(self, &stream, columns, n);
    stream.release(&stream);
    return rc;
}

/* ---- single arrays ---- */

static int add_array(core_writer *self, PyObject *pair, const shardy_arrow_columns *columns,
                     unsigned long long *n) {
    PyObject *schema_capsule, *array_capsule;
    if (!PyArg_ParseTuple(pair, "OO:__arrow_c_array__", &schema_capsule, &array_capsule)) return -1;
    struct ArrowSchema *schema = PyCapsule_GetPointer(schema_capsule, "arrow_schema");
    struct ArrowArray *given = schema ? PyCapsule_GetPointer(array_capsule, "arrow_array") : NULL;
    if (!given) return -1;
    if (!schema->release || !given->release) {
        core_raise_text(core_state_of((PyObject *)self), SHARDY_E_CONFIG,
                        "the Arrow array was consumed already");
        return -1;
    }
    struct ArrowArray array = *given;
    given->release = NULL;
    return add_batch(self, schema, &array, columns, n);
}

/* Ask `source` for its data. 1: it has this method, and *out is set or an exception; 0: it has not.
 */
static int ask(PyObject *source, const char *method, PyObject **out) {
    *out = NULL;
    PyObject *bound = PyObject_GetAttrString(source, method);
    if (!bound) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return 1;
        PyErr_Clear();
        return 0;
    }
    *out = PyObject_CallNoArgs(bound);
    Py_DECREF(bound);
    return 1;
}

static int add_source(core_writer *self, PyObject *source, const shardy_arrow_columns *columns,
                      unsigned long long *n) {
    if (PyCapsule_IsValid(source, "arrow_array_stream")) {
        return add_stream(self, source, columns, n);
    }
    PyObject *given;
    int rc = -1;
    if (ask(source, "__arrow_c_stream__", &given)) {
        if (given) rc = add_stream(self, given, columns, n);
    } else if (ask(source, "__arrow_c_array__", &given)) {
        if (given) rc = add_array(self, given, columns, n);
    } else {
        PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(source), "__name__");
        if (type) {
            core_raise_text(core_state_of((PyObject *)self), SHARDY_E_CONFIG,
                            "%U has neither __arrow_c_stream__ nor __arrow_c_array__", type);
        }
        Py_XDECREF(type);
    }
    Py_XDECREF(given);
    return rc;
}

/* ---- arguments ---- */

static int read_fields(PyObject *fields, arrow_names *names) {
    if (!fields) return 0;
    Py_ssize_t n = PyList_Size(fields);
    names->fields = PyMem_Calloc((size_t)(n ? n : 1), sizeof *names->fields);
    if (!names->fields) {
        PyErr_NoMemory();
        return -1;
    }
    names->n_fields = (size_t)n;
    for (Py_ssize_t i = 0; i < n; i++) {
        names->fields[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(fields, i), NULL);
        if (!names->fields[i]) return -1;
    }
    return 0;
}

PyObject *core_writer_add_arrow(core_writer *self, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"source",    "key",     "value",          "vector",
                               "vector_id", "payload", "payload_fields", NULL};
    PyObject *source, *fields = NULL, *result = NULL;
    arrow_names names = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$sszzzO:add_arrow", keywords, &source,
                                     &names.key, &names.value, &names.vector, &names.vector_id,
                                     &names.payload, &fields)) {
        return NULL;
    }
    fields = fields && !Py_IsNone(fields) ? PySequence_List(fields) : NULL;
    if (PyErr_Occurred()) return NULL;
    if (!read_fields(fields, &names) && !core_writer_enter(self)) {
        shardy_arrow_columns columns = columns_of(&names);
        unsigned long long n = 0;
        int rc = add_source(self, source, &columns, &n);
        core_writer_leave(self);
        if (rc == 0) result = PyLong_FromUnsignedLongLong(n);
    }
    PyMem_Free(names.fields);
    Py_XDECREF(fields);
    return result;
}

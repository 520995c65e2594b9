/* rows.c: rows from Python objects: Writer.add and the loop of Writer.add_records.
 *
 * The interpreter lock is kept: adding a row copies it into memory, and the functions called for
 * every record need the lock anyway.
 */
#include <string.h>

#include "core.h"

/* One row on its way from Python to the library. */
typedef struct pending_row {
    shardy_row row;
    core_hold key, value, id, payload;
    core_vector vector;
    bool key_refused;
} pending_row;

/* The parts of a row as Python has them; borrowed, the last three may be NULL. */
typedef struct row_parts {
    PyObject *key, *value, *vector, *id, *payload;
} row_parts;

static int convert_row(core_state *state, const row_parts *parts, pending_row *p) {
    shardy_row *row = &p->row;
    if (core_bytes_from(state, parts->value, "value", &row->value, &p->value)) return -1;
    if (parts->vector && !Py_IsNone(parts->vector)) {
        if (core_vector_from(state, parts->vector, &p->vector)) return -1;
        row->vector = p->vector.data;
        row->vector_len = p->vector.len;
    }
    if (core_id_from(state, parts->id, &row->vector_id, &p->id)) return -1;
    return core_payload_from(state, parts->payload, &row->payload, &p->payload);
}

static void release_row(pending_row *p) {
    core_release(&p->key);
    core_release(&p->value);
    core_release(&p->id);
    core_release(&p->payload);
    core_vector_release(&p->vector);
}

static int add_row(core_writer *self, core_state *state, const row_parts *parts, pending_row *p) {
    p->row = (shardy_row)SHARDY_ROW_INIT;
    shardy_error err;
    core_error_init(&err);
    int rc = core_key_from(state, parts->key, &p->row.key, &p->key);
    p->key_refused = rc != 0;
    if (rc == 0 && convert_row(state, parts, p)) {
        core_name_subject(state, "key %.100R", parts->key);
        rc = -1;
    }
    if (rc == 0) {
        shardy_status status = shardy_writer_add(self->writer, &p->row, &err);
        if (status) {
            core_raise(state, status, &err);
            rc = -1;
        }
    }
    release_row(p);
    return rc;
}

PyObject *core_writer_add(core_writer *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"key", "value", "vector", "vector_id", "payload", NULL};
    row_parts parts = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOO:add", names, &parts.key, &parts.value,
                                     &parts.vector, &parts.id, &parts.payload) ||
        core_writer_enter(self)) {
        return NULL;
    }
    pending_row pending;
    memset(&pending, 0, sizeof pending);
    int rc = add_row(self, core_state_of((PyObject *)self), &parts, &pending);
    core_vector_free(&pending.vector);
    core_writer_leave(self);
    if (rc) return NULL;
    Py_RETURN_NONE;
}

/* What vector_fn answered: (id, vector, payload). The parts stay borrowed from `answer`. */
static int split_vector(core_state *state, PyObject *answer, row_parts *parts) {
    bool tuple = PyTuple_Check(answer), list = PyList_Check(answer);
    Py_ssize_t n = tuple ? PyTuple_Size(answer) : list ? PyList_Size(answer) : -1;
    if (n != 3) {
        core_raise_text(state, SHARDY_E_CONFIG,
                        "vector_fn returned %.100R; it must return (id, vector, payload)", answer);
        core_name_subject(state, "key %.100R", parts->key);
        return -1;
    }
    PyObject *(*item)(PyObject *, Py_ssize_t) = tuple ? PyTuple_GetItem : PyList_GetItem;
    parts->id = item(answer, 0);
    parts->vector = item(answer, 1);
    parts->payload = item(answer, 2);
    return 0;
}

typedef struct row_functions {
    PyObject *key, *value, *vector; /* vector NULL: none */
} row_functions;

static int add_record(core_writer *self, core_state *state, const row_functions *functions,
                      PyObject *record, pending_row *pending) {
    row_parts parts = {0};
    PyObject *answer = NULL;
    int rc = -1;
    parts.key = PyObject_CallFunctionObjArgs(functions->key, record, NULL);
    if (parts.key) parts.value = PyObject_CallFunctionObjArgs(functions->value, record, NULL);
    if (parts.value && functions->vector) {
        answer = PyObject_CallFunctionObjArgs(functions->vector, record, NULL);
        if (answer && !split_vector(state, answer, &parts)) rc = 0;
    } else if (parts.value) {
        rc = 0;
    }
    if (rc == 0) rc = add_row(self, state, &parts, pending);
    Py_XDECREF(answer);
    Py_XDECREF(parts.value);
    Py_XDECREF(parts.key);
    return rc;
}

/* Records and functions may all be C: then nobody else looks at signals or lets threads in. */
static int let_others_run(void) {
    PyEval_RestoreThread(PyEval_SaveThread());
    return PyErr_CheckSignals();
}

static int add_all(core_writer *self, PyObject *records, const row_functions *functions,
                   unsigned long long *n) {
    core_state *state = core_state_of((PyObject *)self);
    PyObject *iterator = PyObject_GetIter(records);
    if (!iterator) return -1;
    pending_row pending;
    memset(&pending, 0, sizeof pending);
    int rc = 0;
    PyObject *record;
    while (rc == 0 && (record = PyIter_Next(iterator))) {
        rc = add_record(self, state, functions, record, &pending);
        Py_DECREF(record);
        if (pending.key_refused) core_name_subject(state, "record %llu", *n + 1);
        if (rc == 0 && ++*n % 4096 == 0) rc = let_others_run();
    }
    if (PyErr_Occurred()) rc = -1;
    core_vector_free(&pending.vector);
    Py_DECREF(iterator);
    return rc;
}

PyObject *core_writer_add_records(core_writer *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"records", "key_fn", "value_fn", "vector_fn", NULL};
    PyObject *records;
    row_functions functions = {0};
    unsigned long long n = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|O:add_records", names, &records,
                                     &functions.key, &functions.value, &functions.vector) ||
        core_writer_enter(self)) {
        return NULL;
    }
    if (functions.vector && Py_IsNone(functions.vector)) functions.vector = NULL;
    int rc = add_all(self, records, &functions, &n);
    core_writer_leave(self);
    return rc ? NULL : PyLong_FromUnsignedLongLong(n);
}

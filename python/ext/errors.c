/* errors.c: status codes -> the exception classes of shardyfusion.errors.
 *
 * Which class a code becomes is written in one place, SHARDY_STATUS_MAP of status.h.
 */
#include <string.h>

#include "core.h"

static PyObject *find_class(PyObject *errors, PyObject *builtins, const char *name) {
    PyObject *found = PyObject_GetAttrString(errors, name);
    if (!found && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = PyObject_GetAttrString(builtins, name);
    }
    return found;
}

int core_errors_init(core_state *state) {
    PyObject *errors = PyImport_ImportModule("shardyfusion.errors");
    PyObject *builtins = errors ? PyImport_ImportModule("builtins") : NULL;
    int rc = builtins ? 0 : -1;
    for (int code = 1; rc == 0 && code < CORE_STATUS_COUNT; code++) {
        const char *name = shardy_status_python_class((shardy_status)code);
        state->status_class[code] = find_class(errors, builtins, name);
        if (!state->status_class[code]) rc = -1;
    }
    Py_XDECREF(builtins);
    Py_XDECREF(errors);
    return rc;
}

static int set_attribute(PyObject *object, const char *name, PyObject *value) {
    if (!value) return -1;
    int rc = PyObject_SetAttrString(object, name, value);
    Py_DECREF(value);
    return rc;
}

static PyObject *number_or_none(long value, bool known) {
    return known ? PyLong_FromLong(value) : Py_NewRef(Py_None);
}

/* Raise an instance of the class of `status` with its attributes. Steals `text`. */
static PyObject *raise_instance(core_state *state, shardy_status status, PyObject *text,
                                int32_t shard, int32_t os_error) {
    int code = (int)status;
    if (code < 1 || code >= CORE_STATUS_COUNT) code = SHARDY_E_INTERNAL;
    PyObject *class = state->status_class[code];
    PyObject *instance = text ? PyObject_CallFunctionObjArgs(class, text, NULL) : NULL;
    Py_XDECREF(text);
    if (!instance) return NULL;
    if (status == SHARDY_E_NO_MEMORY ||
        (!set_attribute(instance, "status",
                        PyUnicode_FromString(shardy_status_name((shardy_status)code))) &&
         !set_attribute(instance, "shard", number_or_none(shard, shard >= 0)) &&
         !set_attribute(instance, "os_error", number_or_none(os_error, os_error != 0)))) {
        PyErr_SetObject(class, instance);
    }
    Py_DECREF(instance);
    return NULL;
}

PyObject *core_raise(core_state *state, shardy_status status, const shardy_error *err) {
    if (PyErr_Occurred()) return NULL;
    const char *message = err->message[0] ? err->message : shardy_status_text(status);
    PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
    return raise_instance(state, status, text, err->shard, err->os_error);
}

PyObject *core_raise_text(core_state *state, shardy_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    PyObject *text = PyUnicode_FromFormatV(format, args);
    va_end(args);
    return raise_instance(state, status, text, -1, 0);
}

void core_name_subject(core_state *state, const char *format, ...) {
    if (!PyErr_ExceptionMatches(state->status_class[SHARDY_E_CONFIG])) return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    va_list args;
    va_start(args, format);
    PyObject *subject = PyUnicode_FromFormatV(format, args);
    va_end(args);
    PyObject *text = subject ? PyUnicode_FromFormat("%U: %S", subject, value) : NULL;
    if (text) {
        raise_instance(state, SHARDY_E_CONFIG, text, -1, 0);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    } else {
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(subject);
}

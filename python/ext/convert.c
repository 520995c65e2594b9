/* convert.c: keys, values, vector ids and payloads as the library wants them.
 *
 * Nothing is copied where the object's own bytes can be used: `core_hold` keeps them in place.
 */
#include <string.h>

#include "core.h"

void core_release(core_hold *hold) {
    if (hold->viewed) {
        PyBuffer_Release(&hold->view);
        hold->viewed = false;
    }
    Py_CLEAR(hold->object);
}

static const char *type_name(PyObject *object, PyObject **name) {
    *name = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    const char *text = *name ? PyUnicode_AsUTF8AndSize(*name, NULL) : NULL;
    if (!text) PyErr_Clear();
    return text ? text : "object";
}

static int refuse_type(core_state *state, PyObject *object, const char *what, const char *rule) {
    PyObject *name;
    core_raise_text(state, SHARDY_E_CONFIG, "%s has type %s; it must be %s", what,
                    type_name(object, &name), rule);
    Py_XDECREF(name);
    return -1;
}

/* Keys have no other name than themselves, so the message shows the object. */
static int refuse_key(core_state *state, PyObject *object) {
    PyObject *name;
    core_raise_text(state, SHARDY_E_CONFIG, "key %.100R has type %s; it must be int, str or bytes",
                    object, type_name(object, &name));
    Py_XDECREF(name);
    return -1;
}

/* UTF-8 of a str; the text stays with the str. */
static int text_from(core_state *state, PyObject *object, const char *what, shardy_slice *out) {
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(object, &len);
    if (!text) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
        PyErr_Clear();
        core_raise_text(state, SHARDY_E_CONFIG,
                        "%s %.100R is a str with lone surrogates, which UTF-8 cannot encode", what,
                        object);
        return -1;
    }
    out->data = text;
    out->len = (size_t)len;
    return 0;
}

/* The bytes of an object with a contiguous buffer. */
static int buffer_from(PyObject *object, shardy_slice *out, core_hold *hold) {
    if (PyObject_GetBuffer(object, &hold->view, PyBUF_SIMPLE)) return -1;
    hold->viewed = true;
    out->data = hold->view.buf ? hold->view.buf : "";
    out->len = (size_t)hold->view.len;
    return 0;
}

static int bytes_of(PyObject *object, shardy_slice *out) {
    char *data;
    Py_ssize_t len;
    if (PyBytes_AsStringAndSize(object, &data, &len)) return -1;
    out->data = data;
    out->len = (size_t)len;
    return 0;
}

static int integer_key(core_state *state, PyObject *object, shardy_key *key) {
    PyObject *number = PyNumber_Index(object);
    if (!number) return -1;
    int overflow = 0;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow) {
        core_raise_text(state, SHARDY_E_CONFIG,
                        "key %.40S is out of range; integer keys must be in -2^63 .. 2^63-1",
                        number);
    }
    Py_DECREF(number);
    if (PyErr_Occurred()) return -1;
    key->type = SHARDY_KEY_INT;
    key->i64 = value;
    return 0;
}

int core_key_from(core_state *state, PyObject *object, shardy_key *key, core_hold *hold) {
    memset(key, 0, sizeof *key);
    if (PyBytes_Check(object)) {
        key->type = SHARDY_KEY_BYTES;
        return bytes_of(object, &key->bytes);
    }
    if (PyUnicode_Check(object)) {
        key->type = SHARDY_KEY_STR;
        return text_from(state, object, "key", &key->bytes);
    }
    if (PyIndex_Check(object)) return integer_key(state, object, key);
    if (PyByteArray_Check(object) || PyMemoryView_Check(object)) {
        key->type = SHARDY_KEY_BYTES;
        if (!buffer_from(object, &key->bytes, hold)) return 0;
        PyErr_Clear();
    }
    return refuse_key(state, object);
}

int core_bytes_from(core_state *state, PyObject *object, const char *what, shardy_slice *out,
                    core_hold *hold) {
    if (PyBytes_Check(object)) return bytes_of(object, out);
    if (PyUnicode_Check(object)) return text_from(state, object, what, out);
    if (!buffer_from(object, out, hold)) return 0;
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_BufferError) &&
        !PyErr_ExceptionMatches(PyExc_ValueError)) {
        return -1;
    }
    PyErr_Clear();
    return refuse_type(state, object, what, "bytes-like (contiguous) or str");
}

int core_id_from(core_state *state, PyObject *object, shardy_slice *out, core_hold *hold) {
    out->data = NULL;
    out->len = 0;
    if (!object || Py_IsNone(object)) return 0;
    if (PyUnicode_Check(object)) return text_from(state, object, "vector id", out);
    if (!PyIndex_Check(object)) return refuse_type(state, object, "vector id", "int or str");
    PyObject *number = PyNumber_Index(object);
    hold->object = number ? PyObject_Str(number) : NULL;
    Py_XDECREF(number);
    return hold->object ? text_from(state, hold->object, "vector id", out) : -1;
}

/* json.JSONEncoder(ensure_ascii=False, default=str).encode, made once. */
static PyObject *json_encoder(core_state *state) {
    if (state->json_encode) return state->json_encode;
    PyObject *json = PyImport_ImportModule("json");
    PyObject *class = json ? PyObject_GetAttrString(json, "JSONEncoder") : NULL;
    PyObject *args = PyTuple_New(0);
    PyObject *kwargs = Py_BuildValue("{s:O,s:O}", "ensure_ascii", Py_False, "default",
                                     (PyObject *)&PyUnicode_Type);
    PyObject *encoder = class && args && kwargs ? PyObject_Call(class, args, kwargs) : NULL;
    state->json_encode = encoder ? PyObject_GetAttrString(encoder, "encode") : NULL;
    Py_XDECREF(encoder);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    Py_XDECREF(class);
    Py_XDECREF(json);
    return state->json_encode;
}

int core_payload_from(core_state *state, PyObject *object, shardy_slice *out, core_hold *hold) {
    out->data = NULL;
    out->len = 0;
    if (!object || Py_IsNone(object)) return 0;
    if (PyUnicode_Check(object)) return text_from(state, object, "payload", out);
    if (!PyDict_Check(object)) return refuse_type(state, object, "payload", "dict, str or None");
    PyObject *encode = json_encoder(state);
    hold->object = encode ? PyObject_CallFunctionObjArgs(encode, object, NULL) : NULL;
    if (hold->object) return text_from(state, hold->object, "payload", out);
    if (PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        core_raise_text(state, SHARDY_E_CONFIG, "payload cannot be written as JSON: %S",
                        value ? value : type);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    return -1;
}

int core_unsigned_from(core_state *state, PyObject *object, const char *name, uint64_t max,
                       uint64_t *out) {
    PyObject *number = PyIndex_Check(object) ? PyNumber_Index(object) : NULL;
    if (!number) {
        if (PyErr_Occurred()) return -1;
        return refuse_type(state, object, name, "int");
    }
    unsigned long long value = PyLong_AsUnsignedLongLong(number);
    bool bad = PyErr_Occurred() || value > max;
    PyErr_Clear();
    if (bad) {
        core_raise_text(state, SHARDY_E_CONFIG, "%s is %.40S; it must be in 0 .. %llu", name,
                        number, (unsigned long long)max);
    }
    Py_DECREF(number);
    *out = value;
    return bad ? -1 : 0;
}

int core_shard_ids_from(core_state *state, PyObject *object, uint32_t **out, size_t *n) {
    *out = NULL;
    *n = 0;
    if (!object || Py_IsNone(object)) return 0;
    PyObject *list = PySequence_List(object);
    if (!list) return -1;
    Py_ssize_t len = PyList_Size(list);
    uint32_t *ids = PyMem_Malloc(sizeof *ids * (size_t)(len ? len : 1));
    int rc = ids ? 0 : -1;
    if (!ids) PyErr_NoMemory();
    for (Py_ssize_t i = 0; rc == 0 && i < len; i++) {
        uint64_t id;
        rc = core_unsigned_from(state, PyList_GetItem(list, i), "shard id", UINT32_MAX, &id);
        if (rc == 0) ids[i] = (uint32_t)id;
    }
    Py_DECREF(list);
    if (rc) {
        PyMem_Free(ids);
        return -1;
    }
    *out = ids;
    *n = (size_t)len;
    return 0;
}

/* module.c: the extension module shardyfusion._core: functions, types, state. */
#include <string.h>

#include "core.h"

static PyObject *version(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    return PyUnicode_FromString(shardy_version());
}

static PyObject *simd_level(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    return PyUnicode_FromString(shardy_simd_level());
}

/* [(name, value, text, retryable, exception class name)...] for every failure. */
static PyObject *statuses(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    PyObject *list = PyList_New(0);
    for (int code = 1; list && code < CORE_STATUS_COUNT; code++) {
        shardy_status status = (shardy_status)code;
        PyObject *item = Py_BuildValue(
            "(sisNs)", shardy_status_name(status), code, shardy_status_text(status),
            PyBool_FromLong(shardy_status_retryable(status)), shardy_status_python_class(status));
        if (!item || PyList_Append(list, item)) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *hash_digest(PyObject *module, PyObject *object) {
    shardy_key key;
    core_hold hold = {0};
    if (core_key_from(PyModule_GetState(module), object, &key, &hold)) return NULL;
    uint64_t digest = shardy_route_digest(&key);
    core_release(&hold);
    return PyLong_FromUnsignedLongLong(digest);
}

static PyObject *hash_db_id(PyObject *module, PyObject *args) {
    core_state *state = PyModule_GetState(module);
    PyObject *object, *num_dbs;
    uint64_t n;
    shardy_key key;
    core_hold hold = {0};
    if (!PyArg_ParseTuple(args, "OO:hash_db_id", &object, &num_dbs) ||
        core_unsigned_from(state, num_dbs, "num_dbs", UINT32_MAX, &n)) {
        return NULL;
    }
    if (!n) return core_raise_text(state, SHARDY_E_CONFIG, "num_dbs must be > 0");
    if (core_key_from(state, object, &key, &hold)) return NULL;
    uint32_t db_id = shardy_route_hash(&key, (uint32_t)n);
    core_release(&hold);
    return PyLong_FromUnsignedLong(db_id);
}

static PyObject *encode_key(PyObject *module, PyObject *args) {
    core_state *state = PyModule_GetState(module);
    shardy_error err = SHARDY_ERROR_INIT;
    PyObject *object, *result = NULL;
    const char *name;
    shardy_key_encoding encoding;
    shardy_key key;
    core_hold hold = {0};
    uint8_t scratch[8];
    shardy_slice stored;
    if (!PyArg_ParseTuple(args, "Os:encode_key", &object, &name)) return NULL;
    shardy_status rc = shardy_key_encoding_parse(name, &encoding, &err);
    if (rc) return core_raise(state, rc, &err);
    if (core_key_from(state, object, &key, &hold)) return NULL;
    if (encoding == SHARDY_ENCODING_AUTO) encoding = shardy_key_encoding_for(key.type);
    rc = shardy_key_encode(&key, encoding, scratch, &stored, &err);
    result = rc ? core_raise(state, rc, &err)
                : PyBytes_FromStringAndSize(stored.data, (Py_ssize_t)stored.len);
    core_release(&hold);
    return result;
}

static PyMethodDef functions[] = {
    {"version", version, METH_NOARGS, "Version of the library."},
    {"simd_level", simd_level, METH_NOARGS, "Distance kernels chosen for this processor."},
    {"statuses", statuses, METH_NOARGS, "(name, value, text, retryable, class) of every failure."},
    {"hash_digest", hash_digest, METH_O, "XXH3-64 of a key's canonical bytes."},
    {"hash_db_id", hash_db_id, METH_VARARGS, "The shard, of so many, that a key belongs to."},
    {"encode_key", encode_key, METH_VARARGS, "The bytes under which a key is stored."},
    {"verify", (PyCFunction)(void (*)(void))core_verify, METH_VARARGS | METH_KEYWORDS,
     "Read every object of the current snapshot again and report what is wrong."},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out) {
    *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *out ? PyModule_AddType(module, *out) : -1;
}

static int module_exec(PyObject *module) {
    core_state *state = PyModule_GetState(module);
    if (core_errors_init(state) || add_type(module, &core_writer_spec, &state->writer_type) ||
        add_type(module, &core_reader_spec, &state->reader_type) ||
        add_type(module, &core_scan_spec, &state->scan_type)) {
        return -1;
    }
    return 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    core_state *state = PyModule_GetState(module);
    for (int i = 0; i < CORE_STATUS_COUNT; i++) Py_VISIT(state->status_class[i]);
    Py_VISIT(state->writer_type);
    Py_VISIT(state->reader_type);
    Py_VISIT(state->scan_type);
    Py_VISIT(state->json_encode);
    Py_VISIT(state->float_array);
    return 0;
}

static int module_clear(PyObject *module) {
    core_state *state = PyModule_GetState(module);
    for (int i = 0; i < CORE_STATUS_COUNT; i++) Py_CLEAR(state->status_class[i]);
    Py_CLEAR(state->writer_type);
    Py_CLEAR(state->reader_type);
    Py_CLEAR(state->scan_type);
    Py_CLEAR(state->json_encode);
    Py_CLEAR(state->float_array);
    return 0;
}

static void module_free(void *module) { module_clear(module); }

static PyModuleDef_Slot slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shardyfusion._core",
    .m_doc = "The C library behind shardyfusion. Use the package's own names instead.",
    .m_size = sizeof(core_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }

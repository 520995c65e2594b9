/* options.c: the keyword arguments of Writer, by a table: name, kind, place in the options struct.
 *
 * Names are those of shardy_writer_options. None means "the default". Only what a C struct cannot
 * hold is refused here; whether the values make sense is for the library to say.
 */
#include <stddef.h>
#include <string.h>

#include "core.h"

enum kind { TEXT, U32, U64, ENCODING, COMPRESSION, VECTOR, PROGRESS };

static const struct option {
    const char *name;
    enum kind kind;
    size_t offset;
} table[] = {
    {"num_dbs", U32, offsetof(shardy_writer_options, num_dbs)},
    {"key_encoding", ENCODING, offsetof(shardy_writer_options, key_encoding)},
    {"run_id", TEXT, offsetof(shardy_writer_options, run_id)},
    {"key_col", TEXT, offsetof(shardy_writer_options, key_col)},
    {"shard_prefix", TEXT, offsetof(shardy_writer_options, shard_prefix)},
    {"db_path_template", TEXT, offsetof(shardy_writer_options, db_path_template)},
    {"custom_json", TEXT, offsetof(shardy_writer_options, custom_json)},
    {"threads", U32, offsetof(shardy_writer_options, threads)},
    {"memory_limit", U64, offsetof(shardy_writer_options, memory_limit)},
    {"block_size", U32, offsetof(shardy_writer_options, block_size)},
    {"bloom_bits_per_key", U32, offsetof(shardy_writer_options, bloom_bits_per_key)},
    {"sst_bytes", U64, offsetof(shardy_writer_options, sst_bytes)},
    {"compression", COMPRESSION, offsetof(shardy_writer_options, compression)},
    {"vector", VECTOR, 0},
    {"progress", PROGRESS, 0},
};

static const char *text_of(core_state *state, PyObject *value, const char *name) {
    Py_ssize_t len;
    const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &len) : NULL;
    if (text && strlen(text) == (size_t)len) return text;
    PyErr_Clear();
    core_raise_text(state, SHARDY_E_CONFIG, "%s is %.100R; it must be a str without NUL", name,
                    value);
    return NULL;
}

static int set_number(core_state *state, const struct option *option, PyObject *value,
                      char *place) {
    uint64_t number, max = option->kind == U32 ? UINT32_MAX : UINT64_MAX;
    if (core_unsigned_from(state, value, option->name, max, &number)) return -1;
    if (option->kind == U32) {
        uint32_t narrow = (uint32_t)number;
        memcpy(place, &narrow, sizeof narrow);
    } else {
        memcpy(place, &number, sizeof number);
    }
    return 0;
}

static int set_named(core_state *state, const struct option *option, const char *text,
                     shardy_writer_options *options) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status rc = option->kind == ENCODING
                           ? shardy_key_encoding_parse(text, &options->key_encoding, &err)
                           : shardy_compression_parse(text, &options->compression, &err);
    if (rc) core_raise(state, rc, &err);
    return rc ? -1 : 0;
}

static int set_param(core_state *state, shardy_vector_spec *spec, PyObject *name, PyObject *value) {
    shardy_error err = SHARDY_ERROR_INIT;
    const char *text = text_of(state, name, "a name in vector_spec.index_params");
    if (!text) return -1;
    int overflow = 0;
    long long number = PyLong_Check(value) ? PyLong_AsLongLongAndOverflow(value, &overflow) : -1;
    if (!PyLong_Check(value) || overflow) {
        core_raise_text(state, SHARDY_E_CONFIG,
                        "vector_spec.index_params[%R] is %.60R; it must be an int >= 1", name,
                        value);
        return -1;
    }
    shardy_status rc = shardy_vector_spec_set_param(spec, text, number, &err);
    if (rc) core_raise(state, rc, &err);
    return rc ? -1 : 0;
}

static int set_params(core_state *state, shardy_vector_spec *spec, PyObject *params) {
    if (Py_IsNone(params)) return 0;
    PyObject *items = PyMapping_Items(params);
    if (!items) return -1;
    int rc = 0;
    Py_ssize_t n = PyList_Size(items);
    for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
        PyObject *item = PyList_GetItem(items, i);
        PyObject *name = PySequence_GetItem(item, 0), *value = PySequence_GetItem(item, 1);
        rc = name && value ? set_param(state, spec, name, value) : -1;
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    Py_DECREF(items);
    return rc;
}

/* (dim, metric, index_type, quantization, index_params) */
static int set_vector(core_state *state, PyObject *value, shardy_vector_spec *spec) {
    PyObject *dim, *params;
    const char *metric, *index_type, *quantization;
    if (!PyArg_ParseTuple(value, "OsszO:vector", &dim, &metric, &index_type, &quantization,
                          &params)) {
        return -1;
    }
    uint64_t number;
    if (core_unsigned_from(state, dim, "vector.dim", UINT32_MAX, &number)) return -1;
    spec->dim = (uint32_t)number;
    if (!number) {
        core_raise_text(state, SHARDY_E_CONFIG, "vector.dim must be > 0, got 0");
        return -1;
    }
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status rc = shardy_metric_parse(metric, &spec->metric, &err);
    if (!rc) rc = shardy_index_type_parse(index_type, &spec->index_type, &err);
    if (!rc) rc = shardy_quantization_parse(quantization, &spec->quantization, &err);
    if (rc) core_raise(state, rc, &err);
    return rc ? -1 : set_params(state, spec, params);
}

static const struct option *find_option(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!strcmp(table[i].name, name)) return &table[i];
    }
    return NULL;
}

static int set_option(core_state *state, const struct option *option, PyObject *value,
                      shardy_writer_options *options, shardy_vector_spec *spec,
                      PyObject **progress) {
    char *place = (char *)options + option->offset;
    const char *text = NULL;
    switch (option->kind) {
        case U32:
        case U64:
            return set_number(state, option, value, place);
        case VECTOR:
            options->vector = spec;
            return set_vector(state, value, spec);
        case PROGRESS:
            *progress = value;
            if (PyCallable_Check(value)) return 0;
            core_raise_text(state, SHARDY_E_CONFIG, "progress must be callable, got %.60R", value);
            return -1;
        default:
            text = text_of(state, value, option->name);
            if (!text) return -1;
            if (option->kind != TEXT) return set_named(state, option, text, options);
            memcpy(place, &text, sizeof text);
            return 0;
    }
}

int core_writer_options_from(core_state *state, PyObject *kwargs, shardy_writer_options *options,
                             shardy_vector_spec *spec, PyObject **progress) {
    *progress = NULL;
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (kwargs && PyDict_Next(kwargs, &at, &name, &value)) {
        const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
        const struct option *option = text ? find_option(text) : NULL;
        if (!option) {
            if (!PyErr_Occurred()) {
                PyErr_Format(PyExc_TypeError, "Writer() got an unexpected keyword argument '%U'",
                             name);
            }
            return -1;
        }
        if (!Py_IsNone(value) && set_option(state, option, value, options, spec, progress)) {
            return -1;
        }
    }
    return 0;
}

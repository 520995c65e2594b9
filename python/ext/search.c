/* search.c: Reader.search and Reader.vector. */
#include <string.h>

#include "core.h"

/* array.array("f") of `n` floats: a buffer that numpy and others take as it is. */
static PyObject *float_array(core_state *state, const float *data, uint32_t n) {
    if (!state->float_array) {
        PyObject *array = PyImport_ImportModule("array");
        state->float_array = array ? PyObject_GetAttrString(array, "array") : NULL;
        Py_XDECREF(array);
        if (!state->float_array) return NULL;
    }
    return PyObject_CallFunction(state->float_array, "sy#", "f", (const char *)data,
                                 (Py_ssize_t)(n * sizeof *data));
}

static PyObject *hit_tuple(core_state *state, const shardy_hit *hit, uint32_t dim) {
    PyObject *id = core_text_of(state, hit->id, "a stored vector id");
    PyObject *payload = hit->payload.data ? core_text_of(state, hit->payload, "a stored payload")
                                          : Py_NewRef(Py_None);
    PyObject *vector = hit->vector ? float_array(state, hit->vector, dim) : Py_NewRef(Py_None);
    if (id && payload && vector) {
        return Py_BuildValue("(NdNNI)", id, hit->score, payload, vector, (unsigned)hit->db_id);
    }
    Py_XDECREF(id);
    Py_XDECREF(payload);
    Py_XDECREF(vector);
    return NULL;
}

/* ([(id, score, payload, vector, db_id)...], num_shards_queried, distances, latency_ms) */
static PyObject *result_tuple(core_state *state, const shardy_search_result *result, uint32_t dim) {
    PyObject *hits = PyList_New(0);
    for (size_t i = 0; hits && i < result->n_hits; i++) {
        PyObject *hit = hit_tuple(state, &result->hits[i], dim);
        if (!hit || PyList_Append(hits, hit)) Py_CLEAR(hits);
        Py_XDECREF(hit);
    }
    if (!hits) return NULL;
    return Py_BuildValue("(NIKd)", hits, (unsigned)result->num_shards_queried,
                         (unsigned long long)result->distances, result->latency_ms);
}

static PyObject *search(core_reader *self, const core_vector *query,
                        const shardy_search_options *options) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_search_result *result = NULL;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status rc;
    if (core_reader_enter(self)) return NULL;
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_reader_search(self->reader, query->data, query->len, options, &result, &err);
    PyEval_RestoreThread(unlocked);
    core_reader_leave(self);
    if (rc) return core_raise(state, rc, &err);
    PyObject *tuple = result_tuple(state, result, query->len);
    shardy_search_result_free(result);
    return tuple;
}

static int read_options(core_state *state, PyObject *top_k, PyObject *nprobes, PyObject *shard_ids,
                        shardy_search_options *options, uint32_t **ids) {
    uint64_t k = 0, probes = 0;
    if (core_unsigned_from(state, top_k, "top_k", UINT32_MAX, &k)) return -1;
    if (nprobes && !Py_IsNone(nprobes)) {
        if (core_unsigned_from(state, nprobes, "nprobes", UINT32_MAX, &probes)) return -1;
        if (!probes) {
            core_raise_text(state, SHARDY_E_CONFIG, "nprobes must be >= 1, got 0");
            return -1;
        }
    }
    if (!k) {
        core_raise_text(state, SHARDY_E_CONFIG, "top_k must be >= 1, got 0");
        return -1;
    }
    options->top_k = (uint32_t)k;
    options->nprobes = (uint32_t)probes;
    if (core_shard_ids_from(state, shard_ids, ids, &options->n_shard_ids)) return -1;
    options->shard_ids = *ids;
    return 0;
}

PyObject *core_reader_search(core_reader *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"query",   "top_k",        "shard_ids", "exact",
                            "nprobes", "with_vectors", NULL};
    core_state *state = core_state_of((PyObject *)self);
    shardy_search_options options = SHARDY_SEARCH_OPTIONS_INIT;
    PyObject *query_object, *top_k, *shard_ids = NULL, *nprobes = NULL, *result = NULL;
    int exact = 0, with_vectors = 0;
    uint32_t *ids = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$OpOp:search", names, &query_object, &top_k,
                                     &shard_ids, &exact, &nprobes, &with_vectors) ||
        read_options(state, top_k, nprobes, shard_ids, &options, &ids)) {
        return NULL;
    }
    options.exact = exact != 0;
    options.with_vectors = with_vectors != 0;
    core_vector query;
    memset(&query, 0, sizeof query);
    if (core_vector_from(state, query_object, &query) == 0) result = search(self, &query, &options);
    core_vector_free(&query);
    PyMem_Free(ids);
    return result;
}

static PyObject *find_vector(core_reader *self, shardy_slice id, float *floats, uint32_t dim) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_error err = SHARDY_ERROR_INIT;
    bool found = false;
    shardy_status rc;
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_reader_vector(self->reader, id, floats, dim, &found, &err);
    PyEval_RestoreThread(unlocked);
    if (rc) return core_raise(state, rc, &err);
    return found ? float_array(state, floats, dim) : Py_NewRef(Py_None);
}

PyObject *core_reader_vector(core_reader *self, PyObject *id_object) {
    core_state *state = core_state_of((PyObject *)self);
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    shardy_error err = SHARDY_ERROR_INIT;
    core_hold hold = {0};
    shardy_slice id;
    float *floats = NULL;
    PyObject *result = NULL;
    if (core_id_from(state, id_object, &id, &hold)) return NULL;
    if (core_reader_enter(self) == 0) {
        shardy_status rc = shardy_reader_info(self->reader, &info, &err);
        if (!rc) floats = PyMem_Malloc(sizeof *floats * (info.dim ? info.dim : 1));
        if (rc) {
            core_raise(state, rc, &err);
        } else if (floats) {
            result = find_vector(self, id, floats, info.dim);
        } else {
            PyErr_NoMemory();
        }
        core_reader_leave(self);
    }
    PyMem_Free(floats);
    core_release(&hold);
    return result;
}

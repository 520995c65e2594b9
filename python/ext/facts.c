/* facts.c: what the library tells about snapshots and shards, as dicts with the same names. */
#include <string.h>

#include "core.h"

PyObject *core_text(const char *text) {
    if (!text) return Py_NewRef(Py_None);
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *core_text_of(core_state *state, shardy_slice slice, const char *what) {
    PyObject *text = PyUnicode_DecodeUTF8(slice.data, (Py_ssize_t)slice.len, NULL);
    if (!text && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        core_raise_text(state, SHARDY_E_CORRUPT, "%s is not UTF-8", what);
    }
    return text;
}

PyObject *core_key_object(core_state *state, const shardy_key *key) {
    switch (key->type) {
        case SHARDY_KEY_INT:
            return PyLong_FromLongLong(key->i64);
        case SHARDY_KEY_STR:
            return core_text_of(state, key->bytes, "a stored key");
        default:
            return PyBytes_FromStringAndSize(key->bytes.data, (Py_ssize_t)key->bytes.len);
    }
}

PyObject *core_snapshot_dict(const shardy_snapshot_info *info) {
    return Py_BuildValue(
        "{s:N,s:N,s:N,s:N,s:N,s:I,s:I,s:K,s:K,s:N,s:N,s:N,s:N,s:N,s:I,s:K,s:N,s:N,s:N,s:N,s:N,s:N}",
        "prefix", core_text(info->prefix), "run_id", core_text(info->run_id), "manifest_ref",
        core_text(info->manifest_ref), "created_at", core_text(info->created_at), "published_at",
        core_text(info->published_at), "num_dbs", (unsigned)info->num_dbs, "num_shards",
        (unsigned)info->num_shards, "row_count", (unsigned long long)info->row_count, "db_bytes",
        (unsigned long long)info->db_bytes, "strategy", core_text(info->strategy), "hash_algorithm",
        core_text(info->hash_algorithm), "key_col", core_text(info->key_col), "key_encoding",
        core_text(info->key_encoding), "has_vectors", PyBool_FromLong(info->has_vectors), "dim",
        (unsigned)info->dim, "vector_count", (unsigned long long)info->vector_count, "metric",
        core_text(info->metric), "index_type", core_text(info->index_type), "quantization",
        core_text(info->quantization), "index_built", core_text(info->index_built), "index_note",
        core_text(info->index_note), "custom_json", core_text(info->custom_json));
}

static PyObject *shard_dict(const shardy_shard_info *shard) {
    return Py_BuildValue(
        "{s:I,s:N,s:I,s:K,s:K,s:N,s:N,s:N,s:N,s:K,s:N,s:I}", "db_id", (unsigned)shard->db_id,
        "db_url", core_text(shard->db_url), "attempt", (unsigned)shard->attempt, "row_count",
        (unsigned long long)shard->row_count, "db_bytes", (unsigned long long)shard->db_bytes,
        "min_key", core_text(shard->min_key), "max_key", core_text(shard->max_key), "checkpoint_id",
        core_text(shard->checkpoint_id), "writer_info", core_text(shard->writer_info),
        "vector_count", (unsigned long long)shard->vector_count, "vector_index",
        core_text(shard->vector_index), "vector_partitions", (unsigned)shard->vector_partitions);
}

PyObject *core_shard_list(const shardy_shard_info *shards, uint32_t n) {
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < n; i++) {
        PyObject *dict = shard_dict(&shards[i]);
        if (!dict || PyList_Append(list, dict)) Py_CLEAR(list);
        Py_XDECREF(dict);
    }
    return list;
}

/* verify.c: shardy_verify with its findings collected in a list. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

typedef struct finding {
    struct finding *next;
    int32_t db_id;
    char *problem; /* behind the object's name in `text` */
    char text[];
} finding;

typedef struct findings {
    PyThread_type_lock lock;
    finding *first, **last;
    bool lost; /* out of memory while taking one */
} findings;

static void take(void *ctx, int32_t db_id, const char *object, const char *problem) {
    findings *all = ctx;
    size_t a = strlen(object) + 1, b = strlen(problem) + 1;
    finding *one = malloc(sizeof *one + a + b);
    PyThread_acquire_lock(all->lock, WAIT_LOCK);
    if (one) {
        one->next = NULL;
        one->db_id = db_id;
        memcpy(one->text, object, a);
        one->problem = memcpy(one->text + a, problem, b);
        *all->last = one;
        all->last = &one->next;
    } else {
        all->lost = true;
    }
    PyThread_release_lock(all->lock);
}

static PyObject *findings_list(const findings *all) {
    PyObject *list = PyList_New(0);
    for (const finding *one = all->first; list && one; one = one->next) {
        PyObject *db_id = one->db_id < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(one->db_id);
        PyObject *item =
            Py_BuildValue("(NNN)", db_id, core_text(one->text), core_text(one->problem));
        if (!item || PyList_Append(list, item)) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static void free_findings(findings *all) {
    while (all->first) {
        finding *next = all->first->next;
        free(all->first);
        all->first = next;
    }
    if (all->lock) PyThread_free_lock(all->lock);
}

static PyObject *report_dict(const shardy_verify_report *report, const findings *all) {
    return Py_BuildValue(
        "{s:I,s:K,s:K,s:K,s:K,s:K,s:N}", "shards", (unsigned)report->shards, "objects",
        (unsigned long long)report->objects, "bytes", (unsigned long long)report->bytes, "keys",
        (unsigned long long)report->keys, "vectors", (unsigned long long)report->vectors,
        "problems", (unsigned long long)report->problems, "findings", findings_list(all));
}

PyObject *core_verify(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"prefix", "current_name", "threads", NULL};
    core_state *state = PyModule_GetState(module);
    shardy_verify_options options = SHARDY_VERIFY_OPTIONS_INIT;
    shardy_verify_report report;
    shardy_error err = SHARDY_ERROR_INIT;
    const char *prefix;
    PyObject *threads = NULL;
    uint64_t n = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$zO:verify", names, &prefix,
                                     &options.current_name, &threads) ||
        (threads && !Py_IsNone(threads) &&
         core_unsigned_from(state, threads, "threads", UINT32_MAX, &n))) {
        return NULL;
    }
    findings all = {.lock = PyThread_allocate_lock()};
    if (!all.lock) return PyErr_NoMemory();
    all.last = &all.first;
    options.threads = (uint32_t)n;
    options.problem = take;
    options.problem_ctx = &all;
    memset(&report, 0, sizeof report);
    shardy_status rc;
    PyThreadState *unlocked = PyEval_SaveThread();
    rc = shardy_verify(prefix, &options, &report, &err);
    PyEval_RestoreThread(unlocked);
    PyObject *dict = rc         ? core_raise(state, rc, &err)
                     : all.lost ? PyErr_NoMemory()
                                : report_dict(&report, &all);
    free_findings(&all);
    return dict;
}

/* finish.c: Writer.finish: the library builds on a thread of its own while this one waits.
 *
 * Signals reach only Python's main thread, and a build may take minutes, so that thread must be
 * free to look: it sleeps on a lock that the builder releases, wakes up at a signal or every tenth
 * of a second, and passes on logs, progress and Ctrl-C.
 */
#include "core.h"

typedef struct finish_job {
    core_writer *self;
    shardy_writer *writer;
    shardy_build_result *result;
    shardy_status status;
    shardy_error err;
    PyThread_type_lock done; /* held until the job is over */
} finish_job;

static void run(void *arg) {
    finish_job *job = arg;
    job->status = shardy_writer_finish(job->writer, &job->result, &job->err);
    PyThread_release_lock(job->done); /* the job may be gone after this */
}

/* Hand the newest progress to Python. False: an exception is set, or the caller said stop. */
static bool pass_on(core_writer *self) {
    shardy_progress latest = {0};
    PyThread_acquire_lock(self->latest_lock, WAIT_LOCK);
    bool fresh = self->has_latest;
    if (fresh) latest = self->latest;
    self->has_latest = false;
    PyThread_release_lock(self->latest_lock);
    core_log_deliver(&self->log);
    if (!fresh) return PyErr_CheckSignals() == 0;
    return core_writer_report(self, &latest);
}

static void wait_for(finish_job *job) {
    enum { TENTH_OF_A_SECOND = 100000 };
    bool cancelled = false;
    for (;;) {
        PyLockStatus locked;
        PyThreadState *unlocked = PyEval_SaveThread();
        locked = PyThread_acquire_lock_timed(job->done, TENTH_OF_A_SECOND, 1);
        PyEval_RestoreThread(unlocked);
        if (locked == PY_LOCK_ACQUIRED) break;
        if (!cancelled && !pass_on(job->self)) {
            cancelled = true;
            atomic_store(&job->self->cancel, true);
        }
    }
    PyThread_release_lock(job->done);
}

/* The last progress of a build that is published: too late to stop, so nothing may be raised. */
static void report_end(core_writer *self) {
    if (PyErr_Occurred()) {
        core_log_take(&self->log, 4, "the build was interrupted too late: it is published");
    } else if (self->progress && self->has_latest) {
        const shardy_progress *p = &self->latest;
        PyObject *answer = PyObject_CallFunction(
            self->progress, "KIIK", (unsigned long long)p->rows_added, (unsigned)p->shards_total,
            (unsigned)p->shards_built, (unsigned long long)p->bytes_written);
        if (!answer) PyErr_WriteUnraisable(self->progress);
        Py_XDECREF(answer);
    }
}

static PyObject *result_dict(const shardy_build_result *r) {
    return Py_BuildValue(
        "{s:N,s:K,s:K,s:I,s:I,s:N,s:K,s:K,s:K,s:K}", "snapshot", core_snapshot_dict(&r->snapshot),
        "rows_written", (unsigned long long)r->rows_written, "duplicate_rows",
        (unsigned long long)r->duplicate_rows, "attempts", (unsigned)r->attempts, "n_shards",
        (unsigned)r->n_shards, "shards", core_shard_list(r->shards, r->n_shards), "sharding_ms",
        (unsigned long long)r->sharding_ms, "write_ms", (unsigned long long)r->write_ms,
        "manifest_ms", (unsigned long long)r->manifest_ms, "total_ms",
        (unsigned long long)r->total_ms);
}

static int start_job(finish_job *job) {
    job->done = PyThread_allocate_lock();
    if (!job->done) {
        PyErr_NoMemory();
        return -1;
    }
    PyThread_acquire_lock(job->done, WAIT_LOCK);
    if (PyThread_start_new_thread(run, job) == (unsigned long)-1) {
        PyErr_SetString(PyExc_RuntimeError, "finish: a thread could not be started");
        return -1;
    }
    return 0;
}

PyObject *core_writer_finish(core_writer *self, PyObject *unused) {
    (void)unused;
    if (core_writer_enter(self)) return NULL;
    finish_job job = {.self = self, .writer = self->writer, .err = SHARDY_ERROR_INIT};
    PyObject *dict = NULL;
    self->phase = CORE_PHASE_FINISHING;
    atomic_store(&self->cancel, false);
    if (start_job(&job) == 0) {
        wait_for(&job);
        if (job.status) {
            core_raise(core_state_of((PyObject *)self), job.status, &job.err);
        } else {
            report_end(self);
        }
        if (!PyErr_Occurred()) dict = result_dict(job.result);
        shardy_build_result_free(job.result);
    }
    self->phase = CORE_PHASE_OPEN;
    if (job.done) PyThread_free_lock(job.done);
    core_writer_leave(self);
    return dict;
}

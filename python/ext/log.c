/* log.c: the library's lines of log, kept until a Python thread can hand them to logging.
 *
 * The library may log from any of its threads and while it holds its own locks, so taking a line
 * must not wait for the interpreter: lines go to a short list and every call delivers the list on
 * its way out. A list that nobody collects stops growing and counts what it dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { MAX_WAITING = 10000 };

typedef struct core_log_line {
    struct core_log_line *next;
    int level;
    char text[];
} core_log_line;

int core_log_init(core_log *log) {
    log->first = NULL;
    log->last = &log->first;
    log->waiting = log->dropped = 0;
    atomic_init(&log->any, false);
    log->lock = PyThread_allocate_lock();
    if (!log->lock) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void free_lines(core_log_line *line) {
    while (line) {
        core_log_line *next = line->next;
        free(line);
        line = next;
    }
}

void core_log_destroy(core_log *log) {
    if (!log->lock) return;
    free_lines(log->first);
    PyThread_free_lock(log->lock);
    log->lock = NULL;
}

void core_log_take(void *ctx, int level, const char *message) {
    core_log *log = ctx;
    size_t len = strlen(message);
    core_log_line *line = malloc(sizeof *line + len + 1);
    if (line) {
        line->next = NULL;
        line->level = level;
        memcpy(line->text, message, len + 1);
    }
    PyThread_acquire_lock(log->lock, WAIT_LOCK);
    if (line && log->waiting < MAX_WAITING) {
        *log->last = line;
        log->last = &line->next;
        log->waiting++;
        line = NULL;
    } else {
        log->dropped++;
    }
    atomic_store(&log->any, true);
    PyThread_release_lock(log->lock);
    free(line);
}

static int python_level(int level) {
    if (level <= 3) return 40;   /* logging.ERROR */
    if (level == 4) return 30;   /* logging.WARNING */
    return level <= 6 ? 20 : 10; /* logging.INFO, logging.DEBUG */
}

static void write_line(PyObject *logger, int level, const char *text) {
    PyObject *message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    PyObject *done =
        message ? PyObject_CallMethod(logger, "log", "isO", python_level(level), "%s", message)
                : NULL;
    if (!done) PyErr_WriteUnraisable(logger);
    Py_XDECREF(done);
    Py_XDECREF(message);
}

static PyObject *find_logger(void) {
    PyObject *logging = PyImport_ImportModule("logging");
    PyObject *logger =
        logging ? PyObject_CallMethod(logging, "getLogger", "s", "shardyfusion") : NULL;
    Py_XDECREF(logging);
    return logger;
}

static void deliver(core_log_line *lines, size_t dropped) {
    PyObject *logger = find_logger();
    if (!logger) {
        PyErr_WriteUnraisable(NULL);
        return;
    }
    for (core_log_line *line = lines; line; line = line->next) {
        write_line(logger, line->level, line->text);
    }
    if (dropped) {
        char text[80];
        PyOS_snprintf(text, sizeof text, "%zu lines of log were dropped here", dropped);
        write_line(logger, 4, text);
    }
    Py_DECREF(logger);
}

void core_log_deliver(core_log *log) {
    if (!log->lock || !atomic_load_explicit(&log->any, memory_order_relaxed)) return;
    PyThread_acquire_lock(log->lock, WAIT_LOCK);
    core_log_line *lines = log->first;
    size_t dropped = log->dropped;
    log->first = NULL;
    log->last = &log->first;
    log->waiting = log->dropped = 0;
    atomic_store(&log->any, false);
    PyThread_release_lock(log->lock);

    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    deliver(lines, dropped);
    PyErr_Restore(type, value, traceback);
    free_lines(lines);
}

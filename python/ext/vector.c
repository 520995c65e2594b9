/* vector.c: one vector from whatever Python holds it in.
 *
 * A contiguous float32 buffer is used in place; float64, float16 and strided buffers, and sequences
 * of numbers, are converted into a scratch that is used again for the next row. numpy is not
 * needed: its arrays speak the buffer protocol. Whether the length is right, and whether every
 * number is finite, is checked by the library.
 */
#include <stdint.h>
#include <string.h>

#include "core.h"

static float *scratch_for(core_vector *vector, size_t n) {
    if (n > vector->room || !vector->scratch) {
        float *grown = PyMem_Realloc(vector->scratch, sizeof(float) * (n ? n : 1));
        if (!grown) {
            PyErr_NoMemory();
            return NULL;
        }
        vector->scratch = grown;
        vector->room = n;
    }
    return vector->scratch;
}

/* IEEE 754 binary16 -> binary32. */
static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu, bits;
    if (exponent == 0x1f) {
        bits = sign | 0x7f800000u | fraction << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else if (!fraction) {
        bits = sign;
    } else {
        exponent = 113;
        while (!(fraction & 0x400u)) {
            fraction <<= 1;
            exponent--;
        }
        bits = sign | exponent << 23 | (fraction & 0x3ffu) << 13;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float read_item(char kind, const char *at) {
    double wide;
    float single;
    uint16_t half;
    switch (kind) {
        case 'f':
            memcpy(&single, at, sizeof single);
            return single;
        case 'd':
            memcpy(&wide, at, sizeof wide);
            return (float)wide;
        default:
            memcpy(&half, at, sizeof half);
            return half_to_float(half);
    }
}

/* 'f', 'd' or 'e' in native byte order, 0 for anything else. */
static char float_kind(const Py_buffer *view) {
    const char *format = view->format ? view->format : "B";
    if (*format == '@' || *format == '=' || *format == (PY_LITTLE_ENDIAN ? '<' : '>')) format++;
    if (!*format || format[1]) return 0;
    Py_ssize_t size = *format == 'f' ? 4 : *format == 'd' ? 8 : *format == 'e' ? 2 : 0;
    return size && view->itemsize == size ? *format : 0;
}

static int from_view(core_vector *vector, char kind) {
    const Py_buffer *view = &vector->hold.view;
    size_t n = (size_t)view->shape[0];
    Py_ssize_t stride = view->strides ? view->strides[0] : view->itemsize;
    vector->len = (uint32_t)n;
    if (kind == 'f' && stride == 4 && n && (uintptr_t)view->buf % _Alignof(float) == 0) {
        vector->data = view->buf;
        return 0;
    }
    float *to = scratch_for(vector, n);
    if (!to) return -1;
    const char *from = view->buf;
    for (size_t i = 0; i < n; i++) to[i] = read_item(kind, from + (Py_ssize_t)i * stride);
    vector->data = to;
    core_release(&vector->hold);
    return 0;
}

static int refuse_number(core_state *state, Py_ssize_t at, PyObject *item) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_ValueError) &&
        !PyErr_ExceptionMatches(PyExc_OverflowError)) {
        return -1;
    }
    PyErr_Clear();
    core_raise_text(state, SHARDY_E_CONFIG, "vector[%zd] is %.60R, which is not a number", at,
                    item);
    return -1;
}

static int from_list(core_state *state, core_vector *vector, PyObject *list) {
    Py_ssize_t n = PyList_Size(list);
    float *to = scratch_for(vector, (size_t)n);
    if (!to) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PyList_GetItem(list, i); /* a private list: nobody can shorten it */
        double value = PyFloat_AsDouble(item);
        if (value == -1.0 && PyErr_Occurred()) return refuse_number(state, i, item);
        to[i] = (float)value;
    }
    vector->data = to;
    vector->len = (uint32_t)n;
    return 0;
}

static bool is_text(PyObject *object) {
    return PyUnicode_Check(object) || PyBytes_Check(object) || PyByteArray_Check(object) ||
           PyMemoryView_Check(object);
}

static int refuse_vector(core_state *state, PyObject *object) {
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    if (type) {
        core_raise_text(
            state, SHARDY_E_CONFIG,
            "vector has type %U; it must be a buffer of float32, float64 or float16, or "
            "a sequence of numbers",
            type);
        Py_DECREF(type);
    }
    return -1;
}

static int from_sequence(core_state *state, core_vector *vector, PyObject *object) {
    if (is_text(object) || !PySequence_Check(object)) return refuse_vector(state, object);
    PyObject *list = PySequence_List(object);
    if (!list) return -1;
    int rc = PyList_Size(list) > (Py_ssize_t)UINT32_MAX ? refuse_vector(state, object)
                                                        : from_list(state, vector, list);
    Py_DECREF(list);
    return rc;
}

int core_vector_from(core_state *state, PyObject *object, core_vector *vector) {
    vector->data = NULL;
    vector->len = 0;
    if (PyList_Check(object) || PyTuple_Check(object) || !PyObject_CheckBuffer(object)) {
        return from_sequence(state, vector, object);
    }
    Py_buffer *view = &vector->hold.view;
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_FORMAT)) {
        /* Arrays of objects or dates have no buffer, but may still be numbers one by one. */
        PyErr_Clear();
        return from_sequence(state, vector, object);
    }
    vector->hold.viewed = true;
    if (view->ndim != 1) {
        core_raise_text(state, SHARDY_E_CONFIG, "vector has %d dimensions; it must have one",
                        view->ndim);
        return -1;
    }
    if (view->format && strchr(view->format, 'Z')) { /* its numbers would lose a part one by one */
        core_raise_text(state, SHARDY_E_CONFIG,
                        "vector is of complex numbers; it must be of real ones");
        return -1;
    }
    char kind = float_kind(view);
    if (kind && view->shape[0] <= (Py_ssize_t)UINT32_MAX) return from_view(vector, kind);
    core_release(&vector->hold);
    return from_sequence(state, vector, object);
}

void core_vector_release(core_vector *vector) {
    core_release(&vector->hold);
    vector->data = NULL;
    vector->len = 0;
}

void core_vector_free(core_vector *vector) {
    core_vector_release(vector);
    PyMem_Free(vector->scratch);
    vector->scratch = NULL;
    vector->room = 0;
}

/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Python's door to match.h. Data is bytes or bytearray; every range is checked against it; the GIL is released. */
#include "bind.h"
#include "match.h"

/* The bytes of `object` from `start` to `end`; 0, or -1 with an exception set. */
static int range_of(PyObject *object, Py_ssize_t start, Py_ssize_t end, const uint8_t **data) {
    Py_ssize_t length;
    if (PyBytes_Check(object)) {
        *data = (const uint8_t *)PyBytes_AsString(object);
        length = PyBytes_Size(object);
    } else if (PyByteArray_Check(object)) {
        *data = (const uint8_t *)PyByteArray_AsString(object);
        length = PyByteArray_Size(object);
    } else {
        PyErr_SetString(PyExc_TypeError, "data: expected bytes or bytearray");
        return -1;
    }
    if (start < 0 || start > end || end > length) {
        PyErr_Format(PyExc_ValueError, "range %zd to %zd of %zd bytes", start, end, length);
        return -1;
    }
    *data += start;
    return 0;
}

static int check_size(Py_ssize_t size) {
    if (size < 1 || size > (Py_ssize_t)COPIA_MAX_BLOCK) {
        PyErr_Format(PyExc_ValueError, "block size %zd: expected 1 to %u", size, COPIA_MAX_BLOCK);
        return -1;
    }
    return 0;
}

static PyObject *block_sums(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *object;
    Py_ssize_t start, end, size;
    const uint8_t *data;
    if (!PyArg_ParseTuple(arguments, "Onnn:block_sums", &object, &start, &end, &size) || check_size(size) < 0 ||
        range_of(object, start, end, &data) < 0) {
        return NULL;
    }
    size_t n = (size_t)(end - start), count = n / (size_t)size + (n % (size_t)size != 0);
    if (count > (size_t)PY_SSIZE_T_MAX / COPIA_ROW) {
        return PyErr_NoMemory();
    }
    PyObject *rows = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * COPIA_ROW));
    if (rows != NULL) {
        uint8_t *to = (uint8_t *)PyBytes_AsString(rows);
        Py_BEGIN_ALLOW_THREADS
        copia_block_sums(data, n, (size_t)size, to);
        Py_END_ALLOW_THREADS
    }
    return rows;
}

static PyObject *equal_blocks(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *object, *rows;
    Py_ssize_t start, end, size, first;
    const uint8_t *data, *wanted;
    if (!PyArg_ParseTuple(arguments, "OnnnSn:equal_blocks", &object, &start, &end, &size, &rows, &first) ||
        check_size(size) < 0 || range_of(object, start, end, &data) < 0) {
        return NULL;
    }
    size_t n = (size_t)(end - start), count = n / (size_t)size + (n % (size_t)size != 0);
    Py_ssize_t known = PyBytes_Size(rows) / COPIA_ROW;
    if (first < 0 || first > known || count > (size_t)(known - first)) {
        PyErr_Format(PyExc_ValueError, "blocks from %zd: only %zd are known", first, known);
        return NULL;
    }
    wanted = (const uint8_t *)PyBytes_AsString(rows) + first * COPIA_ROW;
    PyObject *flags = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count);
    if (flags != NULL) {
        uint8_t *to = (uint8_t *)PyBytes_AsString(flags);
        Py_BEGIN_ALLOW_THREADS
        copia_equal_blocks(data, n, (size_t)size, wanted, to);
        Py_END_ALLOW_THREADS
    }
    return flags;
}

typedef struct {
    PyObject_HEAD
    PyObject *rows;
    copia_table table;
} Table;

static PyObject *table_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *rows;
    Py_ssize_t count, size, candidates;
    if (keywords != NULL || !PyArg_ParseTuple(arguments, "Snnn:Table", &rows, &count, &size, &candidates)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "Table takes no keywords");
        }
        return NULL;
    }
    if (check_size(size) < 0) {
        return NULL;
    }
    if (count < 0 || count > PyBytes_Size(rows) / COPIA_ROW || count > 1 << 28 || candidates < 1 || candidates > 64) {
        PyErr_SetString(PyExc_ValueError, "Table: count or candidates out of bounds");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Table *self = (Table *)allocate(type, 0);
    if (self == NULL) {
        return NULL;
    }
    Py_INCREF(rows);
    self->rows = rows;
    int made;
    Py_BEGIN_ALLOW_THREADS
    made = copia_table_make(&self->table, (const uint8_t *)PyBytes_AsString(rows), (size_t)count, (size_t)size,
                            (unsigned)candidates);
    Py_END_ALLOW_THREADS
    if (made < 0) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void table_dealloc(PyObject *object) {
    Table *self = (Table *)object;
    PyTypeObject *type = Py_TYPE(object);
    copia_table_free(&self->table);
    Py_XDECREF(self->rows);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

static PyObject *table_find(PyObject *object, PyObject *arguments) {
    PyObject *bytes;
    Py_ssize_t start, end, failures;
    const uint8_t *data;
    if (!PyArg_ParseTuple(arguments, "Onnn:find", &bytes, &start, &end, &failures) ||
        range_of(bytes, start, end, &data) < 0) {
        return NULL;
    }
    if (failures < 0) {
        PyErr_SetString(PyExc_ValueError, "failures: expected 0 or more");
        return NULL;
    }
    copia_hit hit;
    Py_BEGIN_ALLOW_THREADS
    hit = copia_table_find(&((Table *)object)->table, data, (size_t)(end - start), (uint64_t)failures);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("nLK", start + (Py_ssize_t)hit.at, (long long)hit.number, (unsigned long long)hit.failed);
}

static PyMethodDef table_methods[] = {
    {"find", table_find, METH_VARARGS, "find(data, start, end, failures) -> (at, number or -1, failed)"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_tp_new, (void *)table_new},
    {Py_tp_dealloc, (void *)table_dealloc},
    {Py_tp_methods, table_methods},
    {0, NULL},
};

static PyType_Spec table_spec = {"_copia_native.Table", sizeof(Table), 0, Py_TPFLAGS_DEFAULT, table_slots};

static PyMethodDef methods[] = {
    {"block_sums", block_sums, METH_VARARGS, "block_sums(data, start, end, block_size) -> rows"},
    {"equal_blocks", equal_blocks, METH_VARARGS,
     "equal_blocks(data, start, end, block_size, rows, first) -> one byte, 0 or 1, a block"},
    {NULL, NULL, 0, NULL},
};

int copia_bind_match(PyObject *module) {
    if (PyModule_AddFunctions(module, methods) < 0) {
        return -1;
    }
    PyObject *type = PyType_FromSpec(&table_spec);
    if (type == NULL || PyModule_AddObject(module, "Table", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    return 0;
}

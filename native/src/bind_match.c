/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What core/blocks.py has twins of. Arguments are checked here, and Python's lock is let go of while it works. */
#include "bind.h"
#include "blocks.h"

#define TABLE "_copia_native.table"

static int check_size(Py_ssize_t size) {
    if (size < 1 || size > COPIA_MOST_BLOCK) {
        PyErr_Format(PyExc_ValueError, "a block size of %zd bytes: expected 1 to %d", size, COPIA_MOST_BLOCK);
        return -1;
    }
    return 0;
}

static PyObject *block_rows(PyObject *self, PyObject *args) {
    const char *data;
    Py_ssize_t n, size;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#n", &data, &n, &size) || check_size(size) < 0) {
        return NULL;
    }
    PyObject *rows = PyBytes_FromStringAndSize(NULL, (n / size + (n % size != 0)) * COPIA_ROW);
    if (rows != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(rows);
        Py_BEGIN_ALLOW_THREADS
        copia_block_rows((const uint8_t *)data, (size_t)n, (size_t)size, out);
        Py_END_ALLOW_THREADS
    }
    return rows;
}

static PyObject *equal_blocks(PyObject *self, PyObject *args) {
    const char *data, *rows;
    Py_ssize_t n, size, length;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#ny#", &data, &n, &size, &rows, &length) || check_size(size) < 0) {
        return NULL;
    }
    PyObject *equal = PyBytes_FromStringAndSize(NULL, length / COPIA_ROW);
    if (equal != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(equal);
        Py_BEGIN_ALLOW_THREADS
        copia_equal_blocks((const uint8_t *)data, (size_t)n, (size_t)size, (const uint8_t *)rows,
                           (size_t)(length / COPIA_ROW), out);
        Py_END_ALLOW_THREADS
    }
    return equal;
}

static void forget_table(PyObject *capsule) {
    struct copia_table *table = PyCapsule_GetPointer(capsule, TABLE);
    if (table != NULL) {
        copia_table_free(table);
        Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
        PyMem_Free(table);
    }
}

/* A capsule that keeps the rows alive. */
static PyObject *make_table(PyObject *self, PyObject *args) {
    PyObject *rows;
    Py_ssize_t size, count;
    (void)self;
    if (!PyArg_ParseTuple(args, "Snn", &rows, &size, &count) || check_size(size) < 0) {
        return NULL;
    }
    if (count < 0 || count > PyBytes_Size(rows) / COPIA_ROW || count > UINT32_MAX / 4) {
        return PyErr_Format(PyExc_ValueError, "a table of %zd blocks: expected as many rows at the most", count);
    }
    struct copia_table *table = PyMem_Calloc(1, sizeof *table);
    if (table == NULL) {
        return PyErr_NoMemory();
    }
    const uint8_t *bytes = (const uint8_t *)PyBytes_AsString(rows);
    int made;
    Py_BEGIN_ALLOW_THREADS
    made = copia_table_make(table, bytes, (size_t)count, (size_t)size);
    Py_END_ALLOW_THREADS
    PyObject *capsule = made < 0 ? PyErr_NoMemory() : PyCapsule_New(table, TABLE, forget_table);
    if (capsule == NULL) {
        copia_table_free(table);
        PyMem_Free(table);
        return NULL;
    }
    Py_INCREF(rows);
    PyCapsule_SetContext(capsule, rows);
    return capsule;
}

static PyObject *find(PyObject *self, PyObject *args) {
    PyObject *capsule;
    const char *data;
    Py_ssize_t n, limit;
    unsigned long long failures;
    (void)self;
    if (!PyArg_ParseTuple(args, "Oy#nK", &capsule, &data, &n, &limit, &failures)) {
        return NULL;
    }
    const struct copia_table *table = PyCapsule_GetPointer(capsule, TABLE);
    if (table == NULL) {
        return NULL;
    }
    if (limit < 0) {
        return PyErr_Format(PyExc_ValueError, "a limit of %zd positions: expected 0 or more", limit);
    }
    uint32_t number = 0;
    uint64_t left = failures;
    size_t at;
    Py_BEGIN_ALLOW_THREADS
    at = copia_find(table, (const uint8_t *)data, (size_t)n, (size_t)limit, &number, &left);
    Py_END_ALLOW_THREADS
    Py_ssize_t position = at == (size_t)limit ? -1 : (Py_ssize_t)at;
    return Py_BuildValue("nnK", position, (Py_ssize_t)number, (unsigned long long)left);
}

static PyMethodDef methods[] = {
    {"block_rows", block_rows, METH_VARARGS, "block_rows(data, size) -> rows of the blocks of data"},
    {"equal_blocks", equal_blocks, METH_VARARGS, "equal_blocks(data, size, rows) -> a byte for each row, 1 where equal"},
    {"make_table", make_table, METH_VARARGS, "make_table(rows, size, count) -> a table of the first count rows"},
    {"find", find, METH_VARARGS, "find(table, data, limit, failures) -> (position or -1, number, failures left)"},
    {NULL, NULL, 0, NULL},
};

int copia_bind_match(PyObject *module) {
    return PyModule_AddFunctions(module, methods);
}

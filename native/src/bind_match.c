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

/* Two strings of bytes with room for count of each, as a pair; NULL without memory. */
static PyObject *pair(Py_ssize_t count, Py_ssize_t first, Py_ssize_t second, uint8_t *places[2]) {
    PyObject *one = PyBytes_FromStringAndSize(NULL, count * first);
    PyObject *other = PyBytes_FromStringAndSize(NULL, count * second);
    PyObject *both = one != NULL && other != NULL ? PyTuple_Pack(2, one, other) : NULL;
    if (both != NULL) {
        places[0] = (uint8_t *)PyBytes_AsString(one);
        places[1] = (uint8_t *)PyBytes_AsString(other);
    }
    Py_XDECREF(one);
    Py_XDECREF(other);
    return both;
}

static PyObject *block_rows(PyObject *self, PyObject *args) {
    const char *data;
    Py_ssize_t n, size;
    uint8_t *out[2];
    (void)self;
    if (!PyArg_ParseTuple(args, "y#n", &data, &n, &size) || check_size(size) < 0) {
        return NULL;
    }
    PyObject *made = pair(n / size + (n % size != 0), COPIA_ROW, COPIA_DIGEST, out);
    if (made != NULL) {
        Py_BEGIN_ALLOW_THREADS
        copia_block_rows((const uint8_t *)data, (size_t)n, (size_t)size, out[0], out[1]);
        Py_END_ALLOW_THREADS
    }
    return made;
}

static PyObject *block_digests(PyObject *self, PyObject *args) {
    const char *data;
    Py_ssize_t n, size, lanes = PY_SSIZE_T_MAX;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#n|n", &data, &n, &size, &lanes) || check_size(size) < 0) {
        return NULL;
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, (n / size + (n % size != 0)) * COPIA_DIGEST);
    if (made != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(made);
        Py_BEGIN_ALLOW_THREADS
        copia_digests_in(lanes < 0 ? 0 : (size_t)lanes, (const uint8_t *)data, (size_t)n, (size_t)size, out);
        Py_END_ALLOW_THREADS
    }
    return made;
}

static PyObject *equal_blocks(PyObject *self, PyObject *args) {
    const char *data, *rows;
    Py_ssize_t n, size, length;
    uint8_t *out[2];
    (void)self;
    if (!PyArg_ParseTuple(args, "y#ny#", &data, &n, &size, &rows, &length) || check_size(size) < 0) {
        return NULL;
    }
    PyObject *made = pair(length / COPIA_ROW, 1, COPIA_DIGEST, out);
    if (made != NULL) {
        Py_BEGIN_ALLOW_THREADS
        copia_equal_blocks((const uint8_t *)data, (size_t)n, (size_t)size, (const uint8_t *)rows,
                           (size_t)(length / COPIA_ROW), out[0], out[1]);
        Py_END_ALLOW_THREADS
    }
    return made;
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
    {"block_rows", block_rows, METH_VARARGS, "block_rows(data, size) -> (rows, digests) of the blocks of data"},
    {"block_digests", block_digests, METH_VARARGS,
     "block_digests(data, size, lanes=any) -> the BLAKE3 of each block of data, at most so many at once"},
    {"equal_blocks", equal_blocks, METH_VARARGS,
     "equal_blocks(data, size, rows) -> (a byte for each row, 1 where equal; the BLAKE3 of those)"},
    {"make_table", make_table, METH_VARARGS, "make_table(rows, size, count) -> a table of the first count rows"},
    {"find", find, METH_VARARGS, "find(table, data, limit, failures) -> (position or -1, number, failures left)"},
    {NULL, NULL, 0, NULL},
};

int copia_bind_match(PyObject *module) {
    return PyModule_AddFunctions(module, methods);
}

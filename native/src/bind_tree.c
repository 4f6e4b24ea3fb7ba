/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Trees: scan_directory, copy_files, read_files and write_files. Descriptors and bytes go in, bytes come out; the GIL is released in between. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "copy.h"
#include "listed.h"
#include "row.h"
#include "walk.h"

/* Bytes that read_files gives back at once, at most. */
#define READ_MOST (64U << 20)

static PyObject *as_bytes(const struct walk_bytes *bytes) {
    return PyBytes_FromStringAndSize((const char *)bytes->data, (Py_ssize_t)bytes->length);
}

static PyObject *refuse(int number) {
    errno = number;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *scan_directory(PyObject *self, PyObject *arguments) {
    (void)self;
    struct walk_how how;
    struct walk_found found = {0};
    int descriptor, owner, group, top, trouble;
    unsigned int mask;
    if (!PyArg_ParseTuple(arguments, "iIppp:scan_directory", &descriptor, &mask, &owner, &group, &top)) {
        return NULL;
    }
    how = (struct walk_how){.mode_mask = mask, .owner = owner != 0, .group = group != 0, .top = top != 0};
    Py_BEGIN_ALLOW_THREADS
    trouble = walk_directory(descriptor, &how, &found);
    Py_END_ALLOW_THREADS
    PyObject *result = NULL;
    if (trouble != 0) {
        refuse(trouble);
    } else {
        result = Py_BuildValue(
            "(NNNN)", as_bytes(&found.names), as_bytes(&found.rows), as_bytes(&found.targets), as_bytes(&found.troubles)
        );
    }
    walk_free(&found);
    return result;
}

/* Texts separated by NUL, taken one by one. */
struct texts {
    const char *at;
    const char *end;
};

/* The next text; PyBytes end with a NUL of their own, so the last one does too. NULL when there is none left. */
static const char *next_text(struct texts *texts) {
    if (texts->at > texts->end) {
        return NULL;
    }
    const char *text = texts->at;
    texts->at = text + strlen(text) + 1;
    return text;
}

struct batch {
    struct copy_job job;
    struct texts names;
    struct texts to_names;
    const unsigned char *rows;
    size_t count;
    unsigned char *answers;
};

/* 0, or the errno that ended the batch. */
static int copy_batch(struct batch *batch) {
    struct copy_buffer buffer = {.data = malloc(COPY_BUFFER), .size = COPY_BUFFER};
    int trouble = buffer.data == NULL ? ENOMEM : 0;
    for (size_t i = 0; trouble == 0 && i < batch->count; i++) {
        const char *name = next_text(&batch->names);
        const char *to_name = next_text(&batch->to_names);
        if (name == NULL || to_name == NULL) {
            trouble = EINVAL;
            break;
        }
        struct copy_outcome outcome = copy_file(&batch->job, name, to_name, batch->rows + i * ROW_SIZE, buffer);
        row_put(batch->answers + 4 * i, (uint32_t)outcome.said, 4);
        trouble = outcome.refused;
    }
    free(buffer.data);
    return trouble;
}

static PyObject *copy_files(PyObject *self, PyObject *arguments) {
    (void)self;
    struct batch batch;
    const char *names, *to_names, *rows;
    Py_ssize_t names_length, to_names_length, rows_length;
    int durable, trouble;
    if (!PyArg_ParseTuple(
            arguments, "iiy#y#y#p:copy_files", &batch.job.from, &batch.job.to, &names, &names_length, &to_names,
            &to_names_length, &rows, &rows_length, &durable
        )) {
        return NULL;
    }
    if ((size_t)rows_length % ROW_SIZE != 0) {
        return refuse(EINVAL);
    }
    batch.job.durable = durable != 0;
    batch.names = (struct texts){names, names + names_length};
    batch.to_names = (struct texts){to_names, to_names + to_names_length};
    batch.rows = (const unsigned char *)rows;
    batch.count = (size_t)rows_length / ROW_SIZE;
    batch.answers = calloc(batch.count + 1, 4);
    if (batch.answers == NULL) {
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    trouble = copy_batch(&batch);
    Py_END_ALLOW_THREADS
    PyObject *result = NULL;
    if (trouble != 0) {
        refuse(trouble);
    } else {
        result = PyBytes_FromStringAndSize((const char *)batch.answers, (Py_ssize_t)(4 * batch.count));
    }
    free(batch.answers);
    return result;
}

/* Read the files one behind the other; what is not as listed leaves no bytes. 0, or the errno that ended it. */
static int read_batch(const struct batch *batch, struct texts names, unsigned char *data, size_t *filled) {
    for (size_t i = 0; i < batch->count; i++) {
        const char *name = next_text(&names);
        if (name == NULL) {
            return EINVAL;
        }
        struct row row = row_unpack(batch->rows + i * ROW_SIZE);
        int descriptor;
        int32_t answer = listed_open(batch->job.from, name, &row, &descriptor);
        if (answer == 0) {
            answer = listed_read(descriptor, &row, data + *filled);
            close(descriptor);
            *filled += answer == 0 ? (size_t)row.size : 0;
        }
        row_put(batch->answers + 4 * i, (uint32_t)answer, 4);
    }
    return 0;
}

/* The bytes that the rows ask for, and one more; 0 when that is more than a batch may have. */
static size_t room_for(const struct batch *batch) {
    uint64_t total = 1;
    for (size_t i = 0; i < batch->count; i++) {
        uint64_t size = row_unpack(batch->rows + i * ROW_SIZE).size;
        if (size > READ_MOST || total > READ_MOST) {
            return 0;
        }
        total += size;
    }
    return (size_t)total;
}

static PyObject *read_files(PyObject *self, PyObject *arguments) {
    (void)self;
    struct batch batch = {0};
    const char *names, *rows;
    Py_ssize_t names_length, rows_length;
    int trouble;
    if (!PyArg_ParseTuple(
            arguments, "iy#y#:read_files", &batch.job.from, &names, &names_length, &rows, &rows_length
        )) {
        return NULL;
    }
    batch.rows = (const unsigned char *)rows;
    batch.count = (size_t)rows_length / ROW_SIZE;
    size_t room = room_for(&batch), filled = 0;
    if ((size_t)rows_length % ROW_SIZE != 0 || room == 0) {
        return refuse(EINVAL);
    }
    unsigned char *data = malloc(room);
    batch.answers = calloc(batch.count + 1, 4);
    PyObject *result = NULL;
    if (data == NULL || batch.answers == NULL) {
        PyErr_NoMemory();
    } else {
        Py_BEGIN_ALLOW_THREADS
        trouble = read_batch(&batch, (struct texts){names, names + names_length}, data, &filled);
        Py_END_ALLOW_THREADS
        result = trouble != 0 ? refuse(trouble)
                              : Py_BuildValue(
                                    "(y#y#)", (const char *)data, (Py_ssize_t)filled, (const char *)batch.answers,
                                    (Py_ssize_t)(4 * batch.count)
                                );
    }
    free(data);
    free(batch.answers);
    return result;
}

/* The files one behind the other; `data` has as many bytes as the rows say. 0, or the errno that ended it. */
static int write_batch(const struct batch *batch, struct texts names, const unsigned char *data) {
    for (size_t i = 0; i < batch->count; i++) {
        const char *name = next_text(&names);
        const unsigned char *row = batch->rows + i * ROW_SIZE;
        int trouble = name == NULL ? EINVAL : write_file(&batch->job, name, row, data);
        if (trouble != 0) {
            return trouble;
        }
        data += row_unpack(row).size;
    }
    return 0;
}

static PyObject *write_files(PyObject *self, PyObject *arguments) {
    (void)self;
    struct batch batch = {0};
    const char *names, *rows, *data;
    Py_ssize_t names_length, rows_length, data_length;
    int trouble;
    if (!PyArg_ParseTuple(
            arguments, "iy#y#y#:write_files", &batch.job.to, &names, &names_length, &rows, &rows_length, &data,
            &data_length
        )) {
        return NULL;
    }
    batch.rows = (const unsigned char *)rows;
    batch.count = (size_t)rows_length / ROW_SIZE;
    if ((size_t)rows_length % ROW_SIZE != 0 || room_for(&batch) != (size_t)data_length + 1) {
        return refuse(EINVAL);
    }
    Py_BEGIN_ALLOW_THREADS
    trouble = write_batch(&batch, (struct texts){names, names + names_length}, (const unsigned char *)data);
    Py_END_ALLOW_THREADS
    if (trouble != 0) {
        return refuse(trouble);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"scan_directory", scan_directory, METH_VARARGS,
     "scan_directory(descriptor, mode_mask, owner, group, top) -> (names, rows, targets, troubles)\n\n"
     "One directory, packed as a block of a listing; troubles are pairs (row, errno), 32 bits each, little-endian.\n"
     "OSError when it can't be listed."},
    {"copy_files", copy_files, METH_VARARGS,
     "copy_files(from, to, names, to_names, rows, durable) -> answers\n\n"
     "Copies files of one directory into another; answers are 32-bit numbers, little-endian: 0, an errno of reading, or\n"
     "-1 when the file is not as its row says. OSError when one can't be written."},
    {"read_files", read_files, METH_VARARGS,
     "read_files(from, names, rows) -> (data, answers)\n\n"
     "The contents of files of one directory, one behind the other; answers as of copy_files, and no bytes where not 0."},
    {"write_files", write_files, METH_VARARGS,
     "write_files(to, names, rows, data)\n\n"
     "Makes new files of one directory, whose contents stand in data one behind the other. OSError when one can't be."},
    {NULL, NULL, 0, NULL},
};

int copia_bind_tree(PyObject *module) {
    return PyModule_AddFunctions(module, methods);
}

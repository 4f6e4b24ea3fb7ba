/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files of one directory, copied into another: the twin of the loop in disk/perform.py.
 *
 * Rules
 * 1. A file is compared with its row (regular, size, time) when it is opened and again when it was read. What is not as
 *    listed, or can't be read, is said for that file, leaves nothing behind, and the next one follows.
 * 2. A file that can't be written ends the batch: its errno is the whole answer.
 * 3. A new file is made under a name that must be free, for its owner alone, and then gets owner, mode and time from
 *    the row.
 * 4. Memory is one buffer, whatever a file's size. */
#ifndef COPIA_COPY_H
#define COPIA_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct copy_job {
    int from;
    int to;
    bool durable;
};

struct copy_buffer {
    unsigned char *data;
    size_t size;
};

struct copy_outcome {
    int32_t said; /* 0, the errno of reading, or LISTED_CHANGED */
    int refused;  /* 0, or the errno of writing */
};

#define COPY_BUFFER (1U << 18)

/* One file: name in job->from, made as to_name in job->to with what row (ROW_SIZE bytes) says. */
struct copy_outcome copy_file(
    const struct copy_job *job, const char *name, const char *to_name, const unsigned char *row, struct copy_buffer buffer
);

/* A new file, to_name in job->to, with the content `data` and what row (ROW_SIZE bytes) says. 0, or an errno. */
int write_file(const struct copy_job *job, const char *to_name, const unsigned char *row, const unsigned char *data);

#endif

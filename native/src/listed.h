/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files that a listing names: opened, compared with their rows, read. An answer is 0, an errno, or LISTED_CHANGED. */
#ifndef COPIA_LISTED_H
#define COPIA_LISTED_H

#include <stddef.h>
#include <stdint.h>

#include "row.h"

#define LISTED_CHANGED (-1)

/* Open `name` below `parent`, follow no link, wait for nobody, and compare it; the descriptor is closed when the answer
 * is not 0. */
int32_t listed_open(int parent, const char *name, const struct row *row, int *descriptor);

/* Whether the open file is (still) regular, of the row's size and time. */
int32_t listed_compare(int descriptor, const struct row *row);

/* The whole content of the open file into `data`, which has room for one byte more than the row's size; then compare. */
int32_t listed_read(int descriptor, const struct row *row, unsigned char *data);

#endif

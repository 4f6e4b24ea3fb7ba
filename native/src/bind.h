/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doors between Python and the algorithms: bind_*.c include Python.h, the algorithm files never do. */
#ifndef COPIA_BIND_H
#define COPIA_BIND_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Each adds its functions and types to the module; 0, or -1 with an exception set. */
int copia_bind_match(PyObject *module);
int copia_bind_tree(PyObject *module);

#endif

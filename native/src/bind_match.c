/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "bind.h"

static PyMethodDef methods[] = {
    {NULL, NULL, 0, NULL},
};

int copia_bind_match(PyObject *module) {
    return PyModule_AddFunctions(module, methods);
}

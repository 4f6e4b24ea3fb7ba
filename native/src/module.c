/* Copyright (c) 2026 The copia.sync authors
 * GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "bind.h"

/* Raised whenever a function changes its meaning: Python uses only the number that it was written for. */
#define COPIA_NATIVE_ABI 3

static int exec_module(PyObject *module) {
    if (PyModule_AddIntConstant(module, "ABI", COPIA_NATIVE_ABI) < 0) {
        return -1;
    }
    if (copia_bind_match(module) < 0 || copia_bind_tree(module) < 0) {
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)exec_module},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_copia_native",
    .m_doc = "The hot loops of copia: same names and same results as its pure Python code.",
    .m_size = 0,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__copia_native(void);

PyMODINIT_FUNC PyInit__copia_native(void) {
    return PyModuleDef_Init(&definition);
}

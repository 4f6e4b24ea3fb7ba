# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One extension for every CPython from 3.9: the limited interface, the top-level module ``_copia_native``."""

from __future__ import annotations

import pathlib

from setuptools import Extension, setup

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = sorted(str(path.relative_to(HERE)) for path in (HERE / "src").glob("*.c"))

setup(
    packages=[],
    ext_modules=[
        Extension(
            "_copia_native",
            SOURCES,
            depends=[str(path) for path in (HERE / "src").glob("*.h")],
            define_macros=[("Py_LIMITED_API", "0x03090000"), ("_GNU_SOURCE", "1")],
            extra_compile_args=["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wconversion"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)

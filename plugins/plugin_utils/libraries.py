# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection itself needs on the controller."""

from __future__ import annotations

import contextlib
import importlib
import sys

from ..modules.engine_step import NEEDED, EngineMissing, missing_libraries


def load() -> None:
    """Import what every task uses. The process that starts the forks imports the action plugin once: what it has, each
    fork has.
    """
    for name in (*NEEDED, "zstandard", "pathspec"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def require_libraries() -> None:
    """Check that the controller's own Python has the libraries.

    :raises EngineMissing: naming what is missing.
    """
    missing = missing_libraries()
    if missing:
        raise EngineMissing(
            f"{sys.executable} has no usable {', '.join(missing)}; "
            "install the collection's requirements/controller.txt beside ansible-core"
        )

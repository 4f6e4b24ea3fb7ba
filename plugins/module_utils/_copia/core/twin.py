# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to ``_copia_native``, the optional twin in C of the hot loops.

What is behind it does what the Python beside its callers does, with the same results, and lets go of Python's lock
while it works: so two threads of it are worth their while.
"""

from __future__ import annotations

from typing import Any

ABI = 3
"""The number of the C module that this code was written for; another one is not used."""

native: Any = None
try:
    import _copia_native

    if _copia_native.ABI == ABI:
        native = _copia_native
except ImportError:
    pass


def engine() -> str:
    """Which twin works: ``native`` or ``python``."""
    return "python" if native is None else "native"

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long command is: a bar on a terminal, where ``rich`` is installed; nothing in a pipe or a log.

What is over soon shows none: ``rich`` takes longer to import than most files take to be read.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Optional

from .core.paths import show

PATIENCE = 1.0
"""Seconds before a bar appears."""


class Progress:
    """Told how many bytes are done, it shows that of those in ``path``. Leave it, and the bar is gone."""

    def __init__(self, what: str, path: bytes) -> None:
        self._what, self._path = what, path
        self._due = time.monotonic() + PATIENCE
        self._asked = not sys.stderr.isatty()
        self._bar: Optional[Any] = None
        self._task: Any = None

    def __call__(self, done: int) -> None:
        """So many bytes are done, all together."""
        if not self._asked and time.monotonic() >= self._due:
            self._asked = True
            self._begin()
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _begin(self) -> None:
        try:
            from rich.console import Console
            from rich.markup import escape
            from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
            from rich.progress import Progress as Bar
        except ImportError:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(f"{self._what} {escape(show(self._path))}", total=os.stat(self._path).st_size)

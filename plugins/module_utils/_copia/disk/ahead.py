# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is begun before its result is asked for, in a thread of its own."""

from __future__ import annotations

import threading
from typing import Callable, Generic, List, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """One call, under way. Ask for its result, or wait for its end: it may use what the caller is about to close."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: List[T] = []
        self._errors: List[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:
            self._errors.append(error)

    def wait(self) -> None:
        """Until it is done, well or not."""
        self._thread.join()

    def is_done(self) -> bool:
        """Whether it is done, well or not."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """What the call returned; what it raised is raised here."""
        self.wait()
        for error in self._errors:
            raise error
        return self._results[0]

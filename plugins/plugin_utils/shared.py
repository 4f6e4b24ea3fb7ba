# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that the tasks of one run share: a fleet's source is scanned once and its pack is built once.

Ansible runs the task of every host in a process of its own; they share the run's temporary folder. Who comes first
does the work under a lock, the others wait for it and take what it made.

Rules
1. A listing is taken from another process only when that began to scan after we asked: nobody gets an older view of
   the source than a scan of its own would have given.
2. A pack is named by everything that it depends on (listing, wants, codec), so an equal one can always be taken.
3. Nothing is taken by its shared name: whoever takes it makes a link of its own first, so that clearing away is safe.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from typing import Callable, Iterator

_KEPT_PACKS = 4
_STAMP = 8


class Shared:
    """The shared work of one run; ``folder`` belongs to the run and goes with it."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, "copia-shared")
        os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def listing(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The encoded listing of the source that ``key`` describes, as it is now or was a moment ago."""
        asked = time.time_ns()
        name = f"listing-{_named(key)}"
        with self._lock(name):
            path = os.path.join(self._folder, name)
            kept = _read(path)
            if kept and int.from_bytes(kept[:_STAMP], "little") >= asked:
                return kept[_STAMP:]
            began = time.time_ns()
            made = make()
            self._write(path, iter((began.to_bytes(_STAMP, "little"), made)))
            return made

    def pack(self, parts: Iterator[bytes], make: Callable[[], Iterator[bytes]]) -> str:
        """A file of our own with the pack that ``parts`` determine; whoever gets it removes it."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)
        name = f"pack-{digest.hexdigest()}"
        path = os.path.join(self._folder, name)
        with self._lock(name):
            if not os.path.exists(path):
                self._write(path, make())
                self._clear_away()
            ours = os.path.join(tempfile.mkdtemp(prefix="copia-", dir=self._folder), "pack")
            os.link(path, ours)
            return ours

    def _write(self, path: str, pieces: Iterator[bytes]) -> None:
        """Under its name only when it is complete."""
        with open(f"{path}.part", "wb") as stream:
            for piece in pieces:
                stream.write(piece)
        os.replace(f"{path}.part", path)

    def _clear_away(self) -> None:
        """A run of many tasks keeps the last few packs only."""
        packs = [
            entry for entry in os.scandir(self._folder) if entry.name.startswith("pack-") and "." not in entry.name
        ]
        for entry in sorted(packs, key=lambda entry: entry.stat().st_mtime_ns)[:-_KEPT_PACKS]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry.path)

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Let one process at a time work at ``name``; the kernel lets go when it dies."""
        with open(os.path.join(self._folder, f"{name}.lock"), "wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _named(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return b""

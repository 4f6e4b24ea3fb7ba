# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names the file system of a root takes for one (``docs/spec/folding.md``).

Rules
1. A file is found under another spelling when that leads to the same inode, and nothing is listed under that spelling.
2. Where something may be written, the file is our own, in a staging folder that the next run sweeps when this one dies.
   Else it is what stands at the top of the tree.
3. What could not be tried does not fold.
"""

from __future__ import annotations

import os
from typing import Any, Collection, Generator, Sequence

from ..core.folding import Folding, spellings
from .folders import DIRECTORY
from .operations import Attributes, Operation, SetFolderAttributes, WriteFile

PROBES = ("probe-\u00e9\u00df".encode(), b"probe")
"""The second for file systems that refuse the first."""
_SEEN_MOST = 64

Probing = Generator[Operation, Any, Folding]


def probe_folding(root: int) -> Probing:
    """How the file system at descriptor ``root`` folds; the caller holds the root's lock. Its time stays as it was."""
    from .stage import open_stage

    before = os.fstat(root)
    try:
        stage = yield from open_stage(root)
    except OSError:
        return seen_folding(root)
    found = yield from _probe(stage.descriptor)
    yield from stage.leave()
    try:
        yield SetFolderAttributes(root, Attributes(before.st_mode & 0o7777, before.st_mtime_ns))
    except OSError:
        pass
    return found


def _probe(folder: int) -> Probing:
    for name in PROBES:
        try:
            yield WriteFile(folder, name, b"", Attributes(0o600, 0), False)
            return _found_by(folder, [name], ())
        except OSError:
            continue
    return Folding.NONE


def seen_folding(root: int) -> Folding:
    """The same, from what stands at the top of the tree; nothing is written."""
    try:
        anew = os.open(b".", DIRECTORY, dir_fd=root)  # a scan has read the other one to its end
    except OSError:
        return Folding.NONE
    try:
        names = sorted(map(os.fsencode, os.listdir(anew)))
        return _found_by(anew, names[:_SEEN_MOST], names)
    except OSError:
        return Folding.NONE
    finally:
        os.close(anew)


def _found_by(folder: int, names: Sequence[bytes], listed: Collection[bytes]) -> Folding:
    found = Folding.NONE
    for name in names:
        for way, other in spellings(name).items():
            if not way & found and other not in listed and _is_same(folder, name, other):
                found |= way
    return found


def _is_same(folder: int, name: bytes, other: bytes) -> bool:
    try:
        return os.path.samestat(*(os.stat(each, dir_fd=folder, follow_symlinks=False) for each in (name, other)))
    except OSError:
        return False

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A one-line language for trees, and what a tree on disk holds.

``grow(root, "a=text b/ b/c=text:600 d->b")`` makes files (``name=content``, optional ``:mode``), directories
(``name/``, optional ``:mode``) and links (``name->target``); missing parents are made. ``harvest(root)`` says what is
there: ``{path: (kind, content or target, mode, mtime_ns)}``, bytes paths, without the root itself.
"""

from __future__ import annotations

import os
import pathlib
import stat
from typing import Dict, Tuple, Union

Path = Union[str, bytes, "os.PathLike[str]"]
Found = Dict[bytes, Tuple[str, bytes, int, int]]


def grow(root: Path, words: str) -> pathlib.Path:
    """Make the tree that ``words`` describe, and return its root."""
    top = pathlib.Path(os.fsdecode(root))
    top.mkdir(parents=True, exist_ok=True)
    for word in words.split():
        if "->" in word:
            name, target = word.split("->")
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).symlink_to(target)
            continue
        name, _colon, mode = word.partition(":")
        name, _equals, content = name.partition("=")
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        if mode:
            path.chmod(int(mode, 8))
    return top


def age(root: Path, seconds: int = 3600) -> None:
    """Put every time below ``root`` into the past: nothing in it was changed just now."""
    top = os.fsencode(root)
    for directory, directories, files in os.walk(top, topdown=False):
        for name in directories + files:
            path = os.path.join(directory, name)
            when = os.lstat(path).st_mtime_ns - seconds * 10**9
            os.utime(path, ns=(when, when), follow_symlinks=False)


def harvest(root: Path) -> Found:
    """What stands below ``root``."""
    found: Found = {}
    top = os.fsencode(root)
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(directory, name)
            seen = os.lstat(path)
            kind, content = "other", b""
            if stat.S_ISLNK(seen.st_mode):
                kind, content = "link", os.readlink(path)
            elif stat.S_ISDIR(seen.st_mode):
                kind = "directory"
            elif stat.S_ISREG(seen.st_mode):
                kind = "file"
                with open(path, "rb") as stream:
                    content = stream.read()
            mode = 0 if kind == "link" else stat.S_IMODE(seen.st_mode)
            found[os.path.relpath(path, top)] = (kind, content, mode, seen.st_mtime_ns)
    return found


def contents(root: Path) -> Dict[bytes, bytes]:
    """The content of every file below ``root``."""
    return {path: what[1] for path, what in harvest(root).items() if what[0] == "file"}

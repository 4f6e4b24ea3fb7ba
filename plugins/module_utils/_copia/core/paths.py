# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names inside a tree.

Rules
1. A ``TreePath`` is bytes: what the kernel says, no encoding. The root itself is ``b""``.
2. It is relative, its parts are separated by ``/``, and no part is empty, ``.`` or ``..`` or holds NUL. So it can be
   walked part by part below a directory descriptor and can never leave it.
3. ``.copia`` at the top of a root is ours while a run stages there. It is never listed and no peer can name it,
   however its letters are cased.
4. ``show`` is the only way from a path to text for people: control characters never reach a terminal.
"""

from __future__ import annotations

from typing import List, NewType, Sequence, Tuple

from .errors import RemoteProtocolError

TreePath = NewType("TreePath", bytes)

ROOT = TreePath(b"")
RESERVED = b".copia"
_FORBIDDEN = frozenset((b"", b".", b".."))


def parse_path(raw: bytes) -> TreePath:
    """A checked ``TreePath``.

    :raises RemoteProtocolError: when a rule above is broken.
    """
    if not raw:
        return ROOT
    parts = raw.split(b"/")
    if b"\0" in raw or not _FORBIDDEN.isdisjoint(parts):
        raise RemoteProtocolError(f"path {show(raw)!s}: expected a relative path without empty, '.' or '..' parts")
    if is_reserved(parts[0]):
        raise RemoteProtocolError(f"path {show(raw)!s}: the name .copia is reserved at the top of a tree")
    return TreePath(raw)


def parse_paths(raw: List[bytes]) -> List[TreePath]:
    """Many checked paths at once: the rules are checked over all of them together, at a fraction of the cost.

    :raises RemoteProtocolError: when a rule above is broken.
    """
    below = [path for path in raw if path]
    suspect = below and not _FORBIDDEN.isdisjoint(b"/".join(below).split(b"/"))
    if suspect or any(path[: len(RESERVED)].lower() == RESERVED or b"\0" in path for path in below):
        return [parse_path(path) for path in raw]
    return [TreePath(path) for path in raw]


def check_names(names: List[bytes]) -> None:
    """Check the names of one directory: each a legal part, sorted, no name twice.

    :raises RemoteProtocolError: when one is not.
    """
    if not _FORBIDDEN.isdisjoint(names) or b"/" in b"".join(names):
        raise RemoteProtocolError("a directory listing holds a name that is empty, '.', '..' or has a slash")
    if names != sorted(names) or len(set(names)) != len(names):
        raise RemoteProtocolError("a directory listing is not sorted or names an entry twice")


def checked_links(links: Sequence[Sequence[object]]) -> Tuple[Tuple[TreePath, TreePath], ...]:
    """Pairs of a path and the first path of the same file; no path is both.

    :raises RemoteProtocolError: when they are something else.
    """
    pairs = []
    for pair in links:
        if len(pair) != 2 or not (isinstance(pair[0], bytes) and isinstance(pair[1], bytes)):
            raise RemoteProtocolError("a listing has links in another form")
        pairs.append((parse_path(pair[0]), parse_path(pair[1])))
    later = {path for path, _first in pairs}
    if len(later) != len(pairs) or any(first in later for _path, first in pairs):
        raise RemoteProtocolError("a listing has links that lead to links")
    return tuple(pairs)


def is_reserved(name: bytes) -> bool:
    """Whether ``name``, at the top of a root, is our own state folder in any casing."""
    return name.lower() == RESERVED


def path_key(path: bytes) -> bytes:
    """Sort key: a directory's children follow it directly (NUL sorts before every byte that a name can hold)."""
    return path.replace(b"/", b"\0")


def join(directory: bytes, name: bytes) -> TreePath:
    """The path of ``name`` in ``directory``; both are already checked."""
    return TreePath(directory + b"/" + name if directory else name)


def split(path: bytes) -> Tuple[TreePath, bytes]:
    """``(directory, name)`` of a path that is not the root."""
    directory, _slash, name = path.rpartition(b"/")
    return TreePath(directory), name


def ancestors(path: bytes) -> List[TreePath]:
    """Every directory above ``path``, nearest first, the root last."""
    found = []
    while path:
        path = path.rpartition(b"/")[0]
        found.append(TreePath(path))
    return found


def show(path: bytes) -> str:
    """Text for people: bytes that are not UTF-8 and characters that do not print are escaped."""
    text = path.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text or "."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)

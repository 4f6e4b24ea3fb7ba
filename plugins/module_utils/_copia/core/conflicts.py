# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts: who wins, and the name under which the other version survives (``docs/spec/reconcile.md``)."""

from __future__ import annotations

import re
from typing import AbstractSet, Iterator

from ..values import dataclass
from .entries import Entry
from .paths import TreePath, join, split
from .verdicts import Greater, Policy, Where, judge_winner

NAME_MOST = 255
_HASH_DIGITS = (16, 24, 32, 64)
_MARK = b".conflict-"
_COPY = rb"(?<=[^/])\.conflict-(?:(?:(?!\.conflict-)[A-Za-z0-9._-])+-)?[0-9a-f]{16,64}\Z"
"""The end of a copy's name: behind something, and not from an earlier mark on, which may be part of the name itself."""
_HOST_MOST = 64
_NEVER_CUT = NAME_MOST - len(".conflict-") - _HOST_MOST - len("-") - _HASH_DIGITS[-1]
_OF_A_LONG_NAME = 64


@dataclass(frozen=True)
class Conflict:
    """``kind`` is ``edit`` (both changed), ``delete`` (one removed, one changed) or ``kind`` (a directory against
    something else); ``kept_as`` is where the other version survives, empty where none has to.
    """

    path: TreePath
    kind: str
    winner: Where
    kept_as: bytes = b""


def winner(policy: Policy, left: Entry, right: Entry) -> Where:
    """Whose version keeps the name. Equal digests are a file and a link of the same bytes: the file is greater."""
    digests = ((left.digest or b"", -left.kind), (right.digest or b"", -right.kind))
    return judge_winner(
        policy,
        _greater(left.mtime_ns, right.mtime_ns),
        _greater(left.size, right.size),
        Greater.EQUAL if digests[0] == digests[1] else Greater.LEFT if digests[0] > digests[1] else Greater.RIGHT,
    )


def _greater(left: int, right: int) -> Greater:
    return Greater.EQUAL if left == right else Greater.LEFT if left > right else Greater.RIGHT


def sanitised(host: str) -> bytes:
    """A host's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", host)[:_HOST_MOST].encode("ascii") or b"host"


def is_conflict_copy(path: bytes) -> bool:
    """Whether a path has the name of a conflict copy."""
    return _MARK in path and re.search(_COPY, path) is not None


def has_conflict_copy(names: bytes) -> bool:
    """Whether one of joined names may be that of a conflict copy."""
    return _MARK in names


def original_of(path: TreePath) -> TreePath:
    """What a conflict copy is a copy of; any other path is its own."""
    return TreePath(re.sub(_COPY, b"", path))


def conflict_names(path: TreePath, digest: bytes, host: bytes) -> Iterator[TreePath]:
    """The names that a version may survive under, best first; with a hub no ``host`` is part of them."""
    directory, name = split(original_of(path))
    for digits in _HASH_DIGITS:
        tail = _MARK + (host + b"-" if host else b"") + digest.hex()[:digits].encode("ascii")
        yield join(directory, cut(name, NAME_MOST - len(tail)) + tail)


def cut(name: bytes, most: int) -> bytes:
    """At most ``most`` bytes of a name, never within a UTF-8 character."""
    if len(name) <= most:
        return name
    end = most
    while end > 0 and most - end < 4 and name[end] & 0xC0 == 0x80:
        end -= 1
    return name[: end if end and name[end] & 0xC0 != 0x80 else most]


def copies_start(path: TreePath) -> TreePath:
    """How the paths of all conflict copies of ``path`` begin. Long names are cut, to where depends on the rest."""
    directory, name = split(original_of(path))
    return join(directory, name + b".conflict-" if len(name) <= _NEVER_CUT else name[:_OF_A_LONG_NAME])


def copies_of(path: TreePath, names: AbstractSet[bytes]) -> int:
    """How many of the ``names`` in its directory are conflict copies of ``path``."""
    own = split(original_of(path))[1]
    found = (name for name in names if is_conflict_copy(name))
    return sum(1 for name in found if own.startswith(original_of(TreePath(name))) and _is_of(own, name))


def _is_of(own: bytes, name: bytes) -> bool:
    tail = re.search(_COPY, name)
    return tail is not None and name[: tail.start()] == cut(own, NAME_MOST - len(tail[0]))

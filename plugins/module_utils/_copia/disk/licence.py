# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licences: the name of what comes out of a tree says what may be removed under it.

What is exchanged or taken out of a tree stands for a moment under a name in the staging folder. A run that dies in that
moment leaves it to the sweep, which was not there: so the name itself says what was expected to come out, and what was
to go in. Anything else under that name is an edit that raced with the run; it belongs to a user and is kept.
"""

from __future__ import annotations

import os

from ..core.entries import ABSENT, Entry, Kind, Presence
from ..core.paths import TreePath
from .scan import look
from .sums import digest_of_pieces

MARK = b"~"


def licensed(name: bytes, expected: Presence, wanted: Presence = ABSENT) -> bytes:
    """``name`` with what may be removed under it: the version that comes out, or the one that goes in."""
    return MARK.join((name, _token(expected), _token(wanted)))


def may_go(parent: int, name: bytes) -> bool:
    """Whether what stands at ``name`` in a staging folder may be removed with all in it."""
    parts = name.split(MARK)
    if len(parts) != 3:
        return True
    try:
        found = look(parent, name, TreePath(b""))
        if isinstance(found, Entry) and found.kind is Kind.DIRECTORY:
            return parts[2] == _token(found) or (parts[1] == _token(found) and _is_empty(parent, name))
        return found is ABSENT or _token(found) in parts[1:]
    except OSError:
        return False


def _is_empty(parent: int, name: bytes) -> bool:
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        return not os.listdir(descriptor)
    finally:
        os.close(descriptor)


def _token(presence: Presence) -> bytes:
    """What ``matches`` compares, in a few letters."""
    if not isinstance(presence, Entry):
        return b"-"
    if presence.kind is Kind.FILE:
        return b"f%d.%d" % (presence.size, presence.mtime_ns)
    if presence.kind is Kind.LINK:
        return b"l" + digest_of_pieces([presence.target]).hex()[:32].encode("ascii")
    return b"d" if presence.kind is Kind.DIRECTORY else b"s"

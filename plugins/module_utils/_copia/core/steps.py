# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says: small steps, each with what it expects to find and what it wants to leave.

``expected`` is the licence to touch the path: the executor looks again just before (or just after an exchange) and
leaves the path alone, as a problem, when something else stands there.
"""

from __future__ import annotations

import enum
from typing import Tuple, Union

from ..values import dataclass
from .entries import Entry, Presence
from .paths import TreePath


class Reason(enum.IntEnum):
    """Why a path is touched. The numbers are part of the packed plan."""

    ABSENT = 1
    KIND = 2
    SIZE = 3
    CONTENT = 4
    LOOK = 5
    TARGET = 6
    MODE = 7
    OWNER = 8
    TIME = 9
    EXTRA = 10
    RENAMED = 11
    ATTRIBUTES = 12
    LINKED = 13

    @property
    def is_change(self) -> bool:
        """Whether anybody would call it a change: a time alone is none."""
        return self is not Reason.TIME


@dataclass(frozen=True)
class MakeDirectory:
    """Make a directory, in the place of a non-directory if ``expected`` is one. Its attributes are settled last."""

    path: TreePath
    expected: Presence
    wanted: Entry
    reason: Reason


@dataclass(frozen=True)
class PutFile:
    """Put a file's content in place. With reason ``LOOK`` the content may turn out to be the same."""

    __slots__ = ("expected", "path", "reason", "wanted")
    path: TreePath
    expected: Presence
    wanted: Entry
    reason: Reason


@dataclass(frozen=True)
class PutLink:
    """Put a symbolic link in place."""

    path: TreePath
    expected: Presence
    wanted: Entry
    reason: Reason


@dataclass(frozen=True)
class SetAttributes:
    """Set mode, owner, extended attributes and time of an entry whose content is right. With reason ``TIME`` nobody
    calls it a change.
    """

    __slots__ = ("expected", "path", "reason", "wanted")
    path: TreePath
    expected: Presence
    wanted: Entry
    reason: Reason


@dataclass(frozen=True)
class Remove:
    """Remove a file, a link or an empty directory. ``clears`` says that something else is to stand in its place."""

    path: TreePath
    expected: Entry
    reason: Reason
    clears: bool = False


@dataclass(frozen=True)
class Move:
    """Move the file ``expected``, which stands at its own path, to ``path``, which is free, and give it the attributes
    of ``wanted``. Only a two-way sync moves.
    """

    path: TreePath
    expected: Entry
    wanted: Entry
    reason: Reason = Reason.RENAMED


@dataclass(frozen=True)
class LinkFile:
    """Give the file that stands at ``first`` by then the name ``path`` too. With reason ``LOOK`` it has that name, and
    follows what becomes of ``first``.
    """

    path: TreePath
    expected: Presence
    wanted: Entry
    first: TreePath
    reason: Reason


Put = Union[PutFile, PutLink]
Step = Union[MakeDirectory, PutFile, PutLink, LinkFile, Move, SetAttributes, Remove]


@dataclass(frozen=True)
class MirrorPlan:
    """What makes the target equal to the source. The fields are applied in this order.

    ``clearances``: what stands in the way, deepest first. ``makes``: directories, parents first. ``moves``: files that
    get another path. ``puts``: files and links, in listing order. ``settles``: attributes of what has the right
    content. ``links``: more names of files that have theirs by then. ``removals``: what only the target has, deepest
    first. ``closings``: directories whose attributes are set once everything in them is done, deepest first.
    ``problems``: ``(path, what)`` of what the plan had to leave alone.
    ``entries`` is how many entries the target had; ``scanned`` how many the source has, ``offered`` of them below its
    root, ``files`` of them no directories.
    """

    clearances: Tuple[Remove, ...] = ()
    makes: Tuple[MakeDirectory, ...] = ()
    puts: Tuple[Put, ...] = ()
    settles: Tuple[SetAttributes, ...] = ()
    removals: Tuple[Remove, ...] = ()
    closings: Tuple[Entry, ...] = ()
    problems: Tuple[Tuple[TreePath, str], ...] = ()
    scanned: int = 0
    offered: int = 0
    files: int = 0
    entries: int = 0
    kept: int = 0
    skipped: int = 0
    same: int = 0
    bytes_total: int = 0
    moves: Tuple[Move, ...] = ()
    links: Tuple[LinkFile, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do (closings stand only beside steps)."""
        steps = self.clearances or self.makes or self.puts or self.moves or self.settles or self.links or self.removals
        return not steps

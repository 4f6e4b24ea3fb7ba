# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two sides of a mirror tell each other, as values.

The source side sends a ``Listing``, the target side answers with ``Want`` values, and the source side sends a parcel:
a sequence of items in the order of the wants.

Small files travel as one ``Small``; larger ones as ``Begin``, any number of ``Data`` and ``Copied``, then ``End`` or
``Broken``. A digest is the BLAKE3 of the whole file, 32 bytes; it is empty where the same process reads and writes.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple, Union

from ..values import dataclass
from .accounts import NOBODY, Accounts
from .entries import Entry, Problem
from .manifest import Manifest
from .paths import TreePath
from .signature import Signature

SMALL_LIMIT = 128 * 1024
"""Files up to this many bytes travel in one item: they are read at once, so their digest is known at the start."""


@dataclass(frozen=True)
class Listing:
    """What the source side has: a tree, or (``is_tree`` false) one file under the name it is to have. ``accounts`` are
    the names of the owners, where those are kept.
    """

    manifest: Manifest
    is_tree: bool = True
    problems: Tuple[Problem, ...] = ()
    accounts: Accounts = NOBODY

    @property
    def has_unknown(self) -> bool:
        """Whether part of it could not be read."""
        return bool(self.problems or self.manifest.unlisted)


class Small(NamedTuple):
    """A whole small file."""

    path: TreePath
    data: bytes
    digest: bytes


class Begin(NamedTuple):
    """A file of ``length`` bytes starts; its content follows."""

    path: TreePath
    length: int


class Data(NamedTuple):
    """The next bytes of the file, literally."""

    data: bytes


class Copied(NamedTuple):
    """The next ``length`` bytes of the file are those at ``offset`` of the basis."""

    offset: int
    length: int


class End(NamedTuple):
    """The file is complete."""

    digest: bytes


class Broken(NamedTuple):
    """The file that was begun can't be completed: it changed, or a read failed."""

    what: str


class Same(NamedTuple):
    """The content is what the target already has."""

    path: TreePath


class Differs(NamedTuple):
    """The content differs; in check mode nobody sends it."""

    path: TreePath


class Here(NamedTuple):
    """Files of one directory that the target can copy for itself, since both sides are on this host. Never on a wire.

    ``directory`` is the descriptor of the one that holds them, valid until the next item is taken; ``names`` are what
    they are called there, ``entries`` what was listed.
    """

    directory: int
    names: Tuple[bytes, ...]
    entries: Tuple[Entry, ...]


class Trouble(NamedTuple):
    """The file can't be sent."""

    path: TreePath
    what: str


Item = Union[Small, Begin, Data, Copied, End, Broken, Same, Differs, Here, Trouble]


class Want(NamedTuple):
    """A file that the target wants: its entry in the source, and what the target can say of its own version."""

    entry: Entry
    digest: bytes = b""
    signature: Optional[Signature] = None
    with_text: bool = False


Wants = Tuple[Want, ...]

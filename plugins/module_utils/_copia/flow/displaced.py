# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether displaced versions of a tree can go where the user wants them (``docs/spec/backup.md``)."""

from __future__ import annotations

import os
from typing import Tuple

from ..core.backup import lies_within, place_of_side
from ..core.errors import InputError
from ..core.paths import show


def refuse_within(place: bytes, root: bytes, name: bytes) -> None:
    """Refuse an absolute ``place`` that holds the tree at ``root``, which the user calls ``name``, or lies in it.

    :raises InputError: when it does.
    """
    if place.startswith(b"/") and lies_within(os.path.realpath(place), os.path.realpath(root)):
        raise InputError(
            f"backup_dir {show(place)} and {show(name)} lie within each other; name a separate place, or one below the "
            "tree by a relative path"
        )


def places_of_pair(place: bytes, roots: Tuple[bytes, ...]) -> Tuple[bytes, bytes]:
    """The places of left and right; ``roots`` are the trees of this host, of which none may hold one of them.

    :raises InputError: when one does.
    """
    left, right = (place_of_side(place, side) for side in ("left", "right"))
    for root in roots:
        for other in (left, right)[: len(roots)]:
            refuse_within(other, root, root)
    return left, right


def check_place(place: bytes, root: bytes, name: bytes, *, is_tree: bool = True) -> None:
    """The same for a tree, and refuse an absolute place on another file system than ``root``.

    :raises InputError: when it can't be the place.
    """
    if is_tree:
        refuse_within(place, root, name)
    if place.startswith(b"/") and _device(place) != _device(root):
        raise InputError(
            f"backup_dir {show(place)} is on another file system than {show(name)}; name a place on the same, or one "
            "below the tree by a relative path"
        )


def _device(path: bytes) -> int:
    """The file system that ``path`` is on, or would be made on."""
    path = os.path.abspath(path)
    while True:
        try:
            return os.stat(path).st_dev
        except OSError as error:
            if path == os.path.dirname(path):
                raise InputError(f"{show(path)} cannot be looked at: {os.strerror(error.errno or 0)}") from error
            path = os.path.dirname(path)

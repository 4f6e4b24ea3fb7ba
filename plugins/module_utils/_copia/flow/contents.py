# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents on their way to a plan: each is what the decision was made on, or a problem of its path."""

from __future__ import annotations

from typing import Dict, Iterator, Mapping

from ..core.entries import Entry, Kind
from ..core.parcel import Begin, Broken, Copied, Data, End, Item, Small, Trouble, Want, Wants
from ..core.paths import TreePath
from ..core.signature import Signature
from ..core.steps import MirrorPlan, PutFile

_CHANGED = "changed while it was read; run again"


def wants_of(plan: MirrorPlan, bases: Mapping[TreePath, Signature]) -> Wants:
    """The contents that a plan lacks; ``bases`` are signatures of what stands there."""
    files = (step for step in plan.puts if isinstance(step, PutFile))
    return tuple(Want(step.wanted, signature=bases.get(step.path)) for step in files)


def replaced_by(plan: MirrorPlan) -> "list[Entry]":
    """The files that files of a plan take the place of: each may be the basis of its successor."""
    found = ((step, step.expected) for step in plan.puts if isinstance(step, PutFile))
    return [was for step, was in found if isinstance(was, Entry) and was.kind is Kind.FILE and step.wanted.size]


def checked(plan: MirrorPlan, items: Iterator[Item], digests: Dict[TreePath, bytes]) -> Iterator[Item]:
    """The items of a plan; one whose digest is not the one that was decided on becomes a problem. The digest of every
    other goes into ``digests``.
    """
    wanted = {step.path: step.wanted.digest for step in plan.puts if isinstance(step, PutFile)}
    path = TreePath(b"")
    for item in items:
        if isinstance(item, (Small, Begin)):
            path = item.path
        if isinstance(item, (Small, End)):
            if wanted[path] not in (None, item.digest):
                yield Trouble(path, _CHANGED) if isinstance(item, Small) else Broken(_CHANGED)
                continue
            digests[path] = item.digest
        yield item


def next_files(items: Iterator[Item], count: int) -> Iterator[Item]:
    """The items of the next ``count`` files, and nothing of what comes after them."""
    while count:
        item = next(items, None)
        if item is None:
            return
        count -= not isinstance(item, (Begin, Data, Copied))
        yield item

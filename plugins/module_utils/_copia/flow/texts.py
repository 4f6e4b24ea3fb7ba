# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of small text files that a two-way sync is about to change, for ``--diff``: read before anything is."""

from __future__ import annotations

from typing import Dict, Iterable, List

from ..core.entries import Entry, Kind
from ..core.parcel import SMALL_LIMIT, Small, Want
from ..core.paths import TreePath
from ..core.report import TextChange, is_text
from ..core.steps import MirrorPlan, PutFile
from .sides import Places, Side

TEXTS_MOST = 200
"""Content diffs of at most this many files a side."""


def texts_of(plan: MirrorPlan, target: Side, source: Side, at: Places, limit: int) -> List[TextChange]:
    """Both contents of the text files that ``plan`` puts on ``target``, where neither has more than ``limit`` bytes.

    ``at`` says under which paths ``source`` has what is not called the same there.
    """
    most = min(limit, SMALL_LIMIT)
    steps = [step for step in plan.puts if isinstance(step, PutFile) and _is_small(step, most)][:TEXTS_MOST]
    after = _contents(source, (step.wanted for step in steps), at)
    before = _contents(target, (step.expected for step in steps if isinstance(step.expected, Entry)), {})
    changes = []
    for step in steps:
        old = before.get(step.path) if isinstance(step.expected, Entry) else b""
        new = after.get(step.path)
        if old is not None and new is not None and is_text(old) and is_text(new):
            changes.append(TextChange(step.path, old, new))
    return changes


def _is_small(step: PutFile, most: int) -> bool:
    was = step.expected
    return step.wanted.size <= most and (not isinstance(was, Entry) or (was.kind is Kind.FILE and was.size <= most))


def _contents(side: Side, entries: Iterable[Entry], at: Places) -> Dict[TreePath, bytes]:
    items = side.read(tuple(Want(entry) for entry in entries), at)
    return {item.path: item.data for item in items if isinstance(item, Small)}

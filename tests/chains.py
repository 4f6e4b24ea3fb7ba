# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a history of compare-and-swaps, path by path, one line? A lost update is a commit that is not on it.

Every version in a history is unique. So the versions of a path that were ever current are found by walking back from
the one that is current at the end: each was put by one operation, which expected the one before. What committed and is
not on that walk was overwritten by somebody who had not seen it.
"""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, NamedTuple, Set

NOTHING = ""


class Done(NamedTuple):
    """One operation of a client: ``decision`` is what it was told last, ``attempts`` how often it had to ask."""

    path: str
    expected: str
    wanted: str
    decision: str
    revision: int
    attempts: int


def broken(history: Iterable[Done], current: Dict[str, str], kept: Set[str]) -> Iterator[str]:
    """One sentence for each thing that is wrong. ``current`` are the versions by path at the end, ``kept`` those that
    are found as conflict copies.
    """
    by_path: Dict[str, List[Done]] = {}
    for done in history:
        by_path.setdefault(done.path, []).append(done)
    for path in sorted({*by_path, *current}):
        yield from _broken_path(path, by_path.get(path, []), current.get(path, NOTHING), kept)


def _broken_path(path: str, history: List[Done], current: str, kept: Set[str]) -> Iterator[str]:
    by_version = {done.wanted: done for done in history}
    if len(by_version) != len(history):
        yield f"{path}: two operations want the same version; the history says nothing"
    line: List[Done] = []
    version = current
    while version != NOTHING:
        done = by_version.get(version)
        if done is None or done in line:
            yield f"{path}: nobody put {version}, or it was put twice"
            return
        if done.decision not in ("commit", "already") and done.attempts < 2:
            yield f"{path}: {version} was current, and its client was told {done.decision}"
        line.append(done)
        version = done.expected
    for done in history:
        if done.decision in ("commit", "already") and done not in line:
            yield f"{path}: {done.wanted} was committed and lost"
        if done.decision == "stale" and done not in line and done.wanted not in kept:
            yield f"{path}: {done.wanted} was refused, and is not found as a conflict copy"
        if done.decision not in ("commit", "already", "stale"):
            yield f"{path}: {done.wanted} ended as {done.decision}"
    told = [done.revision for done in reversed(line) if done.decision == "commit"]
    if told != sorted(set(told)):
        yield f"{path}: the revisions are no line: {told}"

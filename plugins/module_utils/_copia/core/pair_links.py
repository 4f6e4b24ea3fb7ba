# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hard links of a two-way sync: what is one file on either side and ends equal is one on both.

Rules (``docs/spec/preserve.md``)
1. Names that are one file on a side are joined where that side keeps its content under them: then they are equal,
   whoever knows their digests. Whatever is put at a name, there, parts it. Names that were seen in different states
   (the file was changed while it was listed), or that are vouched for with different contents (one was put in the place
   of another of the same size and time), are taken for files of their own.
2. Of those the ones that end with the same attributes are one file; their time is the latest of theirs.
3. A file belongs to the first of its names and those that are one with it. Other names that it has are parted, before
   anything is done to it.
4. Nothing but names, attributes and times is changed here: every content is the one that was decided on path by path.

What this file does not know: inodes. ``Manifest.links`` says of what is one file with an earlier one which that is.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Set, Tuple

from ..values import replace
from .bisync_plan import Digests, Reconciliation, closings_of, deepest_first
from .entries import ABSENT, Entry, Kind, Presence
from .hard_links import files_of
from .manifest import Manifest
from .mirror_plan import settle_attributes
from .paths import TreePath, path_key, split
from .reconcile import Comparison
from .steps import LinkFile, MirrorPlan, Move, Put, PutFile, Reason, Remove, SetAttributes

Saves = Dict[TreePath, TreePath]
_Likeness = Tuple[int, int, int, bytes]
_Group = Tuple[TreePath, _Likeness]
"""The first of names that are joined, and the attributes of those of them that are one file."""


def with_pair_links(plan: Reconciliation, found: Comparison) -> Reconciliation:
    """The reconciliation after which the same names are one file on both sides."""
    pairs = (*found.left.links, *found.right.links)
    involved = {path for pair in pairs for path in pair}
    return _Joining(plan, found, involved).result() if involved else plan


def with_linked(digests: Digests, plan: Reconciliation) -> Digests:
    """Digests by path, with those of names that were linked to a file whose digest was heard."""
    links = [step for side in plan.plans for step in side.links if step.first in digests]
    return {**digests, **{step.path: digests[step.first] for step in links}} if links else digests


class _Joining:
    """A reconciliation while its links are drawn."""

    def __init__(self, plan: Reconciliation, found: Comparison, involved: Set[TreePath]) -> None:
        self.plan, self.agreed = plan, dict(plan.agreed)
        self.manifests = (found.left, found.right)
        self.finals = _finals(plan, found, involved)
        self.sides = [_Side(*pair, involved) for pair in zip(plan.plans, self.manifests)]
        for side in self.sides:
            side.forget_doubtful(self.finals)

    def result(self) -> Reconciliation:
        """Everything that was drawn."""
        groups = self._groups()
        members = {path: group for group, paths in groups.items() for path in paths}
        for paths in groups.values():
            self._equalise(paths)
        for side in self.sides:
            kept = [path for path in self.finals if side.keeps(path)]
            owners = {side.inode(path): members[path] for path in reversed(kept)}
            owned = {path for path in kept if owners[side.inode(path)] == members[path]}
            for paths in groups.values():
                side.draw(paths, [path for path in paths if path in owned], self.finals)
        copies = [_with_parted(*each) for each in zip(self.sides, self.plan.copies, self.plan.saves)]
        plans = [side.plan_with(self.agreed, manifest) for side, manifest in zip(self.sides, self.manifests)]
        return replace(
            self.plan,
            agreed=self.agreed,
            copies=(copies[0][0], copies[1][0]),
            saves=(copies[0][1], copies[1][1]),
            plans=(plans[0], plans[1]),
        )

    def _groups(self) -> Dict[_Group, List[TreePath]]:
        """The names that are to be one file, in order."""
        above = {path: path for path in self.finals}

        def first_of(path: TreePath) -> TreePath:
            while above[path] != path:
                above[path] = path = above[above[path]]
            return path

        for side in self.sides:
            firsts: Dict[TreePath, TreePath] = {}
            for path in filter(side.keeps, self.finals):
                ends = sorted(map(first_of, (path, firsts.setdefault(side.inode(path), path))))
                above[ends[1]] = ends[0]
        groups: Dict[_Group, List[TreePath]] = {}
        for path, entry in self.finals.items():
            likeness = (entry.mode, entry.uid, entry.gid, entry.extras)
            groups.setdefault((first_of(path), likeness), []).append(path)
        return groups

    def _equalise(self, paths: List[TreePath]) -> None:
        """Names of one file have one time, and one digest if anybody knows it."""
        entries = [self.finals[path] for path in paths]
        latest = max(entry.mtime_ns for entry in entries)
        digest: Optional[bytes] = max(entry.digest or b"" for entry in entries) or None
        for entry in entries:
            equal = entry._replace(mtime_ns=latest, digest=digest)
            if equal != entry:
                self.finals[entry.path] = self.agreed[entry.path] = equal


class _Side:
    """One side's plan while its links are drawn."""

    def __init__(self, plan: MirrorPlan, manifest: Manifest, involved: Set[TreePath]) -> None:
        self.plan, self.there = plan, files_of(manifest, involved)
        self.ours = {path: first for path, first in manifest.links if self._were_alike(path, first)}
        self.puts: Dict[TreePath, Put] = {step.path: step for step in plan.puts}
        self.settles: Dict[TreePath, SetAttributes] = {step.path: step for step in plan.settles}
        self.moves: Dict[TreePath, Move] = {step.path: step for step in plan.moves}
        self.removals: List[Remove] = list(plan.removals)
        self.links: List[LinkFile] = []
        self.parted: List[PutFile] = []
        linked = {path for pair in manifest.links for path in pair}
        for step in plan.moves:
            if step.expected.path in linked:
                self._stay(step)
                self.puts[step.path] = PutFile(step.path, ABSENT, step.wanted, Reason.ABSENT)

    def _were_alike(self, path: TreePath, first: TreePath) -> bool:
        """Whether two names of one file were seen alike; when not, it was changed while it was listed."""
        one, other = self.there.get(path), self.there.get(first)
        return one is not None and other is not None and one == other._replace(path=path)

    def forget_doubtful(self, finals: Dict[TreePath, Entry]) -> None:
        """Take names for files of their own that are one file and vouched for with different contents."""
        known: Dict[TreePath, Set[Optional[bytes]]] = {}
        for path in filter(self.keeps, finals):
            known.setdefault(self.inode(path), set()).add(finals[path].digest)
        self.ours = {path: first for path, first in self.ours.items() if len(known.get(first, set()) - {None}) < 2}

    def inode(self, path: TreePath) -> TreePath:
        """The first name of the file that stands at ``path``."""
        return self.ours.get(path, path)

    def keeps(self, path: TreePath) -> bool:
        """Whether the content that this side has at ``path`` stays there."""
        return path in self.there and path not in self.puts

    def draw(self, paths: List[TreePath], owned: List[TreePath], finals: Dict[TreePath, Entry]) -> None:
        """Have one file at ``paths``, of which ``owned`` are names of files that may stay as they are."""
        staying = [path for path in paths if self.keeps(path)]
        first = owned[0] if owned else self._make_first(paths, staying, finals)
        stays = {first, *(path for path in owned if self.inode(path) == self.inode(owned[0]))}
        for path in paths:
            if path not in stays:
                self._link(path, first, finals[path])
        for path in filter(stays.__contains__, staying if len(paths) > 1 else ()):
            self._settle(finals[path], self.there[path])

    def _make_first(self, paths: List[TreePath], staying: List[TreePath], finals: Dict[TreePath, Entry]) -> TreePath:
        """The name that gets the file that the others are then one with."""
        for path in staying[:1]:
            copy = self.there[path]._replace(digest=finals[path].digest)
            self.parted.append(PutFile(path, self.there[path], copy, Reason.LINKED))
            return path
        for path in filter(self.moves.__contains__, paths):
            self.moves[path] = replace(self.moves[path], wanted=finals[path])
            return path
        return max(paths, key=lambda path: self.puts[path].wanted.mtime_ns)

    def _link(self, path: TreePath, first: TreePath, wanted: Entry) -> None:
        put, move = self.puts.pop(path, None), self.moves.get(path)
        if move is not None:
            self._stay(move)
        expected, reason = (put.expected, put.reason) if put is not None else (ABSENT, Reason.ABSENT)
        if put is None and move is None:
            expected, reason = self.there[path], Reason.LINKED
        self.settles.pop(path, None)
        self.links.append(LinkFile(path, expected, wanted, first, reason))

    def _settle(self, wanted: Entry, found: Entry) -> None:
        step = settle_attributes(wanted, found)
        self.settles.pop(wanted.path, None)
        self.settles.update({} if step is None else {wanted.path: step})

    def _stay(self, step: Move) -> None:
        """Have what was to be moved removed instead."""
        del self.moves[step.path]
        self.removals.append(Remove(step.expected.path, step.expected, Reason.EXTRA))

    def plan_with(self, agreed: Mapping[TreePath, Presence], manifest: Manifest) -> MirrorPlan:
        """The plan with what was drawn."""
        changed = [step.path for step in self.links] + [step.path for step in self.parted]
        touched = {split(path)[0] for path in changed} | {entry.path for entry in self.plan.closings}
        return replace(
            self.plan,
            puts=tuple(self.puts.values()),
            moves=tuple(self.moves.values()),
            settles=tuple(self.settles.values()),
            links=tuple(self.links),
            removals=deepest_first(self.removals),
            closings=closings_of(agreed, manifest, touched) if changed else self.plan.closings,
        )


def _finals(plan: Reconciliation, found: Comparison, involved: Set[TreePath]) -> Dict[TreePath, Entry]:
    """The files that both sides have after the run, in order: what is agreed on, and what rests as it is."""
    resting = files_of(found.base, {path for path in involved if path not in found.cases})
    files = {}
    for path in sorted(involved, key=path_key):
        entry = plan.agreed.get(path, resting.get(path))
        if isinstance(entry, Entry) and entry.kind is Kind.FILE:
            files[path] = entry
    return files


def _with_parted(side: _Side, copies: MirrorPlan, saves: Saves) -> Tuple[MirrorPlan, Saves]:
    """What a side copies first: versions that lose their name, and names that get a file of their own."""
    names = {step.path: step.path for step in side.parted}
    return replace(copies, puts=(*copies.puts, *side.parted)), {**saves, **names}

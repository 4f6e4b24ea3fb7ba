# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are one in the source are one in the target, and those that are not are not: the plan for that.

Rules (``docs/spec/preserve.md``)
1. Only files that the source has and that the plan does not leave alone count. What else the target has stays.
2. Files that are one in the source: the first that the target has with the right content, in a file of its own, stays
   as it is; where there is none, the first of them is put. The others become names of that one.
3. Of the files that are one in the target and not in the source, those that are one with the first stay; the others are
   put anew.
4. Where it is not known yet whether the first is to be replaced, what is one with it already follows it.

What this file does not know: inodes. ``Manifest.links`` says of what is one file with an earlier one which that is.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Set, Tuple

from ..values import replace
from .entries import Entry, Kind, Presence
from .manifest import Manifest
from .mirror_plan import closings_of
from .paths import TreePath, ancestors, split
from .steps import LinkFile, MirrorPlan, Put, PutFile, Reason, SetAttributes


def with_links(plan: MirrorPlan, source: Manifest, target: Manifest) -> MirrorPlan:
    """The plan after which hard links are as in the source."""
    if not source.links and not target.links:
        return plan
    return _Linking(plan, source, target).result()


class _Linking:
    """A plan while its links are drawn."""

    def __init__(self, plan: MirrorPlan, source: Manifest, target: Manifest) -> None:
        self.plan, self.source = plan, source
        self.puts: Dict[TreePath, Put] = {step.path: step for step in plan.puts}
        self.settles: Dict[TreePath, SetAttributes] = {step.path: step for step in plan.settles}
        self.links: List[LinkFile] = []
        self.ours, self.theirs = dict(target.links), dict(source.links)
        involved = {*self.ours, *self.ours.values(), *self.theirs, *self.theirs.values()}
        left = source.unlisted | target.unlisted
        involved = {path for path in involved if not left or left.isdisjoint((path, *ancestors(path)))}
        self.wanted, self.found = files_of(source, involved), files_of(target, involved)
        self.same = plan.same

    def result(self) -> MirrorPlan:
        """Everything that was drawn."""
        keepers = self._keepers()
        for paths in self._groups().values():
            self._draw(paths, [path for path in paths if self._stays(path) and self._is_right(path, keepers)])
        changed = {split(step.path)[0] for step in (*self.links, *self.puts.values())}
        closings = changed | {entry.path for entry in self.plan.closings} if self.links or self.puts else set()
        return replace(
            self.plan,
            puts=tuple(self.puts.values()),
            settles=tuple(self.settles.values()),
            links=tuple(self.links),
            closings=closings_of(self.source, closings) if closings else self.plan.closings,
            same=self.same,
        )

    def _groups(self) -> Dict[TreePath, List[TreePath]]:
        """The files that count, by the first that they are one with in the source; each by itself where it is not."""
        groups: Dict[TreePath, List[TreePath]] = {}
        for path in self.wanted:
            if path in self.puts or path in self.found:
                groups.setdefault(self.theirs.get(path, path), []).append(path)
        return groups

    def _stays(self, path: TreePath) -> bool:
        """Whether the target's file may stay: its content is right, or nobody knows yet."""
        step = self.puts.get(path)
        return path in self.found and (step is None or step.reason is Reason.LOOK)

    def _keepers(self) -> Dict[TreePath, TreePath]:
        """Of each file of the target the group in the source whose names it keeps."""
        keepers: Dict[TreePath, TreePath] = {}
        for path in self.wanted:
            if self._stays(path):
                keepers.setdefault(self._inode(path), self.theirs.get(path, path))
        return keepers

    def _inode(self, path: TreePath) -> TreePath:
        return self.ours.get(path, path)

    def _is_right(self, path: TreePath, keepers: Dict[TreePath, TreePath]) -> bool:
        return keepers[self._inode(path)] == self.theirs.get(path, path)

    def _draw(self, paths: List[TreePath], staying: List[TreePath]) -> None:
        known = [path for path in staying if path not in self.puts]
        first = (known or staying or paths)[0]
        if first not in staying:
            self._put(first)
        for path in paths:
            if path == first:
                continue
            if path not in staying or self._inode(path) != self._inode(first):
                self._link(path, first, self._reason(path))
            elif path in self.puts:
                self._link(path, first, Reason.LOOK if first in self.puts else Reason.LINKED)

    def _reason(self, path: TreePath) -> Reason:
        step = self.puts.get(path)
        return Reason.LINKED if step is None or step.reason is Reason.LOOK else step.reason

    def _put(self, path: TreePath) -> None:
        """Have a file of its own at ``path``."""
        wanted, reason = self.wanted[path], self._reason(path)
        expected = self._leave(path)
        self.puts[path] = PutFile(path, expected, wanted, reason)

    def _link(self, path: TreePath, first: TreePath, reason: Reason) -> None:
        expected = self._leave(path)
        self.links.append(LinkFile(path, expected, self.wanted[path], first, reason))

    def _leave(self, path: TreePath) -> Presence:
        """Take what the plan had for ``path`` out of it; the answer is what it expects there."""
        step: Optional[Put] = self.puts.pop(path, None)
        settle = self.settles.pop(path, None)
        self.same -= step is None and settle is None
        return step.expected if step is not None else self.found[path]


def files_of(manifest: Manifest, paths: Set[TreePath]) -> Dict[TreePath, Entry]:
    """Those of ``paths`` that are files, in the order of the manifest."""
    directories = {split(path)[0] for path in paths}
    return {
        path: entry
        for block in manifest.blocks
        if block.directory in directories
        for path, entry in _some_files(block.entries(), paths)
    }


def _some_files(entries: Iterable[Tuple[TreePath, Presence]], paths: Set[TreePath]) -> Iterable[Tuple[TreePath, Entry]]:
    for path, entry in entries:
        if path in paths and isinstance(entry, Entry) and entry.kind is Kind.FILE:
            yield path, entry

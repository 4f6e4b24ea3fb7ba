# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did, as a value: the one source of ``changed``, of ``--diff`` and of the command's output.

Rules
1. Counts and changes come from the steps of the plan and from what became of each.
2. A time alone is counted as touched and never makes ``changed``.
3. Lists are sorted by path, capped, and say their true totals.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

from ..values import dataclass, field
from .entries import NOT_RECORDED, Absent, Entry, Kind, Presence, Problem
from .extras import names_in
from .mirror_plan import settle_attributes
from .paths import TreePath, path_key, show
from .steps import LinkFile, MirrorPlan, Move, PutFile, Reason, Remove, SetAttributes, Step

_REASONS = {
    Reason.ABSENT: "absent",
    Reason.KIND: "kind",
    Reason.SIZE: "size",
    Reason.CONTENT: "content",
    Reason.LOOK: "content",
    Reason.TARGET: "target",
    Reason.MODE: "mode",
    Reason.OWNER: "owner",
    Reason.TIME: "time",
    Reason.EXTRA: "extra",
    Reason.RENAMED: "renamed",
    Reason.ATTRIBUTES: "attributes",
    Reason.LINKED: "linked",
}
_OTHER = {"attributes": "attributes", "linked": "links"}
_COUNTS = (
    *("scanned", "made", "updated", "touched", "removed", "kept", "skipped"),
    *("bytes_total", "bytes_literal", "bytes_matched", "bytes_sent"),
)
LISTED_MOST = 1 << 16
"""Changes of which a report says more than how many they are, where a run is done in portions."""
_KIND_WORDS = {Kind.FILE: "file", Kind.DIRECTORY: "directory", Kind.LINK: "link", Kind.SPECIAL: "special"}


@dataclass(frozen=True)
class Change:
    """One path that was, or would be, changed: what stood there, and what does now."""

    __slots__ = ("change", "new", "old", "path", "reason")
    path: TreePath
    change: str
    reason: str
    old: Optional[Entry]
    new: Optional[Entry]

    @property
    def is_transfer(self) -> bool:
        """Whether a file or a link was put; of an update of attributes alone nothing was transferred."""
        is_leaf = self.new is not None and self.new.kind is not Kind.DIRECTORY
        return is_leaf and self.reason not in ("mode", "owner")

    @property
    def path_before(self) -> TreePath:
        """Where it stood: another path only when it was moved."""
        return self.old.path if self.old is not None and self.change == "move" else self.path

    @property
    def size_before(self) -> Optional[int]:
        """In bytes, of a file."""
        return _size(self.old)

    @property
    def size_after(self) -> Optional[int]:
        """In bytes, of a file."""
        return _size(self.new)

    @property
    def before(self) -> str:
        """A description of a line, or empty."""
        return _line(self.old)

    @property
    def after(self) -> str:
        """A description of a line, or empty; it is never the same as before."""
        was, is_now = _line(self.old), _line(self.new)
        if was != is_now or self.change == "move":
            return is_now
        return f"{is_now}, other {_OTHER.get(self.reason, 'content')}"


@dataclass(frozen=True)
class TextChange:
    """The two contents of a small text file, for ``--diff``."""

    path: TreePath
    before: bytes
    after: bytes


@dataclass
class Report:
    """Counts in entries, sizes in bytes, ``seconds`` by phase; ``undone`` are paths that were left as they are for a
    reason that is no problem. ``changes`` may be without as many as ``unlisted`` says, of which ``unlisted_transfers``
    are files and links that were put.
    """

    scanned: int = 0
    files: int = 0
    made: int = 0
    updated: int = 0
    touched: int = 0
    removed: int = 0
    moved: int = 0
    kept: int = 0
    skipped: int = 0
    same: int = 0
    bytes_total: int = 0
    bytes_literal: int = 0
    bytes_matched: int = 0
    bytes_sent: int = 0
    unlisted: int = 0
    unlisted_transfers: int = 0
    seconds: Dict[str, float] = field(default_factory=dict)
    changes: List[Change] = field(default_factory=list)
    problems: List[Problem] = field(default_factory=list)
    undone: List[TreePath] = field(default_factory=list)
    texts: List[TextChange] = field(default_factory=list)
    brakes: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    tree: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything but a time differs from before."""
        return self.changes_total > 0

    @property
    def changes_total(self) -> int:
        """How many changes there are, listed or not."""
        return len(self.changes) + self.unlisted

    @property
    def transfers(self) -> int:
        """How many files and links were put."""
        return self.unlisted_transfers + sum(change.is_transfer for change in self.changes)

    def begin(self, plan: MirrorPlan) -> None:
        """Take over the counts that no step changes."""
        self.scanned, self.files = plan.scanned, plan.files
        self.kept, self.skipped, self.same = plan.kept, plan.skipped, plan.same
        self.bytes_total = plan.bytes_total
        self.problems.extend(Problem(path, what) for path, what in plan.problems)

    def did(self, step: Step) -> None:
        """The step was, or in check mode would be, carried out."""
        if isinstance(step, Remove):
            self.removed += 1
            self._note(step, "remove", step.expected, None)
        elif isinstance(step, Move):
            self.moved += 1
            self._note(step, "move", step.expected, step.wanted)
        elif isinstance(step, SetAttributes):
            if not step.reason.is_change:
                self.touched += 1
            else:
                self.updated += 1
                self._note(step, "update", step.expected, step.wanted)
        else:
            word = "make" if isinstance(step.expected, Absent) else "update"
            self.made += word == "make"
            self.updated += word == "update"
            self._note(step, word, step.expected, step.wanted)

    def found_same(self, step: Union[PutFile, LinkFile]) -> None:
        """Somebody looked, and the content was the same: only attributes are left to settle."""
        settle = settle_attributes(step.wanted, step.expected) if isinstance(step.expected, Entry) else None
        if settle is None:
            self.same += 1
        else:
            self.did(settle)

    def failed(self, path: TreePath, what: str) -> None:
        """The step could not be carried out."""
        self.problems.append(Problem(path, what))

    def absorb(self, other: "Report") -> None:
        """Add what another part of the run did."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.same += other.same
        self.moved += other.moved
        self.changes.extend(other.changes)
        self.problems.extend(other.problems)
        self.undone.extend(other.undone)
        self.texts.extend(other.texts)
        self.notes.extend(other.notes)

    def trim(self, most: int = LISTED_MOST) -> None:
        """Forget the changes behind the first ``most``, but not how many they are."""
        forgotten = self.changes[most:]
        del self.changes[most:]
        self.unlisted += len(forgotten)
        self.unlisted_transfers += sum(change.is_transfer for change in forgotten)

    def finish(self) -> None:
        """Sort what was gathered, so that two runs on the same input report the same."""
        self.changes.sort(key=lambda change: path_key(change.path))
        self.problems = sorted(set(self.problems), key=lambda problem: (path_key(problem.path), problem.what))
        self.texts.sort(key=lambda text: path_key(text.path))

    def _note(self, step: Step, word: str, before: Presence, after: Optional[Entry]) -> None:
        old = before if isinstance(before, Entry) else None
        self.changes.append(Change(step.path, word, _REASONS[step.reason], old, after))


def foresee(plan: MirrorPlan, report: Report, same: "frozenset[TreePath]" = frozenset()) -> None:
    """What carrying out ``plan`` would report; ``same`` are the looked-at files whose content is the same."""
    report.begin(plan)
    for group in (plan.clearances, plan.makes, plan.moves, plan.puts, plan.settles, plan.links, plan.removals):
        for step in group:
            if isinstance(step, (PutFile, LinkFile)) and _is_found_same(step, same):
                report.found_same(step)
            else:
                report.did(step)


def _is_found_same(step: Union[PutFile, LinkFile], same: "frozenset[TreePath]") -> bool:
    if isinstance(step, LinkFile):
        return step.reason is Reason.LOOK and step.first in same
    return step.path in same


def stats(report: Report) -> Dict[str, Any]:
    """The counts as plain data."""
    found: Dict[str, Any] = {name: getattr(report, name) for name in _COUNTS}
    found["seconds"] = {phase: round(seconds, 4) for phase, seconds in sorted(report.seconds.items())}
    return found


def plain_changes(report: Report, limit: int) -> List[Dict[str, Any]]:
    """The first ``limit`` changes as plain data."""
    return [
        {
            "path": show(change.path),
            "change": change.change,
            "reason": change.reason,
            **({"moved_from": show(change.path_before)} if change.change == "move" else {}),
            "size_before": change.size_before,
            "size_after": change.size_after,
        }
        for change in report.changes[:limit]
    ]


def tree_diff(report: Report, limit: int) -> Tuple[str, str]:
    """``(before, after)``: one line per changed path, as text for a unified diff."""
    before, after = [], []
    shown = report.changes[:limit]
    for change in shown:
        name = show(change.path)
        before.extend([f"{show(change.path_before)}  {change.before}\n"] if change.before else [])
        after.extend([f"{name}  {change.after}\n"] if change.after else [])
    more = report.changes_total - len(shown)
    if more > 0:
        after.append(f"... and {more} more changes\n")
    return "".join(before), "".join(after)


def _size(entry: Optional[Entry]) -> Optional[int]:
    return entry.size if entry is not None and entry.kind is Kind.FILE else None


def _line(entry: Optional[Entry]) -> str:
    """One line that says what an entry is; the content of a file is named by its size (and digest, where known)."""
    if entry is None:
        return ""
    ids = ["" if number == NOT_RECORDED else str(number) for number in (entry.uid, entry.gid)]
    owner = f" {':'.join(ids)}" if any(ids) else ""
    if entry.kind is Kind.LINK:
        return f"link -> {show(entry.target)}{owner}"
    size = f" {entry.size} bytes" if entry.kind is Kind.FILE else ""
    more = "".join(f", {show(name)}" for name in names_in(entry.extras))
    return f"{_KIND_WORDS[entry.kind]} {entry.mode:04o}{owner}{size}{more}"


def is_text(data: bytes) -> bool:
    """Whether ``data`` is worth a content diff: UTF-8 without NUL."""
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False

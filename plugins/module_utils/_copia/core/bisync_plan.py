# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a two-way sync has to do: two one-way plans, the copies that come before them, and what is agreed on then.

Rules
1. A version that loses its name is first copied beside it, on its own side. Only then is its name given away.
2. Each side's plan takes its content from the other side, under the same path.
3. What is agreed on is said path by path, so that only what was applied is recorded.

What this file does not know: disks, and whether the plans are carried out.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..values import dataclass, field
from .conflicts import Conflict, conflict_names, copies_of, winner
from .entries import ABSENT, NOT_RECORDED, Entry, Kind, Presence
from .extras import merge_extras
from .manifest import Manifest
from .mirror_plan import settle_attributes
from .moves import with_moves
from .paths import ROOT, TreePath, path_key, split
from .reconcile import Case, Comparison, same_content
from .settling import Settled, settle
from .steps import MakeDirectory, MirrorPlan, Put, PutFile, PutLink, Reason, Remove, SetAttributes
from .verdicts import VERDICTS, Pick, Policy, Verdict, Where, judge_attribute

_BARRED = "a directory that holds unreadable, special or excluded entries stands against it; move one of them aside"
Digests = Mapping[TreePath, bytes]


@dataclass(frozen=True)
class Rulebook:
    """How conflicts are settled. ``host`` is sanitised, and empty with a hub; ``keeper`` is a hub: it keeps the
    name with ``keep_both`` (else the greater digest does), and nothing is moved on it.
    """

    policy: Policy = Policy.KEEP_BOTH
    host: bytes = b"host"
    max_conflicts: int = 8
    keeper: Optional[Where] = None


@dataclass
class Reconciliation:
    """``copies`` and ``plans`` by side; ``saves`` says of which path on its side each conflict copy is one, and of a
    name that gets a file of its own (``pair_links``) that very path; ``agreed`` has, for every path that was
    looked into and not left alone, what both sides are to have, or absent.
    """

    copies: Tuple[MirrorPlan, MirrorPlan]
    plans: Tuple[MirrorPlan, MirrorPlan]
    saves: Tuple[Dict[TreePath, TreePath], Dict[TreePath, TreePath]]
    agreed: Dict[TreePath, Presence]
    conflicts: Tuple[Conflict, ...]
    problems: Tuple[Tuple[TreePath, str], ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do on either side."""
        return all(plan.is_empty for plan in (*self.copies, *self.plans))

    def removals(self, side: Where) -> int:
        """How many entries of a side go."""
        return len(self.plans[side].removals) + len(self.plans[side].clearances)


@dataclass
class _Side:
    """The plan of one side while it is drawn."""

    copies: List[Put] = field(default_factory=list)
    clearances: List[Remove] = field(default_factory=list)
    makes: List[MakeDirectory] = field(default_factory=list)
    puts: List[Put] = field(default_factory=list)
    settles: List[SetAttributes] = field(default_factory=list)
    removals: List[Remove] = field(default_factory=list)
    closings: Set[TreePath] = field(default_factory=set)
    clearing: Set[TreePath] = field(default_factory=set)
    saves: Dict[TreePath, TreePath] = field(default_factory=dict)
    kept: int = 0

    def put(self, wanted: Entry, found: Presence) -> None:
        """Have ``wanted`` where ``found`` stands."""
        reason = Reason.KIND
        if not isinstance(found, Entry):
            reason = Reason.ABSENT
        elif found.kind is wanted.kind:
            reason = Reason.TARGET if wanted.kind is Kind.LINK else Reason.CONTENT
        elif found.kind is Kind.DIRECTORY:
            self.clearing.add(wanted.path)
        if wanted.kind is Kind.DIRECTORY:
            self.makes.append(MakeDirectory(wanted.path, found, wanted, reason))
            self.closings.add(wanted.path)
        else:
            self.puts.append(_put(wanted, found, reason))
        self.closings.add(split(wanted.path)[0])

    def remove(self, found: Entry) -> None:
        """Have ``found`` gone."""
        parent = split(found.path)[0]
        if parent in self.clearing:
            self.clearances.append(Remove(found.path, found, Reason.EXTRA, clears=True))
            self.clearing.update([found.path] if found.kind is Kind.DIRECTORY else [])
            return
        self.removals.append(Remove(found.path, found, Reason.EXTRA))
        self.closings.add(parent)

    def settle(self, wanted: Entry, found: Entry) -> None:
        """Have the attributes of ``wanted`` on ``found``."""
        step = settle_attributes(wanted, found)
        if step is not None:
            self.settles.append(step)
            self.closings.update([wanted.path] if wanted.kind is Kind.DIRECTORY else [])


def _put(wanted: Entry, found: Presence, reason: Reason) -> Put:
    step = PutLink if wanted.kind is Kind.LINK else PutFile
    return step(wanted.path, found, wanted, reason)


def reconcile(found: Comparison, left: Digests, right: Digests, rules: Rulebook) -> Reconciliation:
    """What brings both sides together; ``left`` and ``right`` are the digests that were asked for."""
    draft = _Draft(found, settle(found, left, right), rules)
    for path, (case, verdict) in draft.settled.cases.items():
        draft.path(path, case, verdict)
    return draft.result()


class _Draft:
    """A reconciliation while it is drawn, parents before what is in them."""

    def __init__(self, found: Comparison, settled: Settled, rules: Rulebook) -> None:
        self.found, self.settled, self.rules = found, settled, rules
        self.sides = (_Side(), _Side())
        self.agreed: Dict[TreePath, Presence] = {}
        self.conflicts: List[Conflict] = []
        self.problems: List[Tuple[TreePath, str]] = []
        self.taken: Set[TreePath] = set()
        self._names: Dict[TreePath, Set[bytes]] = {}

    def path(self, path: TreePath, case: Case, verdict: Verdict) -> None:
        """Draw what happens at one path."""
        settled, deed = self.settled, VERDICTS[verdict]
        if path in settled.barred and split(path)[0] not in settled.blocked:
            self.problems.append((path, _BARRED))
        if path in settled.blocked or split(path)[0] in settled.blocked:
            settled.blocked.add(path)
        elif path in settled.kept:
            self.sides[deed.removed or Where.LEFT].kept += 1
        elif deed.removed is not None:
            gone = (case.left, case.right)[deed.removed]
            if isinstance(gone, Entry):
                self.sides[deed.removed].remove(gone)
            self.agreed[path] = ABSENT
        elif deed.to is not None:
            self._carry(case, deed.to, counts=deed.counts)
        elif verdict is Verdict.CONFLICT and isinstance(case.left, Entry) and isinstance(case.right, Entry):
            self._conflict(case, case.left, case.right)
        elif verdict is Verdict.AGREE and isinstance(case.left, Entry) and isinstance(case.right, Entry):
            self._agree(case, case.left, case.right)
        else:
            self.agreed[path] = ABSENT

    def _carry(self, case: Case, to: Where, *, counts: bool = False) -> None:
        """Content goes to a side; permissions are merged, and the time comes with the content."""
        source, there = (case.left, case.right)[to.other], (case.left, case.right)[to]
        if not isinstance(source, Entry):
            return
        wanted = source
        if isinstance(there, Entry) and there.kind is source.kind:
            wanted = source._replace(**_kept(case, source, "mode"))
        self.sides[to].put(wanted, there)
        self.sides[to.other].settle(wanted, source)
        self.agreed[case.path] = wanted
        if counts:
            self.conflicts.append(Conflict(case.path, "delete", to.other))

    def _agree(self, case: Case, left: Entry, right: Entry) -> None:
        wanted = left._replace(**_kept(case, left, "mode", "mtime_ns"))
        self.sides[0].settle(wanted, left)
        self.sides[1].settle(wanted, right)
        self.agreed[case.path] = wanted

    def _conflict(self, case: Case, left: Entry, right: Entry) -> None:
        is_kind = Kind.DIRECTORY in (left.kind, right.kind)
        if is_kind:
            wins = Where.LEFT if left.kind is Kind.DIRECTORY else Where.RIGHT
        else:
            wins = winner(self.rules.policy, left, right)
        kind = "kind" if is_kind else "edit"
        is_kept = self.rules.policy in (Policy.KEEP_BOTH, Policy.FAIL)
        if is_kept and not is_kind and self.rules.keeper is not None:
            wins = self.rules.keeper
        if not is_kind and not is_kept:
            self._carry(case, wins.other)
            self.conflicts.append(Conflict(case.path, kind, wins))
            return
        name = self._survive((left, right)[wins.other], wins.other)
        if name is None:
            self.conflicts.append(Conflict(case.path, kind, wins))
            self.settled.blocked.add(case.path)
            return
        self._carry(case, wins.other)
        self.conflicts.append(Conflict(case.path, kind, wins, name))

    def _survive(self, loser: Entry, side: Where) -> Optional[TreePath]:
        """The name under which ``loser`` survives on both sides; ``None`` when there is none to be had."""
        names = self._names_beside(loser.path)
        for name in conflict_names(loser.path, loser.digest or b"", self.rules.host):
            if self._has_it(name, loser):
                return name
            if name in self.found.cases or name in self.taken:
                continue
            if copies_of(loser.path, names) >= self.rules.max_conflicts:
                what = (
                    f"in conflict, and it has {self.rules.max_conflicts} conflict copies already; remove some of them"
                )
                self.problems.append((loser.path, what))
                return None
            copy = loser._replace(path=name)
            self.taken.add(name)
            names.add(split(name)[1])
            self.sides[side].copies.append(_put(copy, ABSENT, Reason.ABSENT))
            self.sides[side].saves[name] = loser.path
            self.sides[side].closings.add(split(name)[0])
            self.sides[side.other].put(copy, ABSENT)
            self.agreed[name] = copy
            return name
        self.problems.append((loser.path, "in conflict, and every name for its conflict copy is taken; move one aside"))
        return None

    def _has_it(self, name: TreePath, loser: Entry) -> bool:
        """Whether a conflict copy with the same content is there, and stays."""
        case, verdict = self.settled.cases.get(name, (None, Verdict.NOTHING))
        if case is None or verdict not in (Verdict.AGREE, Verdict.TO_LEFT, Verdict.TO_RIGHT):
            return False
        source = case.left if verdict is Verdict.TO_RIGHT else case.right
        return isinstance(source, Entry) and same_content(source, loser)

    def _names_beside(self, path: TreePath) -> Set[bytes]:
        directory = split(path)[0]
        if not self._names:
            for other in self.found.cases:
                parent, name = split(other)
                self._names.setdefault(parent, set()).add(name)
        return self._names.setdefault(directory, set())

    def result(self) -> Reconciliation:
        """Everything that was drawn."""
        left, right = self.sides
        return Reconciliation(
            copies=(MirrorPlan(puts=tuple(left.copies)), MirrorPlan(puts=tuple(right.copies))),
            plans=(self._plan(Where.LEFT), self._plan(Where.RIGHT)),
            saves=(left.saves, right.saves),
            agreed=self.agreed,
            conflicts=tuple(sorted(self.conflicts, key=lambda conflict: path_key(conflict.path))),
            problems=tuple(self.problems),
        )

    def _plan(self, where: Where) -> MirrorPlan:
        side = self.sides[where]
        manifest = (self.found.left, self.found.right)[where]
        closings = closings_of(self.agreed, manifest, side.closings)
        plan = MirrorPlan(
            clearances=deepest_first(side.clearances),
            makes=tuple(sorted(side.makes, key=lambda step: path_key(step.path))),
            puts=tuple(side.puts),
            settles=tuple(side.settles),
            removals=deepest_first(side.removals),
            closings=closings,
            entries=len(manifest),
            kept=side.kept,
        )
        return plan if self.rules.keeper is where else with_moves(plan)


def closings_of(
    agreed: Mapping[TreePath, Presence], manifest: Manifest, paths: Iterable[TreePath]
) -> Tuple[Entry, ...]:
    """The directories among ``paths`` with the attributes they end with, deepest first; the root is none of them."""
    entries = (_closing(agreed.get(path), manifest, path) for path in paths if path != ROOT)
    closings = [entry for entry in entries if isinstance(entry, Entry) and entry.kind is Kind.DIRECTORY]
    return tuple(sorted(closings, key=lambda entry: path_key(entry.path), reverse=True))


def _closing(agreed: Optional[Presence], manifest: Manifest, path: TreePath) -> Optional[Presence]:
    """What is agreed on, else what is there."""
    block = manifest.block(split(path)[0]) if agreed is None else None
    return block.find(split(path)[1]) if block else agreed


def deepest_first(removals: Iterable[Remove]) -> Tuple[Remove, ...]:
    """Removals in an order that empties directories before they go."""
    return tuple(sorted(removals, key=lambda step: path_key(step.path), reverse=True))


def _kept(case: Case, one: Entry, *names: str) -> Dict[str, Any]:
    """Those attributes of two present versions, of which ``one`` is one, and what else of them is kept."""
    owners = () if one.uid == one.gid == NOT_RECORDED else ("uid", "gid")
    kept = {name: _merged(case, name) for name in (*names, *owners)}
    left, right, base = (side.extras if isinstance(side, Entry) else None for side in case[1:])
    return {**kept, "extras": merge_extras(left or b"", right or b"", base)} if left or right else kept


def _merged(case: Case, name: str) -> int:
    """One attribute of two present versions: of permissions those that both give, of times and ids the greater."""
    left, right = (getattr(side, name) for side in (case.left, case.right))
    base = getattr(case.base, name) if isinstance(case.base, Entry) else None
    pick = judge_attribute(left == right, left == base, right == base)
    if pick is Pick.BOTH:
        return int(left & right if name == "mode" else max(left, right))
    return int(left if pick is Pick.LEFT else right)

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two trees beside what they last agreed on: where they differ, what has to be read, and the verdict at each path.

Rules
1. What is decided at one path is decided by ``verdicts`` and by nothing else.
2. Directories whose packed blocks are equal in all three manifests are quiet: they are not looked into. In the others
   the paths that are equal in all three are no cases.
3. A file of the size and time that the base has is vouched for by the base's digest. Any other digest is asked for, and
   one that nobody could give makes the side unknown.
4. An entry that carries a digest of its own, as a hub's do, is what that digest says; nobody vouches for it.
5. An older base (``stale``) says who changed what, never that something is gone: where one side is absent it counts as
   unknown, and *same* needs the very time that it has.

What this file does not know: disks, and how a verdict is carried out.
"""

from __future__ import annotations

from typing import AbstractSet, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..values import dataclass, field
from .conflicts import is_conflict_copy
from .entries import ABSENT, Entry, Kind, Presence, Unknown
from .lineup import is_quiet, without_rest
from .manifest import Manifest, align, merge
from .paths import TreePath
from .verdicts import Base, Side, Verdict, judge_path

UNREAD = Unknown("could not be read")


class Case(NamedTuple):
    """One path in both sides and in the base."""

    path: TreePath
    left: Presence
    right: Presence
    base: Presence


@dataclass
class Comparison:
    """``cases``: what is not quiet, parents before what is in them. ``blocked``: paths below which somebody could not
    look. ``stale`` and ``has_base`` say what the base is worth; ``named`` that the right side is to hear the digest of
    whatever goes there.
    """

    left: Manifest
    right: Manifest
    base: Manifest
    has_base: bool
    stale: bool
    named: bool = False
    cases: Dict[TreePath, Case] = field(default_factory=dict)
    blocked: Set[TreePath] = field(default_factory=set)

    def let_go(self) -> None:
        """Forget the sides and what was decided: from now on only the base counts, and where it may change."""
        self.cases.clear()
        self.left = self.right = Manifest(ABSENT)


def compare(
    left: Manifest,
    right: Manifest,
    base: Optional[Manifest],
    *,
    stale: bool = False,
    is_new: bool = False,
    above: AbstractSet[TreePath] = frozenset(),
) -> Comparison:
    """Line both sides up with the base; without one (or when the pair ``is_new``) nothing was agreed on before this
    run. What is in the directories of ``above`` is not compared.
    """
    agreed = base if base is not None else Manifest(ABSENT)
    found = Comparison(left, right, agreed, base is not None and not is_new, stale)
    found.blocked.update(left.unlisted | right.unlisted)
    for directory, blocks in align(left, right, agreed):
        if directory in above or (not found.blocked and not stale and is_quiet(*blocks)):
            continue
        looked_into = blocks if found.blocked or stale else without_rest(*blocks)
        for path, (ours, theirs, was) in merge(*looked_into):
            if not _rests(found, ours, theirs, was):
                found.cases[path] = Case(path, ours, theirs, was)
    return found


def _rests(found: Comparison, ours: Presence, theirs: Presence, was: Presence) -> bool:
    """Whether a path is on both sides as the base has it. Conflict copies are always looked into: their names must be
    known.
    """
    if found.blocked or found.stale or not isinstance(was, Entry) or not isinstance(ours, Entry):
        return False
    if ours.kind is Kind.SPECIAL or is_conflict_copy(ours.path):
        return False
    return _is_as(ours, was) and isinstance(theirs, Entry) and _is_as(theirs, was)


def _is_as(mine: Entry, was: Entry) -> bool:
    return mine == (was if mine.digest else was._replace(digest=None))


def to_read(found: Comparison) -> Tuple[List[Entry], List[Entry]]:
    """The entries of each side whose digest decides something and that the base does not vouch for."""
    left: List[Entry] = []
    right: List[Entry] = []
    for case in found.cases.values():
        if isinstance(case.left, Entry) and (
            _needs_digest(case.left, case.right, case.base) or (found.named and _is_new(case.left, case.base))
        ):
            left.append(case.left)
        if _needs_digest(case.right, case.left, case.base) and isinstance(case.right, Entry):
            right.append(case.right)
    return left, right


def _is_new(mine: Entry, base: Presence) -> bool:
    return mine.kind is Kind.FILE and not vouched(mine, base)


def _needs_digest(mine: Presence, other: Presence, base: Presence) -> bool:
    if not isinstance(mine, Entry) or mine.kind not in (Kind.FILE, Kind.LINK) or isinstance(other, Unknown):
        return False
    if mine.digest is not None:
        return False
    if mine.kind is Kind.LINK:
        return isinstance(other, Entry) and not (other.kind is Kind.LINK and other.target == mine.target)
    if vouched(mine, base):
        return False
    if isinstance(base, Entry) and base.kind is Kind.FILE and base.size == mine.size:
        return True
    return (isinstance(other, Entry) and not vouched(other, base)) or is_conflict_copy(mine.path)


def vouched(mine: Entry, base: Presence) -> bool:
    """Whether the base's digest speaks for a file."""
    return (
        isinstance(base, Entry)
        and mine.kind is Kind.FILE
        and base.kind is Kind.FILE
        and (mine.size, mine.mtime_ns) == (base.size, base.mtime_ns)
        and base.digest is not None
        and mine.digest in (None, base.digest)
    )


def with_digests(case: Case, left: Mapping[TreePath, bytes], right: Mapping[TreePath, bytes]) -> Case:
    """The case with every digest that is known; a side whose digest is needed and missing becomes unknown."""
    ours = _digested(case.left, case.right, case.base, left)
    theirs = _digested(case.right, case.left, case.base, right)
    is_known = ours is case.left and theirs is case.right
    return case if is_known else case._replace(left=ours, right=theirs)


def _digested(mine: Presence, other: Presence, base: Presence, known: Mapping[TreePath, bytes]) -> Presence:
    if not isinstance(mine, Entry) or mine.kind not in (Kind.FILE, Kind.LINK):
        return mine
    if vouched(mine, base) and isinstance(base, Entry):
        return mine._replace(digest=base.digest)
    digest = mine.digest or known.get(mine.path)
    if digest is None and _needs_digest(mine, other, base):
        return UNREAD
    return mine if digest == mine.digest else mine._replace(digest=digest)


def judge(case: Case, *, has_base: bool, stale: bool) -> Verdict:
    """The verdict for a case with digests."""
    is_gone = ABSENT in (case.left, case.right)
    base = case.base if has_base and not (stale and is_gone) else ABSENT
    known = Base.PRESENT if isinstance(base, Entry) else Base.ABSENT if has_base and not stale else Base.UNKNOWN
    alike = isinstance(case.left, Entry) and isinstance(case.right, Entry) and same_content(case.left, case.right)
    return judge_path(_side(case.left, base, stale), _side(case.right, base, stale), known, alike)


def _side(found: Presence, base: Presence, stale: bool) -> Side:
    if isinstance(found, Unknown):
        return Side.UNKNOWN
    if not isinstance(found, Entry):
        return Side.ABSENT
    if found.kind is Kind.SPECIAL:
        return Side.SPECIAL
    if not isinstance(base, Entry):
        return Side.CHANGED
    if found.kind is not base.kind:
        return Side.TURNED
    same = same_content(found, base) and not (stale and found.mtime_ns != base.mtime_ns)
    return Side.SAME if same else Side.CHANGED


def same_content(one: Entry, two: Entry) -> bool:
    """Whether two entries have the same kind and content; files only by their digests."""
    if one.kind is not two.kind:
        return False
    if one.kind is Kind.FILE:
        return one.size == two.size and one.digest is not None and one.digest == two.digest
    return one.kind is not Kind.LINK or one.target == two.target

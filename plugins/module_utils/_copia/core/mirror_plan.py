# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a one-way mirror has to do: two manifests in, a plan out.

Rules
1. What happens at one path is decided by ``quick_check`` and by nothing else.
2. Entries whose packed rows are equal are not looked at.
3. Below a path that is unknown, skipped or blocked on either side, everything is left as it is.
4. A directory is removed only when all in it is: one that shelters excluded entries, or holds something unknown, stays.
5. A directory with content makes way for something that is not a directory only when deletes are wanted.
6. Attributes of directories are set last, deepest first: work inside them changes their times, and a read-only mode
   must not come before the work.

What this file does not know: where the manifests come from, how content travels, and whether the plan is carried out.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..values import dataclass, field, replace
from .entries import Absent, Entry, Kind, Presence, Unknown
from .manifest import ROW, Block, Manifest, align, content_size, merge, unequal_rows
from .paths import ROOT, TreePath, ancestors, path_key, split
from .quick_check import (
    Act,
    Attributes,
    Content,
    Likeness,
    Side,
    judge_attributes,
    judge_content,
    judge_path,
)
from .steps import MakeDirectory, MirrorPlan, Put, PutFile, PutLink, Reason, Remove, SetAttributes

_SIDES = {Kind.FILE: Side.FILE, Kind.DIRECTORY: Side.DIRECTORY, Kind.LINK: Side.LINK, Kind.SPECIAL: Side.SPECIAL}


@dataclass
class _Draft:
    """The plan while it is drawn."""

    source: Manifest
    target: Manifest
    delete: bool
    checksum: bool
    protected: Set[TreePath]
    left: Set[TreePath] = field(default_factory=set)
    clearing: Set[TreePath] = field(default_factory=set)
    clearances: List[Remove] = field(default_factory=list)
    makes: List[MakeDirectory] = field(default_factory=list)
    puts: List[Put] = field(default_factory=list)
    settles: List[SetAttributes] = field(default_factory=list)
    removals: List[Remove] = field(default_factory=list)
    closings: Set[TreePath] = field(default_factory=set)
    problems: List[Tuple[TreePath, str]] = field(default_factory=list)
    kept: int = 0
    skipped: int = 0
    same: int = 0

    def size(self) -> int:
        """How many steps change what a directory holds: such a one is closed."""
        return len(self.makes) + len(self.puts) + len(self.removals)


def plan_mirror(source: Manifest, target: Manifest, *, delete: bool = False, checksum: bool = False) -> MirrorPlan:
    """The steps that make ``target`` equal to ``source``.

    With ``checksum``, files of equal size are same only where both digests are known and equal; where one is missing
    the step's reason is ``LOOK``. So it is for files of equal size and different time without ``checksum``.
    """
    draft = _Draft(source, target, delete, checksum, _protected(target))
    if isinstance(source.root, Entry):
        _plan_path(draft, ROOT, source.root, target.root)
    for directory, (theirs, ours) in align(source, target):
        _plan_directory(draft, directory, theirs, ours)
    if draft.clearances or draft.size():
        draft.closings.add(ROOT)
    return MirrorPlan(
        clearances=_deepest_first(draft.clearances),
        makes=tuple(draft.makes),
        puts=tuple(draft.puts),
        settles=tuple(draft.settles),
        removals=_deepest_first(draft.removals),
        closings=closings_of(source, draft.closings),
        problems=tuple(draft.problems),
        scanned=len(source) + isinstance(source.root, Entry),
        offered=len(source),
        files=sum(_files(block) for block in source.blocks),
        entries=len(target),
        kept=draft.kept,
        skipped=draft.skipped,
        same=draft.same,
        bytes_total=sum(content_size(block.packed.rows) for block in source.blocks),
    )


def has_same_names(one: Manifest, other: Manifest) -> bool:
    """Whether in each directory of ``one`` both list the same names."""
    for block in one.blocks:
        found = other.block(block.directory)
        if found is None or found.packed.names != block.packed.names:
            return False
    return True


def _files(block: Block) -> int:
    """How many entries of a block are neither directories nor unknown."""
    kinds = block.packed.rows[:: ROW.size]
    return len(kinds) - kinds.count(Kind.DIRECTORY) - kinds.count(0)


def _protected(target: Manifest) -> Set[TreePath]:
    """Directories that can't be removed: they shelter something that is excluded or unknown, at any depth."""
    holding = set(target.sheltering | target.unlisted)
    for block in target.blocks:
        if 0 in block.packed.rows[:: ROW.size]:
            holding.add(block.directory)
    return holding.union(*(ancestors(path) for path in holding))


def _plan_directory(draft: _Draft, directory: TreePath, theirs: Optional[Block], ours: Optional[Block]) -> None:
    if directory in draft.left:
        _leave_below(draft, theirs, ours)
    elif directory in draft.clearing:
        _clear_below(draft, ours)
    else:
        before = draft.size()
        if theirs and ours and _is_plain(draft, theirs):
            theirs, ours = _without_equal(draft, theirs, ours)
        for path, (wanted, found) in merge(theirs, ours):
            _plan_path(draft, path, wanted, found)
        if draft.size() != before:
            draft.closings.add(directory)


def _is_plain(draft: _Draft, theirs: Block) -> bool:
    """Whether entries that are equal as bytes are the same: times decide only without ``checksum``. Skipped kinds are
    looked at.
    """
    kinds = theirs.packed.rows[:: ROW.size]
    unlisted = draft.source.unlisted or draft.target.unlisted
    return not (draft.checksum or unlisted or 0 in kinds or Kind.SPECIAL in kinds)


def _without_equal(draft: _Draft, theirs: Block, ours: Block) -> Tuple[Optional[Block], Optional[Block]]:
    """Both blocks without the entries that are equal as bytes, which count as same."""
    if theirs.packed[:3] == ours.packed[:3] and theirs.packed.extras == ours.packed.extras:
        draft.same += len(theirs.packed.rows) // ROW.size
        return None, None
    unequal = unequal_rows(theirs.packed, ours.packed)
    if unequal is None:
        return theirs, ours
    draft.same += len(theirs.packed.rows) // ROW.size - len(unequal)
    return theirs.only(unequal), ours.only(unequal)


def _leave_below(draft: _Draft, *blocks: Optional[Block]) -> None:
    for block in blocks:
        for path, presence in block.entries() if block else ():
            if isinstance(presence, Entry) and presence.kind is Kind.DIRECTORY:
                draft.left.add(path)


def _clear_below(draft: _Draft, ours: Optional[Block]) -> None:
    for path, presence in ours.entries() if ours else ():
        if isinstance(presence, Entry):
            draft.clearances.append(Remove(path, presence, Reason.EXTRA, clears=True))
            if presence.kind is Kind.DIRECTORY:
                draft.clearing.add(path)


def _plan_path(draft: _Draft, path: TreePath, wanted: Presence, found: Presence) -> None:
    act = judge_path(_side(wanted), _side(found), draft.delete)
    if act is Act.LEAVE or path in draft.source.unlisted or path in draft.target.unlisted:
        draft.left.add(path)
    elif act is Act.SKIP:
        draft.skipped += 1
        draft.left.add(path)
    elif act is Act.KEEP:
        draft.kept += 1
    elif act is Act.REMOVE and isinstance(found, Entry):
        _plan_removal(draft, found)
    elif act is Act.COMPARE and isinstance(wanted, Entry) and isinstance(found, Entry):
        _plan_comparison(draft, wanted, found)
    elif isinstance(wanted, Entry):
        _plan_making(draft, wanted, found)


def _plan_removal(draft: _Draft, found: Entry) -> None:
    if found.kind is Kind.DIRECTORY and found.path in draft.protected:
        draft.kept += 1
        return
    draft.removals.append(Remove(found.path, found, Reason.EXTRA))


def _plan_making(draft: _Draft, wanted: Entry, found: Presence) -> None:
    reason = Reason.ABSENT if isinstance(found, Absent) else Reason.KIND
    if isinstance(found, Entry) and found.kind is Kind.DIRECTORY and not _makes_way(draft, found):
        return
    if wanted.kind is Kind.DIRECTORY:
        draft.makes.append(MakeDirectory(wanted.path, found, wanted, reason))
        draft.closings.add(wanted.path)
    else:
        _put(draft, wanted, found, reason)


def _makes_way(draft: _Draft, found: Entry) -> bool:
    """Whether a directory may be cleared for something that is none."""
    has_content = draft.target.block(found.path) is not None
    if found.path in draft.protected:
        trouble = "a directory that holds excluded or unreadable entries stands in the way; move it aside"
    elif has_content and not draft.delete:
        trouble = "a directory with content stands in the way; set delete to let it go, or move it aside"
    else:
        draft.clearing.add(found.path)
        return True
    draft.problems.append((found.path, trouble))
    draft.left.add(found.path)
    return False


def _put(draft: _Draft, wanted: Entry, found: Presence, reason: Reason) -> None:
    if wanted.kind is Kind.LINK:
        draft.puts.append(PutLink(wanted.path, found, wanted, reason))
    else:
        draft.puts.append(PutFile(wanted.path, found, wanted, reason))


def _plan_comparison(draft: _Draft, wanted: Entry, found: Entry) -> None:
    if wanted.kind is Kind.LINK and wanted.target != found.target:
        _put(draft, wanted, found, Reason.TARGET)
        return
    if wanted.kind is Kind.FILE:
        content = judge_content(
            wanted.size == found.size,
            wanted.mtime_ns == found.mtime_ns,
            likeness(wanted.digest, found.digest),
            draft.checksum,
        )
        if content is not Content.SAME:
            _put(draft, wanted, found, _content_reason(wanted, found, content))
            return
    settle = settle_attributes(wanted, found)
    if settle is None:
        draft.same += 1
        return
    draft.settles.append(settle)
    if wanted.kind is Kind.DIRECTORY:
        draft.closings.add(wanted.path)


def _content_reason(wanted: Entry, found: Entry, content: Content) -> Reason:
    if content is Content.LOOK:
        return Reason.LOOK
    return Reason.CONTENT if wanted.size == found.size else Reason.SIZE


def likeness(left: Optional[bytes], right: Optional[bytes]) -> Likeness:
    """What two digests say of each other."""
    if left is None or right is None:
        return Likeness.UNKNOWN
    return Likeness.EQUAL if left == right else Likeness.DIFFERENT


def settle_attributes(wanted: Entry, found: Entry) -> Optional[SetAttributes]:
    """The step that gives ``found`` the attributes of ``wanted``; ``None`` when it has them."""
    same_mode = wanted.mode == found.mode or wanted.kind is Kind.LINK
    same_owner = (wanted.uid, wanted.gid) == (found.uid, found.gid)
    same_extras = wanted.extras == found.extras
    verdict = judge_attributes(same_mode, same_owner, same_extras, wanted.mtime_ns == found.mtime_ns)
    if verdict is Attributes.SAME:
        return None
    reason = Reason.TIME
    if verdict is Attributes.CHANGE:
        reason = Reason.MODE if not same_mode else Reason.ATTRIBUTES if same_owner else Reason.OWNER
    return SetAttributes(wanted.path, found, wanted, reason)


def resolve_looks(plan: MirrorPlan, ours: Mapping[TreePath, bytes], theirs: Mapping[TreePath, bytes]) -> MirrorPlan:
    """The plan after somebody looked: ``ours`` are digests of the target's files, ``theirs`` of the source's.

    A ``LOOK`` step with both digests is decided. One that lacks the source's keeps its reason and carries the target's
    digest in ``expected``, for the source to compare.
    """
    puts: List[Put] = []
    settles: List[SetAttributes] = list(plan.settles)
    same = plan.same
    for step in plan.puts:
        found = step.expected
        if step.reason is not Reason.LOOK or not isinstance(found, Entry):
            puts.append(step)
            continue
        found = found._replace(digest=ours.get(step.path, found.digest))
        wanted = step.wanted._replace(digest=theirs.get(step.path, step.wanted.digest))
        verdict = likeness(wanted.digest, found.digest)
        if verdict is Likeness.EQUAL:
            settle = settle_attributes(wanted, found)
            same += settle is None
            settles.extend(() if settle is None else (settle,))
        else:
            reason = Reason.CONTENT if verdict is Likeness.DIFFERENT else Reason.LOOK
            puts.append(PutFile(step.path, found, wanted, reason))
    return replace(plan, puts=tuple(puts), settles=tuple(settles), same=same)


def hold_back_removals(plan: MirrorPlan) -> MirrorPlan:
    """The plan without its removals; they count as kept. Clearances stay: something stands in their place."""
    return replace(plan, removals=(), kept=plan.kept + len(plan.removals))


def _side(presence: Presence) -> Side:
    if isinstance(presence, Entry):
        return _SIDES[presence.kind]
    return Side.UNKNOWN if isinstance(presence, Unknown) else Side.ABSENT


def _deepest_first(removals: Iterable[Remove]) -> Tuple[Remove, ...]:
    return tuple(sorted(removals, key=lambda step: path_key(step.path), reverse=True))


def closings_of(source: Manifest, directories: Set[TreePath]) -> Tuple[Entry, ...]:
    """The wanted attributes of ``directories``, deepest first; what the source does not have is not closed."""
    found: Dict[TreePath, Entry] = {}
    by_parent: Dict[TreePath, Set[TreePath]] = {}
    for path in directories - {ROOT}:
        by_parent.setdefault(split(path)[0], set()).add(path)
    for parent, paths in by_parent.items():
        block = source.block(parent)
        for path, entry in block.entries() if block else ():
            if path in paths and isinstance(entry, Entry) and entry.kind is Kind.DIRECTORY:
                found[path] = entry
    if ROOT in directories and isinstance(source.root, Entry):
        found[ROOT] = source.root
    return tuple(found[path] for path in sorted(found, key=path_key, reverse=True))

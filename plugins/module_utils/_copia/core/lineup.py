# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two trees and what they last agreed on, lined up directory by directory as they come, so that memory holds what
differs and not the trees.

Rules (``docs/decisions/portions.md``)
1. Trees come as blocks in the order of ``path_key``: a directory's block, then those of all below it.
2. What is equal in all three is let go of at once: whole directories where nothing in them differs, and single files.
3. Where a base is, all that differs is one portion: removals, moves and brakes are about the whole.
4. Without a base nothing is removed or moved. What differs may then be cut into portions, each brought together before
   the next is looked at. What is a directory on one side and something else on the other stays with all that is in it,
   for that decides what becomes of it; so does a directory whose mode keeps its owner out. Behind names that may be one
   name somewhere nothing is cut.
5. The directories above a portion's first one belong to an earlier portion: they are here as what was agreed on.

What this file does not know: disks, wires, and what becomes of what differs.
"""

from __future__ import annotations

from typing import (
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .conflicts import has_conflict_copy
from .entries import ABSENT, Kind
from .manifest import ROW, Block, Manifest, unequal_rows
from .paths import TreePath, join, path_key
from .seen import Seen

Triple = Tuple[Optional[Block], Optional[Block], Optional[Block]]
"""What left, right and the base have in one directory."""

OPEN = 0o700
"""The permissions of a directory that its owner can list, go through and change."""
WHOLE = 1 << 62
"""As many rows as nobody has."""


class Portion(NamedTuple):
    """What is to be looked into at once. The directories in ``above`` are here for their attributes only."""

    left: Manifest
    right: Manifest
    base: Manifest
    above: FrozenSet[TreePath]


def lined_up(*trees: Iterable[Block]) -> Iterator[Tuple[TreePath, Tuple[Optional[Block], ...]]]:
    """The directories of sorted trees in one sorted walk, with their blocks; ``None`` where a tree has none."""
    sources = [iter(tree) for tree in trees]
    heads = [next(source, None) for source in sources]
    while any(heads):
        _key, directory = min((path_key(head.directory), head.directory) for head in heads if head)
        yield directory, tuple(head if head and head.directory == directory else None for head in heads)
        for place, head in enumerate(heads):
            if head and head.directory == directory:
                heads[place] = next(sources[place], None)


def is_quiet(left: Optional[Block], right: Optional[Block], base: Optional[Block]) -> bool:
    """Whether a directory is on both sides as the base has it."""
    if left is None or right is None or base is None:
        return False
    if right.packed.digests not in (b"", base.packed.digests):
        return False
    if not left.packed.extras == right.packed.extras == base.packed.extras:
        return False
    return left.packed[:3] == right.packed[:3] == base.packed[:3] and is_plain(left)


def is_plain(block: Block) -> bool:
    """Whether a block has neither unknown nor special entries."""
    kinds = block.packed.rows[:: ROW.size]
    return 0 not in kinds and Kind.SPECIAL not in kinds


def without_rest(
    left: Optional[Block], right: Optional[Block], base: Optional[Block], *, keeps_directories: bool = False
) -> Triple:
    """What all have in a directory, without the rows that are equal in all three (but for those of directories); with
    all rows where names or kinds differ, and beside conflict copies, whose names must be known.
    """
    blocks = left, right, base
    if left is None or right is None or base is None or not is_plain(left) or has_conflict_copy(left.packed.names):
        return blocks
    bare = base.packed._replace(digests=b"")
    theirs = right.packed._replace(digests=b"") if right.packed.digests == base.packed.digests else right.packed
    changed = unequal_rows(left.packed, bare), unequal_rows(theirs, bare)
    if changed[0] is None or changed[1] is None:
        return blocks
    kinds = bare.rows[:: ROW.size] if keeps_directories else b""
    places = sorted({*changed[0], *changed[1], *(at for at, kind in enumerate(kinds) if kind == Kind.DIRECTORY)})
    return left.only(places), right.only(places), base.only(places)


def as_they_are(blocks: Triple) -> Triple:
    """For trees that are compared as they are."""
    return blocks


class Lineup:
    """Both sides and the base, to be gone through once. ``most`` is how many rows of what differs are one portion;
    ``seen`` is what is known of both sides beside the blocks; ``match`` makes what is no difference here equal.
    """

    def __init__(
        self,
        trees: Sequence[Iterable[Block]],
        seen: Tuple[Seen, Seen],
        *,
        most: int = WHOLE,
        keeps_all: bool = False,
        match: Callable[[Triple], Triple] = as_they_are,
    ) -> None:
        self._trees, self._seen, self._most, self._match = trees, seen, most, match
        self._keeps_all = keeps_all
        self._above: List[Tuple[TreePath, Triple]] = []
        self._kept: Dict[TreePath, Triple] = {}
        self._agreed: Dict[TreePath, Block] = {}
        self._whole: List[TreePath] = []
        self._is_folded = False
        self.entries = [0, 0]
        self.files = 0

    def agree(self, blocks: Mapping[TreePath, Block]) -> None:
        """Hear what was agreed on in the directories of the last portion."""
        self._agreed = {directory: blocks[directory] for directory, _found in self._above if directory in blocks}

    def portions(self) -> Iterator[Portion]:
        """One portion after the other; there is always one. ``entries`` and ``files`` count what was passed."""
        rows, before = 0, frozenset()  # type: Tuple[int, FrozenSet[TreePath]]
        for directory, (left, right, base) in lined_up(*self._trees):
            blocks = self._match((left, right, base))
            self._count(blocks)
            self._climb(directory)
            if self._keeps_all or not is_quiet(*blocks):
                if rows >= self._most and self._may_cut(directory):
                    yield self._portion(before)
                    before, rows = self._begin_anew(), 0
                for each in (*self._above, (directory, blocks)):
                    self._keep(*each)
                rows += sum(len(block.packed.rows) for block in blocks if block) // ROW.size
                if self._most != WHOLE:
                    self._whole.extend(_stay_whole(blocks))
                    self._is_folded = self._is_folded or _may_fold(blocks)
            self._above.append((directory, blocks))
        yield self._portion(before)

    def _keep(self, directory: TreePath, blocks: Triple) -> None:
        """Have what differs in a directory, and which directories are in it, in this portion."""
        if directory not in self._kept:
            self._kept[directory] = blocks if self._keeps_all else without_rest(*blocks, keeps_directories=True)

    def _count(self, blocks: Triple) -> None:
        for place, block in enumerate(blocks[:2]):
            self.entries[place] += len(block.packed.rows) // ROW.size if block else 0
        kinds = blocks[0].packed.rows[:: ROW.size] if blocks[0] else b""
        self.files += len(kinds) - kinds.count(Kind.DIRECTORY)

    def _climb(self, directory: TreePath) -> None:
        """Leave the directories that ``directory`` is not in."""
        while self._above and not _is_in(directory, self._above[-1][0]):
            self._above.pop()

    def _may_cut(self, directory: TreePath) -> bool:
        """Rule 4: nothing that a portion may not be without comes after this."""
        key = path_key(directory)
        unlisted = (path for seen in self._seen for path in seen.unlisted)
        return not (
            self._is_folded
            or any(path_key(path) >= key or _is_in(directory, path) for path in self._whole)
            or any(path == directory or _is_in(directory, path) for path in unlisted)
        )

    def _portion(self, above: FrozenSet[TreePath]) -> Portion:
        sides = [
            seen.manifest(block for block in (blocks[place] for blocks in self._kept.values()) if block)
            for place, seen in enumerate(self._seen)
        ]
        base = Manifest(ABSENT, tuple(blocks[2] for blocks in self._kept.values() if blocks[2]))
        self._kept, self._whole = {}, []
        return Portion(sides[0], sides[1], base, above)

    def _begin_anew(self) -> FrozenSet[TreePath]:
        """Have the directories above as what was agreed on; which they are."""
        above = [(directory, self._agreed.get(directory)) for directory, _found in self._above]
        self._above = [(directory, (block, block, block)) for directory, block in above]
        return frozenset(directory for directory, _block in above)


def _is_in(inner: TreePath, outer: TreePath) -> bool:
    return not outer or inner.startswith(outer + b"/")


def _stay_whole(blocks: Triple) -> Iterator[TreePath]:
    """The paths in a directory of which all that is below them belongs into one portion (rule 4): who is a directory
    and something else, who may be anything, and who lets its owner not in again.
    """
    sides = [block for block in blocks[:2] if block]
    kinds = b"".join(block.packed.rows[:: ROW.size] for block in sides)
    kinds_of: Dict[TreePath, Set[int]] = {}
    for block in sides if Kind.DIRECTORY in kinds or 0 in kinds else ():
        for name, row in zip(block.packed.names.split(b"\0"), ROW.iter_unpack(block.packed.rows)):
            is_closed = row[0] == Kind.DIRECTORY and row[2] & OPEN != OPEN
            kinds_of.setdefault(join(block.directory, name), set()).add(0 if is_closed else row[0])
    for path, found in kinds_of.items():
        if 0 in found or (Kind.DIRECTORY in found and len(found) > 1):
            yield path


def _may_fold(blocks: Triple) -> bool:
    """Whether two names of a directory, of either side, may be one name somewhere."""
    from .folding import EVERY, fold

    names = {name for block in blocks[:2] if block for name in block.packed.names.split(b"\0")}
    return len({fold(name, EVERY) for name in names}) < len(names)

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are one name on a side whose file system folds them (``docs/spec/folding.md``).

Rules
1. Only directories in which the two sides list different names are looked into.
2. What happens to names that are one is decided by ``judge_names`` and by nothing else.
3. What is left alone is marked as not listed, on both sides: so every planner keeps away from it and all below it.

What this file does not know: how a file system was found to fold.
"""

from __future__ import annotations

import enum
from typing import Dict, List, Literal, Optional, Set, Tuple

from ..values import dataclass, replace
from .entries import Entry, Presence
from .manifest import Block, Manifest, Rows, pack_rows
from .paths import TreePath, ancestors, join, path_key, show, split


class Folding(enum.IntFlag):
    """In which ways a side folds names. The numbers travel (``docs/formats/wire.md``)."""

    NONE = 0
    ASCII = 1
    CASE = 2
    LONG = 4
    FORM = 8


EVERY = Folding.ASCII | Folding.CASE | Folding.LONG | Folding.FORM


class Deed(enum.Enum):
    """What is done about names that are one."""

    NOTHING = "nothing"
    LEAVE = "leave"
    SPELL = "spell"


Collision = Tuple[TreePath, ...]
"""Paths in one directory that are one path where they go, sorted."""


@dataclass(frozen=True)
class Unfolded:
    """The folding side's tree, ``spelled`` like the other side's where one name meets one; and what collides."""

    spelled: Manifest
    collisions: Tuple[Collision, ...]
    has_spelled: bool

    @property
    def is_plain(self) -> bool:
        """Whether folding makes no difference."""
        return not (self.collisions or self.has_spelled)


def judge_names(others: int, ours: int) -> Deed:
    """What is done about ``others`` names of the other side and ``ours`` of the folding one that are one name."""
    if ours > 1 or not others:
        return Deed.NOTHING
    if others > 1:
        return Deed.LEAVE
    return Deed.SPELL if ours else Deed.NOTHING


def fold(name: bytes, folding: Folding) -> bytes:
    """What all names have in common that a side which folds so takes for one."""
    if name.isascii():
        return name.lower() if folding & ~Folding.FORM else name
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return name.lower() if folding & ~Folding.FORM else name
    text = _normal("NFD", text) if folding & Folding.FORM else text
    if folding & Folding.LONG:
        text = text.casefold()
    elif folding & Folding.CASE:
        text = "".join(map(_small, text))
    elif folding & Folding.ASCII:
        return text.encode("utf-8").lower()
    return (_normal("NFD", text) if folding & Folding.FORM else text).encode("utf-8")


def _normal(form: "Literal['NFC', 'NFD']", text: str) -> str:
    from unicodedata import normalize

    return normalize(form, text)


def _small(letter: str) -> str:
    small = letter.casefold()
    if len(small) > 1:
        small = letter.lower()
    return small if len(small) == 1 else letter


def spellings(name: bytes) -> Dict[Folding, bytes]:
    """For each way of folding, another spelling of ``name`` that is the same in that way, where there is one."""
    found = {Folding.ASCII: name.swapcase()}
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    swapped = (letter.swapcase() if not letter.isascii() else letter for letter in text)
    found[Folding.CASE] = "".join(new if len(new) == 1 else old for new, old in zip(swapped, text)).encode("utf-8")
    found[Folding.LONG] = text.replace("\u00df", "ss").encode("utf-8")
    decomposed = _normal("NFD", text)
    found[Folding.FORM] = (decomposed if decomposed != text else _normal("NFC", text)).encode("utf-8")
    return {way: other for way, other in found.items() if other not in (b"", name)}


def unfold(other: Manifest, ours: Manifest, folding: Folding) -> Unfolded:
    """``ours``, a side that folds in that way, held against ``other``."""
    renamed: Dict[TreePath, TreePath] = {}
    blocks: Dict[bytes, Block] = {}
    changed = False
    for block in ours.blocks:
        directory = _spelled(block.directory, renamed)
        theirs = other.block(directory)
        spelling = _spelling(theirs, block, folding) if theirs else {}
        if spelling or directory != block.directory:
            changed = changed or bool(spelling)
            for name, new in spelling.items():
                renamed[join(block.directory, name)] = join(directory, new)
            block = _respelled(block, directory, spelling)
        blocks[directory] = block
    collisions = _collisions(other, blocks, folding)
    if not changed:
        return Unfolded(ours, collisions, False)
    ordered = tuple(blocks[directory] for directory in sorted(blocks, key=path_key))
    places = (frozenset(_spelled(path, renamed) for path in paths) for paths in (ours.sheltering, ours.unlisted))
    sheltering, unlisted = places
    links = tuple((_spelled(path, renamed), _spelled(first, renamed)) for path, first in ours.links)
    spelled = replace(ours, blocks=ordered, sheltering=sheltering, unlisted=unlisted, links=links, _index={})
    return Unfolded(spelled, collisions, True)


def _spelled(path: TreePath, renamed: Dict[TreePath, TreePath]) -> TreePath:
    """The path as the other side spells it: below the nearest directory that is spelled otherwise there."""
    for above in (path, *ancestors(path)) if renamed else ():
        if above in renamed:
            return TreePath(renamed[above] + path[len(above) :])
    return path


def _spelling(theirs: Block, ours: Block, folding: Folding) -> Dict[bytes, bytes]:
    """The names of ours that theirs spells otherwise."""
    found: Dict[bytes, bytes] = {}
    for others, mine in _groups(theirs.packed, ours.packed, folding):
        if judge_names(len(others), len(mine)) is Deed.SPELL and others != mine:
            found[mine[0]] = others[0]
    return found


def _respelled(block: Block, directory: TreePath, spelling: Dict[bytes, bytes]) -> Block:
    if not spelling:
        return Block(directory, block.packed)
    rows: List[Tuple[bytes, Presence]] = []
    for path, presence in block.entries():
        name = split(path)[1]
        name = spelling.get(name, name)
        rows.append((name, presence._replace(path=join(directory, name)) if isinstance(presence, Entry) else presence))
    return Block(directory, pack_rows(sorted(rows, key=lambda row: row[0])))


def _collisions(other: Manifest, ours: Dict[bytes, Block], folding: Folding) -> Tuple[Collision, ...]:
    found: List[Collision] = []
    left: Set[TreePath] = set()
    for block in other.blocks:
        if left and not left.isdisjoint((block.directory, *ancestors(block.directory))):
            continue
        mine = ours.get(block.directory)
        for others, same in _groups(block.packed, mine.packed if mine else None, folding):
            if judge_names(len(others), len(same)) is Deed.LEAVE:
                paths = tuple(join(block.directory, name) for name in sorted({*others, *same}))
                found.append(paths)
                left.update(paths)
    return tuple(found)


def _groups(others: Rows, ours: Optional[Rows], folding: Folding) -> List[Tuple[List[bytes], List[bytes]]]:
    """Names of both sides that are one name, though they are not spelled alike."""
    if ours is not None and others.names == ours.names:
        return []
    theirs = others.names.split(b"\0") if others.rows else []
    mine = ours.names.split(b"\0") if ours is not None and ours.rows else []
    names = {*theirs, *mine}
    if len(_folded(names, folding)) == len(names):
        return []
    groups: Dict[bytes, Tuple[List[bytes], List[bytes]]] = {}
    for place, side in enumerate((theirs, mine)):
        for name in side:
            groups.setdefault(fold(name, folding), ([], []))[place].append(name)
    return [group for group in groups.values() if len({*group[0], *group[1]}) > 1]


def _folded(names: Set[bytes], folding: Folding) -> Set[bytes]:
    """The names, folded: all at once where each is UTF-8, since no way of folding reaches across NUL."""
    joined = b"\0".join(names)
    try:
        joined.decode("utf-8")
    except UnicodeDecodeError:
        return {fold(name, folding) for name in names}
    return set(fold(joined, folding).split(b"\0"))


def left_alone(manifest: Manifest, collisions: Tuple[Collision, ...]) -> Manifest:
    """The manifest in which what collides is kept away from."""
    if not collisions:
        return manifest
    paths = frozenset(path for collision in collisions for path in collision)
    return replace(manifest, unlisted=manifest.unlisted | paths, _index={})


def in_words(collision: Collision, side: str) -> Tuple[TreePath, str]:
    """A collision as a problem of its first path; ``side`` is the one that folds."""
    first, *others = collision
    names = ", ".join(show(split(path)[1]) for path in others)
    return first, f"and {names} are one name on {side}, which folds them; they were left alone, rename all but one"

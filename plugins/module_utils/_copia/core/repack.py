# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings changed as they are packed: what stays is taken over as it is, so that a change costs what changes."""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from .entries import ABSENT, Absent, Entry, Kind, Presence
from .lineup import lined_up
from .manifest import DIGEST_SIZE, ROW, Block, Rows, beside_listed, pack_rows, unpack_rows
from .paths import TreePath, path_key, split

NO_ROWS = Rows(b"", b"", b"", b"")
_AT_ONCE = 1 << 14
"""Rows that are unpacked at a time, so that memory does not grow with the news."""


def with_news(blocks: Iterable[Block], news: Iterable[Block]) -> Iterator[Block]:
    """A tree after ``news``: their rows say what is at a path now, perhaps nothing."""
    after = (_after(old, new) if new else old for _directory, (old, new) in lined_up(blocks, news))
    return reachable(block for block in after if block)


def _after(old: Optional[Block], new: Block) -> Block:
    if old is None and 0 not in new.packed.rows[:: ROW.size]:
        return new
    changes = {split(path)[1]: what for path, what in new.entries()}
    return Block(new.directory, with_changes(old.packed if old else NO_ROWS, changes))


def as_news(rows: Iterable[Tuple[TreePath, Presence]]) -> List[Block]:
    """What was said of some paths, in any order, as sorted blocks; what was said last counts."""
    found: Dict[TreePath, Rows] = {}
    waiting: Dict[TreePath, Dict[bytes, Presence]] = {}
    for number, (path, what) in enumerate(rows, 1):
        directory, name = split(path)
        waiting.setdefault(directory, {})[name] = what
        if number % _AT_ONCE == 0:
            _take_in(found, waiting)
    _take_in(found, waiting)
    return [Block(directory, found[directory]) for directory in sorted(found, key=path_key)]


def news_between(before: Optional[Block], after: Optional[Block]) -> Optional[Block]:
    """What makes one state of a directory of the other; ``None`` where they are the same."""
    if before is None or before == after:
        return after if before is None else None
    was, now = dict(before.entries()), dict(after.entries()) if after else {}
    changed = sorted(path for path in {*was, *now} if was.get(path) != now.get(path))
    rows = [(split(path)[1], now.get(path, ABSENT)) for path in changed]
    return Block(before.directory, pack_rows(rows)) if rows else None


def _take_in(found: Dict[TreePath, Rows], waiting: Dict[TreePath, Dict[bytes, Presence]]) -> None:
    for directory, names in waiting.items():
        said: Dict[bytes, Presence] = dict(unpack_rows(found.get(directory, NO_ROWS)))
        said.update(names)
        found[directory] = pack_rows(sorted(said.items()))
    waiting.clear()


def reachable(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks of directories that are there, of sorted ones; an empty one is none."""
    filled = (block for block in blocks if block.packed.rows)
    return (block for block, is_listed in beside_listed(filled) if is_listed)


def with_changes(packed: Rows, changes: Mapping[bytes, Presence]) -> Rows:
    """The rows of a directory in which each of the names in ``changes`` is what that says; absent takes it out.

    Digests are kept only when every file has one, as ``pack_rows`` does. Listings with extended attributes are few, and
    are packed anew.
    """
    if packed.extras or any(isinstance(what, Entry) and what.extras for what in changes.values()):
        return _packed_anew(packed, changes)
    names = packed.names.split(b"\0") if packed.rows else []
    parts: List[Rows] = []
    at = files = links = 0
    for name in (*sorted(changes), None):
        place = len(names) if name is None else bisect_left(names, name, at)
        kinds = packed.rows[at * ROW.size : place * ROW.size : ROW.size]
        more_files, more_links = files + kinds.count(Kind.FILE), links + kinds.count(Kind.LINK)
        parts.append(_slice(packed, names, (at, place), (files, more_files), (links, more_links)))
        at, files, links = place, more_files, more_links
        if name is None:
            break
        if not isinstance(changes[name], Absent):
            parts.append(pack_rows([(name, changes[name])]))
        if place < len(names) and names[place] == name:
            kind = packed.rows[place * ROW.size]
            at, files, links = place + 1, files + (kind == Kind.FILE), links + (kind == Kind.LINK)
    return _joined([part for part in parts if part.rows])


def _packed_anew(packed: Rows, changes: Mapping[bytes, Presence]) -> Rows:
    entries: Dict[bytes, Presence] = {**dict(unpack_rows(packed)), **changes}
    return pack_rows(sorted((name, what) for name, what in entries.items() if not isinstance(what, Absent)))


def _slice(
    packed: Rows, names: Sequence[bytes], rows: Tuple[int, int], files: Tuple[int, int], links: Tuple[int, int]
) -> Rows:
    (start, end), (link, last) = rows, links
    targets = packed.targets.split(b"\0")[link:last] if link < last else []
    return Rows(
        b"\0".join(names[start:end]),
        packed.rows[start * ROW.size : end * ROW.size],
        b"\0".join(targets),
        packed.digests[files[0] * DIGEST_SIZE : files[1] * DIGEST_SIZE],
    )


def _joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, which are not empty."""
    kinds = [part.rows[:: ROW.size] for part in parts]
    digests = b"".join(part.digests for part in parts)
    is_known = len(digests) == sum(found.count(Kind.FILE) for found in kinds) * DIGEST_SIZE
    return Rows(
        b"\0".join(part.names for part in parts),
        b"".join(part.rows for part in parts),
        b"\0".join(part.targets for part, found in zip(parts, kinds) if Kind.LINK in found),
        digests if is_known else b"",
    )

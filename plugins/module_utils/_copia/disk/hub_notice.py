# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tree of a hub has and its index does not say: changes made by hand, and what a killed session had put.

Rules
1. The tree is listed folder by folder without the lock; only folders whose listing is not the one that the index was
   last found equal to are compared, and only what differs is read.
2. Under the lock each difference is looked at again. What is still as it was read becomes a row of a new revision; the
   rest is left to the next look, and so is what a session put since the listing: its row knows better than what was
   read before, and may have the size and the time of that.
3. Unknown, and what a hub does not carry (sockets, pipes, devices), leave the row as it is.
4. The index is asked about each folder when that is listed. Only when something differs, or it holds more folders than
   were listed, those that are gone are searched for. So nothing that is remembered grows with the tree.
5. Of a directory only that it is there and its permissions count; its time is what a client last gave it.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Dict, Iterator, List, Set, Tuple

from ..core.entries import ABSENT, Entry, Kind, Presence, Problem, Unknown
from ..core.hub_words import Held
from ..core.manifest import ROW, Block, unequal_rows
from ..core.paths import TreePath, is_reserved, join, split
from ..values import dataclass, field
from . import operations as op
from .digests import COARSE_GRAIN_NS, GRAIN_NS, digests_of
from .folders import DIRECTORY, Folders
from .hub_folder import HubFolder
from .hub_index import Index
from .hub_rows import Known
from .read import cannot_be_read
from .scan import Scan, look
from .sums import fresh_digest

_SUM = 16
_AT_ONCE = 10_000
_FEW = 4
"""A part of a folder's rows, one in so many, is compared entry by entry without all the others."""
MODE_MASK = 0o777
"""The bits of a mode that a hub keeps: neither setuid nor setgid nor sticky."""


@dataclass
class Differences:
    """``suspects`` are the entries or absences that the index does not have like that, ``sums`` those of the folders
    that were listed, ``unsure`` what was read for the sake of rule 3 of the index.
    """

    revision: int
    suspects: Dict[TreePath, Presence] = field(default_factory=dict)
    sums: Dict[bytes, bytes] = field(default_factory=dict)
    unsure: Set[TreePath] = field(default_factory=set)
    problems: List[Problem] = field(default_factory=list)


def is_sure(mtime_ns: int, now_ns: int) -> bool:
    """Whether a change of a file with that time, made from now on, would have another time."""
    grain = GRAIN_NS if mtime_ns % 1_000_000_000 else COARSE_GRAIN_NS
    return mtime_ns + grain < now_ns


def notice(hub: HubFolder, *, everything: bool = False) -> Tuple[int, List[Problem]]:
    """Bring the index up to what the tree has: ``(rows written, problems)``. ``everything`` reads every file (scrub).

    :raises Busy: when the lock can't be had.
    """
    written, problems = 0, []
    for found in differences(hub.root, hub.index, everything=everything):
        problems.extend(found.problems)
        if found.suspects or found.sums or found.unsure:
            files = [what for what in found.suspects.values() if isinstance(what, Entry)]
            started = time.time_ns()
            digests = digests_of(hub.root, files)
            with hub.locked():
                written += hub.run(_write(hub, found, digests, started))
    return written, problems


def differences(root: int, index: Index, *, everything: bool = False) -> Iterator[Differences]:
    """What the tree at ``root`` and the index do not agree on, in parts: memory does not grow with the tree."""
    found = Differences(index.revision)
    scan = Scan(mode_mask=MODE_MASK)
    listed, is_equal = 0, True
    for block in scan.blocks(root):
        told = index.told_of(block.directory)
        listed += told.holds
        seen = fresh_digest(b"\0\0".join(block.packed[:3])).digest(_SUM)
        if told.seen != seen or told.doubts or everything:
            _compare(index, block, found, index.unsure(block.directory) if told.doubts else set(), everything)
            found.sums.update({} if told.seen == seen else {block.directory: seen})
        is_equal = is_equal and not found.suspects
        if len(found.suspects) > _AT_ONCE or len(found.sums) > _AT_ONCE:
            yield found
            found = Differences(index.revision)
    if not is_equal or listed != index.count_held():
        blocked = [*scan.unlisted, *(problem.path for problem in scan.problems)]
        for directory in _gone(root, index, blocked):
            found.suspects.update((join(directory, name), ABSENT) for name in index.folder(directory)[1])
            if len(found.suspects) > _AT_ONCE:
                yield found
                found = Differences(index.revision)
    found.problems.extend(scan.problems)
    yield found


def _gone(root: int, index: Index, blocked: List[TreePath]) -> Iterator[TreePath]:
    """The directories that hold something as the index has it, and nothing on disk."""
    folders = Folders(root)
    for directory in index.held():
        if any(directory == path or directory.startswith(path + b"/") or not path for path in blocked):
            continue
        if not _holds(folders, directory):
            yield directory
    folders.forget()


def _holds(folders: Folders, directory: TreePath) -> bool:
    """Whether something is in a directory; where nobody can look, that can't be ruled out."""
    try:
        afresh = os.open(b".", DIRECTORY, dir_fd=folders.at(directory))
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    try:
        return any(directory or not is_reserved(name) for name in map(os.fsencode, os.listdir(afresh)))
    finally:
        os.close(afresh)


def _compare(index: Index, block: Block, found: Differences, unsure: Set[bytes], everything: bool) -> None:
    places = None if unsure or everything else unequal_rows(block.packed, index.packed(block.directory))
    if places is None or len(places) > len(block.packed.rows) // ROW.size // _FEW:
        _compare_all(index, block, found, unsure, everything)
        return
    different = dict(block.only(places).entries()) if places else {}
    known = index.known_all(different)
    found.suspects.update((path, what) for path, what in different.items() if not agrees(what, known[path].held))


def _compare_all(index: Index, block: Block, found: Differences, unsure: Set[bytes], everything: bool) -> None:
    rows = index.folder(block.directory)[1]
    for path, what in block.entries():
        name = split(path)[1]
        known = rows.pop(name, None)
        if not isinstance(what, Entry) or what.kind is Kind.SPECIAL:
            continue
        doubted = what.kind is Kind.FILE and (name in unsure or everything)
        if doubted or known is None or not agrees(what, known.held):
            found.suspects[path] = what
            if doubted:
                found.unsure.add(path)
    found.suspects.update((join(block.directory, name), ABSENT) for name in rows)


def agrees(what: Presence, held: Held) -> bool:
    """Whether a look at a path finds what the index has there, as far as a look can tell."""
    if not isinstance(what, Entry) or not isinstance(held, Entry):
        return what == held
    if what.kind is not held.kind:
        return False
    if what.kind is Kind.DIRECTORY:
        return what.mode == held.mode
    if what.kind is Kind.LINK:
        return what.target == held.target
    return (what.size, what.mtime_ns, what.mode) == (held.size, held.mtime_ns, held.mode)


def _write(hub: HubFolder, found: Differences, digests: Dict[TreePath, bytes], started: int) -> op.Acts:
    """Rule 2. Sums are noted only when no session wrote rows since the tree was listed."""
    index, folders = hub.index, Folders(hub.root)
    index.check_current()
    index.begin()
    try:
        rows = list(_rows(index, folders, found, digests, started))
        revision = index.revision + 1
        alone = index.revision == found.revision
        if rows:
            index.write(rows, revision, time.time_ns())
        said = index.known_all(found.unsure)
        read = (path for path in found.unsure if path in digests and said[path].revision <= found.revision)
        index.note_sure(path for path in read if _is_old(found.suspects[path], started))
        if alone:
            known = index.known_all(found.suspects)
            left = {split(path)[0] for path, was in found.suspects.items() if not agrees(was, known[path].held)}
            index.note_sums(pair for pair in found.sums.items() if pair[0] not in left)
        yield op.Record(index.connection)
        return len(rows)
    finally:
        index.forget()
        folders.forget()


def _is_old(what: Presence, started: int) -> bool:
    return isinstance(what, Entry) and is_sure(what.mtime_ns, started)


def _rows(
    index: Index, folders: Folders, found: Differences, digests: Dict[TreePath, bytes], started: int
) -> Iterator[Tuple[TreePath, Held, bool]]:
    said = index.known_all(found.suspects)
    for path, was in sorted(found.suspects.items()):
        known = said[path]
        now = look_at(folders, path)
        if known.revision > found.revision or not agrees(now, was if isinstance(was, Entry) else ABSENT):
            continue
        held = _held(now, known, digests)
        if held is not None and held != known.held:
            yield path, held, not isinstance(held, Entry) or held.kind is not Kind.FILE or _is_old(held, started)


def _held(now: Presence, known: Known, digests: Dict[TreePath, bytes]) -> "Held | None":
    """What the row is to say; ``None`` where that can't be said."""
    if not isinstance(now, Entry):
        return ABSENT if now == ABSENT else None
    if now.kind is Kind.FILE:
        digest = digests.get(now.path)
        return None if digest is None else now._replace(digest=digest)
    if now.kind is Kind.DIRECTORY and isinstance(known.held, Entry) and known.held.kind is Kind.DIRECTORY:
        return now._replace(mtime_ns=known.held.mtime_ns)
    return now


def look_at(folders: Folders, path: TreePath) -> Presence:
    """What stands at ``path`` below a root, with the bits of its mode that a hub keeps."""
    directory, name = split(path)
    try:
        found = look(folders.at(directory), name, path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except OSError as error:
        return ABSENT if error.errno == errno.ELOOP else Unknown(cannot_be_read(error.errno))
    return found._replace(mode=found.mode & MODE_MASK) if isinstance(found, Entry) else found

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings changed as they are packed: what stays is taken over as it is, so that a change costs what changes."""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, List, Mapping, Sequence, Tuple

from .entries import Absent, Entry, Kind, Presence
from .manifest import DIGEST_SIZE, ROW, Rows, pack_rows, unpack_rows

NO_ROWS = Rows(b"", b"", b"", b"")


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

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a two-way sync records: what both sides agree on when it is done.

Rules
1. A path is recorded as it was applied. What failed, or was left alone, stays as the base has it.
2. A file is recorded with its digest, or not at all.
3. Rows that stay are taken over as they are: an archive costs what changed.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, List, Optional, Set

from .bisync_plan import Digests, Reconciliation
from .entries import ABSENT, Entry, Kind, Presence
from .manifest import DIGEST_SIZE, ROW, Block, Manifest, pack_rows, row_of_file
from .paths import TreePath, path_key, split
from .reconcile import Comparison
from .repack import reachable

Changes = Dict[TreePath, Presence]


def next_base(found: Comparison, plan: Reconciliation, failed: Set[TreePath], digests: Digests) -> Manifest:
    """What both sides agree on now: what was applied; where that ``failed`` or was left alone, what the base had."""
    changes: Dict[TreePath, List[TreePath]] = {}
    for path in plan.agreed:
        if path not in failed:
            changes.setdefault(split(path)[0], []).append(path)
    blocks = {block.directory: block for block in found.base.blocks}
    for directory, paths in changes.items():
        agreed = {path: _recorded(plan.agreed[path], digests) for path in paths}
        block = _renewed(directory, blocks.get(directory), {p: what for p, what in agreed.items() if what is not None})
        if block is None:
            blocks.pop(directory, None)
        else:
            blocks[directory] = block
    return Manifest(ABSENT, tuple(reachable(blocks[directory] for directory in sorted(blocks, key=path_key))))


def _recorded(agreed: Presence, digests: Digests) -> Optional[Presence]:
    """What is agreed on; of a file with its digest, and ``None`` where nobody knows that."""
    if not isinstance(agreed, Entry) or agreed.kind is not Kind.FILE or agreed.digest is not None:
        return agreed
    digest = digests.get(agreed.path)
    return None if digest is None else agreed._replace(digest=digest)


def _renewed(directory: TreePath, block: Optional[Block], changes: Changes) -> Optional[Block]:
    """The block of a directory after some changes; ``None`` when nothing is left in it."""
    patched = None if block is None else _patched(block, changes)
    if patched is not None:
        return patched
    entries = {path: was for path, was in block.entries() if isinstance(was, Entry)} if block else {}
    for path, what in changes.items():
        if isinstance(what, Entry):
            entries[path] = what
        else:
            entries.pop(path, None)
    rows = [(split(path)[1], entries[path]) for path in sorted(entries)]
    return Block(directory, pack_rows(rows)) if rows else None


def _patched(block: Block, changes: Changes) -> Optional[Block]:
    """The block with other rows and digests for some of its files; ``None`` where a change is of another kind."""
    packed = block.packed
    names, kinds = packed.names.split(b"\0"), packed.rows[:: ROW.size]
    rows, digests = bytearray(packed.rows), bytearray(packed.digests)
    for path, entry in changes.items():
        if not isinstance(entry, Entry) or entry.kind is not Kind.FILE or entry.digest is None or entry.extras:
            return None
        name = split(path)[1]
        at = bisect_left(names, name)
        if at == len(names) or names[at] != name or kinds[at] != Kind.FILE or packed.extras:
            return None
        row, digest = at * ROW.size, kinds.count(Kind.FILE, 0, at) * DIGEST_SIZE
        rows[row : row + ROW.size] = row_of_file(entry)
        digests[digest : digest + DIGEST_SIZE] = entry.digest
    return Block(block.directory, packed._replace(rows=bytes(rows), digests=bytes(digests)))

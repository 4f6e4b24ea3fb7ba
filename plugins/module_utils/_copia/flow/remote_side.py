# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A side of a two-way sync on another host: every ask goes to the job ``side`` of ``copia serve`` there.

Who the root is, is said by the host and by the name under which the host was reached: hosts that were cloned have roots
that nothing else tells apart, and what was agreed on with one of them is no evidence at another.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional

from ..core.accounts import in_manifest
from ..core.backup import place_of_side
from ..core.bisync_plan import Reconciliation
from ..core.entries import Entry
from ..core.errors import InputError, RemoteProtocolError
from ..core.folding import EVERY, Folding
from ..core.pair_report import PairReport
from ..core.parcel import Item, Wants
from ..core.paths import TreePath, show
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.report import Report
from ..core.seen import Seen
from ..core.selection import Rules
from ..core.signature import Signature
from ..core.steps import MirrorPlan
from ..core.verdicts import Where
from ..disk.accounts import accounts_in_plan, ids_here
from ..disk.state import IDENTITY
from ..disk.sums import digest_of_pieces
from ..link.ssh import Place, SshOptions, split_remote
from ..wire.fields import field, number
from ..wire.messages import decode_listing
from ..wire.reports import decode_report
from ..wire.side_messages import (
    decode_digests,
    decode_signatures,
    encode_asked,
    encode_entries,
    encode_orders,
)
from .bisync import bisync
from .calling import conversation
from .pair import PairSpec
from .pump import packing, unpacking
from .side_job import LIMITS
from .sides import Folds, Places, Scanned
from .talk import Message, Part, Talk, in_parts, pieces_in_parts

_KINDS: Mapping[str, Optional[str]] = {"": None, "tree": "tree", "file": "file", "other": "other"}


def side_terms(path: bytes, spec: PairSpec) -> Dict[str, Any]:
    """The terms of the job ``side``."""
    how = {"durable": spec.durable, "patience": int(spec.patience), "check": spec.check}
    backup = {"backup": place_of_side(spec.backup, Where.RIGHT.word)} if spec.backup else {}
    return {"path": path, **how, "preserve": spec.preserve.words, **backup}


def remote_bisync(
    spec: PairSpec, right: Place, options: SshOptions, announce: Optional[Callable[[Reconciliation], None]] = None
) -> PairReport:
    """Bring ``spec.left`` here and ``right`` together; the archive is kept here.

    :raises CopiaError: when the run cannot go on.
    """
    with conversation(right.host, options, "side", side_terms(right.path, spec), LIMITS) as talk:
        return bisync(spec, right=RemoteSide(talk, right, spec.preserve), announce=announce)


def bisync_anywhere(spec: PairSpec, ssh: Mapping[str, Any]) -> PairReport:
    """Bring ``spec.left`` and ``spec.right`` together; the latter may be ``host:path``. ``ssh`` has ``ssh_key``,
    ``known_hosts``, ``ssh_args`` and ``timeout`` as a task gives them.

    :raises CopiaError: when the run cannot go on.
    """
    there = split_remote(spec.right)
    if there is None:
        return bisync(spec)
    if not 1 <= ssh["timeout"] <= 3600:
        raise InputError(f"timeout is {ssh['timeout']}: expected seconds from 1 to 3600")
    options = SshOptions(ssh["ssh_key"], ssh["known_hosts"], tuple(ssh["ssh_args"]), ssh["timeout"])
    return remote_bisync(spec, there, options)


class RemoteSide(Folds):
    """The tree at ``place``, over a talk in which ``side`` was opened. Owners have the ids of this host."""

    is_far = True

    def __init__(self, talk: Talk, place: Place, preserve: Preserve = NOTHING_MORE) -> None:
        """Hear that the job was accepted.

        :raises CopiaError: when it was refused.
        """
        self._talk, self._keeps = talk, preserve
        self._name = f"{place.host}:{show(place.path)}"
        self._place = place.host.encode() + b":" + field(talk.accepted(), "place", bytes)
        self._lock_key = b""

    @property
    def name(self) -> str:
        """Host and path that the user gave."""
        return self._name

    @property
    def place(self) -> bytes:
        """Host and real path."""
        return self._place

    @property
    def lock_key(self) -> bytes:
        """Device and inode, on the host."""
        return self._lock_key

    def kind(self) -> Optional[str]:
        """What stands at the path."""
        kind = field(self._ask("kind").fields, "kind", str)
        if kind not in _KINDS:
            raise RemoteProtocolError(f"{self.name} is of the unknown kind {kind!r}")
        return _KINDS[kind]

    def make(self) -> None:
        """Make the root, with its missing parents."""
        self._ask("make")

    def open(self) -> None:
        """Open the root."""
        self._lock_key = field(self._ask("open").fields, "lock_key", bytes)

    def lock(self) -> None:
        """Hold the root until the conversation is over."""
        self._ask("lock")

    def identity(self) -> Optional[bytes]:
        """Who the root is, and on which host."""
        found = field(self._ask("identity").fields, "identity", bytes)
        return digest_of_pieces([self._place, b"\0", found])[: IDENTITY.size] if found else None

    def sweep(self) -> bool:
        """Remove what a killed run left; whether edits are left that only their user can take out."""
        return field(self._ask("sweep").fields, "has_edits", bool)

    def scan(self, rules: Rules) -> Scanned:
        """The tree, without what the rules leave out."""
        fields = {"exclude": list(rules.exclude), "include": list(rules.include)}
        listing = decode_listing(self._gather("scan", fields))
        manifest = in_manifest(listing.manifest, ids_here(listing.accounts))
        hidden = list(manifest.sheltering), list(manifest.unlisted)
        return Scanned(manifest.blocks, Seen(list(listing.problems), *hidden, list(manifest.links)), manifest.root)

    def folding(self, *, may_write: bool) -> Folding:
        """Which names the file system there takes for one; whether it may write is in the terms already."""
        return Folding(number(self._ask("folding").fields, "folding", int(EVERY)))

    def digests_of(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """The BLAKE3 of files and of the texts of links."""
        if not entries:
            return {}
        return decode_digests(entries, self._gather("digests", {}, in_parts(encode_entries(entries))))

    def signatures_of(self, entries: List[Entry]) -> Dict[TreePath, Signature]:
        """Signatures of those files that are worth one."""
        if not entries:
            return {}
        return decode_signatures(self._gather("signatures", {}, in_parts(encode_entries(entries))))

    def read(self, wants: Wants, at: Places) -> Iterator[Item]:
        """The parcel that answers ``wants``, in their order."""
        if not wants:
            return iter(())
        return unpacking(self._ask("read", {}, in_parts(encode_asked(wants, at))).raw())

    def copy_aside(self, plan: MirrorPlan, at: Places) -> Report:
        """Carry out a plan whose content is on the host."""
        return decode_report(self._gather("copy_aside", {}, in_parts(self._orders(plan, at))))

    def apply(self, plan: MirrorPlan, items: Iterator[Item]) -> Report:
        """Carry out a plan with the contents in ``items``; what was done."""
        orders = self._orders(plan, {})
        pack = pieces_in_parts(packing(items, self._talk.codec))
        return decode_report(self._gather("apply", {"orders": len(orders)}, chain(in_parts(orders), pack)))

    def close(self) -> None:
        """The end of the conversation, which follows, lets go of the lock."""

    def _orders(self, plan: MirrorPlan, at: Places) -> bytes:
        return encode_orders(plan, at, accounts_in_plan(plan, self._keeps))

    def _ask(self, name: str, fields: Optional[Mapping[str, Any]] = None, parts: Iterable[Part] = ()) -> Message:
        self._talk.ask(name, fields, parts)
        return self._talk.answer()

    def _gather(self, name: str, fields: Mapping[str, Any], parts: Iterable[Part] = ()) -> bytes:
        return self._talk.gather(self._ask(name, fields, parts))

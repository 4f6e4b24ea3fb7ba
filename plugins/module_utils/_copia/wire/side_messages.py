# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a two-way sync asks of a tree on another host, to bytes and back (``docs/formats/wire.md``, job ``side``).

Entries keep everything that was decided on, digests too. What comes from outside passes the gate and the checks of
``core``, and is believed from then on.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple, Type

from ..core.accounts import NOBODY, Accounts
from ..core.entries import Entry, Kind, Presence
from ..core.errors import RemoteProtocolError
from ..core.manifest import DIGEST_SIZE, Rows, pack_rows, parse_rows
from ..core.parcel import Want, Wants
from ..core.paths import ROOT, TreePath, parse_path
from ..core.signature import Signature, pack_signature, unpack_signature
from ..core.steps import LinkFile, MakeDirectory, MirrorPlan, Move, PutFile, PutLink, Reason, Remove, SetAttributes
from . import envelope
from .fields import accounts_of, is_a, list_of, number, pack_accounts

Places = Mapping[TreePath, TreePath]
_REASONS = {int(reason): reason for reason in Reason}
_STEPS: Tuple[Tuple[str, Type[Any]], ...] = (
    ("makes", MakeDirectory),
    ("moves", Move),
    ("puts", PutFile),
    ("settles", SetAttributes),
)
_COUNTS = ("scanned", "offered", "files", "entries", "kept", "skipped", "same", "bytes_total")


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Entries as one message."""
    return envelope.seal(envelope.Kind.ENTRIES, {"entries": _pack([(entry.path, entry) for entry in entries])})


def decode_entries(data: bytes) -> List[Entry]:
    """The entries in ``data``.

    :raises RemoteProtocolError: when they are damaged.
    """
    return _entries(envelope.unseal(envelope.Kind.ENTRIES, data), "entries")


def encode_digests(entries: Sequence[Entry], digests: Mapping[TreePath, bytes]) -> bytes:
    """The digest of each entry in turn; zeros where there is none."""
    return b"".join(digests.get(entry.path, bytes(DIGEST_SIZE)) for entry in entries)


def decode_digests(entries: Sequence[Entry], data: bytes) -> Dict[TreePath, bytes]:
    """The digests in ``data``, which are about ``entries``.

    :raises RemoteProtocolError: when they are about others.
    """
    if len(data) != DIGEST_SIZE * len(entries):
        raise RemoteProtocolError("digests are not about the entries that were asked about")
    found = (data[at : at + DIGEST_SIZE] for at in range(0, len(data), DIGEST_SIZE))
    return {entry.path: digest for entry, digest in zip(entries, found) if any(digest)}


def encode_signatures(signatures: Mapping[TreePath, Signature]) -> bytes:
    """Signatures by path."""
    packed = [[path, pack_signature(signatures[path])] for path in sorted(signatures)]
    return envelope.seal(envelope.Kind.SIGNATURES, {"signatures": packed})


def decode_signatures(data: bytes) -> Dict[TreePath, Signature]:
    """The signatures in ``data``.

    :raises RemoteProtocolError: when they are damaged.
    """
    body = envelope.unseal(envelope.Kind.SIGNATURES, data)
    return {parse_path(path): unpack_signature(packed) for path, packed in _pairs_of_bytes(body, "signatures")}


def encode_asked(wants: Wants, at: Places) -> bytes:
    """Wants that stand for themselves, and where their content is where it is not called the same."""
    body = {
        "entries": _pack([(want.entry.path, want.entry) for want in wants]),
        "digests": [want.digest for want in wants],
        "signatures": [pack_signature(want.signature) if want.signature else b"" for want in wants],
        "at": _pack_places(at),
    }
    return envelope.seal(envelope.Kind.ASKED, body)


def decode_asked(data: bytes) -> Tuple[Wants, Dict[TreePath, TreePath]]:
    """Wants and places.

    :raises RemoteProtocolError: when they are damaged.
    """
    body = envelope.unseal(envelope.Kind.ASKED, data)
    entries = _entries(body, "entries")
    digests = list_of(body, "digests", bytes, len(entries))
    signatures = list_of(body, "signatures", bytes, len(entries))
    if any(entry.kind is not Kind.FILE or not entry.path for entry in entries) or any(map(_is_odd, digests)):
        raise RemoteProtocolError("the wants name something that is not a file, or a digest of another length")
    wants = tuple(
        Want(entry, digest, unpack_signature(signature) if signature else None)
        for entry, digest, signature in zip(entries, digests, signatures)
    )
    return wants, _places(body)


def encode_orders(plan: MirrorPlan, at: Places, accounts: Accounts = NOBODY) -> bytes:
    """A plan that is to be carried out as it is, where the content for it is, and the names of the owners in it."""
    body: Dict[str, Any] = {name: _pack_steps(getattr(plan, name)) for name, _type in _STEPS}
    for name in ("clearances", "removals"):
        removals: Sequence[Remove] = getattr(plan, name)
        body[name] = _pack([(step.path, step.expected) for step in removals])
    body["links"], body["firsts"] = _pack_steps(plan.links), [step.first for step in plan.links]
    body["closings"] = _pack([(entry.path, entry) for entry in plan.closings])
    body["counts"] = [getattr(plan, name) for name in _COUNTS]
    body["at"] = _pack_places(at)
    body.update(pack_accounts(accounts))
    return envelope.seal(envelope.Kind.ORDERS, body)


def decode_orders(data: bytes) -> Tuple[MirrorPlan, Dict[TreePath, TreePath], Accounts]:
    """The plan, the places and the names of the owners in ``data``.

    :raises RemoteProtocolError: when they are damaged.
    """
    body = envelope.unseal(envelope.Kind.ORDERS, data)
    groups: Dict[str, Any] = {name: tuple(_steps(body, name, kind)) for name, kind in _STEPS}
    for name in ("clearances", "removals"):
        groups[name] = tuple(
            Remove(entry.path, entry, Reason.EXTRA, clears=name == "clearances") for entry in _entries(body, name)
        )
    links = list(_steps(body, "links", PutFile))
    firsts = list_of(body, "firsts", bytes, len(links))
    groups["links"] = tuple(_link(step, parse_path(first)) for step, first in zip(links, firsts))
    numbers = dict(zip(_COUNTS, list_of(body, "counts", int, len(_COUNTS))))
    counts: Dict[str, Any] = {name: number(numbers, name) for name in _COUNTS}
    plan = MirrorPlan(**groups, closings=tuple(_entries(body, "closings")), **counts)
    return plan, _places(body), accounts_of(body)


def _pack(presences: Sequence[Tuple[bytes, Presence]]) -> List[Any]:
    """Rows without digests, the digests beside them (some entries have one and some have none), and attributes."""
    bare = [(path, what._replace(digest=None) if isinstance(what, Entry) else what) for path, what in presences]
    digests = [(what.digest if isinstance(what, Entry) else None) or b"" for _path, what in presences]
    rows = pack_rows(bare)
    return [*rows[:3], digests, rows.extras]


def _unpack(packed: Any) -> List[Tuple[TreePath, Presence]]:
    if not isinstance(packed, list) or len(packed) != 5 or not all(is_a(packed[at], bytes) for at in (0, 1, 2, 4)):
        raise RemoteProtocolError("entries are in another form")
    rows = parse_rows(Rows(packed[0], packed[1], packed[2], b"", packed[4]))
    digests = list_of({"digests": packed[3]}, "digests", bytes, len(rows))
    if any(map(_is_odd, digests)):
        raise RemoteProtocolError("a digest is of another length")
    return [
        (path, what._replace(digest=digest) if digest and isinstance(what, Entry) else what)
        for (path, what), digest in zip(rows, digests)
    ]


def _entries(body: Mapping[str, Any], key: str) -> List[Entry]:
    rows = _unpack(body.get(key))
    found = [what for _path, what in rows if isinstance(what, Entry)]
    if len(found) != len(rows):
        raise RemoteProtocolError(f"{key} name something without an entry")
    return found


def _pack_steps(steps: Sequence[Any]) -> List[Any]:
    return [
        _pack([(step.expected.path if isinstance(step, Move) else step.path, step.expected) for step in steps]),
        _pack([(step.path, step.wanted) for step in steps]),
        bytes(step.reason for step in steps),
    ]


def _steps(body: Mapping[str, Any], name: str, kind: Type[Any]) -> Iterable[Any]:
    groups = body.get(name)
    if not isinstance(groups, list) or len(groups) != 3 or not is_a(groups[2], bytes):
        raise RemoteProtocolError(f"a plan lacks {name}, or has them in another form")
    before, after, reasons = _unpack(groups[0]), _unpack(groups[1]), groups[2]
    if not len(before) == len(after) == len(reasons):
        raise RemoteProtocolError("a plan's steps do not agree in number")
    for (old_path, was), (path, wanted), reason in zip(before, after, reasons):
        if not isinstance(wanted, Entry) or reason not in _REASONS or (old_path != path and kind is not Move):
            raise RemoteProtocolError("a plan's steps do not agree in their paths, or have an unknown reason")
        if kind is Move and not isinstance(was, Entry):
            raise RemoteProtocolError("a plan moves what is not there")
        made = PutLink if kind is PutFile and wanted.kind is Kind.LINK else kind
        yield made(path, was, wanted, _REASONS[reason])


def _link(step: Any, first: TreePath) -> LinkFile:
    if not isinstance(step, PutFile) or step.wanted.kind is not Kind.FILE or first in (ROOT, step.path):
        raise RemoteProtocolError("a plan links what is no file, or to what is none")
    return LinkFile(step.path, step.expected, step.wanted, first, step.reason)


def _pack_places(at: Places) -> List[List[bytes]]:
    return [[path, at[path]] for path in sorted(at)]


def _places(body: Mapping[str, Any]) -> Dict[TreePath, TreePath]:
    found = {parse_path(path): parse_path(place) for path, place in _pairs_of_bytes(body, "at")}
    if not all(found.values()):
        raise RemoteProtocolError("a content is said to be at the top of a tree")
    return found


def _pairs_of_bytes(body: Mapping[str, Any], key: str) -> Iterable[Tuple[bytes, bytes]]:
    for pair in list_of(body, key, list):
        if len(pair) != 2 or not all(is_a(part, bytes) for part in pair):
            raise RemoteProtocolError(f"a message has {key} in another form")
        yield pair[0], pair[1]


def _is_odd(digest: bytes) -> bool:
    return len(digest) not in (0, DIGEST_SIZE)

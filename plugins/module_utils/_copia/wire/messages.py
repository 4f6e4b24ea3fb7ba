# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of a mirror, to bytes and back: listing, wants, plan.

Byte strings of many entries are packed in columns (``docs/formats/listing.md``): encoding and decoding cost a hundredth
of what a list of maps does. Whatever comes from outside passes the envelope, the gate and the checks of ``core``, and
is believed from then on.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Type

from ..core.entries import ABSENT, Entry, Kind, Presence, Problem
from ..core.errors import RemoteProtocolError
from ..core.manifest import ROW, Rows, checked_manifest, pack_rows, parse_rows
from ..core.parcel import Listing, Want, Wants
from ..core.paths import ROOT, TreePath, join, parse_path, split
from ..core.report import Report
from ..core.signature import pack_signature, unpack_signature
from ..core.steps import LinkFile, MakeDirectory, MirrorPlan, PutFile, PutLink, Reason, Remove, SetAttributes
from . import envelope
from .fields import accounts_of, columns_of, is_a, list_of, pack_accounts, pack_columns, pairs


def encode_listing(listing: Listing) -> bytes:
    """A listing as one message."""
    manifest = listing.manifest
    blocks = [block.packed for block in manifest.blocks]
    count = 5 if any(rows.extras for rows in blocks) else 4
    return envelope.seal(
        envelope.Kind.LISTING,
        {
            "tree": listing.is_tree,
            "root": pack_columns(pack_rows([(ROOT, manifest.root)])),
            "directories": [block.directory for block in manifest.blocks],
            "lengths": [_pack_numbers([len(rows[column]) for rows in blocks]) for column in range(count)],
            "columns": [b"".join(rows[column] for rows in blocks) for column in range(count)],
            "sheltering": sorted(manifest.sheltering),
            "unlisted": sorted(manifest.unlisted),
            "problems": [[problem.path, problem.what] for problem in listing.problems],
            **({"links": list(map(list, manifest.links))} if manifest.links else {}),
            **pack_accounts(listing.accounts),
        },
    )


def decode_listing(data: bytes) -> Listing:
    """The listing in ``data``.

    :raises RemoteProtocolError: when it is damaged, foreign, or breaks a rule of a manifest.
    """
    body = envelope.unseal(envelope.Kind.LISTING, data)
    directories = list_of(body, "directories", bytes)
    columns = [
        _cut(column, _unpack_numbers(lengths, len(directories)))
        for column, lengths in zip(columns_of(body, "columns"), columns_of(body, "lengths"))
    ]
    manifest = checked_manifest(
        _decode_root(columns_of(body, "root")),
        zip(directories, (Rows(*row) for row in zip(*columns))),
        list_of(body, "sheltering", bytes),
        list_of(body, "unlisted", bytes),
        list_of(body, "links", list) if "links" in body else (),
    )
    problems = tuple(Problem(parse_path(path), str(what)) for path, what in pairs(body, "problems"))
    return Listing(manifest, bool(body.get("tree")), problems, accounts_of(body))


def _decode_root(rows: List[bytes]) -> Presence:
    for _name, presence in parse_rows(Rows(*rows)):
        return presence
    return ABSENT


def encode_wants(wants: Wants, listing: Listing) -> bytes:
    """Wants as one message: a bit for every row of the listing, and what the target says of its own versions."""
    paths = {want.entry.path: want for want in wants}
    folders = {split(path)[0] for path in paths}
    bits = bytearray((len(listing.manifest) + 7) // 8)
    bases = []
    first = 0
    for block in listing.manifest.blocks:
        names = block.packed.names.split(b"\0")
        for number, name in enumerate(names, first) if block.directory in folders else ():
            want = paths.get(join(block.directory, name))
            if want is None:
                continue
            bits[number >> 3] |= 1 << (number & 7)
            if want.digest or want.signature or want.with_text:
                signature = pack_signature(want.signature) if want.signature else b""
                bases.append([number, want.digest, signature, want.with_text])
        first += len(names)
    return envelope.seal(envelope.Kind.WANTS, {"rows": bytes(bits), "bases": bases})


def decode_wants(data: bytes, listing: Listing) -> Wants:
    """The wants in ``data``, about ``listing``.

    :raises RemoteProtocolError: when they are damaged or about another listing.
    """
    body = envelope.unseal(envelope.Kind.WANTS, data)
    bits = body.get("rows")
    if not isinstance(bits, bytes) or len(bits) != (len(listing.manifest) + 7) // 8:
        raise RemoteProtocolError("the wants are about another listing")
    bases = dict(map(_decode_basis, list_of(body, "bases", list)))
    return tuple(_wanted(bits, bases, listing))


def _decode_basis(base: List[Any]) -> Tuple[int, Tuple[bytes, Any, bool]]:
    kinds = (int, bytes, bytes, bool)
    if len(base) != 4 or not all(map(is_a, base, kinds)) or len(base[1]) not in (0, 32):
        raise RemoteProtocolError("the wants describe a basis in an unknown form")
    return base[0], (base[1], unpack_signature(base[2]) if base[2] else None, base[3])


def _wanted(bits: bytes, bases: Dict[int, Tuple[bytes, Any, bool]], listing: Listing) -> Iterator[Want]:
    number = 0
    for block in listing.manifest.blocks:
        last = number + len(block.packed.names.split(b"\0"))
        if any(bits[number >> 3 : (last + 7) >> 3]):
            places = [place for place in range(number, last) if bits[place >> 3] >> (place & 7) & 1]
            wanted = block.only([place - number for place in places])
            for place, (_path, entry) in zip(places, wanted.entries()):
                if not isinstance(entry, Entry) or entry.kind is not Kind.FILE:
                    raise RemoteProtocolError("the wants name something that is not a file")
                yield Want(entry, *bases.get(place, (b"", None, False)))
        number = last


_STEPS: Tuple[Tuple[str, Tuple[Type[Any], ...]], ...] = (
    ("makes", (MakeDirectory,)),
    ("puts", (PutFile, PutLink)),
    ("settles", (SetAttributes,)),
)
_COUNTS = ("scanned", "offered", "files", "entries", "kept", "skipped", "same", "bytes_total")


def encode_plan(plan: MirrorPlan, report: Report, *, is_tree: bool) -> bytes:
    """A plan, and the report so far, as one message: what the target side gets back for its second execution."""
    body: Dict[str, Any] = {
        name: _encode_steps([(s.path, s.expected, s.wanted, s.reason) for s in getattr(plan, name)])
        for name, _types in _STEPS
    }
    body["links"] = _encode_steps([(s.path, s.expected, s.wanted, s.reason) for s in plan.links])
    body["firsts"] = [step.first for step in plan.links]
    for name in ("clearances", "removals"):
        steps: Sequence[Remove] = getattr(plan, name)
        body[name] = pack_columns(pack_rows([(step.path, step.expected) for step in steps]))
    body["closings"] = pack_columns(pack_rows([(entry.path, entry) for entry in plan.closings]))
    body["problems"] = [[path, what] for path, what in plan.problems]
    body["counts"] = [getattr(plan, name) for name in _COUNTS]
    body["tree"] = is_tree
    body["troubles"] = [[problem.path, problem.what] for problem in report.problems]
    body["notes"] = list(report.notes)
    body["phases"] = sorted(report.seconds)
    body["microseconds"] = [int(report.seconds[phase] * 1e6) for phase in sorted(report.seconds)]
    return envelope.seal(envelope.Kind.PLAN, body)


def decode_plan(data: bytes) -> Tuple[MirrorPlan, Report, bool]:
    """The plan in ``data``, the report so far, and whether they are about a tree.

    :raises RemoteProtocolError: when it is damaged or foreign.
    """
    body = envelope.unseal(envelope.Kind.PLAN, data)
    groups: Dict[str, Any] = {}
    for name, types in _STEPS:
        groups[name] = tuple(
            (types[-1] if entry.kind is Kind.LINK else types[0])(entry.path, found, entry, reason)
            for found, entry, reason in _decode_steps(list_of(body, name, bytes, 11))
        )
    links = list(_decode_steps(list_of(body, "links", bytes, 11)))
    firsts = list_of(body, "firsts", bytes, len(links))
    groups["links"] = tuple(
        LinkFile(entry.path, found, entry, parse_path(first), reason)
        for (found, entry, reason), first in zip(links, firsts)
    )
    for name in ("clearances", "removals"):
        groups[name] = tuple(
            Remove(entry.path, entry, Reason.EXTRA, clears=name == "clearances")
            for entry in _decode_entries(columns_of(body, name))
        )
    closings = tuple(_decode_entries(columns_of(body, "closings")))
    problems = tuple((parse_path(path), str(what)) for path, what in pairs(body, "problems"))
    counts: Dict[str, Any] = dict(zip(_COUNTS, list_of(body, "counts", int, len(_COUNTS))))
    plan = MirrorPlan(**groups, closings=closings, problems=problems, **counts)
    return plan, _decode_report(body), bool(body.get("tree"))


def _decode_report(body: Dict[str, Any]) -> Report:
    report = Report(notes=list_of(body, "notes", str))
    report.problems.extend(Problem(parse_path(path), what) for path, what in pairs(body, "troubles"))
    times = zip(list_of(body, "phases", str), list_of(body, "microseconds", int))
    report.seconds.update((phase, micros / 1e6) for phase, micros in times)
    return report


def _encode_steps(steps: Sequence[Tuple[TreePath, Presence, Entry, Reason]]) -> List[bytes]:
    expected = pack_rows([(path, found) for path, found, _wanted_, _reason in steps])
    wanted = pack_rows([(path, entry) for path, _found, entry, _reason in steps])
    return [*expected, *wanted, bytes(reason for _path, _found, _wanted_, reason in steps)]


def _decode_steps(columns: List[bytes]) -> Iterator[Tuple[Presence, Entry, Reason]]:
    expected, entries, reasons = parse_rows(Rows(*columns[:5])), _decode_entries(columns[5:10]), columns[10]
    if not len(expected) == len(entries) == len(reasons):
        raise RemoteProtocolError("a plan's steps do not agree in number")
    for (path, found), entry, reason in zip(expected, entries, reasons):
        if path != entry.path or reason not in _REASONS:
            raise RemoteProtocolError("a plan's steps do not agree in their paths, or have an unknown reason")
        yield found, entry, _REASONS[reason]


_REASONS = {int(reason): reason for reason in Reason}


def _decode_entries(columns: List[bytes]) -> List[Entry]:
    entries = [presence for _path, presence in parse_rows(Rows(*columns)) if isinstance(presence, Entry)]
    if len(entries) * ROW.size != len(columns[1]):
        raise RemoteProtocolError("a plan has a step without an entry")
    return entries


def _pack_numbers(numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def _unpack_numbers(packed: bytes, count: int) -> Tuple[int, ...]:
    if len(packed) != 4 * count:
        raise RemoteProtocolError("a listing's directories and lengths do not agree in number")
    return struct.unpack(f"<{count}I", packed)


def _cut(column: bytes, lengths: Sequence[int]) -> List[bytes]:
    if sum(lengths) != len(column):
        raise RemoteProtocolError("a listing's columns are not as long as its lengths say")
    parts, at = [], 0
    for length in lengths:
        parts.append(column[at : at + length])
        at += length
    return parts

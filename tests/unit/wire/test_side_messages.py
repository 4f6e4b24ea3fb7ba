# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries, wants and plans of a two-way sync survive the wire as they are."""

from __future__ import annotations

import pytest
from copia.core.accounts import NOBODY, Accounts
from copia.core.entries import ABSENT, Entry, Kind, Problem
from copia.core.errors import CopiaError, RemoteProtocolError
from copia.core.parcel import Want
from copia.core.paths import ROOT, TreePath
from copia.core.report import Change, Report, TextChange
from copia.core.signature import signature
from copia.core.steps import LinkFile, MakeDirectory, MirrorPlan, Move, PutFile, PutLink, Reason, Remove, SetAttributes
from copia.wire import envelope, gate
from copia.wire.reports import decode_report, encode_report
from copia.wire.side_messages import (
    decode_asked,
    decode_digests,
    decode_entries,
    decode_orders,
    decode_signatures,
    encode_asked,
    encode_digests,
    encode_entries,
    encode_orders,
    encode_signatures,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def entry(path: bytes, kind: Kind = Kind.FILE, digest: "bytes | None" = None, target: bytes = b"") -> Entry:
    return Entry(TreePath(path), kind, 3 if kind is Kind.FILE else 0, 5, 0o644, digest=digest, target=target)


FILE, OTHER, LINK = entry(b"a", digest=b"d" * 32), entry(b"\xff/b"), entry(b"l", Kind.LINK, target=b"\xffx")
PLAN = MirrorPlan(
    clearances=(Remove(TreePath(b"c"), entry(b"c"), Reason.EXTRA, clears=True),),
    makes=(MakeDirectory(TreePath(b"d"), ABSENT, entry(b"d", Kind.DIRECTORY), Reason.ABSENT),),
    moves=(Move(TreePath(b"m"), entry(b"was"), entry(b"m")),),
    puts=(
        PutFile(TreePath(b"a"), OTHER._replace(path=TreePath(b"a")), FILE, Reason.CONTENT),
        PutLink(TreePath(b"l"), ABSENT, LINK, Reason.TARGET),
    ),
    settles=(SetAttributes(TreePath(b"s"), entry(b"s"), entry(b"s")._replace(mode=0o600), Reason.MODE),),
    links=(LinkFile(TreePath(b"x"), entry(b"x"), entry(b"x", digest=b"d" * 32), TreePath(b"d/a"), Reason.LINKED),),
    removals=(Remove(TreePath(b"r"), entry(b"r", digest=b"e" * 32), Reason.EXTRA),),
    closings=(entry(b"d", Kind.DIRECTORY), entry(b"", Kind.DIRECTORY)),
    scanned=7,
    bytes_total=9,
)
AT = {TreePath(b"a"): TreePath(b"a.conflict")}


def test_entries_survive_with_and_without_digests() -> None:
    for entries in ([], [FILE, OTHER, LINK], [OTHER]):
        assert decode_entries(encode_entries(entries)) == entries


def test_digests_survive_and_must_be_about_what_was_asked() -> None:
    found = {FILE.path: b"x" * 32}
    assert decode_digests([FILE, OTHER], encode_digests([FILE, OTHER], found)) == found
    with pytest.raises(RemoteProtocolError, match="asked about"):
        decode_digests([FILE], encode_digests([FILE, OTHER], found))


def test_signatures_survive() -> None:
    signed = {FILE.path: signature([b"x" * 5000], 2048), OTHER.path: signature([b"y" * 100], 512)}
    assert decode_signatures(encode_signatures(signed)) == signed


def test_wants_survive_with_their_places() -> None:
    wants = (Want(FILE, b"q" * 32, signature([b"x" * 5000], 2048)), Want(OTHER))
    assert decode_asked(encode_asked(wants, AT)) == (wants, AT)
    with pytest.raises(RemoteProtocolError, match="not a file"):
        decode_asked(encode_asked((Want(LINK),), {}))


def test_a_plan_survives_whole() -> None:
    assert decode_orders(encode_orders(PLAN, AT)) == (PLAN, AT, NOBODY)
    accounts = Accounts(((7, b"ann"),), ((7, b"staff"), (8, b"\xff")))
    assert decode_orders(encode_orders(PLAN, AT, accounts)) == (PLAN, AT, accounts)
    assert decode_orders(encode_orders(MirrorPlan(), {})) == (MirrorPlan(), {}, NOBODY)


@pytest.mark.parametrize("first", [b"", b"x", b"../a", b"/a"])
def test_a_link_that_leads_astray_is_refused(first: bytes) -> None:
    plan = MirrorPlan(links=(LinkFile(TreePath(b"x"), ABSENT, entry(b"x"), TreePath(first), Reason.ABSENT),))
    with pytest.raises(RemoteProtocolError):
        decode_orders(encode_orders(plan, {}))


def test_only_files_are_linked() -> None:
    body = envelope.unseal(envelope.Kind.ORDERS, encode_orders(PLAN, AT))
    for name in ("links", "firsts"):
        with pytest.raises(RemoteProtocolError):
            decode_orders(envelope.seal(envelope.Kind.ORDERS, {**body, name: []}))
    step = LinkFile(TreePath(b"x"), ABSENT, LINK._replace(path=TreePath(b"x")), TreePath(b"a"), Reason.ABSENT)
    with pytest.raises(RemoteProtocolError, match="links what is no file"):
        decode_orders(encode_orders(MirrorPlan(links=(step,)), {}))


def test_a_report_survives_and_its_texts_cannot_reach_a_terminal() -> None:
    report = Report(
        made=1,
        moved=2,
        bytes_sent=3,
        seconds={"scan": 0.25},
        changes=[
            Change(TreePath(b"a"), "make", "absent", None, FILE._replace(digest=None)),
            Change(TreePath(b"m"), "move", "renamed", entry(b"was"), entry(b"m")),
            Change(TreePath(b"r"), "remove", "extra", entry(b"r"), None),
        ],
        problems=[Problem(ROOT, "odd"), Problem(TreePath(b"p"), "odder")],
        undone=[TreePath(b"p")],
        texts=[TextChange(TreePath(b"t"), b"1", b"2")],
        notes=["a note"],
        tree="ab",
    )
    assert decode_report(encode_report(report)) == report
    report.notes = ["\x1b[31m"]
    assert decode_report(encode_report(report)).notes == ["\\x1b[31m"]


MESSAGES = (
    (envelope.Kind.ENTRIES, encode_entries([FILE, LINK]), decode_entries),
    (envelope.Kind.ASKED, encode_asked((Want(FILE),), AT), decode_asked),
    (envelope.Kind.ORDERS, encode_orders(PLAN, AT), decode_orders),
    (envelope.Kind.REPORT, encode_report(Report(made=1, notes=["n"])), decode_report),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MESSAGES), st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_never_does_worse_than_a_refusal(message: tuple, place: int, mask: int) -> None:  # type: ignore[type-arg]
    """Under the envelope, where a flip cannot hide behind compression."""
    kind, sealed, decode = message
    raw = bytearray(gate.encode(envelope.unseal(kind, sealed)))
    raw[place % len(raw)] ^= mask
    try:
        decode(sealed[:6] + b"\x00" + len(raw).to_bytes(4, "big") + bytes(raw))
    except CopiaError:
        pass

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings, wants and plans survive the wire; damaged ones are refused before anybody believes them."""

from __future__ import annotations

import pytest
from copia.core.accounts import Accounts
from copia.core.entries import ABSENT, Entry, Kind, Problem
from copia.core.errors import RemoteProtocolError
from copia.core.extras import pack_extras
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.mirror_plan import plan_mirror
from copia.core.parcel import Listing, Want
from copia.core.paths import ROOT, TreePath
from copia.core.report import Report
from copia.core.signature import Signature, signature
from copia.core.steps import LinkFile, Reason
from copia.values import replace
from copia.wire import envelope, gate
from copia.wire.messages import decode_listing, decode_plan, decode_wants, encode_listing, encode_plan, encode_wants
from hypothesis import given, settings
from hypothesis import strategies as st


def entry(path: bytes, kind: Kind = Kind.FILE, size: int = 0, target: bytes = b"") -> Entry:
    return Entry(TreePath(path), kind, size, 5, 0o644, target=target)


def block(directory: bytes, *entries: Entry) -> Block:
    return Block(TreePath(directory), pack_rows([(e.path.rpartition(b"/")[2], e) for e in entries]))


TREE = Manifest(
    entry(b"", Kind.DIRECTORY),
    (
        block(b"", entry(b"a", Kind.DIRECTORY), entry(b"b", size=9), entry(b"l", Kind.LINK, target=b"\xffb")),
        block(b"a", entry(b"a/c", size=3), entry(b"a/\xff", size=4)),
    ),
    frozenset([TreePath(b"a")]),
    frozenset([TreePath(b"u")]),
)
LISTING = Listing(TREE, True, (Problem(TreePath(b"u"), "cannot be listed"),))


def test_a_listing_survives() -> None:
    assert decode_listing(encode_listing(LISTING)) == LISTING


def test_an_empty_and_an_absent_tree_survive() -> None:
    for manifest in (Manifest(entry(b"", Kind.DIRECTORY)), Manifest(ABSENT)):
        assert decode_listing(encode_listing(Listing(manifest))) == Listing(manifest)


EXTRAS = pack_extras({b"user.x": b"1"})
DRESSED = Manifest(
    entry(b"", Kind.DIRECTORY)._replace(extras=EXTRAS),
    (
        block(b"", entry(b"a")._replace(extras=EXTRAS), entry(b"b"), entry(b"d", Kind.DIRECTORY)),
        block(b"d", entry(b"d/c")._replace(extras=EXTRAS)),
    ),
)


def test_attributes_survive_in_a_listing_and_in_a_plan() -> None:
    listing = Listing(DRESSED, accounts=Accounts(((7, b"ann"),)))
    assert decode_listing(encode_listing(listing)) == listing
    plan = plan_mirror(DRESSED, Manifest(entry(b"", Kind.DIRECTORY), (block(b"", entry(b"a"), entry(b"b")),)))
    assert [step.reason for step in plan.settles] == [Reason.ATTRIBUTES, Reason.ATTRIBUTES]
    assert decode_plan(encode_plan(plan, Report(), is_tree=True))[0] == plan


LINKED = replace(TREE, links=((TreePath(b"b"), TreePath(b"a/c")),), _index={})


def test_hard_links_survive_in_a_listing_and_in_a_plan() -> None:
    assert decode_listing(encode_listing(Listing(LINKED))) == Listing(LINKED)
    step = LinkFile(TreePath(b"b"), ABSENT, entry(b"b", size=9), TreePath(b"a/c"), Reason.LINKED)
    plan = replace(plan_mirror(TREE, TREE), links=(step,))
    assert decode_plan(encode_plan(plan, Report(), is_tree=True))[0] == plan and not plan.is_empty


@pytest.mark.parametrize(
    "links",
    [
        ((b"b",),),
        ((b"b", 1),),
        ((b"b", b"../c"),),
        ((b"b", b"b"),),
        ((b"b", b"a"), (b"b", b"c")),
        ((b"b", b"a"), (b"c", b"b")),
    ],
)
def test_hard_links_that_lead_astray_are_refused(links: "tuple[tuple[TreePath, TreePath], ...]") -> None:
    with pytest.raises(RemoteProtocolError):
        decode_listing(encode_listing(Listing(replace(TREE, links=links, _index={}))))


def test_a_listing_without_attributes_has_no_bytes_for_them() -> None:
    body = envelope.unseal(envelope.Kind.LISTING, encode_listing(LISTING))
    assert [len(body[key]) for key in ("root", "columns", "lengths")] == [4, 4, 4]
    assert not {"users", "groups", "links"} & set(body)


@pytest.mark.parametrize("damage", ["flag", "more", "cut", "name", "absent"])
def test_attributes_that_do_not_fit_their_rows_are_refused(damage: str) -> None:
    packed = DRESSED.blocks[0].packed
    no_flag = packed.rows[:1] + b"\0" + packed.rows[2:]
    rows = {
        "flag": packed._replace(rows=no_flag),
        "more": packed._replace(extras=packed.extras * 2),
        "cut": packed._replace(extras=packed.extras[:-1]),
        "name": packed._replace(extras=packed.extras.replace(b"user.x", b"USER.x")),
        "absent": packed._replace(rows=b"\0" + packed.rows[1:]),
    }[damage]
    damaged = Manifest(DRESSED.root, (Block(ROOT, rows), DRESSED.blocks[1]))
    with pytest.raises(RemoteProtocolError, match="attributes"):
        decode_listing(encode_listing(Listing(damaged)))


def test_wants_survive_with_digest_and_signature() -> None:
    signed: Signature = signature([b"x" * 5000], 2048)
    wants = (
        Want(entry(b"b", size=9), b"d" * 32, signed, True),
        Want(entry(b"a/c", size=3)),
    )
    assert set(decode_wants(encode_wants(wants, LISTING), LISTING)) == set(wants)


def test_wants_about_another_listing_are_refused() -> None:
    packed = encode_wants((), LISTING)
    many = block(b"", *(entry(b"%02d" % number) for number in range(30)))
    with pytest.raises(RemoteProtocolError, match="another listing"):
        decode_wants(packed, Listing(Manifest(entry(b"", Kind.DIRECTORY), (many,))))


def test_wants_that_name_a_directory_are_refused() -> None:
    everything = envelope.seal(envelope.Kind.WANTS, {"rows": b"\xff", "bases": []})
    with pytest.raises(RemoteProtocolError, match="not a file"):
        decode_wants(everything, LISTING)


def test_a_plan_survives_with_the_report_so_far() -> None:
    target = Manifest(
        entry(b"", Kind.DIRECTORY),
        (block(b"", entry(b"a"), entry(b"b", size=8), entry(b"x", Kind.DIRECTORY)), block(b"x", entry(b"x/y"))),
    )
    plan = plan_mirror(TREE, target, delete=True)
    report = Report(notes=["a note"], seconds={"scan": 0.25})
    report.problems.append(Problem(ROOT, "odd"))
    assert decode_plan(encode_plan(plan, report, is_tree=True)) == (plan, report, True)


def test_a_listing_that_lies_is_refused() -> None:
    lies = {
        "a name with a slash": block(b"", entry(b"a/b")._replace(path=TreePath(b"x"))),
        "a dot": Block(ROOT, pack_rows([(b"..", entry(b".."))])),
        "the reserved name": Block(ROOT, pack_rows([(b".Copia", entry(b".Copia", Kind.DIRECTORY))])),
        "names out of order": Block(ROOT, pack_rows([(b"b", entry(b"b")), (b"a", entry(b"a"))])),
        "a name twice": Block(ROOT, pack_rows([(b"a", entry(b"a")), (b"a", entry(b"a"))])),
        "content of what is not listed": block(b"q", entry(b"q/r")),
        "fewer names than rows": Block(ROOT, pack_rows([(b"a", entry(b"a"))])._replace(names=b"")),
        "half a row": Block(ROOT, pack_rows([(b"a", entry(b"a"))])._replace(rows=b"\x01" * 30)),
        "an unknown kind": Block(ROOT, pack_rows([(b"a", entry(b"a"))])._replace(rows=b"\x09" + bytes(27))),
    }
    lies["a name with a slash"] = Block(ROOT, pack_rows([(b"a/b", entry(b"a"))]))
    for name, lie in lies.items():
        with pytest.raises(RemoteProtocolError):
            decode_listing(encode_listing(Listing(Manifest(entry(b"", Kind.DIRECTORY), (lie,)))))
            pytest.fail(name)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_of_a_listing_never_does_worse_than_a_refusal(place: int, mask: int) -> None:
    """Under the envelope, where a flip cannot hide behind compression."""
    body = envelope.unseal(envelope.Kind.LISTING, encode_listing(LISTING))
    raw = bytearray(gate.encode(body))
    raw[place % len(raw)] ^= mask
    head = encode_listing(LISTING)[:6] + b"\x00" + len(raw).to_bytes(4, "big")
    try:
        list(decode_listing(head + bytes(raw)).manifest)
    except RemoteProtocolError:
        pass

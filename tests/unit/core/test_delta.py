# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures, deltas and patches: the bytes, the sizes that are promised, and work that stays bounded."""

from __future__ import annotations

import pathlib
import random
import re
import struct
from typing import Any, Callable, Iterable, Iterator, List, Tuple

import pytest
from blake3 import blake3
from copia.core import blocks
from copia.core import delta as engine
from copia.core.delta import (
    Copy,
    Instruction,
    Literal,
    delta,
    patch,
    sizes,
)
from copia.core.errors import RemoteProtocolError
from copia.core.rolling import weak_sum
from copia.core.signature import Signature, block_size_for, pack_signature, signature, unpack_signature

from tests.twins import KINDS, choose

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "formats" / "signature.md"
MIB = 1 << 20
BLOCK = 2048


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


@pytest.fixture(autouse=True, params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test here is told to both twins."""
    choose(monkeypatch, request.param)
    return str(request.param)


def difference(basis: bytes, new: bytes, block_size: int = BLOCK) -> List[Instruction]:
    """The delta; it is checked that it makes the new file."""
    parts = list(delta(reader(new), len(new), signature([basis], block_size)))
    filled = [new[part.offset : part.offset + part.length] if isinstance(part, Literal) else part for part in parts]
    assert b"".join(piece for piece, _digests in patch(reader(basis), filled, block_size)) == new
    return parts


def literal_bytes(basis: bytes, new: bytes, block_size: int = BLOCK) -> int:
    return sizes(difference(basis, new, block_size))[0]


@pytest.fixture(scope="module")
def basis() -> bytes:
    return random.Random(7).randbytes(2 * MIB + 77)


SIZES = [
    (0, 2048),
    (8 * MIB - 1, 2048),
    (8 * MIB, 4096),
    (2048 * MIB, 4096),
    (2048 * MIB + 1, 8192),
    (4096 * MIB, 8192),
    (64 << 30, 65536),
    (1 << 50, 65536),
]


@pytest.mark.parametrize(("size", "block_size"), SIZES)
def test_blocks_are_small_and_grow_only_with_the_number_of_blocks(size: int, block_size: int) -> None:
    assert block_size_for(size) == block_size


def test_a_row_is_two_weak_sums_and_half_of_the_blake3_of_a_block(basis: bytes) -> None:
    signed = signature([basis], 4096)
    last = basis[-(len(basis) % 4096) :]
    for block, row in ((basis[:4096], signed.part(0, 1)), (last, signed.rows[-24:])):
        assert row[:8] == struct.pack("<II", weak_sum(block), weak_sum(block[: len(block) // 2]))
        assert row[8:] == blake3(block).digest()[:16]
    assert signed.blocks == len(basis) // 4096 + 1


def test_an_identical_file_has_no_literals(basis: bytes) -> None:
    assert difference(basis, basis) == [Copy(0, len(basis))]


def test_a_file_from_or_to_nothing(basis: bytes) -> None:
    assert difference(basis, b"") == []
    assert difference(b"", basis) == [Literal(0, len(basis))]
    assert difference(b"", b"") == []


@pytest.mark.parametrize("at", [0, 1, 2047, 2048, 1_000_000, 2 * MIB + 76, 2 * MIB + 77])
@pytest.mark.parametrize("inserted", [1, 37, 2048, 5000])
def test_an_insertion_anywhere_costs_its_bytes_and_at_most_two_blocks(basis: bytes, at: int, inserted: int) -> None:
    new = basis[:at] + random.Random(8).randbytes(inserted) + basis[at:]
    assert literal_bytes(basis, new) <= inserted + 2 * BLOCK


@pytest.mark.parametrize("at", [0, 1, 2047, 2048, 1_000_000])
@pytest.mark.parametrize("removed", [1, 37, 2048, 5000])
def test_a_deletion_anywhere_costs_at_most_two_blocks(basis: bytes, at: int, removed: int) -> None:
    assert literal_bytes(basis, basis[:at] + basis[at + removed :]) <= 2 * BLOCK


def test_each_of_many_insertions_costs_its_bytes_and_at_most_two_blocks(basis: bytes) -> None:
    new, dice = bytearray(basis), random.Random(9)
    places = sorted((place * 100_003 for place in range(1, 20)), reverse=True)
    for place in places:
        new[place:place] = dice.randbytes(11)
    assert literal_bytes(basis, bytes(new)) <= len(places) * (11 + 2 * BLOCK)


def test_edits_in_place_cost_their_blocks(basis: bytes) -> None:
    new = bytearray(basis)
    for block in range(0, 1000, 50):
        new[block * BLOCK + 5] ^= 1
    assert literal_bytes(basis, bytes(new)) == 20 * BLOCK


def test_what_is_appended_is_the_only_literal_although_the_last_block_was_short(basis: bytes) -> None:
    assert difference(basis, basis + b"more") == [Copy(0, len(basis)), Literal(len(basis), 4)]


def test_blocks_in_another_order_are_found(basis: bytes) -> None:
    pieces = [basis[at : at + 16 * BLOCK] for at in range(0, len(basis), 16 * BLOCK)]
    random.Random(10).shuffle(pieces)
    assert literal_bytes(basis, b"".join(pieces)) <= 16 * BLOCK


def test_a_delta_covers_the_new_file_in_order_and_joins_neighbours(basis: bytes) -> None:
    parts = difference(basis, basis[:100_000] + b"x" * 30_000 + basis[90_000:])
    at = 0
    for part, following in zip(parts, [*parts[1:], None]):
        if isinstance(part, Literal):
            assert part.offset == at and not isinstance(following, Literal)
        elif isinstance(following, Copy):
            assert following.offset != part.offset + part.length
        at += part.length
    assert at == 100_000 + 30_000 + len(basis) - 90_000


class Counted:
    """A file that counts how it is read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.read, self.longest = data, 0, 0

    def __call__(self, offset: int, length: int) -> bytes:
        self.read += length
        self.longest = max(self.longest, length)
        return self.data[offset : offset + length]


def test_reads_are_bounded_however_long_the_file_is(basis: bytes) -> None:
    new = Counted(random.Random(11).randbytes(5 * MIB))
    list(delta(new, len(new.data), signature([basis], BLOCK)))
    assert new.longest <= engine.WINDOW
    assert new.read <= 3 * len(new.data)


class Spent:
    """Counts what the search costs: positions that were rolled over, and blocks that were judged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rolled = self.judged = 0
        find, judge = blocks.search, blocks.digest_of_block

        def counted_find(data: bytes, size: int, known: "dict[int, int]") -> int:
            found = find(data, size, known)
            self.rolled += len(data) - size + 1 if found < 0 else found
            return found

        def counted_judge(block: bytes) -> bytes:
            self.judged += 1
            return judge(block)

        monkeypatch.setattr(blocks, "search", counted_find)
        monkeypatch.setattr(blocks, "digest_of_block", counted_judge)


PERIOD = bytes(range(251)) * 17
TWINS = bytes([10, 20, 30, 40]), bytes([11, 18, 31, 40])
"""Two texts with one Adler-32, in any surroundings: 1 up, 2 down, 1 up in neighbouring places."""
CRAFTED: List[Tuple[str, bytes, bytes]] = [
    ("random", random.Random(1).randbytes(MIB), random.Random(2).randbytes(MIB)),
    ("zeros", bytes(MIB), bytes(MIB + 5)),
    ("random on zeros", bytes(MIB), random.Random(2).randbytes(MIB)),
    ("zeros on random", random.Random(1).randbytes(MIB), bytes(MIB)),
    ("periodic", PERIOD * (MIB // len(PERIOD)), b"x" + PERIOD * (MIB // len(PERIOD)) + b"y"),
    ("equal weak sums", TWINS[0] * (MIB // 4), TWINS[1] * (MIB // 4)),
]


@pytest.mark.parametrize(("basis", "new"), [case[1:] for case in CRAFTED], ids=[case[0] for case in CRAFTED])
def test_crafted_content_costs_no_more_than_random(monkeypatch: pytest.MonkeyPatch, basis: bytes, new: bytes) -> None:
    choose(monkeypatch, "python")
    signed = signature([basis], BLOCK)
    spent = Spent(monkeypatch)
    list(delta(reader(new), len(new), signed))
    assert spent.rolled <= engine.SOME.positions + engine.SOME.step
    assert spent.judged <= 3 * (len(new) // BLOCK) + engine.SOME.failures + 3


@pytest.mark.parametrize("block_size", [2048, 4096, 16384, 65536])
def test_what_failures_may_cost_does_not_grow_with_the_block(monkeypatch: pytest.MonkeyPatch, block_size: int) -> None:
    choose(monkeypatch, "python")
    basis, new = TWINS[0] * (MIB // 4), TWINS[1] * (MIB // 4)
    signed = signature([basis], block_size)
    spent = Spent(monkeypatch)
    list(delta(reader(new), len(new), signed))
    in_vain = spent.judged - 3 * (len(new) // block_size)
    assert in_vain * block_size <= engine.SOME.failures * 4096 + 3 * block_size


def test_the_crafted_sums_are_equal_indeed() -> None:
    assert TWINS[0] != TWINS[1]
    assert weak_sum(TWINS[0] * 512) == weak_sum(TWINS[1] * 512)


def test_among_equal_weak_sums_the_strong_sum_decides() -> None:
    basis = TWINS[0] * 512 + TWINS[1] * 512
    new = b"-" + TWINS[1] * 512 + b"-" + TWINS[0] * 512 + b"-"
    assert sizes(difference(basis, new)) == (3, 4096)


def test_a_file_that_shrinks_while_it_is_read_ends_the_search(basis: bytes) -> None:
    signed = signature([basis], BLOCK)
    parts = list(delta(reader(basis[:5000]), len(basis), signed))
    assert sum(sizes(parts)) == len(basis) and parts[0] == Copy(0, 4096)
    assert sizes(parts) == (len(basis) - 4096, 4096)


def test_a_patch_comes_in_bounded_pieces() -> None:
    basis = bytes(3 * MIB)
    pieces = list(patch(reader(basis), [Copy(0, 3 * MIB), b"end"], BLOCK))
    assert max(len(piece) for piece, _digests in pieces) <= engine.WINDOW
    assert b"".join(piece for piece, _digests in pieces) == basis + b"end"
    digests = b"".join(blake3(basis[at : at + BLOCK]).digest() for at in range(0, len(basis), BLOCK))
    assert b"".join(found for _piece, found in pieces) == digests


def page_example() -> "tuple[bytes, bytes]":
    """The text and the bytes that the page shows."""
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"^    ((?:[0-9a-f]{2} ?)+)", text, re.MULTILINE)
    return b"a" * 512 + b"copia", bytes.fromhex("".join(shown))


def test_a_packed_signature_is_byte_by_byte_what_the_page_shows() -> None:
    content, packed = page_example()
    assert pack_signature(signature([content], 512)) == packed
    assert unpack_signature(packed) == signature([content], 512)


HEAD = struct.Struct("<4sIQ")
BAD = {
    "empty": b"",
    "cut in its head": HEAD.pack(b"COPS", 512, 0)[:-1],
    "foreign": HEAD.pack(b"SPOC", 512, 0),
    "blocks of 0": HEAD.pack(b"COPS", 0, 0),
    "blocks too small": HEAD.pack(b"COPS", 256, 0),
    "blocks too large": HEAD.pack(b"COPS", 131072, 0),
    "blocks of no power of two": HEAD.pack(b"COPS", 1000, 0),
    "a row too few": HEAD.pack(b"COPS", 512, 513) + bytes(24),
    "a row too many": HEAD.pack(b"COPS", 512, 512) + bytes(48),
    "half a row": HEAD.pack(b"COPS", 512, 512) + bytes(12),
    "longer than anything": HEAD.pack(b"COPS", 512, 2**64 - 1) + bytes(24),
}


@pytest.mark.parametrize("packed", BAD.values(), ids=BAD.keys())
def test_a_damaged_signature_is_the_peers_mistake(packed: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="signature"):
        unpack_signature(packed)


def test_an_empty_basis_has_a_signature() -> None:
    assert unpack_signature(pack_signature(signature([], 512))) == Signature(512, 0, b"")


def test_several_hands_search_in_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    made: List[blocks.Table] = []

    def make(rows: bytes, size: int, count: int) -> blocks.Table:
        made.append(blocks.Table(rows, size, count))
        return made[-1]

    monkeypatch.setattr(engine, "Table", make)
    basis = random.Random(8).randbytes(20 * BLOCK)
    new = random.Random(9).randbytes(20 * BLOCK)
    tables: List[int] = []

    def each(do: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
        for part in parts:
            tables.append(len(made))
            yield do(part)

    for content, count in ((new, 1), (basis, 0)):
        made.clear()
        assert sum(sizes(delta(reader(content), len(content), signature([basis], BLOCK), each=each))) == len(content)
        assert tables[-1] == len(made) == count

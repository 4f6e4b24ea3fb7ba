# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of any two trees, on a real disk."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
import tempfile
from typing import Dict, Tuple

from copia.core.brakes import Limit
from copia.flow.mirror import mirror
from copia.flow.source import Source, SourceSpec
from copia.flow.target import Target, TargetSpec
from copia.wire.messages import (
    decode_listing,
    decode_plan,
    decode_wants,
    encode_listing,
    encode_plan,
    encode_wants,
)
from copia.wire.pack import decode_pack, encode_pack
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trees import age, harvest

NAMES = st.sampled_from([b"a", b"b", b"c", b"a.b", b"-d", b"\n", b"\xff\xfe", "ü".encode(), b"x" * 255])
MODES = st.sampled_from([0o600, 0o644, 0o755, 0o640])
FILES = st.tuples(st.just("file"), st.binary(max_size=40), MODES)
LINKS = st.tuples(st.just("link"), st.sampled_from([b"a", b"../..", b"/nowhere", b"\xff"]), st.just(0))
DIRECTORIES = st.tuples(st.just("directory"), st.just(b""), st.sampled_from([0o755, 0o700]))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
TREES = st.dictionaries(PATHS, st.one_of(FILES, LINKS, DIRECTORIES), max_size=8)
ANY = Limit(100, True)


def plant(root: bytes, tree: Dict[bytes, Tuple[str, bytes, int]]) -> None:
    os.mkdir(root)
    for path, (kind, content, mode) in tree.items():
        full = os.path.join(root, path)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            if kind == "file":
                with open(full, "wb") as stream:
                    stream.write(content)
            elif kind == "link":
                os.symlink(content, full)
            else:
                os.mkdir(full)
            if kind != "link":
                os.chmod(full, mode)
        except OSError:
            continue  # another path of this tree stands in the way
    age(root)


def carried(source: bytes, target: bytes, *, check: bool = False, checksum: bool = False) -> "object":
    """The mirror as two sides that only exchange bytes."""
    offering = Source(SourceSpec(source, checksum=checksum))
    try:
        listing = offering.offer()
        there = decode_listing(encode_listing(listing))
        spec = TargetSpec(target, delete=True, limit=ANY, force=True, check=check, checksum=checksum, durable=False)
        first = Target(spec, is_tree=there.is_tree)
        considered = first.consider(there)
        plan, report, is_tree = decode_plan(encode_plan(considered.plan, considered.report, is_tree=True))
        wants = decode_wants(encode_wants(considered.wants, there), listing)
        first.close()
        second = Target(spec, is_tree=is_tree, report=report)
        parcel = b"".join(encode_pack(offering.answer(wants, dry=check)))
        done = second.finish(plan, decode_pack([parcel]))
        second.close()
        return done
    finally:
        offering.close()


def same(left: bytes, right: bytes) -> bool:
    return harvest(left) == harvest(right) and os.stat(left).st_mtime_ns == os.stat(right).st_mtime_ns


class Ground:
    """Two trees in a folder of their own."""

    def __init__(self, left: Dict, right: Dict) -> None:
        self.folder = os.fsencode(tempfile.mkdtemp(prefix="copia-law-"))
        self.source, self.target = (os.path.join(self.folder, name) for name in (b"source", b"target"))
        plant(self.source, left)
        plant(self.target, right)

    def __enter__(self) -> "Ground":
        return self

    def __exit__(self, *_exception: object) -> None:
        for directory, _directories, _files in os.walk(self.folder):
            os.chmod(directory, stat.S_IRWXU)
        shutil.rmtree(self.folder)


@settings(max_examples=120, deadline=None)
@given(TREES, TREES)
def test_law_plan_apply_scan_equals_source(left: Dict, right: Dict) -> None:
    with Ground(left, right) as ground:
        mirror(SourceSpec(ground.source), TargetSpec(ground.target, delete=True, limit=ANY, force=True, durable=False))
        assert same(ground.source, ground.target)


@settings(max_examples=120, deadline=None)
@given(TREES, TREES, st.booleans())
def test_law_the_same_over_bytes_and_the_mirror_of_a_mirror_is_empty(left: Dict, right: Dict, checksum: bool) -> None:
    with Ground(left, right) as ground:
        carried(ground.source, ground.target, checksum=checksum)
        assert same(ground.source, ground.target)
        again = carried(ground.source, ground.target, checksum=checksum)
        assert not again.changed and not again.touched and not again.problems


@settings(max_examples=120, deadline=None)
@given(TREES, TREES, st.booleans())
def test_law_check_mode_agrees_with_the_run_and_touches_nothing(left: Dict, right: Dict, checksum: bool) -> None:
    with Ground(left, right) as ground:
        before = harvest(ground.target)
        foreseen = carried(ground.source, ground.target, check=True, checksum=checksum)
        assert harvest(ground.target) == before
        done = carried(ground.source, ground.target, checksum=checksum)
        assert foreseen.changes == done.changes
        counts = ("made", "updated", "touched", "removed", "kept", "skipped", "same")
        assert [getattr(foreseen, name) for name in counts] == [getattr(done, name) for name in counts]


@settings(max_examples=60, deadline=None)
@given(TREES, TREES)
def test_law_without_delete_nothing_of_the_targets_own_is_lost(left: Dict, right: Dict) -> None:
    with Ground(left, right) as ground:
        before, offered = harvest(ground.target), harvest(ground.source)
        mirror(SourceSpec(ground.source), TargetSpec(ground.target, durable=False))
        after = harvest(ground.target)
        own = {path for path in before if path not in offered}
        assert all(after[path][:2] == before[path][:2] for path in own)


def test_a_root_that_does_not_exist_is_made_with_its_parents(tmp_path: pathlib.Path) -> None:
    plant(os.fsencode(tmp_path / "s"), {b"a/b": ("file", b"x", 0o644)})
    mirror(SourceSpec(os.fsencode(tmp_path / "s")), TargetSpec(os.fsencode(tmp_path / "x" / "y" / "t")))
    assert same(os.fsencode(tmp_path / "s"), os.fsencode(tmp_path / "x" / "y" / "t"))

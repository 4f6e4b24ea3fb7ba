# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any remote step can be run twice: a lost connection makes Ansible repeat it."""

from __future__ import annotations

import os
import pathlib

from copia.core.brakes import Limit
from copia.core.report import Report
from copia.flow.source import Source, SourceSpec
from copia.flow.target import Target, TargetSpec
from copia.wire.messages import decode_plan, encode_plan
from copia.wire.pack import decode_pack, encode_pack

from tests.trees import age, grow, harvest

OLD = "same=1 edit=old gone/x=1 tofile/y=2 todir=3 l->same tolink=4 fromlink->same mode=m:600 deep/er/z=1"
NEW = "same=1 edit=new tofile=3 todir/z=4 l->edit tolink->same fromlink=5 mode=m:644 new/a/b=6 deep/er/y=2"


def finish(spec: TargetSpec, plan: bytes, parcel: bytes) -> Report:
    decoded, report, is_tree = decode_plan(plan)
    target = Target(spec, is_tree=is_tree, report=report)
    try:
        return target.finish(decoded, decode_pack([parcel]))
    finally:
        target.close()


def test_a_parcel_that_is_applied_twice_reports_the_same_and_leaves_the_same(tmp_path: pathlib.Path) -> None:
    there, new = grow(tmp_path / "there", OLD), grow(tmp_path / "new", NEW)
    age(there, 7200)
    age(new)
    spec = TargetSpec(os.fsencode(there), delete=True, limit=Limit(100, True))
    source = Source(SourceSpec(os.fsencode(new)))
    listing = source.offer()
    target = Target(spec, is_tree=True)
    considered = target.consider(listing)
    plan = encode_plan(considered.plan, considered.report, is_tree=True)
    parcel = b"".join(encode_pack(source.answer(considered.wants)))
    target.close()
    source.close()
    first = finish(spec, plan, parcel)
    assert harvest(there) == harvest(new)
    second = finish(spec, plan, parcel)
    assert harvest(there) == harvest(new)
    assert not first.problems and not second.problems
    assert first.changes == second.changes

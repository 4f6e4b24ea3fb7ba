# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mirror of which one side is on another host, seen from the client's end."""

from __future__ import annotations

import time
from typing import Callable, Optional

from ..core.errors import InputError, RemoteProtocolError
from ..core.report import Report
from ..core.steps import MirrorPlan
from ..link.ssh import SshOptions
from ..values import dataclass
from ..wire.fields import field, number
from ..wire.messages import decode_listing, decode_plan, decode_wants, encode_listing, encode_wants
from ..wire.reports import decode_report
from .calling import conversation
from .mirror_jobs import LIMITS, source_terms, target_terms
from .pump import unpacking
from .source import Source, SourceSpec, tree_digest
from .talk import Talk, in_parts, pieces_in_parts
from .target import Target, TargetSpec

Announce = Callable[[MirrorPlan], None]


@dataclass(frozen=True)
class Expect:
    """What a pull expects to find, and who hears the plan before anything is done."""

    is_tree: bool
    announce: Optional[Announce] = None


def push(
    source: SourceSpec, target: TargetSpec, host: str, options: SshOptions, announce: Optional[Announce]
) -> Report:
    """Make ``target.path`` on ``host`` equal to ``source.path`` here.

    :raises CopiaError: when the run cannot go on.
    """
    here = Source(source)
    try:
        terms = target_terms(target, is_tree=here.is_tree)
        with conversation(host, options, "target", terms, LIMITS) as talk:
            return push_over(talk, here, announce, dry=target.check)
    finally:
        here.close()


def push_over(talk: Talk, here: Source, announce: Optional[Announce], *, dry: bool) -> Report:
    """The same over a talk in which ``target`` is opened."""
    clock = time.perf_counter()
    listing = here.offer()
    offered = time.perf_counter() - clock
    talk.accepted()
    talk.ask("consider", {}, in_parts(encode_listing(listing)))
    answer = talk.answer()
    size = number(answer.fields, "plan")
    packed = talk.gather(answer)
    plan, _so_far, _is_tree = decode_plan(packed[:size])
    if announce:
        announce(plan)
    talk.ask("finish", {}, pieces_in_parts(here.packed(decode_wants(packed[size:], listing), talk.codec, dry=dry)))
    report = decode_report(talk.gather(talk.answer()))
    report.seconds["offer"] = offered
    report.tree = tree_digest(listing)
    report.bytes_sent = talk.pipe.sent
    return report


def pull(source: SourceSpec, host: str, target: TargetSpec, options: SshOptions, expect: Expect) -> Report:
    """Make ``target.path`` here equal to ``source.path`` on ``host``.

    :raises CopiaError: when the run cannot go on.
    """
    with conversation(host, options, "source", source_terms(source), LIMITS) as talk:
        return pull_over(talk, target, expect)


def pull_over(talk: Talk, spec: TargetSpec, expect: Expect) -> Report:
    """The same over a talk in which ``source`` is opened."""
    talk.ask("offer")
    is_tree = field(talk.accepted(), "is_tree", bool)
    if is_tree != expect.is_tree:
        raise InputError(f"src is {'a directory: add -r to mirror it' if is_tree else 'no directory: leave -r out'}")
    here = Target(spec, is_tree=is_tree)
    try:
        here.scan_ahead()
        listing = decode_listing(talk.gather(talk.answer()))
        if listing.is_tree != is_tree:
            raise RemoteProtocolError("the listing is not about what was announced")
        considered = here.consider(listing)
        if expect.announce:
            expect.announce(considered.plan)
        wants = encode_wants(considered.wants, listing)
        talk.ask("answer", {"dry": spec.check}, in_parts(wants))
        report = here.finish(considered.plan, unpacking(talk.answer().raw()))
    finally:
        here.close()
    report.tree = tree_digest(listing)
    report.bytes_sent = talk.pipe.received
    return report

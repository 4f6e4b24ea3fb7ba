# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One side of a mirror as a job of ``copia serve``: the source for a pull, the target for a push.

The values are those of every mirror; here they travel as messages of one conversation (``docs/formats/wire.md``).
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Dict, Mapping, Optional

from ..core.brakes import Limit
from ..core.errors import RemoteProtocolError
from ..core.parcel import Listing
from ..core.preserve import Preserve, parse_preserve
from ..core.selection import Rules
from ..wire.fields import field, list_of, number, only
from ..wire.frames import Limits
from ..wire.messages import decode_listing, decode_wants, encode_listing, encode_plan, encode_wants
from ..wire.reports import encode_report
from .grant import Grant
from .pump import packing, unpacking
from .source import Source, SourceSpec
from .talk import Message, Reply, Talk, in_parts, pieces_in_parts
from .target import Considered, Target, TargetSpec

LIMITS = Limits()
"""Of both jobs: a listing of a large tree is gathered before it is read."""
_COMMON = ("path", "exclude", "include", "checksum", "preserve")


def source_terms(spec: SourceSpec) -> Dict[str, Any]:
    """The terms of ``source``; modes can't be forced from afar."""
    return {**_terms(spec.path, spec.rules, spec.checksum, spec.preserve), "name": spec.name}


def target_terms(spec: TargetSpec, *, is_tree: bool) -> Dict[str, Any]:
    """The terms of ``target``."""
    return {
        **_terms(spec.path, spec.rules, spec.checksum, spec.preserve),
        "is_tree": is_tree,
        "delete": spec.delete,
        "limit": spec.limit.number,
        "is_percent": spec.limit.is_percent,
        "force": spec.force,
        "owner": spec.owner or "",
        "group": spec.group or "",
        "durable": spec.durable,
        "check": spec.check,
        **({"backup": spec.backup} if spec.backup else {}),
    }


def _terms(path: bytes, rules: Rules, checksum: object, preserve: Preserve) -> Dict[str, Any]:
    return {
        "path": path,
        "exclude": list(rules.exclude),
        "include": list(rules.include),
        "checksum": bool(checksum),
        "preserve": preserve.words,
    }


def _rules(terms: Mapping[str, Any]) -> Rules:
    return Rules(tuple(list_of(terms, "exclude", str)), tuple(list_of(terms, "include", str)))


class SourceJob:
    """A tree or a file of this host is read."""

    limits = LIMITS

    def __init__(self, terms: Mapping[str, Any], grant: Grant) -> None:
        """Open the source.

        :raises CopiaError: when the terms are damaged, the grant does not hold it, or it can't be opened.
        """
        only(terms, (*_COMMON, "name"))
        path = grant.to_read(field(terms, "path", bytes))
        checksum = field(terms, "checksum", bool)
        preserve = parse_preserve(list_of(terms, "preserve", str))
        name = field(terms, "name", bytes)
        self._source = Source(SourceSpec(path, _rules(terms), checksum, name=name, preserve=preserve))
        self.facts = {"is_tree": self._source.is_tree}
        self._listing: Optional[Listing] = None

    def answer(self, ask: Message, talk: Talk) -> Reply:
        """``offer`` and ``answer``."""
        if ask.name == "offer":
            self._listing = self._source.offer()
            return Reply({}, in_parts(encode_listing(self._listing)))
        if ask.name == "answer" and self._listing is not None:
            wants = decode_wants(talk.gather(ask), self._listing)
            items = self._source.answer(wants, dry=field(ask.fields, "dry", bool))
            return Reply({}, pieces_in_parts(packing(items, talk.codec)))
        raise RemoteProtocolError(f"a source is asked {ask.name!r}, which it does not answer here")

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class TargetJob:
    """A tree or a file of this host is made equal to a listing."""

    limits = LIMITS

    def __init__(self, terms: Mapping[str, Any], grant: Grant) -> None:
        """Open the destination, as far as it exists.

        :raises CopiaError: when the terms are damaged, the grant does not hold it, or it can't be opened.
        """
        flags = ("delete", "force", "durable", "check")
        only(terms, (*_COMMON, *flags, "is_tree", "limit", "is_percent", "owner", "group", "backup"))
        given = {name: field(terms, name, bool) for name in (*flags, "checksum")}
        path = field(terms, "path", bytes)
        spec = TargetSpec(
            grant.to_read(path) if given["check"] else grant.to_write(path),
            _rules(terms),
            limit=Limit(number(terms, "limit"), field(terms, "is_percent", bool)),
            owner=field(terms, "owner", str) or None,
            group=field(terms, "group", str) or None,
            preserve=parse_preserve(list_of(terms, "preserve", str)),
            backup=grant.place(terms, is_written=not given["check"]),
            **given,
        )
        self._is_tree = field(terms, "is_tree", bool)
        self._target = Target(spec, is_tree=self._is_tree)
        self._considered: Optional[Considered] = None
        self.facts: Dict[str, Any] = {}
        self._target.scan_ahead()

    def answer(self, ask: Message, talk: Talk) -> Reply:
        """``consider`` and ``finish``."""
        if ask.name == "consider":
            return self._consider(decode_listing(talk.gather(ask)))
        if ask.name == "finish" and self._considered is not None:
            report = self._target.finish(self._considered.plan, unpacking(ask.raw()))
            return Reply({}, in_parts(encode_report(report)))
        raise RemoteProtocolError(f"a target is asked {ask.name!r}, which it does not answer here")

    def _consider(self, listing: Listing) -> Reply:
        if listing.is_tree != self._is_tree:
            raise RemoteProtocolError("a listing is about a tree where a file was announced, or the other way round")
        self._considered = considered = self._target.consider(listing)
        plan = encode_plan(considered.plan, considered.report, is_tree=self._is_tree)
        wants = encode_wants(considered.wants, listing)
        return Reply({"plan": len(plan)}, chain(in_parts(plan), in_parts(wants)))

    def close(self) -> None:
        """Close the destination; this lets go of the lock."""
        self._target.close()

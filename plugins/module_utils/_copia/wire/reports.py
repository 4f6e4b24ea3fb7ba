# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run on the other side did, to bytes and back (``docs/formats/listing.md``)."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ..core.entries import ABSENT, Entry, Problem
from ..core.errors import RemoteProtocolError
from ..core.manifest import Rows, pack_rows, parse_rows
from ..core.paths import parse_path
from ..core.report import Change, Report, TextChange
from . import envelope
from .fields import columns_of, is_a, line, list_of, number, pack_columns, pairs

_COUNTS = (
    *("scanned", "files", "made", "updated", "touched", "removed", "moved"),
    *("kept", "skipped", "same"),
    *("bytes_total", "bytes_literal", "bytes_matched", "bytes_sent"),
)


def encode_report(report: Report) -> bytes:
    """A report as one message."""
    phases = sorted(report.seconds)
    body: Dict[str, Any] = {
        "counts": [getattr(report, name) for name in _COUNTS],
        "phases": phases,
        "microseconds": [int(report.seconds[phase] * 1e6) for phase in phases],
        "old": pack_columns(pack_rows([(change.path_before, change.old or ABSENT) for change in report.changes])),
        "new": pack_columns(pack_rows([(change.path, change.new or ABSENT) for change in report.changes])),
        "words": [f"{change.change} {change.reason}" for change in report.changes],
        "problems": [[problem.path, problem.what] for problem in report.problems],
        "undone": list(report.undone),
        "texts": [[text.path, text.before, text.after] for text in report.texts],
        "brakes": list(report.brakes),
        "notes": list(report.notes),
        "tree": report.tree,
    }
    return envelope.seal(envelope.Kind.REPORT, body)


def decode_report(data: bytes) -> Report:
    """The report in ``data``. What it says to people holds no control characters.

    :raises RemoteProtocolError: when it is damaged or foreign.
    """
    body = envelope.unseal(envelope.Kind.REPORT, data)
    numbers = dict(zip(_COUNTS, list_of(body, "counts", int, len(_COUNTS))))
    phases = list_of(body, "phases", str)
    report = Report(
        seconds=dict(zip(phases, (micros / 1e6 for micros in list_of(body, "microseconds", int, len(phases))))),
        changes=_changes(body),
        problems=[Problem(parse_path(path), shown(what)) for path, what in pairs(body, "problems")],
        undone=[parse_path(path) for path in list_of(body, "undone", bytes)],
        texts=[_text(text) for text in list_of(body, "texts", list)],
        brakes=[shown(brake) for brake in list_of(body, "brakes", str)],
        notes=[shown(note) for note in list_of(body, "notes", str)],
        tree=line(body, "tree"),
    )
    for name in _COUNTS:
        setattr(report, name, number(numbers, name))
    return report


def shown(text: str) -> str:
    """Text of the other side as it may be shown to people."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _changes(body: Mapping[str, Any]) -> List[Change]:
    words = [shown(word).split(" ") for word in list_of(body, "words", str)]
    old, new = (parse_rows(Rows(*columns_of(body, key))) for key in ("old", "new"))
    if not len(old) == len(new) == len(words) or any(len(word) != 2 for word in words):
        raise RemoteProtocolError("a report's changes do not agree in number, or are in another form")
    if any(was[0] != became[0] and word[0] != "move" for was, became, word in zip(old, new, words)):
        raise RemoteProtocolError("a report's changes do not agree in their paths")
    return [
        Change(path, word[0], word[1], _entry(was), _entry(became))
        for (_path, was), (path, became), word in zip(old, new, words)
    ]


def _entry(presence: object) -> Optional[Entry]:
    return presence if isinstance(presence, Entry) else None


def _text(text: List[Any]) -> TextChange:
    if len(text) != 3 or not all(is_a(part, bytes) for part in text):
        raise RemoteProtocolError("a report has texts in another form")
    return TextChange(parse_path(text[0]), text[1], text[2])

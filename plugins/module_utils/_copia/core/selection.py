# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left out of a tree: gitignore lines (docs/spec/selection.md).

Rules
1. ``exclude`` lines are gitignore lines; the last one that names an entry decides, and ``!`` takes an exclusion back.
2. ``include`` lines come after them, each as if it had a ``!``.
3. The tree is asked from the top: what is in an excluded directory is never asked for, so a line has to name the entry
   itself. pathspec's own answer for a path also weighs what its directories match, and names a directory by ``d/**``:
   hence its translation of each line is used, but not its matching.
4. A line without a slash looks at the base name alone, so neighbouring lines are looked up together, and the answer is
   remembered by name.
5. A line that can never name anything is refused: it was meant to protect something.

Not known here: sets in a line with a slash may match the slash, as in pathspec (``a[!b]c/d`` names ``a/c/d``).
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Pattern, Tuple

from ..values import dataclass
from .errors import InputError

REMEMBERED = 1 << 16
"""Base names whose answer is kept: repeated names are common in real trees, and memory stays bounded."""
_PLAIN = r"[^*?\[\]\\]*"
_UNCLOSED = r"(?<!\\)\[[!^]?\]?[^\]]*$"
_NAMED_CLASS = r"\[[^\]]*\[[:=.]"
_BELOW = "(?:(?P<"
"""Where, at the end of pathspec's expression for a line, "or anything below it" begins."""


@dataclass(frozen=True)
class Rules:
    """Gitignore lines: what is left out, and what is kept all the same."""

    exclude: Tuple[str, ...] = ()
    include: Tuple[str, ...] = ()


class _Line(NamedTuple):
    """One line, taken apart. ``simple``: the name, ending or path that it stands for, where that says all."""

    excludes: bool
    only_directories: bool
    by_name: bool
    simple: str
    expression: str


class _Group(NamedTuple):
    """Neighbouring lines of one kind, joined: what can be looked up beside what takes an expression."""

    excludes: bool
    by_name: bool
    names: FrozenSet[bytes]
    endings: Tuple[bytes, ...]
    expression: Optional[Pattern[str]]

    def fits(self, subject: bytes) -> bool:
        """Whether one of the lines names this base name, or this path."""
        if subject in self.names or subject.endswith(self.endings):
            return True
        return self.expression is not None and self.expression.fullmatch(_text(subject)) is not None


_Verdict = Tuple[bool, Tuple[_Group, ...]]
"""What the base name says, and the groups that look at the path and would overrule it."""
_ALONE: Tuple[_Verdict, _Verdict] = ((False, ()), (True, ()))


class Selector:
    """Asked from the top, a directory before its content."""

    def __init__(self, files: Tuple[_Group, ...], directories: Tuple[_Group, ...]) -> None:
        self._groups = (files, directories)
        self._known: Tuple[Dict[bytes, _Verdict], Dict[bytes, _Verdict]] = ({}, {})

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path``, whose directories are all kept, is left out."""
        name = path[path.rfind(b"/") + 1 :]
        known = self._known[is_directory]
        if name not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            known[name] = _judge_name(name, self._groups[is_directory])
        verdict, overruling = known[name]
        for group in overruling:
            if group.fits(path):
                return group.excludes
        return verdict


def _judge_name(name: bytes, groups: Tuple[_Group, ...]) -> _Verdict:
    before: List[_Group] = []
    verdict = False
    for group in groups:
        if not group.by_name:
            before.append(group)
        elif group.fits(name):
            verdict = group.excludes
            break
    if not before or all(group.excludes is verdict for group in before):
        return _ALONE[verdict]
    return verdict, tuple(before)


def _text(path: bytes) -> str:
    """A character for each character of UTF-8, a surrogate for each other byte. A dot matches no line break, so that is
    a surrogate too, one that no byte is decoded to.
    """
    return path.decode("utf-8", "surrogateescape").replace("\n", "\udc0a")


def selector(rules: Rules) -> Optional[Selector]:
    """The selector for ``rules``; ``None`` when they leave nothing out.

    :raises InputError: naming a line that is not a gitignore pattern, or can never name anything.
    """
    lines = [*_lines(rules.exclude, "exclude"), *_lines(rules.include, "include")]
    if not any(line.excludes for line in lines):
        return None
    files = tuple(_groups([line for line in lines if not line.only_directories]))
    return Selector(files, tuple(_groups(lines)))


def _groups(lines: List[_Line]) -> Iterator[_Group]:
    """The last lines first. Among neighbours that say the same, order does not matter: names come before paths."""
    for excludes, neighbours in groupby(reversed(lines), key=lambda line: line.excludes):
        same = list(neighbours)
        for by_name in (True, False):
            part = [line for line in same if line.by_name is by_name]
            if part:
                yield _joined(excludes, by_name, part)


def _joined(excludes: bool, by_name: bool, lines: List[_Line]) -> _Group:
    simple = [line.simple.encode("utf-8", "surrogateescape") for line in lines if line.simple]
    names = frozenset(text for text in simple if not text.startswith(b"*"))
    endings = tuple(text[1:] for text in simple if text.startswith(b"*"))
    rest = [f"(?:{line.expression})" for line in lines if not line.simple]
    return _Group(excludes, by_name, names, endings, re.compile("|".join(rest)) if rest else None)


def _lines(texts: Tuple[str, ...], option: str) -> Iterator[_Line]:
    for text in texts:
        line = text if text.endswith("\\ ") else text.rstrip()
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        if negated and option == "include":
            raise InputError(f"include {text!r}: an include takes exclusions back by itself; write it without the '!'")
        try:
            yield _parsed(line[negated:], option == "exclude" and not negated)
        except (ValueError, re.error) as error:
            raise InputError(f"{option} {text!r} is not a gitignore line: {error}") from error


def _parsed(line: str, excludes: bool) -> _Line:
    """A line without its ``!``. A path from the top without wildcards, a name, and ``*`` with an ending are simple.

    :raises ValueError: when it can never name anything.
    """
    only_directories = line.endswith("/")
    segments = line[: len(line) - only_directories].split("/")
    floats = len(segments) == 1
    if segments[0] == "" and not floats:
        del segments[0]
    while segments[0] == "**" and len(segments) > 1:
        floats = bool(segments.pop(0))
    _check(line, segments)
    if segments == ["**"]:
        segments, floats = ["*"], True
    elif segments[-1] == "**":
        segments.append("*")  # what is in the directory, not the directory
    path = "/".join(segments)
    by_name = floats and len(segments) == 1
    expression = _translated(f"**/{path}" if floats and not by_name else f"/{path}")
    is_simple = re.fullmatch(_PLAIN, path[1:] if by_name and path[0] == "*" else path) and (by_name or not floats)
    return _Line(excludes, only_directories, by_name, path if is_simple else "", expression)


def _check(line: str, segments: List[str]) -> None:
    line.encode("utf-8", "surrogateescape")
    if "\n" in line or "\r" in line:
        raise ValueError("it holds a line break; give each line by itself")
    if not {"", ".", ".."}.isdisjoint(segments):
        raise ValueError("no entry has an empty part, '.' or '..' in its path; write paths from the top as '/a/b'")
    if re.search(_NAMED_CLASS, line):
        raise ValueError("named classes are not understood; write the characters, as in [a-z]")
    if re.search(_UNCLOSED, line):
        raise ValueError(r"a bracket is not closed; write \[ for the character")


def _translated(line: str) -> str:
    """The expression that pathspec makes of a line, without its part for what lies below the entry that it names.
    A version of pathspec that writes that part in another way gets its whole expression used.

    :raises ValueError: when pathspec refuses the line; ``re.error`` when its expression does not compile.
    """
    from pathspec import GitIgnoreSpec

    pattern = next(iter(GitIgnoreSpec.from_lines([line]).patterns))
    if pattern.include is None or pattern.regex is None:
        raise ValueError("it names nothing")
    whole = str(pattern.regex.pattern)
    expression, below, _rest = whole.rpartition(_BELOW)
    return expression if below else whole

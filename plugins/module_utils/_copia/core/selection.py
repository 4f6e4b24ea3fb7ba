# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left out of a tree: gitignore lines (docs/spec/selection.md).

Rules
1. ``exclude`` lines are gitignore lines, the last match wins, and ``!`` takes an exclusion back.
2. ``include`` lines come after them, each as if it had a ``!``.
3. A directory that is excluded is not looked into; a file in it can't be included again without the directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .errors import InputError


@dataclass(frozen=True)
class Rules:
    """Gitignore lines."""

    exclude: Tuple[str, ...] = ()
    include: Tuple[str, ...] = ()


class Selector:
    """Asked top-down, a directory before its content."""

    def __init__(self, spec: Any) -> None:
        self._spec = spec
        self._known: Dict[bytes, bool] = {}

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path`` is left out."""
        text = path.decode("utf-8", "surrogateescape")
        return bool(self._spec.match_file(text + "/" if is_directory else text))


def selector(rules: Rules) -> Optional[Selector]:
    """The selector for ``rules``; ``None`` when they leave nothing out.

    :raises InputError: naming a line that is not a gitignore pattern.
    """
    if not rules.exclude and not rules.include:
        return None
    import pathspec

    lines = [*rules.exclude, *(f"!{line}" for line in rules.include)]
    for line in lines:
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except ValueError as error:
            raise InputError(f"the pattern {line!r} is not a gitignore line: {error}") from error
    return Selector(pathspec.GitIgnoreSpec.from_lines(lines))

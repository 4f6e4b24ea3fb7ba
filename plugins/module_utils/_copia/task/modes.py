# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options ``mode`` and ``directory_mode``: octal digits, or symbols as chmod and Ansible's own modules take them.

A host has no Ansible, so the symbols are read here; a test holds the answers against Ansible's own for every mode.
"""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Mapping, Optional, Tuple

from ..core.errors import InputError

Rule = Callable[[int], int]
"""The permissions that an entry is to have, from those that it has."""
Modes = Optional[Tuple[Rule, Rule]]
"""What forces the permissions of files, and those of directories."""
_CLAUSE = r"(a|[ugo]*)((?:[-+=][rwxXstugo]*)*)"
_CHANGE = r"([-+=])([rwxXstugo]*)"
_SHIFT = {"u": 6, "g": 3, "o": 0}
_SPECIAL = {"u": 0o4000, "g": 0o2000, "o": 0o1000}
_BITS = {"r": 4, "w": 2, "x": 1}


def modes_of(options: Mapping[str, Any]) -> Modes:
    """What forces permissions: a function for those of files and one for those of directories; ``None`` for neither.

    :raises InputError: when an option can't be understood.
    """
    wanted = [options.get(name) for name in ("mode", "directory_mode")]
    if all(mode in (None, "preserve") for mode in wanted):
        return None
    return _rule("mode", wanted[0], is_folder=False), _rule("directory_mode", wanted[1], is_folder=True)


def _rule(option: str, wanted: Any, *, is_folder: bool) -> Rule:
    if wanted in (None, "preserve"):
        return lambda found: found
    if isinstance(wanted, int):
        return lambda _found: wanted & 0o7777
    text = str(wanted)
    try:
        if text.isdigit():
            number = int(text, 8) & 0o7777
            return lambda _found: number
        return symbolic(text, _umask(), is_folder=is_folder)
    except ValueError:
        raise InputError(f"{option} is {text!r}: expected octal digits such as '0644', or a symbolic mode") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def symbolic(text: str, umask: int, *, is_folder: bool) -> Rule:
    """What a symbolic mode makes of permissions. ``umask`` holds back what a clause that names nobody would give.

    :raises ValueError: when ``text`` is no symbolic mode.
    """
    changes = []
    for clause in text.split(","):
        match = re.fullmatch(_CLAUSE, clause)
        if match is None:
            raise ValueError(text)
        allowed = 0o777 if match[1] else 0o777 & ~umask
        who = "ugo" if match[1] in ("", "a") else match[1]
        changes += [(user, *change, allowed) for change in re.findall(_CHANGE, match[2]) for user in who]

    def rule(found: int) -> int:
        for user, operator, permissions, allowed in changes:
            found = _changed(found, user, operator, _granted(found, user, permissions, allowed, is_folder))
        return found

    return rule


def _granted(found: int, user: str, permissions: str, allowed: int, is_folder: bool) -> int:
    """The bits that the letters stand for, where ``user`` has them."""
    bits = 0
    for letter in permissions:
        if letter in _BITS:
            bits |= _BITS[letter] << _SHIFT[user] & allowed
        elif letter in _SHIFT:
            bits |= (found >> _SHIFT[letter] & 7) << _SHIFT[user]
        elif letter == "X":
            bits |= (1 if is_folder or found & 0o111 else 0) << _SHIFT[user]
        elif (letter == "t") is (user == "o"):
            bits |= _SPECIAL[user]
    return bits


def _changed(found: int, user: str, operator: str, bits: int) -> int:
    if operator == "+":
        return found | bits
    if operator == "-":
        return found & ~bits
    return found & ~(7 << _SHIFT[user] | _SPECIAL[user]) | bits

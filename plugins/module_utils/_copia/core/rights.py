# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client may ask of a hub. The rows of ``docs/spec/rights.md``, which the tests read, as code.

Rules
1. The hub's side says who a client is, what it may do and below which prefix; the client says nothing about it.
2. Outside the prefix everything is denied. Above it (the directories that lead to it) one may only look.
3. A prefix is compared part by part: ``a`` holds ``a/b`` and does not hold ``ab``.
4. Who may write may have the refused version of a write kept beside it; who may not, may not.

The judge is a decision kernel: only ``if``, ``return``, ``==``, boolean operators and enum members.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from .entries import Absent, Presence
from .errors import InputError, RemoteProtocolError
from .paths import TreePath, parse_path


class Request(enum.Enum):
    """What a client asks for at a path."""

    READ = "read"
    ADD = "add"
    WRITE = "write"
    DELETE = "delete"


class Place(enum.Enum):
    """Where a path lies against a prefix."""

    INSIDE = "inside"
    ABOVE = "above"
    OUTSIDE = "outside"


class Permission(enum.Enum):
    """The answer."""

    GRANTED = "granted"
    DENIED = "denied"


class Rights(NamedTuple):
    """What a client may do."""

    read: bool
    add: bool
    write: bool
    delete: bool


ALL_RIGHTS = Rights(True, True, True, True)
READ_ONLY = Rights(True, False, False, False)


def judge_request(request: Request, place: Place, read: bool, add: bool, write: bool, delete: bool) -> Permission:
    """Whether a client with these rights may ask for that there."""
    if place == Place.OUTSIDE:
        return Permission.DENIED
    if request == Request.READ and read:
        return Permission.GRANTED
    if place == Place.ABOVE:
        return Permission.DENIED
    if request == Request.ADD and add:
        return Permission.GRANTED
    if request == Request.WRITE and write:
        return Permission.GRANTED
    if request == Request.DELETE and delete:
        return Permission.GRANTED
    return Permission.DENIED


def place_of(path: bytes, prefix: bytes) -> Place:
    """Where ``path`` lies; every path is inside the empty prefix."""
    if not prefix or path == prefix or path.startswith(prefix + b"/"):
        return Place.INSIDE
    return Place.ABOVE if not path or prefix.startswith(path + b"/") else Place.OUTSIDE


def request_of(expected: Presence, wanted: Presence) -> Request:
    """What an offer asks for."""
    if isinstance(wanted, Absent):
        return Request.DELETE
    return Request.ADD if isinstance(expected, Absent) else Request.WRITE


def may(rights: Rights, request: Request, path: TreePath, prefix: bytes) -> bool:
    """``judge_request`` for a path."""
    return judge_request(request, place_of(path, prefix), *rights) is Permission.GRANTED


def parse_rights(text: str) -> Rights:
    """Rights from a comma-separated list of read, add, write and delete; ``all`` is all four.

    :raises InputError: when a word is none of them.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    wrong = [word for word in words if word not in (*Rights._fields, "all")]
    if wrong or not words:
        found = ", ".join(wrong) or "nothing"
        raise InputError(f"rights are {found}: expected a list of read, add, write, delete, or all")
    return Rights(*(name in words or "all" in words for name in Rights._fields))


def parse_prefix(raw: bytes) -> TreePath:
    """A prefix, which an operator wrote: slashes around it mean nothing.

    :raises InputError: when it is no path below a root.
    """
    try:
        return parse_path(raw.strip(b"/"))
    except RemoteProtocolError as error:
        raise InputError(f"prefix {error}") from error

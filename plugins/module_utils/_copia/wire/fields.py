# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a map that came from outside, each checked for its type. A boolean is not a number here.

Everything here raises ``RemoteProtocolError`` when a field is missing or in another form.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Tuple, Type, TypeVar

from ..core.accounts import Accounts
from ..core.errors import RemoteProtocolError
from ..core.manifest import Rows

T = TypeVar("T")
Fields = Mapping[str, Any]


def is_a(value: Any, kind: Type[Any]) -> bool:
    """Whether ``value`` is of that type."""
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def field(fields: Fields, key: str, kind: Type[T]) -> T:
    """A field of that type."""
    found = fields.get(key)
    if not is_a(found, kind):
        raise RemoteProtocolError(f"a message lacks {key}, or has it in another form")
    checked: T = found  # type: ignore[assignment]
    return checked


def number(fields: Fields, key: str, most: int = (1 << 63) - 1) -> int:
    """A number from 0 to ``most``."""
    found = field(fields, key, int)
    if not 0 <= found <= most:
        raise RemoteProtocolError(f"a message has {key} {found}, expected 0 to {most}")
    return found


def line(fields: Fields, key: str) -> str:
    """A text that may be shown to people: it holds no control characters."""
    found = field(fields, key, str)
    if not found.isprintable():
        raise RemoteProtocolError(f"a message has control characters in {key}")
    return found


def list_of(fields: Fields, key: str, kind: Type[T], count: int = -1) -> List[T]:
    """A list whose items all are of that type; ``count`` of them unless negative."""
    found = fields.get(key)
    if not isinstance(found, list) or not all(is_a(item, kind) for item in found):
        raise RemoteProtocolError(f"a message lacks {key}, or has it in another form")
    if count >= 0 and len(found) != count:
        raise RemoteProtocolError(f"a message has {len(found)} {key}, expected {count}")
    return found


def pairs(fields: Fields, key: str) -> Iterator[Tuple[bytes, str]]:
    """A list of pairs of bytes and text."""
    for pair in list_of(fields, key, list):
        if len(pair) != 2 or not (is_a(pair[0], bytes) and is_a(pair[1], str)):
            raise RemoteProtocolError(f"a message has {key} in another form")
        yield pair[0], pair[1]


def pack_columns(rows: Rows) -> List[bytes]:
    """The columns of packed rows; that of the extended attributes only where there are some."""
    return list(rows if rows.extras else rows[:4])


def columns_of(fields: Fields, key: str) -> List[bytes]:
    """The columns of packed rows in a message, of which the last may be missing."""
    columns = list_of(fields, key, bytes)
    if len(columns) not in (4, 5):
        raise RemoteProtocolError(f"a message has {len(columns)} {key}, expected 4 or 5")
    return columns


def pack_accounts(accounts: Accounts) -> Dict[str, Any]:
    """Fields with the names of owners; none where there are none."""
    packed = {"users": list(map(list, accounts.users)), "groups": list(map(list, accounts.groups))}
    return {key: table for key, table in packed.items() if table}


def accounts_of(fields: Fields) -> Accounts:
    """The names of owners in a message, which may be without any."""
    return Accounts(*(tuple(_accounts(fields, key)) for key in ("users", "groups")))


def _accounts(fields: Fields, key: str) -> Iterator[Tuple[int, bytes]]:
    for pair in list_of(fields, key, list) if key in fields else ():
        if len(pair) != 2 or not (is_a(pair[0], int) and is_a(pair[1], bytes)):
            raise RemoteProtocolError(f"a message has {key} in another form")
        yield pair[0], pair[1]


def only(fields: Fields, known: Iterable[str]) -> None:
    """Refuse fields that nobody reads: what they ask for would silently not be done."""
    unknown = set(fields).difference(known)
    if unknown:
        raise RemoteProtocolError(f"a message has the unknown fields {', '.join(map(repr, sorted(unknown)))}")

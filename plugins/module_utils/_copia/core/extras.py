# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extended attributes of an entry as one canonical byte string (``docs/formats/listing.md``).

Rules
1. Sorted by name, no name twice; two entries have the same attributes where these strings are equal.
2. An access ACL is what it says beyond the permission bits: those of the owner, the mask and the others are in the
   mode, and are zero here. One that says nothing beyond is none.
3. Only names that are kept are in it: ``user.`` and all below, capabilities, and the two POSIX ACLs.

What this file does not know: files. Values of ACLs come from the kernel and go back to it as it has them.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from .errors import RemoteProtocolError

ACCESS, DEFAULT = b"system.posix_acl_access", b"system.posix_acl_default"
ACLS = (ACCESS, DEFAULT)
CAPABILITY = b"security.capability"
_USER = b"user."
_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<HI")
_ACL_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _NAMED_USER, _GROUP_OBJ, _NAMED_GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32
_TAGS = frozenset((_USER_OBJ, _NAMED_USER, _GROUP_OBJ, _NAMED_GROUP, _MASK, _OTHER))
_IN_MODE = {_USER_OBJ: 6, _MASK: 3, _OTHER: 0}
"""Whose bits are in the mode, and how far from its end."""
_MOST_NAME, _MOST_VALUE = 255, 1 << 16


def is_attribute(name: bytes) -> bool:
    """Whether it is one that users or the kernel's capabilities have; ACLs are not."""
    return name == CAPABILITY or (name.startswith(_USER) and len(name) > len(_USER))


def pack_extras(attributes: Mapping[bytes, bytes]) -> bytes:
    """Attributes by name as one string; empty for none."""
    parts: List[bytes] = []
    for name in sorted(attributes):
        parts += (_HEAD.pack(len(name), len(attributes[name])), name, attributes[name])
    return b"".join(parts)


def unpack_extras(packed: bytes) -> Dict[bytes, bytes]:
    """The attributes in a string.

    :raises RemoteProtocolError: when a rule above is broken.
    """
    found: Dict[bytes, bytes] = {}
    before, at = b"", 0
    while at < len(packed):
        if at + _HEAD.size > len(packed):
            raise RemoteProtocolError("attributes are cut off")
        size, length = _HEAD.unpack_from(packed, at)
        start = at + _HEAD.size + size
        name, value, at = packed[at + _HEAD.size : start], packed[start : start + length], start + length
        if at > len(packed) or size > _MOST_NAME or length > _MOST_VALUE or name <= before or b"\0" in name:
            raise RemoteProtocolError("attributes are cut off, too long or not sorted")
        if not (_is_acl(name, value) if name in ACLS else is_attribute(name)):
            raise RemoteProtocolError("attributes have a name or a value that nobody keeps")
        found[name] = value
        before = name
    return found


def cut_extras(packed: bytes) -> List[bytes]:
    """The attributes of one entry after the other, each of which stands after its length.

    :raises RemoteProtocolError: when they are cut off.
    """
    found, at = [], 0
    while at < len(packed):
        start = at + _LENGTH.size
        at = start + int.from_bytes(packed[at:start], "little")
        if start > len(packed) or at > len(packed):
            raise RemoteProtocolError("a listing's attributes are cut off")
        found.append(packed[start:at])
    return found


def join_extras(extras: Iterable[bytes]) -> bytes:
    """The inverse of ``cut_extras``."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in extras)


def _is_acl(name: bytes, value: bytes) -> bool:
    """Whether it is the canonical form of an ACL."""
    if not value or len(value) % _ENTRY.size:
        return False
    entries = list(_ENTRY.iter_unpack(value))
    in_range = all(tag in _TAGS and perm <= 7 for tag, perm, _id in entries)
    return in_range and acl_of_kernel(name, _ACL_VERSION + value) == value


def acl_of_kernel(name: bytes, raw: bytes) -> Optional[bytes]:
    """An ACL as it is kept; ``None`` where it says nothing beyond the mode, or is in a form that nobody knows."""
    if raw[:4] != _ACL_VERSION or (len(raw) - 4) % _ENTRY.size:
        return None
    entries = sorted(_ENTRY.iter_unpack(raw[4:]), key=lambda entry: (entry[0], entry[2]))
    if name == ACCESS:
        if all(tag != _MASK for tag, _perm, _id in entries):
            return None
        entries = [(tag, 0 if tag in _IN_MODE else perm, number) for tag, perm, number in entries]
    return b"".join(_ENTRY.pack(*entry) for entry in entries) or None


def acl_for_kernel(name: bytes, kept: bytes, mode: int) -> bytes:
    """The ACL as the kernel takes it, for an entry of that mode."""
    entries = _ENTRY.iter_unpack(kept)
    if name == ACCESS:
        filled = ((tag, mode >> _IN_MODE[tag] & 7 if tag in _IN_MODE else perm, id_) for tag, perm, id_ in entries)
        return _ACL_VERSION + b"".join(_ENTRY.pack(*entry) for entry in filled)
    return _ACL_VERSION + kept


def merge_extras(left: bytes, right: bytes, base: Optional[bytes]) -> bytes:
    """The attributes that two sides are to have: of each the one that is not as in ``base``; where both are not, or
    there is no base, the greater value, and something rather than nothing.
    """
    mine, theirs = unpack_extras(left), unpack_extras(right)
    was = None if base is None else unpack_extras(base)
    found: Dict[bytes, bytes] = {}
    for name in mine.keys() | theirs.keys():
        pair = (mine.get(name), theirs.get(name))
        changed = [value for value in pair if was is None or value != was.get(name)] or [pair[0]]
        there = [value for value in changed if value is not None]
        found.update({name: max(there)} if there else {})
    return pack_extras(found)


def _named(packed: bytes) -> Iterator[Tuple[int, int]]:
    """Tag and id of everybody whom an ACL names."""
    for name, value in unpack_extras(packed).items() if packed else ():
        for tag, _perm, number in _ENTRY.iter_unpack(value) if name in ACLS else ():
            if tag in (_NAMED_USER, _NAMED_GROUP):
                yield tag, number


def ids_in(packed: bytes) -> Tuple[Set[int], Set[int]]:
    """The ids of the users and of the groups that ACLs name."""
    found = set(_named(packed))
    users, groups = ({number for tag, number in found if tag == kind} for kind in (_NAMED_USER, _NAMED_GROUP))
    return users, groups


def with_ids(packed: bytes, users: Mapping[int, int], groups: Mapping[int, int]) -> bytes:
    """The same attributes with other ids in the ACLs; what is in neither mapping stays."""
    become = {_NAMED_USER: users, _NAMED_GROUP: groups}

    def mapped(value: bytes) -> bytes:
        entries = [
            (tag, perm, become[tag].get(number, number) if tag in become else number)
            for tag, perm, number in _ENTRY.iter_unpack(value)
        ]
        return b"".join(_ENTRY.pack(*entry) for entry in sorted(entries, key=lambda entry: (entry[0], entry[2])))

    attributes = unpack_extras(packed)
    return pack_extras({name: mapped(value) if name in ACLS else value for name, value in attributes.items()})


def names_in(packed: bytes) -> List[bytes]:
    """What there is, in a word each: ``acl``, ``default-acl``, or the name of an attribute."""
    words = {ACCESS: b"acl", DEFAULT: b"default-acl"}
    return [words.get(name, name) for name in unpack_extras(packed)]

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extended attributes of what stands at a name, and of all in a directory. No link is followed, and none has any.

A file system that has no attributes is one without any. What can't be read makes an entry unknown: to take it for
nothing would take it from the other side.
"""

from __future__ import annotations

import errno
import os
from typing import Any, Callable, Dict, Sequence, Tuple, Union

from ..core.entries import Entry, Kind, Presence, Unknown
from ..core.extras import ACLS, acl_of_kernel, is_attribute, pack_extras
from ..core.manifest import Block, pack_rows
from ..core.paths import TreePath, split
from ..core.preserve import Preserve

_NONE = (errno.ENOTSUP, errno.ENODATA)
_GONE = (errno.ENOENT, errno.ENOTDIR)
_WITH = (Kind.FILE, Kind.DIRECTORY)


def way_to(parent: int, name: bytes) -> "Tuple[Union[int, bytes], Dict[str, Any]]":
    """How calls that know no directory descriptors name what stands at ``name``, or is open where that is empty."""
    return (b"/proc/self/fd/%d/%s" % (parent, name), {"follow_symlinks": False}) if name else (parent, {})


def attributes_at(parent: int, name: bytes, keeps: Preserve) -> Dict[bytes, bytes]:
    """The attributes that are kept, as they are compared.

    :raises OSError: when they can't be read.
    """
    where, how = way_to(parent, name)
    try:
        listed = [os.fsencode(key) for key in os.listxattr(where, **how)]
    except OSError as error:
        if error.errno in _NONE:
            return {}
        raise
    found: Dict[bytes, bytes] = {}
    for key in listed:
        if keeps.acls and key in ACLS:
            kept = acl_of_kernel(key, os.getxattr(where, key, **how))
            found.update({} if kept is None else {key: kept})
        elif keeps.xattrs and is_attribute(key):
            found[key] = os.getxattr(where, key, **how)
    return found


Fail = Callable[[TreePath, bytes, int], None]
"""Hears in which directory what name can't be read, and why (errno)."""


def with_extras(block: Block, parent: int, names: Sequence[bytes], keeps: Preserve, fail: Fail) -> Block:
    """The block with the attributes of its entries, which have those ``names`` in the directory open at ``parent``."""
    entries = list(block.entries())
    dressed = [_dressed(what, parent, name, keeps, fail) for name, (_path, what) in zip(names, entries)]
    if all(new is old for new, (_path, old) in zip(dressed, entries)):
        return block
    return Block(block.directory, pack_rows(list(zip(block.packed.names.split(b"\0"), dressed))))


def _dressed(what: Presence, parent: int, name: bytes, keeps: Preserve, fail: Fail) -> Presence:
    if not isinstance(what, Entry) or what.kind not in _WITH:
        return what
    try:
        found = attributes_at(parent, name, keeps)
    except OSError as error:
        if error.errno in _GONE and not _is_there(parent, name):
            return what
        fail(*split(what.path), error.errno or 0)
        return Unknown("its attributes could not be read")
    return what._replace(extras=pack_extras(found)) if found else what


def _is_there(parent: int, name: bytes) -> bool:
    return name in map(os.fsencode, os.listdir(parent))

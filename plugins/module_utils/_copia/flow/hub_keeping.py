# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping a hub: its root made, its clients' keys written down, and what it says of itself.

A hub belongs to the owner of its root. Who keeps it as root steps down to that owner before the hub is opened, so that
every file of it belongs to who serves it.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from ..core.errors import InputError
from ..core.hub_words import HubFacts, Keeping
from ..core.key_lines import Client, clients_in, with_clients
from ..core.paths import RESERVED, show
from ..disk.folders import open_root
from ..disk.operations import Acts, Attributes, Replace, Unlink, WriteFile, run
from ..disk.root import kind_of_root
from ..values import dataclass

if TYPE_CHECKING:
    from ..disk.operations import Perform

_KEYS_MOST = 1 << 24
_NEXT = b".copia-next"
_FOR_EVER = 36_500


@dataclass(frozen=True)
class KeepSpec:
    """A hub's root; the file of its clients' keys, where one is kept; and ``command``, which starts ``copia`` and has
    what is the same for every client behind it.
    """

    root: bytes
    keys: Optional[bytes] = None
    command: Tuple[str, ...] = ("copia",)
    clients: Sequence[Client] = ()
    check: bool = False
    scrub: bool = False
    tombstone_days: int = 30
    keep_versions: int = 0
    keep_days: int = 30
    keep_bytes: int = 0


@dataclass
class Kept:
    """What was found and done. ``facts`` is missing where check mode would make the hub; ``noticed`` counts the changes
    of the tree that nobody had told of.
    """

    is_new: bool
    keys_before: str
    keys_after: str
    facts: Optional[HubFacts] = None
    noticed: int = 0
    versions: Tuple[int, int] = (0, 0)
    names: Tuple[str, ...] = ()


def keep_hub(spec: KeepSpec, carry_out: "Optional[Perform]" = None) -> Kept:
    """Have the hub, and exactly these clients.

    :raises InputError: when the root or the file can't be what it is to be.
    """
    before, after = _keys(spec, spec.clients)
    is_new = not _is_hub(spec.root)
    kept = Kept(is_new, before, after, names=tuple(client.name for client in spec.clients))
    if kind_of_root(spec.root) not in (None, "tree"):
        raise InputError(f"root {show(spec.root)} is not a directory; move it aside, or name another place")
    if spec.check:
        if not is_new:
            kept.facts, kept.versions = facts_of(spec.root)
        return kept
    from ..disk.perform import perform
    from ..disk.stage import make_root

    os.close(run(make_root(spec.root), carry_out or perform))
    if spec.keys is not None and before != after:
        _write_keys(spec.keys, after, carry_out or perform)
    _step_down(spec.root)
    kept.facts, kept.noticed, kept.versions = _opened(spec)
    return kept


def drop_hub(spec: KeepSpec, carry_out: "Optional[Perform]" = None) -> Kept:
    """Take every client's key away. What the hub holds stays."""
    before, after = _keys(spec, ())
    if not spec.check and spec.keys is not None and before != after:
        from ..disk.perform import perform

        _write_keys(spec.keys, after, carry_out or perform)
    return Kept(False, before, after)


def facts_of(root: bytes) -> Tuple[HubFacts, Tuple[int, int]]:
    """What the hub at ``root`` says of itself; and how many versions it keeps, with how many bytes. Nothing is
    forgotten because somebody asks.

    :raises InputError: when there is none.
    """
    if not _is_hub(root):
        raise InputError(f"there is no hub at {show(root)}; make one with copia.sync.hub_serve")
    from .hub import HubSession, HubSpec

    _step_down(root)
    session = HubSession(HubSpec(root, "", tombstone_days=_FOR_EVER))
    try:
        return session.facts(), session.versions()
    finally:
        session.close()


def _opened(spec: KeepSpec) -> Tuple[HubFacts, int, Tuple[int, int]]:
    from .hub import HubSession, HubSpec

    keep = Keeping(spec.keep_versions, spec.keep_days, spec.keep_bytes)
    session = HubSession(HubSpec(spec.root, "", tombstone_days=spec.tombstone_days, keep=keep))
    try:
        noticed = session.refresh(everything=True) if spec.scrub else 0
        versions = session.tidy()
        return session.facts(), noticed, versions
    finally:
        session.close()


def _is_hub(root: bytes) -> bool:
    return os.path.isdir(os.path.join(root, RESERVED))


def _step_down(root: bytes) -> None:
    """Become the owner of the hub's root, where that is somebody else and we may."""
    owner = os.stat(root)
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _keys(spec: KeepSpec, clients: Sequence[Client]) -> Tuple[str, str]:
    """The text of the file of keys, and what it is to be."""
    text = _read(spec.keys) if spec.keys is not None else ""
    return text, with_clients(text, spec.command, os.fsdecode(spec.root), clients)


def known_clients(spec: KeepSpec) -> "list[Tuple[str, str]]":
    """``(name, public key)`` of the clients that the file of keys has for this hub."""
    return clients_in(_read(spec.keys), os.fsdecode(spec.root)) if spec.keys is not None else []


def _read(path: bytes) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read(_KEYS_MOST).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError(f"{show(path)} cannot be read: {os.strerror(error.errno or 0)}") from error


def _write_keys(path: bytes, text: str, carry_out: "Perform") -> None:
    """A new file in the place of the old one, with its owner and mode; a first one belongs to its folder's owner."""
    directory, name = os.path.split(os.path.abspath(path))
    try:
        folder = open_root(directory)
    except OSError as error:
        raise InputError(f"{show(directory)} cannot be opened: {os.strerror(error.errno or 0)}") from error
    try:
        run(_replaced(folder, name, text.encode("utf-8", "surrogateescape")), carry_out)
    except OSError as error:
        raise InputError(f"{show(path)} cannot be written: {os.strerror(error.errno or 0)}") from error
    finally:
        os.close(folder)


def _replaced(folder: int, name: bytes, data: bytes) -> Acts:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        mode = stat.S_IMODE(found.st_mode)
    except FileNotFoundError:
        found, mode = os.fstat(folder), 0o600
    owner = (found.st_uid, found.st_gid) if os.geteuid() == 0 else (-1, -1)
    try:
        yield Unlink(folder, name + _NEXT)
    except FileNotFoundError:
        pass
    yield WriteFile(folder, name + _NEXT, data, Attributes(mode, time.time_ns(), *owner), True)
    yield Replace(folder, name + _NEXT, folder, name)

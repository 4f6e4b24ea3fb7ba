# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A short language for sessions with a hub: versions of files, offers, and what comes of them."""

from __future__ import annotations

import os
import pathlib
from typing import Dict, Iterator, Optional, Sequence, Tuple

from blake3 import blake3
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.hub_words import Held, Hub, Mark, Offer, Outcome, Row, wants_content
from copia.core.parcel import SMALL_LIMIT, Begin, Data, End, Item, Small
from copia.core.paths import TreePath
from copia.flow.hub import HubSession, HubSpec

LONG_AGO = 10**18


def text_of(entry: Entry) -> bytes:
    """What the file of ``file`` holds."""
    return TEXTS[entry.digest or b""]


TEXTS: Dict[bytes, bytes] = {}


def file(path: str, text: str, *, time: int = LONG_AGO, mode: int = 0o644) -> Entry:
    """A version of a file."""
    data = text.encode()
    digest = blake3(data).digest()
    TEXTS[digest] = data
    return Entry(TreePath(path.encode()), Kind.FILE, len(data), time, mode, digest)


def folder(path: str, *, mode: int = 0o755) -> Entry:
    """A directory."""
    return Entry(TreePath(path.encode()), Kind.DIRECTORY, 0, LONG_AGO, mode)


def link(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(TreePath(path.encode()), Kind.LINK, 0, LONG_AGO, 0o777, target=target.encode())


def new(*wanted: Entry) -> "list[Offer]":
    """Offers where the client knows of nothing."""
    return [Offer(entry.path, ABSENT, entry) for entry in wanted]


def change(expected: Entry, wanted: Held) -> Offer:
    """An offer to replace or remove."""
    return Offer(expected.path, expected, wanted)


def items_of(offers: Sequence[Offer]) -> Iterator[Item]:
    """The contents that go with offers."""
    for offer in offers:
        if wants_content(offer) and isinstance(offer.wanted, Entry):
            yield from content_of(offer.wanted)


def content_of(entry: Entry) -> Iterator[Item]:
    """The content of a file, as a parcel has it."""
    data, digest = text_of(entry), entry.digest or b""
    if len(data) <= SMALL_LIMIT:
        yield Small(entry.path, data, digest)
        return
    yield Begin(entry.path, len(data))
    yield from (Data(data[at : at + 65_536]) for at in range(0, len(data), 65_536))
    yield End(digest)


def put(hub: Hub, *offers: Offer) -> Tuple[Outcome, ...]:
    """Put offers with their contents."""
    return hub.put(offers, items_of(offers)).outcomes


def open_hub(root: pathlib.Path, client: str = "a", **how: object) -> HubSession:
    """A session with the hub at ``root``, which is made where it is missing."""
    root.mkdir(exist_ok=True)
    return HubSession(HubSpec(os.fsencode(root), client, **how))  # type: ignore[arg-type]


def mark_of(hub: Hub) -> Mark:
    """What a client knows that was just told everything."""
    *_pages, last = hub.news(None)
    return Mark(hub.facts().hub_id, last.revision, last.stamp)


def rows(hub: Hub, since: Optional[Mark] = None) -> Dict[bytes, Row]:
    """The news by path."""
    return {row.path: row for page in hub.news(since) for row in page.rows}


def tree(root: pathlib.Path) -> Dict[str, str]:
    """The files and links below ``root``, without the hub's own folder: a file's text, ``->`` and a link's."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.split("/", maxsplit=1)[0] != ".copia" and (path.is_symlink() or path.is_file()):
            found[name] = f"->{path.readlink()}" if path.is_symlink() else path.read_text()
    return found

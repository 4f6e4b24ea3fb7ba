# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a client comes to its hub: a root on this host in this process, or ``host:root`` over ssh; again when it fails.

Every run can be repeated: what was committed before a link broke is found alike by the next one.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Sequence, Tuple

from ..core.conflicts import sanitised
from ..core.errors import Busy, Unreachable
from ..core.hub_report import HubReport
from ..core.hub_words import Hub, HubFacts
from ..core.paths import show
from ..disk.archive import name_of_paths, remembered
from ..disk.folders import open_root
from ..disk.state import state_folder
from ..link.ssh import SshOptions, split_remote
from ..values import dataclass, field
from .pair import PairSpec

if TYPE_CHECKING:
    from ..disk.operations import Perform
    from .local_side import LocalSide

_PAUSE = 1.0
"""Seconds before the first new attempt; each later one waits twice as long."""


@dataclass(frozen=True)
class Reach:
    """How a hub on another host is reached, and how often a link that failed is tried again."""

    ssh: SshOptions = field(default_factory=SshOptions)
    retries: int = 2


def reach_of(key: Optional[str], known_hosts: Optional[str], args: Sequence[str], timeout: int, retries: int) -> Reach:
    """A reach from plain values; without files of keys, ssh's own configuration decides."""
    return Reach(SshOptions(key, known_hosts, tuple(args), timeout), retries)


def is_remote(target: bytes) -> bool:
    """Whether a hub is on another host."""
    return split_remote(target) is not None


@contextmanager
def opened_hub(
    target: bytes, reach: Reach, patience: float, meanwhile: Callable[[bytes], None] = lambda place: None
) -> Iterator[Tuple[Hub, bytes]]:
    """A session with a hub, and its place in one way of writing. ``meanwhile`` is called with that place while a hub on
    another host is on its way.

    :raises CopiaError: when there is none, or it can't be reached.
    """
    client = sanitised(os.uname().nodename).decode("ascii")
    remote = split_remote(target)
    if remote is not None:
        from .hub_jobs import remote_hub

        place = b"hub " + target
        with remote_hub(remote.host, remote.path, client, reach.ssh, lambda: meanwhile(place)) as far:
            yield far, place
        return
    from .hub import HubSession, HubSpec

    session = HubSession(HubSpec(target, client, patience=patience))
    try:
        yield session, os.path.realpath(target)
    finally:
        session.close()


def sync_with(
    spec: PairSpec,
    reach: Reach,
    *,
    carry_out: "Optional[Perform]" = None,
    pause: Callable[[float], None] = time.sleep,
) -> HubReport:
    """Bring ``spec.left`` and the hub ``spec.right`` together; a link that fails is tried again.

    :raises CopiaError: when the run cannot go on.
    """
    for attempt in range(reach.retries + 1):
        try:
            return _once(spec, reach, carry_out)
        except (Unreachable, Busy):
            if attempt == reach.retries:
                raise
        pause(_PAUSE * 2**attempt)
    raise Unreachable(f"{show(spec.right)} cannot be reached")


def _once(
    spec: PairSpec,
    reach: Reach,
    carry_out: "Optional[Perform]",
) -> HubReport:
    """One run. The tree is looked at while a hub on another host is on its way; where nothing is known of the two
    together, every file will have to be read.
    """
    ahead: List[LocalSide] = []

    def look_ahead(place: bytes) -> None:
        from .bisync import left_of

        ahead.append(left_of(spec, carry_out))
        ahead[0].look_ahead(spec.rules, digests=not _is_known(spec, ahead[0].place, place))

    try:
        with opened_hub(spec.right, reach, spec.patience, look_ahead) as (hub, place):
            from .hub_sync import hub_sync

            left = ahead[0] if ahead else None
            return hub_sync(spec, hub, place, left=left, carry_out=carry_out)
    finally:
        for side in ahead:
            side.close()


def _is_known(spec: PairSpec, left: bytes, place: bytes) -> bool:
    """Whether anything was agreed on there."""
    try:
        folder = open_root(spec.state or state_folder(os.environ))
    except OSError:
        return False
    try:
        return remembered(folder, name_of_paths(left, place)) is not None
    finally:
        os.close(folder)


def hub_facts(target: bytes, reach: Reach) -> HubFacts:
    """What a hub says of itself.

    :raises CopiaError: when it can't be asked.
    """
    with opened_hub(target, reach, 30.0) as (hub, _place):
        return hub.facts()

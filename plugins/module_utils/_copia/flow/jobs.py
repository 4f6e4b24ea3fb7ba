# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs that ``copia serve`` does, by the name that OPEN gives. Only the job that is asked for is imported."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping

from ..core.errors import InputError
from ..core.paths import show
from .grant import Grant
from .serve import Job, OpenJob

if TYPE_CHECKING:
    from .hub import HubSpec


def _source(grant: Grant, terms: Mapping[str, Any]) -> Job:
    from .mirror_jobs import SourceJob

    return SourceJob(terms, grant)


def _target(grant: Grant, terms: Mapping[str, Any]) -> Job:
    from .mirror_jobs import TargetJob

    return TargetJob(terms, grant)


def _hub(grant: Grant, terms: Mapping[str, Any]) -> Job:
    from .hub_jobs import HubJob

    return HubJob(terms, grant)


def _side(grant: Grant, terms: Mapping[str, Any]) -> Job:
    from .side_job import SideJob

    return SideJob(terms, grant)


JOBS: Mapping[str, Callable[[Grant, Mapping[str, Any]], Job]] = {
    "source": _source,
    "target": _target,
    "side": _side,
    "hub": _hub,
}


def jobs_for(grant: Grant) -> Dict[str, OpenJob]:
    """All jobs, for a client with that grant."""
    return {name: partial(job, grant) for name, job in JOBS.items()}


def shut_in(root: bytes) -> List[str]:
    """Shut this process into a hub's root for good, as far as the kernel can; the names of the walls that stand.

    :raises InputError: when the root can't be opened, or a wall can't be put up.
    """
    from ..disk.confine import confine

    try:
        return confine(root)
    except OSError as error:
        raise InputError(f"{show(root)} cannot be a hub: {os.strerror(error.errno or 0)}") from error


def forced_hub(spec: "HubSpec") -> Dict[str, OpenJob]:
    """The jobs of a forced command: this hub for this client, and nothing else."""

    def opened(terms: Mapping[str, Any]) -> Job:
        from .hub_jobs import HubJob

        return HubJob(terms, Grant(), spec)

    return {"hub": opened}

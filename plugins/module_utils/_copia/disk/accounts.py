# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names and ids of this host's accounts."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Callable, Dict, Iterable, Tuple

from ..core.accounts import NOBODY, Accounts, Ids, used_in, used_in_plan
from ..core.manifest import Manifest
from ..core.preserve import Preserve
from ..core.steps import MirrorPlan

_Table = Tuple[Tuple[int, bytes], ...]


def names_here(users: Iterable[int], groups: Iterable[int]) -> Accounts:
    """What this host calls those ids."""
    return Accounts(
        _names(users, lambda number: pwd.getpwuid(number).pw_name),
        _names(groups, lambda number: grp.getgrgid(number).gr_name),
    )


def accounts_in(manifest: Manifest, keeps: Preserve) -> Accounts:
    """The names of the owners in a tree of this host, where those are kept."""
    return names_here(*used_in(manifest)) if keeps.has_ids else NOBODY


def accounts_in_plan(plan: MirrorPlan, keeps: Preserve) -> Accounts:
    """The same of what a plan wants."""
    return names_here(*used_in_plan(plan)) if keeps.has_ids else NOBODY


def _names(ids: Iterable[int], name_of: Callable[[int], str]) -> _Table:
    found = []
    for number in sorted(ids):
        try:
            found.append((number, os.fsencode(name_of(number))))
        except KeyError:
            continue
    return tuple(found)


def ids_here(accounts: Accounts) -> Ids:
    """What ids of another host become on this one; those that are the same here are not in it."""
    return Ids(
        _ids(accounts.users, lambda name: pwd.getpwnam(name).pw_uid),
        _ids(accounts.groups, lambda name: grp.getgrnam(name).gr_gid),
    )


def _ids(table: _Table, id_of: Callable[[str], int]) -> Dict[int, int]:
    found: Dict[int, int] = {}
    for number, name in table:
        try:
            here = id_of(os.fsdecode(name))
        except (KeyError, ValueError):
            continue
        if number and here != number:
            found[number] = here
    return found

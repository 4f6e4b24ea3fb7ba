# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of clients with a hub, in one folder."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict

from copia.core.brakes import Limit
from copia.core.hub_plan import Direction
from copia.core.hub_report import HubReport
from copia.flow.hub_sync import hub_sync
from copia.flow.pair import PairSpec

from tests.hub_model import ModelHub
from tests.trees import age, contents, grow

PUSH, PULL, BOTH = Direction.PUSH, Direction.PULL, Direction.BOTH


class Fleet:
    """A hub and clients ``a``, ``b``, … with a tree each."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.hub = folder, ModelHub()

    def tree(self, client: str) -> pathlib.Path:
        root = self.folder / client
        root.mkdir(exist_ok=True)
        return root

    def grow(self, client: str, words: str) -> None:
        age(grow(self.tree(client), words), 60)

    def sync(self, client: str, direction: Direction = BOTH, **options: Any) -> HubReport:
        rules: Dict[str, Any] = {"limit": Limit(100, True), "durable": False, "patience": 0}
        state = os.fsencode(self.folder / "state")
        root = os.fsencode(self.tree(client))
        spec = PairSpec(root, b"hub", direction=direction, state=state, **{**rules, **options})
        return hub_sync(spec, self.hub, b"hub:/srv")

    def texts(self, client: str) -> Dict[bytes, bytes]:
        return contents(self.tree(client))


def agreed(fleet: Fleet, words: str = "x=old") -> None:
    """Clients a and b and the hub hold the same."""
    fleet.grow("a", words)
    for client in ("a", "b", "a"):
        assert not fleet.sync(client).pair.problems
    assert fleet.texts("a") == fleet.texts("b") == fleet.hub.texts()

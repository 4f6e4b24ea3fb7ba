# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients of one hub, killed with their servers at any moment: no update is lost, no refused write is gone."""

from __future__ import annotations

import os
import pathlib

from tests.crowd import run

SIZE = os.environ.get("COPIA_HUB_CROWD", "8 2000 200")
"""Clients, operations of each, kills; ``COPIA_HUB_CROWD='8 60 8'`` takes some seconds."""


def test_a_crowd_that_is_killed_again_and_again_leaves_one_line(tmp_path: pathlib.Path) -> None:
    clients, operations, kills = map(int, SIZE.split())
    assert not run(tmp_path, clients, operations, kills)

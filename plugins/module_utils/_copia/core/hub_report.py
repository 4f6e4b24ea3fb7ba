# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client's run with its hub did, as a value and as plain data. The sides are called ``local`` and ``hub``."""

from __future__ import annotations

from typing import Any, Dict, List

from ..values import dataclass
from .hub_words import HubFacts
from .pair_report import PairReport, pair_changes, pair_stats, plain_conflicts
from .paths import show
from .verdicts import Where

SIDE = {Where.LEFT.word: "local", Where.RIGHT.word: "hub"}


@dataclass
class HubReport:
    """``pair`` has the local tree as its left side. ``sent`` counts the files and links that the hub took, without
    those of which only a time or permissions changed; ``revision`` is the one that the client was told up to.
    """

    pair: PairReport
    hub_id: str
    revision: int
    sent: int

    @property
    def received(self) -> int:
        """The files and links whose content came here, or were moved here as the hub moved them: what ``sent`` counts,
        the other way round.
        """
        return self.pair.sides[Where.LEFT].transfers

    @property
    def unchanged(self) -> int:
        """The local files and links whose content stayed."""
        edits = sum(conflict.kind != "delete" for conflict in self.pair.conflicts)
        return max(0, self.pair.files - self.sent - edits - len(self.pair.problems))


def plain_hub_report(report: HubReport, limit: int) -> Dict[str, Any]:
    """The report as plain data, with at most ``limit`` entries in each list (and of each side's changes)."""
    pair = report.pair
    changes: List[Dict[str, Any]] = [{**change, "side": SIDE[change["side"]]} for change in pair_changes(pair, limit)]
    conflicts = [{**found, "winner": SIDE[found["winner"]]} for found in plain_conflicts(pair, limit)]
    return {
        "changed": pair.changed,
        "conflicts": conflicts,
        "conflict_count": len(pair.conflicts),
        "changes": changes,
        "changes_total": pair.applied,
        "truncated": pair.is_cut_at(limit),
        "problems": [{"path": show(p.path), "problem": p.what} for p in pair.problems[:limit]],
        "notes": list(pair.notes),
        "stats": {**pair_stats(pair), "sent": report.sent, "received": report.received, "unchanged": report.unchanged},
        "base": pair.base,
        "hub_id": report.hub_id,
        "revision": report.revision,
    }


def plain_facts(facts: HubFacts) -> Dict[str, Any]:
    """What a hub says of itself, as plain data; ``lag`` counts the revisions that a client does not have yet."""
    clients = [
        {
            "name": client.name,
            "revision": client.revision,
            "lag": max(0, facts.revision - client.revision),
            "last_seen": client.when_ns // 10**9,
        }
        for client in facts.clients
    ]
    return {
        "hub_id": facts.hub_id.hex(),
        "revision": facts.revision,
        "files": facts.files,
        "bytes": facts.bytes,
        "conflicts": facts.conflicts,
        "clients": clients,
    }

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark measured, seconds or megabytes, by workload, phase, tool and round; ratios are within a round."""

from __future__ import annotations

import json
import pathlib
import statistics
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Tuple

Key = Tuple[str, str, str]
"""Workload, phase, tool."""
UNITS = {"s": ("seconds", 2), "MB": ("megabytes", 0)}
"""What is measured: the name of the unit, and digits behind the point."""


@dataclass
class Figures:
    """Seconds (or another of ``UNITS``) of each round. ``base`` is the tool that ratios are taken to; ``facts`` say
    what was measured where; ``beside`` is what else there is to say of the last round.
    """

    base: str
    facts: Dict[str, str] = field(default_factory=dict)
    seconds: Dict[Key, List[float]] = field(default_factory=dict)
    unit: str = "s"
    beside: Dict[Key, str] = field(default_factory=dict)

    def note(self, workload: str, phase: str, tool: str, seconds: float, beside: str = "") -> None:
        """Add one measurement."""
        self.seconds.setdefault((workload, phase, tool), []).append(seconds)
        if beside:
            self.beside[workload, phase, tool] = beside

    def ratio(self, workload: str, phase: str, tool: str) -> float:
        """The median over the rounds of ``tool`` to the base."""
        pairs = zip(self.seconds[workload, phase, tool], self.seconds[workload, phase, self.base])
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def save(self, path: pathlib.Path) -> None:
        """Write everything as JSON."""
        rows = [
            {
                "workload": workload,
                "phase": phase,
                "tool": tool,
                UNITS[self.unit][0]: [round(one, 4) for one in seconds],
                "median": round(statistics.median(seconds), 4),
                **self._ratio_of(workload, phase, tool),
                **({"beside": self.beside[key]} if (key := (workload, phase, tool)) in self.beside else {}),
            }
            for (workload, phase, tool), seconds in self.seconds.items()
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"base": self.base, "facts": self.facts, "rows": rows}, indent=1) + "\n")

    def _ratio_of(self, workload: str, phase: str, tool: str) -> Dict[str, float]:
        if (workload, phase, self.base) not in self.seconds:
            return {}
        return {"ratio": round(self.ratio(workload, phase, tool), 3)}

    def add_older(self, path: pathlib.Path) -> None:
        """Add the rows that an earlier run wrote to ``path`` and this one did not measure; the order stays."""
        if not path.exists():
            return
        older = json.loads(path.read_text())
        measured = {key[0] for key in self.seconds}
        kept = {(row["workload"], row["phase"], row["tool"]): row["seconds"] for row in older["rows"]}
        stay = {key: self.seconds.get(key, times) for key, times in kept.items()}
        stay = {key: times for key, times in stay.items() if key in self.seconds or key[0] not in measured}
        self.seconds = {**stay, **self.seconds}
        self.facts = {**older["facts"], **self.facts}

    def table(self) -> str:
        """A Markdown table: the median, the ratio to the base behind it, and what stands beside it."""
        tools = list(dict.fromkeys(tool for _workload, _phase, tool in self.seconds))
        lines = [f"| | {' | '.join(tools)} |", f"|---|{'---|' * len(tools)}"]
        for workload, phase in dict.fromkeys(key[:2] for key in self.seconds):
            cells = [self._cell(workload, phase, tool) for tool in tools]
            lines.append(f"| {workload}, {phase} | {' | '.join(cells)} |")
        return "\n".join([*lines, "", *self._said()])

    def _cell(self, workload: str, phase: str, tool: str) -> str:
        seconds = self.seconds.get((workload, phase, tool))
        if not seconds:
            return "–"
        shown = f"{statistics.median(seconds):,.{UNITS[self.unit][1]}f} {self.unit}"
        if (workload, phase, self.base) in self.seconds and tool != self.base:
            shown = f"{shown} (**{self.ratio(workload, phase, tool):.2f}**)"
        beside = self.beside.get((workload, phase, tool))
        return f"{shown}; {beside}" if beside else shown

    def _said(self) -> Iterator[str]:
        yield "; ".join(f"{name}: {what}" for name, what in self.facts.items())

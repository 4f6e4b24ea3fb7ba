# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crafted content costs the C twin's signature and delta, beside random content of the same length.

All in one process; what counts is its own time on the processor.

No content may cost more than three times the random one: a weak sum has few candidates, and failures have a budget.
"""

from __future__ import annotations

import os
import pathlib
import random
import time
from typing import Dict, Tuple

from copia.core import twin
from copia.core.delta import ReadAt, delta, sizes
from copia.core.signature import signature

from .figures import Figures

RANDOM = "random"
BLOCKS = (512, 4096, 65536)
MIB = 1 << 20


def measure(_folder: pathlib.Path, rounds: int, megabytes: int) -> Figures:
    """Each content in each round.

    :raises SystemExit: without the C twin.
    """
    if twin.native is None:
        raise SystemExit("the C twin is not installed: make native")
    figures = Figures(RANDOM, {"length": f"{megabytes} MiB", "rounds": str(rounds)})
    for _number in range(rounds):
        for block in BLOCKS:
            for name, (basis, new) in contents(megabytes * MIB, block).items():
                _measure(figures, f"blocks of {block}", name, (basis, new), block)
    return figures


def _measure(figures: Figures, workload: str, name: str, content: Tuple[bytes, bytes], block: int) -> None:
    basis, new = content
    began = time.process_time()
    signed = signature([basis], block)
    between = time.process_time()
    literal, _copied = sizes(delta(reader(new), len(new), signed))
    ended = time.process_time()
    figures.note(workload, "signature", name, between - began)
    figures.note(workload, "delta", name, ended - between)
    figures.facts[f"literal share of {name}"] = f"{literal / len(new):.0%}"
    print(f"{workload}, {name}: signature {between - began:.2f} s, delta {ended - between:.2f} s", flush=True)


def reader(data: bytes) -> ReadAt:
    """Reads from memory."""
    return lambda offset, length: data[offset : offset + length]


def contents(size: int, block: int) -> Dict[str, Tuple[bytes, bytes]]:
    """Basis and new content by name."""
    first, second = random.Random(1).randbytes(size), random.Random(2).randbytes(size)
    period = bytes(range(251)) * 17
    periodic = (period * (size // len(period) + 1))[:size]
    up, down = bytes([10, 20, 30, 40]) * (size // 4), bytes([11, 18, 31, 40]) * (size // 4)
    mixed = b"".join(os.urandom(1) + up[: block - 1] for _block in range(size // block))
    return {
        RANDOM: (first, second),
        "zeros": (bytes(size), bytes(size + 5)),
        "random on zeros": (bytes(size), second),
        "zeros on random": (first, bytes(size)),
        "periodic": (periodic, b"x" + periodic + b"y"),
        "equal weak sums": (up, down),
        "nearly equal weak sums": (mixed, down),
    }

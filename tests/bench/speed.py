# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds everything else: copying memory, reading a cached file, hashing, and the C twin's loops; one thread each.

Seconds for the whole length, beside a copy of it in memory.
"""

from __future__ import annotations

import os
import pathlib
import random
import time
from typing import Callable, Dict

from copia.core import twin
from copia.core.blocks import Table, block_digests, block_rows, equal_blocks
from copia.disk.sums import digest_of, fresh_digest

from .delta import BLOCK, MIB, random_file
from .figures import Figures

MEMCPY = "copy in memory"


def measure(folder: pathlib.Path, rounds: int, megabytes: int) -> Figures:
    """Each in turn, in windows of a MiB.

    :raises SystemExit: without the C twin.
    """
    if twin.native is None:
        raise SystemExit("the C twin is not installed: make native")
    facts = {"length": f"{megabytes} MiB", "block": f"{BLOCK} bytes", "rounds": str(rounds)}
    figures = Figures(MEMCPY, facts)
    place = folder / "file"
    random_file(place, megabytes, random.Random(1))
    descriptor = os.open(place, os.O_RDONLY)
    try:
        loops = _loops(descriptor, os.pread(descriptor, MIB, 0), megabytes)
        for _number in range(rounds):
            for name, loop in loops.items():
                began = time.perf_counter()
                loop()
                figures.note("one thread", "all", name, time.perf_counter() - began)
    finally:
        os.close(descriptor)
    for name in loops:
        seconds = min(figures.seconds["one thread", "all", name])
        figures.facts[f"GB/s, best, {name}"] = f"{megabytes * MIB / seconds / 1e9:.2f}"
    return figures


def _loops(descriptor: int, window: bytes, megabytes: int) -> Dict[str, Callable[[], None]]:
    target = bytearray(len(window))
    rows, _digests = block_rows(window, BLOCK)
    table = Table(rows, BLOCK, len(rows) // 24)
    other = random.Random(2).randbytes(MIB)

    def copy() -> None:
        target[:] = window

    def again(one: Callable[[], object]) -> Callable[[], None]:
        def loop() -> None:
            for _window in range(megabytes):
                one()

        return loop

    def read() -> None:
        for at in range(0, megabytes * MIB, MIB):
            os.pread(descriptor, MIB, at)

    def hash_file() -> None:
        digest_of(descriptor)

    return {
        MEMCPY: again(copy),
        "read": read,
        "BLAKE3, package": again(lambda: fresh_digest(window).digest()),
        "BLAKE3 of a file": hash_file,
        "BLAKE3 of blocks": again(lambda: block_digests(window, BLOCK)),
        "signature": again(lambda: block_rows(window, BLOCK)),
        "equal blocks": again(lambda: equal_blocks(window, BLOCK, rows)),
        "search": again(lambda: table.find(other, MIB, 1 << 40)),
    }

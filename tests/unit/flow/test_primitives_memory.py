# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the three commands take of memory for as many blocks as a file of 4 GiB has: the kernel says it of each."""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
import sys

import pytest
from copia import values
from copia.core import twin
from copia.core.signature import block_size_for

MIB = 1 << 20
MOST = 64
RUN = """
import sys
from copia.cli import main
status = main()
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(status)
"""


def megabytes(folder: pathlib.Path, *words: str) -> float:
    """The largest resident set of a command that goes well."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "lib")}
    said = subprocess.check_output([sys.executable, "-c", RUN, *words], cwd=folder, env=environment)
    return int(said.split()[-1]) / 1024


@pytest.mark.skipif(twin.native is None, reason="takes minutes without the C twin")
def test_half_a_million_blocks_take_at_most_64_mb(tmp_path: pathlib.Path) -> None:
    """As many as a file of 4 GiB has by default, of 512 bytes each. The new file has 8 MiB in front that are new, and
    all but 64 MiB behind them is a hole.
    """
    dice = random.Random(1)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "copia").symlink_to(pathlib.Path(values.__file__).parent)
    front, content = dice.randbytes(8 * MIB), dice.randbytes(64 * MIB)
    for name, begin in (("old", b""), ("new", front)):
        (tmp_path / name).write_bytes(begin + content)
        os.truncate(tmp_path / name, 256 * MIB)
    assert (4096 * MIB) // block_size_for(4096 * MIB) == (256 * MIB) // 512
    assert megabytes(tmp_path, "signature", "-b", "512", "old", "-o", "sig") <= MOST
    assert megabytes(tmp_path, "delta", "new", "sig", "-o", "delta") <= MOST
    assert megabytes(tmp_path, "patch", "old", "delta", "-o", "made") <= MOST
    assert 8 * MIB <= (tmp_path / "delta").stat().st_size < 9 * MIB

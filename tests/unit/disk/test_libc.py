# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the C library has its effect."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import sys

import pytest
from copia import values

PASS_ON = """
import resource, sys
from copia.disk.ahead import Flowing
from copia.disk.libc import keep_memory

if sys.argv[1] == "keep":
    keep_memory()
sizes = (40_000 * (1 + number * 7919 % 25) for number in range(1000))
for window in Flowing((b"x" * size for size in sizes), len, 2 << 20):
    del window
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""
"""Windows of many sizes, 520 MB, that one thread fills and another lets go of; prints how many pages came anew."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU library is asked")
def test_windows_that_are_let_go_of_are_used_again(tmp_path: pathlib.Path) -> None:
    (tmp_path / "copia").symlink_to(pathlib.Path(values.__file__).parent)
    paths = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def faults(how: str) -> int:
        return int(subprocess.check_output([sys.executable, "-c", PASS_ON, how], env=paths))

    assert 2 * faults("keep") < faults("do not")

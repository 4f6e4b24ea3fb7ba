# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``big.py FILE SIZE`` makes a file that does not shrink; ``big.py FILE`` edits it here and there, and inserts some."""

from __future__ import annotations

import pathlib
import random
import sys

path = pathlib.Path(sys.argv[1])
if len(sys.argv) > 2:
    path.parent.mkdir(parents=True)
    path.write_bytes(random.Random(1).randbytes(int(sys.argv[2])))
else:
    content = bytearray(path.read_bytes())
    for place in range(1000000, len(content), 9000000):
        content[place : place + 10] = b"0123456789"
    content[20000000:20000000] = b"inserted"
    path.write_bytes(content)

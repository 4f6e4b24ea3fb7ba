# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file that is made from pieces: staged beside its name, and renamed when it is whole.

Who fails, or is killed, on the way leaves what stood under the name as it was. Nothing is flushed: after a power cut
the three commands are run again.
"""

from __future__ import annotations

import os
from typing import Iterator

from ..core.pieces import bundled
from . import operations as op
from .stage import open_stage


def write_whole(parent: int, name: bytes, pieces: Iterator[bytes], attributes: op.Attributes) -> op.Acts:
    """Make ``name`` in the directory at ``parent`` hold the joined ``pieces``; a file that stands there is replaced.

    :raises OSError: when the kernel refuses it. What ``pieces`` raise comes out too; nothing is replaced then.
    """
    stage = yield from open_stage(parent)
    staged = (stage.descriptor, stage.fresh_name())
    try:
        new: int = yield op.CreateFile(*staged)
        try:
            for bundle in bundled(pieces):
                yield op.Append(new, bundle)
        except BaseException:
            os.close(new)
            raise
        yield op.SealFile(new, attributes, durable=False)
        yield op.Replace(*staged, parent, name)
    except Exception:
        yield from stage.leave()
        raise
    yield from stage.leave()

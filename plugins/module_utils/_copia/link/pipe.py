# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two descriptors: bytes to the other side, and bytes from it.

Rules
1. Whoever can't write reads meanwhile: two sides that both write never wait for each other.
2. What is read while writing is kept until it is asked for; how much that can be is bounded by what was asked of the
   other side.
3. A side that went away is ``Unreachable``, whichever way the kernel says it.
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections import deque
from typing import Deque, Optional

from ..core.errors import Unreachable

PIECE = 1 << 18
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.EIO, errno.ESHUTDOWN)


class Pipe:
    """Both directions of a link. ``patience`` is the seconds of silence after which the other side counts as gone;
    ``sent`` and ``received`` count bytes.
    """

    def __init__(self, incoming: int, outgoing: int, *, patience: Optional[float] = None) -> None:
        self._in, self._out, self._patience = incoming, outgoing, patience
        self._held: Deque[bytes] = deque()
        self._at_end = False
        self.sent = self.received = 0
        self._speaking = threading.Lock()
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)

    def send(self, data: bytes) -> None:
        """Write all of it.

        :raises Unreachable: when the other side is gone.
        """
        with self._speaking:
            self._send(data)

    def send_if_idle(self, data: bytes) -> None:
        """Write a few bytes, unless somebody is writing already."""
        if self._speaking.acquire(blocking=False):
            try:
                os.write(self._out, data)
            except OSError:
                pass  # whoever speaks next finds out
            finally:
                self._speaking.release()

    def receive(self) -> bytes:
        """The next bytes; empty when the other side has closed its direction.

        :raises Unreachable: when nothing came for as long as this link's patience.
        """
        if self._held:
            return self._held.popleft()
        while not self._at_end:
            if not _wait(self._in, -1, self._patience):
                raise Unreachable(f"the other side has said nothing for {self._patience:g} s")
            piece = self._read()
            if piece:
                return piece
        return b""

    def finish(self) -> None:
        """Close the direction to the other side."""
        if self._out >= 0:
            if self._out != self._in:
                os.close(self._out)
            self._out = -1

    def linger(self, seconds: float) -> None:
        """Read what still comes, for at most so long, until the other side has closed its direction: a socket that is
        closed with unread bytes in it may take our last words along.
        """
        end = time.monotonic() + seconds
        while not self._at_end and time.monotonic() < end:
            if _wait(self._in, -1, max(0.0, end - time.monotonic())):
                self._read()
        self._held.clear()

    def close(self) -> None:
        """Close both directions. May be called twice."""
        self.finish()
        if self._in >= 0:
            os.close(self._in)
            self._in = -1

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                written = os.write(self._out, left)
                self.sent += written
                left = left[written:]
            except BlockingIOError:
                self._wait_to_write()
            except OSError as error:
                if error.errno in _GONE:
                    raise Unreachable("the other side went away") from error
                raise

    def _wait_to_write(self) -> None:
        if not _wait(-1 if self._at_end else self._in, self._out, self._patience):
            raise Unreachable(f"the other side has taken nothing for {self._patience:g} s")
        piece = b"" if self._at_end else self._read()
        if piece:
            self._held.append(piece)

    def _read(self) -> bytes:
        """What is there; empty when nothing is, and from then on when the other side has closed its direction."""
        try:
            piece = os.read(self._in, PIECE)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno not in _GONE:
                raise
            piece = b""
        self._at_end = not piece
        self.received += len(piece)
        return piece


def _wait(incoming: int, outgoing: int, patience: Optional[float]) -> bool:
    """Whether one of them is ready within so many seconds."""
    poll = select.poll()
    if incoming >= 0:
        poll.register(incoming, select.POLLIN)
    if outgoing >= 0:
        poll.register(outgoing, select.POLLOUT)
    return bool(poll.poll(None if patience is None else patience * 1000))

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a conversation, to bytes and back (``docs/formats/wire.md``).

The reader is sans-I/O: it takes any split of the bytes, and ``NEED_MORE`` is an answer. Lengths are checked against the
limits before a byte behind them is waited for.
"""

from __future__ import annotations

import enum
import struct
from typing import Any, Dict, NamedTuple, Union

from ..core.errors import LocalProtocolError, RemoteProtocolError
from ..core.paths import show
from ..values import dataclass
from . import gate

PROLOGUE = b"COPIA1"
HEAD = struct.Struct(">BII")


class Kind(enum.IntEnum):
    """What a frame is."""

    HELLO = 1
    OPEN = 2
    ACCEPT = 3
    ASK = 4
    ANSWER = 5
    PART = 6
    END = 7
    REFUSE = 8
    PULSE = 9


_KINDS = {int(kind): kind for kind in Kind}


@dataclass(frozen=True)
class Limits:
    """In bytes: the header and the raw bytes of a frame, and a message that is gathered before it is read."""

    header: int = 1 << 16
    raw: int = 1 << 20
    message: int = 1 << 30


BEFORE_ACCEPT = Limits(raw=0, message=0)


class Frame(NamedTuple):
    """One frame: its kind, its header (a map with text keys), and the raw bytes behind it."""

    kind: Kind
    header: Dict[str, Any]
    raw: bytes = b""


class NeedMore(enum.Enum):
    """Not an error: the frame is not complete yet."""

    NEED_MORE = 0


NEED_MORE = NeedMore.NEED_MORE


def encode_frame(frame: Frame, limits: Limits) -> bytes:
    """The bytes of a frame.

    :raises LocalProtocolError: when it is over a limit.
    """
    header = gate.encode(frame.header)
    if len(header) > limits.header or len(frame.raw) > limits.raw:
        name = frame.kind.name
        raise LocalProtocolError(f"a frame {name} of {len(header)} and {len(frame.raw)} bytes is over the limits")
    return b"".join((HEAD.pack(frame.kind, len(header), len(frame.raw)), header, frame.raw))


class FrameReader:
    """Bytes in, frames out. It holds what it was given and nothing else; ``limits`` may change between two frames."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held = bytearray()
        self._started = False

    @property
    def is_between_frames(self) -> bool:
        """Whether the bytes so far end where a frame does."""
        return self._started and not self._held

    def receive(self, data: bytes) -> None:
        """Take the next bytes."""
        self._held += data

    def next_frame(self) -> Union[Frame, NeedMore]:
        """The next whole frame, or ``NEED_MORE``.

        :raises RemoteProtocolError: when the bytes are foreign, damaged or over a limit.
        """
        if not self._started and not self._take_prologue():
            return NEED_MORE
        if len(self._held) < HEAD.size:
            return NEED_MORE
        number, header, raw = HEAD.unpack_from(self._held)
        kind = _KINDS.get(number)
        if kind is None:
            raise RemoteProtocolError(
                f"a frame of kind {number}, which this side does not know; upgrade the older side"
            )
        if header > self.limits.header or raw > self.limits.raw:
            raise RemoteProtocolError(
                f"a frame {kind.name} says it has {header} and {raw} bytes; "
                f"at most {self.limits.header} and {self.limits.raw} are allowed here"
            )
        end = HEAD.size + header + raw
        if len(self._held) < end:
            return NEED_MORE
        with memoryview(self._held) as held:
            parts = bytes(held[HEAD.size : HEAD.size + header]), bytes(held[HEAD.size + header : end])
        del self._held[:end]
        body = gate.decode(parts[0])
        if not isinstance(body, dict):
            raise RemoteProtocolError(f"a frame {kind.name} has a header that is not a map")
        return Frame(kind, body, parts[1])

    def _take_prologue(self) -> bool:
        begun = bytes(self._held[: len(PROLOGUE)])
        if not PROLOGUE.startswith(begun):
            said = show(bytes(self._held[:60]).split(b"\n")[0])
            raise RemoteProtocolError(
                f"the other side does not speak copia's protocol: it said {said!r}, expected {PROLOGUE.decode()!r}; "
                "make sure that nothing prints to the output of a shell that is not interactive"
            )
        if len(begun) < len(PROLOGUE):
            return False
        del self._held[: len(PROLOGUE)]
        self._started = True
        return True

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of a conversation, without I/O: bytes in, frames out, and who may say what when (``docs/formats/wire.md``).

``RULES`` is the page's table. Both sides hold what is said and what is heard against it: an end that breaks it while it
speaks raises ``LocalProtocolError``, while it listens ``RemoteProtocolError``.
"""

from __future__ import annotations

import enum
from typing import Any, Dict, Mapping, NamedTuple, Tuple, Type, Union

from ..core.errors import CopiaError, LocalProtocolError, RemoteProtocolError, Unreachable
from .fields import is_a, line, list_of
from .frames import BEFORE_ACCEPT, NEED_MORE, PROLOGUE, Frame, FrameReader, Kind, Limits, NeedMore, encode_frame

VERSIONS = (1, 1)
"""The lowest and the highest version of the conversation that this side speaks."""
WINDOW = 256
"""Asks without an answer."""
PULSE_AFTER = 30.0
"""Seconds of silence after which a client says that it is there."""
PATIENCE = 300.0
"""Seconds of silence after which a server takes its client for dead."""


class Role(enum.Enum):
    """Which end."""

    CLIENT = "client"
    SERVER = "server"


class State(enum.Enum):
    """Where one end is in what it says."""

    NEW = "new"
    GREETED = "greeted"
    OPEN = "open"
    ASKING = "asking"
    ANSWERING = "answering"
    OVER = "over"


class After(enum.Enum):
    """What must have been heard before."""

    NOTHING = "–"
    HELLO = "hello"
    OPENING = "opening"
    ASKED = "asked"


class Rule(NamedTuple):
    """One row of the table."""

    who: Role
    state: State
    says: Kind
    after: After
    then: State


RULES = (
    Rule(Role.CLIENT, State.NEW, Kind.HELLO, After.NOTHING, State.GREETED),
    Rule(Role.CLIENT, State.GREETED, Kind.OPEN, After.HELLO, State.OPEN),
    Rule(Role.CLIENT, State.OPEN, Kind.ASK, After.NOTHING, State.ASKING),
    Rule(Role.CLIENT, State.ASKING, Kind.PART, After.NOTHING, State.ASKING),
    Rule(Role.CLIENT, State.ASKING, Kind.END, After.NOTHING, State.OPEN),
    Rule(Role.SERVER, State.NEW, Kind.HELLO, After.NOTHING, State.GREETED),
    Rule(Role.SERVER, State.GREETED, Kind.ACCEPT, After.OPENING, State.OPEN),
    Rule(Role.SERVER, State.OPEN, Kind.ANSWER, After.ASKED, State.ANSWERING),
    Rule(Role.SERVER, State.ANSWERING, Kind.PART, After.NOTHING, State.ANSWERING),
    Rule(Role.SERVER, State.ANSWERING, Kind.END, After.NOTHING, State.OPEN),
)
_RULES = {(rule.who, rule.state, rule.says): rule for rule in RULES}
HEADERS: Mapping[Kind, Mapping[str, Type[Any]]] = {
    Kind.HELLO: {"build": str, "codecs": list, "versions": list},
    Kind.OPEN: {"job": str, "terms": dict},
    Kind.ACCEPT: {"facts": dict},
    Kind.ASK: {"ask": str, "fields": dict},
    Kind.ANSWER: {"fields": dict},
    Kind.PART: {"fields": dict},
    Kind.END: {},
    Kind.REFUSE: {"fault": str, "what": str},
    Kind.PULSE: {},
}


class Conversation:
    """One end. ``limits`` are the job's; a server sets them before it says ACCEPT."""

    def __init__(self, role: Role, limits: Limits) -> None:
        self.role, self.limits = role, limits
        self._other = Role.SERVER if role is Role.CLIENT else Role.CLIENT
        self._states = {Role.CLIENT: State.NEW, Role.SERVER: State.NEW}
        self._reader = FrameReader(BEFORE_ACCEPT)
        self._said_limits = BEFORE_ACCEPT
        self._owed = 0

    @property
    def owes(self) -> int:
        """How many asks have no whole answer yet."""
        return self._owed

    def say(self, kind: Kind, header: Dict[str, Any], raw: bytes = b"") -> bytes:
        """The bytes that say it.

        :raises LocalProtocolError: when it may not be said now, or is over a limit.
        """
        begins = self._states[self.role] is State.NEW
        frame = Frame(kind, header, raw)
        self._step(self.role, frame, LocalProtocolError)
        said = encode_frame(frame, self._said_limits)
        if kind in (Kind.OPEN, Kind.ACCEPT):
            self._said_limits = self.limits
        if kind is Kind.ACCEPT:
            self._reader.limits = self.limits
        return PROLOGUE + said if begins else said

    def receive(self, data: bytes) -> None:
        """Take bytes from the other side, in any split."""
        self._reader.receive(data)

    def next_frame(self) -> Union[Frame, NeedMore]:
        """What the other side said next, or ``NEED_MORE``. Read what ACCEPT allows only after it was said.

        :raises RemoteProtocolError: when it breaks a rule of the page.
        """
        frame = self._reader.next_frame()
        if not isinstance(frame, Frame):
            return NEED_MORE
        self._step(self._other, frame, RemoteProtocolError)
        if frame.kind is Kind.ACCEPT:
            self._reader.limits = self.limits
        return frame

    def hang_up(self) -> None:
        """The other side has closed its direction.

        :raises Unreachable: when it is in the middle of something, or owes an answer.
        """
        state = self._states[self._other]
        owes = self._owed if self._other is Role.SERVER else 0
        if not self._reader.is_between_frames or state is not State.OPEN or owes:
            raise Unreachable(f"the {self._other.value} went away in the middle of the conversation")

    def _step(self, who: Role, frame: Frame, blame: Type[CopiaError]) -> None:
        """Hold one frame against the table, and go on to the state behind it."""
        state = self._states[who]
        _check_shape(frame, blame)
        if frame.kind is Kind.PULSE and state not in (State.NEW, State.OVER):
            return  # and writes nothing: a pulse is said by another thread than the rest
        if frame.kind is Kind.REFUSE and state not in (State.NEW, State.OVER):
            self._states[who] = State.OVER
            return
        rule = _RULES.get((who, state, frame.kind))
        if rule is None or not self._heard(rule.after):
            raise blame(f"the {who.value} said {frame.kind.name}, which it may not while it is {state.value}")
        if frame.kind is Kind.END:
            self._owed += 1 if who is Role.CLIENT else -1
        if frame.kind is Kind.ASK and self._owed >= WINDOW:
            raise blame(f"more than {WINDOW} asks have no answer yet")
        self._states[who] = rule.then

    def _heard(self, what: After) -> bool:
        client, server = self._states[Role.CLIENT], self._states[Role.SERVER]
        if what is After.HELLO:
            return server is not State.NEW
        if what is After.OPENING:
            return client not in (State.NEW, State.GREETED)
        return what is After.NOTHING or self._owed > 0


def _check_shape(frame: Frame, blame: Type[CopiaError]) -> None:
    shape = HEADERS[frame.kind]
    if set(frame.header) != set(shape) or not all(is_a(frame.header[key], kind) for key, kind in shape.items()):
        raise blame(f"a frame {frame.kind.name} has another header than the format says")
    if frame.raw and frame.kind is not Kind.PART:
        raise blame(f"a frame {frame.kind.name} has raw bytes, which only PART may have")


class Hello(NamedTuple):
    """What one end says of itself: its build, its codecs (best first), the versions that it speaks."""

    build: str
    codecs: Tuple[str, ...]
    versions: Tuple[int, int] = VERSIONS


def hello_header(hello: Hello) -> Dict[str, Any]:
    """The header of HELLO."""
    return {"build": hello.build, "codecs": list(hello.codecs), "versions": list(hello.versions)}


def parse_hello(header: Mapping[str, Any]) -> Hello:
    """What the other end said of itself.

    :raises RemoteProtocolError: when it is damaged.
    """
    low, high = list_of(header, "versions", int, 2)
    codecs = list_of(header, "codecs", str)
    return Hello(line(header, "build"), tuple(codecs), (low, high))


def agreed_version(ours: Hello, theirs: Hello) -> int:
    """The highest version that both ends speak.

    :raises RemoteProtocolError: when there is none.
    """
    version = min(ours.versions[1], theirs.versions[1])
    if version < max(ours.versions[0], theirs.versions[0]):
        raise RemoteProtocolError(
            f"this side (copia {ours.build}) and the other one (copia {theirs.build}) have no version of the "
            "conversation in common; upgrade the older one"
        )
    return version


def agreed_codec(ours: Hello, theirs: Hello) -> str:
    """The codec in which this end sends content: its best one that the other end has too."""
    return next((codec for codec in ours.codecs if codec in theirs.codecs), "none")

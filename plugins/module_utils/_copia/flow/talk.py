# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of a conversation over a pipe: messages instead of frames.

A client greets, opens a job, asks, and takes the answers in the order of its asks. A server greets, hears what job is
asked for, and answers. Parts of a message are taken as they come: nothing grows with one file's size.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterable, Iterator, Mapping, NamedTuple, Optional, Tuple, Type

from ..core.errors import Braked, Busy, CopiaError, InputError, LocalProtocolError, RemoteProtocolError, Unreachable
from ..core.paths import show
from ..link.pipe import Pipe
from ..values import dataclass
from ..wire.conversation import (
    PULSE_AFTER,
    Conversation,
    Hello,
    Role,
    agreed_codec,
    agreed_version,
    hello_header,
    parse_hello,
)
from ..wire.frames import Frame, Kind, Limits

PIECE = 1 << 18
"""Raw bytes of a part, at most."""
_FAULTS: Tuple[Tuple[str, Type[CopiaError]], ...] = (
    ("input", InputError),
    ("braked", Braked),
    ("busy", Busy),
    ("protocol", RemoteProtocolError),
    ("failed", Unreachable),
)


class Part(NamedTuple):
    """A piece of a message."""

    fields: Mapping[str, Any]
    raw: bytes = b""


@dataclass
class Message:
    """An ask (with its name) or an answer (without one). Its parts are taken once, before the next message is."""

    name: str
    fields: Mapping[str, Any]
    parts: Iterator[Part]

    def raw(self) -> Iterator[bytes]:
        """The raw bytes of the parts, as they come."""
        return (part.raw for part in self.parts)


class Reply(NamedTuple):
    """An answer that is to be sent."""

    fields: Mapping[str, Any]
    parts: Iterable[Part] = ()


def in_parts(data: bytes) -> Iterator[Part]:
    """Bytes as parts."""
    return (Part({}, data[at : at + PIECE]) for at in range(0, len(data), PIECE))


def pieces_in_parts(pieces: Iterable[bytes]) -> Iterator[Part]:
    """Pieces of bytes as parts."""
    return (part for piece in pieces for part in in_parts(piece))


class Talk:
    """One end. ``limits`` are the job's; ``name`` is what people call the other side, for messages; a client says
    every ``pulse_after`` seconds that it is there.
    """

    def __init__(
        self,
        pipe: Pipe,
        role: Role,
        hello: Hello,
        *,
        limits: Optional[Limits] = None,
        name: str = "",
        pulse_after: float = PULSE_AFTER,
    ) -> None:
        self.pipe = pipe
        self.codec = "none"
        self.was_refused = False
        self._conversation = Conversation(role, limits or Limits())
        self._hello, self._name, self._pulse_after = hello, name, pulse_after
        self._pulse: Optional[_Pulse] = None
        self._parts: Iterator[Part] = iter(())

    def greet(self) -> None:
        """Say HELLO, and hear the other side's.

        :raises RemoteProtocolError: when it speaks another language, or no version in common.
        """
        self._say(Kind.HELLO, hello_header(self._hello))
        theirs = parse_hello(self._hear(Kind.HELLO).header)
        agreed_version(self._hello, theirs)
        self.codec = agreed_codec(self._hello, theirs)

    def open(self, job: str, terms: Mapping[str, Any]) -> None:
        """A client asks for a job; ``accepted`` says what came of it."""
        self._say(Kind.OPEN, {"job": job, "terms": dict(terms)})
        self._pulse = _Pulse(self, self._pulse_after)

    def accepted(self) -> Mapping[str, Any]:
        """The facts with which the server accepts the job.

        :raises CopiaError: when it refuses.
        """
        facts: Mapping[str, Any] = self._hear(Kind.ACCEPT).header["facts"]
        return facts

    def opening(self) -> Tuple[str, Mapping[str, Any]]:
        """A server hears which job is asked for, and its terms."""
        header = self._hear(Kind.OPEN).header
        return header["job"], header["terms"]

    def accept(self, facts: Mapping[str, Any], limits: Limits) -> None:
        """A server accepts the job; its limits hold from now on."""
        self._conversation.limits = limits
        self._say(Kind.ACCEPT, {"facts": dict(facts)})

    def ask(self, name: str, fields: Optional[Mapping[str, Any]] = None, parts: Iterable[Part] = ()) -> None:
        """A client asks."""
        self._say(Kind.ASK, {"ask": name, "fields": dict(fields or {})})
        self._send_parts(parts)

    def answer(self) -> Message:
        """The answer to the oldest ask that has none.

        :raises CopiaError: when the server refuses.
        """
        self._skip_parts()
        return self._message(self._hear(Kind.ANSWER))

    def asks(self) -> Iterator[Message]:
        """A server hears what is asked, until the client says good-bye. Answer each before the next one is taken."""
        while True:
            self._skip_parts()
            frame = self._next()
            if frame is None:
                return
            yield self._message(_expected(frame, Kind.ASK))

    def reply(self, reply: Reply) -> None:
        """A server answers; what of the ask was not taken is skipped."""
        self._skip_parts()
        self._say(Kind.ANSWER, {"fields": dict(reply.fields)})
        self._send_parts(reply.parts)

    def gather(self, message: Message) -> bytes:
        """All raw bytes of a message.

        :raises RemoteProtocolError: when they are more than the job's limit.
        """
        gathered = []
        left = self._conversation.limits.message
        for piece in message.raw():
            left -= len(piece)
            if left < 0:
                raise RemoteProtocolError("a message is longer than this job allows")
            gathered.append(piece)
        return b"".join(gathered)

    def refuse(self, error: CopiaError) -> None:
        """Say that and why this end does not go on. Nothing can be said behind it."""
        fault = next((fault for fault, kind in _FAULTS if isinstance(error, kind)), "failed")
        what = show(str(error).encode("utf-8", "backslashreplace"))[:4000]
        try:
            self.pipe.send(self._conversation.say(Kind.REFUSE, {"fault": fault, "what": what}))
        except CopiaError:
            return  # the other side is gone, or has refused before us

    def say_goodbye(self) -> None:
        """Nothing more is asked; the server may end. Say it once, when there is no answer to wait for."""
        if self._pulse is not None:
            self._pulse.stop()
        self.pipe.finish()

    def close(self) -> None:
        """No more is said or heard."""
        if self._pulse is not None:
            self._pulse.stop()
        self.pipe.close()

    def pulse(self) -> None:
        """Say that this end is still there; nothing, when it has refused meanwhile."""
        try:
            said = self._conversation.say(Kind.PULSE, {})
        except LocalProtocolError:
            return
        self.pipe.send_if_idle(said)

    def _say(self, kind: Kind, header: Dict[str, Any], raw: bytes = b"") -> None:
        data = self._conversation.say(kind, header, raw)
        try:
            self.pipe.send(data)
        except Unreachable:
            self._hear_last_words()
            raise

    def _hear_last_words(self) -> None:
        """A side that can't be written to may have said why.

        :raises CopiaError: what it said.
        """
        while self._next() is not None:
            pass

    def _send_parts(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._say(Kind.PART, {"fields": dict(part.fields)}, part.raw)
        self._say(Kind.END, {})

    def _message(self, frame: Frame) -> Message:
        self._parts = self._take_parts()
        return Message(frame.header.get("ask", ""), frame.header["fields"], self._parts)

    def _take_parts(self) -> Iterator[Part]:
        while True:
            frame = self._next()
            if frame is None or frame.kind is Kind.END:
                return
            yield Part(frame.header["fields"], frame.raw)

    def _skip_parts(self) -> None:
        for _part in self._parts:
            pass

    def _hear(self, kind: Kind) -> Frame:
        frame = self._next()
        if frame is None:
            raise Unreachable("the other side went away")
        return _expected(frame, kind)

    def _next(self) -> Optional[Frame]:
        """The next frame that means something; ``None`` at the other side's good-bye.

        :raises CopiaError: when it refused, went away in the middle, or broke a rule.
        """
        while True:
            frame = self._conversation.next_frame()
            if not isinstance(frame, Frame):
                data = self.pipe.receive()
                if not data:
                    self._conversation.hang_up()
                    return None
                self._conversation.receive(data)
            elif frame.kind is Kind.REFUSE:
                self.was_refused = True
                raise self._refusal(frame.header)
            elif frame.kind is not Kind.PULSE:
                return frame

    def _refusal(self, header: Mapping[str, Any]) -> CopiaError:
        kind = dict(_FAULTS).get(header["fault"], Unreachable)
        what = show(header["what"].encode("utf-8", "backslashreplace"))
        return kind(f"{self._name}: {what}" if self._name else what)


def _expected(frame: Frame, kind: Kind) -> Frame:
    if frame.kind is not kind:
        raise RemoteProtocolError(f"the other side said {frame.kind.name}, expected {kind.name}")
    return frame


class _Pulse:
    """A thread that pulses while its end is silent."""

    def __init__(self, talk: Talk, every: float) -> None:
        self._over = threading.Event()
        self._talk, self._every = talk, every
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._talk.pulse()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()

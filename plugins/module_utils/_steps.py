# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's side of a mirror task: one step per module execution.

``consider`` (push: plan against the controller's listing), ``finish`` (push: apply a parcel), ``offer`` (pull: list),
``answer`` (pull: build a parcel); or all at once where both trees are on this host.
Messages come inside the arguments or as files in the task's temporary folder, and go back inside the result or, when
large, as files there.
Every step can be run twice: nothing on the host is kept between two of them.
"""

from __future__ import annotations

import base64
import os
import time
from typing import Any, Callable, Dict, Iterator, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ._ansible import MIRROR_OPTIONS, require_absolute, result_of, source_spec, target_spec
from ._copia.core.errors import CopiaError, RemoteProtocolError
from ._copia.core.parcel import Listing
from ._copia.flow.mirror import mirror
from ._copia.flow.pump import pieces_of
from ._copia.flow.source import Source, SourceSpec
from ._copia.flow.target import Target, TargetSpec
from ._copia.wire.messages import (
    decode_listing,
    decode_plan,
    decode_wants,
    encode_listing,
    encode_plan,
    encode_wants,
)
from ._copia.wire.pack import codecs, decode_pack, encode_pack
from ._engine import EngineMissing, find_engine

INLINE_LIMIT = 512 * 1024
"""Messages up to this many bytes travel inside arguments and results."""
MESSAGES = ("listing", "wants", "plan", "parcel")
Story = Callable[[Mapping[str, Any], bool, bool], Dict[str, Any]]


def mirror_here(options: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """The result of a mirror of which both trees are on this host."""

    def story(params: Mapping[str, Any], check: bool, diff: bool) -> Dict[str, Any]:
        require_absolute(params, "src", "dest")
        source = SourceSpec(**source_spec(params))
        target = TargetSpec(**target_spec(params, check=check, diff=diff), delta=False)
        return result_of(mirror(source, target), params, diff=diff)

    return _guarded(story, options, check, diff)


def run_step(params: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """The result of one step; ``params`` are those of the module, with the task's options among them."""
    validated = ArgumentSpecValidator(MIRROR_OPTIONS).validate(params["options"])
    if validated.error_messages:
        return {"failed": True, "msg": "; ".join(validated.error_messages)}
    return _guarded(_STEPS[params["step"]], {**params, **validated.validated_parameters}, check, diff)


def _guarded(story: Story, params: Mapping[str, Any], check: bool, diff: bool) -> Dict[str, Any]:
    """A run that cannot go on becomes a failed result with one line."""
    try:
        find_engine()
        return story(params, check, diff)
    except EngineMissing as error:
        return {"failed": True, "msg": str(error), "engine_interpreter": error.interpreter}
    except CopiaError as error:
        return {"failed": True, "msg": str(error)}


def _consider(params: Mapping[str, Any], check: bool, diff: bool) -> Dict[str, Any]:
    require_absolute(params, "dest")
    listing = decode_listing(_message(params, "listing"))
    target = Target(TargetSpec(**target_spec(params, check=check, diff=diff)), is_tree=listing.is_tree)
    try:
        considered = target.consider(listing)
        if not considered.wants:
            report = target.finish(considered.plan, iter(()))
            return result_of(report, params, diff=diff)
    finally:
        target.close()
    plan = encode_plan(considered.plan, considered.report, is_tree=listing.is_tree)
    return {
        "changed": False,
        "plan": answer_with(plan, params, "plan"),
        "wants": answer_with(encode_wants(considered.wants, listing), params, "wants"),
        "codecs": list(codecs()),
    }


def _finish(params: Mapping[str, Any], check: bool, diff: bool) -> Dict[str, Any]:
    plan, report, is_tree = decode_plan(_message(params, "plan"))
    target = Target(TargetSpec(**target_spec(params, check=check, diff=diff)), is_tree=is_tree, report=report)
    try:
        report = target.finish(plan, decode_pack(_pieces(params, "parcel")))
    finally:
        target.close()
    return result_of(report, params, diff=diff)


def _offer(params: Mapping[str, Any], _check: bool, _diff: bool) -> Dict[str, Any]:
    require_absolute(params, "src")
    source = Source(SourceSpec(**source_spec(params)))
    try:
        listing = source.offer()
    finally:
        source.close()
    return {
        "changed": False,
        "listing": answer_with(encode_listing(listing), params, "listing"),
        "codecs": list(codecs()),
    }


def _answer(params: Mapping[str, Any], check: bool, _diff: bool) -> Dict[str, Any]:
    """The parcel goes to the spool as a file where that can be written, and into the result elsewhere."""
    listing: Listing = decode_listing(_message(params, "listing"))
    wants = decode_wants(_message(params, "wants"), listing)
    clock = time.perf_counter()
    source = Source(SourceSpec(**source_spec(params)))
    try:
        pieces = encode_pack(source.answer(wants, dry=check), params["codec"])
        parcel = spool(pieces, params, "parcel")
    finally:
        source.close()
    return {"changed": False, "parcel": parcel, "seconds": time.perf_counter() - clock}


def _message(params: Mapping[str, Any], name: str) -> bytes:
    return b"".join(_pieces(params, name))


def _pieces(params: Mapping[str, Any], name: str) -> Iterator[bytes]:
    """The bytes of a message that came inside the arguments or as a file."""
    if params[name] is not None:
        yield base64.b64decode(params[name])
        return
    path = params[f"{name}_file"]
    if not path:
        raise RemoteProtocolError(f"this step needs the {name}; it is run by the action plugin only")
    yield from pieces_of(path)


def answer_with(data: bytes, params: Mapping[str, Any], name: str) -> Dict[str, Any]:
    """A message for the result: inside it when small, else as a file in the spool."""
    return spool(iter((data,)), params, name)


def spool(pieces: Iterator[bytes], params: Mapping[str, Any], name: str) -> Dict[str, Any]:
    """``{"inline": base64}`` for what is small or has no spool to go to, else ``{"file": path, "size": bytes}``."""
    gathered = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > INLINE_LIMIT and params["spool"] and os.access(params["spool"], os.W_OK):
            return _to_file(gathered, pieces, os.path.join(params["spool"], f"{params['step']}-{name}"))
    return {"inline": base64.b64encode(b"".join(gathered)).decode("ascii"), "size": size}


def _to_file(gathered: "list[bytes]", pieces: Iterator[bytes], path: str) -> Dict[str, Any]:
    """A new file that the connection's user can read: the folder it is in is closed to everybody else."""
    if os.path.lexists(path):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, 0o644)
        for piece in gathered:
            stream.write(piece)
        for piece in pieces:
            stream.write(piece)
        size = stream.tell()
    return {"file": path, "size": size}


_STEPS: Dict[str, Story] = {
    "consider": _consider,
    "finish": _finish,
    "offer": _offer,
    "answer": _answer,
}

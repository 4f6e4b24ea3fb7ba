# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of ``copia.sync.mirror``: two module executions for a changed tree, one for an unchanged one.

Push: list here; ``consider`` there; build the parcel here; ``finish`` there.
Pull: ``offer`` there; consider here; ``answer`` there; finish here.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils._ansible import MIRROR_OPTIONS
from ..module_utils._copia.core.errors import CopiaError, InputError
from ..module_utils._copia.core.manifest import DIGEST_SIZE
from ..module_utils._copia.core.parcel import Item, Listing, Wants
from ..module_utils._copia.flow.mirror import refuse_overlap
from ..module_utils._copia.flow.pump import pieces_of, unpacking
from ..module_utils._copia.flow.source import Source, SourceSpec, tree_digest
from ..module_utils._copia.flow.target import Target, TargetSpec
from ..module_utils._copia.task.modes import modes_of
from ..module_utils._copia.task.options import encoded, result_of, source_spec, target_spec
from ..module_utils._copia.wire.messages import decode_listing, decode_wants, encode_listing, encode_wants
from ..module_utils._copia.wire.pack import codecs
from ..modules.engine_step import EngineMissing
from ..plugin_utils.courier import Courier, StepFailed
from ..plugin_utils.libraries import load, require_libraries
from ..plugin_utils.shared import Shared

load()

SPOOL_FROM = 1 << 20
"""A listing of this many bytes may have an answer that is better sent as a file."""


class ActionModule(ActionBase):
    """Moves one tree between the controller and the host, over the play's own connection."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The result of the task. Nothing of the task, the play or the connection is changed: ``until`` may call
        this again.
        """
        super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(MIRROR_OPTIONS)
        courier = Courier(self, options, task_vars or {}, ("src", "dest"))
        try:
            result = self._mirror(options, courier)
        except StepFailed as error:
            result = {"changed": False, **error.step_result}
        except EngineMissing as error:
            result = {"failed": True, "changed": False, "msg": f"on the controller: {error}"}
        except CopiaError as error:
            result = {"failed": True, "changed": False, "msg": str(error)}
        finally:
            courier.close()
            self._remove_tmp_path(self._connection._shell.tmpdir)
        _name_host(result, str((task_vars or {}).get("inventory_hostname", "")))
        return result

    def _mirror(self, options: Dict[str, Any], courier: Courier) -> Dict[str, Any]:
        if options["remote_src"]:
            return courier.step("mirror", {})
        require_libraries()
        local = {**options, **self._local_path(options)}
        if self._connection.transport == "local":
            refuse_overlap(*(encoded(local[end]) for end in ("src", "dest")))
        return self._pull(local, courier) if options["direction"] == "pull" else self._push(local, courier)

    def _local_path(self, options: Dict[str, Any]) -> Dict[str, str]:
        """The path on the controller: a source is looked for where ``copy`` looks, a destination is taken from the
        play's folder.
        """
        if options["direction"] == "pull":
            return {"dest": self._loader.path_dwim(options["dest"])}
        try:
            return {"src": self._find_needle("files", options["src"].rstrip("/") or "/")}
        except AnsibleError as error:
            raise InputError(
                f"src {options['src']} does not exist on the controller; check the path, or set remote_src"
            ) from error

    def _push(self, options: Dict[str, Any], courier: Courier) -> Dict[str, Any]:
        source = Source(SourceSpec(**source_spec(options, modes_of(options))))
        shared = Shared(C.DEFAULT_LOCAL_TMP)
        try:
            clock = time.perf_counter()
            tree, message = _listed(source, shared, _source_key(options, source.is_tree))
            seconds = {"offer": time.perf_counter() - clock}
            if len(message) > SPOOL_FROM:
                courier.make_spool()
            answer = courier.step("consider", courier.send("listing", message))
            if "wants" in answer:
                asked = courier.receive_bytes(answer["wants"])
                codec = pick_codec(options["compress"], answer["codecs"])
                dry = bool(self._task.check_mode)
                clock = time.perf_counter()
                parcel = shared.pack(
                    iter((message, asked, codec.encode(), b"dry" if dry else b"")),
                    lambda: source.packed(decode_wants(asked, decode_listing(message)), codec, dry=dry),
                )
                carried = courier.send_file("parcel", parcel)
                seconds["parcel"] = time.perf_counter() - clock
                answer = courier.step("finish", {**courier.pass_back("plan", answer["plan"]), **carried})
        finally:
            source.close()
        return _completed(answer, tree, courier, seconds)

    def _pull(self, options: Dict[str, Any], courier: Courier) -> Dict[str, Any]:
        clock = time.perf_counter()
        courier.make_spool()
        answer = courier.step("offer", {})
        message = courier.receive_bytes(answer["listing"])
        listing = decode_listing(message)
        offered = time.perf_counter() - clock
        check, diff = bool(self._task.check_mode), bool(self._task.diff)
        target = Target(TargetSpec(**target_spec(options, check=check, diff=diff)), is_tree=listing.is_tree)
        try:
            considered = target.consider(listing)
            items: Iterator[Item] = iter(())
            if considered.wants:
                items = self._pull_parcel(listing, considered.wants, answer, options, courier)
            report = target.finish(considered.plan, items)
        finally:
            target.close()
        return _completed(result_of(report, options, diff=diff), tree_digest(listing), courier, {"offer": offered})

    def _pull_parcel(
        self, listing: Listing, wants: Wants, answer: Dict[str, Any], options: Dict[str, Any], courier: Courier
    ) -> Iterator[Item]:
        arguments = {
            **courier.pass_back("listing", answer["listing"]),
            **courier.send("wants", encode_wants(wants, listing)),
        }
        parcel = courier.step("answer", arguments, pick_codec(options["compress"], answer["codecs"]))["parcel"]
        return unpacking(pieces_of(courier.receive(parcel)))


def _listed(source: Source, shared: Shared, key: str) -> Tuple[str, bytes]:
    """The digest of the source's listing, and the listing as a message."""

    def made() -> bytes:
        listing = source.offer()
        return bytes.fromhex(tree_digest(listing)) + encode_listing(listing)

    found = shared.listing(key, made)
    return found[:DIGEST_SIZE].hex(), found[DIGEST_SIZE:]


def _source_key(options: Dict[str, Any], is_tree: bool) -> str:
    """Everything that a listing depends on; one file is listed under the name that it is to have."""
    names = ("src", "compare", "exclude", "include", "mode", "directory_mode", "preserve")
    return repr([*(options[name] for name in names), is_tree or os.path.basename(options["dest"])])


def pick_codec(wanted: str, theirs: Sequence[str]) -> str:
    """The codec for a parcel: the best that both sides have, or the wanted one.

    :raises InputError: when one side lacks the wanted one.
    """
    both = [codec for codec in codecs() if codec in theirs]
    if wanted == "auto":
        return both[0]
    if wanted not in both:
        raise InputError(f"compress is {wanted}, which one side lacks; both have {', '.join(both)}")
    return wanted


def _completed(result: Dict[str, Any], tree: str, courier: Courier, seconds: Dict[str, float]) -> Dict[str, Any]:
    """The result with what only the controller knows."""
    result["tree"] = tree
    result["stats"]["bytes_sent"] = courier.bytes_sent
    result["stats"]["seconds"].update((phase, round(spent, 4)) for phase, spent in seconds.items())
    return result


def _name_host(result: Dict[str, Any], host: str) -> None:
    """A diff is shown without the host it is about: put it into the headers."""
    for part in result.get("diff") or ():
        for header in ("before_header", "after_header"):
            part[header] = f"{host}:{part[header]}"

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on a host, and a client of one: the task's options in, its result out."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..core.brakes import parse_limit
from ..core.errors import Braked, InputError
from ..core.hub_plan import Direction
from ..core.hub_report import SIDE, HubReport, plain_facts, plain_hub_report
from ..core.key_lines import Client
from ..core.paths import show
from ..core.report import tree_diff
from ..core.twin import engine
from ..core.verdicts import Policy, Where
from ..flow.hub_door import Reach, is_remote, reach_of, sync_with
from ..flow.hub_keeping import KeepSpec, Kept, drop_hub, facts_of, keep_hub, known_clients
from ..flow.pair import PairSpec
from .options import encoded, on_host, rules_of

_RIGHTS = ("read", "add", "write", "delete")
_KEEP = ("keep_versions", "keep_days", "keep_bytes")


def hub_serve_here(given: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """Provision a hub on this host, or take its clients away.

    :raises CopiaError: when that can't be.
    """
    options = on_host(given, *_given(given, "root", "authorized_keys", "command"))
    if options["clients"] and not options["authorized_keys"]:
        raise InputError("clients are given without authorized_keys: name the file that is to have their keys")
    spec = KeepSpec(
        _root(options["root"]),
        encoded(options["authorized_keys"]) if options["authorized_keys"] else None,
        _command(options),
        tuple(_client(client, options["quota"]) for client in options["clients"]),
        check=check,
        scrub=options["scrub"],
        tombstone_days=options["tombstone_days"],
        **{name: options[name] for name in _KEEP},
    )
    is_present = options["state"] == "present"
    kept = keep_hub(spec) if is_present else drop_hub(spec)
    changed = kept.keys_before != kept.keys_after or bool(kept.noticed) or (is_present and kept.is_new)
    result: Dict[str, Any] = {"changed": changed, **_facts(kept, options), "noticed": kept.noticed}
    if diff:
        result["diff"] = _keys_diff(kept, options)
    return result


def _root(path: str) -> bytes:
    return encoded(path).rstrip(b"/") or b"/"


def _command(options: Mapping[str, Any]) -> Tuple[str, ...]:
    names = ("max_conflicts", "tombstone_days", *_KEEP)
    for name in names:
        if options[name] < 0:
            raise InputError(f"{name} is {options[name]}: expected 0 or more")
    said = [(name, str(options[name])) for name in (names if options["keep_versions"] else names[:2])]
    return (options["command"] or _copia(), *(word for name, value in said for word in (_flag(name), value)))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _copia() -> str:
    """The command that was installed with this very package, else the one of the path."""
    home = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 5))
    command = os.path.join(home, "bin", "copia")
    return command if os.access(command, os.X_OK) else "copia"


def _given(options: Mapping[str, Any], *names: str) -> List[str]:
    """Those of the options that have a value."""
    return [name for name in names if options.get(name)]


def _client(given: Mapping[str, Any], quota: int) -> Client:
    rights = given.get("rights") or list(_RIGHTS)
    wrong = sorted(set(rights) - set(_RIGHTS))
    if wrong:
        raise InputError(f"rights of {given['name']} are {wrong}: expected some of {', '.join(_RIGHTS)}")
    words = ",".join(word for word in _RIGHTS if word in rights)
    return Client(given["name"], given["public_key"], words, given.get("prefix") or "", given.get("quota") or quota)


def _facts(kept: Kept, options: Mapping[str, Any]) -> Dict[str, Any]:
    unknown = {"hub_id": "", "revision": 0, "files": 0, "bytes": 0, "conflicts": 0}
    facts: Dict[str, Any] = plain_facts(kept.facts) if kept.facts else unknown
    facts.update(_versions(kept.versions))
    seen = {client["name"]: client for client in facts.get("clients", [])}
    known = [given["name"] for given in options["clients"]] if options["state"] == "present" else []
    unseen = {"revision": 0, "lag": facts["revision"], "last_seen": 0}
    return {**facts, "clients": [{**unseen, **seen.get(name, {}), "name": name} for name in sorted(known)]}


def _versions(found: Tuple[int, int]) -> Dict[str, int]:
    return {"versions": found[0], "version_bytes": found[1]}


def _keys_diff(kept: Kept, options: Mapping[str, Any]) -> List[Dict[str, str]]:
    parts = []
    if options["authorized_keys"]:
        header = str(options["authorized_keys"])
        parts.append({"before_header": header, "after_header": header})
        parts[0].update(before=kept.keys_before, after=kept.keys_after)
    if kept.is_new:
        header = str(options["root"])
        parts.append({"before_header": header, "after_header": header, "before": "no hub\n", "after": "a hub\n"})
    return parts


def hub_info_here(given: Mapping[str, Any]) -> Dict[str, Any]:
    """What a hub on this host says of itself.

    :raises CopiaError: when there is none.
    """
    options = on_host(given, *_given(given, "root", "authorized_keys"))
    root = _root(options["root"])
    keys = encoded(options["authorized_keys"]) if options["authorized_keys"] else None
    known = known_clients(KeepSpec(root, keys))
    told, versions = facts_of(root)
    facts = {**plain_facts(told), **_versions(versions)}
    seen = {client["name"] for client in facts["clients"]}
    unseen = [
        {"name": name, "revision": 0, "lag": facts["revision"], "last_seen": 0}
        for name, _key in known
        if name not in seen
    ]
    clients = sorted((*facts["clients"], *unseen), key=lambda client: str(client["name"]))
    public = dict(known)
    for client in clients:
        client["public_key"] = public.get(client["name"], "")
    return {"changed": False, **facts, "clients": clients}


def hub_sync_here(given: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """A client's run on this host; one that a brake stopped names it.

    :raises CopiaError: when the run cannot go on.
    """
    try:
        spec, reach = _spec(given, check=check), _reach(given)
        report = sync_with(spec, reach)
    except Braked as error:
        return {"failed": True, "msg": str(error), "brakes": [str(error).partition(":")[0]]}
    return _result(report, given, diff=diff)


def _spec(given: Mapping[str, Any], *, check: bool) -> PairSpec:
    local = () if is_remote(encoded(given["hub"])) else ("hub",)
    options = on_host(given, *_given(given, "path", "state_dir", *local))
    for name in ("report_limit", "max_conflicts", "retries"):
        if options[name] < 0:
            raise InputError(f"{name} is {options[name]}: expected 0 or more")
    return PairSpec(
        _root(options["path"]),
        encoded(options["hub"]),
        rules=rules_of(options),
        policy=Policy(options["conflict"]),
        max_conflicts=options["max_conflicts"],
        limit=parse_limit(options["max_delete"]),
        force=options["force"],
        check=check,
        durable=options["durable"],
        state=encoded(options["state_dir"]) if options["state_dir"] else None,
        direction=Direction(options["direction"]),
    )


def _reach(given: Mapping[str, Any]) -> Reach:
    options = on_host(given, *_given(given, "ssh_key", "known_hosts"))
    if not 1 <= options["timeout"] <= 3600:
        raise InputError(f"timeout is {options['timeout']}: expected seconds from 1 to 3600")
    how = (options["ssh_key"], options["known_hosts"], options["ssh_args"], options["timeout"], options["retries"])
    return reach_of(*how)


def _result(report: HubReport, options: Mapping[str, Any], *, diff: bool) -> Dict[str, Any]:
    limit = options["report_limit"]
    result = plain_hub_report(report, limit)
    result["stats"]["engine"] = engine()
    if diff:
        result["diff"] = _diff(report, options, limit)
    problems = report.pair.problems
    if problems:
        summary = f"{len(problems)} problem(s), the first: {show(problems[0].path)} {problems[0].what}"
        result.update(failed=True, msg=". ".join([summary, *report.pair.notes]))
    return result


def _diff(report: HubReport, options: Mapping[str, Any], limit: int) -> List[Dict[str, str]]:
    headers = {"local": str(options["path"]), "hub": str(options["hub"])}
    parts = []
    for where in Where:
        before, after = tree_diff(report.pair.sides[where], limit)
        header: Optional[str] = headers[SIDE[where.word]]
        parts.append({"before_header": str(header), "after_header": str(header), "before": before, "after": after})
    return parts

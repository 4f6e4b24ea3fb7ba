# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report says the same only of what somebody looked at, to the end and without a problem."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.copia.sync.plugins.filter.drift import FilterModule, drift

TREES = [{"name": "site", "src": "site", "dest": "/srv/site"}, {"src": "conf", "dest": "/etc/app"}]
CHANGE = {"path": "a", "change": "update", "reason": "size", "size_before": 1, "size_after": 2}
CLEAN: Dict[str, Any] = {"changes_total": 0, "changes": [], "problems": [], "stats": {"scanned": 7}, "tree": "ab"}
TOUCHED = {**CLEAN, "changes_total": 3, "changes": [CHANGE], "truncated": True}
TROUBLE = {**CLEAN, "problems": [{"path": "x", "problem": "cannot be read"}], "msg": "1 problem(s)"}
RESULTS = {
    "looked at": (CLEAN, "same", ""),
    "drifted": (TOUCHED, "drifted", ""),
    "not read whole": (TROUBLE, "unknown", "1 problem(s)"),
    "drifted, and not read whole": ({**TROUBLE, "changes_total": 1}, "drifted", "1 problem(s)"),
    "failed": ({"msg": "no engine", "failed": False}, "unknown", "no engine"),
    "unreachable": ({"msg": "Connection refused", "unreachable": True}, "unknown", "Connection refused"),
    "says nothing": ({}, "unknown", "was not looked at: the host failed or left the play before"),
}


def report(hosts: List[str], **looks: List[Dict[str, Any]]) -> Dict[str, Any]:
    hostvars = {host: {"looks": {"results": results}} for host, results in looks.items()}
    made: Dict[str, Any] = drift(hosts, hostvars, "looks", TREES)
    return made


@pytest.mark.parametrize("case", RESULTS)
def test_the_state_of_a_tree(case: str) -> None:
    result, state, message = RESULTS[case]
    (host,) = report(["h"], h=[result, CLEAN])["hosts"]
    assert [tree["state"] for tree in host["trees"]] == [state, "same"]
    assert host["trees"][0]["message"] == message
    assert host["state"] == state


def test_a_host_is_as_bad_as_its_worst_tree() -> None:
    found = report(["a", "b", "c"], a=[TROUBLE, TOUCHED], b=[TROUBLE, CLEAN], c=[CLEAN, CLEAN])
    assert [host["state"] for host in found["hosts"]] == ["drifted", "unknown", "same"]
    assert found["totals"] == {"same": 3, "drifted": 1, "unknown": 2}
    assert found["changes"] == 3


def test_a_host_that_nobody_looked_at_is_in_the_report() -> None:
    """Never reached, lost before the loop, and lost within it."""
    found = drift(["a", "b", "c"], {"b": {}, "c": {"looks": {"results": [CLEAN]}}}, "looks", TREES)
    assert [[tree["state"] for tree in host["trees"]] for host in found["hosts"]] == [
        ["unknown", "unknown"],
        ["unknown", "unknown"],
        ["same", "unknown"],
    ]


def test_a_tree_has_all_that_the_page_shows() -> None:
    texts = [
        {"before": "all", "after": "paths"},
        {"before_header": "h:/srv/site/a", "before": "x\nold\n", "after": "x\nnew\n"},
    ]
    first, second = report(["h"], h=[{**TOUCHED, "diff": texts}, CLEAN])["hosts"][0]["trees"]
    assert (first["name"], second["name"]) == ("site", "/etc/app")
    assert first["changes"] == [CHANGE] and first["truncated"] and first["changes_total"] == 3
    assert first["scanned"] == 7 and first["tree"] == "ab"
    assert first["texts"] == [
        {"path": "/srv/site/a", "diff": ["--- host", "+++ source", "@@ -1,2 +1,2 @@", " x", "-old", "+new"]}
    ]


def test_a_path_may_be_another_one_on_each_host() -> None:
    own = {**CLEAN, "ansible_loop_var": "tree", "tree": {"src": "s", "dest": "/srv/h"}}
    trees = report(["h", "lost"], h=[own, {**CLEAN, "item": {"src": "s", "dest": "/srv/other"}}])["hosts"]
    assert [[tree["dest"] for tree in host["trees"]] for host in trees] == [
        ["/srv/h", "/srv/other"],
        ["/srv/site", "/etc/app"],
    ]


def test_ansible_finds_it_by_its_name() -> None:
    assert FilterModule().filters() == {"drift": drift}

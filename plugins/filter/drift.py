# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check-mode mirrors of many hosts found, as one report: pure functions over results of tasks."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence

DOCUMENTATION = r"""
name: drift
short_description: Make one report of what check-mode mirrors found on many hosts
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - Takes the registered result of a loop of M(copia.sync.mirror) tasks that ran in check mode, from every host, and
    says of each tree whether it is the same as its source, has drifted, or could not be looked at.
  - It is what the role P(copia.sync.drift_report#role) writes as JSON and as a page.
positional: hostvars, variable, trees
options:
  _input:
    description: Names of hosts, in the order of the report.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of those hosts, C(hostvars).
    type: dict
    required: true
  variable:
    description: The name under which the loop registered its result. A host that has none was not looked at.
    type: str
    required: true
  trees:
    description:
      - What the loop went over, dictionaries with C(src), C(dest) and, for the report, C(name).
      - A host that got into the loop is described by what it went over itself.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at two trees
  copia.sync.mirror: {src: "{{ item.src }}", dest: "{{ item.dest }}", delete: true, compare: checksum}
  check_mode: true
  loop: "{{ trees }}"
  register: looks
  failed_when: false
  ignore_unreachable: true

- name: Say what was found
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | copia.sync.drift(hostvars, 'looks', trees) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(totals), a number of trees for each of V(same), V(drifted) and V(unknown); C(changes), the number of changes;
      and C(hosts), a list with C(host), C(state) and C(trees).
    - A tree has C(name), C(src), C(dest), C(state), C(message), C(changes_total), C(truncated), C(changes),
      C(problems), C(notes), C(scanned), C(tree) and C(texts) (C(path) and the lines of a C(diff)).
  type: dict
"""

SAME = "same"
DRIFTED = "drifted"
UNKNOWN = "unknown"
_NOT_LOOKED_AT = "was not looked at: the host failed or left the play before"


def drift(
    hosts: Iterable[str], hostvars: Mapping[str, Any], variable: str, trees: Sequence[Mapping[str, Any]]
) -> Dict[str, Any]:
    """The report on ``hosts``; see the documentation above."""
    found = [_of_host(host, _results(hostvars, host, variable), trees) for host in hosts]
    states = [tree["state"] for host in found for tree in host["trees"]]
    return {
        "totals": {state: states.count(state) for state in (SAME, DRIFTED, UNKNOWN)},
        "changes": sum(tree["changes_total"] for host in found for tree in host["trees"]),
        "hosts": found,
    }


def _results(hostvars: Mapping[str, Any], host: str, variable: str) -> List[Mapping[str, Any]]:
    """What the loop found, tree by tree; nothing of a host that did not get there."""
    if host not in hostvars or variable not in hostvars[host]:
        return []
    return list(hostvars[host][variable].get("results", ()))


def _of_host(host: str, results: Sequence[Mapping[str, Any]], trees: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """A host in the words of its own loop, in which a path may be another one on each host."""
    left: List[Mapping[str, Any]] = [{"msg": _NOT_LOOKED_AT}] * (len(trees) - len(results))
    found = [
        _of_tree(host, result.get(result.get("ansible_loop_var", "item"), tree), result)
        for tree, result in zip(trees, [*results, *left])
    ]
    states = [tree["state"] for tree in found]
    worst = next((state for state in (DRIFTED, UNKNOWN) if state in states), SAME)
    return {"host": host, "state": worst, "trees": found}


def _of_tree(host: str, tree: Mapping[str, Any], result: Mapping[str, Any]) -> Dict[str, Any]:
    """One tree of one host. It is the same only when somebody looked, to the end and without a problem."""
    changes_total, problems = int(result.get("changes_total", 0)), list(result.get("problems", ()))
    looked = "changes_total" in result and not problems
    return {
        "name": tree.get("name") or tree["dest"],
        "src": tree["src"],
        "dest": tree["dest"],
        "state": DRIFTED if changes_total else SAME if looked else UNKNOWN,
        "message": "" if looked else result.get("msg") or _NOT_LOOKED_AT,
        "changes_total": changes_total,
        "truncated": bool(result.get("truncated")),
        "changes": list(result.get("changes", ())),
        "problems": problems,
        "notes": list(result.get("notes", ())),
        "scanned": int(result.get("stats", {}).get("scanned", 0)),
        "tree": result.get("tree", ""),
        "texts": [_text(part, f"{host}:") for part in list(result.get("diff") or ())[1:]],
    }


def _text(part: Mapping[str, str], host: str) -> Dict[str, Any]:
    """How the content of one file differs: on the host before, in the source after."""
    lines = [part["before"].splitlines(), part["after"].splitlines()]
    path = part["before_header"]
    path = path[len(host) :] if path.startswith(host) else path
    return {"path": path, "diff": list(difflib.unified_diff(*lines, "host", "source", lineterm=""))}


class FilterModule:
    """What Ansible asks for filters."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """By name."""
        return {"drift": drift}

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutants of a decision kernel: the same function with one thing in it changed. A test that they pass sees nothing.

A kernel is made of comparisons, boolean operators and members of enums (``tests/house.py``): there are few ways to get
it wrong: a comparison turned round, ``and`` for ``or``, another member of the same enum, a branch that is gone.
"""

from __future__ import annotations

import ast
import copy
import enum
import inspect
import sys
import textwrap
from typing import Any, Callable, Iterator, List, Tuple

_TURNED = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And}
Kernel = Callable[..., Any]


def mutants(kernel: Kernel) -> Iterator[Tuple[str, Kernel]]:
    """``(what was changed, the mutant)`` for each way to change one thing in ``kernel``."""
    names = dict(vars(sys.modules[kernel.__module__]))
    tree = ast.parse(textwrap.dedent(inspect.getsource(kernel)))
    for index, node in enumerate(ast.walk(tree)):
        for changed in _changes(node, names):
            mutant = copy.deepcopy(tree)
            place = list(ast.walk(mutant))[index]
            place.__dict__.update(changed.__dict__)
            scope = dict(names)
            exec(compile(ast.fix_missing_locations(mutant), "<mutant>", "exec"), scope)
            yield f"line {getattr(node, 'lineno', 0)}: {ast.unparse(changed)}", scope[kernel.__name__]


def _changes(node: ast.AST, names: "dict[str, Any]") -> List[ast.AST]:
    """Other nodes that could stand in the place of one; each has the same fields."""
    found: List[ast.AST] = []
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _TURNED:
        found.append(ast.Compare(node.left, [_TURNED[type(node.ops[0])]()], node.comparators))
    elif isinstance(node, ast.BoolOp):
        found.append(ast.BoolOp(_TURNED[type(node.op)](), node.values))
    elif isinstance(node, ast.If):
        found.extend(ast.If(ast.Constant(value), node.body, node.orelse) for value in (True, False))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        found.append(ast.Constant(not node.value))
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        members = names.get(node.value.id)
        if isinstance(members, type) and issubclass(members, enum.Enum):
            others = (name for name in members.__members__ if name != node.attr)
            found.extend(ast.Attribute(node.value, name, node.ctx) for name in others)
    return [ast.copy_location(change, node) for change in found]


def survivors(kernel: Kernel, agrees: Callable[[Kernel], bool]) -> List[str]:
    """The mutants that ``agrees`` finds nothing wrong with.

    :raises AssertionError: when it finds something wrong with the kernel itself.
    """
    assert agrees(kernel)
    return [what for what, mutant in mutants(kernel) if agrees(mutant)]

# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house, read from the source text: who may import whom, who may touch what, and how long things are.

Each rule takes the root of a checkout and yields one sentence for each place that breaks it. The table of rooms is that
of docs/architecture.md.
"""

from __future__ import annotations

import ast
import functools
import pathlib
import pkgutil
import sys
import sysconfig
from dataclasses import dataclass
from typing import FrozenSet, Iterator, Mapping, Tuple


def words(text: str) -> FrozenSet[str]:
    """The words of a text."""
    return frozenset(text.split())


FUNCTION_LINES = 50
FILE_LINES = 350
SPDX = "# SPDX-License-Identifier: GPL-3.0-or-later"
OURS = "ansible_collections.copia.sync.plugins."
ENGINE = ".module_utils._copia"
LIBRARY_FOLDERS = [sysconfig.get_path("stdlib"), sysconfig.get_path("stdlib") + "/lib-dynload"]
LIBRARY = frozenset(getattr(sys, "stdlib_module_names", ())) or frozenset(sys.builtin_module_names).union(
    module.name for module in pkgutil.iter_modules(LIBRARY_FOLDERS)
)
PURE = words("__future__ bisect collections enum functools itertools re struct typing zlib")
NETWORK = words("asyncio ftplib http imaplib poplib smtplib socket socketserver ssl urllib xmlrpc")
WORLD_CHANGING = words(
    "rename renames replace unlink remove rmdir removedirs link symlink mkdir makedirs mkfifo mknod "
    "chmod fchmod lchmod chown fchown lchown utime setxattr removexattr"
)


@dataclass(frozen=True)
class Room:
    """What the files of one folder (or one file) may import.

    ``ours`` are modules of the collection, with a leading dot from ``plugins``, and all below them; ``theirs`` are
    top-level names from elsewhere; ``alone`` are names that one file of the room has for itself; ``never_called``
    are built-in functions.
    """

    place: str
    ours: Tuple[str, ...]
    theirs: FrozenSet[str]
    alone: Tuple[Tuple[str, str], ...] = ()
    never_called: FrozenSet[str] = frozenset()


def engine(*names: str) -> Tuple[str, ...]:
    """Modules of the engine; how values are made is for every room of it."""
    return tuple(f"{ENGINE}.{name}" for name in (*names, "values"))


NO_IO = frozenset({"open", "print", "input", "exec", "eval", "__import__"})
ENGINE_LIBRARY = LIBRARY - {"dataclasses"}
"""What the engine may import of the standard library; dataclasses cost more at each start than they give."""
ANSIBLE = LIBRARY | {"ansible"}
SPECS = ".module_utils._ansible"
STEP = ".modules.engine_step"
VALUES = engine("core.errors", "core.manifest.DIGEST_SIZE", "core.parcel", "core.paths")
MESSAGES = engine("wire.messages", "wire.pack")
ROOMS = (
    Room(
        "module_utils/_copia/core",
        engine("core"),
        PURE,
        (
            ("selection.py", "pathspec"),
            ("blocks.py", "blake3"),
            ("folding.py", "unicodedata"),
            ("twin.py", "_copia_native"),
        ),
        NO_IO,
    ),
    Room(
        "module_utils/_copia/wire",
        engine("core", "wire"),
        PURE,
        (("gate.py", "cbor2"), ("pack.py", "zstandard")),
        NO_IO,
    ),
    Room(
        "module_utils/_copia/disk",
        engine("core", "disk"),
        (ENGINE_LIBRARY - NETWORK - {"subprocess"}) | {"blake3", "filelock"},
        (),
        frozenset({"print", "input"}),
    ),
    Room("module_utils/_copia/link", engine("core.errors", "link"), ENGINE_LIBRARY, (), frozenset({"print", "input"})),
    Room(
        "module_utils/_copia/flow",
        engine("core", "wire", "disk", "link", "flow", "__version__"),
        ENGINE_LIBRARY - {"argparse", "logging"},
        (),
        frozenset({"print", "input"}),
    ),
    Room(
        "module_utils/_copia/task",
        engine("core", "flow", "wire.messages", "wire.pack", "task"),
        ENGINE_LIBRARY - {"argparse", "logging"},
        (),
        frozenset({"print", "input"}),
    ),
    Room(
        "module_utils/_copia/cli.py",
        engine(
            "core.errors", "cli_words", "cli_sync", "cli_bisync", "cli_delta", "cli_hub", "cli_serve", "__version__"
        ),
        ENGINE_LIBRARY,
    ),
    Room("module_utils/_copia/cli_words.py", engine("core"), ENGINE_LIBRARY),
    Room("module_utils/_copia/cli_hosts.py", engine("link.ssh"), ENGINE_LIBRARY),
    *(
        Room(f"module_utils/_copia/cli_{word}.py", engine("flow", "core", "cli_words", "cli_hosts"), ENGINE_LIBRARY)
        for word in ("sync", "bisync", "hub", "serve")
    ),
    Room("module_utils/_copia/cli_delta.py", engine("flow", "core", "cli_words", "cli_progress"), ENGINE_LIBRARY),
    Room("module_utils/_copia/cli_progress.py", engine("core.paths"), ENGINE_LIBRARY | {"rich"}),
    Room("module_utils/_copia/values.py", (), words("__future__ dataclasses typing")),
    Room("module_utils/_copia/__main__.py", engine("cli"), LIBRARY),
    Room("module_utils/_copia/__init__.py", (), frozenset({"__future__"})),
    Room("module_utils/_ansible.py", (), frozenset({"__future__", "typing"})),
    Room("modules/engine_step.py", (), LIBRARY | {"copia"}),
    *(
        Room(f"modules/{name}.py", (SPECS,), frozenset({"__future__", "ansible"}))
        for name in ("bisync", "mirror", "hub_info", "hub_serve", "hub_sync")
    ),
    Room("action", (*engine("flow", "task"), *VALUES, *MESSAGES, SPECS, STEP, ".plugin_utils"), ANSIBLE),
    Room("plugin_utils", (*engine("task"), ENGINE, STEP, ".plugin_utils"), ANSIBLE),
    Room("doc_fragments", (), frozenset({"__future__"})),
    Room("filter", (), words("__future__ difflib typing")),
)


def sources(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The Python files below a folder, or the one file, sorted."""
    yield from [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


def parsed(path: pathlib.Path) -> ast.Module:
    """The syntax tree of a file; the same one for the same text."""
    return _tree_of(path.read_text(encoding="utf-8"))


@functools.cache
def _tree_of(text: str) -> ast.Module:
    return ast.parse(text)


def imports(path: pathlib.Path, plugins: pathlib.Path) -> Iterator[Tuple[int, str]]:
    """Line and name of everything that a file imports; what is ours has a leading dot, counted from ``plugins``."""
    package = path.relative_to(plugins).parent.parts
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*(("",) if node.level else ()), *above, *filter(None, [node.module])))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, f".{name[len(OURS) :]}" if name.startswith(OURS) else name) for name in names)


def may_import(room: Room, file: str, name: str) -> bool:
    """Whether the table lets that file of the room import that name."""
    if name.startswith("."):
        return any(f"{name}.".startswith(f"{allowed}.") for allowed in room.ours)
    top = name.partition(".")[0]
    return top in room.theirs or (file, top) in room.alone


def imports_follow_the_table(root: pathlib.Path) -> Iterator[str]:
    """Every arrow between rooms is one of the table."""
    plugins = root / "plugins"
    for room in ROOMS:
        for path in sources(plugins / room.place):
            for line, name in imports(path, plugins):
                if not may_import(room, path.name, name):
                    yield f"{path.relative_to(root)}:{line} imports {name}, which {room.place} may not"


def every_file_has_a_room(root: pathlib.Path) -> Iterator[str]:
    """A file that the table does not know is outside every rule."""
    plugins = root / "plugins"
    known = {path for room in ROOMS for path in sources(plugins / room.place)}
    for path in sources(plugins):
        if path not in known and path.read_text():
            yield f"{path.relative_to(root)} is in no room of the table"


def calls(tree: ast.AST) -> Iterator[Tuple[int, str]]:
    """Line and dotted name of the calls ``name(...)`` and ``name.name(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            yield node.lineno, f"{node.func.value.id}.{node.func.attr}"


def rooms_call_only_what_they_may(root: pathlib.Path) -> Iterator[str]:
    """The pure rooms neither open nor print; what tells the user is the command's or Ansible's."""
    for room in ROOMS:
        for path in sources(root / "plugins" / room.place):
            for line, name in calls(parsed(path)):
                if name in room.never_called:
                    yield f"{path.relative_to(root)}:{line} calls {name}, which {room.place} never does"


def one_room_changes_the_world(root: pathlib.Path) -> Iterator[str]:
    """Only disk/perform.py calls what renames, removes, makes or changes entries."""
    performer = root / "plugins/module_utils/_copia/disk/perform.py"
    for path in sources(root / "plugins/module_utils/_copia"):
        if path == performer:
            continue
        for line, name in imports(path, root / "plugins"):
            if name.startswith(("os.", "shutil", "pathlib")) and not name.startswith("os.path"):
                yield f"{path.relative_to(root)}:{line} imports {name}, through which the world can be changed unseen"
        for node in ast.walk(parsed(path)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
                and node.attr in WORLD_CHANGING
            ):
                yield f"{path.relative_to(root)}:{node.lineno} uses os.{node.attr}, which only disk/perform.py does"


EQUALITY = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)
DECISIVE: Tuple[type, ...] = (
    *(ast.FunctionDef, ast.arguments, ast.arg, ast.If, ast.Return, ast.Compare, ast.BoolOp, ast.And, ast.Or),
    *(ast.UnaryOp, ast.Not, ast.Name, ast.Attribute, ast.Constant, ast.Load, *EQUALITY),
)
COUNTING: Tuple[type, ...] = (*DECISIVE, ast.BinOp, ast.Add, ast.Mult, ast.Lt, ast.Gt)
KERNELS: Mapping[str, Tuple[type, ...]] = {
    "quick_check.py": DECISIVE,
    "verdicts.py": DECISIVE,
    "cas.py": DECISIVE,
    "rights.py": DECISIVE,
    "hub_plan.py": DECISIVE,
    "brakes.py": COUNTING,
}


def is_kernel(file: str, node: ast.stmt) -> bool:
    """The judges, and the predicates of the brakes."""
    if not isinstance(node, ast.FunctionDef):
        return False
    if KERNELS[file] is DECISIVE:
        return node.name.startswith("judge_")
    return isinstance(node.returns, ast.Name) and node.returns.id == "bool"


def kernels_only_decide(root: pathlib.Path) -> Iterator[str]:
    """Decision kernels are if, return, comparison, boolean operators, names, constants and members of enums."""
    for file, allowed in KERNELS.items():
        path = root / "plugins/module_utils/_copia/core" / file
        kernels = [node for node in parsed(path).body if isinstance(node, ast.FunctionDef) and is_kernel(file, node)]
        if not kernels:
            yield f"{path.relative_to(root)} has no decision kernel any more"
        for kernel in kernels:
            body = kernel.body[1:] if ast.get_docstring(kernel) else kernel.body
            for node in [inner for statement in body for inner in ast.walk(statement)]:
                if not isinstance(node, allowed):
                    yield f"{path.relative_to(root)}: {kernel.name} has a {type(node).__name__}, so it can't be proved"
                elif isinstance(node, ast.Attribute) and not node.attr.isupper():
                    yield f"{path.relative_to(root)}: {kernel.name} reads {node.attr}, which is no member of an enum"


def ours(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Every Python file that is part of the project."""
    for folder in ("plugins", "roles", "extensions", "tests"):
        yield from sources(root / folder)


def every_file_names_its_licence(root: pathlib.Path) -> Iterator[str]:
    """The SPDX line stands among the first lines of every file that holds something."""
    for path in ours(root):
        head = path.read_text(encoding="utf-8").splitlines()[:5]
        if head and SPDX not in head:
            yield f"{path.relative_to(root)} has no line {SPDX!r} at its top"


def plugins_never_assert(root: pathlib.Path) -> Iterator[str]:
    """An assert is gone under ``python -O``."""
    for path in sources(root / "plugins"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Assert):
                yield f"{path.relative_to(root)}:{node.lineno} asserts; raise what the caller can handle"


def functions_and_files_are_short(root: pathlib.Path) -> Iterator[str]:
    """Somebody who reads a function or a file should not have to scroll for long."""
    for path in ours(root):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES:
            yield f"{path.relative_to(root)} has {lines} lines, more than {FILE_LINES}"
        for node in ast.walk(parsed(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{path.relative_to(root)}: {node.name} has {length} lines, more than {FUNCTION_LINES}"


RULES = (
    imports_follow_the_table,
    every_file_has_a_room,
    rooms_call_only_what_they_may,
    one_room_changes_the_world,
    kernels_only_decide,
    every_file_names_its_licence,
    plugins_never_assert,
    functions_and_files_are_short,
)

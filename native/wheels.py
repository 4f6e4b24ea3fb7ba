# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels that the collection carries, and the source archive: ``python native/wheels.py FOLDER [--zig PROGRAM]``.

With zig (the wheel ``ziglang`` of the package index has it) one wheel for each line of TARGETS, else one for this
machine, made by its own compiler. What stands in FOLDER from an earlier run of the same input is taken as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import backend

TARGETS = {
    "manylinux_2_17_x86_64.manylinux2014_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux_2_17_aarch64.manylinux2014_aarch64": "aarch64-linux-gnu.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
}
"""A wheel's platform tags, and what zig calls that platform."""
WITHOUT_RUNTIME = ("-nostdlib", "-lc")
"""The C library and nothing of the compiler's own: building its runtime for each target takes longer than all else, and
its test for features of the processor answers no to everything (without it, such a test can't be linked)."""
PYCONFIG = """
/* What the limited interface asks of pyconfig.h; the same on each of our targets: Linux, 64 bits, little-endian. */
#define SIZEOF_WCHAR_T 4
#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 8
#define SIZEOF_LONG_LONG 8
#define SIZEOF_VOID_P 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_TIME_T 8
#define SIZEOF_PTHREAD_T 8
#define ALIGNOF_MAX_ALIGN_T 16
#define HAVE_LONG_LONG 1
#define HAVE_STDINT_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_UNISTD_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_WCHAR_H 1
#define HAVE_SSIZE_T 1
#define HAVE_PROTOTYPES 1
#define HAVE_STDARG_PROTOTYPES 1
#define HAVE_BUILTIN_ATOMIC 1
#define HAVE_STD_ATOMIC 1
#define WITH_DOC_STRINGS 1
"""
RECIPE = "recipe.json"


def headers_into(folder: pathlib.Path) -> List[str]:
    """The running interpreter's headers, with a pyconfig.h that holds for every target."""
    shutil.copytree(backend.host_headers()[0], folder, ignore=shutil.ignore_patterns("cpython", "internal"))
    shutil.copytree(pathlib.Path(backend.host_headers()[0], "cpython"), folder / "cpython")
    (folder / "pyconfig.h").write_text(PYCONFIG, encoding="utf-8")
    return [str(folder)]


def crossed(zig: str) -> Iterator[Tuple[str, bytes]]:
    """Name and bytes of a wheel for each target."""
    cache = pathlib.Path(zig).resolve().parent / "cache"
    more = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    with tempfile.TemporaryDirectory(prefix="copia-headers.") as folder:
        headers = headers_into(pathlib.Path(folder, "include"))

        def library(target: str) -> bytes:
            return backend.compile_library([zig, "cc", "-target", target, *WITHOUT_RUNTIME], headers, more)

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            for platforms, made in zip(TARGETS, threads.map(library, TARGETS.values())):
                yield backend.wheel_name(platforms), backend.wheel(made, platforms)


def this_platform(library: bytes) -> str:
    """The widest tags that a library made here deserves, by the versions of glibc's symbols in it."""
    machine = platform.machine()
    if not platform.libc_ver()[0]:
        return f"linux_{machine}"
    newest = max([17, *(int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", library))])
    return f"manylinux_2_{newest}_{machine}" + (f".manylinux2014_{machine}" if newest == 17 else "")


def made_here() -> Iterator[Tuple[str, bytes]]:
    """Name and bytes of the wheel for this machine."""
    library = backend.compile_library(backend.host_compiler(), backend.host_headers(), {})
    platforms = this_platform(library)
    yield backend.wheel_name(platforms), backend.wheel(library, platforms)


def recipe(zig: Optional[str]) -> Dict[str, str]:
    """All that decides about the bytes."""
    here = pathlib.Path(__file__)
    inputs = hashlib.sha256(backend.source_archive() + here.read_bytes())
    compiler = pathlib.Path(zig).stat().st_size if zig else 0
    return {"inputs": inputs.hexdigest(), "headers": sysconfig.get_python_version(), "zig": str(compiler)}


def is_current(folder: pathlib.Path, wanted: Dict[str, str]) -> bool:
    """Whether an earlier run has left all of it there."""
    try:
        said = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(said["recipe"] == wanted) and all((folder / name).is_file() for name in said["files"])


def build(folder: pathlib.Path, zig: Optional[str]) -> List[str]:
    """Fill the folder; the names of what is in it.

    :raises backend.BuildError: where a compiler fails, or none is here.
    """
    wanted = recipe(zig)
    if not is_current(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files = dict(crossed(zig) if zig else made_here())
        files[f"copia_native-{backend.field('version')}.tar.gz"] = backend.source_archive()
        for name, content in files.items():
            backend.put(str(folder), name, content)
        said = {"recipe": wanted, "files": sorted(files)}
        (folder / RECIPE).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return sorted(path.name for path in folder.glob("copia_native-*"))


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Build the wheels of _copia_native and its source archive.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--zig", help="zig's program; without it only the wheel for this machine is made")
    options = parser.parse_args(words)
    try:
        names = build(options.folder, options.zig)
    except backend.BuildError as error:
        print(f"no wheel: {error}", file=sys.stderr)
        return 1
    for name in names:
        content = (options.folder / name).read_bytes()
        print(f"{hashlib.sha256(content).hexdigest()}  {len(content):7}  {name}")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(backend.EPOCH))
    sys.exit(main(sys.argv[1:]))

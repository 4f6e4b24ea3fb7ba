# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds ``_copia_native``: every C file of ``src`` in one call of the compiler, as a wheel for CPython from 3.9.

pip calls ``build_wheel`` (the interface of PEP 517). It needs a C compiler (``CC``, or ``cc`` or ``gcc`` from the path)
and Python's headers, and nothing from a package index. The same input gives the same bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile
import time
import zipfile
from typing import Dict, List, Mapping, Optional, Sequence

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = (HERE / "pyproject.toml").read_text(encoding="utf-8")
EPOCH = 1767225600
"""2026-01-01: the time of every file in an archive, unless SOURCE_DATE_EPOCH says another."""
FLAGS = (
    *("-std=c11", "-O3", "-g0", "-fPIC", "-shared", "-s", "-fvisibility=hidden", "-fno-strict-aliasing", "-pthread"),
    *("-fstack-protector-strong", "-Wall", "-Wextra", "-Wconversion", "-Werror=implicit-function-declaration"),
    *("-DPy_LIMITED_API=0x03090000", "-D_GNU_SOURCE=1", "-DNDEBUG", "-Wl,-z,relro,-z,now"),
)
LIBRARY = "_copia_native.abi3.so"


class BuildError(Exception):
    """Why there is no library: one sentence."""


def field(name: str) -> str:
    """A text of the table ``project`` in pyproject.toml."""
    found = re.search(rf'^{name} = (?:\{{ text = )?"(.*?)"', PROJECT, re.MULTILINE)
    if found is None:
        raise BuildError(f"pyproject.toml does not say {name}")
    return found[1]


def sources() -> List[str]:
    """The C files, as the compiler is told them: below this folder, sorted."""
    return sorted(f"src/{path.name}" for path in (HERE / "src").glob("*.c"))


def host_compiler() -> List[str]:
    """The words of this machine's compiler.

    :raises BuildError: where there is none.
    """
    named = shlex.split(os.environ.get("CC", ""))
    found = named or [path for path in map(shutil.which, ("cc", "gcc", "clang")) if path][:1]
    if not found:
        raise BuildError("no C compiler is here: install gcc, or name one in CC")
    return [str(word) for word in found]


def host_headers() -> List[str]:
    """The folders of this interpreter's headers.

    :raises BuildError: where there are none.
    """
    folders = list(dict.fromkeys(sysconfig.get_path(name) for name in ("include", "platinclude")))
    if not any(pathlib.Path(folder, "Python.h").is_file() for folder in folders):
        raise BuildError(f"{folders[0]} has no Python.h: install Python's headers (python3-dev, python3-devel)")
    return folders


def compile_library(
    compiler: Sequence[str], headers: Sequence[str], more: Mapping[str, str], flags: Sequence[str] = FLAGS
) -> bytes:
    """The library's bytes; ``more`` is added to the environment.

    :raises BuildError: with the compiler's last lines.
    """
    with tempfile.TemporaryDirectory(prefix="copia-native.") as folder:
        target = pathlib.Path(folder, LIBRARY)
        command = [*compiler, *flags, *(f"-I{path}" for path in headers), "-o", str(target), *sources()]
        done = subprocess.run(
            command,
            cwd=HERE,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-12:]
            raise BuildError("the compiler failed: " + "\n".join([shlex.join(command), *said]))
        return target.read_bytes()


def metadata() -> bytes:
    """The core metadata, as in a wheel's METADATA and a source archive's PKG-INFO."""
    lines = ("Metadata-Version: 2.1", "Name: copia-native", f"Version: {field('version')}")
    more = (f"Summary: {field('description')}", f"License: {field('license')}")
    return "\n".join([*lines, *more, f"Requires-Python: {field('requires-python')}", ""]).encode()


def stamp() -> int:
    """The time of every file in an archive, in seconds since the epoch; a zip knows none before 1980."""
    return max(int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH)), 315532800)


def wheel_name(platforms: str) -> str:
    """The wheel's file name for platform tags joined by dots."""
    return f"copia_native-{field('version')}-cp39-abi3-{platforms}.whl"


def wheel(library: bytes, platforms: str) -> bytes:
    """The bytes of a wheel that holds the library, sorted, each with the same time."""
    info = f"copia_native-{field('version')}.dist-info"
    tags = "".join(f"Tag: cp39-abi3-{platform}\n" for platform in platforms.split("."))
    files: Dict[str, bytes] = {
        LIBRARY: library,
        f"{info}/METADATA": metadata(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: copia\nRoot-Is-Purelib: false\n{tags}".encode(),
    }
    record = f"{info}/RECORD"
    files[record] = "".join([*(recorded(name, files[name]) for name in sorted(files)), f"{record},,\n"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, time.gmtime(stamp())[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100755 if name == LIBRARY else 0o100644) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def recorded(name: str, content: bytes) -> str:
    """A line of RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def source_archive() -> bytes:
    """The bytes of a .tar.gz from which pip builds: this file, its project, and the C files."""
    top = f"copia_native-{field('version')}"
    carried = [HERE / "pyproject.toml", HERE / "backend.py", *sorted((HERE / "src").glob("*.[ch]"))]
    files = {str(path.relative_to(HERE)): path.read_bytes() for path in carried}
    files["PKG-INFO"] = metadata()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), stamp(), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 9, mtime=0)


def put(folder: str, name: str, content: bytes) -> str:
    """Write a file and give its name."""
    pathlib.Path(folder, name).write_bytes(content)
    return name


def build_wheel(
    wheel_directory: str, config_settings: Optional[object] = None, metadata_directory: Optional[str] = None
) -> str:
    """PEP 517: a wheel for this machine alone."""
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    library = compile_library(host_compiler(), host_headers(), {})
    return put(wheel_directory, wheel_name(platform), wheel(library, platform))


def build_sdist(sdist_directory: str, config_settings: Optional[object] = None) -> str:
    """PEP 517: the source archive."""
    return put(sdist_directory, f"copia_native-{field('version')}.tar.gz", source_archive())

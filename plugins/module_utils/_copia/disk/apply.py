# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a mirror's plan: staged, verified, put in place, recorded in the report.

Order
1. Stage every content, and check it against its digest; nothing in the tree is touched until all that is there.
2. Flush what was staged.
3. Clear what stands in the way, make directories, move, put files and links in place, settle attributes, give files
   their other names.
4. Remove what only the target has: last, and only when nothing went wrong before.
5. Flush the names (the backup's too), leave the staging folder, set the attributes of directories, deepest first.

Trouble with one path becomes a problem of that path. Trouble with the whole file system (no space, read-only) ends the
run before anything in the tree was touched, or leaves each path old or new.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import chain
from typing import Any, Generator, Iterable, Iterator, List, Optional, Set, Union

from ..core.entries import Entry, Kind
from ..core.errors import RemoteProtocolError
from ..core.parcel import Item
from ..core.paths import TreePath, show, split
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.report import Report
from ..core.steps import LinkFile, MakeDirectory, MirrorPlan, Move, Put, PutFile, Reason, Remove, SetAttributes, Step
from . import operations as op
from .backup import Backup
from .flushing import flush_contents, flush_names
from .folders import Folders
from .place import Outcome, is_one_of, link_to, move_to, put_in_place, take_out
from .receive import Receiving
from .scan import look
from .shared import SharedFiles
from .stage import Stage, open_stage

_MODIFIED = "changed on the destination during the run; it was left as it is, run again"


def apply_plan(
    plan: MirrorPlan,
    items: Iterator[Item],
    root: int,
    report: Report,
    *,
    durable: bool = True,
    text_limit: int = 0,
    keeps: Preserve = NOTHING_MORE,
    backup: bytes = b"",
) -> op.Acts:
    """Carry out ``plan`` with the contents in ``items`` at the open directory ``root``; what was done is in ``report``.
    What it ``keeps`` of an entry, and can't, is a problem of its path; the rest of it is done. What is displaced
    goes to ``backup``, if that names a place.

    :raises InputError: when the file system as a whole refuses; nothing in the tree was replaced then.
    :raises RemoteProtocolError: when the parcel is damaged or not the answer to this plan.
    :raises OSError: when no staging folder can be made.
    """
    folders = Folders(root)
    kept = Backup(root, backup, durable=durable) if backup else None
    try:
        applying = _Applying(plan, folders, Receiving(plan, folders, report, text_limit, keeps), durable)
        applying.backup = kept
        yield from applying.acts(items)
    finally:
        folders.forget()
        if kept is not None:
            kept.forget()
    report.finish()


class _Applying:
    """One run of a plan."""

    def __init__(self, plan: MirrorPlan, folders: Folders, receiving: Receiving, durable: bool) -> None:
        self.plan, self.folders, self.receiving, self.durable = plan, folders, receiving, durable
        self.report = receiving.report
        self.dresser = receiving.dresser
        self.moved: Set[TreePath] = set()
        self.backup: Optional[Backup] = None
        self.shared = SharedFiles()

    def acts(self, items: Iterator[Item]) -> op.Acts:
        """Everything, in the order above."""
        plan = self.plan
        self.report.begin(plan)
        if plan.clearances or plan.makes or plan.moves or plan.puts or plan.links or plan.removals:
            stage = yield from open_stage(self.folders.root)
            try:
                yield from self._through_stage(stage, items)
            except Exception:
                yield from self._leave_anyhow(stage)
                raise
            self.folders.forget()
            yield from stage.leave()
        else:
            yield from self._each(plan.settles, self._settle)
            yield from self._close(below_root=True)
        yield from self._close(below_root=False)

    def _leave_anyhow(self, stage: Stage) -> op.Acts:
        """After trouble: what can't be removed now is swept by the next run, and must not hide the trouble."""
        try:
            yield from stage.leave()
        except OSError:
            pass

    def _through_stage(self, stage: Stage, items: Iterator[Item]) -> op.Acts:
        yield from self.receiving.acts(stage, items)
        if self.durable and not stage.is_empty():
            yield from flush_contents(self.folders.root, stage, self.plan.puts)
        self.stage = stage
        if self.backup is not None and self._displaces():
            yield from self.backup.open()
            stage.backup = self.backup
        yield from self._each(self.plan.clearances, self._remove)
        yield from self._each(self.plan.makes, self._make)
        yield from self._each(self.plan.moves, self._move)
        yield from self._each(self._still_to_put(), self._put)
        yield from self._each(self.plan.settles, self._settle)
        yield from self._each(self.plan.links, self._link)
        yield from self._remove_extra()
        yield from self._close(below_root=True)
        if stage.backup is not None:
            yield from stage.backup.close_folders()
        if self.durable:
            yield from self._flush_names()

    def _displaces(self) -> bool:
        """Whether some version may lose its place."""
        plan, same = self.plan, self.receiving.same
        links = [step for step in plan.links if step.reason is not Reason.LOOK or step.first not in same]
        steps = (step for step in (*plan.makes, *plan.puts, *links) if step.path not in same)
        return bool(plan.clearances or plan.removals) or any(isinstance(step.expected, Entry) for step in steps)

    def _each(self, steps: Iterable[Step], act: Any) -> op.Acts:
        """Each step on its own: an error of one is a problem of its path."""
        for step in steps:
            try:
                done = yield from self._in_writable_folder(step, act)
            except OSError as error:
                self.receiving.fail(step.path, in_words(error))
                continue
            if done is False:
                self.receiving.fail(step.path, _MODIFIED)
            elif done:
                self.report.did(step)
        self.folders.forget()

    def _in_writable_folder(self, step: Step, act: Any) -> op.Acts:
        """Act; in a folder of our own that is read-only, once more with the right to write. Closing it gives it the
        mode that it is to have.
        """
        try:
            return (yield from act(step))
        except PermissionError:
            closed = [path for path in _folders_of(step) if self._is_ours_and_closed(path)]
            if not closed:
                raise
            for path in closed:
                folder = self.folders.at(path)
                found = os.fstat(folder)
                mode = stat.S_IMODE(found.st_mode) | 0o300
                yield op.SetFolderAttributes(folder, op.Attributes(mode, found.st_mtime_ns))
            return (yield from act(step))

    def _is_ours_and_closed(self, path: TreePath) -> bool:
        found = os.fstat(self.folders.at(path))
        return found.st_uid == os.geteuid() and found.st_mode & 0o300 != 0o300

    def _make(self, step: MakeDirectory) -> op.Acts:
        """Put a new directory in place, with everything in it. One that is there already gets its content bit by
        bit, which is what a second execution of the same step finds.
        """
        if not step.path:
            return True
        directory, _name = split(step.path)
        if directory in self.moved:
            self.moved.add(step.path)
            return True
        outcome = yield from self._place(step)
        if outcome is Outcome.PLACED:
            self.moved.add(step.path)
        return outcome is not Outcome.MODIFIED

    def _move(self, step: Move) -> op.Acts:
        return (yield from move_to(self.folders, step, self.dresser))

    def _still_to_put(self) -> Iterator[Put]:
        """What did not come into its place with a new directory."""
        moved, failed, same = self.moved, self.receiving.failed, self.receiving.same
        last = [step for step in self.plan.puts if step.path in same]
        for step in chain((step for step in self.plan.puts if step.path not in same) if last else self.plan.puts, last):
            if step.path in failed:
                continue
            if moved and split(step.path)[0] in moved:
                self.report.did(step)
            else:
                yield step

    def _put(self, step: Put) -> op.Acts:
        if step.path in self.receiving.same and isinstance(step, PutFile):
            outcome = yield from self._set(step)
            if outcome:
                self.report.found_same(step)
            return None if outcome else outcome
        return (yield from self._place(step)) is not Outcome.MODIFIED

    def _place(self, step: Union[MakeDirectory, Put]) -> op.Acts:
        staged = self.stage.find(step.path)
        if staged is None:
            raise RemoteProtocolError(f"the parcel lacks {show(step.path)}")
        directory, name = split(step.path)
        there = (self.folders.at(directory), name)
        outcome = yield from put_in_place(self.stage, staged, there, step.expected, step.wanted)
        if outcome is Outcome.PLACED:
            self.stage.drop(step.path)
            self.folders.forget(step.path)
        return outcome

    def _link(self, step: LinkFile) -> Generator[op.Operation, Any, Optional[bool]]:
        """A second name for a file; what has it already counts as done."""
        if step.reason is Reason.LOOK and step.first in self.receiving.same:
            self.report.found_same(step)
            return None
        if step.first in self.receiving.failed:
            self.receiving.fail(step.path, f"is to be one file with {show(step.first)}, which has a problem")
            return None
        return (yield from link_to(self.stage, self.folders, self.shared, step))

    def _settle(self, step: SetAttributes) -> Generator[op.Operation, Any, Optional[bool]]:
        """A directory's permissions and time are set when it is closed."""
        if step.wanted.kind is Kind.DIRECTORY:
            is_dressed: bool = yield from self.dresser.acts(self.folders.at(step.path), b"", step.wanted)
            done: Optional[bool] = is_dressed or None
        else:
            done = yield from self._set(step)
        return True if done is None and step.reason is Reason.MODE else done

    def _set(self, step: Union[SetAttributes, PutFile]) -> Generator[op.Operation, Any, Optional[bool]]:
        """False where something else stands there; ``None`` where not all could be put on it."""
        directory, name = split(step.path)
        parent = self.folders.at(directory)
        if not is_one_of(look(parent, name, step.path), step.expected, step.wanted):
            return False
        is_dressed: bool = yield from self.dresser.acts(parent, name, step.wanted)
        try:
            yield op.SetAttributes(parent, name, step.wanted.kind, self._attributes(step.wanted))
        except OSError:
            if is_dressed:
                raise
        if self.plan.removals or self.plan.links:
            self.shared.note(parent, name, step.wanted)
        return True if is_dressed else None

    def _attributes(self, entry: Entry) -> op.Attributes:
        return op.attributes_of(self.dresser.keeps.bare(entry))

    def _remove(self, step: Remove) -> op.Acts:
        return (yield from take_out(self.stage, self.folders, step.expected, self.shared))

    def _remove_extra(self) -> op.Acts:
        removals, failed = self.plan.removals, self.receiving.failed | self.receiving.undressed
        if failed and removals:
            self.report.kept += len(removals)
            self.report.notes.append(
                f"{len(removals)} removal(s) held back because of {len(failed)} path(s) with problems"
            )
            return
        yield from self._each(removals, self._remove)

    def _close(self, *, below_root: bool) -> op.Acts:
        """Set the attributes of directories that something was done in; the root's when the staging folder is gone."""
        for entry in self.plan.closings:
            if bool(entry.path) is not below_root:
                continue
            try:
                folder = self.folders.at(entry.path)
                yield from self.dresser.acts(folder, b"", entry)
                yield op.SetFolderAttributes(folder, self._attributes(entry))
            except OSError as error:
                if error.errno != errno.ENOENT:
                    self.receiving.fail(entry.path, in_words(error))
            self.folders.forget(entry.path or None)

    def _flush_names(self) -> op.Acts:
        """Have the new names on disk."""
        plan = self.plan
        steps: List[Step] = [*plan.makes, *plan.moves, *plan.puts, *plan.links, *plan.removals, *plan.clearances]
        directories = {folder for step in steps if step.path for folder in _folders_of(step)}
        yield from flush_names(self.folders, directories)
        backup = self.stage.backup
        if backup is not None:
            yield from flush_names(backup.folders, backup.touched)


def _folders_of(step: Step) -> List[TreePath]:
    """The directories whose names a step changes."""
    paths = [step.path, step.expected.path] if isinstance(step, Move) else [step.path]
    return list(dict.fromkeys(split(path)[0] for path in paths))


def in_words(error: OSError) -> str:
    """What a refusal of the kernel means for one path."""
    if error.errno == errno.EXDEV:
        return "is on another file system than the top of the destination; mirror it with a task of its own"
    return f"could not be changed: {os.strerror(error.errno or 0)}"

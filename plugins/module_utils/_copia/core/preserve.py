# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an entry is kept beside its content, permissions and time, which always are (``docs/spec/preserve.md``)."""

from __future__ import annotations

from typing import Iterable, List

from ..values import dataclass, replace
from .entries import NOT_RECORDED, Entry
from .errors import InputError

WORDS = ("owner", "group", "acls", "xattrs", "hard_links")


@dataclass(frozen=True)
class Preserve:
    """What is asked for. The names of the fields are the words that users say."""

    owner: bool = False
    group: bool = False
    acls: bool = False
    xattrs: bool = False
    hard_links: bool = False

    @property
    def words(self) -> List[str]:
        """What is asked for, in words."""
        return [word for word in WORDS if getattr(self, word)]

    @property
    def is_any(self) -> bool:
        """Whether anything is."""
        return self != NOTHING_MORE

    @property
    def has_ids(self) -> bool:
        """Whether something is kept that names accounts by number."""
        return self.owner or self.group or self.acls

    @property
    def has_extras(self) -> bool:
        """Whether extended attributes are kept."""
        return self.acls or self.xattrs

    def without(self, *, owner: bool, group: bool) -> "Preserve":
        """The same without those, which are forced."""
        return replace(self, owner=self.owner and not owner, group=self.group and not group)

    def bare(self, entry: Entry) -> Entry:
        """The entry as far as every file system and every user can have it; the rest is put on afterwards."""
        if not self.owner and not self.group:
            return entry
        uid = NOT_RECORDED if self.owner else entry.uid
        return entry._replace(uid=uid, gid=NOT_RECORDED if self.group else entry.gid)


NOTHING_MORE = Preserve()


def parse_preserve(words: Iterable[str]) -> Preserve:
    """What those words ask for.

    :raises InputError: when one is not known.
    """
    asked = list(words)
    for word in asked:
        if word not in WORDS:
            raise InputError(f"preserve has {word!r}: expected some of {', '.join(WORDS)}")
    return Preserve(**dict.fromkeys(asked, True))

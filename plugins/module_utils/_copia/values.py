# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``dataclass``, ``field`` and ``replace`` as in the standard library, as far as they are used here, made cheaply.

The library's take a third of every start (``docs/decisions/values.md``). Type checkers and readers may take these for
those. The differences:

1. ``frozen`` is what the type checker enforces. At run time it only makes a value hashable.
2. ``field`` is for values that are made for each instance.
3. Nothing is inherited, and a class may have ``__slots__`` where no field has a default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace

    __all__ = ["dataclass", "field", "replace"]
else:
    T = TypeVar("T")

    def dataclass(given: Optional[type] = None, *, frozen: bool = False) -> Any:
        """The class with ``__init__``, ``__eq__`` and ``__repr__`` for its annotated fields; ``frozen`` adds
        ``__hash__``.
        """
        if given is None:
            return lambda later: dataclass(later, frozen=frozen)
        _initialise(given)
        _compare(given, frozen)
        return given

    class _Field:
        """How a field begins, and where it counts."""

        def __init__(self, make: Callable[[], Any], compare: bool, show: bool) -> None:
            self.make, self.compare, self.show = make, compare, show

    def field(*, default_factory: Callable[[], Any], compare: bool = True, repr: bool = True) -> Any:
        """A field that begins as what ``default_factory`` makes."""
        return _Field(default_factory, compare, repr)

    def replace(value: T, **changes: Any) -> T:
        """``value`` with some fields changed."""
        fields = [changes.pop(name) if name in changes else getattr(value, name) for name in value.__fields__]
        return type(value)(*fields, **changes)

    def _initialise(given: type) -> None:
        names = tuple(getattr(given, "__annotations__", ()))
        slots = given.__dict__.get("__slots__", ())
        defaults = {name: given.__dict__[name] for name in names if name in given.__dict__ and name not in slots}
        count, finish = len(names), getattr(given, "__post_init__", None)

        def __init__(self: Any, *values: Any, **named: Any) -> None:
            if named or len(values) != count:
                values = _completed(given, defaults, values, named)
            for name, value in zip(names, values):
                setattr(self, name, value)
            if finish:
                finish(self)

        given.__fields__ = names
        given.__init__ = __init__

    def _completed(
        given: type, defaults: Dict[str, Any], values: Tuple[Any, ...], named: Dict[str, Any]
    ) -> Tuple[Any, ...]:
        """A value for each field: those that came by position, by name, and by default."""
        names = given.__fields__
        found = dict(zip(names, values))
        missing = [name for name in names if name not in found and name not in named and name not in defaults]
        unknown = [name for name in named if name not in names or name in found]
        if missing or unknown or len(values) > len(names):
            raise TypeError(f"{given.__qualname__}: {missing} are missing, {unknown} unknown or given twice")
        found.update(named)
        for name, default in defaults.items():
            if name not in found:
                found[name] = default.make() if isinstance(default, _Field) else default
        return tuple([found[name] for name in names])

    def _compare(given: type, frozen: bool) -> None:
        how = {name: given.__dict__.get(name) for name in given.__fields__}
        compared = [name for name in how if not isinstance(how[name], _Field) or how[name].compare]
        shown = [name for name in how if not isinstance(how[name], _Field) or how[name].show]

        def content(self: Any) -> Tuple[Any, ...]:
            return tuple([getattr(self, name) for name in compared])

        def __eq__(self: Any, other: Any) -> Any:
            return content(self) == content(other) if other.__class__ is given else NotImplemented

        def __repr__(self: Any) -> str:
            return f"{given.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

        given.__eq__, given.__repr__ = __eq__, __repr__
        given.__hash__ = (lambda self: hash(content(self))) if frozen else None

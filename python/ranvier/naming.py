"""Automatic names of objects, the snake case they come from, and hints at misspelt ones."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict

_uids: dict[str, int] = defaultdict(int)


def to_snake_case(name: str) -> str:
    """`Conv2DTranspose` -> `conv2d_transpose`, by Keras' three substitutions."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def get_uid(prefix: str = "") -> int:
    """The next number for the prefix, from 1.

    Example:
        >>> first = keras.backend.get_uid("block")
        >>> keras.backend.get_uid("block") - first
        1
    """
    _uids[prefix] += 1
    return _uids[prefix]


def auto_name(prefix: str) -> str:
    """`Dense` -> `dense`, then `dense_1`, `dense_2`, …"""
    return uniquify(to_snake_case(prefix))


def uniquify(name: str) -> str:
    """The name, with a running number from its second use on."""
    count = _uids[name]
    _uids[name] += 1
    return name if count == 0 else f"{name}_{count}"


def reset_uids() -> None:
    """Starts all automatic names anew."""
    _uids.clear()


def similar(names, known) -> str:
    """A hint, after a full stop, where unknown names look like known ones; else nothing."""
    known = [name for name in known if isinstance(name, str)]
    near = [match for name in names for match in difflib.get_close_matches(str(name), known, 1)]
    return f" Hint: did you mean {', '.join(map(repr, near))}?" if near else ""


def unknown_attribute(module: str, name: str, known) -> AttributeError:
    """What a module's `__getattr__` raises, with a hint at a known name that is like it."""
    hint = "" if name.startswith("_") else similar([name], known)
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint and '.' + hint}")


def similar_arguments(cls, names) -> str:
    """The same for arguments of a class's constructors."""
    codes = [getattr(base.__init__, "__code__", None) for base in cls.__mro__]
    counted = [(c, c.co_argcount + c.co_kwonlyargcount) for c in codes if c is not None]
    return similar(names, [name for code, count in counted for name in code.co_varnames[:count]])

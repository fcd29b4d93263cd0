"""Scopes under which variables and layers are made: names, casts, limits, shapes only."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import config
from ranvier.config import standardize_dtype, thread_state

scope_state = thread_state()


class name_scope:
    """Names created inside get this prefix in their `path`.

    Args:
        name: one path element.
        caller: the object that enters; entering twice for one caller adds the name once.
        deduplicate: whether the rule for `caller` holds.
        override_parent: path used instead of the enclosing scopes'.

    Example:
        >>> with keras.name_scope("encoder"):
        ...     v = keras.Variable(0.0, name="gain")
        >>> v.path
        'encoder/gain'
    """

    def __init__(
        self, name: str, caller=None, deduplicate: bool = True, override_parent: str | None = None
    ):
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name}"
            )
        self.name = name
        self.caller = caller
        self.deduplicate = deduplicate
        self.override_parent = override_parent
        self._pushed = False

    def __enter__(self):
        stack = stack_of("name_scopes")
        top = stack[-1] if stack else None
        if (
            self.deduplicate
            and self.caller is not None
            and top is not None
            and top.caller is self.caller
            and top.name == self.name
        ):
            return self
        stack.append(self)
        self._pushed = True
        return self

    def __exit__(self, *exc):
        if self._pushed:
            stack_of("name_scopes").pop()
            self._pushed = False


def current_path() -> str:
    """The path of the enclosing name scopes, joined by `/`."""
    parts: list[str] = []
    for scope in stack_of("name_scopes"):
        if scope.override_parent is not None:
            parts = [scope.override_parent] if scope.override_parent else []
        parts.append(scope.name)
    return "/".join(parts)


def stack_of(name: str) -> list:
    """The scopes of this kind on this thread, the innermost last."""
    stack = getattr(scope_state, name, None)
    if stack is None:
        stack = []
        setattr(scope_state, name, stack)
    return stack


class AutocastScope:
    """Float variables read inside are cast to `dtype` (`None`: not cast)."""

    def __init__(self, dtype):
        if dtype is not None:
            dtype = standardize_dtype(dtype)
            if not config.is_float_dtype(dtype):
                raise ValueError(
                    "`AutocastScope` can only be used with a floating-point target dtype, such as "
                    f"'float16'. Received: dtype={dtype}"
                )
        self.dtype = dtype
        self._previous = None

    def maybe_cast(self, value):
        """The value in the scope's dtype when it is a float tensor."""
        if self.dtype in (None, value.dtype) or not config.is_float_dtype(value.dtype):
            return value
        return B.apply("cast", [value], {"dtype": self.dtype})

    def __enter__(self):
        self._previous = getattr(scope_state, "autocast", None)
        scope_state.autocast = self.dtype
        return self

    def __exit__(self, *exc):
        scope_state.autocast = self._previous


def get_autocast_dtype() -> str | None:
    """The dtype of the innermost `AutocastScope`."""
    return getattr(scope_state, "autocast", None)


class SizeLimit:
    """Refuses initialized variables above a number of elements, before memory is taken for them.

    Args:
        elements: the limit, for example what a file that is being read can fill.
    """

    def __init__(self, elements: int):
        self.elements = elements

    def __enter__(self):
        self._previous = getattr(scope_state, "size_limit", None)
        scope_state.size_limit = self.elements
        return self

    def __exit__(self, *exc):
        scope_state.size_limit = self._previous


class SymbolicScope:
    """Marks code that runs for shapes only.

    Example:
        >>> with keras.SymbolicScope():
        ...     layers.Dense(3).compute_output_shape((None, 2))
        (None, 3)
    """

    def __enter__(self):
        scope_state.symbolic_depth = getattr(scope_state, "symbolic_depth", 0) + 1
        return self

    def __exit__(self, *exc):
        scope_state.symbolic_depth -= 1


def in_symbolic_scope() -> bool:
    """Whether shapes are being inferred on this thread."""
    return getattr(scope_state, "symbolic_depth", 0) > 0

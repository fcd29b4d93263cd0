"""Output shapes with unknown sizes, by running the real shape rules twice with two stand-ins."""

from __future__ import annotations

import itertools
import re

from ranvier import _backend as B
from ranvier import tree
from ranvier.config import thread_state
from ranvier.scopes import SymbolicScope
from ranvier.symbolic.host import HostArray
from ranvier.symbolic.keras_tensor import KerasTensor

# Unlikely sizes, apart by more than a stride, so that the numbers of windows differ too; the second
# pair is large and divisible by much, for rules that refuse the first.
_PAIRS = ((83, 197), (6720, 13440))

# Assignments of known sizes to unknown axes tried before an error is believed.
_MOST_TRIALS = 64

_state = thread_state()


def current_stand_in() -> int | None:
    """The size that stands for `None` in the running probe."""
    return getattr(_state, "stand_in", None)


def compute_output_spec(fn, *args, **kwargs):
    """The structure of `KerasTensor`s that `fn` gives for arguments with `KerasTensor`s in them.

    The function runs in a scratch trace: no data, no lasting writes. An unknown size that must
    equal a known one (a contracted or broadcast axis) is taken to be that one.
    """
    leaves = tree.flatten((args, kwargs))
    unknown = [
        (id(x), axis)
        for x in leaves
        if isinstance(x, KerasTensor)
        for axis, size in enumerate(x.shape)
        if size is None
    ]
    if not unknown:
        return _as_spec(_run(fn, args, kwargs, None))
    first_error = None
    for pair, fixed in _trials(leaves, dict.fromkeys(unknown)):
        if fixed and not isinstance(first_error, B.ShapeError):
            break
        try:
            results = [_run(fn, args, kwargs, stand_in, fixed) for stand_in in pair]
        except (ValueError, IndexError, ZeroDivisionError) as error:
            first_error = first_error or error
            continue
        return _merge(*results)
    raise _with_unknown_sizes(first_error, leaves)


def _with_unknown_sizes(error, leaves):
    """The error, with `None` where its text and its notes tell the first probe's stand-in."""
    stand_in = _PAIRS[0][0]
    if not any(stand_in in x.shape for x in leaves if hasattr(x, "shape")):
        number = re.compile(rf"\b{stand_in}\b")
        error.args = tuple(number.sub("None", a) if isinstance(a, str) else a for a in error.args)
        notes = getattr(error, "__notes__", [])
        notes[:] = [number.sub("None", note) for note in notes]
    return error


def _trials(leaves, unknown):
    """Pairs of stand-ins, each with the unknown axes that take a known size instead."""
    for pair in _PAIRS:
        yield pair, {}
    shapes = [x.shape for x in leaves if hasattr(x, "shape")]
    known = dict.fromkeys(d for shape in shapes for d in shape if d is not None and d > 1)
    choices = list(itertools.product(unknown, known))
    for count in (1, 2):
        for chosen in itertools.islice(itertools.combinations(choices, count), _MOST_TRIALS):
            if len({axis for axis, _ in chosen}) == count:
                yield _PAIRS[0], dict(chosen)


def probing() -> bool:
    """Whether the running code only tells shapes: values and dtypes of stand-ins mean nothing."""
    return getattr(_state, "probing", False)


class _Spec:
    """Shape and dtype of a result; outlives its trace."""

    def __init__(self, shape, dtype):
        self.shape = tuple(shape)
        self.dtype = dtype


def _run(fn, args, kwargs, stand_in, fixed=None):
    fixed = fixed or {}
    trace = B.Trace()
    previous, outer = current_stand_in(), getattr(_state, "probing", None)
    trace.enter()
    _state.stand_in = stand_in if stand_in is not None else previous
    _state.probing = trace
    try:
        with SymbolicScope():
            made: dict[int, object] = {}

            def symbol(x):
                if not isinstance(x, KerasTensor):
                    return x
                if id(x) not in made:
                    shape = [
                        fixed.get((id(x), axis), stand_in) if d is None else d
                        for axis, d in enumerate(x.shape)
                    ]
                    text = x.dtype == "string"
                    made[id(x)] = HostArray(shape) if text else _argument(trace, shape, x.dtype)
                return made[id(x)]

            out = fn(*tree.map_structure(symbol, args), **tree.map_structure(symbol, kwargs))
            return tree.map_structure(_spec_of, out)
    finally:
        _state.stand_in, _state.probing = previous, outer
        trace.exit()


def _argument(trace, shape, dtype):
    if dtype != "complex64":
        return trace.argument(shape, dtype)
    from ranvier.ops.complex_values import ComplexTensor

    return ComplexTensor(*(trace.argument(shape, "float32") for _ in range(2)))


def _spec_of(x):
    if isinstance(x, (B.Tensor, HostArray)):
        return _Spec(x.shape, x.dtype)
    if getattr(x, "dtype", None) == "complex64":
        return _Spec(x.shape, x.dtype)
    if hasattr(x, "handle") and isinstance(getattr(x, "value", None), B.Tensor):
        return _Spec(x.shape, x.dtype)
    return x


def _as_spec(out):
    return tree.map_structure(
        lambda x: KerasTensor(x.shape, dtype=x.dtype) if isinstance(x, _Spec) else x, out
    )


def _merge(first, second):
    def join(a, b):
        if not isinstance(a, _Spec):
            return a
        if len(a.shape) != len(b.shape):
            raise ValueError(
                "The rank of the result depends on a size that is not known: "
                f"{a.shape} and {b.shape} came out for two trial sizes."
            )
        return KerasTensor([x if x == y else None for x, y in zip(a.shape, b.shape)], dtype=a.dtype)

    return tree.map_structure(join, first, second)

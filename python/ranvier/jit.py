"""Compiles a Python function of tensors into one planned program per signature."""

from __future__ import annotations

import collections
import contextlib
import functools
import warnings
from collections.abc import Sequence

import numpy as np

from ranvier import _backend as B
from ranvier import config, tree
from ranvier.ops._define import holds_complex
from ranvier.scopes import scope_state
from ranvier.variable import Variable

_TENSORS = {B.Tensor}
_MAX_PROGRAMS = 64
_WARN_AFTER = 16


class Traced:
    """A function traced for one signature: its trace, program and structure of results."""

    def __init__(self, trace, outputs, name, has_pairs):
        self.trace = trace
        self.name = name
        self._outputs = outputs  # the result, its tensors replaced by their position
        self._has_pairs = has_pairs  # whether complex values are pairs in it
        self._is_flat_dict = type(outputs) is dict and all(
            type(x) is _Slot for x in outputs.values()
        )
        self._flags = [(v, v.trainable) for v in trace.variables]

    @functools.cached_property
    def program(self):
        """The compiled program, made at its first use."""
        return B.core.compile(self.trace._ref, self.name)

    @property
    def gives_one_tensor(self) -> bool:
        """Whether the result is a tensor itself, no structure of them."""
        return type(self._outputs) is _Slot

    def is_current(self) -> bool:
        """Whether the variables it reads are still trainable, or not, as they were."""
        return not self._flags or all(v.trainable == flag for v, flag in self._flags)

    def result(self, tensors):
        """The function's result for the program's outputs."""
        outputs = self._outputs
        if type(outputs) is _Slot:
            return tensors[outputs.index]
        if self._is_flat_dict:  # logs, as a rule
            return {name: tensors[x.index] for name, x in outputs.items()}
        result = tree.map_structure(lambda x: tensors[x.index] if type(x) is _Slot else x, outputs)
        return _complex().together(result) if self._has_pairs else result


class _Slot:
    """The place of output `index` in a result."""

    __slots__ = ("index",)

    def __init__(self, index):
        self.index = index


def trace_function(fn, specs, name: str = "function", recording=None) -> Traced:
    """Runs `fn` once on symbols.

    Args:
        fn: function of `len(specs)` tensors.
        specs: `(shape, dtype)` of each.
        name: for dumps and errors.
        recording: function of the trace that gives a context manager to run in.
    """
    trace = B.Trace()
    symbols = [trace.argument(tuple(shape), dtype) for shape, dtype in specs]
    trace.enter()
    try:
        with recording(trace) if recording is not None else contextlib.nullcontext():
            result = fn(*symbols)
        has_pairs = holds_complex(result)
        result = _complex().apart(result) if has_pairs else result
        tensors = []

        def slot(x):
            if isinstance(x, Variable):
                x = x.value
            if not isinstance(x, B.Tensor):
                return x
            tensors.append(x)
            return _Slot(len(tensors) - 1)

        outputs = tree.map_structure(slot, result)
        trace.finish(tensors)
    finally:
        trace.exit()
    return Traced(trace, outputs, name, has_pairs)


class Jitted:
    """What `jit` returns."""

    def __init__(self, fn):
        functools.update_wrapper(self, fn)
        self._fn = fn
        self._name = getattr(fn, "__name__", type(fn).__name__)
        self._cache: collections.OrderedDict = collections.OrderedDict()
        self._traces = 0
        self._shapes: list = []

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args, **kwargs):
        immediate = B.core.immediate()
        if not immediate and B.tracing():
            return self._fn(*args, **kwargs)
        tensors = args
        traced = None if kwargs else self._known(args)
        if traced is None:
            traced, tensors = self._traced(args, kwargs)
        if immediate:
            return traced.result(traced.program.run(tensors))
        return traced.result(B.core.call(traced.trace._ref, tensors))

    def trace_count(self) -> int:
        """How often the function was traced."""
        return self._traces

    def _known(self, args) -> Traced | None:
        """What was traced for arguments that are tensors, every one of them."""
        signature = B.core.signature(args)
        if signature is None:
            return None
        return self._find((None, None, signature, (), scope_state.autocast, config.floatx()))

    def _find(self, key) -> Traced | None:
        traced = self._cache.get(key)
        if traced is None or not traced.is_current():
            return None
        self._cache.move_to_end(key)
        return traced

    def _traced(self, args, kwargs) -> tuple[Traced, Sequence]:
        """What was traced for these arguments, now or before, and the tensors among them."""
        leaves, places, skeleton, tensors = args, None, None, args
        if kwargs or not set(map(type, args)) <= _TENSORS:
            if holds_complex(args) or holds_complex(kwargs):
                args, kwargs = _complex().apart((args, kwargs))
            if not kwargs and all(map(_is_array, args)):  # needs no walk through structures
                leaves = args
            else:
                leaves = tree.flatten((args, kwargs))
                places = tuple(i for i, leaf in enumerate(leaves) if _is_array(leaf))
                skeleton = repr(tree.map_structure(lambda _: 0, (args, kwargs)))
            tensors = [_as_argument(leaf) for leaf in leaves if _is_array(leaf)]
        chosen = range(len(leaves)) if places is None else places
        static: tuple = ()
        if len(tensors) < len(leaves):
            dynamic = set(chosen)
            static = tuple(
                _static_key(leaf, self._name) for i, leaf in enumerate(leaves) if i not in dynamic
            )
        signature = B.core.signature(tensors)
        key = (skeleton, places, signature, static, scope_state.autocast, config.floatx())
        known = self._find(key)
        if known is not None:
            return known, tensors

        def flat_function(*symbols):
            filled = list(leaves)
            for i, symbol in zip(chosen, symbols, strict=True):
                filled[i] = symbol
            packed = tree.pack_sequence_as((args, kwargs), filled)
            new_args, new_kwargs = _complex().together(packed)
            return self._fn(*new_args, **new_kwargs)

        specs = tuple((t.shape, t.dtype) for t in tensors)
        traced = trace_function(flat_function, specs, self._name)
        self._cache[key] = traced
        if len(self._cache) > _MAX_PROGRAMS:
            self._cache.popitem(last=False)
        self._count(specs)
        return traced, tensors

    def _count(self, specs):
        self._traces += 1
        self._shapes.append([shape for shape, _ in specs])
        if self._traces != _WARN_AFTER:
            return
        warnings.warn(
            f"jit: '{self._name}' was traced {self._traces} times; {_what_changes(self._shapes)}. "
            "Each new signature is traced and compiled. Hint: pad inputs to a few sizes, and pass "
            "numbers that "
            "change as tensors.",
            stacklevel=4,
        )


def _what_changes(shapes) -> str:
    if len({len(s) for s in shapes}) > 1:
        return "the number of tensor arguments changes"
    for i, column in enumerate(zip(*shapes, strict=True)):
        if len({len(s) for s in column}) > 1:
            return f"the rank of argument {i} changes"
        for axis, sizes in enumerate(zip(*column, strict=True)):
            if len(set(sizes)) > 1:
                return f"axis {axis} of argument {i} changes (seen: {sorted(set(sizes))[:6]})"
    return "its arguments that are not tensors change"


def _complex():
    from ranvier.ops import complex_values

    return complex_values


def _is_array(x) -> bool:
    return isinstance(x, (B.Tensor, np.ndarray, np.generic))


def _as_argument(x):
    return x if isinstance(x, B.Tensor) else B.tensor(x)


def _static_key(x, name):
    if isinstance(x, Variable):
        return ("variable", id(x))
    try:
        hash(x)
    except TypeError:
        raise TypeError(
            f"jit: an argument of '{name}' is neither a tensor nor hashable. Received: "
            f"{type(x).__name__}. Hint: pass arrays, tensors, numbers, strings or structures of "
            "them."
        ) from None
    return (type(x), x)


def jit(fn=None):
    """Compiles `fn` (a function of tensors) into one program for each signature it is called with.

    Tensors and NumPy arrays among the arguments, nested as you like, are inputs of the program; all
    other arguments are static: each value makes a program of its own. Variables may be read and
    assigned. `fn`'s Python runs only while it is traced. Works under `ranvier.grad`, around it, and
    nested.

    Args:
        fn: the function; without it `jit` is a decorator with parentheses.

    Raises:
        GraphError: `fn` needs the value of a traced tensor (`if x > 0:`, `int(x)`), or a traced
            tensor of another function is used in it.

    Example:
        >>> @ranvier.jit
        ... def step(x, w):
        ...     return ops.tanh(ops.matmul(x, w))
    """
    if fn is None:
        return jit
    if isinstance(fn, Jitted):
        return fn
    return Jitted(fn)

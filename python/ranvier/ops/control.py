"""Conversions, control flow and gradients' switches: Keras' `ops` that are neither NumPy nor nn."""

from __future__ import annotations

import functools
import math

import numpy as np

from ranvier import _backend as B
from ranvier import config, tree
from ranvier.ops import elementwise as ew
from ranvier.ops._define import CORE, apply, holds_complex, op, reshape, result_type, to_tensor
from ranvier.ops._define import cast as _cast
from ranvier.python_numbers import given_for, whole
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec, probing
from ranvier.variable import Variable


@op(CORE, static=("dtype",))
def cast(x, dtype):
    """The values in another dtype.

    Example:
        >>> ops.cast([1.7, -1.7], "int32").tolist()
        [1, -1]
    """
    dtype = config.standardize_dtype(dtype)
    if dtype == "complex64":
        return ew.complex_values().with_shape(x)
    return _cast(to_tensor(x), dtype)


@op(CORE, static=("dtype",))
def saturate_cast(x, dtype):
    """The values in another dtype; what does not fit becomes its nearest end.

    Example:
        >>> ops.saturate_cast([300.0, -5.0], "uint8").tolist()
        [255, 0]
    """
    x = to_tensor(x)
    dtype = config.standardize_dtype(dtype)
    if config.is_int_dtype(dtype):
        info = np.iinfo(dtype)
        low, high = int(info.min), int(info.max)
        if config.is_int_dtype(x.dtype):
            own = np.iinfo(x.dtype)
            low, high = max(low, int(own.min)), min(high, int(own.max))
        elif x.dtype == "bool":
            return _cast(x, dtype)
        else:
            high = (
                float(np.nextafter(np.float32(high), np.float32(0)))
                if high > 2**24
                else float(high)
            )
            low = float(low)
        x = ew.clip(x, low, high)
    return _cast(x, dtype)


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """A tensor from an array, a list, a number, a variable, or any object with DLPack or
    `__array__`. NumPy arrays keep their dtype unless one is given.

    Args:
        x: the object.
        dtype: of the tensor.
        sparse, ragged: must not be true: tensors are dense.

    Raises:
        ValueError: a Python integer that does not fit into the dtype, or masked values.

    Example:
        >>> ops.convert_to_tensor([1, 2], dtype="float32").tolist()
        [1.0, 2.0]
    """
    if isinstance(x, KerasTensor):
        return x if dtype is None or config.standardize_dtype(dtype) == x.dtype else cast(x, dtype)
    if type(x) is B.Tensor and dtype is None:
        return x
    if x is None:
        raise ValueError("convert_to_tensor: expected an array or numbers. Received: None")
    if dtype is not None:
        dtype = config.standardize_dtype(dtype)
    if dtype == "complex64" or holds_complex(x):
        if dtype not in (None, "complex64"):
            x = given_for(x, dtype)  # an error for Python's own, which would lose a part
        z = ew.complex_values().from_numbers(x)
        return z if dtype is None else cast(z, dtype)
    return to_tensor(x, dtype)


def convert_to_numpy(x) -> np.ndarray:
    """The values as a NumPy array of their own, which may be written to.

    Example:
        >>> ops.convert_to_numpy(ops.ones(2)).tolist()
        [1.0, 1.0]
    """
    if isinstance(x, KerasTensor):
        return x.__array__()
    if isinstance(x, (np.ndarray, np.generic)) or ew.is_complex(x):
        return np.array(x)
    return np.array((x if isinstance(x, Variable) else to_tensor(x)).numpy())


def is_tensor(x) -> bool:
    """Whether the object is a tensor (a value or a symbol of a trace).

    Example:
        >>> ops.is_tensor(ops.ones(2)), ops.is_tensor([1, 1])
        (True, False)
    """
    return isinstance(x, (B.Tensor, ew.complex_values().ComplexTensor))


def shape(x) -> tuple:
    """The sizes; of a symbolic tensor with `None` where not known.

    Example:
        >>> ops.shape(ops.ones((2, 3)))
        (2, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else tuple(to_tensor(x).shape)


def dtype(x) -> str:
    """The Keras name of the dtype.

    Example:
        >>> ops.dtype(ops.ones(2))
        'float32'
    """
    return config.standardize_dtype(x.dtype)


@op(CORE)
def stop_gradient(variable):
    """The value; gradients do not pass.

    Args:
        variable: tensor or variable.

    Example:
        >>> keras.grad(lambda x: x * ops.stop_gradient(x))(3.0).tolist()
        3.0
    """
    return apply("stop_gradient", [to_tensor(variable)], None)


def check_callable(f, name):
    """TypeError unless `f` can be called."""
    if not callable(f):
        raise TypeError(f"`{name}` should be a callable. Received: {name}={f}")


class _Structure:
    """Flat tensors of a nested result, and the way back; what is no tensor is kept as it is."""

    def __init__(self):
        self.template = None
        self.places = None
        self.has_pairs = False

    def flatten(self, value):
        if holds_complex(value):
            self.has_pairs, value = True, ew.complex_values().apart(value)
        leaves = tree.flatten(value)
        self.template, self.leaves = value, leaves
        tensors, self.places = [], []
        for i, leaf in enumerate(leaves):
            if leaf is not None and not isinstance(leaf, str):
                tensors.append(to_tensor(leaf))
                self.places.append(i)
        return tensors

    def pack(self, tensors):
        leaves = list(self.leaves)
        for i, t in zip(self.places, tensors):
            leaves[i] = t
        packed = tree.pack_sequence_as(self.template, leaves)
        return ew.complex_values().together(packed) if self.has_pairs else packed

    def promoted(self, tensors, step, *given):
        """The tensors a loop starts with: a number takes the dtype that one step gives it.

        The step takes the carry, and the stand-ins `given`.
        """
        weak = [_weak_type(self.leaves[i]) for i in self.places]
        if not any(weak):
            return tensors
        if self.has_pairs:
            own_step, step = step, lambda *args: ew.complex_values().apart(own_step(*args))
        slots = [_slot(t, t.shape) for t in tensors]
        after = self._leaves_of(compute_output_spec(step, slots, *given))
        return [
            _cast(t, result_type(kind, getattr(new, "dtype", type(new)))) if kind else t
            for t, kind, new in zip(tensors, weak, after)
        ]

    def _leaves_of(self, value):
        leaves = tree.flatten(ew.complex_values().apart(value) if self.has_pairs else value)
        if len(leaves) != len(self.leaves):
            raise TypeError(
                "A loop must return what it carries. Expected the structure of "
                f"{self.template}. Received: {value}"
            )
        return [leaves[i] for i in self.places]

    def carried(self, name, before, value):
        """The tensors of what one step of a loop gives, in the dtypes of those before."""
        out = []
        for new, old in zip(self._leaves_of(value), before):
            new = new if isinstance(new, B.Tensor) else to_tensor(new, old.dtype)
            if new.dtype != old.dtype:
                raise B.DTypeError(
                    f"{name}: a carried tensor must keep its dtype. Expected {old.dtype}. "
                    f"Received: {new.dtype}. Hint: cast the initial value or the result."
                )
            out.append(new)
        return out


_WEAK = {"bool": bool, "int32": int, "float32": float}


def _weak_type(x):
    """The Python type of a number, also of one that is a tensor; `None` of anything else."""
    if isinstance(x, B.Tensor):
        return None if x.ndim else _WEAK.get(x.dtype)
    return type(x) if type(x) in (bool, int, float) else None


def _slot(x, shape):
    """A place for a tensor in a step that only tells shapes and dtypes."""
    return KerasTensor(shape, dtype=x.dtype, name="slot")


@op(CORE, static=("true_fn", "false_fn"))
def cond(pred, true_fn, false_fn):
    """The result of one of two functions of no arguments.

    On a known `pred` only the chosen one runs. Otherwise both are traced and their results must
    have the same structure, shapes and dtypes; assignments inside happen in the taken branch only.

    Args:
        pred: a bool.
        true_fn, false_fn: functions of no arguments.

    Example:
        >>> ops.cond(True, lambda: ops.ones(2), lambda: ops.zeros(2)).tolist()
        [1.0, 1.0]
    """
    check_callable(true_fn, "true_fn")
    check_callable(false_fn, "false_fn")
    pred = to_tensor(pred)
    pred = _cast(reshape(pred, []) if pred.ndim else pred, "bool")
    result = _Structure()
    results = B.core.cond(
        pred, lambda: result.flatten(true_fn()), lambda: result.flatten(false_fn())
    )
    return result.pack(results)


@op(CORE, static=("cond", "body", "maximum_iterations"))
def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """Repeats `body` on `loop_vars` while `cond` of them holds.

    Args:
        cond: function of the loop variables that gives a bool.
        body: function that gives the next ones.
        loop_vars: a structure of tensors.
        maximum_iterations: most rounds; needed for gradients in compiled code.

    Example:
        >>> ops.while_loop(lambda x: x < 20, lambda x: 2 * x, [3])[0]
        <ranvier.Tensor shape=(), dtype=int32,
        array(24, dtype=int32)>
    """
    single = not isinstance(loop_vars, (list, tuple))
    start = (loop_vars,) if single else tuple(loop_vars)
    layout = _Structure()
    carry = layout.flatten(start)

    def call(c):
        out = body(*layout.pack(c))
        return (out,) if single or not isinstance(out, (list, tuple)) else tuple(out)

    carry = layout.promoted(carry, call)

    def test(*args):
        if probing():
            return [B.full([], 1, "bool")]
        out = to_tensor(cond(*layout.pack(_args(args))))
        if out.dtype != "bool":
            raise B.DTypeError(
                f"while_loop: `cond` must return a boolean. Received: a value of {out.dtype}. "
                "Hint: compare, `x > 0`."
            )
        return [reshape(out, []) if out.ndim else out]

    def step(*args):
        return layout.carried("while_loop", carry, call(_args(args)))

    limit = -1 if maximum_iterations is None else int(maximum_iterations)
    out = layout.pack(B.core.while_loop(test, step, carry, limit))
    if single:
        return out[0]
    return list(out) if isinstance(loop_vars, list) else out


def _args(args):
    return list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)


@op(CORE, static=("f", "length", "reverse", "unroll"))
def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """Carries a state through slices: `carry, y = f(carry, x)` for each x along axis 0 of `xs`.

    Returns `(carry, ys)`, the ys stacked along a new axis 0.

    Args:
        f: function of (carry, x) that gives (carry, y).
        init: the first carry.
        xs: a structure of tensors, or `None`.
        length: number of steps where xs is `None`.
        reverse: from the last slice to the first.
        unroll: accepted, without effect.

    Example:
        >>> carry, sums = ops.scan(lambda c, x: (c + x, c + x), 0, ops.arange(1, 5))
        >>> sums.tolist()
        [1, 3, 6, 10]
    """
    check_callable(f, "f")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(
            f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}"
        )
    state, inputs, results = _Structure(), _Structure(), _Structure()
    carry = state.flatten(init)
    slices = inputs.flatten(xs) if xs is not None else []

    def call(c, x):
        return f(state.pack(c), inputs.pack(x) if slices else None)

    if slices:
        if any(not t.shape for t in slices):
            raise ValueError(
                "scan: `xs` is cut along axis 0. Expected tensors with at least one axis, or a "
                f"structure of them. Received: xs={xs}"
            )
        count = slices[0].shape[0]
        if length is not None and whole("length", length) != count:
            raise ValueError(
                f"scan: `length` is not the size of axis 0 of `xs`. Expected: {count}. "
                f"Received: length={length}"
            )
    elif length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    else:
        count = whole("length", length)
    first = [_slot(t, t.shape[1:]) for t in slices]
    carry = state.promoted(carry, lambda c, x: call(c, x)[0], first)

    def body(*args):
        flat = _args(args)
        new, y = call(flat[: len(carry)], flat[len(carry) :])
        return state.carried("scan", carry, new) + results.flatten(y)

    out = B.core.scan(body, carry, slices, count, bool(reverse))
    return state.pack(out[: len(carry)]), results.pack(out[len(carry) :])


@op(CORE, static=("body_fun",))
def fori_loop(lower, upper, body_fun, init_val):
    """`val = body_fun(i, val)` for i from lower to upper - 1.

    Args:
        lower, upper: integers.
        body_fun: function of (i, val).
        init_val: the first val.

    Example:
        >>> ops.fori_loop(0, 4, lambda i, val: val + i, 10).tolist()
        16
    """
    known = _known_int("lower", lower), _known_int("upper", upper)
    if None not in known:
        count = max(0, known[1] - known[0])
        if count == 0:
            return tree.map_structure(to_tensor, init_val)
        steps = apply("arange", [], {"size": count, "start": known[0], "step": 1, "dtype": "int32"})
        return scan(lambda value, i: (body_fun(i, value), None), init_val, steps)[0]
    start = to_tensor(lower, "int32")
    end = to_tensor(upper, "int32")
    out = while_loop(
        lambda i, value: ew.less(i, end),
        lambda i, value: (ew.add(i, 1), body_fun(i, value)),
        (start, init_val),
    )
    return out[1]


def _known_int(name, x):
    if not isinstance(x, (B.Tensor, Variable)):
        return whole(name, x)
    x = to_tensor(x)
    x = B.constant_value(x) if x.is_symbol else x
    return None if x is None else int(x)


@op(CORE, static=("branches",))
def switch(index, branches, *operands):
    """The result of `branches[index](*operands)`; the index is clamped to the valid range.

    Example:
        >>> ops.switch(1, [lambda x: x, lambda x: -x], ops.ones(2)).tolist()
        [-1.0, -1.0]
    """
    index = to_tensor(index)
    last = len(branches) - 1
    known = B.constant_value(index) if index.is_symbol else index
    if known is not None:
        out = branches[min(max(int(known), 0), last)](*operands)
        return tree.map_structure(to_tensor, out)

    def pick(i):
        if i == last:
            return branches[i](*operands)
        return cond(ew.less_equal(index, i), lambda: branches[i](*operands), lambda: pick(i + 1))

    return pick(0)


def custom_gradient(f):
    """Decorator of a function that returns `(outputs, grad_fn)`.

    `grad_fn(upstream)` (one argument per output) gives the gradients with respect to the function's
    arguments, in place of those of its computation. In compiled functions, loops and branches it is
    traced where `f` is called; one that fails or assigns variables is called for gradients only.

    Args:
        f: the function.

    Example:
        >>> clipped = ops.custom_gradient(lambda x: (x, lambda upstream: ops.clip(upstream, -1, 1)))
        >>> keras.grad(lambda x: 5 * clipped(x))(2.0).tolist()
        1.0
    """

    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        operands = [to_tensor(a) for a in args]
        outputs, grad_fn = f(*operands, **kwargs)
        values = [to_tensor(x) for x in tree.flatten(outputs)]
        shapes = [list(v.shape) for v in values]
        # One node carries all outputs, so that the rule is called once with all of them.
        joined = values[0] if len(values) == 1 else _join(values)

        def rule(upstream):
            parts = [upstream] if len(values) == 1 else _cut(upstream, shapes)
            grads = grad_fn(*parts)
            grads = list(grads) if isinstance(grads, (list, tuple)) else [grads]
            return [None if g is None else to_tensor(g, x.dtype) for g, x in zip(grads, operands)]

        node = _with_gradient(joined, operands, rule)
        results = [node] if len(values) == 1 else _cut(node, shapes)
        return tree.pack_sequence_as(outputs, results)

    return wrapper


def _with_gradient(value, operands, rule):
    """`value` with the gradient of `rule`, which inside a trace is traced at once."""
    if any(x.is_symbol for x in (value, *operands)):
        try:
            return B.core.with_traced_gradient(value, operands, rule)
        except Exception:
            pass  # it comes up again where a gradient is wanted
    return B.core.with_gradient(value, operands, rule)


def _join(values):
    if len({v.dtype for v in values}) > 1:
        raise B.DTypeError(
            "custom_gradient: all outputs must have one dtype. "
            f"Received: {[v.dtype for v in values]}"
        )
    return apply("concatenate", [reshape(v, [-1]) for v in values], {"axis": 0})


def _cut(flat, shapes):
    out, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        part = apply("slice", [flat], {"starts": [start], "sizes": [size], "strides": [1]})
        out.append(reshape(part, shape))
        start += size
    return out

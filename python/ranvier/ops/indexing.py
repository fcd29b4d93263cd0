"""Reading and writing parts of tensors: slices, indices, scatters."""

from __future__ import annotations

import builtins
import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import (
    CORE,
    NN,
    NUMPY,
    WIDE,
    Tensor,
    apply,
    cast,
    expand,
    one_axis,
    op,
    promote_all,
    reshape,
    shape_list,
    to_tensor,
)
from ranvier.python_numbers import whole
from ranvier.symbolic.probe import probing
from ranvier.variable import Variable


def _index_tensor(x):
    x = to_tensor(x)
    if x.dtype in ("int32", "int64"):
        return x
    if config.is_float_dtype(x.dtype) and not probing():
        raise B.DTypeError(f"Indices must be integers. Received: dtype={x.dtype}")
    return cast(x, "int64" if x.dtype in ("uint32", "uint64") else "int32")


@op(NUMPY, static=("axis",))
def take(x, indices, axis=None):
    """Slices of x at the indices along an axis (of the flat tensor when `None`).

    An index below zero counts from the end. One that then still lies outside reads NaN, of integers
    the smallest number (unsigned: the largest), of booleans true, and has no gradient.

    Args:
        x: tensor.
        indices: integers.
        axis: axis, or `None`.

    Example:
        >>> ops.take([[1, 2], [3, 4]], [1, 0], axis=0).tolist()
        [[3, 4], [1, 2]]
    """
    x, indices = to_tensor(x), _index_tensor(indices)
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    return apply("take", [x, indices], {"axis": one_axis(axis, len(x.shape))})


@op(NUMPY, static=("axis",))
def take_along_axis(x, indices, axis=None):
    """One value per index along an axis; the other axes of both broadcast. Outside: as `take`.

    Args:
        x: tensor.
        indices: integers, of the rank of x.
        axis: axis, or `None` for the flat tensor.

    Example:
        >>> ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1).tolist()
        [[20], [30]]
    """
    x, indices = to_tensor(x), _index_tensor(indices)
    if axis is None:
        return apply("take_along_axis", [reshape(x, [-1]), reshape(indices, [-1])], {"axis": 0})
    rank = len(x.shape)
    axis = one_axis(axis, rank)
    if len(indices.shape) != rank:
        raise B.ShapeError(
            "take_along_axis: `x` and `indices` must have the same number of dimensions. "
            f"Received: x.shape={tuple(x.shape)}, indices.shape={tuple(indices.shape)}"
        )
    common = [builtins.max(a, b) for a, b in zip(x.shape, indices.shape)]
    want_x = [x.shape[i] if i == axis else d for i, d in enumerate(common)]
    want_i = [indices.shape[i] if i == axis else d for i, d in enumerate(common)]
    if list(x.shape) != want_x:
        x = apply("broadcast_to", [x], {"shape": want_x})
    if list(indices.shape) != want_i:
        indices = apply("broadcast_to", [indices], {"shape": want_i})
    return apply("take_along_axis", [x, indices], {"axis": axis})


def _clamped(indices, size):
    """The nearest indices that name one of `size` rows, from the end where below zero."""
    low, high = -size, size - 1
    if isinstance(indices, np.ndarray) and indices.dtype.kind in "iu":
        return np.clip(indices.astype("int64"), low, high)
    return ew.minimum(ew.maximum(_index_tensor(indices), low), high)


def _static_ints(values):
    """A list of ints when all are known without running anything, else `None`."""
    if isinstance(values, (Tensor, Variable)):
        tensor = values.value if isinstance(values, Variable) else values
        if tensor.is_symbol:
            known = B.constant_value(tensor)
            return None if known is None else [int(v) for v in known.numpy().reshape(-1)]
        return [int(v) for v in tensor.numpy().reshape(-1)]
    out = []
    for v in np.atleast_1d(values) if not isinstance(values, (list, tuple)) else values:
        if isinstance(v, Tensor) and v.is_symbol:
            known = B.constant_value(v)
            if known is None:
                return None
            v = known
        out.append(whole("start_indices", v))
    return out


def _start_tensor(values):
    if isinstance(values, (list, tuple)):
        parts = [reshape(cast(to_tensor(v), "int32"), [1]) for v in values]
        return apply("concatenate", parts, {"axis": 0})
    return cast(to_tensor(values), "int32")


@op(CORE, static=("shape",))
def slice(inputs, start_indices, shape):
    """A window of the given shape; starts are moved so that it fits. -1 means to the end.

    Args:
        inputs: tensor.
        start_indices: one per axis, integers or tensors.
        shape: sizes of the window.

    Example:
        >>> ops.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)).tolist()
        [[2, 3], [5, 6]]
    """
    x = to_tensor(inputs)
    starts = _static_ints(start_indices)
    sizes = [whole("shape", d) for d in shape]
    if len(sizes) != len(x.shape):
        raise ValueError(
            "The number of dimensions in `inputs` must match the number of dimensions in `shape`. "
            f"Received: inputs.shape={tuple(x.shape)}, shape={tuple(shape)}"
        )
    if starts is not None and len(starts) != len(x.shape):
        raise ValueError(
            "The number of dimensions in `start_indices` must match the number of dimensions in "
            f"`inputs`. Received: start_indices={start_indices}, inputs.shape={tuple(x.shape)}"
        )
    if starts is None and -1 in sizes:
        raise ValueError(
            "slice: a size of -1 needs known `start_indices`. Received: "
            f"shape={tuple(shape)}, start_indices={start_indices}"
        )
    if starts is None:
        return apply("dynamic_slice", [x, _start_tensor(start_indices)], {"sizes": sizes})
    sizes = [x.shape[i] - s if d == -1 else d for i, (s, d) in enumerate(zip(starts, sizes))]
    starts = [
        builtins.max(0, min(s if s >= 0 else s + n, n - d))
        for s, d, n in zip(starts, sizes, x.shape)
    ]
    return apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": [1] * len(sizes)})


@op(CORE)
def slice_update(inputs, start_indices, updates):
    """The tensor with a window replaced; starts are moved so that it fits.

    Args:
        inputs: tensor.
        start_indices: one per axis, integers or tensors.
        updates: the window, of inputs' rank.

    Example:
        >>> ops.slice_update([1, 2, 3, 4], (1,), [8, 9]).tolist()
        [1, 8, 9, 4]
    """
    x = to_tensor(inputs)
    updates = to_tensor(updates, x.dtype)
    starts = _static_ints(start_indices)
    if starts is None:
        return apply("dynamic_slice_update", [x, updates, _start_tensor(start_indices)], None)
    starts = [
        builtins.max(0, min(s if s >= 0 else s + n, n - d))
        for s, d, n in zip(starts, updates.shape, x.shape)
    ]
    attrs = {"starts": starts, "strides": [1] * len(starts)}
    return apply("slice_update", [x, updates], attrs)


def _flat_index(indices, shape):
    """Positions in the flattened leading axes from index rows (…, k); behind the last where one of
    the k lies outside."""
    depth = indices.shape[-1]
    if depth == 1:
        return indices
    strides = [math.prod(shape[i + 1 : depth]) for i in range(depth)]
    weights = B.tensor(np.asarray(strides, dtype=indices.dtype))
    size = B.tensor(np.asarray(shape[:depth], dtype=indices.dtype))
    indices = ew.where(ew.less(indices, 0), ew.add(indices, size), indices)
    from ranvier.ops.reductions import all as _all
    from ranvier.ops.reductions import sum as _sum

    inside = _all(ew.logical_and(ew.greater_equal(indices, 0), ew.less(indices, size)), -1)
    return ew.where(inside, _sum(ew.multiply(indices, weights), -1), math.prod(shape[:depth]))


def _scatter(prim, base, indices, values, shape):
    indices = _index_tensor(indices)
    depth = indices.shape[-1]
    rows, rest = math.prod(shape[:depth]), list(shape[depth:])
    count = math.prod(indices.shape[:-1])
    flat = reshape(_flat_index(indices, shape), [count])
    dtype = base.dtype
    if prim == "scatter_add":
        base, values = (cast(t, WIDE.get(dtype, dtype)) for t in (base, values))
    values = reshape(values, [count, *rest])
    out = apply(prim, [reshape(base, [rows, *rest]), flat, values], {"axis": 0})
    return cast(reshape(out, list(shape)), dtype)


@op(CORE, static=("shape",))
def scatter(indices, values, shape):
    """Zeros of the shape with `values` added at the index rows; repeated indices add up, indices
    outside add nothing.

    Args:
        indices: (n, depth) integers.
        values: (n, ...).
        shape: of the result.

    Example:
        >>> ops.scatter([[1], [3]], [5, 6], (4,)).tolist()
        [0, 5, 0, 6]
    """
    values = to_tensor(values)
    shape = shape_list(shape)
    return _scatter("scatter_add", B.full(shape, 0, values.dtype), indices, values, shape)


@op(CORE, static=("reduction",))
def scatter_update(inputs, indices, updates, reduction=None):
    """The tensor with values set (or combined: add, max, min, mul) at the index rows; the updates
    broadcast to one slice per row. Rows outside change nothing.

    Args:
        inputs: tensor.
        indices: (n, depth) integers.
        updates: (n, ...).
        reduction: `None`, "add", "max", "min" or "mul".

    Example:
        >>> ops.scatter_update([1, 2, 3], [[0], [2]], [8, 9]).tolist()
        [8, 2, 9]
    """
    from ranvier.ops.shapes import broadcast_to

    x, indices = to_tensor(inputs), _index_tensor(indices)
    shape = list(x.shape)
    slices = (*indices.shape[:-1], *shape[indices.shape[-1] :])
    updates = broadcast_to(to_tensor(updates, x.dtype), slices)
    if reduction in (None, "update"):
        return _scatter("scatter_update", x, indices, updates, shape)
    if reduction == "add":
        return _scatter("scatter_add", x, indices, updates, shape)
    known = {"max": ew.maximum, "min": ew.minimum, "mul": ew.multiply}
    if reduction not in known:
        raise ValueError(
            "scatter_update: unknown `reduction`. Expected None, 'add', 'max', 'min' or 'mul'. "
            f"Received: reduction={reduction!r}"
        )
    return _scatter_combine(known[reduction], x, indices, updates, shape)


def _scatter_combine(combine, x, indices, updates, shape):
    """One update at a time, since the combination is no sum."""
    from ranvier.ops.control import fori_loop

    depth = indices.shape[-1]
    rest = shape[depth:]
    count = math.prod(indices.shape[:-1])
    rows = reshape(_flat_index(indices, shape), [count])
    values = reshape(updates, [count, *rest])

    def body(i, table):
        row = take(rows, i, 0)
        new = combine(take(table, row, 0), take(values, i, 0))
        return apply("scatter_update", [table, expand(row, 0), expand(new, 0)], {"axis": 0})

    table = reshape(x, [math.prod(shape[:depth]), *rest])
    return reshape(fori_loop(0, count, body, table), shape)


@op(NN, static=("num_classes", "axis", "dtype", "sparse"))
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """A new axis with 1 at the class of each element; zeros for what is no class.

    Args:
        x: integers.
        num_classes: size of the new axis.
        axis: where it stands.
        dtype: `floatx` by default.
        sparse: accepted; the result is dense.

    Example:
        >>> ops.one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    x, dtype = to_tensor(x), config.standardize_dtype(dtype)
    num_classes = whole("num_classes", num_classes)
    if config.is_float_dtype(x.dtype):
        attrs = {"size": num_classes, "start": 0, "step": 1, "dtype": x.dtype}
        out = cast(ew.equal(expand(x, -1), apply("arange", [], attrs)), dtype)
    else:
        out = apply("one_hot", [_index_tensor(x)], {"depth": num_classes, "dtype": dtype})
    rank = len(out.shape)
    if axis in (-1, rank - 1):
        return out
    from ranvier.ops.shapes import moveaxis

    return moveaxis(out, -1, axis)


@op(NN, static=("num_classes", "axis", "dtype", "sparse"))
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """1 for each class that occurs along the last axis of the indices.

    Args:
        inputs: integers (..., n).
        num_classes: size of the class axis.
        axis: where it stands.
        dtype: `floatx` by default.
        sparse: accepted; the result is dense.

    Example:
        >>> ops.multi_hot([[0, 2], [1, 1]], 3).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    from ranvier.ops.reductions import max as _max

    if num_classes is None:
        num_classes = kwargs.pop("num_tokens")
    x = to_tensor(inputs)
    reduce_axis = 1 if len(x.shape) > 1 else 0
    return _max(one_hot(x, num_classes, axis=axis, dtype=dtype), axis=reduce_axis)


def _values(x, name):
    x = to_tensor(x)
    if x.is_symbol and B.constant_value(x) is None:
        raise B.GraphError(
            f"{name}: the size of the result depends on values, which a compiled function does not "
            "know. Hint: call it outside, or use a mask with `ops.where`."
        )
    return x.numpy()


@op(NUMPY)
def nonzero(x):
    """Indices of the values that are not zero, one vector per axis; needs the values.

    Example:
        >>> [axis.tolist() for axis in ops.nonzero([[0, 1], [2, 0]])]
        [[0, 1], [1, 0]]
    """
    found = np.nonzero(_values(x, "nonzero"))
    return tuple(B.tensor(np.ascontiguousarray(i.astype("int32"))) for i in found)


@op(NUMPY, static=("shape",))
def unravel_index(indices, shape):
    """Coordinates of flat indices, in their dtype.

    Args:
        indices: integers.
        shape: of the tensor they count in.

    Example:
        >>> [axis.tolist() for axis in ops.unravel_index([1, 5], (2, 3))]
        [[0, 1], [1, 2]]
    """
    indices = to_tensor(indices)
    x = _index_tensor(indices)
    out = []
    for d in reversed(shape_list(shape)):
        out.append(cast(ew.mod(x, d), indices.dtype))
        x = ew.floor_divide(x, d)
    return tuple(reversed(out))


@op(NUMPY)
def select(condlist, choicelist, default=0):
    """The choice of the first condition that holds, else the default.

    Args:
        condlist: bool tensors.
        choicelist: a tensor for each of them.
        default: where none holds.

    Example:
        >>> x = ops.arange(5)
        >>> ops.select([x < 2, x > 2], [x, 10 * x], -1).tolist()
        [0, 1, -1, 30, 40]
    """
    conditions = list(condlist)
    *choices, out = promote_all([*choicelist, default])
    if len(conditions) != len(choices):
        raise ValueError(
            "select: `condlist` and `choicelist` must have the same length. Received: "
            f"{len(conditions)} and {len(choices)}"
        )
    for condition, choice in zip(reversed(conditions), reversed(choices)):
        out = ew.where(condition, choice, out)
    return out

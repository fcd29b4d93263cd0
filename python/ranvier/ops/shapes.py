"""Functions that move elements without computing."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier.ops import elementwise as ew
from ranvier.ops._define import (
    NUMPY,
    apply,
    axis_tuple,
    listed,
    one_axis,
    op,
    shape_list,
    to_float,
    to_tensor,
)
from ranvier.ops._define import (
    reshape as _reshape,
)
from ranvier.ops.creation import ones_like, zeros
from ranvier.ops.joins import _atleast, _cut, stack
from ranvier.python_numbers import weak_number, whole


@op(NUMPY, static=("newshape",))
def reshape(x, newshape):
    """The same elements in another shape; one size may be -1.

    Args:
        x: tensor.
        newshape: int or ints with the same product.

    Example:
        >>> ops.reshape(ops.arange(6), (2, -1)).tolist()
        [[0, 1, 2], [3, 4, 5]]
    """
    shape = [newshape] if isinstance(newshape, (int, np.integer)) else list(newshape)
    shape = [-1 if d is None else whole("newshape", d) for d in shape]
    if any(d < -1 for d in shape):
        raise ValueError(
            "reshape: every size must be a non-negative integer, or one of them -1. "
            f"Received: newshape={newshape}"
        )
    if shape.count(-1) > 1:
        raise ValueError(
            f"reshape: there must be at most one unknown dimension. Received: newshape={newshape}"
        )
    return _reshape(to_tensor(x), shape)


@op(NUMPY)
def ravel(x):
    """The elements as a vector.

    Example:
        >>> ops.ravel([[1, 2], [3, 4]]).tolist()
        [1, 2, 3, 4]
    """
    return _reshape(to_tensor(x), [-1])


@op(NUMPY, static=("axis",))
def expand_dims(x, axis):
    """New axes of size one at the positions they will have.

    Args:
        x: tensor.
        axis: int or ints.

    Example:
        >>> ops.expand_dims([1, 2], axis=0).tolist()
        [[1, 2]]
    """
    x = to_tensor(x)
    axes = listed(axis)
    rank = len(x.shape) + len(axes)
    axes = sorted(axis_tuple(axes, rank))
    shape = list(x.shape)
    for a in axes:
        shape.insert(a, 1)
    return _reshape(x, shape)


@op(NUMPY, static=("axis",))
def squeeze(x, axis=None):
    """Without axes of size one (all, or the given ones).

    Args:
        x: tensor.
        axis: int or ints; their sizes must be one.

    Example:
        >>> ops.squeeze([[[1, 2]]], axis=0).tolist()
        [[1, 2]]
    """
    x = to_tensor(x)
    if axis is None:
        return _reshape(x, [d for d in x.shape if d != 1])
    axes = axis_tuple(axis, len(x.shape))
    for a in axes:
        if x.shape[a] != 1:
            raise B.ShapeError(
                f"squeeze: axis {a} has size {x.shape[a]}. Expected size 1. Received: x.shape="
                f"{tuple(x.shape)}, axis={axis}"
            )
    return _reshape(x, [d for i, d in enumerate(x.shape) if i not in axes])


@op(NUMPY, static=("axes",))
def transpose(x, axes=None):
    """The axes in another order, reversed when not given.

    Args:
        x: tensor.
        axes: a permutation of the axes.

    Example:
        >>> ops.transpose([[1, 2, 3], [4, 5, 6]]).tolist()
        [[1, 4], [2, 5], [3, 6]]
    """
    x = to_tensor(x)
    rank = len(x.shape)
    perm = list(range(rank))[::-1] if axes is None else list(axis_tuple(axes, rank))
    if sorted(perm) != list(range(rank)):
        raise B.ShapeError(
            f"transpose: `axes` must be a valid permutation of {rank} axes. Received: axes={axes}"
        )
    if perm == list(range(rank)):
        return x
    return apply("transpose", [x], {"perm": perm})


@op(NUMPY, static=("source", "destination"))
def moveaxis(x, source, destination):
    """Axes moved to other positions; the rest keep their order.

    Args:
        x: tensor.
        source, destination: int or ints: where axes are, and where they go.

    Example:
        >>> ops.moveaxis(ops.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = to_tensor(x)
    rank = len(x.shape)
    source, destination = axis_tuple(source, rank), axis_tuple(destination, rank)
    if len(source) != len(destination):
        raise ValueError(
            "moveaxis: `source` and `destination` must have the same number of elements. "
            f"Received: source={source}, destination={destination}"
        )
    order = [i for i in range(rank) if i not in source]
    for d, s in sorted(zip(destination, source)):
        order.insert(d, s)
    return transpose(x, order)


@op(NUMPY, static=("axis1", "axis2"))
def swapaxes(x, axis1, axis2):
    """Two axes exchanged.

    Args:
        x: tensor.
        axis1, axis2: the axes.

    Example:
        >>> ops.swapaxes(ops.ones((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    x = to_tensor(x)
    order = list(range(len(x.shape)))
    a, b = one_axis(axis1, len(order)), one_axis(axis2, len(order))
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


@op(NUMPY, static=("shape",))
def broadcast_to(x, shape):
    """Repeated to the shape by NumPy's rules.

    Args:
        x: tensor.
        shape: ints.

    Example:
        >>> ops.broadcast_to([1, 2], (2, 2)).tolist()
        [[1, 2], [1, 2]]
    """
    return apply("broadcast_to", [to_tensor(x)], {"shape": shape_list(shape)})


@op(NUMPY, static=("repeats",))
def tile(x, repeats):
    """The tensor repeated as a block.

    Args:
        x: tensor.
        repeats: int, or one per axis.

    Example:
        >>> ops.tile([1, 2], 2).tolist()
        [1, 2, 1, 2]
    """
    x = to_tensor(x)
    repeats = shape_list(repeats)
    rank = max(len(repeats), len(x.shape))
    x = _atleast(x, rank)
    return apply("tile", [x], {"repeats": [1] * (rank - len(repeats)) + repeats})


@op(NUMPY, static=("repeats", "axis"))
def repeat(x, repeats, axis=None):
    """Each element repeated, a number of times or one number per element.

    Args:
        x: tensor.
        repeats: int or ints.
        axis: axis, or `None` for the flat tensor.

    Example:
        >>> ops.repeat([1, 2], 2).tolist()
        [1, 1, 2, 2]
    """
    x = to_tensor(x)
    if axis is None or not x.shape:
        x, axis = _reshape(x, [-1]), axis or 0
    axis = one_axis(axis, len(x.shape))
    if not isinstance(repeats, (int, np.integer)):
        counts = np.asarray(repeats).reshape(-1)
        if counts.dtype.kind not in "iu":
            raise TypeError(f"`repeats` must be integers. Received: repeats={repeats}")
        if counts.size != 1:
            index = np.repeat(np.arange(x.shape[axis], dtype="int32"), counts)
            return apply("take", [x, B.tensor(index)], {"axis": axis})
        repeats = int(counts[0])
    return repeat_along(x, {axis: int(repeats)})


def repeat_along(x, repeats):
    """Each element repeated along several axes at once: `repeats` has the number for each."""
    return apply("repeat", [x], {"repeats": [repeats.get(i, 1) for i in range(len(x.shape))]})


@op(NUMPY, static=("axis",))
def flip(x, axis=None):
    """Reversed along axes.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.

    Example:
        >>> ops.flip([1, 2, 3]).tolist()
        [3, 2, 1]
    """
    x = to_tensor(x)
    return apply("flip", [x], {"axes": list(axis_tuple(axis, len(x.shape)))})


@op(NUMPY)
def fliplr(x):
    """Reversed along axis 1.

    Example:
        >>> ops.fliplr([[1, 2], [3, 4]]).tolist()
        [[2, 1], [4, 3]]
    """
    return flip(x, 1)


@op(NUMPY)
def flipud(x):
    """Reversed along axis 0.

    Example:
        >>> ops.flipud([[1, 2], [3, 4]]).tolist()
        [[3, 4], [1, 2]]
    """
    return flip(x, 0)


@op(NUMPY, static=("k", "axes"))
def rot90(array, k=1, axes=(0, 1)):
    """Rotated by k quarter turns in the plane of two axes.

    Args:
        array: tensor of two axes or more.
        k: quarter turns, from the first of `axes` to the second.
        axes: two axes.

    Example:
        >>> ops.rot90([[1, 2], [3, 4]]).tolist()
        [[2, 4], [1, 3]]
    """
    x = to_tensor(array)
    if len(x.shape) < 2:
        raise ValueError(
            f"Input array must have at least 2 dimensions. Received: array.shape={x.shape}"
        )
    a, b = axis_tuple(axes, len(x.shape))
    if a == b:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return flip(x, (a, b))
    return flip(swapaxes(x, a, b), a) if k == 1 else swapaxes(flip(x, a), a, b)


@op(NUMPY, static=("shift", "axis"))
def roll(x, shift, axis=None):
    """Moved cyclically along axes; one shift serves all axes, and one axis takes all shifts.

    Args:
        x: tensor.
        shift: int or ints, towards higher indices.
        axis: axis or axes; `None` rolls the flat tensor.

    Example:
        >>> ops.roll([1, 2, 3], 1).tolist()
        [3, 1, 2]
    """
    x = to_tensor(x)
    if axis is None:
        return _reshape(roll(_reshape(x, [-1]), shift, 0), x.shape)
    for s, a in np.broadcast(np.asarray(shift), axis_tuple(axis, len(x.shape))):
        x = apply("roll", [x], {"shift": int(s), "axis": int(a)})
    return x


_PAD_BY = ("maximum", "minimum", "mean", "median", "linear_ramp", "empty")


@op(NUMPY, static=("pad_width", "mode"))
def pad(x, pad_width, mode="constant", constant_values=None):
    """Values added around.

    `mode` is "constant" (of `constant_values`, 0 when not given), "edge", "reflect", "symmetric",
    "wrap", "linear_ramp", "maximum", "minimum", "mean", "median" or "empty", as in NumPy.

    Args:
        x: tensor.
        pad_width: an int, (before, after), or such a pair per axis.

    Example:
        >>> ops.pad([1, 2], (1, 2)).tolist()
        [0, 1, 2, 0, 0]
    """
    x = to_tensor(x)
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iub" and given.size:
        raise TypeError(f"`pad_width` must be integers. Received: pad_width={pad_width}")
    widths = np.broadcast_to(given.astype("int64"), (len(x.shape), 2))
    if mode != "constant" and constant_values is not None:
        raise ValueError(
            "Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: mode={mode}"
        )
    if isinstance(constant_values, B.Tensor):
        inside = pad(ones_like(x, dtype="bool"), widths)
        return ew.where(inside, pad(x, widths), to_tensor(constant_values, x.dtype))
    if mode in _PAD_BY:
        from ranvier.ops.pad_modes import pad_by

        return pad_by(x, widths, mode)
    constant_values = weak_number(constant_values, x.dtype)
    value = 0.0 if constant_values is None else float(constant_values)
    if mode in ("reflect", "symmetric", "wrap"):
        x, widths = _pad_widely(x, widths, mode)
    return apply("pad", [x], {"padding": [int(v) for v in widths.reshape(-1)], "mode": mode,
                              "value": value})  # fmt: skip


def _pad_widely(x, widths, mode):
    """Axes padded by more than they hold, by the positions that NumPy's rule repeats."""
    widths = widths.copy()
    for axis, size in enumerate(x.shape):
        if size and widths[axis].max() > size - (mode == "reflect"):
            positions = np.pad(np.arange(size), widths[axis], mode=mode)
            x = apply("take", [x, to_tensor(positions.astype("int32"))], {"axis": axis})
            widths[axis] = 0
    return x, widths


@op(NUMPY, static=("indexing",))
def meshgrid(*x, indexing="xy"):
    """Coordinate matrices of coordinate vectors.

    Args:
        x: vectors.
        indexing: "xy" has columns first, "ij" rows.

    Example:
        >>> [grid.tolist() for grid in ops.meshgrid([1, 2], [3, 4])]
        [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij', but received "
                         f"indexing={indexing!r}.")  # fmt: skip
    vectors = [_reshape(to_tensor(v), [-1]) for v in x]
    rank = len(vectors)
    order = list(range(rank))
    if indexing == "xy" and rank > 1:
        order[0], order[1] = 1, 0
    shape = [0] * rank
    for v, a in zip(vectors, order):
        shape[a] = v.shape[0]
    out = []
    for v, a in zip(vectors, order):
        spread = [1] * rank
        spread[a] = v.shape[0]
        out.append(apply("broadcast_to", [_reshape(v, spread)], {"shape": shape}))
    return out


@op(NUMPY, static=("n", "axis"))
def diff(a, n=1, axis=-1):
    """nth difference of neighbours along an axis.

    Args:
        a: tensor.
        n: how many times.
        axis: axis.

    Example:
        >>> ops.diff([1, 4, 9]).tolist()
        [3, 5]
    """
    x = to_tensor(a)
    axis = one_axis(axis, len(x.shape))
    for _ in range(n):
        size = max(0, x.shape[axis] - 1)
        high, low = _cut(x, axis, 1 if size else 0, size), _cut(x, axis, 0, size)
        x = ew.not_equal(high, low) if x.dtype == "bool" else ew.subtract(high, low)
    return x


@op(NUMPY)
def copy(x):
    """A copy.

    Example:
        >>> ops.copy([1, 2]).tolist()
        [1, 2]
    """
    return apply("copy", [to_tensor(x)], None)


def ndim(x):
    """Rank.

    Example:
        >>> ops.ndim([[1, 2]])
        2
    """
    return len(x.shape) if hasattr(x, "shape") else np.ndim(x)


@op(NUMPY)
def size(x):
    """Number of elements, an integer; of a symbolic tensor a symbolic scalar.

    Example:
        >>> ops.size([[1, 2, 3]])
        3
    """
    return int(math.prod(to_tensor(x).shape))


@op(NUMPY, static=("N", "increasing"))
def vander(x, N=None, increasing=False):
    """Powers of a vector as columns.

    Args:
        x: vector.
        N: number of columns, the length of x by default.
        increasing: whether powers ascend.

    Example:
        >>> ops.vander([2, 3], 3).tolist()
        [[4, 2, 1], [9, 3, 1]]
    """
    x = to_tensor(x)
    if len(x.shape) != 1:
        raise ValueError(
            f"Input tensor must be 1-dimensional. Received: input.shape={tuple(x.shape)}"
        )
    count = x.shape[0] if N is None else whole("N", N)
    powers = range(count) if increasing else range(count - 1, -1, -1)
    columns = [ew.power(x, p) if p else ones_like(x) for p in powers]
    return stack(columns, -1) if columns else zeros((x.shape[0], 0), x.dtype)


@op(NUMPY, static=("dx", "axis"))
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Integral by the trapezoidal rule.

    Args:
        y: values.
        x: places of the values along the axis.
        dx: their distance where x is not given.
        axis: axis.

    Example:
        >>> ops.trapezoid([0.0, 1.0, 2.0]).tolist()
        2.0
    """
    from ranvier.ops.reductions import sum as _sum

    y = to_float(y)
    axis = one_axis(axis, len(y.shape))
    count = y.shape[axis] - 1
    pairs = ew.add(_cut(y, axis, 1, count), _cut(y, axis, 0, count))
    if x is None:
        return _sum(ew.multiply(pairs, 0.5 * float(dx)), axis)
    x = to_float(x)
    steps = diff(x, axis=axis if len(x.shape) == len(y.shape) else -1)
    if len(steps.shape) == 1:
        spread = [1] * len(y.shape)
        spread[axis] = count
        steps = _reshape(steps, spread)
    return _sum(ew.multiply(ew.multiply(pairs, steps), 0.5), axis)

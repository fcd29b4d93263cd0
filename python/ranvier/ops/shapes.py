"""Functions that move elements without computing."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier.ops import elementwise as ew
from ranvier.ops._define import (
    CORE,
    NUMPY,
    apply,
    axis_tuple,
    expand,
    one_axis,
    op,
    promote_all,
    shape_list,
    to_float,
    to_tensor,
)
from ranvier.ops._define import (
    reshape as _reshape,
)
from ranvier.ops.creation import ones_like, zeros
from ranvier.symbolic.probe import current_stand_in


@op(NUMPY, static=("k",))
def tril(x, k=0):
    """The lower triangle of the last two axes, zeros above."""
    return apply("tril", [to_tensor(x)], {"k": int(k)})


@op(NUMPY, static=("k",))
def triu(x, k=0):
    """The upper triangle of the last two axes, zeros below."""
    return apply("triu", [to_tensor(x)], {"k": int(k)})


@op(NUMPY, static=("newshape",))
def reshape(x, newshape):
    """The same elements in another shape; one size may be -1."""
    shape = [newshape] if isinstance(newshape, (int, np.integer)) else list(newshape)
    shape = [-1 if d is None else int(d) for d in shape]
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
    """The elements as a vector."""
    return _reshape(to_tensor(x), [-1])


@op(NUMPY, static=("axis",))
def expand_dims(x, axis):
    """New axes of size one at the positions they will have."""
    x = to_tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    rank = len(x.shape) + len(axes)
    axes = sorted(axis_tuple(axes, rank))
    shape = list(x.shape)
    for a in axes:
        shape.insert(a, 1)
    return _reshape(x, shape)


@op(NUMPY, static=("axis",))
def squeeze(x, axis=None):
    """Without axes of size one (all, or the given ones)."""
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
    """The axes in another order, reversed when not given."""
    x = to_tensor(x)
    rank = len(x.shape)
    perm = list(range(rank))[::-1] if axes is None else list(axis_tuple(axes, rank))
    if sorted(perm) != list(range(rank)):
        raise ValueError(
            f"transpose: `axes` must be a valid permutation of {rank} axes. Received: axes={axes}"
        )
    if perm == list(range(rank)):
        return x
    return apply("transpose", [x], {"perm": perm})


@op(NUMPY, static=("source", "destination"))
def moveaxis(x, source, destination):
    """Axes moved to other positions; the rest keep their order."""
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
    """Two axes exchanged."""
    x = to_tensor(x)
    order = list(range(len(x.shape)))
    a, b = one_axis(axis1, len(order)), one_axis(axis2, len(order))
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


@op(NUMPY, static=("shape",))
def broadcast_to(x, shape):
    """Repeated to the shape by NumPy's rules."""
    return apply("broadcast_to", [to_tensor(x)], {"shape": shape_list(shape)})


@op(NUMPY, static=("axis",))
def concatenate(xs, axis=0):
    """Tensors joined along an existing axis; their flat elements when it is `None`."""
    tensors = promote_all(list(xs))
    if axis is None:
        tensors, axis = [_reshape(t, [-1]) for t in tensors], 0
    if len(tensors) == 1:
        return tensors[0]
    return apply("concatenate", tensors, {"axis": one_axis(axis, len(tensors[0].shape))})


@op(NUMPY, static=("axis",))
def stack(x, axis=0):
    """Tensors joined along a new axis."""
    tensors = promote_all(list(x))
    shapes = [tuple(t.shape) for t in tensors]
    if len(set(shapes)) > 1:
        raise B.ShapeError(f"stack: all tensors must have one shape. Received: shapes {shapes}")
    axis = one_axis(axis, len(tensors[0].shape) + 1)
    return apply("concatenate", [expand(t, axis) for t in tensors], {"axis": axis})


@op(NUMPY)
def hstack(xs):
    """Joined along axis 1 (0 for vectors)."""
    tensors = [_atleast(to_tensor(x), 1) for x in xs]
    return concatenate(tensors, 0 if tensors and len(tensors[0].shape) == 1 else 1)


@op(NUMPY)
def vstack(xs):
    """Joined along axis 0; vectors become rows."""
    return concatenate([_atleast(to_tensor(x), 2) for x in xs], 0)


@op(NUMPY)
def dstack(xs):
    """Joined along axis 2; fewer axes are added at the end."""
    out = []
    for x in xs:
        x = _atleast(to_tensor(x), 2)
        out.append(expand(x, -1) if len(x.shape) == 2 else x)
    return concatenate(out, 2)


concatenate.row.joins, hstack.row.joins, vstack.row.joins, dstack.row.joins = 0, 1, 0, 2


def _atleast(x, rank):
    return x if len(x.shape) >= rank else _reshape(x, [1] * (rank - len(x.shape)) + list(x.shape))


@op(NUMPY, static=("axis",))
def append(x1, x2, axis=None):
    """x2 after x1; both flat when `axis` is `None`."""
    x1, x2 = promote_all([x1, x2])
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)], 0)
    return concatenate([x1, x2], axis)


def _cut(x, axis, start, size, step=1):
    starts, sizes, strides = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
    starts[axis], sizes[axis], strides[axis] = start, size, step
    return apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": strides})


@op(NUMPY, static=("indices_or_sections", "axis"))
def split(x, indices_or_sections, axis=0):
    """Cut into equal parts, or at the given indices."""
    x = to_tensor(x)
    axis = one_axis(axis, len(x.shape))
    size = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        parts = int(indices_or_sections)
        if size % parts:
            raise B.ShapeError(
                f"split: axis {axis} of size {size} cannot be cut into {parts} equal parts. "
                f"Received: x.shape={tuple(x.shape)}"
            )
        cuts = [size // parts * i for i in range(1, parts)]
    else:
        cuts = [int(c) for c in indices_or_sections]
    return _cut_at(x, axis, cuts)


def _cut_at(x, axis, cuts):
    size = x.shape[axis]
    bounds = [0] + [min(c if c >= 0 else c + size, size) for c in cuts] + [size]
    return [_cut(x, axis, a, max(0, b - a)) for a, b in zip(bounds, bounds[1:])]


@op(NUMPY, static=("indices_or_sections", "axis"))
def array_split(x, indices_or_sections, axis=0):
    """Cut into nearly equal parts; the first ones are larger by one."""
    x = to_tensor(x)
    axis = one_axis(axis, len(x.shape))
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis)
    if indices_or_sections < 1:
        raise ValueError(
            "array_split: the number of parts must be positive. Received: "
            f"indices_or_sections={indices_or_sections}"
        )
    size, rest = divmod(x.shape[axis], int(indices_or_sections))
    cuts = [size * i + min(i, rest) for i in range(1, int(indices_or_sections))]
    return _cut_at(x, axis, cuts)


@op(NUMPY, static=("indices_or_sections",))
def hsplit(x, indices_or_sections):
    """Cut along axis 1 (0 for vectors)."""
    x = to_tensor(x)
    return split(x, indices_or_sections, 0 if len(x.shape) == 1 else 1)


@op(NUMPY, static=("indices_or_sections",))
def vsplit(x, indices_or_sections):
    """Cut along axis 0."""
    return split(x, indices_or_sections, 0)


@op(NUMPY, static=("indices_or_sections",))
def dsplit(x, indices_or_sections):
    """Cut along axis 2."""
    return split(x, indices_or_sections, 2)


@op(CORE, static=("num", "axis"))
def unstack(x, num=None, axis=0):
    """The slices along an axis, without it; `num` is needed where its size is not known."""
    x = to_tensor(x)
    axis = one_axis(axis, len(x.shape))
    size = x.shape[axis]
    if size == current_stand_in():
        if num is None:
            raise ValueError(f"Cannot infer argument `num` from shape: axis {axis} is not known.")
        size = num
    rest = [d for i, d in enumerate(x.shape) if i != axis]
    return [_reshape(_cut(x, axis, i, 1), rest) for i in range(size)]


@op(NUMPY, static=("repeats",))
def tile(x, repeats):
    """The tensor repeated as a block."""
    x = to_tensor(x)
    repeats = shape_list(repeats)
    rank = max(len(repeats), len(x.shape))
    x = _atleast(x, rank)
    return apply("tile", [x], {"repeats": [1] * (rank - len(repeats)) + repeats})


@op(NUMPY, static=("repeats", "axis"))
def repeat(x, repeats, axis=None):
    """Each element repeated, a number of times or one number per element."""
    x = to_tensor(x)
    if axis is None:
        x, axis = _reshape(x, [-1]), 0
    axis = one_axis(axis, len(x.shape))
    if not isinstance(repeats, (int, np.integer)):
        counts = np.asarray(repeats).reshape(-1)
        if counts.size != 1:
            index = np.repeat(np.arange(x.shape[axis], dtype="int32"), counts)
            return apply("take", [x, B.tensor(index)], {"axis": axis})
        repeats = int(counts[0])
    return apply("repeat", [x], {"repeats": int(repeats), "axis": axis})


@op(NUMPY, static=("axis",))
def flip(x, axis=None):
    """Reversed along axes."""
    x = to_tensor(x)
    return apply("flip", [x], {"axes": list(axis_tuple(axis, len(x.shape)))})


@op(NUMPY)
def fliplr(x):
    """Reversed along axis 1."""
    return flip(x, 1)


@op(NUMPY)
def flipud(x):
    """Reversed along axis 0."""
    return flip(x, 0)


@op(NUMPY, static=("k", "axes"))
def rot90(array, k=1, axes=(0, 1)):
    """Rotated by k quarter turns in the plane of two axes."""
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
    """Moved cyclically along axes; one shift serves all axes, and one axis takes all shifts."""
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
    """
    x = to_tensor(x)
    widths = np.broadcast_to(np.asarray(pad_width, dtype=np.int64), (len(x.shape), 2))
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
    """Coordinate matrices of coordinate vectors."""
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


@op(NUMPY, static=("k",))
def diag(x, k=0):
    """A diagonal matrix of a vector, or the kth diagonal of a matrix."""
    x = to_tensor(x)
    if len(x.shape) == 1:
        return apply("diag", [x], {"k": int(k)})
    if len(x.shape) == 2:
        return diagonal(x, k)
    raise ValueError(f"`x` must be 1d or 2d. Received: x.shape={tuple(x.shape)}")


@op(NUMPY, static=("k",))
def diagflat(x, k=0):
    """A diagonal matrix of the flat elements."""
    return diag(ravel(x), k)


@op(NUMPY, static=("offset", "axis1", "axis2"))
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonal of two axes, as a new last axis."""
    x = moveaxis(to_tensor(x), (axis1, axis2), (-2, -1))
    rows, cols = x.shape[-2:]
    start = offset if offset >= 0 else -offset * cols
    count = max(0, min(rows + min(offset, 0), cols - max(offset, 0)))
    flat = _reshape(x, [*x.shape[:-2], rows * cols])
    return _cut(flat, len(flat.shape) - 1, start if count else 0, count, cols + 1)


@op(NUMPY, static=("offset", "axis1", "axis2"))
def trace(x, offset=0, axis1=0, axis2=1):
    """Sum of the diagonal of two axes."""
    from ranvier.ops.reductions import sum as _sum

    return _sum(diagonal(x, offset, axis1, axis2), -1)


@op(NUMPY, static=("n", "axis"))
def diff(a, n=1, axis=-1):
    """nth difference of neighbours along an axis."""
    x = to_tensor(a)
    axis = one_axis(axis, len(x.shape))
    for _ in range(n):
        size = max(0, x.shape[axis] - 1)
        high, low = _cut(x, axis, 1 if size else 0, size), _cut(x, axis, 0, size)
        x = ew.not_equal(high, low) if x.dtype == "bool" else ew.subtract(high, low)
    return x


@op(NUMPY)
def copy(x):
    """A copy."""
    return apply("copy", [to_tensor(x)], None)


def ndim(x):
    """Rank."""
    return len(x.shape) if hasattr(x, "shape") else np.ndim(x)


@op(NUMPY)
def size(x):
    """Number of elements, an integer; of a symbolic tensor a symbolic scalar."""
    return int(math.prod(to_tensor(x).shape))


@op(NUMPY, static=("N", "increasing"))
def vander(x, N=None, increasing=False):
    """Powers of a vector as columns."""
    x = to_tensor(x)
    if len(x.shape) != 1:
        raise ValueError(
            f"Input tensor must be 1-dimensional. Received: input.shape={tuple(x.shape)}"
        )
    count = x.shape[0] if N is None else int(N)
    powers = range(count) if increasing else range(count - 1, -1, -1)
    columns = [ew.power(x, p) if p else ones_like(x) for p in powers]
    return stack(columns, -1) if columns else zeros((x.shape[0], 0), x.dtype)


@op(NUMPY, static=("dx", "axis"))
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Integral by the trapezoidal rule."""
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

"""Tensors joined along axes, and cut."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.ops._define import CORE, NUMPY, apply, expand, one_axis, op, promote_all, to_tensor
from ranvier.ops._define import reshape as _reshape
from ranvier.python_numbers import whole
from ranvier.symbolic.probe import current_stand_in


@op(NUMPY, static=("axis",))
def concatenate(xs, axis=0):
    """Tensors joined along an existing axis; their flat elements when it is `None`.

    Args:
        xs: tensors whose other sizes are equal.
        axis: axis, or `None`.

    Example:
        >>> ops.concatenate([[1, 2], [3]]).tolist()
        [1, 2, 3]
    """
    tensors = promote_all(list(xs))
    if axis is None:
        tensors, axis = [_reshape(t, [-1]) for t in tensors], 0
    if len(tensors) == 1:
        return tensors[0]
    return apply("concatenate", tensors, {"axis": one_axis(axis, len(tensors[0].shape))})


@op(NUMPY, static=("axis",))
def stack(x, axis=0):
    """Tensors joined along a new axis.

    Args:
        x: tensors of one shape.
        axis: where the new axis stands.

    Example:
        >>> ops.stack([[1, 2], [3, 4]], axis=1).tolist()
        [[1, 3], [2, 4]]
    """
    tensors = promote_all(list(x))
    shapes = [tuple(t.shape) for t in tensors]
    if len(set(shapes)) > 1:
        raise B.ShapeError(f"stack: all tensors must have one shape. Received: shapes {shapes}")
    axis = one_axis(axis, len(tensors[0].shape) + 1)
    return apply("concatenate", [expand(t, axis) for t in tensors], {"axis": axis})


@op(NUMPY)
def hstack(xs):
    """Joined along axis 1 (0 for vectors).

    Example:
        >>> ops.hstack([[[1], [2]], [[3], [4]]]).tolist()
        [[1, 3], [2, 4]]
    """
    tensors = [_atleast(to_tensor(x), 1) for x in xs]
    return concatenate(tensors, 0 if tensors and len(tensors[0].shape) == 1 else 1)


@op(NUMPY)
def vstack(xs):
    """Joined along axis 0; vectors become rows.

    Example:
        >>> ops.vstack([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
    """
    return concatenate([_atleast(to_tensor(x), 2) for x in xs], 0)


@op(NUMPY)
def dstack(xs):
    """Joined along axis 2; fewer axes are added at the end.

    Example:
        >>> ops.dstack([[1, 2], [3, 4]]).tolist()
        [[[1, 3], [2, 4]]]
    """
    out = []
    for x in xs:
        x = _atleast(to_tensor(x), 2)
        out.append(expand(x, -1) if len(x.shape) == 2 else x)
    return concatenate(out, 2)


def _atleast(x, rank):
    return x if len(x.shape) >= rank else _reshape(x, [1] * (rank - len(x.shape)) + list(x.shape))


@op(NUMPY, static=("axis",))
def append(x1, x2, axis=None):
    """x2 after x1; both flat when `axis` is `None`.

    Args:
        x1, x2: tensors.
        axis: axis, or `None`.

    Example:
        >>> ops.append([1, 2], [[3], [4]]).tolist()
        [1, 2, 3, 4]
    """
    x1, x2 = promote_all([x1, x2])
    if axis is None:
        return concatenate([to_tensor(x1), to_tensor(x2)], None)
    return concatenate([x1, x2], axis)


def _cut(x, axis, start, size, step=1):
    starts, sizes, strides = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
    starts[axis], sizes[axis], strides[axis] = start, size, step
    return apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": strides})


@op(NUMPY, static=("indices_or_sections", "axis"))
def split(x, indices_or_sections, axis=0):
    """Cut into equal parts, or at the given indices.

    Args:
        x: tensor.
        indices_or_sections: number of parts, or ascending indices.
        axis: axis.

    Example:
        >>> [part.tolist() for part in ops.split([1, 2, 3, 4], 2)]
        [[1, 2], [3, 4]]
    """
    x = to_tensor(x)
    axis = one_axis(axis, len(x.shape))
    size = x.shape[axis]
    parts = _number_of_parts(indices_or_sections)
    if parts is not None:
        if size % parts:
            raise B.ShapeError(
                f"split: axis {axis} of size {size} cannot be cut into {parts} equal parts. "
                f"Received: x.shape={tuple(x.shape)}"
            )
        cuts = [size // parts * i for i in range(1, parts)]
    else:
        cuts = [whole("indices_or_sections", c) for c in indices_or_sections]
    return _cut_at(x, axis, cuts)


def _number_of_parts(given):
    """`None` for a list of indices. As in NumPy, whole numbers may be floats."""
    if np.iterable(given) and not isinstance(given, str):
        return None
    value = int(given) if isinstance(given, float) and given.is_integer() else given
    return whole("indices_or_sections", value, 1)


def _cut_at(x, axis, cuts):
    size = x.shape[axis]
    bounds = [0] + [min(c if c >= 0 else c + size, size) for c in cuts] + [size]
    return [_cut(x, axis, a, max(0, b - a)) for a, b in zip(bounds, bounds[1:])]


@op(NUMPY, static=("indices_or_sections", "axis"))
def array_split(x, indices_or_sections, axis=0):
    """Cut into nearly equal parts; the first ones are larger by one.

    Args:
        x: tensor.
        indices_or_sections: number of parts, or ascending indices.
        axis: axis.

    Example:
        >>> [part.tolist() for part in ops.array_split([1, 2, 3], 2)]
        [[1, 2], [3]]
    """
    x = to_tensor(x)
    axis = one_axis(axis, len(x.shape))
    parts = _number_of_parts(indices_or_sections)
    if parts is None:
        return split(x, indices_or_sections, axis)
    size, rest = divmod(x.shape[axis], parts)
    cuts = [size * i + min(i, rest) for i in range(1, parts)]
    return _cut_at(x, axis, cuts)


@op(NUMPY, static=("indices_or_sections",))
def hsplit(x, indices_or_sections):
    """Cut along axis 1 (0 for vectors).

    Args:
        x: tensor.
        indices_or_sections: see `split`.

    Example:
        >>> [part.tolist() for part in ops.hsplit([[1, 2], [3, 4]], 2)]
        [[[1], [3]], [[2], [4]]]
    """
    x = to_tensor(x)
    return split(x, indices_or_sections, 0 if len(x.shape) == 1 else 1)


@op(NUMPY, static=("indices_or_sections",))
def vsplit(x, indices_or_sections):
    """Cut along axis 0.

    Args:
        x: tensor.
        indices_or_sections: see `split`.

    Example:
        >>> [part.tolist() for part in ops.vsplit([[1, 2], [3, 4]], 2)]
        [[[1, 2]], [[3, 4]]]
    """
    return split(x, indices_or_sections, 0)


@op(NUMPY, static=("indices_or_sections",))
def dsplit(x, indices_or_sections):
    """Cut along axis 2.

    Args:
        x: tensor.
        indices_or_sections: see `split`.

    Example:
        >>> [part.shape for part in ops.dsplit(ops.ones((1, 2, 4)), [1])]
        [(1, 2, 1), (1, 2, 3)]
    """
    return split(x, indices_or_sections, 2)


@op(CORE, static=("num", "axis"))
def unstack(x, num=None, axis=0):
    """The slices along an axis, without it; `num` is needed where its size is not known.

    Args:
        x: tensor.
        num: size of the axis.
        axis: axis.

    Example:
        >>> [row.tolist() for row in ops.unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    x = to_tensor(x)
    axis = one_axis(axis, len(x.shape))
    size = x.shape[axis]
    if size == current_stand_in():
        if num is None:
            raise ValueError(f"Cannot infer argument `num` from shape: axis {axis} is not known.")
        size = num
    rest = [d for i, d in enumerate(x.shape) if i != axis]
    return [_reshape(_cut(x, axis, i, 1), rest) for i in range(size)]


concatenate.row.joins, hstack.row.joins, vstack.row.joins, dstack.row.joins = 0, 1, 0, 2

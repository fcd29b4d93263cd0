"""Triangles and diagonals of matrices."""

from __future__ import annotations

from ranvier.ops._define import NUMPY, apply, op, to_tensor
from ranvier.ops._define import reshape as _reshape
from ranvier.ops.joins import _cut
from ranvier.ops.shapes import moveaxis, ravel
from ranvier.python_numbers import whole


@op(NUMPY, static=("k",))
def tril(x, k=0):
    """The lower triangle of the last two axes, zeros above.

    Args:
        x: (..., rows, columns).
        k: diagonal that is the last to stay; 0 is the main one, below it k < 0.

    Example:
        >>> ops.tril([[1, 2], [3, 4]]).tolist()
        [[1, 0], [3, 4]]
    """
    return apply("tril", [to_tensor(x)], {"k": whole("k", k)})


@op(NUMPY, static=("k",))
def triu(x, k=0):
    """The upper triangle of the last two axes, zeros below.

    Args:
        x: (..., rows, columns).
        k: diagonal that is the first to stay; 0 is the main one, below it k < 0.

    Example:
        >>> ops.triu([[1, 2], [3, 4]]).tolist()
        [[1, 2], [0, 4]]
    """
    return apply("triu", [to_tensor(x)], {"k": whole("k", k)})


@op(NUMPY, static=("k",))
def diag(x, k=0):
    """A diagonal matrix of a vector, or the kth diagonal of a matrix.

    Args:
        x: vector or matrix.
        k: diagonal, above the main one when positive.

    Example:
        >>> ops.diag([1, 2]).tolist()
        [[1, 0], [0, 2]]
    """
    x = to_tensor(x)
    if len(x.shape) == 1:
        return apply("diag", [x], {"k": whole("k", k)})
    if len(x.shape) == 2:
        return diagonal(x, k)
    raise ValueError(f"`x` must be 1d or 2d. Received: x.shape={tuple(x.shape)}")


@op(NUMPY, static=("k",))
def diagflat(x, k=0):
    """A diagonal matrix of the flat elements.

    Args:
        x: tensor.
        k: diagonal, above the main one when positive.

    Example:
        >>> ops.diagflat([1, 2], k=1).tolist()
        [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    """
    return diag(ravel(x), k)


@op(NUMPY, static=("offset", "axis1", "axis2"))
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonal of two axes, as a new last axis.

    Args:
        x: tensor.
        offset: above the main diagonal when positive.
        axis1, axis2: rows and columns.

    Example:
        >>> ops.diagonal([[1, 2], [3, 4]]).tolist()
        [1, 4]
    """
    x = moveaxis(to_tensor(x), (axis1, axis2), (-2, -1))
    rows, cols = x.shape[-2:]
    start = offset if offset >= 0 else -offset * cols
    count = max(0, min(rows + min(offset, 0), cols - max(offset, 0)))
    flat = _reshape(x, [*x.shape[:-2], rows * cols])
    return _cut(flat, len(flat.shape) - 1, start if count else 0, count, cols + 1)


@op(NUMPY, static=("offset", "axis1", "axis2"))
def trace(x, offset=0, axis1=0, axis2=1):
    """Sum of the diagonal of two axes.

    Args:
        x: tensor.
        offset: above the main diagonal when positive.
        axis1, axis2: rows and columns.

    Example:
        >>> ops.trace([[1, 2], [3, 4]]).tolist()
        5
    """
    from ranvier.ops.reductions import sum as _sum

    return _sum(diagonal(x, offset, axis1, axis2), -1)

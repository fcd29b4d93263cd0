"""Norms of vectors and matrices."""

from __future__ import annotations

import math

from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops import shapes as sh
from ranvier.ops._define import LINALG, axis_tuple, cast, op, to_float, to_tensor
from ranvier.ops.singular_values import _spectral_norm


@op(LINALG, static=("ord", "axis", "keepdims"))
def norm(x, ord=None, axis=None, keepdims=False):
    """Norm of vectors (one axis) or matrices (two axes).

    Args:
        x: tensor; integers become floats.
        ord: of vectors any number, `inf`, `-inf`, or 0 (how many are not zero); of matrices "fro",
            "nuc", 1, -1, 2, -2, `inf` or `-inf`. `None`: the root of the sum of squares.
        axis: one axis, two, or `None` for all (then x has one or two, unless `ord` is `None`).
        keepdims: whether the axes stay, with size one.

    Raises:
        ValueError: an `ord` that the number of axes does not have.

    Example:
        >>> float(ops.norm([3.0, 4.0])), float(ops.norm([3.0, -4.0], ord=1))
        (5.0, 7.0)
    """
    x = to_tensor(x)
    x = cast(x, config.floatx()) if x.dtype == "int64" else to_float(x)
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise ValueError("Invalid `ord` argument. Expected one of {'fro', 'nuc'} when using "
                         f"string. Received: ord={ord}")  # fmt: skip
    axes = axis_tuple(axis, len(x.shape))
    if axis is None and ord is None:
        return _root_of_squares(x, axes, keepdims)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError(
        f"norm: improper number of axes. Expected one or two for ord={ord!r}. Received: "
        f"x.shape={tuple(x.shape)}, axis={axis}"
    )


def _root_of_squares(x, axes, keepdims):
    return ew.sqrt(red.sum(ew.square(x), axes, keepdims))


def _vector_norm(x, ord, axes, keepdims):
    if ord is None or ord == 2:
        return _root_of_squares(x, axes, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={ord}")
    size = ew.absolute(x)
    if ord == math.inf:
        return red.max(size, axes, keepdims)
    if ord == -math.inf:
        return red.min(size, axes, keepdims)
    if ord == 0:
        return red.sum(cast(ew.not_equal(size, 0), size.dtype), axes, keepdims)
    if ord == 1:
        return red.sum(size, axes, keepdims)
    return ew.power(red.sum(ew.power(size, float(ord)), axes, keepdims), 1.0 / ord)


def _matrix_norm(x, ord, axes, keepdims):
    if ord in (None, "fro"):
        return _root_of_squares(x, axes, keepdims)
    if ord in ("nuc", 2, -2):
        out = _spectral_norm(sh.moveaxis(x, axes, (-2, -1)), ord, keepdims)
        return sh.moveaxis(out, (-2, -1), axes) if keepdims else out
    if ord not in (1, -1, math.inf, -math.inf):
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    inner, outer = axes if ord in (1, -1) else axes[::-1]
    pick = red.max if ord > 0 else red.min
    out = pick(red.sum(ew.absolute(x), inner, True), outer, True)
    return out if keepdims else sh.squeeze(out, axes)

"""Reductions that leave NaN out."""

from __future__ import annotations

import math

from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import NUMPY, cast, op, to_float, to_tensor
from ranvier.ops.reductions import all, argmax, argmin, cumprod, cumsum, max, min, prod, sum

_ARGS = """

Args:
    x: tensor.
    axis: axis or axes; all when `None`.
    keepdims: whether reduced axes stay, with size 1.
"""


def _doc(doc, name, result):
    return f"{doc}{_ARGS}\nExample:\n    >>> float(ops.{name}([2.0, np.nan, 3.0]))\n    {result}\n"


def _nan_reduction(name, doc, result, fill, base):
    def fn(x, axis=None, keepdims=False):
        x = to_tensor(x)
        return base(ew.where(ew.isnan(x), fill(x), x), axis, keepdims)

    fn.__name__, fn.__doc__ = name, _doc(doc, name, result)
    return op(NUMPY, static=("axis", "keepdims"))(fn)


nansum = _nan_reduction("nansum", "Sum over axes; NaN counts as 0.", 5.0, lambda x: 0, sum)
nanprod = _nan_reduction("nanprod", "Product over axes; NaN counts as 1.", 6.0, lambda x: 1, prod)


def _nan_extremum(name, doc, result, fill, base):
    def fn(x, axis=None, keepdims=False):
        x = to_tensor(x)
        nan = ew.isnan(x)
        out = base(ew.where(nan, fill if config.is_float_dtype(x.dtype) else x, x), axis, keepdims)
        return (
            ew.where(all(nan, axis, keepdims), math.nan, out)
            if config.is_float_dtype(x.dtype)
            else out
        )

    fn.__name__, fn.__doc__ = name, _doc(doc, name, result)
    return op(NUMPY, static=("axis", "keepdims"))(fn)


nanmax = _nan_extremum("nanmax", "Largest value over axes, NaN ignored.", 3.0, -math.inf, max)
nanmin = _nan_extremum("nanmin", "Smallest value over axes, NaN ignored.", 2.0, math.inf, min)


def _nan_position(choose, fill, x, axis, keepdims):
    x = to_tensor(x)
    nan = ew.isnan(x)
    filled = ew.where(nan, fill, x) if config.is_float_dtype(x.dtype) else x
    return ew.where(all(nan, axis, keepdims), -1, choose(filled, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def nanargmax(x, axis=None, keepdims=False):
    """Index of the largest value, NaN ignored; -1 where all are NaN.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> ops.nanargmax([np.nan, 1.0, 2.0]).tolist()
        2
    """
    return _nan_position(argmax, -math.inf, x, axis, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def nanargmin(x, axis=None, keepdims=False):
    """Index of the smallest value, NaN ignored; -1 where all are NaN.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> ops.nanargmin([np.nan, 1.0, 2.0]).tolist()
        1
    """
    return _nan_position(argmin, math.inf, x, axis, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def nanmean(x, axis=None, keepdims=False):
    """Mean over axes, NaN ignored.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.nanmean([1.0, np.nan, 3.0]).tolist()
        2.0
    """
    x = to_float(x)
    count = sum(cast(ew.logical_not(ew.isnan(x)), x.dtype), axis, keepdims)
    return ew.divide(nansum(x, axis, keepdims), count)


@op(NUMPY, static=("axis", "keepdims"))
def nanvar(x, axis=None, keepdims=False):
    """Variance over axes, NaN ignored.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.nanvar([1.0, np.nan, 3.0]).tolist()
        1.0
    """
    x = to_float(x)
    missing = ew.isnan(x)
    count = sum(cast(ew.logical_not(missing), x.dtype), axis, keepdims)
    deviation = ew.where(missing, 0.0, ew.subtract(x, nanmean(x, axis, True)))
    return ew.divide(sum(ew.square(deviation), axis, keepdims), count)


@op(NUMPY, static=("axis", "keepdims"))
def nanstd(x, axis=None, keepdims=False):
    """Standard deviation over axes, NaN ignored.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.nanstd([1.0, np.nan, 3.0]).tolist()
        1.0
    """
    return ew.sqrt(nanvar(x, axis, keepdims))


@op(NUMPY, static=("axis", "dtype"))
def nancumsum(x, axis=None, dtype=None):
    """Running sum; NaN counts as 0.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        dtype: of the result.

    Example:
        >>> ops.nancumsum([1.0, np.nan, 3.0]).tolist()
        [1.0, 1.0, 4.0]
    """
    x = to_tensor(x)
    return cumsum(ew.where(ew.isnan(x), 0, x), axis, dtype)


@op(NUMPY, static=("axis", "dtype"))
def nancumprod(x, axis=None, dtype=None):
    """Running product; NaN counts as 1.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        dtype: of the result.

    Example:
        >>> ops.nancumprod([2.0, np.nan, 3.0]).tolist()
        [2.0, 2.0, 6.0]
    """
    x = to_tensor(x)
    return cumprod(ew.where(ew.isnan(x), 1, x), axis, dtype)

"""Quantiles, with NaN spreading or ignored."""

from __future__ import annotations

import math

from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops._define import (
    NUMPY,
    apply,
    axis_tuple,
    cast,
    expand,
    op,
    reshape,
    to_float,
    to_tensor,
)
from ranvier.ops.indexing import _clamped
from ranvier.ops.shapes import moveaxis


class _Rows:
    """The reduced axes as one sorted last axis, and the way back to the result's shape."""

    def __init__(self, x, axis):
        self.shape = list(x.shape)
        rank = len(self.shape)
        self.axes = axis_tuple(axis, rank)
        self.kept = [i for i in range(rank) if i not in self.axes]
        self.size = math.prod(self.shape[a] for a in self.axes)
        moved = apply("transpose", [x], {"perm": self.kept + list(self.axes)})
        flat = reshape(moved, [self.shape[i] for i in self.kept] + [self.size])
        self.ordered = apply("sort", [flat], None)

    def back(self, out, q, keepdims):
        """(kept..., quantiles) to (shape of q..., kept...)."""
        shape = (
            [1 if i in self.axes else d for i, d in enumerate(self.shape)]
            if keepdims
            else [self.shape[i] for i in self.kept]
        )
        return reshape(moveaxis(out, -1, 0), list(q.shape) + shape)


def _between(method, position, low, a, b):
    """The value at a position between its neighbours a (at `low`) and b."""
    if method == "lower":
        return a
    if method == "higher":
        return b
    weight = ew.subtract(position, low)
    if method == "nearest":
        return ew.where(ew.greater(weight, 0.5), b, a)
    if method == "midpoint":
        weight = ew.multiply(0.5, cast(ew.greater(weight, 0.0), weight.dtype))
    elif method != "linear":
        raise ValueError(
            "quantile: unknown `method`. Expected one of 'linear', 'lower', 'higher', 'midpoint', "
            f"'nearest'. Received: method={method!r}"
        )
    # Each value times its own weight, so that infinities stay; the other one may be infinite.
    mixed = ew.add(ew.multiply(a, ew.subtract(1.0, weight)), ew.multiply(b, weight))
    return ew.where(ew.equal(weight, 0.0), a, mixed)


@op(NUMPY, static=("axis", "method", "keepdims"))
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles over axes; NaN where one value is.

    Args:
        x: tensor; integers become floats.
        q: number or vector of numbers in [0, 1]; a vector makes a new first axis.
        axis: one axis, several, or all when `None`.
        method: "linear", "lower", "higher", "midpoint" or "nearest": the value between two others.
        keepdims: whether the axes stay, with size one.

    Example:
        >>> ops.quantile([1.0, 2.0, 3.0, 4.0], 0.5).tolist()
        2.5
    """
    x = to_float(x)
    q = to_tensor(q, x.dtype)
    rows = _Rows(x, axis)
    position = ew.multiply(ew.clip(reshape(q, [-1]), 0.0, 1.0), float(rows.size - 1))
    low, high = ew.floor(position), ew.ceil(position)
    places = (_clamped(cast(i, "int32"), rows.size) for i in (low, high))
    a, b = (apply("take", [rows.ordered, i], {"axis": -1}) for i in places)
    out = _between(method, position, low, a, b)
    nan = expand(red.any(ew.isnan(x), rows.axes), -1)
    return rows.back(ew.where(nan, math.nan, out), q, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def median(x, axis=None, keepdims=False):
    """The middle value over axes, the mean of both middles for an even number.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.median([[1.0, 3.0, 2.0], [9.0, 7.0, 8.0]], axis=1).tolist()
        [2.0, 8.0]
    """
    return quantile(x, 0.5, axis, "linear", keepdims)


def _percent(x, q):
    return ew.divide(to_tensor(q, x.dtype), 100.0)


@op(NUMPY, static=("axis", "method", "keepdims"))
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles with `q` in percent.

    Args:
        x: tensor.
        q: one or several numbers from 0 to 100.
        axis, method, keepdims: see `quantile`.

    Example:
        >>> ops.percentile([1.0, 2.0, 3.0], 50).tolist()
        2.0
    """
    x = to_float(x)
    return quantile(x, _percent(x, q), axis, method, keepdims)


@op(NUMPY, static=("axis", "method", "keepdims"))
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles over axes, NaN ignored; NaN where all values are. Arguments as of `quantile`.

    Args:
        x, q, axis, method, keepdims: see `quantile`.

    Example:
        >>> ops.nanquantile([1.0, np.nan, 3.0], 0.5).tolist()
        2.0
    """
    x = to_float(x)
    q = to_tensor(q, x.dtype)
    rows = _Rows(x, axis)
    # NaN is sorted to the end: each row has its own length.
    valid = red.sum(cast(ew.logical_not(ew.isnan(rows.ordered)), x.dtype), -1, True)
    position = ew.multiply(reshape(q, [-1]), ew.maximum(ew.subtract(valid, 1.0), 0.0))
    low, high = ew.floor(position), ew.ceil(position)
    places = (_clamped(cast(i, "int32"), rows.size) for i in (low, high))
    a, b = (apply("take_along_axis", [rows.ordered, i], {"axis": -1}) for i in places)
    out = _between(method, position, low, a, b)
    return rows.back(ew.where(ew.equal(valid, 0.0), math.nan, out), q, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def nanmedian(x, axis=None, keepdims=False):
    """The middle value over axes, NaN ignored.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.nanmedian([1.0, np.nan, 3.0]).tolist()
        2.0
    """
    return nanquantile(x, 0.5, axis, "linear", keepdims)


@op(NUMPY, static=("axis", "method", "keepdims"))
def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles with `q` in percent, NaN ignored.

    Args:
        x: tensor.
        q: one or several numbers from 0 to 100.
        axis, method, keepdims: see `quantile`.

    Example:
        >>> ops.nanpercentile([1.0, np.nan, 3.0], 50).tolist()
        2.0
    """
    x = to_float(x)
    return nanquantile(x, _percent(x, q), axis, method, keepdims)

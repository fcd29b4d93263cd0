"""Where values occur, and how often."""

from __future__ import annotations

import builtins
import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import NUMPY, apply, cast, expand, op, promote_pair, reshape, to_tensor
from ranvier.ops.indexing import _index_tensor, _values
from ranvier.python_numbers import whole


@op(NUMPY, static=("side",), name="SearchSorted")
def searchsorted(sorted_sequence, values, side="left"):
    """Where each value belongs in a sorted vector, int32.

    Args:
        sorted_sequence: ascending vector.
        values: tensor.
        side: "left" or "right" of equal elements.

    Example:
        >>> ops.searchsorted([1, 3, 5], [3, 4]).tolist()
        [1, 2]
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: `side` must be 'left' or 'right'. Received: side={side!r}")
    table, values = promote_pair(sorted_sequence, values)
    if len(table.shape) != 1:
        raise ValueError("searchsorted only supports 1-D sorted sequences. You can use "
                         "keras.ops.vectorized_map to extend it to N-D sequences. "
                         f"Received: sorted_sequence.shape={tuple(table.shape)}")  # fmt: skip
    return apply("searchsorted", [table, values], {"right": side == "right"})


@op(NUMPY)
def digitize(x, bins):
    """The number of the bin each value falls in; `bins` ascends, or descends where it is known.

    Args:
        x: tensor.
        bins: vector of edges.

    Example:
        >>> ops.digitize([0.5, 2.5], [0.0, 1.0, 2.0]).tolist()
        [1, 3]
    """
    bins = to_tensor(bins)
    known = B.constant_value(bins) if bins.is_symbol else bins
    if known is None or known.size < 2 or not known[0] > known[-1]:
        return searchsorted(bins, x, side="right")
    rising = apply("flip", [bins], {"axes": [0]})
    return ew.subtract(known.size, searchsorted(rising, x, side="right"))


@op(NUMPY, static=("minlength", "sparse"))
def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each integer occurs along the last axis, or the sum of its weights; what is
    negative counts as 0.

    Args:
        x: integers.
        weights: of the shape of x.
        minlength: least number of counts.
        sparse: accepted; the result is dense.

    Example:
        >>> ops.bincount([0, 1, 1, 3]).tolist()
        [1, 2, 0, 1]
    """
    x = ew.maximum(_index_tensor(x), 0)
    length = whole("minlength", minlength)
    from ranvier.ops.reductions import max as _max

    if math.prod(x.shape):
        top = B.constant_value(x) if x.is_symbol else x
        if top is None and not length:
            raise B.GraphError("bincount: the number of bins depends on values. Give `minlength`.")
        if top is not None:
            length = builtins.max(length, int(_max(top)) + 1)
    if weights is None:
        return apply("bincount", [x], {"length": length})
    weights = to_tensor(weights)
    out = apply("bincount_weighted", [x, cast(weights, "float32")], {"length": length})
    return cast(out, weights.dtype)


@op(NUMPY, static=("bins", "range"))
def histogram(x, bins=10, range=None):
    """Counts and edges of equal bins between the bounds.

    Args:
        x: vector.
        bins: number of bins.
        range: (low, high); the smallest and the largest value when not given.

    Returns:
        Counts (bins,) and edges (bins + 1,), both in the dtype of x as a float.

    Example:
        >>> counts, edges = ops.histogram([0.0, 1.0, 1.0, 4.0], bins=2)
        >>> counts.tolist(), edges.tolist()
        ([3.0, 1.0], [0.0, 2.0, 4.0])
    """
    from ranvier.ops.creation import linspace
    from ranvier.ops.reductions import max as _max
    from ranvier.ops.reductions import min as _min

    if not isinstance(bins, (int, np.integer)) or bins < 0:
        raise ValueError(f"Argument `bins` should be a non-negative integer. Received: bins={bins}")
    if range is not None and (not isinstance(range, (tuple, list)) or len(range) != 2):
        raise ValueError(f"Argument `range` must be a tuple of two elements. Received: {range}")
    if range is not None and range[1] < range[0]:
        raise ValueError("The second element of `range` must be greater than the first. "
                         f"Received: range={range}")  # fmt: skip
    x = to_tensor(x)
    if len(x.shape) != 1:
        raise ValueError(f"Input tensor must be 1-dimensional. Received: shape={tuple(x.shape)}")
    if not config.is_float_dtype(x.dtype):
        x = cast(x, config.floatx())
    bounds = range if range is not None else (_min(x), _max(x))
    low, high = (to_tensor(b, x.dtype) for b in bounds)
    gap = ew.where(ew.equal(low, high), 0.5, 0.0)
    low, high = ew.subtract(low, gap), ew.add(high, gap)
    edges = linspace(low, high, bins + 1, dtype=x.dtype)
    inside = ew.logical_and(ew.greater_equal(x, low), ew.less_equal(x, high))
    index = ew.subtract(searchsorted(edges, x, side="right"), 1)
    index = ew.minimum(ew.maximum(index, 0), bins - 1)
    counts = apply("bincount_weighted", [index, cast(inside, "float32")], {"length": int(bins)})
    return cast(counts, edges.dtype), edges


@op(NUMPY, static=("assume_unique", "invert"), name="IsIn")
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each value of x1 occurs in x2.

    Args:
        x1, x2: tensors.
        assume_unique: accepted, without effect.
        invert: whether the answer is turned round.

    Example:
        >>> ops.isin([1, 2, 3], [2, 5]).tolist()
        [False, True, False]
    """
    from ranvier.ops.reductions import any as _any

    a, b = promote_pair(x1, x2)
    found = _any(ew.equal(expand(a, -1), reshape(b, [1] * len(a.shape) + [-1])), -1)
    return ew.logical_not(found) if invert else found


def _fit_extras(parts, size, return_index, return_inverse, return_counts):
    """Positions and counts of `size` values: repeats the first position, counts nothing."""
    at = 1
    if return_index:
        first = parts[at][:1]
        parts[at] = np.concatenate([parts[at], np.repeat(first, size)])[:size]
        at += 1
    at += bool(return_inverse)
    if return_counts:
        parts[at] = np.concatenate([parts[at], np.zeros(size, parts[at].dtype)])[:size]


@op(
    NUMPY,
    static=(
        "sorted",
        "return_index",
        "return_inverse",
        "return_counts",
        "axis",
        "size",
        "fill_value",
    ),
)
def unique(
    x,
    sorted=True,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    size=None,
    fill_value=None,
):
    """Distinct values in ascending order, every NaN one of its own; needs the values.

    Args:
        x: tensor.
        sorted: accepted; the values are always sorted.
        return_index: also the first place of each value.
        return_inverse: also where each element of x went.
        return_counts: also how often each value occurs.
        axis: slices along it are the values; elements when `None`.
        size: length of the result: cut, or filled up with `fill_value`.
        fill_value: the smallest value by default.

    Example:
        >>> ops.unique([3, 1, 3]).tolist()
        [1, 3]
    """
    found = np.unique(
        _values(x, "unique"),
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=False,
    )
    parts = list(found) if isinstance(found, tuple) else [found]
    if size is not None:
        along = axis or 0
        count = parts[0].shape[along]
        if count >= size:
            parts[0] = np.take(parts[0], np.arange(size), along)
        else:
            value = parts[0].min() if fill_value is None else fill_value
            widths = [(0, 0)] * parts[0].ndim
            widths[along] = (0, size - count)
            parts[0] = np.pad(parts[0], widths, constant_values=value)
        _fit_extras(parts, size, return_index, return_inverse, return_counts)
    tensors = [
        B.tensor(np.ascontiguousarray(p if i == 0 else p.astype("int32")))
        for i, p in enumerate(parts)
    ]
    return tensors[0] if len(tensors) == 1 else tuple(tensors)

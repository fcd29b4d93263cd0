"""Sums, means, extremes, sorts and other functions along axes."""

from __future__ import annotations

import math

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import (
    LINALG,
    MATH,
    NUMPY,
    apply,
    axis_tuple,
    cast,
    expand,
    one_axis,
    op,
    promote_pair,
    reshape,
    to_float,
    to_tensor,
)


def _attrs(x, axis, keepdims):
    return {"axes": list(axis_tuple(axis, len(x.shape))), "keepdims": bool(keepdims)}


_ACCUMULATE = {
    "bool": "int32",
    "int8": "int32",
    "int16": "int32",
    "uint8": "uint32",
    "uint16": "uint32",
}


@op(NUMPY, static=("axis", "keepdims"))
def sum(x, axis=None, keepdims=False):
    """Sum over axes; narrow integers sum in 32 bits."""
    x = to_tensor(x)
    return apply("sum", [cast(x, _ACCUMULATE.get(x.dtype, x.dtype))], _attrs(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims", "dtype"))
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over axes; narrow integers multiply in 32 bits."""
    x = to_tensor(x)
    dtype = config.standardize_dtype(dtype) if dtype else _ACCUMULATE.get(x.dtype, x.dtype)
    return apply("prod", [cast(x, dtype)], _attrs(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def mean(x, axis=None, keepdims=False):
    """Mean over axes; integers give floats."""
    x = to_float(x)
    return apply("mean", [x], _attrs(x, axis, keepdims))


def _extremum(prim, pick):
    def reduce(x, axis, keepdims, initial):
        x = to_tensor(x)
        axes = axis_tuple(axis, len(x.shape))
        if any_zero(x.shape, axes):
            if initial is None:
                raise ValueError(f"Cannot compute the {prim} of an empty tensor without `initial`. "
                                 f"Received: x.shape={tuple(x.shape)}, axis={axis}")  # fmt: skip
        out = apply(prim, [x], _attrs(x, axis, keepdims))
        return out if initial is None else pick(out, initial)

    return reduce


def any_zero(shape, axes) -> bool:
    """Whether one of the axes has no elements."""
    for a in axes:
        if shape[a] == 0:
            return True
    return False


_max = _extremum("max", ew.maximum)
_min = _extremum("min", ew.minimum)


@op(NUMPY, static=("axis", "keepdims", "initial"))
def max(x, axis=None, keepdims=False, initial=None):
    """Largest value over axes; NaN wins."""
    return _max(x, axis, keepdims, initial)


@op(NUMPY, static=("axis", "keepdims", "initial"))
def min(x, axis=None, keepdims=False, initial=None):
    """Smallest value over axes; NaN wins."""
    return _min(x, axis, keepdims, initial)


@op(NUMPY, static=("axis", "keepdims"))
def amax(x, axis=None, keepdims=False):
    """Largest value over axes."""
    return _max(x, axis, keepdims, None)


@op(NUMPY, static=("axis", "keepdims"))
def amin(x, axis=None, keepdims=False):
    """Smallest value over axes."""
    return _min(x, axis, keepdims, None)


@op(NUMPY, static=("axis", "keepdims"))
def any(x, axis=None, keepdims=False):
    """Whether one value is true."""
    x = cast(to_tensor(x), "bool")
    return apply("any", [x], _attrs(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def all(x, axis=None, keepdims=False):
    """Whether all values are true."""
    x = cast(to_tensor(x), "bool")
    return apply("all", [x], _attrs(x, axis, keepdims))


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all values are close; see `isclose`."""
    return all(ew.isclose(x1, x2, rtol, atol, equal_nan))


@op(NUMPY, static=("axis", "keepdims"))
def var(x, axis=None, keepdims=False):
    """Variance over axes (divided by the number of values)."""
    x = to_float(x)
    centred = ew.subtract(x, mean(x, axis, True))
    return mean(ew.square(centred), axis, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def std(x, axis=None, keepdims=False):
    """Standard deviation over axes."""
    return ew.sqrt(var(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def ptp(x, axis=None, keepdims=False):
    """Largest minus smallest value."""
    return ew.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@op(NUMPY, static=("axis",))
def count_nonzero(x, axis=None):
    """Number of values that are not zero, int32."""
    return sum(cast(ew.not_equal(to_tensor(x), 0), "int32"), axis)


@op(NUMPY, static=("axis",))
def average(x, axis=None, weights=None):
    """Mean, or weighted mean over axes."""
    x = to_float(x)
    if weights is None:
        return mean(x, axis)
    x, weights = promote_pair(x, weights, floating=True)
    if len(weights.shape) != len(x.shape):
        if len(weights.shape) != 1 or axis is None:
            raise ValueError(
                "average: `weights` must have the shape of `x`, or be of rank 1 with an "
                f"`axis`. Received: {weights.shape} and axis={axis}"
            )
        shape = [1] * len(x.shape)
        shape[one_axis(axis, len(x.shape))] = weights.shape[0]
        weights = reshape(weights, shape)
    total = sum(ew.multiply(x, weights), axis)
    weight = sum(ew.add(weights, ew.multiply(x, 0)), axis)
    return ew.divide(total, weight)


def _arg(prim):
    def reduce(x, axis, keepdims):
        x = to_tensor(x)
        rank = len(x.shape)
        if axis is None:
            out = apply(prim, [reshape(x, [-1])], {"axis": 0, "keepdims": False})
            return reshape(out, [1] * rank) if keepdims else out
        return apply(prim, [x], {"axis": one_axis(axis, rank), "keepdims": bool(keepdims)})

    return reduce


_argmax, _argmin = _arg("argmax"), _arg("argmin")


@op(NUMPY, static=("axis", "keepdims"))
def argmax(x, axis=None, keepdims=False):
    """Index of the largest value, int32; of the flat tensor when `axis` is `None`."""
    return _argmax(x, axis, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def argmin(x, axis=None, keepdims=False):
    """Index of the smallest value, int32; of the flat tensor when `axis` is `None`."""
    return _argmin(x, axis, keepdims)


def _cumulate(prim, x, axis, dtype):
    x = to_tensor(x)
    if dtype is not None:
        x = cast(x, config.standardize_dtype(dtype))
    elif x.dtype == "bool":
        x = cast(x, "int32")
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    return apply(prim, [x], {"axis": one_axis(axis, len(x.shape))})


@op(NUMPY, static=("axis", "dtype"))
def cumsum(x, axis=None, dtype=None):
    """Running sum along an axis."""
    return _cumulate("cumsum", x, axis, dtype)


@op(NUMPY, static=("axis", "dtype"))
def cumprod(x, axis=None, dtype=None):
    """Running product along an axis."""
    return _cumulate("cumprod", x, axis, dtype)


@op(MATH, static=("axis", "keepdims"))
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over axes, without overflow."""
    x = to_float(x)
    high = max(x, axis, True)
    high = apply("stop_gradient", [ew.where(ew.isfinite(high), high, 0.0)], None)
    total = ew.add(ew.log(sum(ew.exp(ew.subtract(x, high)), axis, True)), high)
    if keepdims:
        return total
    axes = axis_tuple(axis, len(x.shape))
    return reshape(total, [d for i, d in enumerate(x.shape) if i not in axes])


def _along_last(x, axis, run):
    """Runs a last-axis function along another axis."""
    from ranvier.ops.shapes import moveaxis

    rank = len(x.shape)
    axis = one_axis(axis, rank)
    if axis == rank - 1:
        return run(x)
    return moveaxis(run(moveaxis(x, axis, -1)), -1, axis)


@op(NUMPY, static=("axis",))
def sort(x, axis=-1):
    """Ascending along an axis (of the flat tensor when `None`)."""
    x = to_tensor(x)
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    return _along_last(x, axis, lambda t: apply("sort", [t], None))


@op(NUMPY, static=("axis",))
def argsort(x, axis=-1):
    """Indices that sort along an axis, int32; equal values keep their order."""
    x = to_tensor(x)
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    return _along_last(x, axis, lambda t: apply("argsort", [t], None))


@op(NUMPY, static=("kth", "axis"))
def argpartition(x, kth, axis=-1):
    """Indices that put the kth smallest into its place; here a full `argsort`."""
    return argsort(x, axis)


@op(MATH, static=("k", "sorted"))
def top_k(x, k, sorted=True):
    """The k largest values of the last axis, descending, and their int32 indices."""
    return apply("top_k", [to_tensor(x)], {"k": int(k)})


@op(MATH, static=("k",))
def in_top_k(targets, predictions, k):
    """Whether each target class is among the k best predictions of its row; ties count."""
    targets, predictions = to_tensor(targets), to_tensor(predictions)
    classes = predictions.shape[-1]
    inside = ew.logical_and(ew.greater_equal(targets, 0), ew.less(targets, classes))
    index = ew.where(inside, targets, 0)
    chosen = apply("take_along_axis", [predictions, expand(cast(index, "int32"), -1)], {"axis": -1})
    better = sum(cast(ew.greater(predictions, chosen), "int32"), -1)
    finite = ew.isfinite(reshape(chosen, index.shape))
    return ew.logical_and(ew.logical_and(inside, finite), ew.less(better, int(k)))


@op(NUMPY, static=("axis", "method", "keepdims"))
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles over axes; `q` in [0, 1], a number or a vector (then a new first axis)."""
    x = to_float(x)
    q = to_tensor(q, x.dtype)
    rank = len(x.shape)
    axes = axis_tuple(axis, rank)
    kept = [i for i in range(rank) if i not in axes]
    moved = apply("transpose", [x], {"perm": kept + list(axes)})
    size = math.prod(x.shape[a] for a in axes)
    ordered = apply("sort", [reshape(moved, [x.shape[i] for i in kept] + [size])], None)
    nan = any(ew.isnan(x), axes)
    position = ew.multiply(reshape(q, [-1]), float(size - 1))
    low, high = ew.floor(position), ew.ceil(position)
    weights = _quantile_weights(method, position, low)
    take = lambda index: apply("take", [ordered, cast(index, "int32")], {"axis": -1})  # noqa: E731
    a, b = take(low), take(high)
    out = (
        a
        if weights == "lower"
        else b
        if weights == "higher"
        else ew.add(a, ew.multiply(ew.subtract(b, a), weights))
    )
    out = ew.where(expand(nan, -1), math.nan, out)
    from ranvier.ops.shapes import moveaxis

    out = moveaxis(out, -1, 0)
    shape = (
        [1 if i in axes else d for i, d in enumerate(x.shape)]
        if keepdims
        else [x.shape[i] for i in kept]
    )
    return reshape(out, list(q.shape) + shape)


def _quantile_weights(method, position, low):
    if method == "linear":
        return ew.subtract(position, low)
    if method in ("lower", "higher"):
        return method
    if method == "midpoint":
        return ew.where(ew.equal(position, low), 0.0, 0.5)
    if method == "nearest":
        return ew.subtract(ew.round(position), low)
    raise ValueError(
        "quantile: unknown `method`. Expected one of 'linear', 'lower', 'higher', 'midpoint', "
        f"'nearest'. Received: method={method!r}"
    )


@op(NUMPY, static=("axis", "keepdims"))
def median(x, axis=None, keepdims=False):
    """The middle value over axes, the mean of both middles for an even number."""
    return quantile(x, 0.5, axis, "linear", keepdims)


@op(NUMPY, static=("axis", "method", "keepdims"))
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles with `q` in percent."""
    x = to_float(x)
    return quantile(x, ew.divide(to_tensor(q, x.dtype), 100.0), axis, method, keepdims)


def _nan_reduction(name, doc, fill, base):
    def fn(x, axis=None, keepdims=False):
        x = to_tensor(x)
        return base(ew.where(ew.isnan(x), fill(x), x), axis, keepdims)

    fn.__name__, fn.__doc__ = name, doc
    return op(NUMPY, static=("axis", "keepdims"))(fn)


nansum = _nan_reduction("nansum", "Sum over axes; NaN counts as 0.", lambda x: 0, sum)
nanprod = _nan_reduction("nanprod", "Product over axes; NaN counts as 1.", lambda x: 1, prod)


def _nan_extremum(name, doc, fill, base):
    def fn(x, axis=None, keepdims=False):
        x = to_tensor(x)
        nan = ew.isnan(x)
        out = base(ew.where(nan, fill if config.is_float_dtype(x.dtype) else x, x), axis, keepdims)
        return (
            ew.where(all(nan, axis, keepdims), math.nan, out)
            if config.is_float_dtype(x.dtype)
            else out
        )

    fn.__name__, fn.__doc__ = name, doc
    return op(NUMPY, static=("axis", "keepdims"))(fn)


nanmax = _nan_extremum("nanmax", "Largest value over axes, NaN ignored.", -math.inf, max)
nanmin = _nan_extremum("nanmin", "Smallest value over axes, NaN ignored.", math.inf, min)


@op(NUMPY, static=("axis", "keepdims"))
def nanargmax(x, axis=None, keepdims=False):
    """Index of the largest value, NaN ignored; -1 where all are NaN."""
    x = to_tensor(x)
    nan = ew.isnan(x)
    best = argmax(
        ew.where(nan, -math.inf, x) if config.is_float_dtype(x.dtype) else x, axis, keepdims
    )
    return ew.where(all(nan, axis, keepdims), -1, best)


@op(NUMPY, static=("axis", "keepdims"))
def nanargmin(x, axis=None, keepdims=False):
    """Index of the smallest value, NaN ignored; -1 where all are NaN."""
    x = to_tensor(x)
    nan = ew.isnan(x)
    best = argmin(
        ew.where(nan, math.inf, x) if config.is_float_dtype(x.dtype) else x, axis, keepdims
    )
    return ew.where(all(nan, axis, keepdims), -1, best)


@op(NUMPY, static=("axis", "keepdims"))
def nanmean(x, axis=None, keepdims=False):
    """Mean over axes, NaN ignored."""
    x = to_float(x)
    count = sum(cast(ew.logical_not(ew.isnan(x)), x.dtype), axis, keepdims)
    return ew.divide(nansum(x, axis, keepdims), count)


@op(NUMPY, static=("axis", "keepdims"))
def nanvar(x, axis=None, keepdims=False):
    """Variance over axes, NaN ignored."""
    x = to_float(x)
    return nanmean(ew.square(ew.subtract(x, nanmean(x, axis, True))), axis, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def nanstd(x, axis=None, keepdims=False):
    """Standard deviation over axes, NaN ignored."""
    return ew.sqrt(nanvar(x, axis, keepdims))


@op(NUMPY, static=("axis", "dtype"))
def nancumsum(x, axis=None, dtype=None):
    """Running sum; NaN counts as 0."""
    x = to_tensor(x)
    return cumsum(ew.where(ew.isnan(x), 0, x), axis, dtype)


@op(NUMPY, static=("axis", "dtype"))
def nancumprod(x, axis=None, dtype=None):
    """Running product; NaN counts as 1."""
    x = to_tensor(x)
    return cumprod(ew.where(ew.isnan(x), 1, x), axis, dtype)


@op(LINALG, static=("ord", "axis", "keepdims"))
def norm(x, ord=None, axis=None, keepdims=False):
    """Vector norm (any p) or matrix norm ('fro', 1, -1, inf, -inf) over one or two axes."""
    x = to_float(x)
    rank = len(x.shape)
    if axis is None and (ord is None or rank == 1):
        axes = tuple(range(rank))
    else:
        axes = axis_tuple(axis, rank)
    if ord is None or ord == "fro" or (ord in (2, "euclidean") and len(axes) == 1):
        return ew.sqrt(sum(ew.square(x), axes, keepdims))
    size = ew.absolute(x)
    if len(axes) == 1:
        return _vector_norm(size, ord, axes, keepdims)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        row, column = axes
        inner, outer = (row, column) if ord in (1, -1) else (column, row)
        pick = max if ord > 0 else min
        out = pick(sum(size, inner, True), outer, True)
        return (
            out if keepdims else reshape(out, [d for i, d in enumerate(x.shape) if i not in axes])
        )
    raise ValueError(
        f"norm: invalid `ord` for {len(axes)} axes. Received: ord={ord!r}, axis={axis}"
    )


def _vector_norm(size, ord, axes, keepdims):
    if ord == math.inf:
        return max(size, axes, keepdims)
    if ord == -math.inf:
        return min(size, axes, keepdims)
    if ord == 0:
        return sum(cast(ew.not_equal(size, 0), size.dtype), axes, keepdims)
    if ord == 1:
        return sum(size, axes, keepdims)
    if not isinstance(ord, (int, float)):
        raise ValueError(f"norm: invalid `ord` for vectors. Received: ord={ord!r}")
    return ew.power(sum(ew.power(size, float(ord)), axes, keepdims), 1.0 / ord)


def _segment(name, doc, identity, combine):
    def fn(data, segment_ids, num_segments=None, sorted=False):
        data, ids = to_tensor(data), to_tensor(segment_ids)
        if num_segments is None:
            num_segments = int(max(ids)) + 1
        base = B.full([num_segments, *data.shape[1:]], identity(data.dtype), data.dtype)
        if combine == "add":
            return apply("scatter_add", [base, cast(ids, "int32"), data], {"axis": 0})
        rows = cast(ew.equal(reshape(ids, [1, -1]), reshape(
            apply("arange", [], {"size": num_segments, "start": 0, "step": 1, "dtype": ids.dtype}),
            [-1, 1])), "bool")  # fmt: skip
        rows = reshape(rows, [num_segments, ids.shape[0]] + [1] * (len(data.shape) - 1))
        return combine(ew.where(rows, expand(data, 0), identity(data.dtype)), 1)

    fn.__name__, fn.__doc__ = name, doc
    return op(MATH, static=("num_segments", "sorted"))(fn)


def _lowest(dtype):
    import numpy as np

    return -math.inf if config.is_float_dtype(dtype) else int(np.iinfo(dtype).min)


def _highest(dtype):
    import numpy as np

    return math.inf if config.is_float_dtype(dtype) else int(np.iinfo(dtype).max)


segment_sum = _segment("segment_sum", "Sum of the rows of each segment.", lambda d: 0, "add")
segment_max = _segment("segment_max", "Largest value of each segment.", _lowest, max)
segment_min = _segment("segment_min", "Smallest value of each segment.", _highest, min)
segment_prod = _segment("segment_prod", "Product of the rows of each segment.", lambda d: 1, prod)

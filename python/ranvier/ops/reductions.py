"""Sums, means, extremes, sorts and other functions along axes."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import (
    MATH,
    NUMPY,
    WIDE,
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
from ranvier.symbolic.probe import current_stand_in, probing


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
    x = cast(x, dtype)
    return apply("all" if dtype == "bool" else "prod", [x], _attrs(x, axis, keepdims))


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
            left = [1 if i in axes else d for i, d in enumerate(x.shape)]
            shape = left if keepdims else [d for i, d in enumerate(x.shape) if i not in axes]
            return B.full(shape, initial, x.dtype)
        out = apply(prim, [x], _attrs(x, axis, keepdims))
        return out if initial is None else pick(out, to_tensor(initial, x.dtype))

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
    dtype = x.dtype
    # Squares of half precision overflow early.
    x = cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    centred = ew.subtract(x, mean(x, axis, True))
    return cast(mean(ew.square(centred), axis, keepdims), dtype)


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
    dtype = config.standardize_dtype(dtype or ("int32" if x.dtype == "bool" else x.dtype))
    x = cast(x, dtype)
    if dtype == "bool":
        x = cast(x, "int32")
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    return cast(apply(prim, [x], {"axis": one_axis(axis, len(x.shape))}), dtype)


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
    high = max(x, axis, True, initial=-np.inf if 0 in x.shape else None)
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
    if axis is None or not x.shape:
        x, axis = reshape(x, [-1]), 0
    return _along_last(x, axis, lambda t: apply("argsort", [t], None))


@op(NUMPY, static=("kth", "axis"))
def argpartition(x, kth, axis=-1):
    """Indices that put the kth smallest into its place; here a full `argsort`."""
    if not isinstance(kth, (int, np.integer)):
        raise ValueError(f"argpartition: `kth` must be an integer. Received: kth={kth}")
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
    missing = ew.isnan(x)
    count = sum(cast(ew.logical_not(missing), x.dtype), axis, keepdims)
    deviation = ew.where(missing, 0.0, ew.subtract(x, nanmean(x, axis, True)))
    return ew.divide(sum(ew.square(deviation), axis, keepdims), count)


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


def _segment(name, doc, identity, combine):
    def fn(data, segment_ids, num_segments=None, sorted=False):
        data, ids = to_tensor(data), to_tensor(segment_ids)
        _check_segments(data, ids)
        count = _segment_count(ids) if num_segments is None else int(num_segments)
        dtype = data.dtype
        data = cast(data, WIDE.get(dtype, dtype))
        if combine == "add":
            # Ids that are no segment's go to one that is cut off.
            inside = ew.logical_and(ew.greater_equal(ids, 0), ew.less(ids, count))
            ids = cast(ew.where(inside, ids, count), "int32")
            base = B.full([count + 1, *data.shape[1:]], 0, data.dtype)
            out = apply("scatter_add", [base, ids, data], {"axis": 0})
            rank = len(out.shape)
            attrs = {"starts": [0] * rank, "sizes": [count, *data.shape[1:]], "strides": [1] * rank}
            return cast(apply("slice", [out], attrs), dtype)
        segments = apply("arange", [], {"size": count, "start": 0, "step": 1, "dtype": ids.dtype})
        rows = ew.equal(reshape(ids, [1, -1]), reshape(segments, [-1, 1]))
        rows = reshape(rows, [count, ids.shape[0]] + [1] * (len(data.shape) - 1))
        return cast(combine(ew.where(rows, expand(data, 0), identity(dtype)), 1), dtype)

    fn.__name__, fn.__doc__ = name, doc
    return op(MATH, static=("num_segments", "sorted"))(fn)


def _check_segments(data, ids):
    if len(ids.shape) != 1:
        raise B.ShapeError(
            "Argument `segment_ids` should be an 1-D vector, got shape: "
            f"{tuple(ids.shape)}. Hint: flatten it and the leading axes of `data`."
        )
    if not data.shape or data.shape[0] != ids.shape[0]:
        raise B.ShapeError(
            "Argument `segment_ids` and `data` should have same leading dimension. Got "
            f"{tuple(ids.shape)} v.s. {tuple(data.shape)}."
        )


def _segment_count(ids):
    known = B.constant_value(ids) if ids.is_symbol else ids
    if known is None and probing():
        return current_stand_in() or 0
    if known is None:
        raise B.GraphError(
            "segment_*: the number of segments depends on values. Give `num_segments`."
        )
    return int(max(known)) + 1


def _lowest(dtype):
    if config.is_float_dtype(dtype):
        return -math.inf
    return 0 if dtype == "bool" else int(np.iinfo(dtype).min)


def _highest(dtype):
    if config.is_float_dtype(dtype):
        return math.inf
    return 1 if dtype == "bool" else int(np.iinfo(dtype).max)


segment_sum = _segment("segment_sum", "Sum of the rows of each segment.", lambda d: 0, "add")
segment_max = _segment("segment_max", "Largest value of each segment.", _lowest, max)
segment_min = _segment("segment_min", "Smallest value of each segment.", _highest, min)
segment_prod = _segment("segment_prod", "Product of the rows of each segment.", lambda d: 1, prod)

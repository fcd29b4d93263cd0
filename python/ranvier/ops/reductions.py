"""Sums, means, extremes, sorts and other functions along axes."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops import numeric
from ranvier.ops._define import (
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
from ranvier.python_numbers import whole


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
    """Sum over axes; narrow integers sum in 32 bits.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.sum([[1, 2], [3, 4]], axis=0).tolist()
        [4, 6]
    """
    x = to_tensor(x)
    return apply("sum", [cast(x, _ACCUMULATE.get(x.dtype, x.dtype))], _attrs(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims", "dtype"))
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over axes; narrow integers multiply in 32 bits.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.
        dtype: of the result.

    Example:
        >>> ops.prod([[1, 2], [3, 4]], axis=1).tolist()
        [2, 12]
    """
    x = to_tensor(x)
    dtype = config.standardize_dtype(dtype) if dtype else _ACCUMULATE.get(x.dtype, x.dtype)
    x = cast(x, dtype)
    return apply("all" if dtype == "bool" else "prod", [x], _attrs(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def mean(x, axis=None, keepdims=False):
    """Mean over axes; integers give floats.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.mean([[1, 2], [3, 5]], axis=1).tolist()
        [1.5, 4.0]
    """
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
    """Largest value over axes; NaN wins.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.
        initial: a value that takes part.

    Example:
        >>> ops.max([[1, 5], [3, 4]], axis=1).tolist()
        [5, 4]
    """
    return _max(x, axis, keepdims, initial)


@op(NUMPY, static=("axis", "keepdims", "initial"))
def min(x, axis=None, keepdims=False, initial=None):
    """Smallest value over axes; NaN wins.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.
        initial: a value that takes part.

    Example:
        >>> ops.min([[1, 5], [3, 4]], axis=1).tolist()
        [1, 3]
    """
    return _min(x, axis, keepdims, initial)


@op(NUMPY, static=("axis", "keepdims"))
def amax(x, axis=None, keepdims=False):
    """Largest value over axes.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.amax([[1, 5], [3, 4]], axis=0).tolist()
        [3, 5]
    """
    return _max(x, axis, keepdims, None)


@op(NUMPY, static=("axis", "keepdims"))
def amin(x, axis=None, keepdims=False):
    """Smallest value over axes.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.amin([[1, 5], [3, 4]], axis=0).tolist()
        [1, 4]
    """
    return _min(x, axis, keepdims, None)


@op(NUMPY, static=("axis", "keepdims"))
def any(x, axis=None, keepdims=False):
    """Whether one value is true.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.any([[True, False], [False, False]], axis=1).tolist()
        [True, False]
    """
    x = cast(to_tensor(x), "bool")
    return apply("any", [x], _attrs(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def all(x, axis=None, keepdims=False):
    """Whether all values are true.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.all([[True, False], [True, True]], axis=1).tolist()
        [False, True]
    """
    x = cast(to_tensor(x), "bool")
    return apply("all", [x], _attrs(x, axis, keepdims))


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all values are close; see `isclose`.

    Args:
        x1, x2: tensors that broadcast.
        rtol, atol, equal_nan: see `isclose`.

    Example:
        >>> ops.allclose([1.0, 2.0], [1.0, 2.0 + 1e-9]).tolist()
        True
    """
    return all(numeric.isclose(x1, x2, rtol, atol, equal_nan))


@op(NUMPY, static=("axis", "keepdims"))
def var(x, axis=None, keepdims=False):
    """Variance over axes (divided by the number of values).

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.var([1.0, 2.0, 3.0, 4.0]).tolist()
        1.25
    """
    x = to_float(x)
    dtype = x.dtype
    # Squares of half precision overflow early.
    x = cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    centred = ew.subtract(x, mean(x, axis, True))
    return cast(mean(ew.square(centred), axis, keepdims), dtype)


@op(NUMPY, static=("axis", "keepdims"))
def std(x, axis=None, keepdims=False):
    """Standard deviation over axes.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.std([[1.0, 3.0], [2.0, 2.0]], axis=1).tolist()
        [1.0, 0.0]
    """
    return ew.sqrt(var(x, axis, keepdims))


@op(NUMPY, static=("axis", "keepdims"))
def ptp(x, axis=None, keepdims=False):
    """Largest minus smallest value.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.ptp([[1, 5], [3, 4]], axis=1).tolist()
        [4, 1]
    """
    return ew.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@op(NUMPY, static=("axis",))
def count_nonzero(x, axis=None):
    """Number of values that are not zero, int32.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.

    Example:
        >>> ops.count_nonzero([[0, 1], [2, 3]], axis=0).tolist()
        [1, 2]
    """
    return sum(cast(ew.not_equal(to_tensor(x), 0), "int32"), axis)


@op(NUMPY, static=("axis",))
def average(x, axis=None, weights=None):
    """Mean, or weighted mean over axes.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        weights: of the shape of x, or a vector along the axis.

    Example:
        >>> ops.average([1.0, 2.0, 3.0], weights=[3, 1, 0]).tolist()
        1.25
    """
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
    """Index of the largest value, int32; of the flat tensor when `axis` is `None`.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> ops.argmax([[1, 9], [3, 2]], axis=1).tolist()
        [1, 0]
    """
    return _argmax(x, axis, keepdims)


@op(NUMPY, static=("axis", "keepdims"))
def argmin(x, axis=None, keepdims=False):
    """Index of the smallest value, int32; of the flat tensor when `axis` is `None`.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> ops.argmin([[1, 9], [3, 2]], axis=1).tolist()
        [0, 1]
    """
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
    """Running sum along an axis.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        dtype: of the result.

    Example:
        >>> ops.cumsum([1, 2, 3]).tolist()
        [1, 3, 6]
    """
    return _cumulate("cumsum", x, axis, dtype)


@op(NUMPY, static=("axis", "dtype"))
def cumprod(x, axis=None, dtype=None):
    """Running product along an axis.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.
        dtype: of the result.

    Example:
        >>> ops.cumprod([1, 2, 3, 4]).tolist()
        [1, 2, 6, 24]
    """
    return _cumulate("cumprod", x, axis, dtype)


@op(MATH, static=("axis", "keepdims"))
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over axes, without overflow.

    Args:
        x: tensor.
        axis: axis or axes; all when `None`.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> ops.logsumexp([[0.0, 0.0], [1.0, -np.inf]], axis=1).tolist()
        [0.6931471824645996, 1.0]
    """
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
    """Ascending along an axis (of the flat tensor when `None`).

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.

    Example:
        >>> ops.sort([[3, 1], [2, 9]]).tolist()
        [[1, 3], [2, 9]]
    """
    x = to_tensor(x)
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    return _along_last(x, axis, lambda t: apply("sort", [t], None))


@op(NUMPY, static=("axis",))
def argsort(x, axis=-1):
    """Indices that sort along an axis, int32; equal values keep their order.

    Args:
        x: tensor.
        axis: axis, or `None` for the flat tensor.

    Example:
        >>> ops.argsort([30, 10, 20]).tolist()
        [1, 2, 0]
    """
    x = to_tensor(x)
    if axis is None or not x.shape:
        x, axis = reshape(x, [-1]), 0
    return _along_last(x, axis, lambda t: apply("argsort", [t], None))


@op(NUMPY, static=("kth", "axis"))
def argpartition(x, kth, axis=-1):
    """Indices that put the kth smallest into its place; here a full `argsort`.

    Args:
        x: tensor.
        kth: index in sorted order.
        axis: axis, or `None` for the flat tensor.

    Example:
        >>> ops.argpartition([3, 1, 2], kth=1).tolist()
        [1, 2, 0]
    """
    if not isinstance(kth, (int, np.integer)):
        raise ValueError(f"argpartition: `kth` must be an integer. Received: kth={kth}")
    return argsort(x, axis)


@op(MATH, static=("k", "sorted"))
def top_k(x, k, sorted=True):
    """The k largest values of the last axis, descending, and their int32 indices.

    Args:
        x: (..., n).
        k: how many.
        sorted: accepted; results are always descending.

    Example:
        >>> values, indices = ops.top_k([1, 9, 4], k=2)
        >>> values.tolist(), indices.tolist()
        ([9, 4], [1, 2])
    """
    return apply("top_k", [to_tensor(x)], {"k": whole("k", k)})


@op(MATH, static=("k",))
def in_top_k(targets, predictions, k):
    """Whether each target class is among the k best predictions of its row; ties count.

    Args:
        targets: (batch,) integers.
        predictions: (batch, classes) scores.
        k: how many count.

    Example:
        >>> ops.in_top_k([2, 0], [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], k=1).tolist()
        [True, False]
    """
    targets, predictions = to_tensor(targets), to_tensor(predictions)
    classes = predictions.shape[-1]
    inside = ew.logical_and(ew.greater_equal(targets, 0), ew.less(targets, classes))
    index = ew.where(inside, targets, 0)
    chosen = apply("take_along_axis", [predictions, expand(cast(index, "int32"), -1)], {"axis": -1})
    better = sum(cast(ew.greater(predictions, chosen), "int32"), -1)
    finite = ew.isfinite(reshape(chosen, index.shape))
    return ew.logical_and(ew.logical_and(inside, finite), ew.less(better, whole("k", k)))

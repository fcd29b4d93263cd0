"""Creation of tensors."""

from __future__ import annotations

import math
import operator

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import (
    NUMPY,
    apply,
    expand,
    holds_complex,
    op,
    promote_all,
    result_type,
    shape_list,
    to_tensor,
)
from ranvier.ops._define import cast as _cast
from ranvier.ops._define import reshape as _reshape
from ranvier.python_numbers import weak_number, whole
from ranvier.symbolic.keras_tensor import KerasTensor


def _created(shape, value, dtype):
    if dtype == "complex64":
        return ew.complex_values().with_shape(_created(shape, value, "float32"))
    return apply("full", [], {"shape": shape_list(shape), "dtype": dtype, "value": value})


@op(NUMPY, static=("shape", "dtype"))
def zeros(shape, dtype=None):
    """A tensor of zeros.

    Args:
        shape: int or ints.
        dtype: `floatx` by default.

    Example:
        >>> ops.zeros((2, 2)).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """
    return _created(shape, 0.0, config.standardize_dtype(dtype))


@op(NUMPY, static=("shape", "dtype"))
def ones(shape, dtype=None):
    """A tensor of ones.

    Args:
        shape: int or ints.
        dtype: `floatx` by default.

    Example:
        >>> ops.ones(3, dtype="int32").tolist()
        [1, 1, 1]
    """
    return _created(shape, 1.0, config.standardize_dtype(dtype))


@op(NUMPY, static=("shape", "dtype"))
def empty(shape, dtype=None):
    """A tensor of zeros; nothing here is left uninitialized.

    Args:
        shape: int or ints.
        dtype: `floatx` by default.

    Example:
        >>> ops.empty((2, 3)).shape
        (2, 3)
    """
    return _created(shape, 0.0, config.standardize_dtype(dtype))


@op(NUMPY, static=("shape", "dtype"))
def full(shape, fill_value, dtype=None):
    """A tensor of one value, or of a value broadcast to the shape.

    Args:
        shape: int or ints.
        fill_value: number or tensor.
        dtype: `floatx` by default.

    Example:
        >>> ops.full((2, 2), 7).tolist()
        [[7.0, 7.0], [7.0, 7.0]]
    """
    dtype = config.standardize_dtype(dtype)
    fill_value = weak_number(fill_value, dtype)
    exact = isinstance(fill_value, (bool, float)) or (
        isinstance(fill_value, int) and -(2**53) <= fill_value <= 2**53
    )
    if exact:
        return _created(shape, float(fill_value), dtype)
    return apply("broadcast_to", [to_tensor(fill_value, dtype)], {"shape": shape_list(shape)})


@op(NUMPY, static=("dtype",))
def zeros_like(x, dtype=None):
    """Zeros with the shape and, unless given, the dtype of x.

    Example:
        >>> ops.zeros_like([1, 2]).tolist()
        [0, 0]
    """
    x = to_tensor(x)
    return _created(x.shape, 0.0, config.standardize_dtype(dtype) if dtype else x.dtype)


@op(NUMPY, static=("dtype",))
def ones_like(x, dtype=None):
    """Ones with the shape and, unless given, the dtype of x.

    Example:
        >>> ops.ones_like([1.0, 2.0]).tolist()
        [1.0, 1.0]
    """
    x = to_tensor(x)
    return _created(x.shape, 1.0, config.standardize_dtype(dtype) if dtype else x.dtype)


@op(NUMPY, static=("dtype",))
def empty_like(x, dtype=None):
    """Zeros with the shape and, unless given, the dtype of x.

    Example:
        >>> ops.empty_like([1, 2]).shape
        (2,)
    """
    return zeros_like(x, dtype)


@op(NUMPY, static=("dtype",))
def full_like(x, fill_value, dtype=None):
    """One value with the shape and, unless given, the dtype of x.

    Args:
        x: tensor.
        fill_value: number or tensor.
        dtype: of the result.

    Example:
        >>> ops.full_like([1, 2], 7).tolist()
        [7, 7]
    """
    x = to_tensor(x)
    return full(x.shape, fill_value, config.standardize_dtype(dtype) if dtype else x.dtype)


@op(NUMPY, static=("dtype",))
def arange(start, stop=None, step=None, dtype=None):
    """start, start + step, … before stop; from 0 when only one bound is given.

    Args:
        start, stop, step: numbers, or tensors of one.
        dtype: by default what those of the tensors combine to, in at most 32 bits; for Python
            numbers int32 or `floatx`.

    Example:
        >>> ops.arange(2, 10, 3).tolist()
        [2, 5, 8]
    """
    if stop is None:
        start, stop = 0, start
    bounds = (start, stop, 1 if step is None else step)
    if dtype is None:
        combined = result_type(*(getattr(x, "dtype", type(x)) for x in bounds))
        narrower = {"int64": "int32", "uint64": "uint32", "float64": config.floatx()}
        dtype = narrower.get(combined, combined)
    dtype = config.standardize_dtype(dtype)
    start, stop, step = (x.item() if hasattr(x, "item") else x for x in bounds)
    size = max(0, math.ceil((stop - start) / step))
    if not config.is_float_dtype(dtype):
        start, step = int(start), int(step)
    if all(float(v).is_integer() for v in (start, step)):
        attrs = {"size": size, "start": int(start), "step": int(step), "dtype": dtype}
        return apply("arange", [], attrs)
    index = apply("arange", [], {"size": size, "start": 0, "step": 1, "dtype": "float64"})
    return _cast(ew.add(ew.multiply(index, float(step)), float(start)), dtype)


@op(NUMPY, static=("num", "endpoint", "retstep", "dtype", "axis"))
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` evenly spaced values from start to stop (left out without `endpoint`).

    Args:
        start, stop: numbers or tensors.
        num: how many values.
        endpoint: whether stop is the last one.
        retstep: also returns their distance.
        dtype: `floatx` by default.
        axis: where the values stand when start or stop is a tensor.

    Example:
        >>> ops.linspace(0, 1, num=5).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"`num` must be a non-negative integer. Received: num={num}")
    start, stop = promote_all([start, stop], floating=True)
    out_dtype = config.standardize_dtype(dtype) if dtype else start.dtype
    gaps = num - 1 if endpoint else num
    step = ew.divide(ew.subtract(stop, start), float(gaps) if gaps > 0 else math.nan)
    span = ew.subtract(stop, start)
    index = _cast(arange(num), start.dtype)
    index = _reshape(index, [num] + [1] * len(span.shape))
    out = ew.add(ew.multiply(ew.divide(index, float(max(gaps, 1))), span), start)
    if endpoint and num > 1:
        last = ew.equal(index, float(num - 1))
        out = ew.where(last, stop, out)
    if axis != 0:
        from ranvier.ops.shapes import moveaxis

        out = moveaxis(out, 0, axis)
    out = _cast(out if config.is_float_dtype(out_dtype) else ew.floor(out), out_dtype)
    return (out, step) if retstep else out


@op(NUMPY, static=("num", "endpoint", "base", "dtype", "axis"))
def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """base ** linspace(start, stop).

    Args:
        start, stop: exponents.
        num, endpoint, dtype, axis: see `linspace`.
        base: of the powers.

    Example:
        >>> ops.logspace(0, 2, num=3).tolist()
        [1.0, 10.0, 100.0]
    """
    out = ew.power(float(base), linspace(start, stop, num, endpoint, axis=axis))
    return _cast(out, config.standardize_dtype(dtype)) if dtype else out


@op(NUMPY, static=("num", "endpoint", "dtype", "axis"))
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Values evenly spaced on a logarithmic scale, from start to stop.

    Args:
        start, stop: numbers, neither of them 0.
        num, endpoint, dtype, axis: see `linspace`.

    Example:
        >>> ops.geomspace(1.0, 4.0, num=3).shape
        (3,)
    """
    start, stop = promote_all([start, stop], floating=True)
    sign = linspace(ew.sign(start), ew.sign(stop), num, endpoint, axis=axis)
    out = ew.exp(
        linspace(ew.log(ew.absolute(start)), ew.log(ew.absolute(stop)), num, endpoint, axis=axis)
    )
    out = ew.multiply(sign, out)
    return _cast(out, config.standardize_dtype(dtype)) if dtype else out


for _fn in (linspace, logspace, geomspace):
    _fn.row.broadcasts = True


@op(NUMPY, static=("N", "M", "k", "dtype"))
def eye(N, M=None, k=0, dtype=None):
    """Ones on the kth diagonal of an N x M matrix.

    Args:
        N, M: rows and columns; M is N by default.
        k: diagonal, above the main one when positive.
        dtype: `floatx` by default.

    Example:
        >>> ops.eye(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    M = N if M is None else M
    for size in (N, M):
        if not isinstance(size, (int, np.integer)) and "int" not in str(getattr(size, "dtype", "")):
            raise TypeError(f"eye: `N` and `M` must be integers. Received: N={N}, M={M}")
    dtype = config.standardize_dtype(dtype)
    made = "float32" if dtype == "complex64" else dtype
    out = apply("eye", [], {"rows": int(N), "cols": int(M), "k": whole("k", k), "dtype": made})
    return ew.complex_values().with_shape(out) if dtype == "complex64" else out


@op(NUMPY, static=("n", "dtype"))
def identity(n, dtype=None):
    """The n x n identity matrix.

    Example:
        >>> ops.identity(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


@op(NUMPY, static=("N", "M", "k", "dtype"))
def tri(N, M=None, k=0, dtype=None):
    """Ones on and below the kth diagonal.

    Args:
        N, M: rows and columns; M is N by default.
        k: diagonal that is the last to have ones.
        dtype: `floatx` by default.

    Example:
        >>> ops.tri(2).tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """
    cols = N if M is None else M
    row, col = arange(whole("N", N)), arange(whole("M", cols))
    below = ew.greater_equal(ew.add(expand(row, 1), k), expand(col, 0))
    return _cast(below, config.standardize_dtype(dtype))


def array(x, dtype=None):
    """A tensor from an array, a nested list or a number.

    Example:
        >>> ops.array([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
    """
    dtype = config.standardize_dtype(dtype) if dtype else None
    if isinstance(x, KerasTensor):
        from ranvier.ops.control import cast as cast_op

        return x if dtype in (None, x.dtype) else cast_op(x, dtype)
    if dtype == "complex64" or holds_complex(x):
        from ranvier.ops.control import convert_to_tensor

        return convert_to_tensor(x, dtype)
    return to_tensor(x, dtype)


def _window(name, doc, second, values):
    def fn(x):
        return B.tensor(np.asarray(values(int(x)), dtype=config.floatx()))

    example = f"Example:\n    >>> round(float(ops.{name}(5)[1]), 4)\n    {second}\n"
    fn.__name__, fn.__doc__ = name, f"{doc}\n\n{example}"
    return op(NUMPY)(fn)


bartlett = _window("bartlett", "Triangular window of x points.", 0.5, np.bartlett)
blackman = _window("blackman", "Blackman window of x points.", 0.34, np.blackman)
hamming = _window("hamming", "Hamming window of x points.", 0.54, np.hamming)
hanning = _window("hanning", "Hann window of x points.", 0.5, np.hanning)


@op(NUMPY, static=("beta",))
def kaiser(x, beta):
    """Kaiser window of x points.

    Args:
        x: number of points.
        beta: shape; 0 is a rectangle.

    Example:
        >>> ops.kaiser(3, 0.0).tolist()
        [1.0, 1.0, 1.0]
    """
    return B.tensor(np.asarray(np.kaiser(int(x), float(beta)), dtype=config.floatx()))

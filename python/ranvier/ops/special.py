"""Special functions, neighbours of floats, and complex values.

Tensors are real. Complex values are pairs of them (complex_values.py) or NumPy arrays; Fourier
transforms take and give (real, imaginary).
"""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops import joins
from ranvier.ops._define import MATH, NN, NUMPY, cast, op, promote_pair, to_float, to_tensor
from ranvier.ops._host import host_call, no_gradient
from ranvier.ops.complex_values import ComplexTensor, from_parts
from ranvier.ops.creation import zeros_like

# dtype -> (bound between both series, terms below, terms above): 1 ulp or so of truncation.
_I0_TERMS = {"float64": (20.0, 48, 26)}
_I0_SINGLE = (12.0, 22, 12)


@op(NUMPY)
def i0(x):
    """Modified Bessel function of the first kind, order 0.

    Example:
        >>> ops.i0([0.0]).tolist()
        [1.0]
    """
    x = to_tensor(x)
    if x.dtype in ("int64", "float64"):
        x = cast(x, "float64")
    x = to_float(x)
    dtype = x.dtype
    size = ew.absolute(cast(x, "float32") if dtype in ("float16", "bfloat16") else x)
    bound, low_terms, high_terms = _I0_TERMS.get(size.dtype, _I0_SINGLE)
    # sum_k (x^2 / 4)^k / k!^2
    z = ew.multiply(ew.square(ew.minimum(size, bound)), 0.25)
    low = ew.add(ew.multiply(z, 1.0 / low_terms**2), 1.0)
    for k in range(low_terms - 1, 0, -1):
        low = ew.add(ew.multiply(ew.multiply(z, low), 1.0 / k**2), 1.0)
    # exp(x) / sqrt(2 pi x) sum_k prod_j (2 j - 1)^2 / (8 j x)
    large = ew.maximum(size, bound)
    step = ew.reciprocal(large)
    high = ew.add(ew.multiply(step, (2 * high_terms - 1) ** 2 / (8 * high_terms)), 1.0)
    for k in range(high_terms - 1, 0, -1):
        high = ew.add(ew.multiply(ew.multiply(step, high), (2 * k - 1) ** 2 / (8 * k)), 1.0)
    scale = ew.multiply(ew.exp(large), ew.rsqrt(ew.multiply(large, 2 * math.pi)))
    return cast(ew.where(ew.greater(size, bound), ew.multiply(scale, high), low), dtype)


def _next_bfloat16(x, y):
    """Neighbours of bfloat16 values held as float32: steps of the upper half of the bits."""
    bits = x.view("int32") >> 16
    away = (y > x) == (x > 0)
    moved = np.where(x == 0, np.where(y > 0, 1, -32768 + 1), bits + np.where(away, 1, -1))
    out = (moved.astype("int32") << 16).view("float32")
    return np.where(np.isnan(x) | np.isnan(y), np.float32("nan"), np.where(x == y, y, out))


@op(NUMPY)
def nextafter(x1, x2):
    """The float after x1 in the direction of x2.

    Example:
        >>> ops.nextafter(1.0, 2.0).numpy() > 1.0
        np.True_
    """
    a, b = promote_pair(x1, x2, floating=True)
    shape = np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    if a.dtype == "bfloat16":
        a, b = cast(a, "float32"), cast(b, "float32")
        out = host_call(_next_bfloat16, [a, b], [(shape, "float32")], gradient=no_gradient)
        return cast(out, "bfloat16")
    return host_call(np.nextafter, [a, b], [(shape, a.dtype)], gradient=no_gradient)


nextafter.row.broadcasts = True


def _view(x, dtype, halves=""):
    """The bytes as another dtype; bfloat16 is the upper half of a float32, before or after."""
    x = np.array(x, order="C")
    if "from" in halves:
        x = (x.view(np.uint32) >> 16).astype(np.uint16)
    if "to" in halves:
        return (x.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return x.view(dtype)


@op(NUMPY, static=("dtype",))
def view(x, dtype=None):
    """The bytes of the tensor read as another dtype; the last axis grows or shrinks to fit.

    Raises:
        ValueError: the last axis does not hold a whole number of elements.

    Example:
        >>> ops.view(np.array([1.0], "float32"), "int32").tolist()
        [1065353216]
    """
    x = to_tensor(x)
    dtype = x.dtype if dtype is None else config.standardize_dtype(dtype)
    if dtype == x.dtype:
        return x
    halves = ("from" if x.dtype == "bfloat16" else "") + ("to" if dtype == "bfloat16" else "")
    old, new = (2 if d == "bfloat16" else np.dtype(d).itemsize for d in (x.dtype, dtype))
    shape = list(x.shape)
    if old != new:
        if not shape or shape[-1] * old % new:
            raise B.ShapeError(
                f"view: the last axis does not divide into elements of {dtype}. Received: "
                f"x.shape={tuple(shape)}, x.dtype={x.dtype}"
            )
        shape[-1] = shape[-1] * old // new
    known = "float32" if dtype == "bfloat16" else dtype
    out = host_call(_view, [cast(x, "float32") if "from" in halves else x], [(shape, known)],
                    gradient=no_gradient, options=(("dtype", known), ("halves", halves)),
                    name="view")  # fmt: skip
    return cast(out, dtype)


# --- complex values -------------------------------------------------------------------------------


@op(MATH)
def view_as_complex(x):
    """A complex64 value (...) from a real tensor (..., 2) of real and imaginary parts.

    Returns:
        A pair of tensors with the operators of a number; `np.asarray` makes an array of it.

    Raises:
        ValueError: the last axis has not two elements.

    Example:
        >>> np.asarray(ops.view_as_complex([[1.0, 2.0]]))
        array([1.+2.j], dtype=complex64)
    """
    x = to_tensor(x)
    if not x.shape or x.shape[-1] != 2:
        raise ValueError("Last dimension of input must be size 2 (real and imaginary). "
                         f"Received shape: {x.shape}")  # fmt: skip
    return from_parts(x[..., 0], x[..., 1])


@op(MATH)
def view_as_real(x):
    """A real tensor (..., 2) of the real and imaginary parts of a complex array (...).

    Example:
        >>> ops.view_as_real(np.array([1 + 2j], "complex64")).tolist()
        [[1.0, 2.0]]
    """
    return joins.stack([real(x), imag(x)], axis=-1)


@op(NN)
def polar(abs_, angle):
    """The complex64 value abs (cos(angle) + i sin(angle)).

    Args:
        abs_: magnitudes.
        angle: in radians.

    Example:
        >>> np.asarray(ops.polar(2.0, 0.0))
        array(2.+0.j, dtype=complex64)
    """
    turn = to_float(angle)
    return from_parts(ew.multiply(abs_, ew.cos(turn)), ew.multiply(abs_, ew.sin(turn)))


def _part(value):
    return B.tensor(np.ascontiguousarray(value))


@op(NUMPY)
def real(x):
    """The real part; a real tensor itself.

    Example:
        >>> ops.real([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """
    if isinstance(x, ComplexTensor):
        return x.real
    return _part(np.real(x)) if ew.is_complex(x) else to_tensor(x)


@op(NUMPY)
def imag(x):
    """The imaginary part: zeros for a real tensor.

    Example:
        >>> ops.imag([1.0, 2.0]).tolist()
        [0.0, 0.0]
    """
    if isinstance(x, ComplexTensor):
        return x.imag
    return _part(np.imag(x)) if ew.is_complex(x) else zeros_like(to_tensor(x))


@op(NUMPY)
def conj(x):
    """The complex conjugate; a real tensor itself.

    Example:
        >>> ops.conj([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """
    if isinstance(x, ComplexTensor):
        return x.conj()
    return np.conj(x) if ew.is_complex(x) else to_tensor(x)


def conjugate(x):
    """See `conj`.

    Example:
        >>> ops.conjugate([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """
    return conj(x)


@op(NUMPY)
def angle(x):
    """The angle of a complex number; of a real one 0 or pi.

    Example:
        >>> ops.angle([1.0, 0.0]).tolist()
        [0.0, 0.0]
    """
    if isinstance(x, ComplexTensor):
        return ew.arctan2(x.imag, x.real)
    if ew.is_complex(x):
        return _part(np.angle(x))
    x = to_tensor(x)
    x = cast(x, config.floatx()) if x.dtype == "int64" else to_float(x)
    return ew.arctan2(zeros_like(x), x)


@op(NUMPY)
def isreal(x):
    """Whether the imaginary part is zero: true for every real tensor.

    Example:
        >>> ops.isreal([1.0, 2.0]).tolist()
        [True, True]
    """
    if isinstance(x, ComplexTensor):
        return ew.equal(x.imag, 0.0)
    if ew.is_complex(x):
        return _part(np.isreal(x))
    return ew.equal(ew.multiply(cast(to_tensor(x), "int32"), 0), 0)

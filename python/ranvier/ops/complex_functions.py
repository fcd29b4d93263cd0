"""Element-wise functions of complex values, by their parts. z = x + iy, r = |z|."""

from __future__ import annotations

import math
from typing import Any

from ranvier.ops import elementwise as ew
from ranvier.ops.complex_values import ComplexTensor, binary, size_of, unary, with_shape

_MOST_FACTORS = 64
# sinh and cosh of more are infinite in float32, where tanh is 1 long since.
_TANH_END = 20.0


def nonzero(z):
    """Whether a pair is not zero."""
    return ew.logical_or(ew.not_equal(z.real, 0.0), ew.not_equal(z.imag, 0.0))


def _log(z):
    return ComplexTensor(ew.log(size_of(z)), ew.arctan2(z.imag, z.real))


def _scaled_log(base):
    factor = 1.0 / math.log(base)

    def log(z):
        out = _log(z)
        return ComplexTensor(ew.multiply(out.real, factor), ew.multiply(out.imag, factor))

    return log


def square_root(z):
    """t = sqrt((|x| + r) / 2): t + iy / 2t right of the axis, |y| / 2t + i t sign(y) left of it."""
    t = ew.sqrt(ew.multiply(ew.add(ew.absolute(z.real), size_of(z)), 0.5))
    other = ew.divide(z.imag, ew.where(ew.equal(t, 0.0), 1.0, ew.multiply(t, 2.0)))
    right = ew.greater_equal(z.real, 0.0)
    below = ew.where(ew.less(z.imag, 0.0), ew.negative(t), t)
    return ComplexTensor(ew.where(right, t, ew.absolute(other)), ew.where(right, other, below))


def _reciprocal(z):
    return binary("divide", 1.0, z)


def _sin(z):
    return ComplexTensor(
        ew.multiply(ew.sin(z.real), ew.cosh(z.imag)), ew.multiply(ew.cos(z.real), ew.sinh(z.imag))
    )


def _cos(z):
    return ComplexTensor(
        ew.multiply(ew.cos(z.real), ew.cosh(z.imag)),
        ew.negative(ew.multiply(ew.sin(z.real), ew.sinh(z.imag))),
    )


def _sinh(z):
    """-i sin(iz)."""
    out = _sin(ComplexTensor(ew.negative(z.imag), z.real))
    return ComplexTensor(out.imag, ew.negative(out.real))


def _cosh(z):
    """cos(iz)."""
    return _cos(ComplexTensor(ew.negative(z.imag), z.real))


def _tanh(z):
    """(sinh 2x + i sin 2y) / (cosh 2x + cos 2y)."""
    x = ew.multiply(ew.clip(z.real, -_TANH_END, _TANH_END), 2.0)
    y = ew.multiply(z.imag, 2.0)
    below = ew.add(ew.cosh(x), ew.cos(y))
    return ComplexTensor(ew.divide(ew.sinh(x), below), ew.divide(ew.sin(y), below))


def _tan(z):
    """-i tanh(iz)."""
    out = _tanh(ComplexTensor(ew.negative(z.imag), z.real))
    return ComplexTensor(out.imag, ew.negative(out.real))


def _exp2(z):
    factor = math.log(2.0)
    return unary("exp", ComplexTensor(ew.multiply(z.real, factor), ew.multiply(z.imag, factor)))


def _expm1(z):
    """e^x cos y - 1 = expm1(x) cos y - 2 sin²(y / 2)."""
    half = ew.sin(ew.multiply(z.imag, 0.5))
    real = ew.subtract(
        ew.multiply(ew.expm1(z.real), ew.cos(z.imag)), ew.multiply(ew.square(half), 2.0)
    )
    return ComplexTensor(real, ew.multiply(ew.exp(z.real), ew.sin(z.imag)))


def _sigmoid(z):
    """(1 + tanh(z / 2)) / 2."""
    t = _tanh(ComplexTensor(ew.multiply(z.real, 0.5), ew.multiply(z.imag, 0.5)))
    return ComplexTensor(ew.multiply(ew.add(t.real, 1.0), 0.5), ew.multiply(t.imag, 0.5))


def _silu(z):
    return binary("multiply", z, _sigmoid(z))


def _sign(z):
    """z / r, and 0 at 0."""
    size = size_of(z)
    size = ew.where(ew.equal(size, 0.0), 1.0, size)
    return ComplexTensor(ew.divide(z.real, size), ew.divide(z.imag, size))


def _of_parts(test, join):
    return lambda z: join(test(z.real), test(z.imag))


def _power(a, b):
    """Products for whole numbers, else exp(b log a); 0 to the power 0 is 1."""
    if isinstance(b, int) and not isinstance(b, bool) and abs(b) <= _MOST_FACTORS:
        return _whole_power(with_shape(a), b)
    a, b = with_shape(a), with_shape(b)
    out = unary("exp", binary("multiply", b, _log(a)))
    one = ew.logical_not(nonzero(b))
    at_zero = ew.where(one, 1.0, 0.0)
    zero = ew.logical_not(nonzero(a))
    return ComplexTensor(ew.where(zero, at_zero, out.real), ew.where(zero, 0.0, out.imag))


def _whole_power(z, n):
    if n < 0:
        return _reciprocal(_whole_power(z, -n))
    out = with_shape(binary("add", binary("multiply", z, 0.0), 1.0)) if n == 0 else None
    while n:
        if n & 1:
            out = z if out is None else binary("multiply", out, z)
        n >>= 1
        z = binary("multiply", z, z) if n else z
    return out


def _order(strict):
    """Complex numbers are ordered by their real, then by their imaginary parts."""

    def compare(a, b):
        a, b = with_shape(a), with_shape(b)
        first, last = strict(a.real, b.real), strict(a.imag, b.imag)
        ties = ew.equal(a.real, b.real)
        return ew.where(ties, last, first)

    return compare


def _truths(function):
    def truth(x):
        return nonzero(with_shape(x)) if ew.is_complex(x) else x

    return lambda a, b: function(truth(a), truth(b))


def _choice(compare):
    def choose(a, b):
        a, b = with_shape(a), with_shape(b)
        first = compare(a, b)
        return ComplexTensor(ew.where(first, a.real, b.real), ew.where(first, a.imag, b.imag))

    return choose


UNARY: dict[str, Any] = {
    "log": _log,
    "log2": _scaled_log(2.0),
    "log10": _scaled_log(10.0),
    "log1p": lambda z: _log(ComplexTensor(ew.add(z.real, 1.0), z.imag)),
    "exp2": _exp2,
    "expm1": _expm1,
    "sqrt": square_root,
    "rsqrt": lambda z: _reciprocal(square_root(z)),
    "reciprocal": _reciprocal,
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "sign": _sign,
    "isnan": _of_parts(ew.isnan, ew.logical_or),
    "isinf": _of_parts(ew.isinf, ew.logical_or),
    "isfinite": _of_parts(ew.isfinite, ew.logical_and),
}

BINARY: dict[str, Any] = {
    "power": _power,
    "less": _order(ew.less),
    "less_equal": _order(ew.less_equal),
    "greater": _order(ew.greater),
    "greater_equal": _order(ew.greater_equal),
    "logical_and": _truths(ew.logical_and),
    "logical_or": _truths(ew.logical_or),
    "logical_xor": _truths(ew.logical_xor),
    "maximum": _choice(_order(ew.greater)),
    "minimum": _choice(_order(ew.less)),
}

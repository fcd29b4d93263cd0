"""Inverse trigonometric and hyperbolic functions of complex values, z = x + iy.

Kahan's forms: roots of 1 + z and 1 - z are taken apart, so that nothing cancels near the cuts.
"""

from __future__ import annotations

from typing import Any

from ranvier.ops import elementwise as ew
from ranvier.ops.complex_functions import square_root
from ranvier.ops.complex_values import ComplexTensor


def _roots(z):
    """sqrt(1 + z) and sqrt(1 - z), the latter on the side of the cut that y = +0 belongs to."""
    above = square_root(ComplexTensor(ew.add(z.real, 1.0), z.imag))
    below = square_root(ComplexTensor(ew.subtract(1.0, z.real), z.imag))
    return above, ComplexTensor(below.real, ew.negative(below.imag))


def _real_of_product(a, b):
    return ew.subtract(ew.multiply(a.real, b.real), ew.multiply(a.imag, b.imag))


def _imag_of_conj_product(a, b):
    """Im(conj(a) b)."""
    return ew.subtract(ew.multiply(a.real, b.imag), ew.multiply(a.imag, b.real))


def _arcsin(z):
    above, below = _roots(z)
    return ComplexTensor(
        ew.arctan2(z.real, _real_of_product(above, below)),
        ew.arcsinh(_imag_of_conj_product(below, above)),
    )


def _arccos(z):
    above, below = _roots(z)
    return ComplexTensor(
        ew.multiply(ew.arctan2(below.real, above.real), 2.0),
        ew.arcsinh(_imag_of_conj_product(above, below)),
    )


def _arccosh(z):
    """arcsinh(Re(conj(sqrt(z - 1)) sqrt(z + 1))) + 2i arctan(Im sqrt(z - 1) / Re sqrt(z + 1))."""
    low = square_root(ComplexTensor(ew.subtract(z.real, 1.0), z.imag))
    high = square_root(ComplexTensor(ew.add(z.real, 1.0), z.imag))
    real = ew.add(ew.multiply(low.real, high.real), ew.multiply(low.imag, high.imag))
    return ComplexTensor(ew.arcsinh(real), ew.multiply(ew.arctan2(low.imag, high.real), 2.0))


def _arctanh(z):
    """log1p(4x / ((1 - x)² + y²)) / 4 + i arctan2(2y, (1 - x)(1 + x) - y²) / 2."""
    away = ew.subtract(1.0, z.real)
    squares = ew.square(z.imag)
    ratio = ew.divide(ew.multiply(z.real, 4.0), ew.add(ew.square(away), squares))
    angle = ew.arctan2(
        ew.multiply(z.imag, 2.0),
        ew.subtract(ew.multiply(away, ew.add(z.real, 1.0)), squares),
    )
    return ComplexTensor(ew.multiply(ew.log1p(ratio), 0.25), ew.multiply(angle, 0.5))


def _turned(function):
    """-i f(iz)."""

    def turned(z):
        out = function(ComplexTensor(ew.negative(z.imag), z.real))
        return ComplexTensor(out.imag, ew.negative(out.real))

    return turned


UNARY: dict[str, Any] = {
    "arcsin": _arcsin,
    "arccos": _arccos,
    "arctan": _turned(_arctanh),
    "arcsinh": _turned(_arcsin),
    "arccosh": _arccosh,
    "arctanh": _arctanh,
}

"""Element-wise functions composed of those of `elementwise`."""

from __future__ import annotations

import math

import numpy as np

from ranvier import config
from ranvier.ops._define import NUMPY, cast, op, promote_pair, to_float, to_tensor
from ranvier.ops.elementwise import (
    _strong,
    absolute,
    add,
    divide,
    equal,
    exp,
    exp2,
    floor_divide,
    greater,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log1p,
    logical_and,
    logical_or,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    not_equal,
    power,
    reciprocal,
    sin,
    sqrt,
    square,
    subtract,
    where,
)


@op(NUMPY)
def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)) without overflow.

    Example:
        >>> ops.logaddexp(0.0, 0.0).tolist()
        0.6931471824645996
    """
    a, b = promote_pair(_strong(x1), _strong(x2), floating=True)
    high = maximum(a, b)
    # Equal operands, infinities too, have no gap; they share the gradient.
    gap = negative(absolute(where(equal(a, b), 0.0, subtract(a, b))))
    return add(high, log1p(exp(gap)))


@op(NUMPY)
def logaddexp2(x1, x2):
    """log2(2**x1 + 2**x2) without overflow.

    Example:
        >>> ops.logaddexp2(1.0, 1.0).tolist()
        2.0
    """
    a, b = promote_pair(x1, x2, floating=True)
    ln2 = math.log(2.0)
    return divide(logaddexp(multiply(a, ln2), multiply(b, ln2)), ln2)


@op(NUMPY)
def cbrt(x):
    """Cube root, with the sign of x.

    Example:
        >>> ops.cbrt([-8.0, 27.0]).tolist()
        [-2.0, 3.0]
    """
    x = to_float(x)
    root = power(absolute(x), 1.0 / 3.0)
    return where(less(x, 0), negative(root), root)


@op(NUMPY)
def hypot(x1, x2):
    """sqrt(x1**2 + x2**2), without overflow on the way.

    Example:
        >>> ops.hypot(3.0, 4.0).tolist()
        5.0
    """
    a, b = (absolute(x) for x in promote_pair(x1, x2, floating=True))
    high, low = maximum(a, b), minimum(a, b)
    whole = logical_or(equal(high, 0), isinf(high))
    ratio = divide(low, where(whole, 1.0, high))
    return where(whole, high, multiply(high, sqrt(add(square(where(whole, 0.0, ratio)), 1.0))))


@op(NUMPY)
def deg2rad(x):
    """Degrees to radians.

    Example:
        >>> ops.deg2rad(180.0).tolist()
        3.1415927410125732
    """
    return multiply(to_float(x), math.pi / 180.0)


@op(NUMPY)
def rad2deg(x):
    """Radians to degrees.

    Example:
        >>> ops.rad2deg(0.0).tolist()
        0.0
    """
    return multiply(to_float(x), 180.0 / math.pi)


@op(NUMPY)
def fabs(x):
    """|x| as a float.

    Example:
        >>> ops.fabs([-1, 2]).tolist()
        [1.0, 2.0]
    """
    return absolute(to_float(x))


@op(NUMPY)
def fmax(x1, x2):
    """The larger value; a number wins over NaN.

    Example:
        >>> ops.fmax([1.0, np.nan], 0.5).tolist()
        [1.0, 0.5]
    """
    a, b = promote_pair(x1, x2)
    return where(logical_or(greater(a, b), isnan(b)), a, b)


@op(NUMPY)
def fmin(x1, x2):
    """The smaller value; a number wins over NaN.

    Example:
        >>> ops.fmin([1.0, np.nan], 0.5).tolist()
        [0.5, 0.5]
    """
    a, b = promote_pair(x1, x2)
    return where(logical_or(less(a, b), isnan(b)), a, b)


@op(NUMPY)
def fmod(x1, x2):
    """Remainder with the sign of the dividend.

    Example:
        >>> ops.fmod([-5, 5], 3).tolist()
        [-2, 2]
    """
    a, b = promote_pair(x1, x2)
    rest = mod(absolute(a), absolute(b))
    return where(less(a, 0), negative(rest), rest)


@op(NUMPY)
def sinc(x):
    """sin(pi x) / (pi x), 1 at 0.

    Example:
        >>> ops.sinc([0.0, 0.5]).tolist()
        [1.0, 0.6366197466850281]
    """
    x = to_float(x)
    at_zero = equal(x, 0)
    y = multiply(where(at_zero, 1.0, x), math.pi)
    return where(at_zero, 1.0, divide(sin(y), y))


@op(NUMPY)
def heaviside(x1, x2):
    """0 below zero, x2 at zero, 1 above.

    Example:
        >>> ops.heaviside([-1.0, 0.0, 2.0], 0.5).tolist()
        [0.0, 0.5, 1.0]
    """
    a, b = promote_pair(x1, x2, floating=True)
    return where(less(a, 0), 0.0, where(greater(a, 0), 1.0, where(isnan(a), a, b)))


@op(NUMPY)
def ldexp(x1, x2):
    """x1 * 2**x2.

    Example:
        >>> ops.ldexp([1.0, 3.0], [2, 1]).tolist()
        [4.0, 6.0]
    """
    x1 = to_float(x1)
    return multiply(x1, exp2(cast(to_tensor(x2), x1.dtype)))


@op(NUMPY)
def isneginf(x):
    """Whether -inf.

    Example:
        >>> ops.isneginf([-np.inf, 1.0]).tolist()
        [True, False]
    """
    return equal(to_float(x), -math.inf)


@op(NUMPY)
def isposinf(x):
    """Whether +inf.

    Example:
        >>> ops.isposinf([np.inf, 1.0]).tolist()
        [True, False]
    """
    return equal(to_float(x), math.inf)


@op(NUMPY)
def signbit(x):
    """Whether the sign bit is set (also of -0.0).

    Example:
        >>> ops.signbit([-1.0, 2.0]).tolist()
        [True, False]
    """
    x = to_tensor(x)
    if not config.is_float_dtype(x.dtype):
        return less(x, 0)
    return where(equal(x, 0), less(reciprocal(x), 0), less(x, 0))


@op(NUMPY, static=("nan", "posinf", "neginf"))
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """Replaces NaN and infinities; infinities by the largest finite values unless given.

    Args:
        x: tensor.
        nan, posinf, neginf: what stands in their places.

    Example:
        >>> ops.nan_to_num([np.nan, 1.0, -np.inf], neginf=-9.0).tolist()
        [0.0, 1.0, -9.0]
    """
    x = to_tensor(x)
    if not config.is_float_dtype(x.dtype):
        return x
    largest = (
        float(np.finfo(np.float32).max)
        if x.dtype in ("float32", "bfloat16")
        else float(np.finfo(x.dtype).max)
    )
    if x.dtype == "bfloat16":
        largest = 3.3895313892515355e38
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    x = where(isnan(x), nan, x)
    return where(equal(x, math.inf), high, where(equal(x, -math.inf), low, x))


@op(NUMPY, static=("equal_nan",))
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|x1 - x2| <= atol + rtol |x2|, element by element.

    Args:
        x1, x2: tensors that broadcast.
        rtol: tolerance relative to x2.
        atol: absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    Example:
        >>> ops.isclose([1.0, 2.0], [1.0, 2.1]).tolist()
        [True, False]
    """
    a, b = promote_pair(x1, x2, floating=True)
    finite = logical_and(isfinite(a), isfinite(b))
    near = less_equal(absolute(subtract(a, b)), add(multiply(absolute(b), rtol), atol))
    out = where(finite, near, equal(a, b))
    if equal_nan:
        out = logical_or(out, logical_and(isnan(a), isnan(b)))
    return out


@op(NUMPY)
def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0.

    Example:
        >>> ops.divide_no_nan([4.0, 1.0], [2.0, 0.0]).tolist()
        [2.0, 0.0]
    """
    a, b = promote_pair(x1, x2, floating=True)
    zero = equal(b, 0)
    return where(zero, 0.0, divide(a, where(zero, 1.0, b)))


def _integer_pair(name, x1, x2):
    a, b = promote_pair(x1, x2)
    if "int" not in a.dtype:
        raise ValueError(f"{name}: expected integers. Received: {a.dtype}. Hint: ops.cast both.")
    return a, b


@op(NUMPY)
def gcd(x1, x2):
    """Greatest common divisor of integers.

    Example:
        >>> ops.gcd([12, 7], [8, 21]).tolist()
        [4, 7]
    """
    from ranvier.ops.control import while_loop

    a, b = _integer_pair("gcd", x1, x2)
    shape = add(a, b)
    a, b = absolute(add(a, multiply(shape, 0))), absolute(add(b, multiply(shape, 0)))

    def step(a, b):
        done = equal(b, 0)
        return where(done, a, b), where(done, b, mod(a, where(done, 1, b)))

    from ranvier.ops.reductions import any as any_

    return while_loop(lambda a, b: any_(not_equal(b, 0)), step, (a, b))[0]


@op(NUMPY)
def lcm(x1, x2):
    """Least common multiple of integers.

    Example:
        >>> ops.lcm([4, 6], [6, 8]).tolist()
        [12, 24]
    """
    a, b = _integer_pair("lcm", x1, x2)
    divisor = gcd(a, b)
    zero = equal(divisor, 0)
    return where(zero, 0, absolute(multiply(floor_divide(a, where(zero, 1, divisor)), b)))


for _fn in (
    logaddexp, logaddexp2, hypot, fmax, fmin, fmod, heaviside, ldexp, isclose, divide_no_nan, gcd,
    lcm,
):  # fmt: skip
    _fn.row.broadcasts = True

"""Element-wise functions. Names, promotion and results are those of Keras and NumPy."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.config import FLOAT_TYPES
from ranvier.ops._define import (
    MATH,
    NUMPY,
    Tensor,
    _camel,
    _Row,
    _rows,
    any_symbolic,
    apply,
    cast,
    op,
    promote_pair,
    scalar,
    to_float,
    to_tensor,
)
from ranvier.symbolic.probe import probing

_NUMBERS = (float, int)
_ON_BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")


def _strong(x):
    """Python numbers as tensors of their own dtypes; NumPy's operands as they are."""
    return x if isinstance(x, (np.ndarray, np.generic)) else to_tensor(x)


def _publish(fn, name, doc, module, cls):
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = doc
    row = _Row(fn, module, cls or _camel(name), ())
    _rows[(module, row.class_name)] = row
    fn.row = row
    return fn


def _bits(name, doc, prim=None, bool_as=None):
    """A binary function whose operands Keras calls x and y."""
    inner = _binary(name, doc, prim, bool_as=bool_as)

    def fn(x, y):
        return inner(x, y)

    return _publish(fn, name, doc, NUMPY, None)


def is_complex(x) -> bool:
    """Whether x is a complex value: a pair of tensors, a NumPy array or a number."""
    return type(x) is not Tensor and str(getattr(x, "dtype", type(x).__name__)).startswith(
        "complex"
    )


def complex_values():
    """The arithmetic of complex values, which is made of the functions here."""
    from ranvier.ops import complex_values

    return complex_values


def _binary(name, doc, prim=None, floating=False, bool_as=None, module=NUMPY, cls=None, weak=True):
    """A function of two operands: one C++ call for tensors of equal dtype, else promotion.

    With `weak`, Python numbers take the dtype of the other operand.
    """
    prim = prim or name
    quick = getattr(B.fast, prim)

    def slow(x1, x2):
        if not weak and not any_symbolic((x1, x2)):
            x1, x2 = _strong(x1), _strong(x2)
        # A float tensor and a Python number: nothing to promote.
        if type(x1) is Tensor:
            if type(x2) in _NUMBERS and (dtype := x1.dtype) in FLOAT_TYPES:
                return quick(x1, scalar(x2, dtype))
        elif type(x2) is Tensor and type(x1) in _NUMBERS and (dtype := x2.dtype) in FLOAT_TYPES:
            return quick(scalar(x1, dtype), x2)
        if any_symbolic((x1, x2)):
            return fn.row.symbolic((x1, x2), {})
        if is_complex(x1) or is_complex(x2):
            return complex_values().binary(prim, x1, x2)
        a, b = promote_pair(x1, x2, floating)
        if prim in _ON_BITS and probing() and a.dtype in FLOAT_TYPES:
            a, b = cast(a, "int32"), cast(b, "int32")
        if bool_as is not None and a.dtype == "bool":
            if bool_as.startswith("logical"):
                return apply(bool_as, [a, b], None)
            a, b = cast(a, bool_as), cast(b, bool_as)
        return apply(prim, [a, b], None)

    if not floating and bool_as is None and prim not in _ON_BITS:

        def fn(x1, x2):
            out = quick(x1, x2)
            return slow(x1, x2) if out is NotImplemented else out

    else:

        def fn(x1, x2):
            try:
                out = quick(x1, x2)
            except B.DTypeError:
                return slow(x1, x2)
            return slow(x1, x2) if out is NotImplemented else out

    return _publish(fn, name, doc, module, cls)


def _unary(name, doc, prim=None, floating=True, bool_as=None, module=NUMPY, cls=None):
    """A function of one operand; with `floating`, integers become floats first."""
    prim = prim or name
    quick = getattr(B.fast, prim, None)

    def slow(x):
        if any_symbolic((x,)):
            return fn.row.symbolic((x,), {})
        if is_complex(x):
            return complex_values().unary(prim, x)
        x = to_float(x) if floating else to_tensor(x)
        if prim == "bitwise_not" and probing() and x.dtype in FLOAT_TYPES:
            x = cast(x, "int32")
        if bool_as is not None and x.dtype == "bool":
            if bool_as == "same":
                return x
            x = cast(x, bool_as)
        return apply(prim, [x], None)

    if quick is None:

        def fn(x):
            return slow(x)

    elif floating and prim in ("floor", "ceil"):
        # Their primitives take integers, which Keras turns into floats.

        def fn(x):
            return quick(x) if type(x) is Tensor and x.dtype in FLOAT_TYPES else slow(x)

    else:

        def fn(x):
            try:
                out = quick(x)
            except B.DTypeError:
                return slow(x)
            return slow(x) if out is NotImplemented else out

    return _publish(fn, name, doc, module, cls)


add = _binary("add", "Sum of two tensors, element by element.", bool_as="logical_or")
subtract = _binary("subtract", "Difference of two tensors, element by element.")
multiply = _binary("multiply", "Product of two tensors, element by element.", bool_as="logical_and")
divide = _binary("divide", "True quotient; integers give floats.", floating=True)
true_divide = _binary(
    "true_divide", "True quotient; integers give floats.", "divide", floating=True
)
floor_divide = _binary("floor_divide", "Quotient rounded down.", bool_as="int32")
mod = _binary("mod", "Remainder with the sign of the divisor.", bool_as="int32")
power = _binary("power", "x1 to the power x2.", bool_as="int32")
maximum = _binary("maximum", "The larger of two values; NaN wins.")
minimum = _binary("minimum", "The smaller of two values; NaN wins.")
arctan2 = _binary("arctan2", "Angle of the point (x2, x1), in radians.", floating=True, weak=False)
equal = _binary("equal", "x1 == x2 as bool.")
not_equal = _binary("not_equal", "x1 != x2 as bool.")
less = _binary("less", "x1 < x2 as bool.")
less_equal = _binary("less_equal", "x1 <= x2 as bool.")
greater = _binary("greater", "x1 > x2 as bool.")
greater_equal = _binary("greater_equal", "x1 >= x2 as bool.")
bitwise_and = _bits("bitwise_and", "Bits set in both.")
bitwise_or = _bits("bitwise_or", "Bits set in either.")
bitwise_xor = _bits("bitwise_xor", "Bits set in one of the two.")
left_shift = _bits("left_shift", "Bits moved left by x2.", bool_as="int32")
right_shift = _bits("right_shift", "Bits moved right by x2.", bool_as="int32")
bitwise_left_shift = _bits(
    "bitwise_left_shift", "Bits moved left by x2.", "left_shift", bool_as="int32"
)
bitwise_right_shift = _bits(
    "bitwise_right_shift", "Bits moved right by x2.", "right_shift", bool_as="int32"
)

negative = _unary("negative", "-x.", floating=False)
absolute = _unary("absolute", "|x|.", floating=False, bool_as="same")
sign = _unary("sign", "-1, 0 or 1.", floating=False, bool_as="int32")
square = _unary("square", "x * x.", floating=False, bool_as="int32")
bitwise_not = _unary("bitwise_not", "All bits flipped.", floating=False)
floor = _unary("floor", "Rounded down.")
ceil = _unary("ceil", "Rounded up.")
trunc = _unary("trunc", "Rounded towards zero.", floating=False, bool_as="same")
exp = _unary("exp", "e to the power x.")
exp2 = _unary("exp2", "2 to the power x.")
expm1 = _unary("expm1", "exp(x) - 1, exact near 0.")
log = _unary("log", "Natural logarithm.")
log1p = _unary("log1p", "log(1 + x), exact near 0.")
log2 = _unary("log2", "Logarithm to base 2.")
log10 = _unary("log10", "Logarithm to base 10.")
sqrt = _unary("sqrt", "Square root.")
rsqrt = _unary("rsqrt", "1 / sqrt(x).", module=MATH)
reciprocal = _unary("reciprocal", "1 / x.")
sin = _unary("sin", "Sine of radians.")
cos = _unary("cos", "Cosine of radians.")
tan = _unary("tan", "Tangent of radians.")
arcsin = _unary("arcsin", "Inverse sine, in radians.")
arccos = _unary("arccos", "Inverse cosine, in radians.")
arctan = _unary("arctan", "Inverse tangent, in radians.")
sinh = _unary("sinh", "Hyperbolic sine.")
cosh = _unary("cosh", "Hyperbolic cosine.")
tanh = _unary("tanh", "Hyperbolic tangent.")
arcsinh = _unary("arcsinh", "Inverse hyperbolic sine.")
arccosh = _unary("arccosh", "Inverse hyperbolic cosine.")
arctanh = _unary("arctanh", "Inverse hyperbolic tangent.")
erf = _unary("erf", "Error function.", module=MATH)
erfc = _unary("erfc", "1 - erf(x).", module=MATH)
erfinv = _unary("erfinv", "Inverse error function.", module=MATH)
isnan = _unary("isnan", "Whether NaN.")
isinf = _unary("isinf", "Whether infinite.")
isfinite = _unary("isfinite", "Whether neither NaN nor infinite.")


def abs(x):
    """|x|; see `absolute`."""
    return absolute(x)


def positive(x):
    """+x: the tensor itself."""
    return x


def bitwise_invert(x):
    """All bits flipped; see `bitwise_not`."""
    return bitwise_not(x)


def _logical(name, doc):
    def fn(x1, x2):
        if any_symbolic((x1, x2)):
            return fn.row.symbolic((x1, x2), {})
        a, b = (cast(to_tensor(x), "bool") for x in (x1, x2))
        return apply(name, [a, b], None)

    return _publish(fn, name, doc, NUMPY, None)


logical_and = _logical("logical_and", "Whether both are true.")
logical_or = _logical("logical_or", "Whether one of both is true.")
logical_xor = _logical("logical_xor", "Whether exactly one is true.")


@op(NUMPY)
def logical_not(x):
    """Whether false."""
    return apply("logical_not", [cast(to_tensor(x), "bool")], None)


@op(NUMPY)
def where(condition, x1=None, x2=None):
    """x1 where the condition holds, else x2; the indices where it holds when both are missing."""
    if (x1 is None) != (x2 is None):
        raise ValueError(
            "`x1` and `x2` either both should be `None` or both should have non-None value."
        )
    if x1 is None:
        from ranvier.ops.indexing import nonzero

        return nonzero(condition)
    a, b = promote_pair(x1, x2)
    return apply("where", [cast(to_tensor(condition), "bool"), a, b], None)


@op(NUMPY, static=("x_min", "x_max"))
def clip(x, x_min, x_max):
    """min(max(x, x_min), x_max)."""
    x = to_tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    if x_min is not None:
        x = maximum(x, x_min)
    return x if x_max is None else minimum(x, x_max)


@op(NUMPY, static=("decimals",))
def round(x, decimals=0):
    """Rounded to `decimals` places, halves to even."""
    x = to_tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    if decimals == 0:
        return apply("round", [x], None)
    if not config.is_float_dtype(x.dtype):
        if decimals > 0:
            return x
        return cast(round(cast(x, config.floatx()), decimals), x.dtype)
    factor = 10.0 ** (decimals if decimals >= 0 else -decimals)
    if decimals > 0:
        return divide(apply("round", [multiply(x, factor)], None), factor)
    return multiply(apply("round", [divide(x, factor)], None), factor)


@op(NUMPY)
def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)) without overflow."""
    a, b = promote_pair(_strong(x1), _strong(x2), floating=True)
    high = maximum(a, b)
    # Equal operands, infinities too, have no gap; they share the gradient.
    gap = negative(absolute(where(equal(a, b), 0.0, subtract(a, b))))
    return add(high, log1p(exp(gap)))


@op(NUMPY)
def logaddexp2(x1, x2):
    """log2(2**x1 + 2**x2) without overflow."""
    a, b = promote_pair(x1, x2, floating=True)
    ln2 = math.log(2.0)
    return divide(logaddexp(multiply(a, ln2), multiply(b, ln2)), ln2)


@op(NUMPY)
def cbrt(x):
    """Cube root, with the sign of x."""
    x = to_float(x)
    root = power(absolute(x), 1.0 / 3.0)
    return where(less(x, 0), negative(root), root)


@op(NUMPY)
def hypot(x1, x2):
    """sqrt(x1**2 + x2**2), without overflow on the way."""
    a, b = (absolute(x) for x in promote_pair(x1, x2, floating=True))
    high, low = maximum(a, b), minimum(a, b)
    whole = logical_or(equal(high, 0), isinf(high))
    ratio = divide(low, where(whole, 1.0, high))
    return where(whole, high, multiply(high, sqrt(add(square(where(whole, 0.0, ratio)), 1.0))))


@op(NUMPY)
def deg2rad(x):
    """Degrees to radians."""
    return multiply(to_float(x), math.pi / 180.0)


@op(NUMPY)
def rad2deg(x):
    """Radians to degrees."""
    return multiply(to_float(x), 180.0 / math.pi)


@op(NUMPY)
def fabs(x):
    """|x| as a float."""
    return absolute(to_float(x))


@op(NUMPY)
def fmax(x1, x2):
    """The larger value; a number wins over NaN."""
    a, b = promote_pair(x1, x2)
    return where(logical_or(greater(a, b), isnan(b)), a, b)


@op(NUMPY)
def fmin(x1, x2):
    """The smaller value; a number wins over NaN."""
    a, b = promote_pair(x1, x2)
    return where(logical_or(less(a, b), isnan(b)), a, b)


@op(NUMPY)
def fmod(x1, x2):
    """Remainder with the sign of the dividend."""
    a, b = promote_pair(x1, x2)
    rest = mod(absolute(a), absolute(b))
    return where(less(a, 0), negative(rest), rest)


@op(NUMPY)
def sinc(x):
    """sin(pi x) / (pi x), 1 at 0."""
    x = to_float(x)
    at_zero = equal(x, 0)
    y = multiply(where(at_zero, 1.0, x), math.pi)
    return where(at_zero, 1.0, divide(sin(y), y))


@op(NUMPY)
def heaviside(x1, x2):
    """0 below zero, x2 at zero, 1 above."""
    a, b = promote_pair(x1, x2, floating=True)
    return where(less(a, 0), 0.0, where(greater(a, 0), 1.0, where(isnan(a), a, b)))


@op(NUMPY)
def ldexp(x1, x2):
    """x1 * 2**x2."""
    x1 = to_float(x1)
    return multiply(x1, exp2(cast(to_tensor(x2), x1.dtype)))


@op(NUMPY)
def isneginf(x):
    """Whether -inf."""
    return equal(to_float(x), -math.inf)


@op(NUMPY)
def isposinf(x):
    """Whether +inf."""
    return equal(to_float(x), math.inf)


@op(NUMPY)
def signbit(x):
    """Whether the sign bit is set (also of -0.0)."""
    x = to_tensor(x)
    if not config.is_float_dtype(x.dtype):
        return less(x, 0)
    return where(equal(x, 0), less(reciprocal(x), 0), less(x, 0))


@op(NUMPY, static=("nan", "posinf", "neginf"))
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """Replaces NaN and infinities; infinities by the largest finite values unless given."""
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
    """|x1 - x2| <= atol + rtol |x2|, element by element."""
    a, b = promote_pair(x1, x2, floating=True)
    finite = logical_and(isfinite(a), isfinite(b))
    near = less_equal(absolute(subtract(a, b)), add(multiply(absolute(b), rtol), atol))
    out = where(finite, near, equal(a, b))
    if equal_nan:
        out = logical_or(out, logical_and(isnan(a), isnan(b)))
    return out


@op(NUMPY)
def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0."""
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
    """Greatest common divisor of integers."""
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
    """Least common multiple of integers."""
    a, b = _integer_pair("lcm", x1, x2)
    divisor = gcd(a, b)
    zero = equal(divisor, 0)
    return where(zero, 0, absolute(multiply(floor_divide(a, where(zero, 1, divisor)), b)))


for _fn in (
    add, subtract, multiply, divide, true_divide, floor_divide, mod, power, maximum, minimum,
    arctan2, equal, not_equal, less, less_equal, greater, greater_equal, bitwise_and, bitwise_or,
    bitwise_xor, left_shift, right_shift, bitwise_left_shift, bitwise_right_shift, logical_and,
    logical_or, logical_xor, where, logaddexp, logaddexp2, hypot, fmax, fmin, fmod, heaviside,
    ldexp, isclose, divide_no_nan, gcd, lcm,
):  # fmt: skip
    _fn.row.broadcasts = True

__all__ = [n for n, v in list(globals().items()) if hasattr(v, "row") or n in (
    "abs", "bitwise_invert")]  # fmt: skip

"""Element-wise functions. Names, promotion and results are those of Keras and NumPy."""

from __future__ import annotations

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
    """|x|; see `absolute`.

    Example:
        >>> ops.abs([-2, 3]).tolist()
        [2, 3]
    """
    return absolute(x)


def positive(x):
    """+x: the tensor itself."""
    return x


def bitwise_invert(x):
    """All bits flipped; see `bitwise_not`.

    Example:
        >>> ops.bitwise_invert([0, 5]).tolist()
        [-1, -6]
    """
    return bitwise_not(x)


def _logical(name, doc):
    def fn(x1, x2):
        if any_symbolic((x1, x2)):
            return fn.row.symbolic((x1, x2), {})
        if is_complex(x1) or is_complex(x2):
            return complex_values().binary(name, x1, x2)
        a, b = (cast(to_tensor(x), "bool") for x in (x1, x2))
        return apply(name, [a, b], None)

    return _publish(fn, name, doc, NUMPY, None)


logical_and = _logical("logical_and", "Whether both are true.")
logical_or = _logical("logical_or", "Whether one of both is true.")
logical_xor = _logical("logical_xor", "Whether exactly one is true.")


@op(NUMPY)
def logical_not(x):
    """Whether false.

    Example:
        >>> ops.logical_not([True, False]).tolist()
        [False, True]
    """
    return apply("logical_not", [cast(to_tensor(x), "bool")], None)


@op(NUMPY)
def where(condition, x1=None, x2=None):
    """x1 where the condition holds, else x2; the indices where it holds when both are missing.

    Args:
        condition: bool tensor, broadcast with x1 and x2.
        x1, x2: tensors or numbers.

    Example:
        >>> ops.where([True, False], [1, 2], 0).tolist()
        [1, 0]
    """
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
    """min(max(x, x_min), x_max).

    Args:
        x: tensor.
        x_min, x_max: bounds, numbers or tensors that broadcast.

    Example:
        >>> ops.clip([-1, 2, 9], 0, 5).tolist()
        [0, 2, 5]
    """
    x = to_tensor(x)
    if x.dtype == "bool":
        x = cast(x, "int32")
    if x_min is not None:
        x = maximum(x, x_min)
    return x if x_max is None else minimum(x, x_max)


@op(NUMPY, static=("decimals",))
def round(x, decimals=0):
    """Rounded to `decimals` places, halves to even.

    Args:
        x: tensor.
        decimals: number of decimal places; below zero, places before the point.

    Example:
        >>> ops.round([0.5, 1.5, 2.25]).tolist()
        [0.0, 2.0, 2.0]
    """
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


for _fn in (
    add, subtract, multiply, divide, true_divide, floor_divide, mod, power, maximum, minimum,
    arctan2, equal, not_equal, less, less_equal, greater, greater_equal, bitwise_and, bitwise_or,
    bitwise_xor, left_shift, right_shift, bitwise_left_shift, bitwise_right_shift, logical_and,
    logical_or, logical_xor, where,
):  # fmt: skip
    _fn.row.broadcasts = True

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
from ranvier.python_numbers import whole
from ranvier.symbolic.probe import probing

_NUMBERS = (float, int)
# The largest values of float dtypes that differ from float32 in it.
_LARGEST = {"float16": 65504.0, "float64": float(np.finfo("float64").max)}
_ON_BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")


def _strong(x):
    """Python numbers as tensors of their own dtypes; NumPy's operands as they are."""
    return x if isinstance(x, (np.ndarray, np.generic)) else to_tensor(x)


def _session(example):
    """The example "call = result" as a doctest; a float is rounded to 4 places."""
    call, result = example.split(" = ")
    shown = f"ops.{call}.tolist()" if result[0] == "[" else f"round(float(ops.{call}), 4)"
    return f"    >>> {shown}\n    {result}\n"


def _publish(fn, name, doc, example, module=NUMPY):
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = f"{doc}\n\nExample:\n{_session(example)}"
    row = _Row(fn, module, _camel(name), ())
    _rows[(module, row.class_name)] = row
    fn.row = row
    return fn


def _bits(name, doc, example, prim=None, bool_as=None):
    """A binary function whose operands Keras calls x and y."""
    inner = _binary(name, doc, example, prim, bool_as=bool_as)

    def fn(x, y):
        return inner(x, y)

    return _publish(fn, name, doc, example)


def is_complex(x) -> bool:
    """Whether x is a complex value: a pair of tensors, a NumPy array or a number."""
    return type(x) is not Tensor and str(getattr(x, "dtype", type(x).__name__)).startswith(
        "complex"
    )


def complex_values():
    """The arithmetic of complex values, which is made of the functions here."""
    from ranvier.ops import complex_values

    return complex_values


def _binary(name, doc, example, prim=None, floating=False, bool_as=None, weak=True):
    """A function of two operands: one C++ call for tensors of equal dtype, else promotion.

    With `weak`, Python numbers take the dtype of the other operand.
    """
    prim = prim or name
    quick = getattr(B.weak if weak else B.fast, prim)

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

    replay = B.replayed(slow)

    if not floating and bool_as is None and prim not in _ON_BITS:

        def fn(x1, x2):
            out = quick(x1, x2)
            return replay((x1, x2), None) if out is NotImplemented else out

    else:

        def fn(x1, x2):
            try:
                out = quick(x1, x2)
            except B.DTypeError:
                return replay((x1, x2), None)
            return replay((x1, x2), None) if out is NotImplemented else out

    return _publish(fn, name, doc, example)


def _unary(name, doc, example, prim=None, floating=True, bool_as=None, module=NUMPY):
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

    replay = B.replayed(slow)

    if quick is None:

        def fn(x):
            return replay((x,), None)

    elif floating and prim in ("floor", "ceil"):
        # Their primitives take integers, which Keras turns into floats.

        def fn(x):
            is_float = type(x) is Tensor and x.dtype in FLOAT_TYPES
            return quick(x) if is_float else replay((x,), None)

    else:

        def fn(x):
            try:
                out = quick(x)
            except B.DTypeError:
                return replay((x,), None)
            return replay((x,), None) if out is NotImplemented else out

    return _publish(fn, name, doc, example, module)


add = _binary(
    "add",
    "Sum of two tensors, element by element.",
    "add([1, 2], [3, 4]) = [4, 6]",
    bool_as="logical_or",
)
subtract = _binary(
    "subtract",
    "Difference of two tensors, element by element.",
    "subtract([5, 7], [1, 2]) = [4, 5]",
)
multiply = _binary(
    "multiply",
    "Product of two tensors, element by element.",
    "multiply([2, 3], [4, 5]) = [8, 15]",
    bool_as="logical_and",
)
divide = _binary(
    "divide",
    "True quotient; integers give floats.",
    "divide([1, 3], 2) = [0.5, 1.5]",
    floating=True,
)
true_divide = _binary(
    "true_divide",
    "True quotient; integers give floats.",
    "true_divide([1, 3], 2) = [0.5, 1.5]",
    prim="divide",
    floating=True,
)
floor_divide = _binary(
    "floor_divide", "Quotient rounded down.", "floor_divide([7, -7], 2) = [3, -4]", bool_as="int32"
)
mod = _binary(
    "mod", "Remainder with the sign of the divisor.", "mod([7, -7], 3) = [1, 2]", bool_as="int32"
)
power = _binary("power", "x1 to the power x2.", "power([2, 3], 2) = [4, 9]", bool_as="int32")
maximum = _binary(
    "maximum", "The larger of two values; NaN wins.", "maximum([1, 5], [3, 2]) = [3, 5]"
)
minimum = _binary(
    "minimum", "The smaller of two values; NaN wins.", "minimum([1, 5], [3, 2]) = [1, 2]"
)
arctan2 = _binary(
    "arctan2",
    "Angle of the point (x2, x1), in radians.",
    "arctan2(1.0, 1.0) = 0.7854",
    floating=True,
    weak=False,
)
equal = _binary("equal", "x1 == x2 as bool.", "equal([1, 2], [1, 3]) = [True, False]")
not_equal = _binary("not_equal", "x1 != x2 as bool.", "not_equal([1, 2], [1, 3]) = [False, True]")
less = _binary("less", "x1 < x2 as bool.", "less([1, 2], 2) = [True, False]")
less_equal = _binary(
    "less_equal", "x1 <= x2 as bool.", "less_equal([1, 2, 3], 2) = [True, True, False]"
)
greater = _binary("greater", "x1 > x2 as bool.", "greater([2, 3], 2) = [False, True]")
greater_equal = _binary(
    "greater_equal", "x1 >= x2 as bool.", "greater_equal([1, 2, 3], 2) = [False, True, True]"
)
bitwise_and = _bits("bitwise_and", "Bits set in both.", "bitwise_and([6, 5], 3) = [2, 1]")
bitwise_or = _bits("bitwise_or", "Bits set in either.", "bitwise_or([6, 5], 3) = [7, 7]")
bitwise_xor = _bits("bitwise_xor", "Bits set in one of the two.", "bitwise_xor([6, 5], 3) = [5, 6]")
left_shift = _bits(
    "left_shift", "Bits moved left by x2.", "left_shift([1, 3], 2) = [4, 12]", bool_as="int32"
)
right_shift = _bits(
    "right_shift", "Bits moved right by x2.", "right_shift([8, 9], 1) = [4, 4]", bool_as="int32"
)
bitwise_left_shift = _bits(
    "bitwise_left_shift",
    "Bits moved left by x2.",
    "bitwise_left_shift([1, 3], 2) = [4, 12]",
    prim="left_shift",
    bool_as="int32",
)
bitwise_right_shift = _bits(
    "bitwise_right_shift",
    "Bits moved right by x2.",
    "bitwise_right_shift([8, 9], 1) = [4, 4]",
    prim="right_shift",
    bool_as="int32",
)

negative = _unary("negative", "-x.", "negative([1, -2]) = [-1, 2]", floating=False)
absolute = _unary("absolute", "|x|.", "absolute([1, -2]) = [1, 2]", floating=False, bool_as="same")
sign = _unary(
    "sign", "-1, 0 or 1.", "sign([-5, 0, 3]) = [-1, 0, 1]", floating=False, bool_as="int32"
)
square = _unary("square", "x * x.", "square([3, -4]) = [9, 16]", floating=False, bool_as="int32")
bitwise_not = _unary(
    "bitwise_not", "All bits flipped.", "bitwise_not([0, 5]) = [-1, -6]", floating=False
)
floor = _unary("floor", "Rounded down.", "floor([1.7, -1.2]) = [1.0, -2.0]")
ceil = _unary("ceil", "Rounded up.", "ceil([1.2, -1.7]) = [2.0, -1.0]")
trunc = _unary(
    "trunc",
    "Rounded towards zero.",
    "trunc([1.7, -1.7]) = [1.0, -1.0]",
    floating=False,
    bool_as="same",
)
exp = _unary("exp", "e to the power x.", "exp(1.0) = 2.7183")
exp2 = _unary("exp2", "2 to the power x.", "exp2(3.0) = 8.0")
expm1 = _unary("expm1", "exp(x) - 1, exact near 0.", "expm1(1.0) = 1.7183")
log = _unary("log", "Natural logarithm.", "log(10.0) = 2.3026")
log1p = _unary("log1p", "log(1 + x), exact near 0.", "log1p(1.0) = 0.6931")
log2 = _unary("log2", "Logarithm to base 2.", "log2(8.0) = 3.0")
log10 = _unary("log10", "Logarithm to base 10.", "log10(1000.0) = 3.0")
sqrt = _unary("sqrt", "Square root.", "sqrt([9.0, 16.0]) = [3.0, 4.0]")
rsqrt = _unary("rsqrt", "1 / sqrt(x).", "rsqrt(4.0) = 0.5", module=MATH)
reciprocal = _unary("reciprocal", "1 / x.", "reciprocal([2.0, 4.0]) = [0.5, 0.25]")
sin = _unary("sin", "Sine of radians.", "sin(1.0) = 0.8415")
cos = _unary("cos", "Cosine of radians.", "cos(1.0) = 0.5403")
tan = _unary("tan", "Tangent of radians.", "tan(1.0) = 1.5574")
arcsin = _unary("arcsin", "Inverse sine, in radians.", "arcsin(1.0) = 1.5708")
arccos = _unary("arccos", "Inverse cosine, in radians.", "arccos(0.0) = 1.5708")
arctan = _unary("arctan", "Inverse tangent, in radians.", "arctan(1.0) = 0.7854")
sinh = _unary("sinh", "Hyperbolic sine.", "sinh(1.0) = 1.1752")
cosh = _unary("cosh", "Hyperbolic cosine.", "cosh(1.0) = 1.5431")
tanh = _unary("tanh", "Hyperbolic tangent.", "tanh(1.0) = 0.7616")
arcsinh = _unary("arcsinh", "Inverse hyperbolic sine.", "arcsinh(1.0) = 0.8814")
arccosh = _unary("arccosh", "Inverse hyperbolic cosine.", "arccosh(2.0) = 1.317")
arctanh = _unary("arctanh", "Inverse hyperbolic tangent.", "arctanh(0.5) = 0.5493")
erf = _unary("erf", "Error function.", "erf(0.5) = 0.5205", module=MATH)
erfc = _unary("erfc", "1 - erf(x).", "erfc(0.5) = 0.4795", module=MATH)
erfinv = _unary("erfinv", "Inverse error function.", "erfinv(0.5) = 0.4769", module=MATH)
isnan = _unary("isnan", "Whether NaN.", "isnan([1.0, np.nan]) = [False, True]")
isinf = _unary("isinf", "Whether infinite.", "isinf([1.0, -np.inf]) = [False, True]")
isfinite = _unary(
    "isfinite",
    "Whether neither NaN nor infinite.",
    "isfinite([1.0, np.inf, np.nan]) = [True, False, False]",
)


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


def _logical(name, doc, example):
    def fn(x1, x2):
        if any_symbolic((x1, x2)):
            return fn.row.symbolic((x1, x2), {})
        if is_complex(x1) or is_complex(x2):
            return complex_values().binary(name, x1, x2)
        a, b = (cast(to_tensor(x), "bool") for x in (x1, x2))
        return apply(name, [a, b], None)

    return _publish(fn, name, doc, example)


logical_and = _logical(
    "logical_and",
    "Whether both are true.",
    "logical_and([True, True], [True, False]) = [True, False]",
)
logical_or = _logical(
    "logical_or",
    "Whether one of both is true.",
    "logical_or([False, True], [False, False]) = [False, True]",
)
logical_xor = _logical(
    "logical_xor",
    "Whether exactly one is true.",
    "logical_xor([True, True], [True, False]) = [False, True]",
)


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
    if type(x_min) in _NUMBERS and type(x_max) in _NUMBERS and x.dtype in FLOAT_TYPES:
        return apply("clip", [x, scalar(x_min, x.dtype), scalar(x_max, x.dtype)], {"ties": True})
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
    x, decimals = to_tensor(x), whole("decimals", decimals)
    if x.dtype == "bool":
        x = cast(x, "int32")
    if decimals == 0:
        return apply("round", [x], None)
    if not config.is_float_dtype(x.dtype):
        if decimals > 0:
            return x
        return cast(round(cast(x, config.floatx()), decimals), x.dtype)
    factor = float(f"1e{decimals if decimals > 0 else -decimals}")
    if factor > _LARGEST.get(x.dtype, 3e38):
        return x if decimals > 0 else multiply(x, 0.0)
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

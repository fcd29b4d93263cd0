"""Complex values as pairs of real tensors: they work eagerly, on a tape and inside traces."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ranvier import _backend as B
from ranvier import tree
from ranvier.ops import elementwise as ew
from ranvier.ops import numeric
from ranvier.ops._define import expand, reshape, scalar, to_tensor


class ComplexTensor:
    """A complex64 value as its real and its imaginary part, two float32 tensors of one shape.

    `ops.convert_to_tensor` of complex numbers gives it, `ops.view_as_complex` and `ops.polar`. It
    has the operators of a number and the common methods of an array. Of the ops, those take it
    that move elements, sums and products, and the element-wise ones that mean something for
    complex numbers. Compiled functions take and return it.

    Example:
        >>> z = ops.view_as_complex([[3.0, 4.0]])
        >>> ops.abs(z * z)
        [25.]
    """

    dtype = "complex64"
    __array_ufunc__ = None  # NumPy leaves the operators to this class
    __hash__ = object.__hash__
    is_symbol = property(lambda self: self.real.is_symbol)

    def __init__(self, real, imag):
        self.real, self.imag = real, imag

    @property
    def shape(self) -> tuple:
        return self.real.shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.real.size

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array.

        Raises:
            RuntimeError: inside a compiled function.
        """
        if self.real.is_symbol or self.imag.is_symbol:
            raise B.GraphError(
                "A complex value inside a compiled function is a pair of tensors, which this op "
                f"does not take. Expected one of {_known_ops()}. Hint: compute with `ops.real` "
                "and `ops.imag`."
            )
        return _array(self.real.numpy(), self.imag.numpy())

    def __array__(self, dtype=None, copy=None):
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __repr__(self):
        if self.real.is_symbol:
            return f"<ComplexTensor shape={self.shape}>"
        return repr(self.numpy())

    def __len__(self):
        return len(self.real)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __complex__(self):
        return complex(self.numpy())

    def __bool__(self):
        return bool(self.numpy())

    def item(self) -> complex:
        """The one element as a Python number."""
        return self.numpy().item()

    def __getitem__(self, key):
        return ComplexTensor(self.real[key], self.imag[key])

    def reshape(self, *shape):
        """The same values in another shape; one size may be -1."""
        sizes = list(shape[0]) if isinstance(shape[0], (tuple, list)) else list(shape)
        return ComplexTensor(reshape(self.real, sizes), reshape(self.imag, sizes))

    def conj(self):
        """The complex conjugate."""
        return ComplexTensor(self.real, ew.negative(self.imag))

    conjugate = conj

    def __neg__(self):
        return unary("negative", self)

    def __abs__(self):
        return unary("absolute", self)

    def __matmul__(self, other):
        return matmul(self, other)

    def __rmatmul__(self, other):
        return matmul(other, self)


class Pair(NamedTuple):
    """A complex value as two leaves of a structure."""

    real: Any
    imag: Any


def apart(structure):
    """The structure with `Pair`s in place of complex values."""
    return tree.map_structure(
        lambda x: Pair(*_pair(x)) if is_value(x) else x,
        structure,
    )


def is_value(x) -> bool:
    """Whether x is a complex value rather than a symbolic tensor of that dtype."""
    return isinstance(x, (ComplexTensor, np.ndarray, np.generic, complex)) and ew.is_complex(x)


def _pair(x):
    z = with_shape(x)
    return z.real, z.imag


def together(structure):
    """The structure with complex values in place of `Pair`s: of NumPy arrays, such an array."""
    return tree.traverse(_joined, structure)


def _array(real, imag) -> np.ndarray:
    """Not by x + 1j * y, in which an infinite y gives a real part of NaN."""
    value = np.empty(real.shape, "complex64")
    value.real, value.imag = real, imag
    return value


def _joined(x):
    if not isinstance(x, Pair):
        return None
    if isinstance(x.real, np.ndarray):
        return _array(x.real, x.imag)
    return ComplexTensor(x.real, x.imag)


def parts(x) -> tuple:
    """Real and imaginary part as float32 tensors; of a real value, a scalar zero for the second."""
    if isinstance(x, ComplexTensor):
        return x.real, x.imag
    if ew.is_complex(x):
        return to_tensor(np.real(x), "float32"), to_tensor(np.imag(x), "float32")
    return to_tensor(x, "float32"), scalar(0.0, "float32")


def from_numbers(x) -> ComplexTensor:
    """The complex value of anything that holds numbers, real ones too."""
    if isinstance(x, (list, tuple)):
        from ranvier.ops.joins import stack

        x = stack([from_numbers(v) for v in x]) if x else np.asarray(x, "complex64")
    return with_shape(x)


def from_parts(real, imag) -> ComplexTensor:
    """The complex value of two real tensors of one shape."""
    return ComplexTensor(to_tensor(real, "float32"), to_tensor(imag, "float32"))


def _product(a, b, multiply) -> ComplexTensor:
    """(a b) by its parts, with a product of real tensors that is linear in both."""
    (ar, ai), (br, bi) = parts(a), parts(b)
    return ComplexTensor(
        ew.subtract(multiply(ar, br), multiply(ai, bi)), ew.add(multiply(ar, bi), multiply(ai, br))
    )


def matmul(a, b) -> ComplexTensor:
    """The matrix product of values of which at least one is complex."""
    from ranvier.ops.products import matmul as real_matmul

    return _product(with_shape(a), with_shape(b), real_matmul)


def _like(imag, real):
    """The imaginary part in the shape of the real one: that of a real operand is a scalar."""
    from ranvier.ops.creation import zeros_like

    return imag if imag.shape == real.shape else ew.add(imag, zeros_like(real))


def with_shape(x) -> ComplexTensor:
    """The value as a pair of tensors of one shape."""
    real, imag = parts(x)
    return ComplexTensor(real, _like(imag, real))


def _quotient(a, b) -> ComplexTensor:
    """a conj(b) / |b|²."""
    br, bi = parts(b)
    norm = ew.add(ew.square(br), ew.square(bi))
    above = _product(a, ComplexTensor(br, ew.negative(bi)), ew.multiply)
    return ComplexTensor(ew.divide(above.real, norm), ew.divide(above.imag, norm))


def _both(op):
    def combine(a, b):
        (ar, ai), (br, bi) = parts(a), parts(b)
        real = op(ar, br)
        return ComplexTensor(real, _like(op(ai, bi), real))

    return combine


def _equal(a, b):
    (ar, ai), (br, bi) = parts(a), parts(b)
    return ew.logical_and(ew.equal(ar, br), ew.equal(ai, bi))


_BINARY: dict[str, Any] = {
    "add": _both(ew.add),
    "subtract": _both(ew.subtract),
    "multiply": lambda a, b: _product(a, b, ew.multiply),
    "divide": _quotient,
    "equal": _equal,
    "not_equal": lambda a, b: ew.logical_not(_equal(a, b)),
}


def size_of(z):
    """|z|, with slope 0 where z is 0."""
    zero = ew.logical_and(ew.equal(z.real, 0.0), ew.equal(z.imag, 0.0))
    return ew.where(zero, 0.0, numeric.hypot(ew.where(zero, 1.0, z.real), z.imag))


def _exp(z):
    size = ew.exp(z.real)
    return ComplexTensor(ew.multiply(size, ew.cos(z.imag)), ew.multiply(size, ew.sin(z.imag)))


_UNARY: dict[str, Any] = {
    "negative": lambda z: ComplexTensor(ew.negative(z.real), ew.negative(z.imag)),
    "absolute": size_of,
    "square": lambda z: _product(z, z, ew.multiply),
    "exp": _exp,
}


def _known_ops():
    return ", ".join(sorted({*_BINARY, *_UNARY}))


def _refuse(name):
    raise B.DTypeError(
        f"{name}: complex values are not supported here. Of the element-wise functions, expected "
        f"one of {_known_ops()}. Hint: compute with `ops.real` and `ops.imag`."
    )


def add_functions(unary_table: dict, binary_table: dict) -> None:
    """Makes element-wise functions known, by the names of their primitives."""
    _UNARY.update(unary_table)
    _BINARY.update(binary_table)


def unary(name: str, x):
    """An element-wise function of one complex value."""
    if name not in _UNARY:
        _refuse(name)
    return _UNARY[name](ComplexTensor(*parts(x)))


def binary(name: str, a, b):
    """An element-wise function of two values of which at least one is complex."""
    if name not in _BINARY:
        _refuse(name)
    return _BINARY[name](a, b)


def as_pairs(z) -> Any:
    """A real tensor (..., 2) of both parts."""
    from ranvier.ops.joins import concatenate

    return concatenate([expand(z.real, -1), expand(z.imag, -1)], axis=-1)


def _operators():
    for name, symbol in {"add": "add", "subtract": "sub", "multiply": "mul",
                         "divide": "truediv"}.items():  # fmt: skip
        setattr(ComplexTensor, f"__{symbol}__", lambda a, b, name=name: binary(name, a, b))
        setattr(ComplexTensor, f"__r{symbol}__", lambda a, b, name=name: binary(name, b, a))
    ComplexTensor.__eq__ = lambda a, b: binary("equal", a, b)
    ComplexTensor.__ne__ = lambda a, b: binary("not_equal", a, b)


_operators()

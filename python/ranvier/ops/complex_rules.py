"""What ops that are no element-wise functions do with complex values: linear ones by parts."""

from __future__ import annotations

import inspect
import itertools

import numpy as np

from ranvier import config
from ranvier.ops import (
    complex_functions,
    complex_inverses,
    complex_values,
    control,
    creation,
    diagonals,
    factorizations,
    indexing,
    joins,
    neural,
    numeric,
    products,
    reductions,
    segments,
    shapes,
    subscripts,
)
from ranvier.ops import elementwise as ew
from ranvier.ops._define import holds_complex, to_tensor
from ranvier.ops.complex_values import ComplexTensor, with_shape

complex_values.add_functions(
    {**complex_functions.UNARY, **complex_inverses.UNARY}, complex_functions.BINARY
)


def rule(*functions):
    """Gives ops the function that takes over when an argument holds complex values."""

    def decorate(fn):
        for function in functions:
            function.row.on_complex = fn
        return fn

    return decorate


def _half(x, part):
    """Real (0) or imaginary (1) parts; of a list, those of its items."""
    if isinstance(x, (list, tuple)):
        return [_half(v, part) for v in x]
    if x is None:
        return None
    if isinstance(x, complex):
        return (x.real, x.imag)[part]
    z = with_shape(x)
    return (z.real, z.imag)[part]


def _pairs(real, imag):
    if isinstance(real, (list, tuple)):
        return type(real)(_pairs(a, b) for a, b in zip(real, imag))
    return ComplexTensor(real, imag)


def _linear(*names):
    """A rule for ops that are linear in all these arguments together: f(x) + i f(y)."""

    def make(function):
        row = function.row

        def by_parts(*args, **kwargs):
            halves = []
            for part in (0, 1):
                bound = row.signature.bind(*args, **kwargs)
                for name in names:
                    if name in bound.arguments:
                        bound.arguments[name] = _half(bound.arguments[name], part)
                halves.append(row.fn(*bound.args, **bound.kwargs))
            return _pairs(*halves)

        row.on_complex = by_parts

    return make


def _product(function, operands):
    """f of complex operands, linear in each: the sum over all choices of parts, i² = -1."""
    chosen = [i for i, x in enumerate(operands) if holds_complex(x)]
    halves = [(_half(x, 0), _half(x, 1)) if i in chosen else (x,) for i, x in enumerate(operands)]
    halves = [h if len(h) == 2 else (to_tensor(h[0], "float32"),) for h in halves]
    sums: list = [None, None]
    for choice in itertools.product((0, 1), repeat=len(chosen)):
        parts = dict(zip(chosen, choice))
        value = function(*(h[parts.get(i, 0)] for i, h in enumerate(halves)))
        turns = sum(choice)
        value = ew.negative(value) if turns % 4 in (2, 3) else value
        old = sums[turns % 2]
        sums[turns % 2] = value if old is None else ew.add(old, value)
    return ComplexTensor(*sums)


def _bilinear(function):
    row = function.row

    def by_parts(*args, **kwargs):
        bound = row.signature.bind(*args, **kwargs)
        (first, a), (second, b) = list(bound.arguments.items())[:2]
        rest = {k: v for k, v in bound.arguments.items() if k not in (first, second)}
        return _product(lambda x, y: row.fn(x, y, **rest), [a, b])

    row.on_complex = by_parts


def _declare():
    for function in (
        shapes.reshape, shapes.ravel, shapes.expand_dims, shapes.squeeze, shapes.transpose,
        shapes.moveaxis, shapes.swapaxes, shapes.broadcast_to, joins.stack, joins.split,
        joins.array_split, joins.unstack, shapes.tile, shapes.repeat, shapes.flip, shapes.roll,
        diagonals.tril, diagonals.triu, diagonals.diag, diagonals.diagflat, diagonals.diagonal,
        diagonals.trace, shapes.copy, shapes.pad, shapes.meshgrid, shapes.rot90, shapes.diff,
        reductions.sum, reductions.mean, reductions.cumsum, reductions.average,
        indexing.take, indexing.take_along_axis, control.stop_gradient, ew.round,
        numeric.nan_to_num, shapes.trapezoid,
    ):  # fmt: skip
        _linear(next(iter(inspect.signature(function).parameters)))(function)
    for function in (joins.concatenate, joins.hstack, joins.vstack, joins.dstack):
        _linear("xs")(function)
    for function in (joins.append, ew.where):
        _linear("x1", "x2")(function)
    _linear("inputs")(indexing.slice)
    _linear("x")(subscripts.get_item)
    _linear("inputs", "updates")(indexing.slice_update)
    _linear("values")(indexing.scatter)
    _linear("choicelist", "default")(indexing.select)
    _linear("data")(segments.segment_sum)
    for function in (
        products.dot, products.inner, products.outer, products.tensordot, products.cross,
        products.kron,
    ):  # fmt: skip
        _bilinear(function)


_declare()


@rule(products.einsum)
def _einsum(subscripts, *operands, **kwargs):
    return _product(lambda *xs: products.einsum(subscripts, *xs, **kwargs), list(operands))


@rule(products.vdot)
def _vdot(x1, x2):
    """The first operand is conjugated."""
    return _product(products.vdot, [with_shape(x1).conj(), x2])


@rule(products.correlate)
def _correlate(x1, x2, mode="valid"):
    """The second operand is conjugated."""
    return _product(lambda a, b: products.correlate(a, b, mode), [x1, with_shape(x2).conj()])


@rule(indexing.nonzero)
def _nonzero(x):
    return indexing.nonzero(_is_set(x))


_where_by_parts = ew.where.row.on_complex


@rule(ew.where)
def _where(condition, x1=None, x2=None):
    if holds_complex(condition):
        condition = _is_set(condition)
    function = _where_by_parts if holds_complex((x1, x2)) else ew.where
    return function(condition, x1, x2)


def _created_like(real):
    def made(x, *args, dtype=None, **kwargs):
        value = real(with_shape(x).real, *args, dtype=dtype, **kwargs)
        return value if dtype is not None else ComplexTensor(value, creation.zeros_like(value))

    return made


for _function in (creation.zeros_like, creation.ones_like, creation.empty_like):
    rule(_function)(_created_like(_function))


@rule(creation.full_like)
def _full_like(x, fill_value, dtype=None):
    shape = tuple(x.shape)
    if dtype is not None:
        return creation.full(shape, fill_value, dtype=dtype)
    value = with_shape(fill_value)
    return ComplexTensor(
        shapes.broadcast_to(value.real, shape), shapes.broadcast_to(value.imag, shape)
    )


@rule(control.cast)
def _cast(x, dtype):
    """A real dtype takes the real part; bool tells what is not zero."""
    dtype = config.standardize_dtype(dtype)
    z = with_shape(x)
    if dtype == "complex64":
        return z
    return complex_functions.nonzero(z) if dtype == "bool" else control.cast(z.real, dtype)


def _is_set(x):
    return complex_functions.nonzero(with_shape(x))


@rule(reductions.any)
def _any(x, axis=None, keepdims=False):
    return reductions.any(_is_set(x), axis=axis, keepdims=keepdims)


@rule(reductions.all)
def _all(x, axis=None, keepdims=False):
    return reductions.all(_is_set(x), axis=axis, keepdims=keepdims)


@rule(reductions.count_nonzero)
def _count_nonzero(x, axis=None):
    return reductions.count_nonzero(_is_set(x), axis=axis)


def _variance(x, axis, keepdims):
    """The mean of |z - mean|²."""
    z = with_shape(x)
    away = z - ComplexTensor(
        *(reductions.mean(p, axis=axis, keepdims=True) for p in (z.real, z.imag))
    )
    squares = ew.add(ew.square(away.real), ew.square(away.imag))
    return reductions.mean(squares, axis=axis, keepdims=keepdims)


@rule(ew.logical_not)
def _logical_not(x):
    return ew.logical_not(_is_set(x))


@rule(shapes.size)
def _size(x):
    return shapes.size(with_shape(x).real)


@rule(reductions.var)
def _var(x, axis=None, keepdims=False):
    value = _variance(x, axis, keepdims)
    return ComplexTensor(value, creation.zeros_like(value))


@rule(reductions.std)
def _std(x, axis=None, keepdims=False):
    return ew.sqrt(_variance(x, axis, keepdims))


@rule(numeric.isclose)
def _isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    a, b = with_shape(x1), with_shape(x2)
    bound = ew.add(ew.multiply(ew.absolute(b), rtol), atol)
    return ew.logical_or(ew.less_equal(ew.absolute(a - b), bound), ew.equal(a, b))


@rule(reductions.prod)
def _prod(x, axis=None, keepdims=False, dtype=None):
    """Halves of the axis are multiplied until one element is left."""
    z = with_shape(x)
    axes = range(z.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = sorted(a % z.ndim for a in axes)
    for a in axes:
        z = _folded(z, a)
    return z if keepdims else shapes.squeeze(z, axis=tuple(axes)) if axes else z


def _folded(z, axis):
    def cut(begin, end):
        return z[(slice(None),) * axis + (slice(begin, end),)]

    while z.shape[axis] > 1:
        half, odd = divmod(z.shape[axis], 2)
        product = cut(0, half) * cut(half, 2 * half)
        z = joins.concatenate([product, cut(2 * half, None)], axis=axis) if odd else product
    if z.shape[axis] == 0:
        shape = [1 if i == axis else d for i, d in enumerate(z.shape)]
        return with_shape(np.ones(shape, "complex64"))
    return z


@rule(neural.softmax)
def _softmax(x, axis=-1):
    """exp(z - m) / sum exp(z - m), m the largest real part."""
    z = with_shape(x)
    shifted = ew.exp(z - reductions.max(z.real, axis=axis, keepdims=True))
    return shifted / reductions.sum(shifted, axis=axis, keepdims=True)


@rule(neural.log_softmax)
def _log_softmax(x, axis=-1):
    """z - m - log sum exp(z - m), m the largest real part."""
    z = with_shape(x)
    shifted = z - reductions.max(z.real, axis=axis, keepdims=True)
    return shifted - ew.log(reductions.sum(ew.exp(shifted), axis=axis, keepdims=True))


@rule(factorizations.solve)
def _solve(a, b):
    """[[x, -y], [y, x]] (u, v) = (p, q) for (x + iy)(u + iv) = p + iq."""
    a, b = with_shape(a), with_shape(b)
    factorizations._check_system(a, b)
    vectors = factorizations._is_vectors(a, b)
    if vectors:
        b = shapes.expand_dims(b, -1)
    rows = [[a.real, ew.negative(a.imag)], [a.imag, a.real]]
    block = joins.concatenate([joins.concatenate(row, axis=-1) for row in rows], axis=-2)
    both = factorizations.solve(block, joins.concatenate([b.real, b.imag], axis=-2))
    out = ComplexTensor(*joins.split(both, 2, axis=-2))
    return shapes.squeeze(out, axis=-1) if vectors else out


@rule(factorizations.inv)
def _inv(x):
    z = with_shape(x)
    size = z.shape[-1]
    one = ew.add(creation.eye(size), creation.zeros_like(z.real))
    return _solve(z, one)


def _methods():
    names = {
        "sum": reductions.sum, "mean": reductions.mean, "prod": reductions.prod,
        "var": reductions.var, "std": reductions.std, "squeeze": shapes.squeeze,
        "swapaxes": shapes.swapaxes, "ravel": shapes.ravel, "flatten": shapes.ravel,
        "dot": products.dot, "copy": shapes.copy, "astype": control.cast, "take": indexing.take,
        "any": reductions.any, "all": reductions.all, "diagonal": diagonals.diagonal,
        "trace": diagonals.trace, "cumsum": reductions.cumsum, "repeat": shapes.repeat,
        "cumprod": reductions.cumprod, "max": reductions.max, "min": reductions.min,
        "argsort": reductions.argsort,
    }  # fmt: skip
    for name, function in names.items():
        setattr(ComplexTensor, name, _method(function))
    ComplexTensor.transpose = lambda self, *axes: shapes.transpose(
        self, axes=(axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None
    )
    ComplexTensor.T = property(lambda self: shapes.transpose(self))
    ComplexTensor.__pow__ = lambda self, n: ew.power(self, n)
    ComplexTensor.__rpow__ = lambda self, x: ew.power(x, self)


def _method(function):
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


_methods()

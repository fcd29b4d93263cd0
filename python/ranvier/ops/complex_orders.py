"""What sorts, extremes, running products and determinants do with complex values.

Complex numbers are ordered by their real, then by their imaginary parts.
"""

from __future__ import annotations

import math

import numpy as np

from ranvier import config
from ranvier.ops import (
    control,
    creation,
    factorizations,
    indexing,
    mapping,
    reductions,
    shapes,
)
from ranvier.ops import elementwise as ew
from ranvier.ops._define import axis_tuple
from ranvier.ops._host import host_call
from ranvier.ops.complex_rules import rule
from ranvier.ops.complex_values import ComplexTensor, apart, binary, together, with_shape


@rule(reductions.argsort)
def _argsort(x, axis=-1):
    """Both sorts are stable: the first one, by imaginary parts, settles ties of the second."""
    z = with_shape(x)
    if axis is None or not z.shape:
        z, axis = shapes.ravel(z), 0
    order = reductions.argsort(z.imag, axis)
    real = indexing.take_along_axis(z.real, order, axis)
    return indexing.take_along_axis(order, reductions.argsort(real, axis), axis)


@rule(reductions.sort)
def _sort(x, axis=-1):
    z = with_shape(x)
    if axis is None:
        z, axis = shapes.ravel(z), 0
    return indexing.take_along_axis(z, _argsort(z, axis), axis)


def _places(reduce, worst, x):
    """Indices (..., 1) along the last axis of the first extreme number; NaN wins."""

    def hits(values):
        edge = reduce(values, axis=-1, keepdims=True)
        return ew.logical_or(ew.equal(values, edge), ew.isnan(values))

    by_real = hits(x.real)
    both = ew.logical_and(by_real, hits(ew.where(by_real, x.imag, worst)))
    return reductions.argmax(control.cast(both, "int32"), axis=-1, keepdims=True)


def _extremum(reduce, choose, worst):
    def extremum(x, axis=None, keepdims=False, initial=None):
        z = with_shape(x)
        axes = axis_tuple(axis, z.ndim)
        kept = [1 if i in axes else d for i, d in enumerate(z.shape)]
        rest = [i for i in range(z.ndim) if i not in axes]
        if reductions.any_zero(z.shape, axes):
            # Refused without `initial`.
            empty = reduce(z.real, axis=axes, keepdims=True, initial=None if initial is None else 0)
            out = binary("add", empty, initial)
        else:
            flat = shapes.transpose(z, (*rest, *axes))
            count = math.prod(z.shape[a] for a in axes)
            flat = shapes.reshape(flat, [*(z.shape[i] for i in rest), count])
            out = indexing.take_along_axis(flat, _places(reduce, worst, flat), -1)
            out = shapes.reshape(out, kept)
            out = out if initial is None else with_shape(choose(out, initial))
        return out if keepdims else shapes.reshape(out, [z.shape[i] for i in rest])

    return extremum


_max = _extremum(reductions.max, ew.maximum, -math.inf)
_min = _extremum(reductions.min, ew.minimum, math.inf)
rule(reductions.max, reductions.amax)(_max)
rule(reductions.min, reductions.amin)(_min)


@rule(reductions.ptp)
def _ptp(x, axis=None, keepdims=False):
    return _max(x, axis, keepdims) - _min(x, axis, keepdims)


@rule(reductions.logsumexp)
def _logsumexp(x, axis=None, keepdims=False):
    """log sum exp(z - m) + m, m the largest real part."""
    z = with_shape(x)
    most = control.stop_gradient(reductions.max(z.real, axis=axis, keepdims=True))
    out = ew.log(reductions.sum(ew.exp(z - most), axis=axis, keepdims=True)) + most
    return out if keepdims else shapes.squeeze(out, axis=axis_tuple(axis, z.ndim))


@rule(reductions.cumprod)
def _cumprod(x, axis=None, dtype=None):
    z = with_shape(x)
    if dtype is not None and config.standardize_dtype(dtype) != "complex64":
        return reductions.cumprod(control.cast(z, dtype), axis)
    if axis is None:
        z, axis = shapes.ravel(z), 0

    def joined(a, b):
        return apart(binary("multiply", ComplexTensor(*a), ComplexTensor(*b)))

    return together(mapping.associative_scan(joined, apart(z), axis=axis))


def _numpy_det(real, imag):
    value = np.linalg.det(real + 1j * imag)
    return np.asarray(value.real, real.dtype), np.asarray(value.imag, real.dtype)


def _det_gradient(inputs, outputs, grads):
    """d det = sum C dA, C = det inv(A)' the cofactors."""
    det = ComplexTensor(*outputs)
    cofactors = shapes.expand_dims(det, (-1, -2)) * shapes.swapaxes(
        factorizations.inv(ComplexTensor(*inputs)), -1, -2
    )
    real, imag = (creation.zeros_like(y) if g is None else g for g, y in zip(grads, outputs))
    slope = shapes.expand_dims(ComplexTensor(real, ew.negative(imag)), (-1, -2)) * cofactors
    return [slope.real, ew.negative(slope.imag)]


@rule(factorizations.det)
def _det(x):
    z = with_shape(x)
    factorizations._check_square(z)
    spec = (list(z.shape[:-2]), "float32")
    return ComplexTensor(
        *host_call(_numpy_det, [z.real, z.imag], [spec] * 2, gradient=_det_gradient)
    )

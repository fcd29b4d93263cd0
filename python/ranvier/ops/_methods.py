"""The methods of NumPy arrays on tensors: `x.mean(axis=0)` is `ops.mean(x, axis=0)`.

What Keras gives on its JAX backend are JAX arrays, which have them; so programs and tests use them.
"""

from __future__ import annotations

import math

from ranvier import _backend as B
from ranvier.config import standardize_dtype
from ranvier.ops import diagonals, elementwise, indexing, products, reductions, shapes, special
from ranvier.ops._define import cast


def _reduction(fn):
    """With `dtype`, the values are of it before they are reduced."""

    def method(self, axis=None, dtype=None, out=None, keepdims=False):
        _no_out(out)
        return fn(_in_dtype(self, dtype), axis=axis, keepdims=keepdims)

    return method


def _in_dtype(x, dtype):
    return x if dtype is None else cast(x, standardize_dtype(dtype))


def _spread(root):
    def method(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        _no_out(out)
        result = reductions.var(_in_dtype(self, dtype), axis=axis, keepdims=keepdims)
        if ddof:
            count = self.size // max(math.prod(result.shape), 1)
            result = elementwise.multiply(result, count / (count - ddof))
        return elementwise.sqrt(result) if root else result

    return method


def _place(fn):
    def method(self, axis=None, out=None, keepdims=False):
        _no_out(out)
        return fn(self, axis=axis, keepdims=keepdims)

    return method


def _cumulative(fn):
    def method(self, axis=None, dtype=None, out=None):
        _no_out(out)
        return fn(_in_dtype(self, dtype), axis=axis)

    return method


def _no_out(out):
    if out is not None:
        raise TypeError("A tensor's method has no place to write to. Received: out is not None.")


def _astype(self, dtype, copy=True):
    return cast(self, standardize_dtype(dtype))


def _reshape(self, *shape):
    return shapes.reshape(self, shape[0] if len(shape) == 1 else shape)


def _transpose(self, *axes):
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        axes = axes[0]
    return shapes.transpose(self, axes=axes or None)


def _flatten(self, order="C"):
    return shapes.ravel(self)


def _clip(self, min=None, max=None):
    if min is not None:
        self = elementwise.maximum(self, min)
    return self if max is None else elementwise.minimum(self, max)


def _nonzero(self):
    return indexing.nonzero(self)


def _ptp(self, axis=None, keepdims=False):
    return reductions.ptp(self, axis, keepdims)


def _tobytes(self, order="C"):
    return self.numpy().tobytes(order)


def _view(self, dtype=None):
    return special.view(self, dtype=dtype)


METHODS = {
    **{name: _reduction(getattr(reductions, name)) for name in ("sum", "mean", "prod")},
    **{name: _place(getattr(reductions, name)) for name in ("all", "any", "max", "min")},
    "std": _spread(root=True),
    "var": _spread(root=False),
    **{name: _place(getattr(reductions, name)) for name in ("argmax", "argmin")},
    **{name: _cumulative(getattr(reductions, name)) for name in ("cumsum", "cumprod")},
    "astype": _astype,
    "reshape": _reshape,
    "transpose": _transpose,
    "flatten": _flatten,
    "ravel": _flatten,
    "clip": _clip,
    "copy": lambda self: shapes.copy(self),
    "conj": lambda self: special.conj(self),
    "conjugate": lambda self: special.conj(self),
    "round": lambda self, decimals=0: elementwise.round(self, decimals),
    "dot": lambda self, other: products.dot(self, other),
    "squeeze": lambda self, axis=None: shapes.squeeze(self, axis=axis),
    "swapaxes": lambda self, axis1, axis2: shapes.swapaxes(self, axis1, axis2),
    "repeat": lambda self, repeats, axis=None: shapes.repeat(self, repeats, axis=axis),
    "take": lambda self, indices, axis=None: indexing.take(self, indices, axis=axis),
    "sort": lambda self, axis=-1: reductions.sort(self, axis=axis),
    "argsort": lambda self, axis=-1: reductions.argsort(self, axis=axis),
    "diagonal": lambda self, offset=0, axis1=0, axis2=1: diagonals.diagonal(
        self, offset=offset, axis1=axis1, axis2=axis2
    ),
    "trace": lambda self, offset=0, axis1=0, axis2=1: diagonals.trace(
        self, offset=offset, axis1=axis1, axis2=axis2
    ),
}

# Those that give no single tensor, or that arrays of NumPy 2 no longer have.
OTHER_METHODS = {
    "nonzero": _nonzero,
    "ptp": _ptp,
    "tobytes": _tobytes,
    "view": _view,
}

PROPERTIES = {
    "T": lambda self: shapes.transpose(self),
    "mT": lambda self: shapes.swapaxes(self, -1, -2),
    "real": lambda self: special.real(self),
    "imag": lambda self: special.imag(self),
    "device": lambda self: "cpu",
    "itemsize": lambda self: self.nbytes // max(self.size, 1),
}


def install() -> None:
    """Gives `Tensor` the methods."""
    for name, fn in (METHODS | OTHER_METHODS).items():
        setattr(B.Tensor, name, fn)
    for name, fn in PROPERTIES.items():
        setattr(B.Tensor, name, property(fn))

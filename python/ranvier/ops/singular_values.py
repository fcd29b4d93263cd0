"""The singular value decomposition, and what follows from it."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops._define import LINALG, cast, expand, op, promote_pair, to_float
from ranvier.ops._host import host_call
from ranvier.ops.factorizations import (
    _back,
    _check_matrix,
    _eye,
    _off_diagonal_inverse,
    _or_zeros,
    _row,
    _spec,
    _t,
    _wide,
)
from ranvier.ops.products import matmul


def _svd_gradient(inputs, outputs, grads, full_matrices):
    # Reduced factors A = U diag(s) V^T, with F_ij = 1 / (s_j^2 - s_i^2) off the diagonal:
    # dA = U (diag(ds) + (F (U^T dU - dU^T U)) S + S (F (V^T dV - dV^T V))) V^T
    #      + (I - U U^T) dU S^-1 V^T + U S^-1 dV^T (I - V V^T)
    u, s, vt = outputs
    if grads[0] is None and grads[2] is None:
        # Of the values alone: no 1 / gap, which equal values have not.
        count = s.shape[-1]
        return [matmul(ew.multiply(u[..., :count], _row(grads[1])), vt[..., :count, :])]
    if full_matrices and u.shape[-1] != vt.shape[-1]:
        raise NotImplementedError(
            "svd: full matrices of an oblong matrix have no gradient. Hint: full_matrices=False."
        )
    du, ds, dvt = _or_zeros(grads, outputs)
    v, dv = _t(vt), _t(dvt)
    row = expand(s, -2)
    inverse = _off_diagonal_inverse(ew.subtract(ew.square(row), ew.square(expand(s, -1))))

    def turned(factor, grad):
        inner = matmul(_t(factor), grad)
        return ew.multiply(inverse, ew.subtract(inner, _t(inner)))

    middle = ew.add(ew.multiply(turned(u, du), row), ew.multiply(expand(s, -1), turned(v, dv)))
    middle = ew.add(middle, ew.multiply(_eye(inverse), _row(ds)))
    total = matmul(matmul(u, middle), vt)
    if u.shape[-2] > u.shape[-1]:
        rest = ew.divide(ew.subtract(du, matmul(u, matmul(_t(u), du))), row)
        total = ew.add(total, matmul(rest, vt))
    if v.shape[-2] > v.shape[-1]:
        rest = ew.divide(ew.subtract(dv, matmul(v, matmul(vt, dv))), row)
        total = ew.add(total, matmul(u, _t(rest)))
    return [total]


def _svd_host(x, full_matrices):
    return tuple(np.linalg.svd(x, full_matrices=full_matrices))


def _svd(x, full_matrices):
    m, n = x.shape[-2:]
    k = min(m, n)
    specs = [_spec(x, m, m if full_matrices else k), _spec(x, k),
             _spec(x, n if full_matrices else k, n)]  # fmt: skip
    return host_call(
        _svd_host, [x], specs, gradient=_svd_gradient,
        options=(("full_matrices", bool(full_matrices)),), name="svd",
    )  # fmt: skip


@op(LINALG, static=("full_matrices", "compute_uv"), name="SVD")
def svd(x, full_matrices=True, compute_uv=True):
    """Singular value decomposition x = u diag(s) vh of matrices (..., m, n), s descending.

    Args:
        full_matrices: whether u is (..., m, m) and vh (..., n, n), or both have min(m, n) vectors.
        compute_uv: whether to return (u, s, vh), or s (..., min(m, n)) alone.

    Example:
        >>> [part.shape for part in ops.svd(ops.ones((3, 2)), full_matrices=False)]
        [(3, 2), (2,), (2, 2)]
    """
    x = to_float(x)
    _check_matrix(x)
    out = _back(_svd(_wide(x), full_matrices and compute_uv), x.dtype)
    return out if compute_uv else out[1]


def _cut(s, rcond, shape):
    """Singular values that count, and the least of them: rcond times the largest."""
    if rcond is None:
        rcond = 10.0 * max(shape) * float(np.finfo(s.dtype).eps)
    limit = ew.multiply(red.max(s, -1, True, initial=0.0), rcond)
    return ew.greater(s, limit)


def _pinv(x, rcond):
    u, s, vt = _svd(x, False)
    kept = _cut(s, rcond, x.shape[-2:])
    inverse = ew.where(kept, ew.reciprocal(ew.where(kept, s, 1.0)), 0.0)
    return matmul(ew.multiply(_t(vt), _row(inverse)), _t(u))


@op(LINALG, static=("rcond",))
def pinv(x, rcond=None):
    """Pseudo-inverse (..., n, m) of matrices (..., m, n).

    Args:
        rcond: singular values up to rcond times the largest count as zero; 10 max(m, n) eps when
            not given.

    Example:
        >>> ops.pinv([[2.0, 0.0]]).tolist()
        [[0.5], [0.0]]
    """
    x = to_float(x)
    _check_matrix(x)
    return _back(_pinv(_wide(x), rcond), x.dtype)


@op(LINALG, static=("rcond",))
def lstsq(a, b, rcond=None):
    """The least-squares solution x of a x = b with the smallest norm.

    Args:
        a: (m, n).
        b: (m,) or (m, k).
        rcond: singular values up to rcond times the largest count as zero; max(m, n) eps when not
            given.

    Example:
        >>> ops.lstsq([[1.0, 0.0], [0.0, 2.0]], [1.0, 2.0]).tolist()
        [1.0, 1.0]
    """
    a, b = promote_pair(a, b, floating=True)
    if len(a.shape) != 2:
        raise B.ShapeError(f"Expected a to have rank 2. Received: a.shape={tuple(a.shape)}")
    if len(b.shape) not in (1, 2):
        raise B.ShapeError(f"Expected b to have rank 1 or 2. Received: b.shape={tuple(b.shape)}")
    if a.shape[0] != b.shape[0]:
        raise B.ShapeError(
            "Expected b.shape[0] to be equal to a.shape[0]. Received: "
            f"a.shape={tuple(a.shape)}, b.shape={tuple(b.shape)}"
        )
    wide = _wide(a)
    if rcond is None:
        rcond = max(a.shape) * float(np.finfo(wide.dtype).eps)
    return _back(matmul(_pinv(wide, rcond), _wide(b)), a.dtype)


@op(LINALG, static=("tol",))
def matrix_rank(x, tol=None):
    """Number of singular values above `tol` (max(m, n) eps times the largest), int32 (...).

    Example:
        >>> ops.matrix_rank([[1.0, 0.0], [0.0, 0.0]]).tolist()
        1
    """
    x = _wide(x)
    _check_matrix(x)
    s = _svd(x, False)[1]
    if tol is None:
        kept = _cut(s, max(x.shape[-2:]) * float(np.finfo(x.dtype).eps), x.shape[-2:])
    else:
        kept = ew.greater(s, tol)
    return red.sum(cast(kept, "int32"), -1)


def _spectral_norm(x, ord, keepdims):
    """Norms by singular values of (..., m, n): 'nuc', 2 and -2."""
    s = _svd(_wide(x), False)[1]
    pick = {"nuc": red.sum, 2: red.max, -2: red.min}[ord]
    out = cast(pick(s, -1), x.dtype)
    return expand(expand(out, -1), -1) if keepdims else out

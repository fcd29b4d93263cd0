"""Linear algebra: LAPACK through NumPy as host calls, gradients as compositions of ops."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.ops import creation
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops import shapes as sh
from ranvier.ops._define import LINALG, cast, expand, op, promote_pair, reshape, to_float
from ranvier.ops._host import host_call
from ranvier.ops.products import matmul

# --- shared ---------------------------------------------------------------------------------------


def _check_matrix(*tensors):
    for x in tensors:
        if len(x.shape) < 2:
            raise B.ShapeError(
                f"Expected input to have rank >= 2. Received input with shape {tuple(x.shape)}."
            )


def _check_square(x):
    _check_matrix(x)
    if x.shape[-1] != x.shape[-2]:
        raise B.ShapeError(
            f"Expected a square matrix. Received non-square input with shape {tuple(x.shape)}"
        )


def _check_system(a, b):
    _check_square(a)
    if not b.shape:
        raise B.ShapeError("Expected input to have rank >= 1. Received a scalar.")
    rows = -1 if len(a.shape) == len(b.shape) + 1 else -2
    if b.shape[rows] != a.shape[-1]:
        raise B.ShapeError(
            "Incompatible shapes between `a` and `b`. Expected as many rows in both. Received: "
            f"a.shape={tuple(a.shape)}, b.shape={tuple(b.shape)}"
        )


def _wide(x):
    """LAPACK has single and double precision: half precision computes in single."""
    x = to_float(x)
    return cast(x, "float32") if x.dtype in ("float16", "bfloat16") else x


def _back(out, dtype):
    if isinstance(out, tuple):
        return tuple(_back(o, dtype) for o in out)
    return cast(out, dtype) if out.dtype in ("float32", "float64") else out


def _t(x):
    return sh.swapaxes(x, -1, -2)


def _eye(x):
    return creation.eye(x.shape[-1], dtype=x.dtype)


def _symmetric(x):
    return ew.multiply(ew.add(x, _t(x)), 0.5)


def _or_zeros(grads, outputs):
    return [creation.zeros_like(y) if g is None else g for g, y in zip(grads, outputs)]


def _spec(x, *shape):
    return (list(x.shape[:-2]) + list(shape), x.dtype)


# --- square systems -------------------------------------------------------------------------------


def _inv_gradient(inputs, outputs, grads):
    y = _t(outputs[0])
    return [ew.negative(matmul(matmul(y, grads[0]), y))]


def _inv(x):
    return host_call(np.linalg.inv, [x], [(x.shape, x.dtype)], gradient=_inv_gradient)


@op(LINALG)
def inv(x):
    """Inverse of square matrices (..., m, m).

    Raises:
        ValueError: a matrix that is not square, or singular.
    """
    x = to_float(x)
    _check_square(x)
    return _back(_inv(_wide(x)), x.dtype)


def _det_gradient(inputs, outputs, grads):
    scale = ew.multiply(grads[0], outputs[0])
    return [ew.multiply(expand(expand(scale, -1), -1), _t(_inv(inputs[0])))]


@op(LINALG)
def det(x):
    """Determinants (...) of square matrices (..., m, m)."""
    x = to_float(x)
    _check_square(x)
    wide = _wide(x)
    return _back(host_call(np.linalg.det, [wide], [_spec(wide)], gradient=_det_gradient), x.dtype)


def _slogdet(x):
    sign, log = np.linalg.slogdet(x)
    return np.asarray(sign), np.asarray(log)


def _slogdet_gradient(inputs, outputs, grads):
    if grads[1] is None:
        return [None]
    return [ew.multiply(expand(expand(grads[1], -1), -1), _t(_inv(inputs[0])))]


@op("keras.src.ops.numpy")
def slogdet(x):
    """Sign and logarithm of the absolute value of determinants: two tensors (...)."""
    x = to_float(x)
    _check_square(x)
    wide = _wide(x)
    out = host_call(_slogdet, [wide], [_spec(wide), _spec(wide)], gradient=_slogdet_gradient)
    return _back(out, x.dtype)


@op("keras.src.ops.math")
def logdet(x):
    """Logarithm of the absolute value of determinants (...)."""
    return slogdet(x)[1]


def _solve_host(a, b):
    return np.linalg.solve(a, b)


def _solve_gradient(inputs, outputs, grads):
    a, x = inputs[0], outputs[0]
    db = _solve(_t(a), grads[0])
    return [_sum_to(ew.negative(matmul(db, _t(x))), a.shape), _sum_to(db, inputs[1].shape)]


def _sum_to(x, shape):
    """Sums over leading axes that `shape` does not have or has once."""
    extra = len(x.shape) - len(shape)
    axes = list(range(extra))
    axes += [i + extra for i, d in enumerate(shape) if d == 1 and x.shape[i + extra] != 1]
    return reshape(red.sum(x, axes), list(shape)) if axes else x


def _batch(a, b):
    return list(np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2])))


def _solve(a, b):
    shape = [*_batch(a, b), *b.shape[-2:]]
    return host_call(
        _solve_host, [a, b], [(shape, a.dtype)], gradient=_solve_gradient, name="solve"
    )


def _with_columns(a, b, run):
    """Runs a solver on matrices of right-hand sides; a vector per system becomes one column."""
    a, b = promote_pair(a, b, floating=True)
    _check_system(a, b)
    dtype, wide_a, wide_b = a.dtype, _wide(a), _wide(b)
    if len(b.shape) == len(a.shape) - 1:
        out = reshape(run(wide_a, expand(wide_b, -1)), list(b.shape))
    else:
        out = run(wide_a, wide_b)
    return _back(out, dtype)


@op(LINALG)
def solve(a, b):
    """x with a x = b.

    Args:
        a: (..., m, m) square matrices.
        b: (..., m) or (..., m, n).

    Raises:
        ValueError: shapes that do not fit, or a singular matrix.
    """
    return _with_columns(a, b, _solve)


def _triangle(x, lower):
    return sh.tril(x) if lower else sh.triu(x)


def _solve_triangular_host(a, b, lower):
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)


def _solve_triangular_gradient(inputs, outputs, grads, lower):
    a, x = inputs[0], outputs[0]
    db = _solve_triangular(_t(a), grads[0], not lower)
    da = _triangle(ew.negative(matmul(db, _t(x))), lower)
    return [_sum_to(da, a.shape), _sum_to(db, inputs[1].shape)]


def _solve_triangular(a, b, lower):
    return host_call(
        _solve_triangular_host, [a, b], [([*_batch(a, b), *b.shape[-2:]], a.dtype)],
        gradient=_solve_triangular_gradient, options=(("lower", bool(lower)),),
        name="solve_triangular",
    )  # fmt: skip


@op(LINALG, static=("lower",))
def solve_triangular(a, b, lower=False):
    """x with a x = b for a triangular a (..., m, m); the other triangle is not read."""
    return _with_columns(a, b, lambda a, b: _solve_triangular(a, b, lower))


# --- Cholesky -------------------------------------------------------------------------------------


def _cholesky_gradient(inputs, outputs, grads):
    # dA = L^-T phi(L^T dL) L^-1 with phi the lower triangle, its diagonal halved.
    factor = outputs[0]
    inner = sh.tril(matmul(_t(factor), grads[0]))
    half = ew.multiply(_eye(factor), 0.5)
    inner = ew.multiply(inner, ew.subtract(creation.ones_like(half), half))
    left = _solve_triangular(_t(factor), inner, False)
    return [_symmetric(_t(_solve_triangular(_t(factor), _t(left), False)))]


@op(LINALG, static=("upper",))
def cholesky(x, upper=False):
    """The lower (or upper) triangular factor of positive definite matrices (..., m, m).

    Raises:
        ValueError: a matrix that is not square, or not positive definite.
    """
    x = to_float(x)
    _check_square(x)
    wide = _symmetric(_wide(x))
    factor = host_call(
        np.linalg.cholesky, [wide], [(wide.shape, wide.dtype)], gradient=_cholesky_gradient,
        name="Cholesky decomposition failed",
    )  # fmt: skip
    return _back(_t(factor) if upper else factor, x.dtype)


@op(LINALG, static=("upper",))
def cholesky_inverse(x, upper=False):
    """The inverse of matrices from their Cholesky factors (..., m, m)."""
    x = to_float(x)
    _check_square(x)
    wide = _wide(x)
    inverse = _solve_triangular(wide, _eye(wide), not upper)
    out = matmul(inverse, _t(inverse)) if upper else matmul(_t(inverse), inverse)
    return _back(out, x.dtype)


# --- eigenvalues ----------------------------------------------------------------------------------


def _off_diagonal_inverse(gap):
    """1 / gap off the diagonal, 0 on it."""
    diagonal = _eye(gap)
    safe = ew.add(gap, diagonal)
    return ew.multiply(ew.reciprocal(safe), ew.subtract(creation.ones_like(diagonal), diagonal))


def _eigh_gradient(inputs, outputs, grads):
    # dA = V (diag(dw) + F (V^T dV)) V^T, F_ij = 1 / (w_j - w_i) off the diagonal.
    values, vectors = outputs
    if grads[1] is None:
        return [_symmetric(matmul(ew.multiply(vectors, _row(grads[0])), _t(vectors)))]
    dw, dv = _or_zeros(grads, outputs)
    inverse = _off_diagonal_inverse(ew.subtract(expand(values, -2), expand(values, -1)))
    inner = ew.multiply(inverse, matmul(_t(vectors), dv))
    inner = ew.add(inner, ew.multiply(_eye(vectors), expand(dw, -2)))
    return [_symmetric(matmul(matmul(vectors, inner), _t(vectors)))]


def _eigh_host(x):
    return tuple(np.linalg.eigh(x))


@op(LINALG)
def eigh(x):
    """Ascending eigenvalues (..., m) and eigenvectors (..., m, m) of symmetric matrices."""
    x = to_float(x)
    _check_square(x)
    wide = _symmetric(_wide(x))
    specs = [_spec(wide, wide.shape[-1]), (wide.shape, wide.dtype)]
    return _back(
        host_call(_eigh_host, [wide], specs, gradient=_eigh_gradient, name="eigh"), x.dtype
    )


def _eig_host(x):
    values, vectors = np.linalg.eig(x)
    if np.iscomplexobj(values):
        if np.any(values.imag):
            raise ValueError("the eigenvalues are complex; tensors in a program are real")
        values, vectors = values.real, vectors.real
    return values, vectors


@op(LINALG)
def eig(x):
    """Eigenvalues (..., m) and eigenvectors (..., m, m) of square matrices.

    On values the results are complex64 NumPy arrays (complex128 for float64). Inside a program they
    are real tensors, and complex eigenvalues are an error. No gradient.
    """
    x = to_float(x)
    _check_square(x)
    if x.is_symbol:
        wide = _wide(x)
        specs = [_spec(wide, wide.shape[-1]), (wide.shape, wide.dtype)]
        return host_call(_eig_host, [wide], specs, name="eig")
    value = _wide(x).numpy()
    kind = "complex128" if value.dtype == np.float64 else "complex64"
    return tuple(part.astype(kind) for part in np.linalg.eig(value))


# --- orthogonal factors ---------------------------------------------------------------------------


def _qr_gradient(inputs, outputs, grads, mode):
    # dA = (dQ + Q copyltu(R dR^T - dQ^T Q)) R^-T; copyltu mirrors the lower triangle.
    q, r = outputs
    dq, dr = _or_zeros(grads, outputs)
    n = r.shape[-1]
    if q.shape[-1] > n:
        q, dq = q[..., :n], ew.add(dq[..., :n], _complement_gradient(q[..., :n], dq[..., n:]))
        r, dr = r[..., :n, :], dr[..., :n, :]
    inner = ew.subtract(matmul(r, _t(dr)), matmul(_t(dq), q))
    mirrored = ew.add(sh.tril(inner), _t(sh.tril(inner, -1)))
    total = ew.add(dq, matmul(q, mirrored))
    return [_t(_solve_triangular(r, _t(total), False))]


def _complement_gradient(q, grad):
    # A product of n reflectors is known by its first n columns q = E + Y, E the first columns of I:
    # the others are E2 + Y Z with Z = Y1^-T Y2^T, Y1 the first n rows of Y, Y2 the rest.
    n = q.shape[-1]
    y = ew.subtract(q, creation.eye(q.shape[-2], n, dtype=q.dtype))
    top = y[..., :n, :]
    z = _solve(_t(top), _t(y[..., n:, :]))
    d_rest = _solve(top, matmul(_t(y), grad))
    d_rows = [ew.negative(matmul(z, _t(d_rest))), _t(d_rest)]
    return ew.add(matmul(grad, _t(z)), sh.concatenate(d_rows, axis=-2))


def _qr_host(x, mode):
    return tuple(np.linalg.qr(x, mode=mode))


@op(LINALG, static=("mode",), name="Qr")
def qr(x, mode="reduced"):
    """Orthogonal and upper triangular factors of matrices (..., m, n).

    Args:
        mode: "reduced" (q is (..., m, k), r is (..., k, n), k = min(m, n)) or "complete" (q is
            (..., m, m), r is (..., m, n)).
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            "`mode` argument value not supported. Expected one of {'reduced', 'complete'}. "
            f"Received: mode={mode}"
        )
    x = to_float(x)
    _check_matrix(x)
    wide = _wide(x)
    m, n = wide.shape[-2:]
    if m >= n:
        return _back(_qr(wide, mode), x.dtype)
    # The first m columns give q, the others are seen from it: r = (r1, q^T x2).
    q, r = _qr(wide[..., :m], mode)
    rest = matmul(_t(q), wide[..., m:])
    return _back((q, sh.concatenate([r, rest], axis=-1)), x.dtype)


def _qr(x, mode):
    m, n = x.shape[-2:]
    k = m if mode == "complete" else n
    return host_call(
        _qr_host, [x], [_spec(x, m, k), _spec(x, k, n)], gradient=_qr_gradient,
        options=(("mode", mode),), name="qr",
    )  # fmt: skip


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


def _row(x):
    """A new axis before the last."""
    return expand(x, -2)


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
    """
    x = to_float(x)
    _check_matrix(x)
    out = _back(_svd(_wide(x), full_matrices and compute_uv), x.dtype)
    return out if compute_uv else out[1]


def _cut(s, rcond, shape):
    """Singular values that count, and the least of them: rcond times the largest."""
    if rcond is None:
        rcond = 10.0 * max(shape) * float(np.finfo(s.dtype).eps)
    limit = ew.multiply(red.max(s, -1, True), rcond)
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
    """Number of singular values above `tol` (max(m, n) eps times the largest), int32 (...)."""
    x = _wide(x)
    _check_matrix(x)
    s = _svd(x, False)[1]
    if tol is None:
        kept = _cut(s, max(x.shape[-2:]) * float(np.finfo(x.dtype).eps), x.shape[-2:])
    else:
        kept = ew.greater(s, tol)
    return red.sum(cast(kept, "int32"), -1)


# --- LU -------------------------------------------------------------------------------------------


def _lu_host(x):
    """Row-pivoted elimination of every matrix: factors packed into one, and the row swaps."""
    packed = np.array(x)
    m, n = packed.shape[-2:]
    flat = packed.reshape(-1, m, n)
    pivots = np.empty((flat.shape[0], min(m, n)), "int32")
    for matrix, swaps in zip(flat, pivots):
        for k in range(min(m, n)):
            best = k + int(np.argmax(np.abs(matrix[k:, k])))
            swaps[k] = best
            if best != k:
                matrix[[k, best]] = matrix[[best, k]]
            if matrix[k, k] != 0:
                matrix[k + 1 :, k] /= matrix[k, k]
                matrix[k + 1 :, k + 1 :] -= np.outer(matrix[k + 1 :, k], matrix[k, k + 1 :])
    return packed, pivots.reshape(*packed.shape[:-2], min(m, n))


@op(LINALG)
def lu_factor(x):
    """LU factors of matrices (..., m, n), rows pivoted.

    Returns:
        (..., m, n): U on and above the diagonal, L below it (its diagonal is one); and the int32
        row that each of the min(m, n) rows was swapped with. No gradient.
    """
    x = to_float(x)
    _check_matrix(x)
    wide = _wide(x)
    m, n = wide.shape[-2:]
    pivots = (list(wide.shape[:-2]) + [min(m, n)], "int32")
    return _back(host_call(_lu_host, [wide], [(wide.shape, wide.dtype), pivots],
                           name="lu_factor"), x.dtype)  # fmt: skip


def _spectral_norm(x, ord, keepdims):
    """Norms by singular values of (..., m, n): 'nuc', 2 and -2."""
    s = _svd(_wide(x), False)[1]
    pick = {"nuc": red.sum, 2: red.max, -2: red.min}[ord]
    out = cast(pick(s, -1), x.dtype)
    return expand(expand(out, -1), -1) if keepdims else out

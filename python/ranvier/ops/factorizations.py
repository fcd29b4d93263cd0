"""Linear algebra: LAPACK through NumPy as host calls, gradients as compositions of ops."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier.ops import creation, diagonals, joins
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


def _broadcast(a, b):
    """The shape of both batches together; None when they do not fit."""
    try:
        return list(np.broadcast_shapes(tuple(a), tuple(b)))
    except ValueError:
        return None


def _is_vectors(a, b):
    """Whether b is one vector for all systems, or one for each (..., m); else it is matrices."""
    if len(b.shape) == 1:
        return True
    fits = len(b.shape) == len(a.shape) - 1 and b.shape[-1] == a.shape[-1]
    return fits and _broadcast(a.shape[:-2], b.shape[:-1]) is not None


def _check_system(a, b):
    _check_square(a)
    if not b.shape:
        raise B.ShapeError("Expected input to have rank >= 1. Received a scalar.")
    columns = 0 if _is_vectors(a, b) else 1
    rows, batch = b.shape[-1 - columns], b.shape[: -1 - columns]
    if rows != a.shape[-1] or _broadcast(a.shape[:-2], batch) is None:
        raise B.ShapeError(
            "Incompatible shapes between `a` and `b`. Expected as many rows in both, and batches "
            f"that broadcast. Received: a.shape={tuple(a.shape)}, b.shape={tuple(b.shape)}"
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


def _row(x):
    """A new axis before the last."""
    return expand(x, -2)


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

    Example:
        >>> ops.inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    x = to_float(x)
    _check_square(x)
    return _back(_inv(_wide(x)), x.dtype)


def _det_gradient(inputs, outputs, grads):
    scale = ew.multiply(grads[0], outputs[0])
    return [ew.multiply(expand(expand(scale, -1), -1), _t(_inv(inputs[0])))]


@op(LINALG)
def det(x):
    """Determinants (...) of square matrices (..., m, m).

    Example:
        >>> ops.det([[2.0, 0.0], [0.0, 4.0]]).tolist()
        8.0
    """
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
    """Sign and logarithm of the absolute value of determinants: two tensors (...).

    Example:
        >>> [part.shape for part in ops.slogdet(ops.ones((3, 2, 2)))]
        [(3,), (3,)]
    """
    x = to_float(x)
    _check_square(x)
    wide = _wide(x)
    out = host_call(_slogdet, [wide], [_spec(wide), _spec(wide)], gradient=_slogdet_gradient)
    return _back(out, x.dtype)


@op("keras.src.ops.math")
def logdet(x):
    """Logarithm of the absolute value of determinants (...).

    Example:
        >>> ops.logdet([[1.0, 0.0], [0.0, 1.0]]).tolist()
        0.0
    """
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


def _solution(a, b):
    """Shape and dtype of x in a x = b of matrices."""
    return [*_broadcast(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]], a.dtype


def _solve(a, b):
    return host_call(_solve_host, [a, b], [_solution(a, b)], gradient=_solve_gradient, name="solve")


def _with_columns(a, b, run):
    """Runs a solver on matrices of right-hand sides; vectors become matrices of one column."""
    a, b = promote_pair(a, b, floating=True)
    _check_system(a, b)
    dtype, wide_a, wide_b = a.dtype, _wide(a), _wide(b)
    if _is_vectors(a, b):
        out = run(wide_a, expand(wide_b, -1))
        return _back(reshape(out, list(out.shape[:-1])), dtype)
    return _back(run(wide_a, wide_b), dtype)


@op(LINALG)
def solve(a, b):
    """x with a x = b.

    Args:
        a: (..., m, m) square matrices.
        b: (m,), (..., m) or (..., m, n); batches broadcast. Where (..., m) and (..., m, n) both
            fit, b is a vector for each system.

    Raises:
        ValueError: shapes that do not fit, or a singular matrix.

    Example:
        >>> ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).tolist()
        [1.0, 0.5]
    """
    return _with_columns(a, b, _solve)


def _triangle(x, lower):
    return diagonals.tril(x) if lower else diagonals.triu(x)


def _solve_triangular_host(a, b, lower):
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)


def _solve_triangular_gradient(inputs, outputs, grads, lower):
    a, x = inputs[0], outputs[0]
    db = _solve_triangular(_t(a), grads[0], not lower)
    da = _triangle(ew.negative(matmul(db, _t(x))), lower)
    return [_sum_to(da, a.shape), _sum_to(db, inputs[1].shape)]


def _solve_triangular(a, b, lower):
    return host_call(
        _solve_triangular_host, [a, b], [_solution(a, b)],
        gradient=_solve_triangular_gradient, options=(("lower", bool(lower)),),
        name="solve_triangular",
    )  # fmt: skip


@op(LINALG, static=("lower",))
def solve_triangular(a, b, lower=False):
    """x with a x = b for a triangular a (..., m, m); the other triangle is not read.

    Args:
        a: (..., m, m).
        b: (m,), (..., m) or (..., m, n), as for `solve`.
        lower: whether the lower triangle of a is read.

    Raises:
        ValueError: shapes that do not fit, or a singular matrix.

    Example:
        >>> ops.solve_triangular([[2.0, 0.0], [2.0, 1.0]], [[2.0], [3.0]], lower=True).tolist()
        [[1.0], [1.0]]
    """
    return _with_columns(a, b, lambda a, b: _solve_triangular(a, b, lower))


# --- Cholesky -------------------------------------------------------------------------------------


def _cholesky_gradient(inputs, outputs, grads):
    # dA = L^-T phi(L^T dL) L^-1 with phi the lower triangle, its diagonal halved.
    factor = outputs[0]
    inner = diagonals.tril(matmul(_t(factor), grads[0]))
    half = ew.multiply(_eye(factor), 0.5)
    inner = ew.multiply(inner, ew.subtract(creation.ones_like(half), half))
    left = _solve_triangular(_t(factor), inner, False)
    return [_symmetric(_t(_solve_triangular(_t(factor), _t(left), False)))]


@op(LINALG, static=("upper",))
def cholesky(x, upper=False):
    """The lower (or upper) triangular factor of positive definite matrices (..., m, m).

    Raises:
        ValueError: a matrix that is not square, or not positive definite.

    Example:
        >>> ops.cholesky([[4.0, 0.0], [0.0, 9.0]]).tolist()
        [[2.0, 0.0], [0.0, 3.0]]
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
    """The inverse of matrices from their Cholesky factors (..., m, m).

    Args:
        x: (..., m, m), triangular.
        upper: whether x is an upper factor.

    Example:
        >>> ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]).tolist()
        [[0.25, 0.0], [0.0, 1.0]]
    """
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
    """Ascending eigenvalues (..., m) and eigenvectors (..., m, m) of symmetric matrices.

    Example:
        >>> ops.eigh([[2.0, 0.0], [0.0, 1.0]])[0].tolist()
        [1.0, 2.0]
    """
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

    Example:
        >>> [part.shape for part in ops.eig([[2.0, 0.0], [0.0, 1.0]])]
        [(2,), (2, 2)]
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
    mirrored = ew.add(diagonals.tril(inner), _t(diagonals.tril(inner, -1)))
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
    return ew.add(matmul(grad, _t(z)), joins.concatenate(d_rows, axis=-2))


def _qr_host(x, mode):
    return tuple(np.linalg.qr(x, mode=mode))


@op(LINALG, static=("mode",), name="Qr")
def qr(x, mode="reduced"):
    """Orthogonal and upper triangular factors of matrices (..., m, n).

    Args:
        mode: "reduced" (q is (..., m, k), r is (..., k, n), k = min(m, n)) or "complete" (q is
            (..., m, m), r is (..., m, n)).

    Example:
        >>> [part.shape for part in ops.qr(ops.ones((3, 2)))]
        [(3, 2), (2, 2)]
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
    return _back((q, joins.concatenate([r, rest], axis=-1)), x.dtype)


def _qr(x, mode):
    m, n = x.shape[-2:]
    k = m if mode == "complete" else n
    return host_call(
        _qr_host, [x], [_spec(x, m, k), _spec(x, k, n)], gradient=_qr_gradient,
        options=(("mode", mode),), name="qr",
    )  # fmt: skip


# --- LU -------------------------------------------------------------------------------------------


def _lu_host(x):
    """Row-pivoted elimination of every matrix: factors packed into one, and the row swaps."""
    packed = np.array(x)
    m, n = packed.shape[-2:]
    flat = packed.reshape(math.prod(packed.shape[:-2]), m, n)
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

    Example:
        >>> [part.shape for part in ops.lu_factor([[4.0, 3.0], [6.0, 3.0]])]
        [(2, 2), (2,)]
    """
    x = to_float(x)
    _check_matrix(x)
    wide = _wide(x)
    m, n = wide.shape[-2:]
    pivots = (list(wide.shape[:-2]) + [min(m, n)], "int32")
    return _back(host_call(_lu_host, [wide], [(wide.shape, wide.dtype), pivots],
                           name="lu_factor"), x.dtype)  # fmt: skip

"""Linear algebra of complex matrices, Z = X + iY.

Triangular factors come from the real form R(Z), in which every element is the block
[[x, -y], [y, x]]: R(Z W) = R(Z) R(W), R(Z^H) = R(Z)^T, and triangles stay triangles. Eigenvectors
and singular vectors, which are not unique there, come from LAPACK's complex routines.
"""

from __future__ import annotations

import numpy as np

from ranvier.ops import control, creation, diagonals, factorizations, joins, norms, products, shapes
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops import singular_values as sv
from ranvier.ops._define import axis_tuple, cast, expand
from ranvier.ops._host import host_call
from ranvier.ops.complex_rules import rule
from ranvier.ops.complex_values import ComplexTensor, binary, with_shape

_EPSILON = float(np.finfo("float32").eps)


def _matrix(x, square=False):
    z = with_shape(x)
    (factorizations._check_square if square else factorizations._check_matrix)(z)
    return z


def _transposed(z):
    """The conjugate transpose."""
    return shapes.swapaxes(z, -1, -2).conj()


def _real_form(z):
    rows = [joins.stack(row, axis=-1) for row in ([z.real, ew.negative(z.imag)], [z.imag, z.real])]
    m, n = z.shape[-2:]
    return shapes.reshape(joins.stack(rows, axis=-3), (*z.shape[:-2], 2 * m, 2 * n))


def _from_columns(form):
    """The matrix whose real form has these even columns; the odd ones are not read."""
    return ComplexTensor(form[..., 0::2, 0::2], form[..., 1::2, 0::2])


def _from_rows(form):
    return ComplexTensor(form[..., 0::2, 0::2], ew.negative(form[..., 0::2, 1::2]))


@rule(factorizations.cholesky)
def _cholesky(x, upper=False):
    return _from_columns(factorizations.cholesky(_real_form(_matrix(x, square=True)), upper=upper))


@rule(factorizations.qr)
def _qr(x, mode="reduced"):
    """Even columns of q and even rows of r have equal signs; those of the odd ones may differ."""
    z = _matrix(x)
    if mode == "complete" and z.shape[-2] > z.shape[-1]:
        raise NotImplementedError(
            "qr: complex matrices with more rows than columns have no complete factors here. "
            f"Received: x.shape={tuple(z.shape)}. Hint: mode='reduced'."
        )
    q, r = factorizations.qr(_real_form(z), mode=mode)
    return _from_columns(q), _from_rows(r)


@rule(factorizations.solve_triangular)
def _solve_triangular(a, b, lower=False):
    a = _matrix(a, square=True)
    return factorizations.solve((diagonals.tril if lower else diagonals.triu)(a), with_shape(b))


@rule(factorizations.slogdet)
def _slogdet(x):
    """log |det R(Z)| = 2 log |det Z|; the determinant of Z / |det Z|^(1/m) is the sign."""
    z = _matrix(x, square=True)
    log = ew.multiply(factorizations.slogdet(_real_form(z))[1], 0.5)
    size = ew.exp(ew.divide(ew.where(ew.isfinite(log), log, 0.0), max(1, z.shape[-1])))
    scale = ew.reciprocal(control.stop_gradient(size))
    det = factorizations.det(z * expand(expand(scale, -1), -1))
    return ew.sign(det), log


@rule(factorizations.logdet)
def _logdet(x):
    return _slogdet(x)[1]


def _parts(*values):
    return tuple(part for value in values for part in (value.real, value.imag))


def _specs(z, *sizes):
    """Two outputs, real and imaginary, for matrices of these sizes."""
    return [([*z.shape[:-2], *sizes], "float32")] * 2


def _pair(grads, outputs):
    return ComplexTensor(*factorizations._or_zeros(grads[:2], outputs[:2]))


# --- eigenvalues ----------------------------------------------------------------------------------


def _eigh_host(real, imag):
    values, vectors = np.linalg.eigh(real + 1j * imag)
    return *_parts(vectors), values


def _eigh_gradient(inputs, outputs, grads):
    """dA = V (diag(dw) + F (V^H dV)) V^H, F_ij = 1 / (w_j - w_i) off the diagonal."""
    vectors, values = ComplexTensor(*outputs[:2]), outputs[2]
    slope = creation.zeros_like(values) if grads[2] is None else grads[2]
    inner = binary("multiply", factorizations._eye(vectors.real), expand(slope, -2))
    if grads[0] is not None or grads[1] is not None:
        gap = ew.subtract(expand(values, -2), expand(values, -1))
        turned = products.matmul(_transposed(vectors), _pair(grads, outputs))
        inner = inner + turned * factorizations._off_diagonal_inverse(gap)
    total = products.matmul(products.matmul(vectors, inner), _transposed(vectors))
    return [total.real, total.imag]


@rule(factorizations.eigh)
def _eigh(x):
    z = _matrix(x, square=True)
    z = (z + _transposed(z)) * 0.5
    m = z.shape[-1]
    specs = [*_specs(z, m, m), ([*z.shape[:-1]], "float32")]
    real, imag, values = host_call(
        _eigh_host, [z.real, z.imag], specs, gradient=_eigh_gradient, name="eigh"
    )
    return values, ComplexTensor(real, imag)


def _eig_host(real, imag):
    return _parts(*np.linalg.eig(real + 1j * imag))


@rule(factorizations.eig)
def _eig(x):
    z = _matrix(x, square=True)
    m = z.shape[-1]
    out = host_call(_eig_host, [z.real, z.imag], [*_specs(z, m), *_specs(z, m, m)], name="eig")
    return ComplexTensor(*out[:2]), ComplexTensor(*out[2:])


# --- singular values ------------------------------------------------------------------------------


def _svd_host(real, imag, full_matrices):
    u, s, vh = np.linalg.svd(real + 1j * imag, full_matrices=full_matrices)
    return *_parts(u, vh), s


def _svd_gradient(inputs, outputs, grads, full_matrices):
    """dA = U diag(ds) V^H."""
    if any(g is not None for g in grads[:4]):
        raise NotImplementedError(
            "svd: singular vectors of complex matrices have no gradient; singular values have. "
            "Hint: ops.eigh of x x^H, or ops.stop_gradient."
        )
    u, vh = ComplexTensor(*outputs[:2]), ComplexTensor(*outputs[2:4])
    count = outputs[4].shape[-1]
    total = products.matmul(u[..., :count] * expand(grads[4], -2), vh[..., :count, :])
    return [total.real, total.imag]


def _factors(z, full_matrices):
    m, n = z.shape[-2:]
    k = min(m, n)
    columns, rows = (m, n) if full_matrices else (k, k)
    specs = [*_specs(z, m, columns), *_specs(z, rows, n), ([*z.shape[:-2], k], "float32")]
    out = host_call(
        _svd_host, [z.real, z.imag], specs, gradient=_svd_gradient,
        options=(("full_matrices", bool(full_matrices)),), name="svd",
    )  # fmt: skip
    return ComplexTensor(*out[:2]), out[4], ComplexTensor(*out[2:4])


@rule(sv.svd)
def _svd(x, full_matrices=True, compute_uv=True):
    out = _factors(_matrix(x), full_matrices and compute_uv)
    return out if compute_uv else out[1]


def _pinv_host(real, imag, rcond):
    return _parts(np.linalg.pinv(real + 1j * imag, rcond=rcond))


def _pinv_gradient(inputs, outputs, grads, rcond):
    """dA = (I - A P) dP^H P P^H + P^H P dP^H (I - P A) - P^H dP P^H, P the pseudo-inverse."""
    a, p, dp = ComplexTensor(*inputs), ComplexTensor(*outputs), _pair(grads, outputs)
    ph, dph = _transposed(p), _transposed(dp)
    left = products.matmul(products.matmul(dph, p), ph)
    right = products.matmul(products.matmul(ph, p), dph)
    left = left - products.matmul(products.matmul(a, p), left)
    right = right - products.matmul(right, products.matmul(p, a))
    total = left + right - products.matmul(products.matmul(ph, dp), ph)
    return [total.real, total.imag]


@rule(sv.pinv)
def _pinv(x, rcond=None):
    z = _matrix(x)
    m, n = z.shape[-2:]
    if rcond is None:
        rcond = 10.0 * max(m, n) * _EPSILON
    out = host_call(
        _pinv_host, [z.real, z.imag], _specs(z, n, m), gradient=_pinv_gradient,
        options=(("rcond", float(rcond)),), name="pinv",
    )  # fmt: skip
    return ComplexTensor(*out)


@rule(sv.lstsq)
def _lstsq(a, b, rcond=None):
    a = _matrix(a)
    rcond = max(a.shape) * _EPSILON if rcond is None else rcond
    return products.matmul(_pinv(a, rcond), with_shape(b))


@rule(sv.matrix_rank)
def _matrix_rank(x, tol=None):
    z = _matrix(x)
    s = _factors(z, False)[1]
    if tol is None:
        tol = ew.multiply(red.max(s, -1, True), max(z.shape[-2:]) * _EPSILON)
    return red.sum(cast(ew.greater(s, tol), "int32"), -1)


@rule(norms.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    """By the sizes |z|, but for the norms that singular values define."""
    z = with_shape(x)
    axes = axis_tuple(axis, z.ndim)
    if len(axes) != 2 or ord not in ("nuc", 2, -2):
        return norms.norm(ew.absolute(z), ord=ord, axis=axis, keepdims=keepdims)
    s = _factors(shapes.moveaxis(z, axes, (-2, -1)), False)[1]
    out = {"nuc": red.sum, 2: red.max, -2: red.min}[ord](s, -1)
    return shapes.expand_dims(out, sorted(axes)) if keepdims else out


# --- LU -------------------------------------------------------------------------------------------


def _lu_host(real, imag):
    packed, pivots = factorizations._lu_host(real + 1j * imag)
    return *_parts(packed), pivots


@rule(factorizations.lu_factor)
def _lu_factor(x):
    z = _matrix(x)
    m, n = z.shape[-2:]
    specs = [*_specs(z, m, n), ([*z.shape[:-2], min(m, n)], "int32")]
    real, imag, pivots = host_call(_lu_host, [z.real, z.imag], specs, name="lu_factor")
    return ComplexTensor(real, imag), pivots

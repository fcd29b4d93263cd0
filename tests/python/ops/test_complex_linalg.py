"""Linear algebra of complex matrices against NumPy: on values, in programs, under gradients."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import grad, jit, ops

RNG = np.random.default_rng(4)


def normal(*shape):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype("complex64")


Z, TALL, WIDE = normal(2, 3, 3), normal(2, 4, 3), normal(2, 3, 5)
HERMITIAN = (Z @ Z.conj().swapaxes(-1, -2) + 2 * np.eye(3)).astype("complex64")


def transposed(z):
    return ops.conj(ops.swapaxes(z, -1, -2))


def rebuilt_svd(z):
    u, s, vh = ops.svd(z, full_matrices=False)
    return ops.matmul(u * ops.expand_dims(s, -2), vh)


def rebuilt_eigh(z):
    w, v = ops.eigh(z)
    return ops.matmul(v * ops.expand_dims(w, -2), transposed(v))


def packed(z):
    """L U of the packed factors, rows still swapped."""
    lu = ops.lu_factor(z)[0]
    return ops.matmul(ops.tril(lu, -1) + np.eye(3, dtype="float32"), ops.triu(lu))


def swapped(z):
    out = np.array(z)
    for matrix, pivots in zip(out, np.asarray(ops.lu_factor(z)[1])):
        for row, other in enumerate(pivots):
            matrix[[row, other]] = matrix[[other, row]]
    return out


CASES = {
    "eigh": (rebuilt_eigh, HERMITIAN, HERMITIAN),
    "eigh_values": (lambda z: ops.eigh(z)[0], HERMITIAN, np.linalg.eigvalsh(HERMITIAN)),
    "eig": (lambda z: ops.sum(ops.eig(z)[0], -1), Z, np.trace(Z, axis1=1, axis2=2)),
    "cholesky": (ops.cholesky, HERMITIAN, np.linalg.cholesky(HERMITIAN)),
    "upper": (
        lambda z: ops.cholesky(z, upper=True),
        HERMITIAN,
        np.linalg.cholesky(HERMITIAN).conj().swapaxes(-1, -2),
    ),
    "slogdet": (lambda z: ops.slogdet(z)[0], Z, np.linalg.slogdet(Z)[0]),
    "logdet": (ops.logdet, 1e20 * Z[:, :2, :2], np.linalg.slogdet(1e20 * Z[:, :2, :2])[1]),
    "sign_of_large": (
        lambda z: ops.slogdet(z)[0],
        1e25 * Z[:, :2, :2],
        np.linalg.slogdet(Z[:, :2, :2])[0],
    ),
    "singular": (lambda z: ops.slogdet(z)[1], np.ones((2, 2)) * (1 + 1j), -np.inf),
    "lu_factor": (packed, Z, swapped(Z)),
    "solve_triangular": (
        lambda z: ops.solve_triangular(z, z, lower=True),
        Z,
        np.linalg.solve(np.tril(Z), Z),
    ),
    "lstsq": (
        lambda z: ops.lstsq(z[0], z[0, :, 0]),
        TALL,
        np.linalg.lstsq(TALL[0], TALL[0, :, 0], rcond=None)[0],
    ),
    "rank": (ops.matrix_rank, Z * np.array([1, 1, 0]), [2, 2]),
    "rank_above": (lambda z: ops.matrix_rank(z, tol=100.0), Z, [0, 0]),
    "correlate": (
        lambda z: ops.correlate(z[0, 0], z[1, 0, :2], mode="full"),
        Z,
        np.correlate(Z[0, 0], Z[1, 0, :2], "full"),
    ),
    "trapezoid": (ops.trapezoid, Z, (Z[..., 1:] + Z[..., :-1]).sum(-1) / 2),
}
for _name, _z in (("square", Z), ("tall", TALL), ("wide", WIDE)):
    CASES[f"svd_{_name}"] = (rebuilt_svd, _z, _z)
    CASES[f"qr_{_name}"] = (lambda z: ops.matmul(*ops.qr(z)), _z, _z)
    CASES[f"pinv_{_name}"] = (ops.pinv, _z, np.linalg.pinv(_z))
    for _ord in ("nuc", "fro", 2, -2, 1, np.inf):
        CASES[f"norm_{_name}_{_ord}"] = (
            lambda z, ord=_ord: ops.norm(z, ord=ord, axis=(-2, -1)),
            _z,
            np.linalg.norm(_z, ord=_ord, axis=(-2, -1)),
        )


@pytest.mark.parametrize("name", list(CASES))
def test_values_are_those_of_numpy_eagerly_compiled_and_in_models(name):
    fn, z, expected = CASES[name]
    z, expected = z.astype("complex64"), np.asarray(expected)
    for result in (fn(ops.convert_to_tensor(z)), jit(fn)(z)):
        np.testing.assert_allclose(np.asarray(result), expected, rtol=2e-4, atol=2e-4)
    symbolic = fn(ranvier.KerasTensor(z.shape, "complex64"))
    assert (symbolic.shape, symbolic.dtype) == (result.shape, result.dtype)


def test_factors_have_their_form():
    for z, mode in ((TALL, "reduced"), (WIDE, "complete"), (Z, "complete")):
        q, r = (np.asarray(part) for part in ops.qr(z, mode=mode))
        identity = np.broadcast_to(np.eye(q.shape[-1]), (2, q.shape[-1], q.shape[-1]))
        np.testing.assert_allclose(q.conj().swapaxes(-1, -2) @ q, identity, atol=1e-5)
        np.testing.assert_array_equal(np.tril(r, -1), 0)
    u, s, vh = ops.svd(TALL)
    assert (u.shape, s.shape, vh.shape) == ((2, 4, 4), (2, 3), (2, 3, 3))
    assert (u.dtype, s.dtype, vh.dtype) == ("complex64", "float32", "complex64")
    np.testing.assert_allclose(np.asarray(ops.svd(np.eye(3) * (0.6 + 0.8j))[1]), 1, rtol=1e-6)
    assert ops.norm(Z, ord=2, axis=(2, 0), keepdims=True).shape == (1, 3, 1)
    with pytest.raises(ValueError, match="square"):
        ops.eigh(TALL)
    with pytest.raises(NotImplementedError, match="reduced"):
        ops.qr(TALL, mode="complete")


def test_truth_of_complex_conditions():
    z = np.array([1j, 0, 2], "complex64")
    assert ops.where(z)[0].tolist() == ops.nonzero(z)[0].tolist() == [0, 2]
    assert ops.where(z, 1.0, 2.0).tolist() == [1, 2, 1]
    assert np.asarray(ops.where(z, z, -1.0)).tolist() == [1j, -1, 2]


WEIGHTS = normal(2, 3, 3)


def weighted(z):
    return ops.real(ops.sum(z * WEIGHTS))


def projector(z):
    """What the first eigenvector spans: free of its phase."""
    v = ops.eigh(z)[1][..., :1]
    return ops.matmul(v, transposed(v))


SLOPES = {
    "eigh": (lambda z: weighted(projector(z)), HERMITIAN),
    "eigh_values": (lambda z: ops.sum(ops.eigh(z)[0] * np.arange(3.0)), HERMITIAN),
    "svd_values": (lambda z: ops.sum(ops.svd(z)[1] * np.arange(3.0)), Z),
    "nuc": (lambda z: ops.sum(ops.norm(z, ord="nuc", axis=(1, 2))), Z),
    "cholesky": (lambda z: weighted(ops.cholesky(z)), HERMITIAN),
    "qr": (lambda z: weighted(ops.qr(z)[0]) + weighted(ops.qr(z)[1]), Z),
    "pinv": (lambda z: weighted(ops.pinv(z)), Z),
    "pinv_tall": (lambda z: weighted(transposed(ops.pinv(z))[..., :3, :]), TALL),
    "pinv_wide": (lambda z: weighted(ops.pinv(z)[..., :3, :]), WIDE),
    "slogdet": (lambda z: ops.sum(ops.imag(ops.slogdet(z)[0]) + ops.slogdet(z)[1]), Z),
    "solve_triangular": (lambda z: weighted(ops.solve_triangular(z, WEIGHTS)), HERMITIAN),
}


@pytest.mark.parametrize("name", list(SLOPES))
def test_gradients(name):
    fn, z = SLOPES[name]
    pairs = np.stack([z.real, z.imag], axis=-1)
    direction = RNG.normal(size=pairs.shape).astype("float32")

    def loss(x):
        return fn(ops.view_as_complex(x))

    step = 4e-3
    expected = (float(loss(pairs + step * direction)) - float(loss(pairs - step * direction))) / (
        2 * step
    )
    for derivative in (grad(loss), jit(grad(loss))):
        slope = float(np.sum(np.asarray(derivative(pairs)) * direction))
        assert slope == pytest.approx(expected, rel=3e-2, abs=3e-2)


def test_singular_vectors_have_no_gradient():
    with pytest.raises(NotImplementedError, match="singular vectors"):
        grad(lambda x: ops.sum(ops.real(ops.svd(ops.view_as_complex(x))[0])))(
            np.stack([Z.real, Z.imag], -1)
        )

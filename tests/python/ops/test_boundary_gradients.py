"""Gradients where a function has a corner, a tie or a zero: finite, and as in Keras on JAX."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import grad, jit, ops

INF = float("inf")


def slope(fn, *args):
    """Gradient of the sum with respect to the first argument, eager and compiled alike."""
    tensors = [ops.convert_to_tensor(np.asarray(a, "float32")) for a in args]
    derivative = grad(lambda *xs: ops.sum(fn(*xs)))
    eager, compiled = derivative(*tensors), jit(derivative)(*tensors)
    np.testing.assert_allclose(np.asarray(eager), np.asarray(compiled), rtol=1e-6)
    return np.asarray(eager)


CASES = {
    "absolute": (ops.absolute, [[-1.0, 0.0, 2.0]], [-1.0, 1.0, 1.0]),
    "leaky_relu": (ops.leaky_relu, [[-1.0, 0.0, 2.0]], [0.2, 1.0, 1.0]),
    "hard_tanh": (ops.hard_tanh, [[-2.0, -1.0, 1.0, 2.0]], [0.0, 1.0, 1.0, 0.0]),
    "cbrt": (ops.cbrt, [[0.0, 8.0, -8.0]], [INF, 1 / 12, 1 / 12]),
    "maximum": (ops.maximum, [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [0.0, 0.5, 1.0]),
    "fmax": (ops.fmax, [[1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, np.nan]], [0.0, 0.0, 1.0, 1.0]),
    "fmin": (ops.fmin, [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [1.0, 0.0, 0.0]),
    "logaddexp": (ops.logaddexp, [[0.0, 3.0], [0.0, 3.0]], [0.5, 0.5]),
    "logaddexp2": (ops.logaddexp2, [[1.0], [1.0]], [0.5]),
    "hypot": (ops.hypot, [[0.0, 3.0], [0.0, 4.0]], [0.5, 0.6]),
    "fmod": (ops.fmod, [[0.0, -3.0, 5.0], [2.0, 2.0, 3.0]], [1.0, 1.0, 1.0]),
    "median": (ops.median, [[2.0, 5.0, 2.0, 1.0]], [0.5, 0.0, 0.5, 0.0]),
    "cumprod": (ops.cumprod, [[2.0, 0.0, 3.0, 0.0, 5.0]], [1.0, 8.0, 0.0, 0.0, 0.0]),
    "crossentropy": (
        lambda x, t: ops.binary_crossentropy(t, x, from_logits=True),
        [[0.0, 0.0, 0.0, 3.0, -30.0], [0.0, 1.0, 0.25, 1.0, 1.0]],
        [0.5, -0.5, 0.25, -0.04742587, -1.0],
    ),
    "nanvar": (ops.nanvar, [[np.nan, 1.0, 3.0]], [0.0, -1.0, 1.0]),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_at_boundaries(name):
    fn, args, expected = CASES[name]
    np.testing.assert_allclose(slope(fn, *args), expected, rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_running_product_against_its_definition(axis):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 7))
    x[rng.random(x.shape) < 0.3] = 0.0
    weight = rng.normal(size=x.shape)
    tensor = ops.convert_to_tensor(x)
    got = np.asarray(grad(lambda t: ops.sum(ops.cumprod(t, axis=axis) * weight))(tensor))
    for place in np.ndindex(*x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][place] += 1e-6
        moved[1][place] -= 1e-6
        high, low = (np.sum(np.cumprod(m, axis=axis) * weight) for m in moved)
        assert got[place] == pytest.approx((high - low) / 2e-6, abs=1e-6)


def test_values_at_the_edge_of_the_range():
    big = ops.convert_to_tensor([3e38, INF, 0.0])
    assert np.asarray(ops.hypot(big, [0.0, 1.0, 0.0])).tolist() == pytest.approx([3e38, INF, 0.0])
    infinite = ops.convert_to_tensor([INF, -INF])
    assert np.asarray(ops.logaddexp(infinite, infinite)).tolist() == [INF, -INF]
    assert np.asarray(ops.median(ops.convert_to_tensor([INF, INF, 1.0]))) == INF
    assert np.asarray(ops.imag(ops.convert_to_tensor([np.nan]))).tolist() == [0.0]


@pytest.mark.parametrize("order", ["nuc", 2, -2])
def test_spectral_norms_of_equal_singular_values_have_gradients(order):
    for matrix in (np.eye(3), np.zeros((2, 2))):
        tensor = ops.convert_to_tensor(matrix)
        slope = grad(lambda x: ops.norm(x, ord=order, axis=(0, 1)))(tensor)
        assert np.isfinite(np.asarray(slope)).all()
    values = grad(lambda x: ops.sum(ops.eigh(x)[0]))(ops.eye(3))
    np.testing.assert_allclose(values, np.eye(3), atol=1e-6)

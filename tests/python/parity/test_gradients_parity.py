"""Gradients of `keras.ops` at ties, corners, zeros and NaN, against those of Keras on JAX."""

from __future__ import annotations

import numpy as np
import pytest
from keras_reference import close, keras

jax = pytest.importorskip("jax")

import ranvier  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
CORNERS = np.array([0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 30.0, -30.0], "float32")
LEFT = np.array([0.0, 0.0, 0.5, 1.0, 2.0, 2.0, 3.0], "float32")
RIGHT = np.array([1.0, 0.5, 0.5, 2.0, 2.0, 3.0, 0.5], "float32")
TIES = np.array([[1, 2, 2, 0], [2, 1, 0, 0], [3, 3, 1, 3]], "float32")

UNARY = """absolute relu leaky_relu elu selu celu softsign hard_tanh hard_shrink soft_shrink
    squareplus sparse_plus sparse_sigmoid cbrt softmax nan_to_num""".split()
BINARY = """maximum minimum fmax fmin logaddexp logaddexp2 hypot fmod mod divide_no_nan
    arctan2""".split()
REDUCTIONS = "prod max min std median cumprod sort logsumexp nanvar nanmedian".split()


def both(fn_of, *arrays):
    """The gradients of a weighted sum of `fn_of(ops)`'s result, theirs and ours."""

    def total(ops):
        def fn(*xs):
            out = fn_of(ops)(*xs)
            weights = np.random.default_rng(1).normal(size=tuple(out.shape)).astype("float32")
            return ops.sum(out * weights)

        return fn

    places = tuple(range(len(arrays)))
    theirs = jax.grad(total(keras.ops), places)(*[jax.numpy.asarray(a) for a in arrays])
    ours = ranvier.grad(total(ranvier.ops), places)(*arrays)
    return list(zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", UNARY)
def test_corners(name):
    for ours, theirs in both(lambda ops: getattr(ops, name), CORNERS):
        close(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", BINARY)
def test_ties_of_two(name):
    for ours, theirs in both(lambda ops: getattr(ops, name), LEFT, RIGHT):
        close(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_ties_and_zeros_of_many(name):
    for ours, theirs in both(lambda ops: lambda x: getattr(ops, name)(x, axis=-1), TIES):
        close(ours, theirs, rtol=1e-4, atol=1e-5)

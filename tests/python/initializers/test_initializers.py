"""Initializers, regularizers, constraints, activations: behaviour and bad input."""

import numpy as np
import pytest

import ranvier
from ranvier import activations, constraints, initializers, ops, random, regularizers


def test_integer_seed_repeats_and_generator_moves_on():
    fixed = initializers.GlorotUniform(seed=7)
    np.testing.assert_array_equal(fixed((3, 4)), fixed((3, 4)))
    np.testing.assert_array_equal(fixed((3, 4)), fixed.clone()((3, 4)))
    moving = initializers.HeNormal(seed=random.SeedGenerator(7))
    assert (np.asarray(moving((3, 4))) != np.asarray(moving((3, 4)))).any()
    one, other = initializers.RandomNormal(), initializers.RandomNormal()
    assert (np.asarray(one((3, 4))) != np.asarray(other((3, 4)))).any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ["glorot_uniform", "random_normal", "zeros", "ones", "orthogonal"])
def test_dtype_and_shape(name, dtype):
    value = initializers.get(name)((6, 4), dtype=dtype)
    assert value.dtype == dtype and tuple(value.shape) == (6, 4)


def test_fans():
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((5,)) == (5, 5)
    assert initializers.compute_fans((5, 7)) == (5, 7)
    assert initializers.compute_fans((3, 3, 8, 16)) == (72, 144)
    assert initializers.compute_fans((2, 3, 4), [0, 1], [2]) == (6, 4)


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: initializers.VarianceScaling(scale=-1.0), "must be positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "Invalid `mode`"),
        (lambda: initializers.VarianceScaling(distribution="flat"), "Invalid `distribution`"),
        (lambda: initializers.RandomNormal(seed="x"), "`seed`"),
        (lambda: initializers.Identity()((2, 3, 4)), "2D"),
        (lambda: initializers.Orthogonal()((4,)), "two-dimensional"),
        (lambda: initializers.get("glorot"), "Could not interpret initializer"),
        (lambda: regularizers.L2(-0.1), "non-negative"),
        (lambda: regularizers.L1(float("nan")), "non-negative"),
        (lambda: regularizers.get("l3"), "Could not interpret regularizer"),
        (lambda: regularizers.OrthogonalRegularizer(mode="all"), "`mode`"),
        (lambda: constraints.get("norm"), "Could not interpret constraint"),
        (lambda: activations.get("relo"), "Could not interpret activation"),
        (lambda: initializers.STFT(window="unknown"), "window"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_regularizer_by_hand():
    x = np.array([[1.0, -2.0], [3.0, 0.5]], "float32")
    assert float(regularizers.L1(0.1)(x)) == pytest.approx(0.65)
    assert float(regularizers.L2(0.1)(x)) == pytest.approx(1.425)
    assert float(regularizers.L1L2(0.1, 0.1)(x)) == pytest.approx(2.075)
    assert float(regularizers.L1L2()(x)) == 0.0


def test_regularizer_has_a_gradient():
    x = ops.array([1.0, -2.0])
    np.testing.assert_allclose(ranvier.grad(regularizers.L1L2(0.5, 0.25))(x), [1.0, -1.5])


def test_constraints_by_hand():
    w = np.array([[3.0, 0.1], [4.0, -0.2]], "float32")
    bounded, unit = constraints.MaxNorm(2.0)(w), constraints.UnitNorm()(w)
    np.testing.assert_allclose(np.linalg.norm(bounded, axis=0), [2, 0.2236], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=0), [1, 1], atol=1e-4)
    np.testing.assert_allclose(constraints.NonNeg()(w), np.maximum(w, 0))


def test_sparsemax_is_the_projection_onto_the_simplex():
    # The projection p has sum 1, and x - p is one constant where p > 0 and at most it elsewhere.
    x = 3 * np.random.default_rng(4).normal(size=(20, 8)).astype("float32")
    p = np.asarray(activations.sparsemax(x))
    np.testing.assert_allclose(p.sum(-1), 1.0, rtol=1e-5)
    for row, share in zip(x, p):
        tau = (row - share)[share > 0]
        np.testing.assert_allclose(tau, tau[0], atol=1e-5)
        assert (share >= 0).all() and (row[share == 0] <= tau[0] + 1e-5).all()


def test_activation_names_and_custom_functions():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.serialize(activations.get("relu")) == "relu"
    assert activations.deserialize("gelu") is activations.gelu

    @ranvier.saving.register_keras_serializable("tests", "shift")
    def shift(x):
        return ops.add(x, 1.0)

    assert activations.deserialize(activations.serialize(shift)) is shift


def test_custom_initializer_by_name():
    class Twos(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return ops.full(shape, 2.0, dtype=dtype)

    with ranvier.utils.custom_object_scope({"Twos": Twos}):
        found = initializers.get("Twos")
    np.testing.assert_allclose(found((2,)), [2.0, 2.0])

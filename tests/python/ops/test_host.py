"""Host functions: at once, inside compiled functions, in `fit`; their failures."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import ops
from ranvier.ops._host import host_call


def double(x, by=2):
    return x * by


def fail(x):
    raise KeyError("gone")


def wrong_shape(x):
    return x[:1]


hidden = keras.Variable(np.ones(3, "float32"), name="hidden")


def read_variable(x):
    return x + np.asarray(hidden.value)


def call(function, x, **kwargs):
    return host_call(function, [x], [(x.shape, x.dtype)], **kwargs)


def test_values_options_and_compiled_calls_agree():
    x = ops.array([1.0, 2.0, 3.0])
    assert ops.convert_to_numpy(call(double, x)).tolist() == [2, 4, 6]
    by_three = keras.jit(lambda x: call(double, x, options=(("by", 3),)) + 1.0)
    assert ops.convert_to_numpy(by_three(x)).tolist() == [4, 7, 10]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "function, message",
    [
        (fail, "fail: KeyError: 'gone'"),
        (wrong_shape, r"wrong_shape: expected a result of shape \(3,\)"),
        (read_variable, "'hidden' is used inside a host function"),
    ],
)
def test_failures_are_typed(function, message, compiled):
    run = keras.jit(lambda x: call(function, x)) if compiled else lambda x: call(function, x)
    with pytest.raises(ValueError, match=message):
        run(ops.array([1.0, 2.0, 3.0]))


def test_without_a_rule_there_is_no_gradient():
    with pytest.raises(NotImplementedError, match="double has no gradient"):
        keras.grad(lambda x: ops.sum(call(double, x)))(ops.array([1.0]))


class Whiten(keras.layers.Layer):
    """Multiplies by the inverse Cholesky factor of a learned covariance."""

    def build(self, shape):
        self.root = self.add_weight(shape=(shape[-1], shape[-1]), initializer="identity")

    def call(self, x):
        covariance = self.root @ ops.transpose(self.root) + 0.1 * ops.eye(x.shape[-1])
        factor = ops.cholesky(covariance)
        return ops.transpose(ops.solve_triangular(factor, ops.transpose(x), lower=True))


def test_linear_algebra_trains_in_fit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype("float32")
    y = x @ np.array([[0.5, 0, 0], [0.2, 0.7, 0], [0, -0.3, 0.9]], "float32")
    losses = {}
    for eagerly in (False, True):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((3,)), Whiten()])
        model.compile("adam", "mse", run_eagerly=eagerly)
        model.optimizer.learning_rate = 0.05
        losses[eagerly] = model.fit(x, y, epochs=6, batch_size=32, verbose=0).history["loss"]
    assert losses[False][-1] < 0.5 * losses[False][0]
    np.testing.assert_allclose(losses[False], losses[True], rtol=1e-4)


def test_a_failed_factorization_leaves_the_weights():
    inputs = keras.Input((2, 2))
    scale = keras.layers.Dense(2, use_bias=False, kernel_initializer="identity")
    model = keras.Model(inputs, ops.sum(ops.cholesky(scale(inputs)), axis=-1))
    model.compile("sgd", "mse")
    x = np.stack([np.eye(2), -np.eye(2)]).astype("float32")
    before = scale.get_weights()[0].copy()
    with pytest.raises(ValueError, match="not positive definite"):
        model.fit(x, np.zeros((2, 2), "float32"), batch_size=2, verbose=0)
    np.testing.assert_array_equal(scale.get_weights()[0], before)


def test_second_derivatives_through_linear_algebra():
    x = ops.convert_to_tensor(np.array([[2.0, 0.5], [0.5, 3.0]]))
    first = keras.grad(ops.logdet)
    inverse = np.linalg.inv(np.asarray(x))
    np.testing.assert_allclose(first(x), inverse.T, rtol=1e-12)
    second = keras.grad(lambda x: first(x)[0, 0])(x)
    np.testing.assert_allclose(second, -np.outer(inverse[0], inverse[:, 0]).T, rtol=1e-10)


def test_gradient_of_a_compiled_call_uses_its_own_values():
    inner = keras.jit(lambda x: ops.sum(ops.inv(x)))
    for scale in (1.0, 2.0):
        x = ops.convert_to_tensor(scale * np.array([[2.0, 0.5], [0.5, 3.0]]))
        expected = keras.grad(lambda x: ops.sum(ops.inv(x)))(x)
        np.testing.assert_allclose(keras.grad(inner)(x), expected, rtol=1e-12)

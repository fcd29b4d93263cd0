"""`ranvier.gradient_check`: right gradients pass, wrong ones are found, the model is untouched."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5)).astype("float32")
Y = RNG.integers(0, 3, 6)


def mlp(*extra, loss="sparse_categorical_crossentropy", **kwargs):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((5,)), layers.Dense(7, activation="tanh", kernel_regularizer="l2"), *extra,
        layers.Dense(3, activation="softmax")])  # fmt: skip
    model.compile("adam", loss, **kwargs)
    return model


def twice_too_steep(x):
    """x² with the gradient of 2x²."""
    double = 2.0 * x * x
    return double + ops.stop_gradient(x * x - double)


class Wrong(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return twice_too_steep(x * self.w)


def state(model):
    return [
        np.array(v)
        for v in [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    ]


def test_right_gradients_pass_in_double(capsys):
    report = keras.gradient_check(mlp(), X, Y)
    assert report.passed and report.dtype == "float64"
    assert [row.checked for row in report.rows] == [20, 7, 20, 3]
    assert max(row.max_rel_error for row in report.rows) < 1e-6
    assert "4 of 4 variables" in capsys.readouterr().out


@pytest.mark.parametrize("extra", [
    [layers.Dropout(0.5)], [layers.BatchNormalization()], [layers.GaussianNoise(0.3)]],
    ids=["dropout", "batch_norm", "noise"])  # fmt: skip
def test_random_and_stateful_layers_are_deterministic(extra):
    model = mlp(*extra)
    before = state(model)
    report = keras.gradient_check(model, X, Y, verbose=False)
    assert report.passed, str(report)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    again = keras.gradient_check(model, X, Y, verbose=False)
    assert report.rows == again.rows and report.loss == again.loss


def test_a_convolution_with_pooling_and_two_outputs():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(3, 3, activation="relu")(inputs)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    model = keras.Model(
        inputs, {"a": layers.Dense(2, name="a")(x), "b": layers.Dense(1, name="b")(x)}
    )
    model.compile("sgd", {"a": "mse", "b": keras.losses.Huber()}, loss_weights={"a": 0.3, "b": 2.0})
    data = RNG.normal(size=(4, 6, 6, 2)).astype("float32")
    targets = {"a": RNG.normal(size=(4, 2)), "b": RNG.normal(size=(4, 1))}
    report = keras.gradient_check(model, data, targets, samples=8, verbose=False)
    assert report.passed and report.dtype == "float64", str(report)


def test_a_wrong_custom_gradient_is_found():
    model = mlp(Wrong())
    report = keras.gradient_check(model, X, Y, verbose=False)
    wrong = [row.variable for row in report.rows if not row.ok]
    # Everything below the wrong gradient gets it; the last layer does not.
    assert not report.passed and len(wrong) == 3
    assert all(row.ok for row in report.rows[-2:])
    assert "WRONG" in str(report)


def test_a_model_without_config_is_checked_in_its_own_dtype():
    class Own(keras.Model):
        def __init__(self, function):
            super().__init__()
            self.function = function
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.function(self.dense(x))

    model = Own(lambda x: ops.softmax(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    report = keras.gradient_check(model, X, Y, verbose=False)
    assert report.passed and report.dtype == "float32", str(report)


def test_frozen_layers_are_left_out():
    model = mlp()
    model.layers[0].trainable = False
    assert len(keras.gradient_check(model, X, Y, verbose=False).rows) == 2


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
        keras.gradient_check(keras.Sequential([keras.Input((5,)), layers.Dense(1)]), X, Y)
    with pytest.raises(ValueError, match="`samples` must be a positive integer"):
        keras.gradient_check(mlp(), X, Y, samples=0)

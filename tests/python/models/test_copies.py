"""Copies and pickles of variables, optimizers and trained models; NumPy's functions on values."""

import copy
import pickle

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

X = np.sin(np.arange(64, dtype="float32")).reshape(16, 4)
Y = np.stack([X.sum(1), X[:, 0]], axis=1)


def _pickled(value):
    return pickle.loads(pickle.dumps(value))


class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3, activation="tanh")
        self.rest = [layers.Dense(2)]

    def call(self, x):
        return self.rest[0](self.first(x))


def _sequential():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(8), layers.BatchNormalization(), layers.Dense(2)]
    )


def _functional():
    inputs = keras.Input((4,))
    return keras.Model(inputs, ops.relu(layers.Dense(2)(inputs)) * 2 + inputs[:, :2])


@pytest.mark.parametrize("make", [_sequential, _functional, Pair])
@pytest.mark.parametrize("copied", [copy.deepcopy, _pickled])
def test_copy_of_a_trained_model_goes_on_alone(make, copied):
    model = make()
    model.compile(keras.optimizers.AdamW(0.01, use_ema=True), "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    model.predict(X, verbose=0)
    model(X)
    other = copied(model)
    assert np.array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    before = model.get_weights()
    history = other.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert not np.array_equal(other.get_weights()[0], before[0])
    again = model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    assert history == again
    assert all(np.array_equal(a, b) for a, b in zip(other.get_weights(), model.get_weights()))


def test_pickled_variable_keeps_what_it_was():
    variable = keras.Variable([1.0, 2.0], dtype="bfloat16", trainable=False, name="v")
    first, second = _pickled([variable, variable])
    assert first is second
    assert (first.name, first.path, first.dtype) == ("v", "v", "bfloat16")
    assert first.trainable is False
    first.assign([3.0, 4.0])
    assert np.array_equal(ops.cast(variable, "float32"), np.array([1.0, 2.0], "float32"))


@pytest.mark.parametrize(
    "make",
    [keras.optimizers.Adam, keras.metrics.Mean, lambda: keras.random.SeedGenerator(3)],
)
def test_objects_with_state_can_be_pickled(make):
    value = make()
    assert type(_pickled(value)) is type(value)


def test_excluded_variables_stay_excluded_in_a_copy():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, kernel_initializer="ones")])
    optimizer = keras.optimizers.SGD(0.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[model.layers[0].kernel])
    model.compile(optimizer, "mse")
    other = copy.deepcopy(model)
    other.fit(X, Y, verbose=0)
    assert np.array_equal(other.layers[0].kernel, np.ones((4, 2), "float32"))


def test_numpy_functions_without_an_operation_run_on_values():
    variable = keras.Variable(np.ones(3, "float32"))
    total = np.zeros(3, "float32")
    total += ops.ones(3)
    assert np.array_equal(variable, total) is True
    np.testing.assert_allclose(variable, total)
    assert np.interp(ops.ones(3), [0, 2], [0, 1]).tolist() == [0.5, 0.5, 0.5]


def test_numpy_functions_without_an_operation_refuse_symbols():
    with pytest.raises(TypeError, match="array_equal"):
        np.array_equal(keras.Input((3,)), np.ones(3))
    with pytest.raises(TypeError, match="array_equal"):
        keras.jit(lambda x: np.array_equal(x, x))(ops.ones(3))

"""Arrays are read by their values, however they lie in memory."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

X = np.random.default_rng(0).integers(-50, 50, (10, 6, 4)).astype("float32")
Y = X.sum(axis=(1, 2), keepdims=True)[:, 0]


def unaligned(x):
    place = np.empty(x.nbytes + 1, "uint8")[1:].view(x.dtype).reshape(x.shape)
    place[...] = x
    assert not place.flags.aligned
    return place


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "big_endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "big_endian_integers": lambda x: x.astype(">i4"),
    "big_endian_halves": lambda x: x.astype(">f2"),
    "big_endian_doubles": lambda x: x.astype(">f8"),
    "unaligned": unaligned,
    "column_major": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "read_only": read_only,
}
layouts = pytest.mark.parametrize("lay", LAYOUTS.values(), ids=LAYOUTS)


def model():
    keras.utils.set_random_seed(0)
    m = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(1)])
    m.compile("adam", "mse")
    return m


@layouts
def test_predictions(lay):
    m, x = model(), lay(X)
    want = X.reshape(10, 24) @ m.get_weights()[0]
    for predict in (
        lambda: m(x),
        lambda: m.predict(x, verbose=0),
        lambda: m.predict(x, batch_size=3, verbose=0),
        lambda: m.predict_on_batch(x),
        lambda: m.predict(iter([(x[:4],), (x[4:],)]), steps=2, verbose=0),
    ):
        np.testing.assert_allclose(np.asarray(predict()), want, rtol=1e-5, atol=1e-4)


@layouts
@pytest.mark.parametrize("eagerly", [False, True])
def test_training(lay, eagerly):
    def losses(x, y):
        m = model()
        m.run_eagerly = eagerly
        fitted = m.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        batches = iter([(x[:5], y[:5]), (x[5:], y[5:])])
        fed = m.fit(batches, steps_per_epoch=2, verbose=0).history["loss"]
        return [*fitted, *fed, m.train_on_batch(x, y), m.evaluate(x, y, verbose=0)]

    np.testing.assert_allclose(losses(lay(X), lay(Y)), losses(X, Y), rtol=1e-6)


@layouts
def test_values(lay):
    x = lay(X)
    np.testing.assert_array_equal(np.asarray(ops.convert_to_tensor(x)), X)
    np.testing.assert_array_equal(np.asarray(ops.convert_to_tensor(x, "float32")), X)
    np.testing.assert_array_equal(np.asarray(ops.add(x, 1)), X + 1)
    variable = keras.Variable(x)
    variable.assign(lay(X + 1))
    np.testing.assert_array_equal(variable.numpy(), X + 1)


def test_a_batch_that_changes_afterwards():
    m, x = keras.Sequential([keras.Input((6, 4)), layers.Reshape((4, 6))]), X.copy()
    m.compile()
    called, given = m(x), m.predict_on_batch(x)
    x[...] = 0
    for result in (called, given):
        np.testing.assert_array_equal(np.asarray(result), X.reshape(10, 4, 6))

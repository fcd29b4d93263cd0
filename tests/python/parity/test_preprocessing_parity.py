"""Learned statistics of the preprocessing layers against Keras'."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from ranvier import layers  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
rng = np.random.default_rng(4)
DATA = rng.normal(2.0, 3.0, size=(50, 4, 3)).astype("float32")


@pytest.mark.parametrize("axis", [-1, None, 1, (1, 2), (-1, -2)])
@pytest.mark.parametrize("batched", [False, True])
def test_normalization(axis, batched):
    theirs, ours = (module.layers.Normalization(axis=axis) for module in (keras, Ours))
    theirs.adapt(DATA)
    ours.adapt([DATA[:20], DATA[20:]] if batched else DATA)
    np.testing.assert_allclose(ours(DATA), np.asarray(theirs(DATA)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.mean, np.asarray(theirs.mean), rtol=1e-5)
    np.testing.assert_allclose(ours.variance, np.asarray(theirs.variance), rtol=1e-5)
    assert [v.name for v in ours.weights] == [v.name for v in theirs.weights]
    if not batched:
        assert ours.get_build_config() == theirs.get_build_config()


class Ours:
    layers = layers


@pytest.mark.parametrize("shape", [(3,), (4, 2), (2, 3, 2)])
@pytest.mark.parametrize("mode", ["multi_hot", "count", "one_hot"])
def test_category_encoding(shape, mode):
    data = rng.integers(0, 5, shape)
    ours = layers.CategoryEncoding(4, output_mode=mode)(data)
    theirs = keras.layers.CategoryEncoding(4, output_mode=mode)(data)
    assert ours.dtype == str(theirs.dtype)
    np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_count_weights():
    data, weights = np.array([[0, 1, 1], [2, 0, 3]]), rng.normal(size=(2, 3)).astype("float32")
    pair = [m.layers.CategoryEncoding(4, output_mode="count") for m in (Ours, keras)]
    ours, theirs = (np.asarray(layer(data, count_weights=weights)) for layer in pair)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)

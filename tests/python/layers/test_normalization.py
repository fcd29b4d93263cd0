"""Normalizations: spectral norms, batch renormalization, frozen layers, errors."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

rng = np.random.default_rng(9)


def data(*shape):
    return rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: layers.Dense(5), (3, 4)),
        (lambda: layers.Conv2D(4, 3), (2, 6, 6, 3)),
        (lambda: layers.Embedding(7, 3), (2, 4)),
    ],
)
def test_spectral_norm_becomes_one(make, shape):
    keras.utils.set_random_seed(0)  # close singular values take many iterations
    layer = layers.SpectralNormalization(make(), power_iterations=30)
    x = rng.integers(0, 7, shape) if shape == (2, 4) else data(*shape)
    if shape == (2, 4):
        x = x.astype("float32")
    layer(x)
    before = layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1])
    layer(x, training=True)
    after = layer.kernel.numpy().reshape(before.shape)
    np.testing.assert_allclose(np.linalg.norm(after, 2), 1, rtol=2e-2)
    np.testing.assert_allclose(after * np.linalg.norm(before, 2), before, rtol=2e-2, atol=1e-4)


def test_spectral_normalization_trains_and_keeps_zero_kernels():
    layer = layers.SpectralNormalization(layers.Dense(1, kernel_initializer="zeros"))
    x = data(8, 4)
    layer(x, training=True)
    np.testing.assert_array_equal(layer.kernel.numpy(), 0)
    model = keras.Sequential([layers.SpectralNormalization(layers.Dense(3)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(data(32, 4), data(32, 1), epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    names = [w.path.split("/", 1)[1] for w in model.layers[0].weights]
    assert [n.split("/")[-1] for n in names] == ["kernel", "vector_u", "bias"]
    copy = layers.SpectralNormalization.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_spectral_normalization_trains_the_normalized_kernel(run_eagerly):
    x, y = data(8, 4), data(8, 3)
    layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False))
    model = keras.Sequential([keras.Input((4,)), layer])
    for _ in range(3):
        start = layer.kernel.numpy()
        u = layer.vector_u.numpy() @ start.T
        u = u / np.linalg.norm(u) @ start
        sigma = np.linalg.norm(u)
        normal = start / sigma
        slope = 2 / y.size * x.T @ (x @ normal - y)
        model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=run_eagerly)
        model.fit(x, y, batch_size=8, verbose=0)
        np.testing.assert_allclose(layer.kernel, normal - 0.1 * slope, rtol=1e-4, atol=1e-5)


def test_spectral_normalization_errors():
    with pytest.raises(ValueError, match="power_iterations"):
        layers.SpectralNormalization(layers.Dense(1), power_iterations=0)
    with pytest.raises(ValueError, match="kernel"):
        layers.SpectralNormalization(layers.Flatten())(data(2, 3))


def test_renormalization_in_fit_approaches_plain():
    x = data(256, 3) * 3 + 5
    layer = layers.BatchNormalization(renorm=True, momentum=0.5, renorm_momentum=0.5)
    for i in range(40):
        y = layer(x[(i % 4) * 64 :][:64], training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x.mean(0), rtol=0.2)
    np.testing.assert_allclose(layer.moving_variance.numpy(), x.var(0), rtol=0.4)
    # With settled statistics training and inference nearly agree: that is the point.
    z = layer(x[(39 % 4) * 64 :][:64])
    assert np.abs(np.asarray(y) - np.asarray(z)).max() < 0.5


@pytest.mark.parametrize(
    "clipping, words",
    [
        ({"max": 1.0}, "invalid keys"),
        ({"rmax": 1.0, "rmin": 2.0}, "rmax"),
        ({"dmax": -1.0}, "dmax"),
    ],
)
def test_renorm_errors(clipping, words):
    with pytest.raises(ValueError, match=words):
        layers.BatchNormalization(renorm=True, renorm_clipping=clipping)


def test_synchronized_on_one_process_is_plain():
    x = data(8, 3)
    plain, other = layers.BatchNormalization(), layers.BatchNormalization(synchronized=True)
    np.testing.assert_array_equal(
        np.asarray(plain(x, training=True)), np.asarray(other(x, training=True))
    )


def test_masked_steps_do_not_count():
    x = data(2, 4, 3)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), x[mask].var(0), rtol=1e-4)
    with pytest.raises(ValueError, match="one dimension less"):
        layer(x, training=True, mask=np.ones((2,), bool))


def test_group_normalization_errors():
    for groups in (0, -2, 2.0):
        with pytest.raises(ValueError, match="groups"):
            layers.GroupNormalization(groups=groups)
    with pytest.raises(ValueError, match="more than"):
        layers.GroupNormalization(groups=8)(data(2, 4))
    with pytest.raises(ValueError, match="multiple"):
        layers.GroupNormalization(groups=3)(data(2, 4))


def test_rms_scaling_is_deprecated():
    with pytest.warns(UserWarning, match="rms_scaling"):
        layer = layers.LayerNormalization(rms_scaling=True)
    x = data(4, 6)
    expected = x / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    with pytest.warns(UserWarning, match="rms_scaling"):
        out = np.asarray(layer(x))
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
    assert [w.name for w in layer.weights] == ["gamma"]


@pytest.mark.parametrize("name", ["LayerNormalization", "RMSNormalization", "UnitNormalization"])
def test_axis_out_of_bounds(name):
    with pytest.raises(ValueError, match="out of bounds"):
        getattr(layers, name)(axis=3).compute_output_shape((2, 4))


def test_adaptive_pooling_errors():
    with pytest.raises(ValueError, match="length 1"):
        layers.AdaptiveMaxPooling1D((1, 2))
    with pytest.raises(TypeError, match="integer"):
        layers.AdaptiveAveragePooling2D((1, 2, 3))
    with pytest.raises(ValueError, match="data_format"):
        layers.AdaptiveAveragePooling2D(2, data_format="last")

"""What comes from the weights alone is computed once, and again when a weight changes."""

import threading

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers


def image_model(seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            layers.Input((10, 10, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ]
    )
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(size=shape).astype("float32"))
            layer.moving_variance.assign(rng.uniform(0.5, 2, shape).astype("float32"))
            layer.gamma.assign(rng.uniform(0.5, 2, shape).astype("float32"))
            layer.beta.assign(rng.normal(size=shape).astype("float32"))
    return model


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(6, 10, 10, 3)).astype("float32")


def eagerly(model, x):
    """Op by op, so without any pass of the compiler."""
    y = x
    for layer in model.layers:
        y = layer(y)
    return np.asarray(y)


def stats_of(model):
    return model._functions["predict"].stats()


def assert_same(model, x):
    np.testing.assert_allclose(model.predict(x, verbose=0), eagerly(model, x), 2e-5, 2e-5)


def test_results_follow_every_way_to_change_a_weight(x, tmp_path):
    pytest.importorskip("h5py")
    model, other = image_model(), image_model(1)
    assert_same(model, x)
    assert stats_of(model)["prologue_steps"] > 0

    model.layers[1].gamma.assign(model.layers[1].gamma * 2)
    assert_same(model, x)
    model.layers[0].set_weights([w * 0.5 for w in model.layers[0].get_weights()])
    assert_same(model, x)
    other.save_weights(tmp_path / "other.weights.h5")
    model.load_weights(tmp_path / "other.weights.h5")
    np.testing.assert_array_equal(model.predict(x, verbose=0), other.predict(x, verbose=0))

    model.compile("sgd", "mse")
    kept = model.layers[0].kernel.numpy()  # a view: the update goes to fresh storage
    before = kept.copy()
    for _ in range(2):
        model.fit(x, np.zeros((6, 5)), batch_size=3, epochs=1, verbose=0)
        assert_same(model, x)
    np.testing.assert_array_equal(kept, before)
    model.train_on_batch(x, np.zeros((6, 5)))
    assert_same(model, x)


def test_frozen_layers_are_held_in_a_training_step(x):
    model = image_model()
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mse")
    y = np.zeros((6, 5), "float32")
    first = model.train_on_batch(x, y)
    stats = model._functions["train"].stats()
    assert stats["prologue_steps"] > 0 and stats["prologue_bytes"] > 0
    assert model.train_on_batch(x, y) < first
    # A frozen weight that is assigned between two steps counts in the next.
    model.layers[1].beta.assign(model.layers[1].beta + 1)
    expected = np.mean(eagerly(model, x) ** 2)
    np.testing.assert_allclose(model.train_on_batch(x, y), expected, 1e-4)


def test_quantized_model_is_computed_from_its_new_weights():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([layers.Input((32,)), layers.Dense(16), layers.Dense(4)])
    x = np.random.default_rng(0).normal(size=(5, 32)).astype("float32")
    before = model.predict(x, verbose=0)
    for layer in model.layers:
        layer.quantize("int8")
    after = model.predict(x, verbose=0)
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, np.asarray(model.layers[1](model.layers[0](x))), 1e-4, 1e-4)


def test_half_precision_weights_are_cast_once(x):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [layers.Input((300,)), layers.Dense(200, dtype="mixed_bfloat16", activation="relu")]
    )
    inputs = np.ones((2, 300), "float32")
    model.predict(inputs, verbose=0)
    assert stats_of(model)["prologue_bytes"] >= 2 * 300 * 200


def test_predictions_beside_training_belong_to_one_state():
    """Every weight is the number of steps done: what was held too long shows."""

    class Ramp(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = self.add_weight((512,), initializer="zeros", name="first")
            self.second = self.add_weight((512,), initializer="zeros", name="second")

        def call(self, x):
            held = keras.ops.exp2(self.first * 0.0) * self.first  # in the prologue
            total = keras.ops.sum(x) * 0.0
            return keras.ops.stack(
                [held + total, self.first + total, keras.ops.abs(self.second) + total]
            )

        def train_step(self, data):
            for v in (self.first, self.second):
                v.assign(v + 1.0)
            return {"steps": self.first[0]}

    model = Ramp()
    model.compile()
    x = np.zeros((4, 2), "float32")
    model.predict_on_batch(x)
    assert stats_of(model)["prologue_steps"] > 0
    model.train_on_batch(x)
    done, wrong = threading.Event(), []

    def watch():
        while not done.is_set():
            values = model.predict_on_batch(x)
            if values.min() != values.max():
                wrong.append(values)

    threads = [threading.Thread(target=watch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        model.train_on_batch(x)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert model.predict_on_batch(x)[0, 0] == 41


def test_memory_of_the_prologue_is_shown(x, capsys):
    model = image_model()
    model.predict(x, verbose=0)
    held = stats_of(model)["prologue_bytes"]
    assert held > 0
    model.summary()
    assert "held by its prologue" in capsys.readouterr().out
    assert "held by the prologue" in str(keras.profile(model, x, mode="predict"))

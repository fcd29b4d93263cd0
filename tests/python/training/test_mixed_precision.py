"""Half precision under `fit`: dtypes, loss scales, and numbers close to those of float32."""

import re

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, optimizers

POLICIES = ["mixed_bfloat16", "mixed_float16"]


@pytest.fixture(autouse=True)
def plain_policy_afterwards():
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


def _data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8)).astype("float32")
    return x, (x[:, :3] + 0.3 * rng.normal(size=(64, 3))).argmax(-1)


def _model(policy, optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    inputs = keras.Input((8,))
    h = layers.Dense(16, activation="relu")(inputs)
    h = layers.LayerNormalization()(layers.BatchNormalization()(h))
    outputs = layers.Activation("softmax", dtype="float32")(layers.Dense(3)(h))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer or optimizers.Adam(0.01), "sparse_categorical_crossentropy", **kwargs)
    return model


@pytest.mark.parametrize("policy", POLICIES)
def test_fit_is_close_to_float32(policy):
    x, y = _data()
    runs = [
        _model(name).fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0).history["loss"]
        for name in ("float32", policy)
    ]
    np.testing.assert_allclose(runs[0], runs[1], rtol=2e-2)
    assert runs[1][-1] < 0.8 * runs[1][0]


@pytest.mark.parametrize("policy", POLICIES)
def test_dtypes(policy):
    half = policy.removeprefix("mixed_")
    model = _model(policy)
    assert [layer.compute_dtype for layer in model.layers[1:-1]] == [half] * 4
    assert {str(w.dtype) for w in model.weights} == {"float32"}
    assert str(model.layers[1].output.dtype) == half
    assert str(model.output.dtype) == "float32"
    x, y = _data()
    model.fit(x, y, verbose=0)
    assert {str(w.dtype) for w in model.weights} == {"float32"}
    assert model.predict(x, verbose=0).dtype == np.float32


def test_only_float16_gets_a_loss_scale():
    scaled = _model("mixed_float16").optimizer
    assert isinstance(scaled, optimizers.LossScaleOptimizer)
    assert scaled.name == "loss_scale_optimizer"
    assert isinstance(scaled.inner_optimizer, optimizers.Adam)
    for plain in (
        _model("mixed_bfloat16").optimizer,
        _model("mixed_float16", auto_scale_loss=False).optimizer,
    ):
        assert type(plain) is optimizers.Adam
    own = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=4.0)
    assert _model("mixed_float16", own).optimizer is own


def test_overflow_skips_the_update_and_halves_the_scale():
    x, y = _data()
    own = optimizers.LossScaleOptimizer(
        optimizers.SGD(0.1), initial_scale=2.0**40, dynamic_growth_steps=2
    )
    model = _model("mixed_float16", own)
    before = [np.array(w) for w in model.trainable_weights]
    model.fit(x, y, batch_size=64, epochs=1, verbose=0)
    assert float(own.dynamic_scale) == 2.0**39 and int(own.iterations) == 0
    assert all(np.array_equal(a, b) for a, b in zip(before, model.trainable_weights))
    own.dynamic_scale.assign(8.0)
    model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    assert float(own.dynamic_scale) == 32.0 and int(own.iterations) == 4
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.trainable_weights))


def test_files_keep_policy_and_scale(tmp_path):
    pytest.importorskip("h5py")
    x, y = _data()
    model = _model("mixed_float16")
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[1].dtype_policy.name == "mixed_float16"
    assert isinstance(again.optimizer, optimizers.LossScaleOptimizer)
    for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    histories = [
        m.fit(x, y, batch_size=16, shuffle=False, verbose=0).history for m in (model, again)
    ]
    assert histories[0] == histories[1]


def test_slots_have_the_path_of_the_optimizer_that_was_given():
    model = _model("mixed_float16")
    model.fit(*_data(), verbose=0)
    paths = [v.path for v in model.optimizer.variables]
    assert paths[:2] == ["loss_scale_optimizer/iteration", "loss_scale_optimizer/learning_rate"]
    assert any(re.fullmatch(r"adam(_\d+)?/dense(_\d+)?_kernel_velocity", p) for p in paths)

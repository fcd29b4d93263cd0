"""LoRA and quantized forms where no other library is needed to say what is right."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 8)).astype("float32")


def test_int8_products_are_exact():
    a = RNG.integers(-128, 128, (5, 3, 37)).astype("int8")
    b = RNG.integers(-128, 128, (37, 19)).astype("int8")
    product = ops.matmul(a, b)
    assert product.dtype == "int32"
    np.testing.assert_array_equal(np.asarray(product), a.astype("int32") @ b.astype("int32"))
    batch = RNG.integers(-128, 128, (5, 37, 4)).astype("int8")
    np.testing.assert_array_equal(
        np.asarray(ops.matmul(a, batch)), a.astype("int32") @ batch.astype("int32")
    )
    summed = ops.einsum("abc,cd->bad", a, b)
    expected = np.einsum("abc,cd->bad", a.astype("int32"), b.astype("int32"))
    np.testing.assert_array_equal(np.asarray(summed), expected)


@pytest.mark.filterwarnings("ignore:Layer")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantized_model_predicts_and_trains_what_is_left(mode):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8,)), layers.Dense(6, activation="relu"),
                              layers.Dense(3)])  # fmt: skip
    before = np.asarray(model(X))
    model.quantize(mode)
    after = np.asarray(model(X))
    assert np.abs(after - before).max() < {"int8": 0.1, "int4": 1.0, "float8": 0.5}[mode]
    np.testing.assert_allclose(model.predict(X, verbose=0), after, rtol=1e-5, atol=1e-6)
    if mode != "float8":
        for layer in model.layers:
            layer.enable_lora(2)
    model.compile("adam", "mse")
    history = model.fit(X, np.ones((6, 3), "float32"), epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]


def test_dots_in_the_equation():
    layer = layers.EinsumDense("...x,xhd->...hd", (2, 3), bias_axes="hd")
    before = np.asarray(layer(X))
    layer.quantize("int8")
    assert np.abs(np.asarray(layer(X)) - before).max() < 0.1


@pytest.mark.filterwarnings("ignore:Layer")
def test_filters_choose_layers():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(6, name="first"),
                              layers.Dense(3, name="second")])  # fmt: skip
    model.quantize("int8", filters="first")
    assert [layer.quantization_mode for layer in model.layers] == ["int8", None]
    with pytest.raises(ValueError, match="filters"):
        model.quantize("int8", filters=3)


def test_a_policy_builds_the_form():
    layer = layers.Dense(4, dtype="int4/4_from_float32")
    layer.build((None, 8))
    assert [tuple(v.shape) for v in layer.variables] == [(4,), (8, 2), (2, 4), (2, 4), (8,)]
    assert layer.compute_dtype == "float32"


def test_lora_leaves_the_first_output_alone_and_merges_into_files():
    layer = layers.Conv2D(3, 2, padding="same")
    image = RNG.normal(size=(1, 4, 4, 2)).astype("float32")
    before = np.asarray(layer(image))
    layer.enable_lora(2, lora_alpha=4)
    np.testing.assert_array_equal(np.asarray(layer(image)), before)
    assert [v.name for v in layer.trainable_variables] == ["bias", "lora_kernel_a", "lora_kernel_b"]
    layer.lora_kernel_b.assign(RNG.normal(size=(2, 3)).astype("float32"))
    store = {}
    layer.save_own_variables(store)
    plain = layers.Conv2D(3, 2, padding="same")
    plain.build(image.shape)
    plain.load_own_variables({key: np.asarray(value) for key, value in store.items()})
    np.testing.assert_allclose(np.asarray(plain(image)), np.asarray(layer(image)), rtol=1e-5,
                               atol=1e-6)  # fmt: skip


def test_float8_is_a_dtype():
    x = np.array([0.0, -0.4, 3.3, 500.0, 1e-3, 0.017], "float32")
    for dtype, expected in (
        ("float8_e4m3fn", [0.0, -0.40625, 3.25, np.nan, 0.001953125, 0.017578125]),
        ("float8_e5m2", [0.0, -0.375, 3.5, 512.0, 0.0009765625, 0.015625]),
    ):  # fmt: skip
        stored = ops.cast(x, dtype)
        assert stored.dtype == dtype
        np.testing.assert_array_equal(np.asarray(ops.cast(stored, "float32")), expected)
    with pytest.raises(ValueError, match="float8"):
        ops.add(ops.cast(x, "float8_e4m3fn"), ops.cast(x, "float8_e5m2"))


class Block(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.inner = layers.Dense(2 * width, activation="relu")
        self.outer = layers.EinsumDense("abc,cd->abd", (None, width), bias_axes="d")

    def call(self, x):
        return ops.add(x, self.outer(self.inner(x)))


@pytest.mark.parametrize("config", [
    lambda **k: keras.quantizers.GPTQConfig(group_size=4, **k),
    lambda **k: keras.quantizers.GPTQConfig(group_size=-1, activation_order=True, **k),
    lambda **k: keras.quantizers.GPTQConfig(group_size=8, weight_bits=8, symmetric=True, **k),
    lambda **k: keras.quantizers.AWQConfig(group_size=4, **k),
    lambda **k: keras.quantizers.AWQConfig(group_size=-1, num_grid_points=5, **k),
])  # fmt: skip
def test_calibration(config, tmp_path):
    keras.utils.set_random_seed(0)
    tokens = keras.Input((16,), dtype="int32")
    embedding, blocks = layers.Embedding(50, 12), [Block(12), Block(12)]
    x = embedding(tokens)
    for block in blocks:
        x = block(x)
    model = keras.Model(tokens, x)
    data = RNG.integers(0, 50, (20, 40)).astype("int32")
    ids = data[:4, :16]
    before = np.asarray(model(ids))
    structure = {"pre_block_layers": [embedding], "sequential_blocks": blocks}
    config = config(dataset=data, tokenizer=lambda text: text, num_samples=8, sequence_length=16,
                    quantization_layer_structure=structure)  # fmt: skip
    with pytest.warns(UserWarning):
        model.quantize(config.mode, config=config)
    for block in blocks:
        assert block.inner.dtype_policy.name == f"{config.dtype_policy_string()}_from_float32"
        assert not hasattr(block.inner, "_kernel")
    after = np.asarray(model(ids))
    assert 0 < np.abs(after - before).mean() < 0.15 * np.abs(before).mean()
    model.save_weights(str(tmp_path / "calibrated.weights.h5"))


@pytest.mark.filterwarnings("ignore:Layer")
def test_calibration_needs_data_and_a_structure():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    for structure, dataset in ((None, [1]), ({"sequential_blocks": [model.layers[0]]}, None)):
        config = keras.quantizers.GPTQConfig(dataset, len, quantization_layer_structure=structure)
        model.layers[0]._is_quantized = False
        with pytest.raises(ValueError, match="structure|dataset"):
            model.quantize("gptq", config=config)


@pytest.mark.parametrize("config", [
    {"mode": "int8"},
    {"config": keras.quantizers.Int4QuantizationConfig(block_size=None)},
    {"config": keras.quantizers.Int4QuantizationConfig(block_size=4)},
], ids=["int8", "int4", "int4_blocks"])  # fmt: skip
def test_a_reverse_matrix_of_its_own_is_quantized(config, tmp_path):
    ids = keras.Input((3,), dtype="int32")
    table = layers.ReversibleEmbedding(9, 5, tie_weights=False, name="table")
    model = keras.Model(ids, table(ids))
    x = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    before = np.asarray(table(x, reverse=True))
    table.quantize(**config)
    after = np.asarray(table(x, reverse=True))
    assert table.reverse_embeddings.dtype == "int8"
    scale = np.abs(before).max()
    np.testing.assert_allclose(after, before, atol=scale * (0.02 if "mode" in config else 0.4))
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras").get_layer("table")
    np.testing.assert_array_equal(np.asarray(copy(x, reverse=True)), after)

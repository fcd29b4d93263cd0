"""LoRA and quantized layers against real Keras: variables, outputs, gradients, files."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
import ranvier  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 8)).astype("float32")
SEQUENCE = RNG.normal(size=(2, 5, 8)).astype("float32")
HEADS = RNG.normal(size=(2, 5, 3, 4)).astype("float32")
IDS = RNG.integers(0, 20, (3, 4)).astype("int32")

LAYERS = {
    "dense": (lambda k: k.layers.Dense(6, activation="relu"), X),
    "dense_3d": (lambda k: k.layers.Dense(7, use_bias=False), SEQUENCE),
    "einsum": (lambda k: k.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"),
               SEQUENCE),
    "einsum_out": (lambda k: k.layers.EinsumDense("abcd,cde->abe", (None, 6)), HEADS),
    "einsum_swap": (lambda k: k.layers.EinsumDense("ab,cb->ac", 5, bias_axes="c"), X),
    "reversible": (lambda k: k.layers.ReversibleEmbedding(20, 6), IDS),
    "reversible_untied": (lambda k: k.layers.ReversibleEmbedding(20, 6, tie_weights=False), IDS),
    "embedding": (lambda k: k.layers.Embedding(20, 6), IDS),
}  # fmt: skip
MODES = {
    "int8": lambda k: {"mode": "int8"},
    "int8_weight_only": lambda k: {
        "config": k.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    },
    "int4": lambda k: {"config": k.quantizers.Int4QuantizationConfig(block_size=None)},
    "int4_blocks": lambda k: {"config": k.quantizers.Int4QuantizationConfig(block_size=4)},
}


def pair(name):
    make, x = LAYERS[name]
    ours, theirs = make(ranvier), make(keras)
    ours(x), theirs(x)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    return ours, theirs, x


def same_variables(ours, theirs):
    # Names up to the automatic name of the layer.
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    for a, b in zip(ours.variables, theirs.variables):
        assert tuple(a.shape) == tuple(b.shape), a.name
        assert a.dtype == keras.backend.standardize_dtype(b.dtype), a.name
        assert a.trainable == b.trainable, a.name


def assert_close(a, b, rtol=1e-5):
    a, b = np.asarray(a), np.asarray(b)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(1e-3, np.abs(b).max()))


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LAYERS)
def test_quantized_layers(name, mode, lora):
    if name == "einsum_swap" and lora:
        pytest.skip("the rank would be a size of the input in this equation, also in Keras")
    ours, theirs, x = pair(name)
    ours.quantize(**MODES[mode](ranvier)), theirs.quantize(**MODES[mode](keras))
    if lora:
        ours.enable_lora(2, lora_alpha=3.0), theirs.enable_lora(2, lora_alpha=3.0)
        for a, b in zip(ours._lora_parts(), (theirs.lora_kernel_a, theirs.lora_kernel_b)
                        if hasattr(theirs, "lora_kernel_a")
                        else (theirs.lora_embeddings_a, theirs.lora_embeddings_b)):  # fmt: skip
            value = RNG.normal(size=a.shape).astype("float32") * 0.1
            a.assign(value), b.assign(value)
    same_variables(ours, theirs)
    for a, b in zip(ours.variables, theirs.variables):
        assert_close(a.numpy(), np.asarray(b.value))
    assert_close(ours(x), theirs(x))
    if name.startswith("reversible") and not lora:
        back = RNG.normal(size=(3, 6)).astype("float32")
        assert_close(ours(back, reverse=True), theirs(back, reverse=True))
    ours_config, theirs_config = ours.get_config(), theirs.get_config()
    for config in (ours_config, theirs_config):
        config.pop("name")
    for key in ("dtype", "quantization_config"):
        assert json.dumps(ours_config[key]) == json.dumps(theirs_config[key])
    own, other = {}, {}
    ours.save_own_variables(own), theirs.save_own_variables(other)
    assert sorted(own) == sorted(other)
    for key in own:
        assert_close(own[key], np.asarray(other[key]), rtol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["dense", "einsum", "einsum_out"])
def test_gradients_of_inputs(name, mode):
    import jax

    ours, theirs, x = pair(name)
    ours.quantize(**MODES[mode](ranvier)), theirs.quantize(**MODES[mode](keras))
    t = ranvier.ops.array(x)
    with ranvier.GradientTape() as tape:
        tape.watch(t)
        loss = ranvier.ops.sum(ranvier.ops.square(ours(t)))
    variables = [v.value for v in theirs.non_trainable_variables]
    trainable = [v.value for v in theirs.trainable_variables]

    def objective(x):
        y, _ = theirs.stateless_call(trainable, variables, x)
        return keras.ops.sum(keras.ops.square(y))

    assert_close(tape.gradient(loss, t), jax.grad(objective)(x), rtol=1e-4)


@pytest.mark.parametrize("name", ["dense", "einsum", "embedding"])
def test_lora_training(name):
    ours, theirs, x = pair(name)
    histories = []
    start = None
    for k, layer in ((ranvier, ours), (keras, theirs)):
        layer.enable_lora(2, lora_alpha=4)
        parts = layer._lora_parts() if k is ranvier else [
            getattr(layer, f"lora_{'embeddings' if name == 'embedding' else 'kernel'}_{p}")
            for p in "ab"
        ]  # fmt: skip
        start = start or [RNG.normal(size=p.shape).astype("float32") for p in parts]
        for part, value in zip(parts, start):
            part.assign(value)
        model = k.Sequential([k.Input(x.shape[1:], dtype=str(x.dtype)), layer])
        model.compile(k.optimizers.SGD(0.05), "mse")
        y = np.zeros(np.asarray(model(x)).shape, "float32")
        history = model.fit(x, y, epochs=5, batch_size=3, shuffle=False, verbose=0)
        histories.append(history.history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-4)
    same_variables(ours, theirs)


def test_float8_training():
    histories, layers = [], []
    kernel = RNG.normal(size=(8, 6)).astype("float32")
    for k in (ranvier, keras):
        layer = k.layers.Dense(6)
        layer.build((None, 8))
        layer.set_weights([kernel, np.zeros(6, "float32")])
        layer.quantize("float8")
        model = k.Sequential([k.Input((8,)), layer])
        model.compile(k.optimizers.SGD(0.05), "mse")
        y = np.tanh(X[:, :6])
        history = model.fit(X, y, epochs=6, batch_size=3, shuffle=False, verbose=0)
        histories.append(history.history["loss"])
        layers.append(layer)
    same_variables(*layers)
    for a, b in zip(layers[0].variables, layers[1].variables):
        assert_close(a.numpy(), np.asarray(b.value), rtol=1e-4)
    np.testing.assert_allclose(*histories, rtol=1e-4)


@pytest.mark.parametrize("mode", [None, "int8", "int4", "float8"])
@pytest.mark.parametrize("lora", [False, True])
def test_files_both_ways(mode, lora, tmp_path):
    if mode == "float8" and lora:
        pytest.skip("float8 has no LoRA")
    rng = np.random.default_rng(0)
    for writer, reader in ((keras, ranvier), (ranvier, keras)):
        writer.utils.set_random_seed(0)
        model = writer.Sequential([
            writer.Input((5, 8)),
            writer.layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d"),
            writer.layers.Dense(4, lora_rank=2 if lora else None),
        ])  # fmt: skip
        if mode:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # layers without the form
                model.quantize(mode)
        if lora:
            model.layers[-1].lora_kernel_b.assign(rng.normal(size=(2, 4)).astype("float32"))
        path = str(tmp_path / f"{writer.__name__}.keras")
        model.save(path)
        again = reader.saving.load_model(path)
        want, got = np.asarray(model(SEQUENCE)), np.asarray(again(SEQUENCE))
        # With LoRA a quantized kernel is rounded anew.
        loose = mode in ("int8", "int4") and lora
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=0.5 if loose else 1e-5)
        assert again.layers[-1].dtype_policy.name == model.layers[-1].dtype_policy.name


def test_errors():
    for k in (ranvier, keras):
        layer = k.layers.Dense(3)
        with pytest.raises(ValueError, match="isn't yet built"):
            layer.quantize("int8")
        with pytest.raises(ValueError, match="isn't yet built"):
            layer.enable_lora(2)
        layer.build((None, 4))
        for bad, message in (
            ({"mode": "abc"}, "Invalid quantization mode"),
            ({}, "You must provide either"),
            ({"mode": "gptq"}, "For GPTQ, you must pass"),
            ({"mode": "int8", "config": k.quantizers.Int4QuantizationConfig()}, "Contradictory"),
            ({"mode": "int8", "config": 3}, "must be an instance"),
        ):
            with pytest.raises(ValueError, match=message):
                layer.quantize(**bad)
        layer.quantize("int8")
        with pytest.raises(ValueError, match="already quantized"):
            layer.quantize("int8")
        layer.enable_lora(2)
        with pytest.raises(ValueError, match="already enabled"):
            layer.enable_lora(2)

        class Own(k.layers.Dense):
            pass

        own = Own(3)
        own.build((None, 4))
        with pytest.raises(NotImplementedError, match="does not have a `quantize`"):
            own.quantize("int8")
        own.quantize("int8", type_check=False)

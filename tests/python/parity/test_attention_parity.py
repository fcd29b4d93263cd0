"""Attention layers beside the real Keras: random arguments, masks, files, training."""

import zipfile

import numpy as np
import pytest
from keras_reference import close, keras

import ranvier
from ranvier import serialization, tree

pytestmark = pytest.mark.filterwarnings("ignore")

LIBRARIES = (ranvier, keras)


def floats(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def random_case(seed):
    """Class, constructor arguments, call arguments, inputs."""
    rng = np.random.default_rng(seed)

    def flip():
        return bool(rng.random() < 0.5)

    grouped = flip()
    kwargs = {"use_bias": flip(), "use_gate": flip(), "dropout": 0.2 if flip() else 0.0}
    if flip():
        kwargs["sliding_window"] = int(rng.integers(1, 5))
    if grouped:
        kwargs.update(head_dim=3, num_query_heads=4, num_key_value_heads=int(rng.choice([1, 2, 4])))
    else:
        kwargs.update(num_heads=2, key_dim=3, value_dim=5 if flip() else None)
        kwargs.update(output_shape=7 if flip() else None)
    batch, queries, keys = 2, int(rng.integers(1, 7)), int(rng.integers(1, 7))
    inputs = [floats(rng, batch, queries, 6), floats(rng, batch, keys, 6)]
    call = {"use_causal_mask": flip(), "return_attention_scores": flip()}
    if flip():
        call["key"] = floats(rng, batch, keys, 6)
    if flip():
        call["value_mask"] = rng.random((batch, keys)) < 0.7
    if flip():
        call["attention_mask"] = rng.random((batch, queries, keys)) < 0.7
    return "GroupQueryAttention" if grouped else "MultiHeadAttention", kwargs, call, inputs


@pytest.mark.parametrize("seed", range(16))
def test_random_arguments(seed):
    name, kwargs, call, inputs = random_case(seed)
    ours, theirs = (getattr(k.layers, name)(**kwargs, name="same") for k in LIBRARIES)
    outputs = []
    for layer in (ours, theirs):
        layer(*inputs, **call)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    assert len(ours.variables) == len(theirs.variables)
    rng = np.random.default_rng(seed)
    weights = [floats(rng, *w.shape) for w in theirs.weights]
    for layer in (ours, theirs):
        layer.set_weights(weights)
        outputs.append(tree.flatten(layer(*inputs, **call)))
    assert len(outputs[0]) == len(outputs[1])
    for a, b in zip(*outputs):
        close(a, b, rtol=2e-4, atol=2e-5)
    mine, real = (s(layer) for s, layer in (
        (serialization.serialize_keras_object, ours), (keras.saving.serialize_keras_object, theirs),
    ))  # fmt: skip
    assert tree.lists_to_tuples(mine) == tree.lists_to_tuples(real)


def language_model(k):
    """A causal transformer of one block over masked tokens."""
    tokens = k.Input((None,), dtype="int32")
    table = k.layers.ReversibleEmbedding(20, 16, mask_zero=True, name="table")
    x = table(tokens)
    a = k.layers.MultiHeadAttention(2, 8, name="attention")(x, x, use_causal_mask=True)
    x = k.layers.LayerNormalization(name="norm")(k.layers.Add(name="sum")([x, a]))
    f = k.layers.Dense(32, activation="gelu", name="wide")(x)
    f = k.layers.Dense(16, name="narrow")(f)
    x = k.layers.RMSNormalization(name="rms")(k.layers.Add(name="sum_2")([x, f]))
    g = k.layers.GroupQueryAttention(4, 4, 2, use_gate=True, name="grouped")(x, x)
    x = k.layers.Add(name="sum_3")([x, g])
    return k.Model(tokens, table(x, reverse=True), name="language")


def tokens_of(rows):
    rng = np.random.default_rng(4)
    tokens = rng.integers(1, 20, (rows, 9)).astype("int32")
    tokens[np.arange(9) >= rng.integers(3, 10, rows)[:, None]] = 0
    return tokens


def test_a_transformer_trains_alike():
    models = [language_model(k) for k in LIBRARIES]
    models[0].set_weights([np.asarray(w) for w in models[1].weights])
    x = tokens_of(160)
    histories = []
    for k, model in zip(LIBRARIES, models):
        loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=k.optimizers.Adam(1e-2), loss=loss)
        log = [model.train_on_batch(x[i : i + 8, :-1], x[i : i + 8, 1:]) for i in range(0, 160, 8)]
        histories.append([float(v) for v in log])
    np.testing.assert_allclose(*histories, rtol=2e-3)
    assert histories[0][-1] < histories[0][0] * 0.8
    for a, b in zip(models[0].weights, models[1].weights):
        close(a, b, rtol=2e-2, atol=2e-3)


def test_files_both_ways(tmp_path):
    pytest.importorskip("h5py")
    x = tokens_of(3)
    for writer, reader in (LIBRARIES, LIBRARIES[::-1]):
        model = language_model(writer)
        path = tmp_path / f"{writer.__name__}.keras"
        model.save(path)
        assert "model.weights.h5" in zipfile.ZipFile(path).namelist()
        loaded = reader.saving.load_model(path)
        close(loaded(x), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    x = floats(np.random.default_rng(1), 2, 5, 8)
    ours, theirs = (k.layers.MultiHeadAttention(2, 4, dtype=policy) for k in LIBRARIES)
    ours(x, x)
    theirs(x, x)
    ours.set_weights([np.asarray(w) for w in theirs.weights])
    a, b = ours(x, x), theirs(x, x)
    assert a.dtype == keras.backend.standardize_dtype(b.dtype)
    close(np.asarray(a, "float32"), np.asarray(b, "float32"), rtol=5e-2, atol=2e-2)


def test_batch_renormalization_trains_alike():
    models = []
    for k in LIBRARIES:
        model = k.Sequential([
            k.Input((6,)), k.layers.Dense(8),
            k.layers.BatchNormalization(renorm=True, renorm_momentum=0.8, momentum=0.7,
                                        renorm_clipping={"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}),
            k.layers.Dense(1),
        ])  # fmt: skip
        model.compile(optimizer=k.optimizers.SGD(0.05), loss="mse")
        models.append(model)
    models[0].set_weights([np.asarray(w) for w in models[1].weights])
    rng = np.random.default_rng(2)
    for _ in range(20):
        x, y = floats(rng, 16, 6), floats(rng, 16, 1)
        losses = [float(model.train_on_batch(x, y)) for model in models]
        np.testing.assert_allclose(*losses, rtol=1e-3)
    for a, b in zip(models[0].weights, models[1].weights):
        close(a, b, rtol=1e-2, atol=1e-3)


def test_spectral_normalization_with_given_state():
    x = floats(np.random.default_rng(3), 4, 6)
    ours, theirs = (
        k.layers.SpectralNormalization(k.layers.Dense(5, name="dense"), power_iterations=3,
                                       name="spectral") for k in LIBRARIES
    )  # fmt: skip
    ours(x)
    theirs(x)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    ours.set_weights([np.asarray(w) for w in theirs.weights])
    close(ours(x, training=True), theirs(x, training=True), rtol=1e-4, atol=1e-5)
    for a, b in zip(ours.weights, theirs.weights):
        close(a, b, rtol=1e-4, atol=1e-5)

"""Attention layers: masks, gates, heads, shapes, errors, training."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import Input, Model, layers, ops

rng = np.random.default_rng(3)


def data(*shape):
    return rng.normal(size=shape).astype("float32")


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def by_hand(layer, query, value, key=None, allowed=None):
    """Multi-head or grouped-query attention of (batch, time, features) in NumPy."""
    weights = {v.path.split("/", 1)[1]: v.numpy() for v in layer.weights}

    def project(name, x):
        y = np.einsum("btf,fnh->btnh", x, weights[f"{name}/kernel"])
        return y + weights[f"{name}/bias"]

    q, k, v = project("query", query), project("key", value if key is None else key), None
    v = project("value", value)
    repeats = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, repeats, 2), np.repeat(v, repeats, 2)
    scores = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(q.shape[-1])
    if allowed is not None:
        scores = np.where(allowed, scores, -1e30)
    out = np.einsum("bnts,bsnh->btnh", softmax(scores), v)
    if "gate/kernel" in weights:
        out = out / (1 + np.exp(-project("gate", query)))
    kernel, bias = weights["attention_output/kernel"], weights["attention_output/bias"]
    return np.einsum("btnh,nhf->btf", out, kernel) + bias, softmax(scores)


def random_weights(layer):
    for v in layer.weights:
        v.assign(rng.normal(size=v.shape).astype("float32") * 0.5)


BUILDERS = {
    "multi head": lambda **kw: layers.MultiHeadAttention(4, 5, value_dim=3, **kw),
    "grouped": lambda **kw: layers.GroupQueryAttention(5, 4, 2, **kw),
    "multi query": lambda **kw: layers.GroupQueryAttention(5, 4, 1, **kw),
    "gated": lambda **kw: layers.MultiHeadAttention(4, 5, value_dim=3, use_gate=True, **kw),
}


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scores", [False, True])
def test_formula(kind, causal, scores):
    layer = BUILDERS[kind]()
    query, value, key = data(2, 7, 6), data(2, 9, 6), data(2, 9, 6)
    layer(query, value, key)
    random_weights(layer)
    out = layer(query, value, key=key, use_causal_mask=causal, return_attention_scores=scores)
    allowed = np.tri(7, 9, dtype=bool) if causal else None
    expected, weights = by_hand(layer, query, value, key, allowed)
    np.testing.assert_allclose(np.asarray(out[0] if scores else out), expected, 1e-4, 1e-5)
    if scores:
        np.testing.assert_allclose(np.asarray(out[1]), weights, 1e-4, 1e-5)


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("scores", [False, True])
def test_masks_and_window(kind, scores):
    layer = BUILDERS[kind](sliding_window=3)
    x = data(2, 6, 6)
    layer(x, x)
    random_weights(layer)
    value_mask = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    given = rng.random((2, 6, 6)) < 0.8
    given |= np.eye(6, dtype=bool)
    given[:, :, 3] = True
    out = layer(x, x, value_mask=value_mask, attention_mask=given, return_attention_scores=scores)
    i = np.arange(6)
    band = np.abs(i[:, None] - i) < 3
    allowed = (given & value_mask[:, None] & band)[:, None]
    seen = allowed.any(-1)[:, 0]  # a row that sees nothing is another matter
    expected, _ = by_hand(layer, x, x, allowed=allowed)
    out = np.asarray(out[0] if scores else out)
    np.testing.assert_allclose(out[seen], expected[seen], 1e-4, 1e-5)


def test_masks_of_the_inputs():
    tokens = np.array([[1, 2, 3, 0], [2, 1, 0, 0]])
    x = layers.Embedding(5, 8, mask_zero=True)(tokens)
    layer = layers.MultiHeadAttention(2, 4)
    out = layer(x, x)
    np.testing.assert_array_equal(np.asarray(out._keras_mask), tokens != 0)
    plain = ops.convert_to_tensor(np.asarray(x))
    pair = (tokens != 0)[:, :, None] & (tokens != 0)[:, None]
    again = layer(plain, plain, attention_mask=pair)
    np.testing.assert_allclose(np.asarray(out), np.asarray(again), 1e-5, 1e-6)


def test_a_query_that_sees_nothing_sees_all_alike():
    layer = layers.MultiHeadAttention(2, 4)
    x = data(1, 5, 8)
    none = np.ones((1, 5, 5), bool)
    none[0, 2] = False
    out = np.asarray(layer(x, x, attention_mask=none))
    uniform = by_hand(layer, x, x, allowed=none[:, None])[0]
    np.testing.assert_allclose(out, uniform, 1e-4, 1e-5)
    zero, scores = layer(x, x, attention_mask=none, return_attention_scores=True)
    np.testing.assert_array_equal(np.asarray(scores)[0, :, 2], 0)
    np.testing.assert_allclose(np.asarray(zero)[0, 2], 0, atol=1e-6)


@pytest.mark.parametrize("axes", [None, (2,), (1, 2), -2])
def test_attention_axes(axes):
    layer = layers.MultiHeadAttention(2, 4, attention_axes=axes)
    x = data(2, 3, 4, 8)
    out, scores = layer(x, x, return_attention_scores=True)
    assert tuple(out.shape) == (2, 3, 4, 8)
    one_axis = axes in ((2,), -2)
    assert tuple(scores.shape) == ((2, 3, 2, 4, 4) if one_axis else (2, 2, 3, 4, 3, 4))
    if one_axis:
        flat = layers.MultiHeadAttention(2, 4)
        rows = x.reshape(6, 4, 8)
        flat(rows, rows)
        flat.set_weights(layer.get_weights())
        np.testing.assert_allclose(
            np.asarray(out).reshape(6, 4, 8), np.asarray(flat(rows, rows)), 1e-4, 1e-5
        )


def test_output_shape_and_dropout():
    layer = layers.MultiHeadAttention(2, 4, output_shape=(3, 5), dropout=0.5, seed=1)
    x = data(2, 6, 8)
    assert tuple(layer(x, x).shape) == (2, 6, 3, 5)
    assert layer.compute_output_shape((2, 6, 8), (2, 6, 8)) == (2, 6, 3, 5)
    calm = np.asarray(layer(x, x, training=False))
    np.testing.assert_array_equal(calm, np.asarray(layer(x, x, training=False)))
    wild = [np.asarray(layer(x, x, training=True)) for _ in range(2)]
    assert not np.allclose(*wild) and not np.allclose(wild[0], calm)


def test_functional_model_with_unknown_time():
    for layer in (BUILDERS["multi head"](), BUILDERS["grouped"]()):
        inputs = Input((None, 6))
        outputs = layer(inputs, inputs, use_causal_mask=True)
        assert outputs.shape == (None, None, 6)
        model = Model(inputs, outputs)
        x = data(2, 5, 6)
        np.testing.assert_allclose(
            np.asarray(model(x)), np.asarray(layer(x, x, use_causal_mask=True)), 1e-5, 1e-6
        )
        again = Model.from_config(model.get_config())
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(np.asarray(again(x)), np.asarray(model(x)), 1e-6)


def test_config_of_projected_layers():
    for layer in (
        layers.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1, use_bias=False, use_gate=True,
                                  output_shape=5, attention_axes=1, sliding_window=2, seed=4,
                                  kernel_regularizer="l2", bias_constraint="non_neg"),
        layers.GroupQueryAttention(3, 4, 2, dropout=0.1, use_gate=True, sliding_window=2, seed=4),
    ):  # fmt: skip
        copy = type(layer).from_config(layer.get_config())
        assert copy.get_config() == layer.get_config()
    stored = keras.saving.serialize_keras_object(layer)
    assert (stored["class_name"], stored["registered_name"]) == ("GroupQueryAttention", None)
    assert type(keras.saving.deserialize_keras_object(stored)) is layers.GroupQueryAttention


def test_save_and_load(tmp_path):
    inputs = Input((4, 6))
    hidden = layers.MultiHeadAttention(2, 3)(inputs, inputs)
    model = Model(inputs, layers.GroupQueryAttention(3, 2, 1)(hidden, hidden))
    model.save(tmp_path / "model.keras")
    x = data(2, 4, 6)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(model(x)))


@pytest.mark.parametrize("make, words", [
    (lambda: layers.MultiHeadAttention(0, 2), "num_heads"),
    (lambda: layers.MultiHeadAttention(2, -1), "key_dim"),
    (lambda: layers.MultiHeadAttention(2, 2, value_dim=0), "value_dim"),
    (lambda: layers.MultiHeadAttention(2, 2, attention_axes="x"), "attention_axes"),
    (lambda: layers.MultiHeadAttention(2, 2, output_shape=2.5), "output_shape"),
    (lambda: layers.MultiHeadAttention(2, 2, sliding_window=0), "sliding_window"),
    (lambda: layers.MultiHeadAttention(2, 2, flash_attention=True, dropout=0.1), "Dropout"),
    (lambda: layers.GroupQueryAttention(2, 3, 2), "divisible"),
    (lambda: layers.Attention(score_mode="sum"), "score_mode"),
    (lambda: layers.Attention()(data(2, 3, 4)), "list"),
    (lambda: layers.Attention()([data(2, 3, 4)]), "length 2 or 3"),
    (lambda: layers.MultiHeadAttention(2, 2).build((2, 3, 4), (2, 3, 4), (2, 5, 4)), "equal"),
])  # fmt: skip
def test_errors(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_flash_attention_switch():
    layer = layers.MultiHeadAttention(2, 4, flash_attention=True)
    x = data(2, 3, 8)
    with pytest.raises(ValueError, match="scores"):
        layer(x, x, return_attention_scores=True)
    assert keras.config.is_flash_attention_enabled() is None
    keras.config.disable_flash_attention()
    try:
        assert keras.config.is_flash_attention_enabled() is False
        plain = layers.MultiHeadAttention(2, 4)
        plain(x, x)
        plain.set_weights(layer.get_weights())
        np.testing.assert_allclose(np.asarray(plain(x, x)), np.asarray(layer(x, x)), 1e-5, 1e-6)
    finally:
        keras.config.enable_flash_attention()
    assert keras.config.is_flash_attention_enabled() is None


def test_attention_masks():
    query, value = data(2, 3, 4), data(2, 5, 4)
    query_mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    value_mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
    layer = layers.Attention()
    out, weights = layer([query, value], mask=[query_mask, value_mask], use_causal_mask=True,
                         return_attention_scores=True)  # fmt: skip
    allowed = value_mask[:, None] & np.tri(3, 5, dtype=bool)
    scores = np.where(allowed, query @ value.swapaxes(1, 2), -1e9)
    np.testing.assert_allclose(np.asarray(weights), softmax(scores), 1e-5, 1e-6)
    expected = np.where(query_mask[..., None], softmax(scores) @ value, 0)
    np.testing.assert_allclose(np.asarray(out), expected, 1e-5, 1e-6)
    np.testing.assert_array_equal(np.asarray(out._keras_mask), query_mask)


def test_reversible_embedding():
    tokens = np.array([[1, 2, 0]])
    for tied in (True, False):
        layer = layers.ReversibleEmbedding(5, 3, tie_weights=tied, mask_zero=True, logit_soft_cap=2)
        rows = layer(tokens)
        np.testing.assert_array_equal(np.asarray(rows._keras_mask), tokens != 0)
        table = layer.embeddings.numpy().T if tied else layer.reverse_embeddings.numpy()
        logits = layer(rows, reverse=True)
        expected = np.tanh(np.asarray(rows) @ table / 2) * 2
        np.testing.assert_allclose(np.asarray(logits), expected, 1e-5, 1e-6)
        inputs = Input((None,), dtype="int32")
        model = Model(inputs, layer(layer(inputs), reverse=True))
        assert model.output_shape == (None, None, 5)
        np.testing.assert_allclose(np.asarray(model(tokens)), np.asarray(logits), 1e-5, 1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        lambda **k: layers.MultiHeadAttention(2, 4, **k),
        lambda **k: layers.GroupedQueryAttention(4, 2, 1, **k),
    ],
)
def test_a_policy_map_names_single_projections(layer):
    policies = keras.dtype_policies.DTypePolicyMap("float32")
    policies["mine/key"] = "int8_from_float32"
    attention = layer(dtype=policies, name="mine")
    attention(data(2, 5, 8), data(2, 5, 8))
    kernels = {v.path: v.dtype for v in attention.weights if v.name == "kernel"}
    assert kernels.pop("mine/key/kernel") == "int8"
    assert set(kernels.values()) == {"float32"} and len(kernels) == 3

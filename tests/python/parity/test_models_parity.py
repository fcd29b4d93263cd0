"""Graphs against Keras: order of layers and weights, configs, and each reading the other's JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import ranvier  # noqa: E402
from ranvier import serialization  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def residual(k):
    layers, ops = k.layers, k.ops
    x = k.Input((8, 8, 3), name="image")
    h = layers.Conv2D(4, 3, padding="same", activation="relu", name="c1")(x)
    b = layers.BatchNormalization(name="bn")(h)
    b = layers.Conv2D(4, 3, padding="same", name="c2")(b)
    h = layers.Add(name="add")([h, b])
    h = layers.Dropout(0.2, name="drop")(layers.GlobalAveragePooling2D(name="gap")(h))
    y = layers.Dense(3, activation="softmax", name="probs")(h)
    return k.Model(
        x, {"probs": y, "score": ops.mean(ops.square(h) * 2.0, axis=-1)}, name="residual"
    )


def diamond(k):
    layers = k.layers
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = layers.Dense(4, name="shared")
    p, q = shared(a), shared(b)
    deep = layers.Dense(4, name="deep2")(layers.Dense(4, name="deep1")(p))
    out = layers.Concatenate(name="cat")([deep, q, layers.Subtract(name="sub")([p, q])])
    return k.Model([a, b], [layers.Dense(2, name="head")(out), p], name="diamond")


def nested(k):
    layers = k.layers
    x = k.Input((6,), name="x")
    inner = k.Sequential(
        [k.Input((6,)), layers.Dense(5, name="i1"), layers.Dense(6, name="i2")], name="inner"
    )
    return k.Model(x, layers.Add(name="skip")([x, inner(inner(x))]), name="nested")


def chain(k):
    layers = k.layers
    return k.Sequential([
        k.Input((7, 3)), layers.Conv1D(4, 3, padding="causal", name="c"), layers.PReLU(name="p"),
        layers.Flatten(name="f"), layers.Dense(2, name="d"),
    ], name="chain")  # fmt: skip


def operators(k):
    ops = k.ops
    x = k.Input((4, 3), name="x")
    y = ops.transpose(ops.exp(-x) + 1.0, (0, 2, 1))
    z = ops.concatenate([y, y * 2.0], axis=1)[:, 1:5]
    w = ops.where(z > 0.5, z, ops.zeros_like(z))
    return k.Model(x, ops.reshape(ops.sum(w, axis=1), (-1, 2, 2)), name="operators")


BUILDERS = [residual, diamond, nested, chain, operators]


def inputs_of(model):
    rng = np.random.default_rng(3)
    values = [rng.normal(size=(2, *x.shape[1:])).astype("float32") for x in model.inputs]
    return values[0] if len(values) == 1 else values


def flat(result):
    return [np.asarray(x) for x in ranvier.tree.flatten(result)]


def same_weights(ours, theirs):
    assert [(w.path, tuple(w.shape)) for w in ours.weights] == [
        (w.path, tuple(w.shape)) for w in theirs.weights
    ]
    rng = np.random.default_rng(1)
    values = [rng.uniform(0.1, 0.5, w.shape).astype("float32") for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)


@pytest.fixture(params=BUILDERS, ids=[b.__name__ for b in BUILDERS])
def pair(request):
    ranvier.utils.clear_session()
    keras.utils.clear_session()
    return request.param(ranvier), request.param(keras)


def test_same_results(pair):
    ours, theirs = pair
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    same_weights(ours, theirs)
    x = inputs_of(theirs)
    for a, b in zip(flat(ours(x)), flat(theirs(x))):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def without_versions(node):
    """Drops keys that Keras added lately and that hold neutral values."""
    neutral = {
        "renorm": False,
        "renorm_clipping": None,
        "renorm_momentum": 0.99,
        "quantization_config": None,
        "rms_scaling": False,
    }
    if isinstance(node, dict):
        return {
            k: without_versions(v)
            for k, v in node.items()
            if not (k in neutral and v == neutral[k])
        }
    return [without_versions(v) for v in node] if isinstance(node, list) else node


def test_same_config(pair):
    ours, theirs = pair
    mine, real = json.loads(ours.to_json()), json.loads(theirs.to_json())
    assert without_versions(mine) == without_versions(real)


def test_each_reads_the_other(pair):
    ours, theirs = pair
    here = ranvier.models.model_from_json(theirs.to_json())
    there = keras.models.model_from_json(ours.to_json())
    same_weights(here, there)
    x = inputs_of(theirs)
    for a, b in zip(flat(here(x)), flat(there(x))):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_custom_objects_keep_their_registered_name():
    @serialization.register_keras_serializable(package="mine")
    class Twice(ranvier.layers.Layer):
        def call(self, x):
            return x * 2

    x = ranvier.Input((3,), name="x")
    text = ranvier.Model(x, Twice(name="t")(x)).to_json()
    assert '"registered_name": "mine>Twice"' in text
    assert tuple(ranvier.models.model_from_json(text)(np.ones((2, 3))).shape) == (2, 3)

"""What every layer must do: build, infer shapes, save its config, train, keep masks and dtypes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from layer_rows import ROWS

from ranvier import GradientTape, Input, Model, layers, ops, serialization, tree

ids = [f"{i}-{r.id}" for i, r in enumerate(ROWS)]


def make(row, **extra):
    return getattr(layers, row.name)(**row.kwargs, **extra)


def data(row, seed=0):
    rng = np.random.default_rng(seed)

    def one(shape):
        if row.dtype.startswith("int"):
            return rng.integers(0, 5, shape).astype(row.dtype)
        return rng.normal(size=shape).astype(row.dtype)

    return [one(s) for s in row.shape] if isinstance(row.shape, list) else one(row.shape)


def arrays(x):
    return [np.asarray(t) for t in tree.flatten(x)]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_shapes_agree(row):
    layer = make(row)
    x = data(row)
    out = layer(x)
    assert layer.built
    assert len(layer.weights) == row.weights
    shape = tree.map_structure(lambda a: a.shape, x)
    clone = make(row)
    assert tuple(clone.compute_output_shape(shape)) == tuple(out.shape)
    assert not clone.weights or clone.built is False, "asking for a shape builds nothing"
    symbolic = make(row)(
        tree.map_structure(lambda a: Input(batch_shape=a.shape, dtype=row.dtype), x)
    )
    assert (tuple(symbolic.shape), symbolic.dtype) == (tuple(out.shape), out.dtype)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_unknown_batch(row):
    x = data(row)
    inputs = tree.map_structure(lambda a: Input(a.shape[1:], dtype=row.dtype), x)
    layer = make(row)
    outputs = layer(inputs)
    model = Model(inputs, outputs)
    result = model(x)
    assert outputs.shape[0] is None
    assert outputs.shape[1:] == tuple(result.shape)[1:]
    np.testing.assert_allclose(np.asarray(result), np.asarray(layer(x)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_config_round_trip(row):
    layer = make(row, name="some_name")
    x = data(row)
    out = layer(x)
    text = json.dumps(serialization.serialize_keras_object(layer))
    again = serialization.deserialize_keras_object(json.loads(text))
    assert type(again) is type(layer)
    assert again.name == "some_name"
    assert json.dumps(serialization.serialize_keras_object(again)) == text
    assert again.built
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(out))


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r.weights], ids=[r.id for r in ROWS if r.weights]
)
def test_gradient_reaches_every_trainable_weight(row):
    layer = make(row)
    x = data(row)
    layer(x)
    rng = np.random.default_rng(1)
    for v in layer.weights:
        v.assign(rng.normal(size=v.shape) * 0.3 + 0.5)
    with GradientTape() as tape:
        out = layer(x, training=True) if layer._call_has_training_arg else layer(x)
        loss = ops.sum(ops.square(out) * rng.normal(size=out.shape).astype("float32"))
    for v, g in zip(layer.trainable_weights, tape.gradient(loss, layer.trainable_weights)):
        assert g is not None, v.path
        assert tuple(g.shape) == v.shape


@pytest.mark.parametrize("row", [r for r in ROWS if r.dtype == "float32"],
                         ids=[r.id for r in ROWS if r.dtype == "float32"])  # fmt: skip
def test_mixed_precision(row):
    layer = make(row, dtype="mixed_bfloat16")
    out = layer(data(row))
    assert out.dtype == "bfloat16"
    assert all(v.dtype == "float32" for v in layer.weights)


@pytest.mark.parametrize("row", [r for r in ROWS if r.random], ids=[r.id for r in ROWS if r.random])
def test_noise_only_while_training(row):
    layer = make(row)
    x = data(row)
    np.testing.assert_array_equal(np.asarray(layer(x, training=False)), x)
    first, second = np.asarray(layer(x, training=True)), np.asarray(layer(x, training=True))
    assert not np.array_equal(first, x)
    assert not np.array_equal(first, second)

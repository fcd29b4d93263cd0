"""Every layer row against Keras' layer with the same weights: outputs, state, config."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "layers"))
from layer_rows import ROWS  # noqa: E402

from ranvier import layers, serialization, tree  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
ids = [f"{i}-{r.id}" for i, r in enumerate(ROWS)]


def pair(row, name="same"):
    return (getattr(layers, row.name)(**row.kwargs, name=name),
            getattr(keras.layers, row.name)(**row.kwargs, name=name))  # fmt: skip


def data(row):
    rng = np.random.default_rng(5)

    def one(shape):
        if row.dtype.startswith("int"):
            return rng.integers(0, 5, shape).astype(row.dtype)
        return rng.normal(size=shape).astype(row.dtype)

    return [one(s) for s in row.shape] if isinstance(row.shape, list) else one(row.shape)


@pytest.mark.parametrize("row", ROWS, ids=ids)
@pytest.mark.parametrize("training", [False, True])
def test_same_outputs_and_state(row, training):
    if row.random and training:
        pytest.skip("other random numbers")
    ours, theirs = pair(row)
    x = data(row)
    ours(x)
    theirs(x)
    rng = np.random.default_rng(2)
    weights = [np.abs(rng.normal(size=w.shape)).astype("float32") for w in theirs.weights]
    assert [tuple(v.shape) for v in ours.weights] == [tuple(v.shape) for v in theirs.weights]
    assert [v.name for v in ours.weights] == [v.name for v in theirs.weights]
    assert [v.trainable for v in ours.weights] == [v.trainable for v in theirs.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    kwargs = {"training": training} if ours._call_has_training_arg else {}
    a, b = ours(x, **kwargs), theirs(x, **kwargs)
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-5)
    for v, w in zip(ours.weights, theirs.weights):
        np.testing.assert_allclose(v.numpy(), np.asarray(w), rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(
        [float(x) for x in ours.losses], [float(x) for x in theirs.losses], rtol=1e-4
    )


# Keys that Keras leaves out or adds by version; a missing neutral key is the same config.
NEUTRAL = {
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "quantization_config": None,
    "rms_scaling": False,
}


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_same_config(row):
    ours, theirs = pair(row)
    x = data(row)
    ours(x)
    theirs(x)
    mine = serialization.serialize_keras_object(ours)
    real = keras.saving.serialize_keras_object(theirs)
    real["config"] = {
        k: v
        for k, v in real["config"].items()
        if not (k in NEUTRAL and v == NEUTRAL[k] and k not in mine["config"])
    }
    assert tree.lists_to_tuples(mine) == tree.lists_to_tuples(real)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_keras_reads_our_config(row):
    ours, _ = pair(row)
    x = data(row)
    ours(x)
    loaded = keras.saving.deserialize_keras_object(serialization.serialize_keras_object(ours))
    loaded(x)
    loaded.set_weights(ours.get_weights())
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(ours(x)), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_symbolic_shapes_with_unknown_batch(row):
    ours, theirs = pair(row)
    x = data(row)
    a = ours(tree.map_structure(lambda v: layers.Input(v.shape[1:], dtype=row.dtype), x))
    b = theirs(tree.map_structure(lambda v: keras.Input(v.shape[1:], dtype=row.dtype), x))
    # Keras forgets sizes that a layer was told as None; here they follow from the input.
    assert [x for x, y in zip(a.shape, b.shape) if y is not None] == [
        y for y in b.shape if y is not None
    ]
    assert a.shape[0] is None
    assert a.dtype == b.dtype

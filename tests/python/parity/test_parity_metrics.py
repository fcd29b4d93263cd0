"""Metrics against the real Keras over several batches, with and without weights."""

import numpy as np
import pytest
from keras_reference import close, keras
from test_parity_losses import _binary, _classes, _positive, _regression, _sparse

import ranvier
from ranvier import metrics

pytestmark = pytest.mark.filterwarnings("ignore")


def _same_often(rng, shape):
    return rng.integers(0, 3, size=shape), rng.integers(0, 3, size=shape)


def _sparse_column(rng, shape):
    true, pred = _sparse(rng, shape)
    return true[..., None], pred


CASES = [
    ("Accuracy", {}, _same_often),
    ("BinaryAccuracy", {}, _binary),
    ("BinaryAccuracy", {"threshold": 0.3}, _binary),
    ("CategoricalAccuracy", {}, _classes),
    ("SparseCategoricalAccuracy", {}, _sparse),
    ("SparseCategoricalAccuracy", {}, _sparse_column),
    ("TopKCategoricalAccuracy", {"k": 2}, _classes),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, _sparse),
    ("MeanSquaredError", {}, _regression),
    ("RootMeanSquaredError", {}, _regression),
    ("MeanAbsoluteError", {}, _regression),
    ("MeanAbsolutePercentageError", {}, _regression),
    ("MeanSquaredLogarithmicError", {}, _positive),
    ("CosineSimilarity", {}, _regression),
    ("LogCoshError", {}, _regression),
    ("Hinge", {}, _binary),
    ("SquaredHinge", {}, _binary),
    ("CategoricalHinge", {}, _classes),
    ("KLDivergence", {}, _classes),
    ("Poisson", {}, _positive),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, _binary),
    ("CategoricalCrossentropy", {}, _classes),
    ("SparseCategoricalCrossentropy", {}, _sparse),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name,kwargs,data", CASES, ids=IDS)
def test_metric(name, kwargs, data, weighted):
    rng = np.random.default_rng(len(name))
    ours = getattr(metrics, name)(**kwargs)
    theirs = getattr(keras.metrics, name)(**kwargs)
    for shape in [(9, 6), (4, 6), (1, 6)]:
        true, pred = data(rng, shape)
        weight = rng.uniform(size=shape[0]).astype("float32") if weighted else None
        ours.update_state(true, pred, sample_weight=weight)
        theirs.update_state(true, pred, sample_weight=weight)
        close(ours.result(), theirs.result(), rtol=2e-5)
    assert ours.get_config() == theirs.get_config()
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        assert a.name == b.name and a.path == b.path
        close(a, b, rtol=2e-5)
    ours.reset_state()
    close(ours.result(), 0.0)


@pytest.mark.parametrize("name,kwargs,data", CASES, ids=IDS)
def test_metric_of_sequences(name, kwargs, data):
    rng = np.random.default_rng(1)
    true, pred = data(rng, (3, 4, 6))
    if data is _sparse_column:
        pytest.skip("ranks of labels and predictions differ by none")
    weight = rng.uniform(size=(3, 4)).astype("float32")
    for w in (None, weight, weight[:, 0]):
        ours, theirs = getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs)
        ours.update_state(true, pred, sample_weight=w)
        theirs.update_state(true, pred, sample_weight=w)
        close(ours.result(), theirs.result(), rtol=2e-5)


@pytest.mark.parametrize("shape", [(), (5,), (5, 3), (2, 3, 4)])
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_reductions(name, shape):
    rng = np.random.default_rng(2)
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for _ in range(3):
        values = rng.normal(size=shape).astype("float32")
        weights = [None] if not shape else [None, rng.uniform(size=shape[:1]).astype("float32")]
        for weight in weights:
            ours.update_state(values, sample_weight=weight)
            theirs.update_state(values, sample_weight=weight)
    close(ours.result(), theirs.result())


def test_mask_of_predictions():
    rng = np.random.default_rng(4)
    true, pred = _regression(rng, (5, 4, 3))
    mask = rng.integers(0, 2, size=(5, 4)).astype(bool)
    ours_pred, theirs_pred = ranvier.ops.array(pred), keras.ops.array(pred)
    ours_pred._keras_mask = ranvier.ops.array(mask)
    keras.src.backend.set_keras_mask(theirs_pred, keras.ops.array(mask))
    ours, theirs = metrics.MeanSquaredError(), keras.metrics.MeanSquaredError()
    ours.update_state(true, ours_pred)
    theirs.update_state(true, theirs_pred)
    close(ours.result(), theirs.result())


@pytest.mark.parametrize("name", ["mse", "MAE", "accuracy", "binary_accuracy", "Mean", "bce"])
def test_get(name):
    assert type(metrics.get(name)).__name__ == type(keras.metrics.get(name)).__name__


def test_stateless_forms():
    ours = metrics.MeanSquaredError()
    rng = np.random.default_rng(6)
    true, pred = _regression(rng, (5, 3))
    state = ours.stateless_update_state(ours.stateless_reset_state(), true, pred)
    close(ours.stateless_result(state), np.mean((true - pred) ** 2))
    close(ours.result(), 0.0)

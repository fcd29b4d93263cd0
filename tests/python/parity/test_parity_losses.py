"""Losses against the real Keras: every class, reduction, weights, masks, random shapes."""

import numpy as np
import pytest
from keras_reference import close, keras

import ranvier
from ranvier import losses

pytestmark = pytest.mark.filterwarnings("ignore")

REDUCTIONS = ["sum_over_batch_size", "sum", "none", None, "mean", "mean_with_sample_weight"]


def _regression(rng, shape):
    return rng.normal(size=shape).astype("float32"), rng.normal(size=shape).astype("float32")


def _positive(rng, shape):
    a, b = _regression(rng, shape)
    return np.abs(a), np.abs(b)


def _binary(rng, shape):
    return (
        rng.integers(0, 2, size=shape).astype("float32"),
        rng.uniform(0.01, 0.99, size=shape).astype("float32"),
    )


def _signed(rng, shape):
    true, pred = _binary(rng, shape)
    return 2 * true - 1, pred


def _classes(rng, shape):
    logits = rng.normal(size=shape)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    true = np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])]
    return true.astype("float32"), p.astype("float32")


def _sparse(rng, shape):
    _, p = _classes(rng, shape)
    return rng.integers(0, shape[-1], size=shape[:-1]), p


def _logits(make):
    def data(rng, shape):
        true, _ = make(rng, shape)
        return true, (3 * rng.normal(size=shape)).astype("float32")

    return data


CASES = [
    ("MeanSquaredError", {}, _regression),
    ("MeanAbsoluteError", {}, _regression),
    ("MeanAbsolutePercentageError", {}, _regression),
    ("MeanSquaredLogarithmicError", {}, _positive),
    ("CosineSimilarity", {}, _regression),
    ("CosineSimilarity", {"axis": 0}, _regression),
    ("Huber", {}, _regression),
    ("Huber", {"delta": 0.3}, _regression),
    ("LogCosh", {}, _regression),
    ("Hinge", {}, _signed),
    ("Hinge", {}, _binary),
    ("SquaredHinge", {}, _binary),
    ("CategoricalHinge", {}, _classes),
    ("KLDivergence", {}, _classes),
    ("Poisson", {}, _positive),
    ("BinaryCrossentropy", {}, _binary),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, _binary),
    ("BinaryCrossentropy", {"from_logits": True}, _logits(_binary)),
    ("BinaryFocalCrossentropy", {}, _binary),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5}, _binary),
    ("BinaryFocalCrossentropy", {"from_logits": True}, _logits(_binary)),
    ("CategoricalCrossentropy", {}, _classes),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, _classes),
    ("CategoricalCrossentropy", {"from_logits": True}, _logits(_classes)),
    ("CategoricalFocalCrossentropy", {}, _classes),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, _logits(_classes)),
    ("SparseCategoricalCrossentropy", {}, _sparse),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, _logits(_sparse)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, _sparse),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, _sparse),
    ("Dice", {}, _binary),
    ("Dice", {"axis": (1,)}, _binary),
    ("Tversky", {"alpha": 0.3, "beta": 0.6}, _binary),
]
IDS = [f"{name}-{'-'.join(kwargs) or 'plain'}-{i}" for i, (name, kwargs, _) in enumerate(CASES)]


@pytest.mark.parametrize("name,kwargs,data", CASES, ids=IDS)
def test_loss(name, kwargs, data):
    rng = np.random.default_rng(len(name) + len(kwargs))
    for shape in [(7, 5), (1, 2), (4, 3, 6)]:
        true, pred = data(rng, shape)
        for reduction in REDUCTIONS:
            ours = getattr(losses, name)(reduction=reduction, **kwargs)
            theirs = getattr(keras.losses, name)(reduction=reduction, **kwargs)
            close(ours(true, pred), theirs(true, pred), rtol=2e-5, atol=2e-6)
        # Ours may say more: Keras leaves Huber's delta out, and loses it.
        assert ours.get_config().items() >= theirs.get_config().items()


@pytest.mark.parametrize("name,kwargs,data", CASES, ids=IDS)
def test_loss_weighted(name, kwargs, data):
    if name in ("Dice", "Tversky"):
        pytest.skip("reduces over samples")
    if kwargs.get("axis") == 0:
        pytest.skip("reduces over samples")
    rng = np.random.default_rng(3)
    true, pred = data(rng, (6, 4))
    for weight in (rng.uniform(size=6), rng.uniform(size=(6, 1)), np.zeros(6)):
        weight = weight.astype("float32")
        for reduction in REDUCTIONS:
            ours = getattr(losses, name)(reduction=reduction, **kwargs)
            theirs = getattr(keras.losses, name)(reduction=reduction, **kwargs)
            close(ours(true, pred, weight), theirs(true, pred, weight), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_predictions(reduction, weighted):
    rng = np.random.default_rng(5)
    true, pred = _regression(rng, (5, 4, 3))
    mask = rng.integers(0, 2, size=(5, 4)).astype(bool)
    weight = rng.uniform(size=(5, 4)).astype("float32") if weighted else None
    ours_pred, theirs_pred = ranvier.ops.array(pred), keras.ops.array(pred)
    ours_pred._keras_mask = ranvier.ops.array(mask)
    keras.src.backend.set_keras_mask(theirs_pred, keras.ops.array(mask))
    ours = losses.MeanSquaredError(reduction=reduction)(true, ours_pred, weight)
    theirs = keras.losses.MeanSquaredError(reduction=reduction)(true, theirs_pred, weight)
    close(ours, theirs)


def test_circle():
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(12, 5)).astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = rng.integers(0, 3, size=12)
    for kwargs in ({}, {"gamma": 20.0, "margin": 0.25}, {"remove_diagonal": False}):
        ours = losses.Circle(**kwargs)(labels, vectors)
        close(ours, keras.losses.Circle(**kwargs)(labels, vectors), rtol=1e-4)


@pytest.mark.parametrize("y_shape,p_shape", [((6,), (6, 1)), ((6, 1), (6,)), ((4, 3, 1), (4, 3))])
def test_ranks_are_aligned(y_shape, p_shape):
    rng = np.random.default_rng(9)
    true = rng.normal(size=y_shape).astype("float32")
    pred = rng.normal(size=p_shape).astype("float32")
    for name in ("MeanSquaredError", "MeanAbsoluteError", "Huber"):
        close(getattr(losses, name)()(true, pred), getattr(keras.losses, name)()(true, pred))


@pytest.mark.parametrize("name", ["mse", "MAE", "kld", "bce", "huber", "MeanSquaredError", "hinge"])
def test_get(name):
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert getattr(ours, "__name__", None) == getattr(theirs, "__name__", None)


def test_configs_of_functions_match():
    ours = losses.serialize(losses.mean_squared_error)
    assert ours == keras.losses.serialize(keras.losses.mean_squared_error)
    wrapped = losses.serialize(losses.Huber(delta=2.0))
    theirs = keras.losses.serialize(keras.losses.Huber(delta=2.0))
    assert wrapped == {**theirs, "config": {**theirs["config"], "delta": 2.0}}
    assert losses.deserialize(wrapped)._fn_kwargs["delta"] == 2.0

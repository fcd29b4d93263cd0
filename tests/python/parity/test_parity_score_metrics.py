"""Metrics of decisions, areas, overlaps and correlations against the real Keras."""

import numpy as np
import pytest
from keras_reference import close, keras

from ranvier import metrics

pytestmark = pytest.mark.filterwarnings("ignore")

LEVELS = [0.1, 0.25, 0.5, 0.8]


def _scores(rng, rows):
    # Multiples of 1/20 fall on thresholds, which is where counting goes wrong.
    scores = rng.integers(0, 21, size=(rows, 4)) / 20.0
    return rng.integers(0, 2, size=(rows, 4)), scores.astype("float32")


def _column(rng, rows):
    true, scores = _scores(rng, rows)
    return true[:, :1], scores[:, :1]


def _flat(rng, rows):
    true, scores = _scores(rng, rows)
    return true[:, 0], scores[:, :1]


def _logits(rng, rows):
    true, scores = _scores(rng, rows)
    return true, 6 * scores - 3


def _classes(rng, rows):
    return rng.integers(0, 3, size=(rows, 5)), rng.integers(0, 3, size=(rows, 5))


def _stray(rng, rows):
    return rng.integers(-1, 4, size=(rows, 5)), rng.integers(0, 4, size=(rows, 5))


def _hot(rng, rows):
    return np.eye(3)[rng.integers(0, 3, size=rows)], rng.uniform(size=(rows, 3)).astype("float32")


def _hot_sparse(rng, rows):
    return np.eye(3)[rng.integers(0, 3, size=rows)], rng.integers(0, 3, size=rows)


def _regression(rng, rows):
    true = rng.normal(size=(rows, 3)).astype("float32")
    return true, (true + 0.5 * rng.normal(size=(rows, 3))).astype("float32")


COUNTS = ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"]
CASES = [
    *[(name, {}, _scores) for name in COUNTS],
    *[(name, {"thresholds": LEVELS}, _flat) for name in COUNTS],
    *[(name, {"thresholds": [0.0, 0.5, 1.0]}, _column) for name in COUNTS],
    *[(n, kwargs, data) for n in ("Precision", "Recall") for kwargs, data in (
        ({}, _scores), ({"thresholds": 0.3}, _flat), ({"thresholds": LEVELS}, _column),
        ({"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, _scores), ({"top_k": 2}, _hot),
        ({"top_k": 2, "class_id": 1}, _hot), ({"class_id": 2}, _scores),
        ({"top_k": 1, "thresholds": LEVELS}, _hot),
    )],
    *[(n, {a: v, **more}, _scores) for n, a in (
        ("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"),
        ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision"),
    ) for v, more in ((0.4, {}), (1.0, {"num_thresholds": 1}), (0.95, {"class_id": 1}))],
    *[("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 21}, _scores)
      for curve in ("ROC", "PR", "PRGAIN") for method in ("interpolation", "minoring", "majoring")],
    ("AUC", {}, _column),
    ("AUC", {"from_logits": True}, _logits),
    ("AUC", {"thresholds": LEVELS}, _scores),
    ("AUC", {"thresholds": LEVELS, "curve": "pr"}, _scores),
    ("AUC", {"thresholds": LEVELS, "multi_label": True}, _scores),
    ("AUC", {"multi_label": True}, _scores),
    ("AUC", {"multi_label": True, "num_labels": 4, "curve": "PR"}, _scores),
    ("AUC", {"multi_label": True, "label_weights": [0.1, 0.2, 0.3, 0.4]}, _scores),
    ("AUC", {"label_weights": [0.1, 0.2, 0.3, 0.4]}, _scores),
    ("AUC", {"label_weights": [0.1, 0.2, 0.3, 0.4], "thresholds": LEVELS}, _scores),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, _classes),
    ("IoU", {"num_classes": 4, "target_class_ids": [1], "ignore_class": 0}, _stray),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 1], "dtype": "float32"}, _classes),
    ("BinaryIoU", {}, _column),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, _scores),
    ("MeanIoU", {"num_classes": 5}, _classes),
    ("MeanIoU", {"num_classes": 4, "ignore_class": -1}, _stray),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 1]}, _hot),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [2], "sparse_y_pred": True}, _hot_sparse),
    ("OneHotMeanIoU", {"num_classes": 3}, _hot),
    *[("FBetaScore", {"average": a, "beta": b, "threshold": t}, _hot)
      for a, b, t in ((None, 0.5, None), ("micro", 2.0, 0.4), ("macro", 2.0, None),
                      ("weighted", 0.5, 0.4))],
    ("F1Score", {}, _hot),
    ("F1Score", {"average": "macro", "threshold": 0.3}, _scores),
    ("R2Score", {}, _regression),
    ("R2Score", {"class_aggregation": None}, _regression),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, _regression),
    ("R2Score", {"num_regressors": 2}, _regression),
    ("PearsonCorrelation", {}, _regression),
    ("PearsonCorrelation", {"axis": 0}, _regression),
    ("ConcordanceCorrelation", {}, _regression),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(kwargs) or 'plain'}-{i}" for i, (name, kwargs, _) in enumerate(CASES)]


def _weights(name, kwargs, rng, rows):
    """Sample weights that the metric takes; integers for integer state."""
    if "IoU" in name:
        whole = rng.integers(0, 4, size=rows)
        return None if name in ("IoU", "MeanIoU", "BinaryIoU") else whole
    if name == "PearsonCorrelation" and "axis" in kwargs:
        return None
    return rng.uniform(size=rows).astype("float32")


def _pair(name, kwargs):
    return getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs)


@pytest.mark.parametrize("name,kwargs,data", CASES, ids=IDS)
def test_metric(name, kwargs, data):
    rng = np.random.default_rng(len(name))
    ours, theirs = _pair(name, kwargs)
    for rows, weighted in ((9, False), (9, True)):
        true, pred = data(rng, rows)
        weight = _weights(name, kwargs, rng, rows) if weighted else None
        ours.update_state(true, pred, sample_weight=weight)
        theirs.update_state(true, pred, sample_weight=weight)
        close(ours.result(), theirs.result(), rtol=3e-5)
        assert str(ours.result().dtype) == str(theirs.result().dtype)
    # Keras takes totals apart by subtraction, where rounding stays.
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        assert a.name == b.name and a.path == b.path
        assert str(a.dtype) == str(b.dtype)
        close(a, b, rtol=2e-5, atol=1e-5)
    ours.reset_state()
    assert all(not np.any(v.numpy()) for v in ours.variables)


@pytest.mark.parametrize("name,kwargs,data", CASES, ids=IDS)
def test_config(name, kwargs, data):
    ours, theirs = _pair(name, kwargs)
    config, expected = ours.get_config(), theirs.get_config()
    if "label_weights" in kwargs:
        close(config["label_weights"], expected["label_weights"])
        expected["label_weights"] = config["label_weights"]
    config.pop("name"), expected.pop("name")
    assert config == expected
    again = metrics.deserialize(metrics.serialize(ours))
    assert again.get_config() == ours.get_config()
    assert ours._direction == theirs._direction if hasattr(theirs, "_direction") else True


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_signature(name):
    import inspect

    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    assert inspect.signature(ours) == inspect.signature(theirs)


@pytest.mark.parametrize("fn", ["pearson_correlation", "concordance_correlation"])
@pytest.mark.parametrize("axis", [-1, 0, (0, 1)])
def test_correlation(fn, axis):
    rng = np.random.default_rng(2)
    true, pred = _regression(rng, 8)
    ours, theirs = getattr(metrics, fn), getattr(keras.metrics, fn)
    close(ours(true, pred, axis=axis), theirs(true, pred, axis=axis), rtol=2e-5)

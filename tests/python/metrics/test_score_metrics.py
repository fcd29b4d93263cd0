"""Counts, areas, overlaps and scores against plain NumPy, eager and compiled."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, metrics


def _auc_by_pairs(true, score):
    """Share of (positive, negative) pairs in the right order, ties half: the exact ROC area."""
    positive, negative = score[true == 1][:, None], score[true == 0][None]
    return np.mean((positive > negative) + 0.5 * (positive == negative))


def test_auc_with_a_threshold_between_any_two_scores_is_exact():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 60)
    score = rng.permutation(60) / 60.0 + 0.001
    metric = metrics.AUC(num_thresholds=2001)
    metric.update_state(true, score.astype("float32"))
    np.testing.assert_allclose(metric.result(), _auc_by_pairs(true, score), rtol=1e-5)


@pytest.mark.parametrize("thresholds", [0.3, [0.2, 0.5, 0.9], [0.0, 0.5, 1.0]])
def test_counts_by_hand(thresholds):
    rng = np.random.default_rng(1)
    true, score = rng.integers(0, 2, (9, 4)), rng.integers(0, 11, (9, 4)).astype("float32") / 10
    weight = rng.uniform(size=9).astype("float32")
    limits = np.atleast_1d(thresholds).astype("float32")
    above = score[None] > limits[:, None, None]
    for name, hits in (
        ("TruePositives", above & (true == 1)), ("FalsePositives", above & (true == 0)),
        ("TrueNegatives", ~above & (true == 0)), ("FalseNegatives", ~above & (true == 1)),
    ):  # fmt: skip
        metric = getattr(metrics, name)(thresholds)
        metric.update_state(true, score, sample_weight=weight)
        expected = np.sum(hits * weight[:, None], axis=(1, 2))
        np.testing.assert_allclose(metric.result(), np.squeeze(expected), rtol=1e-5, atol=1e-6)


def test_recall_of_one_is_reached_in_spite_of_rounding():
    rng = np.random.default_rng(2)
    weight = rng.uniform(size=200).astype("float32")
    metric = metrics.PrecisionAtRecall(1.0)
    metric.update_state(np.ones(200), np.full(200, 0.7, "float32"), sample_weight=weight)
    assert float(metric.result()) == 1.0


def test_iou_leaves_out_what_is_out_of_range():
    metric = metrics.MeanIoU(num_classes=3, ignore_class=2)
    metric.update_state([0, 1, 1, 2, 255, -1], [0, 1, 0, 2, 1, 1])
    assert metric.total_cm.numpy().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(metric.result(), (1 / 2 + 1 / 2) / 2, rtol=1e-5)


def test_iou_tells_of_weights_cut_off():
    metric = metrics.IoU(num_classes=2, target_class_ids=[0])
    with pytest.warns(UserWarning, match="integer weights"):
        metric.update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 2.0], "float32"))
    assert metric.total_cm.numpy().tolist() == [[0, 0], [0, 2]]


def test_r2_of_more_regressors_than_samples_is_the_plain_score():
    true, pred = np.array([[1.0], [2.0]]), np.array([[1.5], [2.0]])
    plain, adjusted = metrics.R2Score(), metrics.R2Score(num_regressors=5)
    plain.update_state(true, pred)
    adjusted.update_state(true, pred)
    with pytest.warns(UserWarning, match="more samples than regressors"):
        assert float(adjusted.result()) == float(plain.result())


@pytest.mark.parametrize("make,error", [
    (lambda: metrics.Precision(thresholds=[0.1, 1.5]), "must be in \\[0, 1\\]"),
    (lambda: metrics.Recall(thresholds=-0.1), "must be in"),
    (lambda: metrics.AUC(curve="roc2"), "curve"),
    (lambda: metrics.AUC(summation_method="sum"), "summation method"),
    (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
    (lambda: metrics.AUC(num_labels=3), "num_labels"),
    (lambda: metrics.PrecisionAtRecall(1.5), "recall"),
    (lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0), "num_thresholds"),
    (lambda: metrics.FBetaScore(average="mean"), "average"),
    (lambda: metrics.FBetaScore(beta=1), "beta"),
    (lambda: metrics.F1Score(threshold=0.0), "threshold"),
    (lambda: metrics.IoU(2, [0, 2]), "out of range"),
    (lambda: metrics.R2Score(class_aggregation="sum"), "class_aggregation"),
    (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
    (lambda: metrics.F1Score().update_state([0, 1], [0.2, 0.3]), "2D inputs"),
    (lambda: metrics.AUC(multi_label=True).update_state([0, 1], [0.2, 0.3]), "rank 2"),
    (lambda: metrics.Precision(class_id=1).update_state([0, 1], [0.2, 0.3]), "class_id"),
    (lambda: metrics.Recall().update_state([[0, 1]], [[0.2, 0.3, 0.1]]), "same shape"),
])  # fmt: skip
def test_mistakes(make, error):
    with pytest.raises(ValueError, match=error):
        make()


def _all_metrics():
    return [
        metrics.AUC(), metrics.AUC(curve="PR", multi_label=True, name="per_label"),
        metrics.Precision(top_k=1), metrics.Recall(thresholds=0.3), metrics.TruePositives(),
        metrics.FalseNegatives(), metrics.SensitivityAtSpecificity(0.5),
        metrics.F1Score(average="macro"), metrics.OneHotMeanIoU(3), metrics.R2Score(),
        metrics.ConcordanceCorrelation(),
    ]  # fmt: skip


def test_compiled_evaluation_equals_eager_updates():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 6)).astype("float32")
    y = np.eye(3, dtype="float32")[rng.integers(0, 3, 50)]
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=_all_metrics())
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    results = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    assert len(model._functions["train"]._cache) == 2  # whole batches and the last, smaller one
    predictions = model.predict(x, verbose=0)
    for metric in _all_metrics():
        for first in range(0, 50, 16):
            rows = slice(first, first + 16)
            metric.update_state(y[rows], predictions[rows])
        name = metric.name
        close = [k for k in results if k.rstrip("_0123456789") == name.rstrip("_0123456789")]
        expected = float(metric.result())
        assert any(abs(results[k] - expected) < 1e-5 * max(1, abs(expected)) for k in close), name


def test_interpolated_area_whatever_the_curve():
    rng = np.random.default_rng(5)
    true, score = rng.integers(0, 2, 50), rng.uniform(size=50).astype("float32")
    plain, other = metrics.AUC(curve="PR"), metrics.AUC(curve="ROC")
    plain.update_state(true, score)
    other.update_state(true, score)
    assert float(other.interpolate_pr_auc()) == float(plain.result())
    assert float(other.result()) != float(plain.result())

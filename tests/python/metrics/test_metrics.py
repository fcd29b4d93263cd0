"""Metrics: state over batches, inside compiled functions, containers of `compile`."""

import numpy as np
import pytest

import ranvier
from ranvier import Variable, metrics, ops
from ranvier.training.compile_utils import CompileLoss, CompileMetrics


def test_mean_over_batches_is_the_mean_of_all():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=20), rng.uniform(size=20)
    metric = metrics.Mean()
    for part in (slice(0, 7), slice(7, 8), slice(8, 20)):
        metric.update_state(values[part], sample_weight=weights[part])
    np.testing.assert_allclose(metric.result(), np.average(values, weights=weights), rtol=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
def test_sparse_accuracy_of_many_classes(dtype):
    labels = np.array([3, 250, 7, 99], dtype)
    pred = np.zeros((4, 300), "float32")
    pred[np.arange(4), [3, 250, 8, 99]] = 1.0
    metric = metrics.SparseCategoricalAccuracy()
    assert float(metric(labels, pred)) == 0.75


def test_top_k_counts_ties_as_hits_only_up_to_k():
    pred = np.array([[0.1, 0.9, 0.3], [0.5, 0.4, 0.3]], "float32")
    assert float(metrics.SparseTopKCategoricalAccuracy(k=1)([2, 0], pred)) == 0.5
    assert float(metrics.SparseTopKCategoricalAccuracy(k=2)([2, 0], pred)) == 1.0


def test_metric_inside_jit():
    metric = metrics.MeanSquaredError()

    @ranvier.jit
    def step(true, pred):
        metric.update_state(true, pred)
        return metric.result()

    rng = np.random.default_rng(1)
    seen = []
    for _ in range(3):
        true, pred = rng.normal(size=(2, 4, 2)).astype("float32")
        seen.append((true - pred) ** 2)
        np.testing.assert_allclose(step(true, pred), np.mean(seen), rtol=1e-5)
    assert step.trace_count() == 1


def test_own_metric_with_inner_metric():
    class Ratio(metrics.Metric):
        def __init__(self):
            super().__init__(name="ratio")
            self.mean = metrics.Mean(name="inner")
            self.steps = self.add_weight(name="steps")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.mean.update_state(ops.divide(y_true, y_pred), sample_weight)
            self.steps.assign_add(1)

        def result(self):
            return ops.add(self.mean.result(), self.steps)

    metric = Ratio()
    metric.update_state(np.array([4.0, 2.0], "float32"), np.array([2.0, 2.0], "float32"))
    assert float(metric.result()) == 2.5
    assert [v.name for v in metric.variables] == ["steps", "total", "count"]


def test_forgotten_super_is_told():
    class Bad(metrics.Metric):
        def __init__(self):
            self.add_weight(name="x")

    with pytest.raises(RuntimeError, match="super"):
        Bad()


def test_threshold_must_be_a_probability():
    with pytest.raises(ValueError, match="threshold"):
        metrics.BinaryAccuracy(threshold=1.5)


@pytest.mark.parametrize(
    "true_shape,pred_shape,expected",
    [
        ((8, 1), (8, 1), metrics.BinaryAccuracy),
        ((8,), (8, 1), metrics.BinaryAccuracy),
        ((8,), (8, 4), metrics.SparseCategoricalAccuracy),
        ((8, 1), (8, 4), metrics.SparseCategoricalAccuracy),
        ((8, 4), (8, 4), metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_resolved_by_shapes(true_shape, pred_shape, expected):
    compiled = CompileMetrics(["accuracy", "acc"], None)
    compiled.update_state(np.zeros(true_shape, "float32"), np.zeros(pred_shape, "float32"))
    assert [type(m) for m in compiled.metrics] == [expected] * 2
    assert list(compiled.result()) == ["accuracy", "acc"]


def _two():
    ones, zeros = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    return [ones, ones], [zeros, 3 * ones]


@pytest.mark.parametrize(
    "given,names",
    [
        ([["mse"], ["mae", "mse"]], ["a_mse", "b_mae", "b_mse"]),
        ({"a": "mae", "b": ["mse"]}, ["a_mae", "b_mse"]),
        ({"b": ["mse", "mse"]}, ["b_mse", "b_mse_1"]),
        ([None, ["mae"]], ["b_mae"]),
    ],
)
def test_metrics_of_two_outputs(given, names):
    true, pred = _two()
    compiled = CompileMetrics(given, None, output_names=["a", "b"])
    compiled.update_state(true, pred)
    results = {name: float(value) for name, value in compiled.result().items()}
    assert list(results) == names
    for name, value in results.items():
        expected = 1.0 if name.startswith("a") else 4.0 if "mse" in name else 2.0
        assert value == expected


def test_weighted_metrics():
    compiled = CompileMetrics(["mse"], ["mse", "mae"])
    true, pred = np.zeros((2, 1), "float32"), np.array([[1.0], [2.0]], "float32")
    compiled.update_state(true, pred, np.array([1.0, 0.0], "float32"))
    results = {name: float(value) for name, value in compiled.result().items()}
    assert results == {"mse": 2.5, "weighted_mse": 1.0, "mae": 1.0}


def test_metrics_that_do_not_fit_the_outputs():
    true, pred = _two()
    compiled = CompileMetrics({"c": "mse"}, None, output_names=["a", "b"])
    with pytest.raises(ValueError, match="Invalid `metrics`"):
        compiled.update_state(true, pred)
    with pytest.raises(ValueError, match="Expected `metrics` argument to be a list"):
        CompileMetrics("mse", None)


@pytest.mark.parametrize(
    "loss,weights,total",
    [
        ("mse", None, 5.0),
        (["mse", "mae"], None, 3.0),
        ({"a": "mse", "b": "mse"}, {"a": 2.0, "b": 0.5}, 4.0),
        ([None, "mse"], None, 4.0),
        (["mse", "mae"], [0.5, 10.0], 20.5),
    ],
)
def test_losses_of_two_outputs(loss, weights, total):
    true, pred = _two()
    compiled = CompileLoss(loss, weights, output_names=["a", "b"])
    assert float(compiled(true, pred)) == total
    names = [m.name for m in compiled.metrics]
    single = isinstance(loss, list) and None in loss
    assert names == ([] if single else ["a_loss", "b_loss"])


def test_loss_trackers_hold_unweighted_losses():
    true, pred = _two()
    compiled = CompileLoss(["mse", "mse"], [10.0, 10.0], output_names=["a", "b"])
    compiled(true, pred)
    compiled(true, pred)
    assert [float(m.result()) for m in compiled.metrics] == [1.0, 4.0]


def test_labels_by_name_for_outputs_in_a_list():
    true, pred = _two()
    compiled = CompileLoss({"a": "mse", "b": "mse"}, output_names=["a", "b"])
    assert float(compiled({"b": true[1], "a": true[0]}, pred)) == 5.0


def test_structures_that_do_not_fit():
    true, pred = _two()
    with pytest.raises(ValueError, match="different structures"):
        CompileLoss("mse", output_names=["a", "b"])([true[0]] * 3, pred)
    with pytest.raises(ValueError, match="Expected keys"):
        CompileLoss({"a": "mse", "c": "mse"}, output_names=["a", "b"])(true, pred)
    with pytest.raises(ValueError, match="must match the number of losses"):
        CompileLoss(["mse", "mse"], [1.0], output_names=["a", "b"])(true, pred)


def test_crossentropy_is_resolved_by_shapes():
    pred = np.array([[0.25, 0.75]], "float32")
    for true in (np.array([1]), np.array([[0.0, 1.0]], "float32")):
        value = CompileLoss("crossentropy")(true, pred)
        np.testing.assert_allclose(value, -np.log(0.75), rtol=1e-6)


def test_state_in_lists_and_dicts():
    def nested(structure):
        metric = metrics.Mean()
        metric.more = structure
        return len(metric.variables) - 2

    assert nested([Variable(0.0), Variable(1.0)]) == 2
    assert nested({"a": [Variable(0.0)], "b": (Variable(1.0),)}) == 2
    assert nested({"a": metrics.Mean(), "b": [metrics.Sum()]}) == 3
    metric = metrics.Mean()
    metric.parts = []
    metric.parts.append(metrics.Sum())
    assert len(metric.variables) == 3
    assert metric.variables[-1] is metric.parts[0].variables[0]

"""Losses: values by their definitions, gradients, bad input."""

import numpy as np
import pytest

import ranvier
from ranvier import losses, ops


def test_mean_squared_error_is_its_definition():
    rng = np.random.default_rng(0)
    true, pred = rng.normal(size=(2, 7, 3))
    expected = np.mean((true - pred) ** 2, axis=-1)
    np.testing.assert_allclose(losses.mean_squared_error(true, pred), expected, rtol=1e-6)
    value = losses.MeanSquaredError()(true, pred)
    np.testing.assert_allclose(value, expected.mean(), rtol=1e-6)


def test_weights_of_zero_take_samples_out():
    rng = np.random.default_rng(1)
    true, pred = rng.normal(size=(2, 6, 3)).astype("float32")
    weight = np.array([1, 0, 1, 1, 0, 0], "float32")
    kept = weight > 0
    whole = losses.MeanAbsoluteError(reduction="mean_with_sample_weight")(true, pred, weight)
    part = losses.MeanAbsoluteError()(true[kept], pred[kept])
    np.testing.assert_allclose(whole, part, rtol=1e-6)


def test_weights_that_do_not_fit():
    true = np.zeros((4, 3, 2), "float32")
    with pytest.raises(ranvier.errors.ShapeError, match=r"sample_weight.*\(4, 3\).*\(4,\)"):
        losses.MeanSquaredError()(true, true, np.ones(4))


def test_label_smoothing_of_classes():
    true = np.eye(4, dtype="float32")[[0, 3]]
    pred = np.full((2, 4), 0.25, "float32")
    smoothed = 0.9 * true + 0.1 / 4
    expected = -(smoothed * np.log(0.25)).sum(-1).mean()
    value = losses.CategoricalCrossentropy(label_smoothing=0.1)(true, pred)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "float32"])
def test_sparse_equals_one_hot(dtype):
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(9, 5)).astype("float32")
    labels = rng.integers(0, 5, size=9)
    for from_logits in (True, False):
        pred = logits if from_logits else np.asarray(ops.softmax(logits))
        sparse = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
        dense = losses.CategoricalCrossentropy(from_logits=from_logits)
        np.testing.assert_allclose(
            sparse(labels.astype(dtype), pred), dense(np.eye(5)[labels], pred), rtol=1e-5
        )


def test_sparse_labels_keep_large_indices():
    # 2^24 + 1 is no float32: a loss that casts labels would look at the class before.
    classes = 2**24 + 2
    logits = np.zeros((1, classes), "float32")
    logits[0, classes - 1] = 20.0
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    hit = float(loss(np.array([classes - 1]), logits))
    missed = float(loss(np.array([classes - 2]), logits))
    assert missed - hit == pytest.approx(20.0, rel=1e-3)


@pytest.mark.parametrize("label", [-1, 3, 17])
@pytest.mark.parametrize("from_logits", [True, False])
def test_label_out_of_range(label, from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    with pytest.raises(IndexError, match=str(label)):
        loss(np.array([0, label]), np.full((2, 3), 1 / 3, "float32"))


def test_ignored_class_may_be_out_of_range():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    pred = np.array([[0.5, 0.5], [0.2, 0.8]], "float32")
    np.testing.assert_allclose(loss(np.array([-1, 1]), pred), -np.log(0.8), rtol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        losses.MeanSquaredError(),
        losses.Huber(0.5),
        losses.LogCosh(),
        losses.BinaryCrossentropy(from_logits=True),
        losses.CategoricalCrossentropy(from_logits=True),
        losses.CosineSimilarity(),
    ],
)
def test_gradient_by_differences(loss):
    rng = np.random.default_rng(3)
    true = rng.uniform(size=(3, 4)).astype("float32")
    pred = rng.normal(size=(3, 4)).astype("float32")
    grad = np.asarray(ranvier.grad(lambda p: loss(true, p))(ops.array(pred)))
    wide = type(loss).from_config({**loss.get_config(), "dtype": "float64"})
    for i, j in [(0, 0), (1, 2), (2, 3)]:
        step = np.zeros((3, 4))
        step[i, j] = 1e-6
        up, down = (float(wide(true, pred + s)) for s in (step, -step))
        assert grad[i, j] == pytest.approx((up - down) / 2e-6, rel=1e-3, abs=1e-5)


def test_own_loss_class_and_function():
    class Own(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)) ** 3, axis=-1)

    true, pred = np.zeros((4, 2), "float32"), np.full((4, 2), 2.0, "float32")
    assert float(Own()(true, pred)) == 8.0
    assert float(Own(reduction="sum")(true, pred)) == 32.0
    wrapped = losses.LossFunctionWrapper(losses.huber, name="mine", delta=1.0)
    assert wrapped.name == "mine" and float(wrapped(true, pred)) == 1.5


@pytest.mark.parametrize("make", [lambda: losses.MeanSquaredError(reduction="average")])
def test_unknown_reduction(make):
    with pytest.raises(ValueError, match="Invalid value for argument `reduction`"):
        make()


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="mean_squared_eror.*mean_squared_error"):
        losses.get("mean_squared_eror")


def test_round_trip_of_configs():
    for name in losses.__all__:
        cls = getattr(losses, name)
        if not isinstance(cls, type) or cls is losses.Loss:
            continue
        loss = cls(reduction="sum", name="kept")
        again = losses.deserialize(losses.serialize(loss))
        assert type(again) is cls and again.get_config() == loss.get_config()

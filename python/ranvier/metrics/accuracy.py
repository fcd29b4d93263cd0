"""How often predictions agree with labels."""

from __future__ import annotations

from ranvier import config, ops
from ranvier.losses.reduction import squeeze_or_expand_to_same_rank
from ranvier.metrics.reductions import PlainMean


def accuracy(y_true, y_pred):
    """1 where the prediction equals the label, else 0."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), config.floatx())


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where `y_pred > threshold` agrees with the label 0 or 1, else 0.

    Args:
        y_true, y_pred: (..., n).
        threshold: predictions above it are class 1.

    Example:
        >>> keras.metrics.binary_accuracy([[1.0, 0.0]], [[0.9, 0.7]]).tolist()
        [[1.0, 0.0]]
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    chosen = ops.cast(ops.greater(y_pred, threshold), y_true.dtype)
    return ops.cast(ops.equal(y_true, chosen), config.floatx())


def categorical_accuracy(y_true, y_pred):
    """1 where the best class is the label's, else 0; labels are one-hot.

    Args:
        y_true, y_pred: (..., classes), the labels one-hot.

    Example:
        >>> keras.metrics.categorical_accuracy([[0, 1]], [[0.1, 0.9]]).tolist()
        [1.0]
    """
    label = ops.argmax(y_true, axis=-1)
    best = ops.argmax(y_pred, axis=-1)
    return ops.cast(ops.equal(label, best), config.floatx())


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the best class is the label, else 0; labels are class indices.

    Args:
        y_true: class indices.
        y_pred: (..., classes).

    Example:
        >>> keras.metrics.sparse_categorical_accuracy([1], [[0.1, 0.9]]).tolist()
        [1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    label = ops.convert_to_tensor(y_true)
    squeezed = len(label.shape) == len(y_pred.shape) and label.shape[-1] == 1
    if squeezed:
        label = ops.squeeze(label, -1)
    best = ops.argmax(y_pred, axis=-1)
    matches = ops.cast(ops.equal(label, best), config.floatx())
    if len(matches.shape) > 1 and matches.shape[-1] == 1:
        matches = ops.squeeze(matches, -1)
    return matches


def _flat_rows(label, y_pred):
    if len(y_pred.shape) > 2:
        y_pred = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    flat = ops.reshape(label, (-1,)) if len(label.shape) > 1 else label
    return flat, y_pred


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the label's class is among the k best, else 0; labels are one-hot.

    Args:
        y_true, y_pred: (..., classes), the labels one-hot.
        k: how many count.

    Example:
        >>> keras.metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.2, 0.3]], k=2).tolist()
        [1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    label = ops.argmax(y_true, axis=-1)
    flat, rows = _flat_rows(label, y_pred)
    matches = ops.cast(ops.in_top_k(flat, rows, k=k), config.floatx())
    return ops.reshape(matches, label.shape) if len(label.shape) > 1 else matches


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the label is among the k best classes, else 0; labels are class indices.

    With `from_sorted_ids`, `y_pred` holds class indices, the best first.

    Args:
        y_true: class indices.
        y_pred: (..., classes), or (..., k) sorted indices.
        k: how many count.
        from_sorted_ids: whether predictions are class indices.

    Example:
        >>> keras.metrics.sparse_top_k_categorical_accuracy([2], [[0.5, 0.2, 0.3]], k=2).tolist()
        [1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    label = ops.convert_to_tensor(y_true, dtype=y_pred.dtype if from_sorted_ids else "int32")
    flat, rows = _flat_rows(label, y_pred)
    if from_sorted_ids:
        first = rows[:, :k]
        matches = ops.any(ops.equal(ops.expand_dims(flat, 1), first), axis=1)
    else:
        matches = ops.in_top_k(flat, rows, k=k)
    matches = ops.cast(matches, config.floatx())
    return ops.reshape(matches, label.shape) if len(label.shape) > 1 else matches


class Accuracy(PlainMean):
    """How often predictions equal labels.

    Example:
        >>> metric = keras.metrics.Accuracy()
        >>> metric.update_state([1, 2, 3], [1, 2, 4])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype, "up")


class BinaryAccuracy(PlainMean):
    """How often predictions on the right side of a threshold agree with labels 0 and 1.

    Example:
        >>> metric = keras.metrics.BinaryAccuracy()
        >>> metric.update_state([[1], [0]], [[0.9], [0.7]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    _arguments = ("threshold",)

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        if threshold is not None and not 0 < threshold < 1:
            raise ValueError(
                "Invalid value for argument `threshold`. Expected a value in interval (0, 1). "
                f"Received: threshold={threshold}"
            )
        super().__init__(binary_accuracy, name, dtype, "up", threshold=threshold)


class CategoricalAccuracy(PlainMean):
    """How often the best class is the label's; labels are one-hot.

    Example:
        >>> metric = keras.metrics.CategoricalAccuracy()
        >>> metric.update_state([[0, 1], [1, 0]], [[0.1, 0.9], [0.3, 0.7]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype, "up")


class SparseCategoricalAccuracy(PlainMean):
    """How often the best class is the label; labels are class indices.

    Example:
        >>> metric = keras.metrics.SparseCategoricalAccuracy()
        >>> metric.update_state([1, 0], [[0.1, 0.9], [0.3, 0.7]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype, "up")


class TopKCategoricalAccuracy(PlainMean):
    """How often the label's class is among the k best; labels are one-hot.

    Example:
        >>> metric = keras.metrics.TopKCategoricalAccuracy(k=2)
        >>> metric.update_state([[0, 0, 1]], [[0.5, 0.2, 0.3]])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _arguments = ("k",)

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, "up", k=k)


class SparseTopKCategoricalAccuracy(PlainMean):
    """How often the label is among the k best classes; labels are class indices.

    Args:
        from_sorted_ids: whether predictions are class indices, the best first, rather than scores.

    Example:
        >>> metric = keras.metrics.SparseTopKCategoricalAccuracy(k=2)
        >>> metric.update_state([2], [[0.5, 0.2, 0.3]])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _arguments = ("k", "from_sorted_ids")

    def __init__(
        self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False
    ):
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, "up", k=k,
            from_sorted_ids=from_sorted_ids,
        )  # fmt: skip

    def get_config(self):
        config_ = super().get_config()
        if not self.from_sorted_ids:
            del config_["from_sorted_ids"]
        return config_

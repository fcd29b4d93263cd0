"""The losses as metrics, and what is measured on errors."""

from __future__ import annotations

from ranvier import ops
from ranvier.losses import functions
from ranvier.losses.reduction import squeeze_or_expand_to_same_rank
from ranvier.metrics.reductions import Mean, PlainMean


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine between vectors along an axis."""
    return ops.negative(functions.cosine_similarity(y_true, y_pred, axis=axis))


class MeanSquaredError(PlainMean):
    """mean((y_true - y_pred)^2).

    Example:
        >>> metric = keras.metrics.MeanSquaredError()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(metric.result()), 4)
        0.125
    """

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(functions.mean_squared_error, name, dtype)


class MeanAbsoluteError(PlainMean):
    """mean(|y_true - y_pred|).

    Example:
        >>> metric = keras.metrics.MeanAbsoluteError()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(metric.result()), 4)
        0.25
    """

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(functions.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(PlainMean):
    """100 mean(|y_true - y_pred| / |y_true|).

    Example:
        >>> metric = keras.metrics.MeanAbsolutePercentageError()
        >>> metric.update_state([[1.0, 2.0]], [[1.5, 2.0]])
        >>> round(float(metric.result()), 4)
        25.0
    """

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(functions.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(PlainMean):
    """mean((log(y_true + 1) - log(y_pred + 1))^2).

    Example:
        >>> metric = keras.metrics.MeanSquaredLogarithmicError()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(metric.result()), 4)
        0.0822
    """

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(functions.mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)^2)).

    Example:
        >>> metric = keras.metrics.RootMeanSquaredError()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(metric.result()), 4)
        0.3536
    """

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        error = ops.square(ops.subtract(y_pred, y_true))
        super().update_state(error, sample_weight=sample_weight)

    def result(self):
        return ops.sqrt(super().result())


class CosineSimilarity(PlainMean):
    """The mean cosine between vectors along `axis`.

    Example:
        >>> metric = keras.metrics.CosineSimilarity()
        >>> metric.update_state([[0.0, 1.0]], [[1.0, 1.0]])
        >>> round(float(metric.result()), 4)
        0.7071
    """

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, "up", axis=axis)


class LogCoshError(PlainMean):
    """mean(log(cosh(y_pred - y_true))).

    Example:
        >>> metric = keras.metrics.LogCoshError()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(metric.result()), 4)
        0.0601
    """

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(functions.log_cosh, name, dtype)


class Hinge(PlainMean):
    """mean(max(1 - y_true y_pred, 0)).

    Example:
        >>> metric = keras.metrics.Hinge()
        >>> metric.update_state([[1.0, -1.0]], [[0.5, 0.5]])
        >>> round(float(metric.result()), 4)
        1.0
    """

    def __init__(self, name="hinge", dtype=None):
        super().__init__(functions.hinge, name, dtype)


class SquaredHinge(PlainMean):
    """mean(max(1 - y_true y_pred, 0)^2).

    Example:
        >>> metric = keras.metrics.SquaredHinge()
        >>> metric.update_state([[1.0, -1.0]], [[0.5, 0.5]])
        >>> round(float(metric.result()), 4)
        1.25
    """

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(functions.squared_hinge, name, dtype)


class CategoricalHinge(PlainMean):
    """max(best wrong score - right score + 1, 0).

    Example:
        >>> metric = keras.metrics.CategoricalHinge()
        >>> metric.update_state([[0.0, 1.0]], [[0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        0.8
    """

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(functions.categorical_hinge, name, dtype)


class KLDivergence(PlainMean):
    """sum(y_true log(y_true / y_pred)).

    Example:
        >>> metric = keras.metrics.KLDivergence()
        >>> metric.update_state([[0.5, 0.5]], [[0.25, 0.75]])
        >>> round(float(metric.result()), 4)
        0.1438
    """

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(functions.kl_divergence, name, dtype)


class Poisson(PlainMean):
    """mean(y_pred - y_true log(y_pred)).

    Example:
        >>> metric = keras.metrics.Poisson()
        >>> metric.update_state([[1.0, 2.0]], [[1.0, 3.0]])
        >>> round(float(metric.result()), 4)
        0.9014
    """

    def __init__(self, name="poisson", dtype=None):
        super().__init__(functions.poisson, name, dtype)


class BinaryCrossentropy(PlainMean):
    """The mean binary cross-entropy.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.

    Example:
        >>> metric = keras.metrics.BinaryCrossentropy()
        >>> metric.update_state([[1.0, 0.0]], [[0.9, 0.2]])
        >>> round(float(metric.result()), 4)
        0.1643
    """

    _arguments = ("from_logits", "label_smoothing")

    def __init__(
        self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0
    ):
        super().__init__(
            functions.binary_crossentropy, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing,
        )  # fmt: skip


class CategoricalCrossentropy(PlainMean):
    """The mean cross-entropy of class probabilities.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.
        axis: the class axis.

    Example:
        >>> metric = keras.metrics.CategoricalCrossentropy()
        >>> metric.update_state([[0.0, 1.0]], [[0.2, 0.8]])
        >>> round(float(metric.result()), 4)
        0.2231
    """

    _arguments = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name="categorical_crossentropy",
        dtype=None,
        from_logits=False,
        label_smoothing=0,
        axis=-1,
    ):
        super().__init__(
            functions.categorical_crossentropy, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(PlainMean):
    """The mean cross-entropy of class indices.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: a label whose elements do not count.
        axis: the class axis.

    Example:
        >>> metric = keras.metrics.SparseCategoricalCrossentropy()
        >>> metric.update_state([1], [[0.2, 0.8]])
        >>> round(float(metric.result()), 4)
        0.2231
    """

    _arguments = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name="sparse_categorical_crossentropy",
        dtype=None,
        from_logits=False,
        ignore_class=None,
        axis=-1,
    ):
        super().__init__(
            functions.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits,
            ignore_class=ignore_class, axis=axis,
        )  # fmt: skip

"""Scores over whole columns: F-beta of decisions, R^2 of regressions."""

from __future__ import annotations

import warnings

from ranvier import config, ops
from ranvier.losses.reduction import squeeze_or_expand_to_same_rank
from ranvier.metrics.metric import Metric


def _columns(metric, y_true, y_pred) -> int:
    """Number of columns of the labels and predictions of a metric that needs matrices."""
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    if any(len(shape) != 2 for shape in shapes):
        raise ValueError(
            f"{type(metric).__name__} expects 2D inputs with shape (batch_size, output_dim). "
            f"Received input shapes: y_pred.shape={shapes[1]} and y_true.shape={shapes[0]}."
        )
    return shapes[1][-1]


def _check_float(name, value):
    if not isinstance(value, float):
        raise ValueError(
            f"Invalid `{name}` argument value. It should be a Python float. "
            f"Received: {name}={value} of type '{type(value)}'"
        )


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), per class.

    Args:
        average: `None` gives a score per class; "micro" counts all classes together, "macro" is the
            mean over classes, "weighted" the mean weighted with how often a class occurs.
        beta: weight of recall against precision.
        threshold: scores above it are decided positive; by default the best class alone is.
        name, dtype: see `Metric`.

    Labels and predictions are (batch, classes), the labels one-hot.

    Raises:
        ValueError: arguments out of range, or inputs that are no matrices.

    Example:
        >>> metric = keras.metrics.FBetaScore(average="macro", beta=2.0)
        >>> metric.update_state([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])
        >>> round(float(metric.result()), 4)
        0.4167
    """

    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                "Invalid `average` argument value. Expected one of: "
                f"{{None, 'micro', 'macro', 'weighted'}}. Received: average={average}"
            )
        _check_float("beta", beta)
        if beta <= 0.0:
            raise ValueError(
                f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}"
            )
        if threshold is not None:
            _check_float("threshold", threshold)
            if not 0 < threshold <= 1:
                raise ValueError(
                    "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
                    f"Received: threshold={threshold}"
                )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, columns):
        shape = () if self.average == "micro" else (columns,)
        for name in (
            "true_positives", "false_positives", "false_negatives", "intermediate_weights",
        ):  # fmt: skip
            setattr(self, name, self.add_variable(shape, "zeros", dtype=self.dtype, name=name))
        self._built = True

    def _decide(self, y_pred):
        if self.threshold is not None:
            return ops.greater(y_pred, self.threshold)
        best = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
        return ops.logical_and(best, ops.greater(ops.absolute(y_pred), 1e-9))

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        columns = _columns(self, y_true, y_pred)
        if not self._built:
            self._build(columns)
        chosen = ops.cast(self._decide(y_pred), self.dtype)
        if sample_weight is not None:
            sample_weight = ops.expand_dims(ops.convert_to_tensor(sample_weight, self.dtype), 1)

        def add(variable, values):
            if sample_weight is not None:
                values = ops.multiply(values, sample_weight)
            variable.assign_add(ops.sum(values, axis=self.axis))

        add(self.true_positives, ops.multiply(chosen, y_true))
        add(self.false_positives, ops.multiply(chosen, ops.subtract(1.0, y_true)))
        add(self.false_negatives, ops.multiply(ops.subtract(1.0, chosen), y_true))
        add(self.intermediate_weights, y_true)

    def result(self):
        low = config.epsilon()
        tp = self.true_positives.value
        precision = ops.divide(tp, ops.add(ops.add(tp, self.false_positives), low))
        recall = ops.divide(tp, ops.add(ops.add(tp, self.false_negatives), low))
        square = self.beta**2
        divisor = ops.add(ops.add(ops.multiply(precision, square), recall), low)
        score = ops.multiply(ops.divide(ops.multiply(precision, recall), divisor), 1 + square)
        if self.average == "weighted":
            weight = self.intermediate_weights.value
            return ops.sum(ops.multiply(score, ops.divide(weight, ops.add(ops.sum(weight), low))))
        return score if self.average is None else ops.mean(score)

    def get_config(self):
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: `FBetaScore` with beta 1.

    Args:
        average, threshold, name, dtype: see `FBetaScore`.

    Example:
        >>> metric = keras.metrics.F1Score(average="macro")
        >>> metric.update_state([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self):
        config_ = super().get_config()
        del config_["beta"]
        return config_


class R2Score(Metric):
    """1 - (sum of squared errors) / (sum of squares about the mean), per output.

    Args:
        class_aggregation: "uniform_average" (the mean over outputs), "variance_weighted_average",
            or `None` for a score per output.
        num_regressors: number of regressors of the adjusted score; 0 gives the plain one.
        name, dtype: see `Metric`.

    Labels and predictions are (batch, outputs).

    Raises:
        ValueError: arguments out of range, or inputs that are no matrices.

    Example:
        >>> metric = keras.metrics.R2Score()
        >>> metric.update_state([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    _direction = "up"

    def __init__(
        self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        choices = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in choices:
            raise ValueError(
                "Invalid value for argument `class_aggregation`. "
                f"Expected one of {choices}. Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, columns):
        for attribute, name in (
            ("squared_sum", "squared_sum"), ("sum", "sum"), ("total_mse", "residual"),
            ("count", "count"),
        ):  # fmt: skip
            setattr(self, attribute, self.add_variable((columns,), "zeros", name=name))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        columns = _columns(self, y_true, y_pred)
        if not self._built:
            self._build(columns)
        weight = ops.convert_to_tensor(1 if sample_weight is None else sample_weight, self.dtype)
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, 1)
        weight = ops.broadcast_to(weight, y_true.shape)
        weighted = ops.multiply(y_true, weight)
        error = ops.multiply(ops.square(ops.subtract(y_true, y_pred)), weight)
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(ops.multiply(y_true, weighted), axis=0))
        self.total_mse.assign_add(ops.sum(error, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(float(ops.size(y_true)))

    def result(self):
        mean = ops.divide(self.sum, self.count)
        total = ops.subtract(self.squared_sum, ops.multiply(self.sum, mean))
        scores = ops.subtract(1.0, ops.divide(self.total_mse, total))
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.divide(ops.sum(ops.multiply(total, scores)), ops.sum(total))
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores):
        """1 - (1 - R^2) (n - 1) / (n - p - 1), where n > p + 1; else the plain score."""
        n = ops.cast(self.num_samples, "float32")
        left = ops.subtract(n, self.num_regressors + 1.0)
        if not getattr(left, "is_symbol", False) and float(left) <= 0:
            warnings.warn(
                f"Metric '{self.name}': the adjusted R2 score needs more samples than regressors "
                f"plus one. Received: {int(float(n))} samples, num_regressors="
                f"{self.num_regressors}. The standard score is given.",
                stacklevel=3,
            )
        lost = ops.multiply(ops.subtract(1.0, scores), ops.subtract(n, 1.0))
        adjusted = ops.subtract(1.0, ops.divide(lost, ops.maximum(left, 1.0)))
        return ops.where(ops.greater(left, 0.0), adjusted, scores)

    def get_config(self):
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }

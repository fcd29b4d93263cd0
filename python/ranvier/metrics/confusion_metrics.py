"""Metrics of binary decisions at thresholds: counts, precision, recall and what trades them."""

from __future__ import annotations

from ranvier import ops
from ranvier.metrics.confusion import (
    LOWEST,
    are_even,
    even_thresholds,
    parse_thresholds,
    update_counts,
)
from ranvier.metrics.metric import Metric

_NAMES = {
    "tp": "true_positives",
    "fp": "false_positives",
    "tn": "true_negatives",
    "fn": "false_negatives",
}


def share(part, other):
    """part / (part + other), 0 where both are."""
    return ops.divide_no_nan(part, ops.add(part, other))


class CountsMetric(Metric):
    """Base of metrics whose state is counts of decisions, in variables called as in `_NAMES`."""

    _kinds: tuple[str, ...] = ()

    def _add_counts(self, shape):
        for kind in self._kinds:
            name = _NAMES[kind]
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    def _counts(self) -> dict:
        return {kind: getattr(self, _NAMES[kind]) for kind in self._kinds}


class _Count(Metric):
    """One count; subclasses say which in `_kind`."""

    _kind = ""

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds)
        self._even = are_even(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true, y_pred, sample_weight=None):
        update_counts(
            {self._kind: self.accumulator}, y_true, y_pred, self.thresholds, self._even,
            sample_weight=sample_weight,
        )  # fmt: skip

    def result(self):
        value = self.accumulator.value
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """Weight of the scores above a threshold whose label is true.

    Args:
        thresholds: a number in [0, 1] or a list of them; 0.5 by default.
        name, dtype: see `Metric`.

    Example:
        >>> metric = keras.metrics.TruePositives()
        >>> metric.update_state([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
        >>> float(metric.result())
        2.0
    """

    _kind = "tp"


class FalsePositives(_Count):
    """Weight of the scores above a threshold whose label is false; see `TruePositives`.

    Args:
        thresholds: see `TruePositives`.

    Example:
        >>> metric = keras.metrics.FalsePositives()
        >>> metric.update_state([0, 1, 1, 0], [1.0, 0.0, 1.0, 0.0])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _kind = "fp"


class TrueNegatives(_Count):
    """Weight of the scores not above a threshold whose label is false; see `TruePositives`.

    Args:
        thresholds: see `TruePositives`.

    Example:
        >>> metric = keras.metrics.TrueNegatives()
        >>> metric.update_state([0, 1, 1, 0], [1.0, 0.0, 1.0, 0.0])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _kind = "tn"


class FalseNegatives(_Count):
    """Weight of the scores not above a threshold whose label is true; see `TruePositives`.

    Args:
        thresholds: see `TruePositives`.

    Example:
        >>> metric = keras.metrics.FalseNegatives()
        >>> metric.update_state([0, 1, 1, 0], [1.0, 0.0, 1.0, 0.0])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _kind = "fn"


class _Ratio(CountsMetric):
    """Share of the true positives in them and in one kind of errors."""

    _direction = "up"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = parse_thresholds(thresholds, 0.5 if top_k is None else LOWEST)
        self._even = are_even(self.thresholds)
        self._add_counts((len(self.thresholds),))

    def update_state(self, y_true, y_pred, sample_weight=None):
        update_counts(
            self._counts(), y_true, y_pred, self.thresholds, self._even, top_k=self.top_k,
            class_id=self.class_id, sample_weight=sample_weight,
        )  # fmt: skip

    def result(self):
        value = share(*(count.value for count in self._counts().values()))
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self):
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Ratio):
    """Share of the positive decisions that are right: TP / (TP + FP).

    Args:
        thresholds: a number in [0, 1] or a list of them; scores above it are decided positive. 0.5
            by default, with `top_k` none.
        top_k: only the k best scores of a row are decided positive.
        class_id: the only entry of the last axis to look at.
        name, dtype: see `Metric`.

    Raises:
        ValueError: a threshold is not in [0, 1].

    Example:
        >>> metric = keras.metrics.Precision()
        >>> metric.update_state([0, 1, 1, 0], [1.0, 0.0, 1.0, 0.0])
        >>> round(float(metric.result()), 4)
        0.5
    """

    _kinds = ("tp", "fp")


class Recall(_Ratio):
    """Share of the true labels that are found: TP / (TP + FN); arguments as in `Precision`.

    Args:
        thresholds, top_k, class_id: see `Precision`.

    Example:
        >>> metric = keras.metrics.Recall()
        >>> metric.update_state([0, 1, 1, 0], [1.0, 0.0, 1.0, 0.0])
        >>> round(float(metric.result()), 4)
        0.5
    """

    _kinds = ("tp", "fn")


class _BestAt(CountsMetric):
    """The best value of one ratio at the thresholds where another one reaches a bound."""

    _direction = "up"
    _kinds = ("tp", "fp", "tn", "fn")
    _argument = ""  # The bounded ratio, under the name of its argument.
    _wanted = ""

    def __init__(self, value, num_thresholds, class_id, name, dtype):
        if value < 0 or value > 1:
            raise ValueError(
                f"Argument `{self._argument}` must be in the range [0, 1]. "
                f"Received: {self._argument}={value}"
            )
        super().__init__(name=name, dtype=dtype)
        if num_thresholds <= 0:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 0. "
                f"Received: num_thresholds={num_thresholds}"
            )
        self.value = value
        setattr(self, self._argument, value)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self._even = num_thresholds > 1
        inner = even_thresholds(num_thresholds) if self._even else []
        self.thresholds = [0.0, *inner, 1.0] if self._even else [0.5]
        self._add_counts((len(self.thresholds),))

    def update_state(self, y_true, y_pred, sample_weight=None):
        update_counts(
            self._counts(), y_true, y_pred, self.thresholds, self._even, class_id=self.class_id,
            sample_weight=sample_weight,
        )  # fmt: skip

    def _ratio(self, name):
        tp, fp, tn, fn = (count.value for count in self._counts().values())
        if name == "precision":
            return share(tp, fp)
        return share(tn, fp) if name == "specificity" else share(tp, fn)

    def result(self):
        reached = ops.greater_equal(self._ratio(self._argument), self.value)
        wanted = self._ratio(self._wanted)
        return ops.max(ops.where(reached, wanted, ops.zeros((), dtype=wanted.dtype)))

    def get_config(self):
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self._argument: self.value,
        }


class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity TP / (TP + FN) where the specificity TN / (TN + FP) reaches a bound.

    Args:
        specificity: the bound, in [0, 1].
        num_thresholds: how many even thresholds are tried.
        class_id: the only entry of the last axis to look at.
        name, dtype: see `Metric`.

    Example:
        >>> metric = keras.metrics.SensitivityAtSpecificity(0.5)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _argument, _wanted = "specificity", "sensitivity"

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_BestAt):
    """The best specificity where the sensitivity reaches a bound; see
    `SensitivityAtSpecificity`.

    Args:
        num_thresholds, class_id: see `SensitivityAtSpecificity`.

    Example:
        >>> metric = keras.metrics.SpecificityAtSensitivity(0.5)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _argument, _wanted = "sensitivity", "specificity"

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_BestAt):
    """The best precision where the recall reaches a bound; see `SensitivityAtSpecificity`.

    Args:
        num_thresholds, class_id: see `SensitivityAtSpecificity`.

    Example:
        >>> metric = keras.metrics.PrecisionAtRecall(0.5)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _argument, _wanted = "recall", "precision"

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_BestAt):
    """The best recall where the precision reaches a bound; see `SensitivityAtSpecificity`.

    Args:
        num_thresholds, class_id: see `SensitivityAtSpecificity`.

    Example:
        >>> metric = keras.metrics.RecallAtPrecision(0.5)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> round(float(metric.result()), 4)
        1.0
    """

    _argument, _wanted = "precision", "recall"

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

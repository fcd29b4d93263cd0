"""The area under the curves that thresholds draw."""

from __future__ import annotations

import enum

import numpy as np

from ranvier import config, ops
from ranvier.metrics.confusion import are_even, even_thresholds, update_counts
from ranvier.metrics.confusion_metrics import CountsMetric, share


class Curve(str, enum.Enum):
    """Which curve: true over false positive rate, precision over recall, or their gains."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"


class Summation(str, enum.Enum):
    """Height of the curve between two thresholds: mean, larger or smaller of the two ends."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"


def _choice(kind, value, what):
    text = getattr(value, "value", value)
    for member in kind:
        if text in (member.value, member.value.lower(), member.value.capitalize()):
            return member
    raise ValueError(
        f'Invalid AUC {what} value: "{value}". Expected values are '
        f"{[member.value for member in kind]}"
    )


class AUC(CountsMetric):
    """The area under the ROC or the precision-recall curve, as a Riemann sum over thresholds.

    Args:
        num_thresholds: how many even thresholds from 0 to 1.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation", "majoring" or "minoring". The first one interpolates
            counts, not precision, for "PR" (Davis & Goadrich 2006).
        name, dtype: see `Metric`.
        thresholds: own thresholds in [0, 1] instead.
        multi_label: whether the columns of (batch, labels) scores have areas of their own, which
            are averaged.
        num_labels: number of columns, with `multi_label`; by default told by the first batch.
        label_weights: (labels,), weights of the columns.
        from_logits: whether scores are logits.

    Raises:
        ValueError: an unknown curve or method, fewer than two thresholds, or scores that are no
            matrix with `multi_label`.

    Example:
        >>> metric = keras.metrics.AUC(num_thresholds=3)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> float(metric.result())
        0.75
    """

    _direction = "up"
    _kinds = ("tp", "fp", "tn", "fn")

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        dtype=None,
        thresholds=None,
        multi_label=False,
        num_labels=None,
        label_weights=None,
        from_logits=False,
    ):
        super().__init__(name=name, dtype=dtype)
        self.curve = _choice(Curve, curve, "curve")
        self.summation_method = _choice(Summation, summation_method, "summation method")
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(thresholds)
            self._even = are_even([0.0, *inner, 1.0])
        else:
            if num_thresholds <= 1:
                raise ValueError(
                    "Argument `num_thresholds` must be an integer > 1. "
                    f"Received: num_thresholds={num_thresholds}"
                )
            inner, self._even = even_thresholds(num_thresholds), True
        self.num_thresholds = len(inner) + 2
        # Every score lies above the first and below the last one.
        self._thresholds = np.array([-config.epsilon(), *inner, 1.0 + config.epsilon()])
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None
        if label_weights is not None:
            self.label_weights = ops.array(label_weights, dtype=self.dtype)
        self._from_logits = from_logits
        self._built = False
        if not multi_label and num_labels:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        if not multi_label:
            self._build(None)
        elif num_labels:
            self._build((None, num_labels))

    @property
    def thresholds(self) -> list:
        """The thresholds, the two outer ones included."""
        return list(self._thresholds)

    def _build(self, shape):
        columns = ()
        if self.multi_label:
            if len(shape) != 2:
                raise ValueError(
                    "`y_pred` must have rank 2 when `multi_label=True`. "
                    f"Found rank {len(shape)}. Full shape received for `y_pred`: {shape}"
                )
            columns = (int(shape[1]),)
        self._add_counts((self.num_thresholds, *columns))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        if not self._built:
            self._build(tuple(y_pred.shape))
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        update_counts(
            self._counts(), y_true, y_pred, self._thresholds, self._even,
            sample_weight=sample_weight, multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )  # fmt: skip

    def _points(self, tp, fp, tn, fn):
        """Abscissa and ordinate of the curve at each threshold."""
        if self.curve is Curve.ROC:
            return share(fp, tn), share(tp, fn)
        if self.curve is Curve.PR:
            return share(tp, fn), share(tp, fp)
        odds = ops.divide_no_nan(ops.add(tp, fn), ops.add(tn, fp))

        def gain(errors, where_none):
            lost = ops.multiply(odds, ops.divide_no_nan(errors, tp))
            return ops.where(ops.equal(tp, 0.0), where_none, ops.subtract(1.0, lost))

        return ops.maximum(gain(fn, 0.0), 0.0), gain(fp, 1.0)

    def _interpolated_precision_recall(self, tp, fp, fn):
        """Parts of the area under precision over recall, TP linear in TP + FP between thresholds.

        With P = TP + FP, slope s = dTP / dP and intercept c = TP_b - s P_b a part is
        s (dTP + c log(P_a / P_b)) / (TP_b + FN_b).
        """
        positive = ops.add(tp, fp)
        tp_a, tp_b, p_a, p_b = tp[:-1], tp[1:], positive[:-1], positive[1:]
        d_tp = ops.subtract(tp_a, tp_b)
        slope = ops.divide_no_nan(d_tp, ops.maximum(ops.subtract(p_a, p_b), 0.0))
        intercept = ops.subtract(tp_b, ops.multiply(slope, p_b))
        both = ops.logical_and(ops.greater(p_a, 0), ops.greater(p_b, 0))
        ratio = ops.where(both, ops.divide_no_nan(p_a, ops.maximum(p_b, 0.0)), 1.0)
        part = ops.multiply(slope, ops.add(d_tp, ops.multiply(intercept, ops.log(ratio))))
        return ops.divide_no_nan(part, ops.maximum(ops.add(tp_b, fn[1:]), 0.0))

    def _parts(self):
        tp, fp, tn, fn = (count.value for count in self._counts().values())
        if self.curve is Curve.PR and self.summation_method is Summation.INTERPOLATION:
            return self._interpolated_precision_recall(tp, fp, fn)
        x, y = self._points(tp, fp, tn, fn)
        low, high = y[:-1], y[1:]
        if self.summation_method is Summation.INTERPOLATION:
            height = ops.divide(ops.add(low, high), 2.0)
        elif self.summation_method is Summation.MINORING:
            height = ops.minimum(low, high)
        else:
            height = ops.maximum(low, high)
        return ops.multiply(ops.subtract(x[:-1], x[1:]), height)

    def interpolate_pr_auc(self):
        """The area under precision over recall, interpolated, whatever `curve` says."""
        tp, fp, _, fn = (count.value for count in self._counts().values())
        return self._total(self._interpolated_precision_recall(tp, fp, fn))

    def result(self):
        return self._total(self._parts())

    def _total(self, parts):
        """The sum over thresholds; of several labels their weighted mean."""
        if not self.multi_label:
            return ops.sum(parts)
        areas = ops.sum(parts, axis=0)
        if self.label_weights is None:
            return ops.mean(areas)
        weighted = ops.sum(ops.multiply(areas, self.label_weights))
        return ops.divide_no_nan(weighted, ops.sum(self.label_weights))

    def get_config(self):
        weights = self.label_weights
        config_ = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve.value,
            "summation_method": self.summation_method.value,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if weights is None else ops.convert_to_numpy(weights).tolist(),
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config_["thresholds"] = [float(t) for t in self.thresholds[1:-1]]
        return {**super().get_config(), **config_}

"""How far predictions go along with labels."""

from __future__ import annotations

from ranvier import config, ops
from ranvier.losses.reduction import squeeze_or_expand_to_same_rank
from ranvier.metrics.reductions import PlainMean


def _centred(y_true, y_pred, axis):
    """Labels and predictions minus their means along an axis, and the means."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    pair = squeeze_or_expand_to_same_rank(y_true, y_pred)
    means = [ops.mean(y, axis=axis, keepdims=True) for y in pair]
    return pair, means, [ops.subtract(y, mean) for y, mean in zip(pair, means)]


def pearson_correlation(y_true, y_pred, axis=-1):
    """cov(y_true, y_pred) / (std(y_true) std(y_pred)) along an axis.

    Args:
        y_true, y_pred: of the same shape.
        axis: what is correlated.

    Returns:
        One value per index of the other axes, in [-1, 1]; NaN where one side is constant.

    Example:
        >>> y_true, y_pred = [[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]]
        >>> round(float(keras.metrics.pearson_correlation(y_true, y_pred)[0]), 4)
        1.0
    """
    _, _, centred = _centred(y_true, y_pred, axis)
    units = [ops.divide(y, ops.std(y, axis=axis, keepdims=True)) for y in centred]
    return ops.mean(ops.multiply(*units), axis=axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (difference of the means)^2).

    Args:
        y_true, y_pred: of the same shape.
        axis: what is correlated.

    Returns:
        One value per index of the other axes, in [-1, 1].

    Example:
        >>> y_true, y_pred = [[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]]
        >>> round(float(keras.metrics.concordance_correlation(y_true, y_pred)[0]), 4)
        0.5714
    """
    (y_true, _), (mean_true, mean_pred), centred = _centred(y_true, y_pred, axis)
    variances = [ops.var(y, axis=axis, keepdims=True) for y in centred]
    shift = ops.square(ops.subtract(mean_true, mean_pred))
    norm = ops.add(ops.add(*variances), ops.add(shift, config.epsilon()))
    product = ops.multiply(ops.subtract(y_true, mean_pred), centred[1])
    return ops.mean(ops.divide(ops.multiply(product, 2.0), norm), axis=axis)


class PearsonCorrelation(PlainMean):
    """The mean Pearson correlation along `axis`; see `metrics.pearson_correlation`.

    Example:
        >>> metric = keras.metrics.PearsonCorrelation()
        >>> metric.update_state([[0.0, 1.0, 2.0]], [[1.0, 2.0, 4.0]])
        >>> round(float(metric.result()), 4)
        0.982
    """

    _arguments = ("axis",)

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, "up", axis=axis)


class ConcordanceCorrelation(PlainMean):
    """The mean concordance correlation along `axis`; see `metrics.concordance_correlation`.

    Example:
        >>> metric = keras.metrics.ConcordanceCorrelation()
        >>> metric.update_state([[0.0, 1.0, 2.0]], [[1.0, 2.0, 4.0]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    _arguments = ("axis",)

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, "up", axis=axis)

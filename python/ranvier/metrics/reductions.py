"""Means and sums of values over all batches."""

from __future__ import annotations

from ranvier import ops, serialization
from ranvier.losses.reduction import apply_mask, squeeze_or_expand_to_same_rank
from ranvier.metrics.metric import Metric


def reduce_to_samplewise_values(values, sample_weight, reduce_fn, dtype):
    """One value per sample and its weight.

    Weights multiply the values at their own rank; axes beyond the first are then reduced in both.
    """
    mask = getattr(values, "_keras_mask", None)
    values = ops.cast(values, dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        sample_weight = apply_mask(sample_weight, mask, dtype=dtype, reduction="sum")
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        weight_rank = len(sample_weight.shape)
        if len(values.shape) > weight_rank:
            values = reduce_fn(values, axis=list(range(weight_rank, len(values.shape))))
        if tuple(sample_weight.shape) != tuple(values.shape):
            sample_weight = ops.broadcast_to(sample_weight, values.shape)
        values = ops.multiply(values, sample_weight)
        if weight_rank > 1:
            sample_weight = reduce_fn(sample_weight, axis=list(range(1, weight_rank)))
    if len(values.shape) > 1:
        values = reduce_fn(values, axis=list(range(1, len(values.shape))))
    return values, sample_weight


def _sum(values):
    return ops.sum(values) if len(values.shape) else values


class Sum(Metric):
    """The weighted sum of all values.

    Example:
        >>> metric = keras.metrics.Sum()
        >>> metric.update_state([1.0, 3.0])
        >>> float(metric.result())
        4.0
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")

    def update_state(self, values, sample_weight=None):
        values, _ = reduce_to_samplewise_values(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(_sum(values))

    def reset_state(self):
        self.total.assign(0)

    def result(self):
        return ops.cast(self.total, self.dtype)


class Mean(Metric):
    """The weighted mean of all values.

    Example:
        >>> metric = keras.metrics.Mean()
        >>> metric.update_state([1.0, 3.0])
        >>> float(metric.result())
        2.0
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable((), "zeros", dtype=self.dtype, name="count")

    def update_state(self, values, sample_weight=None):
        values, weight = reduce_to_samplewise_values(values, sample_weight, ops.mean, self.dtype)
        self.total.assign_add(_sum(values))
        if weight is not None:
            self.count.assign_add(_sum(weight))
        else:
            self.count.assign_add(float(values.shape[0]) if len(values.shape) else 1.0)

    def reset_state(self):
        self.total.assign(0)
        self.count.assign(0)

    def result(self):
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The weighted mean of a function of `(y_true, y_pred)`.

    Args:
        fn: gives a value per element or per sample.
        name, dtype: see `Metric`.
        **kwargs: further arguments of `fn`.

    Example:
        >>> metric = keras.metrics.MeanMetricWrapper(keras.losses.mean_absolute_error)
        >>> metric.update_state([[0.0], [0.0]], [[1.0], [2.0]])
        >>> float(metric.result())
        1.5
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if _is_loss(fn):
            self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        mask = getattr(y_pred, "_keras_mask", None)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype=self.dtype, reduction="sum")
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self):
        return {
            **super().get_config(),
            "fn": serialization.serialize_keras_object(self._fn),
            **serialization.serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config):
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)


def _is_loss(fn):
    from ranvier import losses

    return fn in losses.FUNCTIONS or isinstance(fn, losses.Loss)


class PlainMean(MeanMetricWrapper):
    """A named mean of a function; name and dtype are all of its config.

    Subclasses list the function's arguments that are theirs too in `_arguments`.
    """

    _arguments: tuple[str, ...] = ()

    def __init__(self, fn, name, dtype, direction=None, **arguments):
        super().__init__(fn, name=name, dtype=dtype, **arguments)
        for key in self._arguments:
            setattr(self, key, arguments[key])
        if direction is not None:
            self._direction = direction

    def get_config(self):
        arguments = {key: self._fn_kwargs[key] for key in self._arguments}
        return {"name": self.name, "dtype": self.dtype, **arguments}

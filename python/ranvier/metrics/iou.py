"""Intersection over union of predicted and true classes."""

from __future__ import annotations

import warnings

from ranvier import config, ops
from ranvier.metrics.metric import Metric


class _ConfusionMatrix(Metric):
    """Keeps how often each true class (row) was predicted as each class (column)."""

    _direction = "up"

    def __init__(self, num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis):
        super().__init__(name=name, dtype=dtype or "int")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", dtype=self.dtype, name="total_confusion_matrix"
        )

    def _classes(self, y, sparse):
        """Class indices as a vector of the metric's dtype."""
        y = y if sparse else ops.argmax(y, axis=self.axis)
        return ops.reshape(ops.convert_to_tensor(y, dtype=self.dtype), (-1,))

    def _weight(self, sample_weight, shape):
        if sample_weight is None:
            return ops.ones(shape, dtype=self.dtype)
        if "float" in str(getattr(sample_weight, "dtype", "")) and "int" in self.dtype:
            warnings.warn(
                f"Metric '{self.name}': sample weights are floats, but the metric is {self.dtype}; "
                "casting cuts their fractions off. Hint: pass integer weights, or give the metric "
                "dtype='float32'.",
                stacklevel=4,
            )
        weight = ops.cast(sample_weight, self.dtype)
        if len(weight.shape) > 1:
            weight = ops.reshape(weight, (-1,))
        return ops.broadcast_to(weight, shape)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts pairs; classes out of range and the ignored one do not count.

        Returns:
            The counts so far, as in Keras.
        """
        y_true = self._classes(y_true, self.sparse_y_true)
        y_pred = self._classes(y_pred, self.sparse_y_pred)
        weight = self._weight(sample_weight, y_true.shape)
        valid = None
        for y in (y_true, y_pred):
            inside = ops.logical_and(ops.greater_equal(y, 0), ops.less(y, self.num_classes))
            valid = inside if valid is None else ops.logical_and(valid, inside)
        if self.ignore_class is not None:
            valid = ops.logical_and(valid, ops.not_equal(y_true, self.ignore_class))
        cell = ops.add(ops.multiply(y_true, self.num_classes), y_pred)
        cell = ops.where(valid, ops.cast(cell, "int32"), 0)
        weight = ops.where(valid, weight, ops.zeros_like(weight))
        counts = ops.segment_sum(weight, cell, num_segments=self.num_classes**2)
        return self.total_cm.assign_add(ops.reshape(counts, self.total_cm.shape))


class IoU(_ConfusionMatrix):
    """Mean over some classes of TP / (TP + FP + FN); classes that never occur are left out.

    Args:
        num_classes: number of classes.
        target_class_ids: the classes to average over.
        name, dtype: see `Metric`; integers by default.
        ignore_class: a label whose elements do not count.
        sparse_y_true, sparse_y_pred: whether labels and predictions are class indices rather than
            scores along `axis`.
        axis: the class axis.

    Raises:
        ValueError: a target class is not in [0, num_classes).

    Example:
        >>> metric = keras.metrics.IoU(num_classes=2, target_class_ids=[0])
        >>> _ = metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"Target class id {max(target_class_ids)} is out of range, which is "
                f"[0, {num_classes})."
            )
        self.target_class_ids = list(target_class_ids)

    def result(self):
        matrix = self.total_cm.value
        both = ops.diagonal(matrix)
        either = ops.add(ops.sum(matrix, axis=0), ops.sum(matrix, axis=1))
        either = ops.cast(ops.subtract(either, both), "float32")
        either = ops.take(either, self.target_class_ids)
        both = ops.take(ops.cast(both, "float32"), self.target_class_ids)
        occurs = ops.greater(either, 1e-9)
        ratio = ops.divide(both, ops.add(either, config.epsilon()))
        total = ops.sum(ops.where(occurs, ratio, 0.0))
        count = ops.sum(ops.cast(occurs, "float32"))
        return ops.divide(total, ops.add(count, config.epsilon()))

    _fields: tuple[str, ...] = (
        "num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis",
    )  # fmt: skip

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self._fields}}


class BinaryIoU(IoU):
    """`IoU` of two classes, told by scores that reach a threshold.

    Args:
        target_class_ids: 0, 1 or both.
        threshold: scores from it on are class 1.
        name, dtype: see `Metric`.

    Example:
        >>> metric = keras.metrics.BinaryIoU()
        >>> _ = metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.2])
        >>> round(float(metric.result()), 4)
        0.5833
    """

    _fields = ("target_class_ids", "threshold")

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred, dtype="float32")
        y_pred = ops.cast(ops.greater_equal(y_pred, self.threshold), self.dtype)
        return super().update_state(y_true, y_pred, sample_weight)


class MeanIoU(IoU):
    """`IoU` averaged over all classes; the arguments are those of `IoU`.

    Args:
        num_classes, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> metric = keras.metrics.MeanIoU(num_classes=2)
        >>> _ = metric.update_state([0, 1, 1, 0], [0, 1, 0, 0])
        >>> round(float(metric.result()), 4)
        0.5833
    """

    _fields: tuple[str, ...] = (
        "num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis",
    )  # fmt: skip

    def __init__(
        self,
        num_classes,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(
            num_classes, list(range(num_classes)), name=name, dtype=dtype,
            ignore_class=ignore_class, sparse_y_true=sparse_y_true, sparse_y_pred=sparse_y_pred,
            axis=axis,
        )  # fmt: skip


class OneHotIoU(IoU):
    """`IoU` of one-hot labels; predictions are scores of the classes.

    Args:
        num_classes, target_class_ids, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> metric = keras.metrics.OneHotIoU(num_classes=2, target_class_ids=[0])
        >>> _ = metric.update_state([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    _fields = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_pred=False,
        axis=-1,
    ):
        super().__init__(
            num_classes, target_class_ids, name=name, dtype=dtype, ignore_class=ignore_class,
            sparse_y_true=False, sparse_y_pred=sparse_y_pred, axis=axis,
        )  # fmt: skip


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot labels; predictions are scores of the classes.

    Args:
        num_classes, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> metric = keras.metrics.OneHotMeanIoU(num_classes=2)
        >>> _ = metric.update_state([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])
        >>> round(float(metric.result()), 4)
        0.25
    """

    _fields = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_pred=False,
        axis=-1,
    ):
        super().__init__(
            num_classes, name=name, dtype=dtype, ignore_class=ignore_class, sparse_y_true=False,
            sparse_y_pred=sparse_y_pred, axis=axis,
        )  # fmt: skip

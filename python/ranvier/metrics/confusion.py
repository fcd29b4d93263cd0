"""Counts of right and wrong binary decisions at thresholds: the state behind many metrics."""

from __future__ import annotations

import numpy as np

from ranvier import config, ops
from ranvier.losses.reduction import squeeze_or_expand_to_same_rank

LOWEST = -1e10  # Below every score: the threshold of predictions that top_k has chosen.


def parse_thresholds(thresholds, default=0.5) -> list:
    """The thresholds as a list; `default` where there are none.

    Raises:
        ValueError: one is not in [0, 1].
    """
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [t for t in found if t is None or t < 0 or t > 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return found


def even_thresholds(count: int) -> list:
    """The inner ones of `count` thresholds from 0 to 1."""
    return [(i + 1) / (count - 1) for i in range(count - 2)]


def are_even(thresholds) -> bool:
    """Whether three or more thresholds lie evenly on [0, 1]."""
    count = len(thresholds)
    if count < 3:
        return False
    even = np.arange(count, dtype="float32") / (count - 1)
    return bool(np.allclose(thresholds, even, atol=config.epsilon()))


def update_counts(
    counts: dict,
    y_true,
    y_pred,
    thresholds,
    even=False,
    top_k=None,
    class_id=None,
    sample_weight=None,
    multi_label=False,
    label_weights=None,
) -> None:
    """Adds a batch to counts of `y_pred > threshold` against labels.

    Args:
        counts: variables by name, among "tp", "fp", "tn" and "fn": (thresholds,), or
            (thresholds, labels) with `multi_label`.
        y_true: labels, true where not zero.
        y_pred: scores in [0, 1], of the same shape.
        thresholds: numbers in rising order.
        even: whether they lie evenly on [0, 1]; the work is then O(scores + thresholds).
        top_k: only the k best scores of the last axis count as positive.
        class_id: the only entry of the last axis to look at.
        sample_weight: broadcasts to the scores once it has their rank.
        multi_label: whether the columns are counted apart.
        label_weights: (labels,), a weight per column where columns are counted together.

    Raises:
        ValueError: shapes of labels and scores differ, or `class_id` without a class axis.
    """
    dtype = next(iter(counts.values())).dtype
    y_true, y_pred = ops.cast(y_true, dtype), ops.cast(y_pred, dtype)
    y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
    if sample_weight is not None:
        sample_weight = ops.expand_dims(ops.cast(sample_weight, dtype), -1)
        _, sample_weight = squeeze_or_expand_to_same_rank(
            y_true, sample_weight, expand_rank_1=False
        )
    if top_k is not None:
        y_pred = _keep_best(y_pred, top_k)
    if class_id is not None:
        y_true, y_pred = _column(y_true, class_id), _column(y_pred, class_id)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            "Labels and predictions must have the same shape. "
            f"Received: y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}"
        )
    weight = _weights(sample_weight, label_weights, y_pred)
    truth = ops.cast(ops.cast(y_true, "bool"), dtype)
    if not multi_label:
        truth, y_pred = ops.reshape(truth, (-1,)), ops.reshape(y_pred, (-1,))
        weight = None if weight is None else ops.reshape(weight, (-1,))
    positive = truth if weight is None else ops.multiply(truth, weight)
    negative = ops.subtract(1.0 if weight is None else weight, positive)
    count = _count_even if even else _count_each
    for names, labelled in ((("tp", "fn"), positive), (("fp", "tn"), negative)):
        if any(name in counts for name in names):
            for name, sums in zip(names, count(y_pred, labelled, thresholds)):
                if name in counts:
                    counts[name].assign_add(sums)


def _column(x, class_id):
    if len(x.shape) == 1:
        raise ValueError(
            "When class_id is provided, y_pred must be a 2D array with shape (num_samples, "
            f"num_classes), found shape: {tuple(x.shape)}"
        )
    return x[..., class_id, None]


def _weights(sample_weight, label_weights, y_pred):
    """The weight of each score; `None` where all weigh 1."""
    weight = None
    if sample_weight is not None:
        weight = ops.broadcast_to(sample_weight, y_pred.shape)
    if label_weights is not None:
        columns = ops.cast(ops.expand_dims(label_weights, 0), y_pred.dtype)
        columns = ops.broadcast_to(columns, y_pred.shape)
        weight = columns if weight is None else ops.multiply(weight, columns)
    return weight


def _keep_best(x, k):
    """The k largest of the last axis; the others are `LOWEST`."""
    _, best = ops.top_k(x, k)
    kept = ops.sum(ops.one_hot(best, x.shape[-1], dtype=x.dtype), axis=-2)
    return ops.add(ops.multiply(x, kept), ops.multiply(ops.subtract(1.0, kept), LOWEST))


def _count_each(scores, labelled, thresholds):
    """Sums of `labelled` where scores are above each threshold, and where not: (thresholds, …)."""
    limits = ops.convert_to_tensor(thresholds, dtype=scores.dtype)
    limits = ops.reshape(limits, (-1,) + (1,) * len(scores.shape))
    above = ops.greater(ops.expand_dims(scores, 0), limits)
    labelled = ops.expand_dims(labelled, 0)
    zero = ops.zeros((), dtype=labelled.dtype)
    pairs = (labelled, zero), (zero, labelled)
    return [ops.sum(ops.where(above, *pair), axis=1) for pair in pairs]


def _count_even(scores, labelled, thresholds):
    """The same for even thresholds: scores fall into buckets, summed from either end.

    Bucket i holds what is above exactly i thresholds: score p lies in bucket ceil(p (n - 1)), and
    at least in bucket 1 where the first threshold lies below 0.
    """
    size = len(thresholds)
    bucket = ops.ceil(ops.multiply(ops.clip(scores, 0.0, 1.0), float(size - 1)))
    if thresholds[0] < 0.0 or thresholds[-1] > 1.0:
        bucket = ops.maximum(bucket, 1.0)
    bucket = ops.cast(bucket, "int32")
    columns = scores.shape[1] if len(scores.shape) == 2 else 1
    if columns > 1:
        bucket = ops.add(bucket, ops.multiply(ops.arange(columns, dtype="int32"), size + 1))
    sums = ops.segment_sum(
        ops.reshape(labelled, (-1,)),
        ops.reshape(bucket, (-1,)),
        num_segments=(size + 1) * columns,
    )
    sums = ops.reshape(sums, (columns, size + 1))
    above = ops.flip(ops.cumsum(ops.flip(sums[:, 1:], 1), axis=1), 1)
    below = ops.cumsum(sums[:, :-1], axis=1)
    if len(scores.shape) == 2:
        return [ops.transpose(above), ops.transpose(below)]
    return [ops.reshape(above, (size,)), ops.reshape(below, (size,))]

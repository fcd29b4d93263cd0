"""How losses per element become one number: weights, masks and Keras' reductions."""

from __future__ import annotations

import math

from ranvier import _backend as B
from ranvier import ops

_REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")


def standardize_reduction(reduction):
    """The reduction, if it is one.

    Raises:
        ValueError: an unknown name.
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(
            "Invalid value for argument `reduction`. Expected one of "
            f"{[r for r in _REDUCTIONS if r is not None]} or None. Received: reduction={reduction}"
        )
    return reduction


def squeeze_or_expand_to_same_rank(x1, x2, expand_rank_1=True):
    """Both with one rank, where the ranks differ by a last axis of size one.

    The larger one loses that axis, unless the smaller one is a vector (which gains it).
    """
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1 and expand_rank_1:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if rank2 == rank1 + 1 and x2.shape[-1] == 1:
        if rank1 == 1 and expand_rank_1:
            return ops.expand_dims(x1, -1), x2
        return x1, ops.squeeze(x2, -1)
    return x1, x2


def apply_mask(sample_weight, mask, dtype, reduction):
    """Sample weights that are zero where the mask is.

    For reductions that divide by the number of elements the others grow by all / valid, so that
    the mean is over the valid ones.
    """
    if mask is None:
        return sample_weight
    weight = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = float(math.prod(mask.shape))
        weight = ops.multiply(weight, ops.divide_no_nan(total, ops.sum(weight)))
    if sample_weight is None:
        return weight
    weight, sample_weight = squeeze_or_expand_to_same_rank(weight, ops.cast(sample_weight, dtype))
    return _weighted(weight, sample_weight)


def _weighted(values, sample_weight):
    try:
        return ops.multiply(values, sample_weight)
    except B.ShapeError:
        raise B.ShapeError(
            "sample_weight: its shape must broadcast to that of the losses. Expected: "
            f"{tuple(values.shape)}, or sizes of 1. Received: sample_weight.shape="
            f"{tuple(sample_weight.shape)}. Hint: for one weight a sample use "
            "sample_weight[:, None], with an axis for each axis of the losses"
        ) from None


def reduce_values(values, sample_weight=None, reduction="sum_over_batch_size"):
    """The values reduced; they are weighted already."""
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(total, ops.cast(ops.sum(sample_weight), total.dtype))
    count = math.prod(values.shape)
    return ops.multiply(total, 0.0) if count == 0 else ops.divide(total, float(count))


def reduce_weighted_values(
    values, sample_weight=None, mask=None, reduction="sum_over_batch_size", dtype=None
):
    """Values times weights and mask, reduced.

    Args:
        values: loss of each element.
        sample_weight: weights that broadcast to the values, or `None`.
        mask: which elements count, or `None` for all.
        reduction: one of Keras' names.
        dtype: what to compute in.
    """
    reduction = standardize_reduction(reduction)
    values = ops.convert_to_tensor(values, dtype=dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=values.dtype)
    sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        values = _weighted(values, sample_weight)
    return reduce_values(values, sample_weight, reduction)

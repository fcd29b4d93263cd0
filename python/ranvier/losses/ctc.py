"""The loss of connectionist temporal classification."""

from __future__ import annotations

from ranvier import ops
from ranvier.losses.loss import LossFunctionWrapper


def ctc(y_true, y_pred):
    """Negative log probability of label sequences, over all alignments; see `ops.ctc_loss`.

    Args:
        y_true: int (batch, labels); 0 is padding and blank, and no class.
        y_pred: logits (batch, time, classes).

    Returns:
        (batch,).

    Raises:
        ValueError: other ranks.

    Example:
        >>> keras.losses.ctc(ops.array([[1, 2]]), ops.zeros((1, 4, 3))).shape
        (1,)
    """
    if len(ops.shape(y_true)) != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in "
            f"integer format. Received: y_true.shape={ops.shape(y_true)}"
        )
    if len(ops.shape(y_pred)) != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, "
            f"num_classes)`. Received: y_pred.shape={ops.shape(y_pred)}"
        )
    y_pred = ops.convert_to_tensor(y_pred)
    batch, time = y_pred.shape[:2]
    labels = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, labels, ops.full((batch,), time, "int32"), mask_index=0)


class CTC(LossFunctionWrapper):
    """The loss of connectionist temporal classification (Graves et al., 2006).

    Labels are int (batch, labels) with 0 as padding and blank; predictions are logits
    (batch, time, classes).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> logits = ops.zeros((1, 4, 3))
        >>> round(float(keras.losses.CTC()(ops.array([[1, 2]]), logits)), 4)
        1.6864
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, reduction=reduction, name=name, dtype=dtype)

    def get_config(self):
        """Reduction, name and dtype."""
        return super(LossFunctionWrapper, self).get_config()

"""Losses per element as functions of `(y_true, y_pred)`, and metrics of the same form."""

from __future__ import annotations

import math
import warnings

from ranvier import config, ops
from ranvier.losses.reduction import squeeze_or_expand_to_same_rank


def _pair(y_true, y_pred, same_rank=True):
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    return squeeze_or_expand_to_same_rank(y_true, y_pred) if same_rank else (y_true, y_pred)


def _mean(x):
    return ops.mean(x, axis=-1)


# --- regression


def mean_squared_error(y_true, y_pred):
    """mean((y_true - y_pred)^2) over the last axis.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.mean_squared_error([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.125
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(ops.square(ops.subtract(y_true, y_pred)))


def mean_absolute_error(y_true, y_pred):
    """mean(|y_true - y_pred|) over the last axis.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.mean_absolute_error([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.25
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(ops.absolute(ops.subtract(y_true, y_pred)))


def mean_absolute_percentage_error(y_true, y_pred):
    """100 mean(|y_true - y_pred| / max(|y_true|, epsilon)) over the last axis.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.mean_absolute_percentage_error([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        250000000.0
    """
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.maximum(ops.absolute(y_true), config.epsilon())
    return ops.multiply(_mean(ops.absolute(ops.divide(ops.subtract(y_true, y_pred), size))), 100.0)


def mean_squared_logarithmic_error(y_true, y_pred):
    """mean((log(y_true + 1) - log(y_pred + 1))^2) over the last axis, values at least epsilon.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.0822
    """
    y_true, y_pred = _pair(y_true, y_pred)
    low = config.epsilon()
    logs = [ops.log(ops.add(ops.maximum(x, low), 1.0)) for x in (y_pred, y_true)]
    return _mean(ops.square(ops.subtract(*logs)))


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine between vectors along an axis.

    Args:
        y_true, y_pred: tensors of one shape.
        axis: of the vectors.

    Example:
        >>> values = keras.losses.cosine_similarity([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        -0.8944
    """
    y_true, y_pred = _pair(y_true, y_pred)
    unit_true, unit_pred = ops.normalize(y_true, axis=axis), ops.normalize(y_pred, axis=axis)
    return ops.negative(ops.sum(ops.multiply(unit_true, unit_pred), axis=axis))


def huber(y_true, y_pred, delta=1.0):
    """Mean over the last axis of e^2 / 2 for |e| <= delta, else delta |e| - delta^2 / 2.

    Args:
        y_true, y_pred: (..., n).
        delta: where the parabola ends.

    Example:
        >>> values = keras.losses.huber([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.0625
    """
    y_true, y_pred = _pair(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    size = ops.absolute(error)
    square = ops.multiply(ops.square(error), 0.5)
    line = ops.subtract(ops.multiply(size, delta), 0.5 * delta * delta)
    return _mean(ops.where(ops.less_equal(size, delta), square, line))


def log_cosh(y_true, y_pred):
    """mean(log(cosh(y_pred - y_true))) over the last axis.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.log_cosh([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.0601
    """
    y_true, y_pred = _pair(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    tail = ops.subtract(ops.softplus(ops.multiply(error, -2.0)), math.log(2.0))
    return _mean(ops.add(error, tail))


# --- hinges


def _signs(y_true):
    """Labels 0 and 1 as -1 and 1; other labels are left alone."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


def _margin(y_true, y_pred):
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    return ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0)


def hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)) over the last axis; labels -1 and 1, or 0 and 1.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.hinge([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.75
    """
    return _mean(_margin(y_true, y_pred))


def squared_hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)^2) over the last axis; labels -1 and 1, or 0 and 1.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.squared_hinge([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        1.125
    """
    return _mean(ops.square(_margin(y_true, y_pred)))


def categorical_hinge(y_true, y_pred):
    """max(neg - pos + 1, 0): pos = sum(y_true y_pred), neg = max((1 - y_true) y_pred).

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.5
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    positive = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    negative = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(negative, positive), 1.0), 0.0)


# --- probabilities


def kl_divergence(y_true, y_pred):
    """sum(y_true log(y_true / y_pred)) over the last axis, both clipped to [epsilon, 1].

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.kl_divergence([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        -0.0
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    low = config.epsilon()
    y_true, y_pred = ops.clip(y_true, low, 1.0), ops.clip(y_pred, low, 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def poisson(y_true, y_pred):
    """mean(y_pred - y_true log(y_pred + epsilon)) over the last axis.

    Args:
        y_true, y_pred: (..., n).

    Example:
        >>> values = keras.losses.poisson([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.75
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    log = ops.log(ops.add(y_pred, config.epsilon()))
    return _mean(ops.subtract(y_pred, ops.multiply(y_true, log)))


def _check_classes(y_pred, axis, name):
    if isinstance(axis, bool):
        raise ValueError(
            f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}"
        )
    if y_pred.shape[-1] == 1:
        warnings.warn(
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with "
            f"num_classes > 1. Received: y_pred.shape={tuple(y_pred.shape)}. Consider using "
            "'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
            stacklevel=3,
        )


def _smooth_classes(y_true, label_smoothing):
    if not label_smoothing:
        return y_true
    share = label_smoothing / y_true.shape[-1]
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), share)


def _smooth_binary(y_true, label_smoothing):
    if not label_smoothing:
        return y_true
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum(y_true log(p)) along the class axis.

    Args:
        y_true: probabilities of the classes, mostly one-hot.
        y_pred: predicted probabilities, or logits.
        from_logits: whether `y_pred` are logits.
        label_smoothing: share of the targets that is spread evenly over the classes.
        axis: the class axis.

    Example:
        >>> values = keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
        >>> round(float(values[0]), 4)
        0.2231
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    _check_classes(y_pred, axis, "categorical_crossentropy")
    y_true = _smooth_classes(y_true, label_smoothing)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """-sum(alpha (1 - p)^gamma y_true log(p)) along the class axis.

    Args:
        y_true, y_pred: (..., classes).
        alpha: factor.
        gamma: exponent of (1 - p).
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.
        axis: the class axis.

    Example:
        >>> values = keras.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
        >>> round(float(values[0]), 4)
        0.0022
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    _check_classes(y_pred, axis, "categorical_focal_crossentropy")
    y_true = _smooth_classes(y_true, label_smoothing)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    p = ops.clip(p, config.epsilon(), 1.0 - config.epsilon())
    entropy = ops.multiply(ops.negative(y_true), ops.log(p))
    focus = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), alpha)
    return ops.sum(ops.multiply(focus, entropy), axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log(p of the target class) along the class axis.

    Args:
        y_true: class indices.
        y_pred: predicted probabilities, or logits.
        from_logits: whether `y_pred` are logits.
        ignore_class: a class whose elements have loss 0 and are masked.
        axis: the class axis.

    Raises:
        RangeError: a class index is not in [0, classes).

    Example:
        >>> values = keras.losses.sparse_categorical_crossentropy([1], [[0.2, 0.8]])
        >>> round(float(values[0]), 4)
        0.2231
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=from_logits, axis=axis
        )
    y_true = ops.cast(y_true, "int64" if y_true.dtype in ("int64", "uint32") else "int32")
    valid = ops.not_equal(y_true, ignore_class)
    y_true = ops.where(valid, y_true, ops.zeros_like(y_true))
    y_pred = ops.where(ops.expand_dims(valid, axis), y_pred, ops.zeros_like(y_pred))
    loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    valid = ops.reshape(valid, loss.shape)
    loss = ops.where(valid, loss, ops.zeros_like(loss))
    loss._keras_mask = valid
    return loss


# Class indices stay integers on their way through `Loss`: floats would round large ones.
sparse_categorical_crossentropy.integer_targets = True  # type: ignore[attr-defined]


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Mean over an axis of -(y_true log(p) + (1 - y_true) log(1 - p)).

    Args:
        y_true: labels 0 and 1.
        y_pred: predicted probabilities, or logits.
        from_logits: whether `y_pred` are logits.
        label_smoothing: share of the targets that moves to 1/2.
        axis: the axis of the mean.

    Example:
        >>> values = keras.losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.3466
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    y_true = _smooth_binary(y_true, label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
):
    """Mean over an axis of (1 - p_t)^gamma times the binary cross-entropy.

    p_t is the predicted probability of the true label; with `apply_class_balancing` label 1 counts
    alpha times and label 0 (1 - alpha) times.

    Args:
        y_true, y_pred: (..., n), labels and predictions.
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.

    Example:
        >>> values = keras.losses.binary_focal_crossentropy([[0.0, 1.0]], [[0.5, 1.0]])
        >>> round(float(values[0]), 4)
        0.0866
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    y_true = _smooth_binary(y_true, label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    entropy = ops.binary_crossentropy(y_true, y_pred, from_logits=False)
    loss = ops.multiply(ops.power(ops.subtract(1.0, _mix(y_true, y_pred)), gamma), entropy)
    if apply_class_balancing:
        loss = ops.multiply(_mix(y_true, alpha), loss)
    return ops.mean(loss, axis=axis)


def _mix(y_true, p):
    """y_true p + (1 - y_true) (1 - p)."""
    other = ops.multiply(ops.subtract(1.0, y_true), ops.subtract(1.0, p))
    return ops.add(ops.multiply(y_true, p), other)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p^q) / q with the predicted probability p of the target class.

    Args:
        y_true: class indices.
        y_pred: (..., classes) probabilities.
        q: exponent between 0 and 1.

    Example:
        >>> values = keras.losses.categorical_generalized_cross_entropy([1], [[0.2, 0.8]], 0.5)
        >>> round(float(values[0]), 4)
        0.2111
    """
    y_pred = ops.convert_to_tensor(y_pred)
    chosen = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(ops.multiply(y_pred, chosen), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, q)), q)


# --- segmentation and similarity


def dice(y_true, y_pred, axis=None):
    """1 - 2 |A B| / (|A| + |B| + epsilon).

    Args:
        y_true, y_pred: tensors of one shape.
        axis: axes to sum over; all by default.

    Example:
        >>> y_true, y_pred = ops.array([1.0, 1.0, 0.0]), ops.array([1.0, 0.0, 0.0])
        >>> round(float(keras.losses.dice(y_true, y_pred)), 4)
        0.3333
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    sizes = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    ratio = ops.divide(ops.multiply(both, 2.0), ops.add(sizes, config.epsilon()))
    return ops.subtract(1.0, ratio)


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - TP / (TP + alpha FP + beta FN + epsilon), with Keras' naming of the two errors.

    Args:
        y_true, y_pred: tensors of one shape.
        alpha, beta: weights of the two kinds of errors.
        axis: axes to sum over; all by default.

    Example:
        >>> y_true, y_pred = ops.array([1.0, 1.0, 0.0]), ops.array([1.0, 0.0, 0.0])
        >>> round(float(keras.losses.tversky(y_true, y_pred)), 4)
        0.3333
    """
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(ops.subtract(1.0, y_pred), y_true), axis=axis)
    wrong = ops.sum(ops.multiply(y_pred, ops.subtract(1.0, y_true)), axis=axis)
    size = ops.add(both, ops.add(ops.multiply(missed, alpha), ops.multiply(wrong, beta)))
    return ops.subtract(1.0, ops.divide(both, ops.add(size, config.epsilon())))


def circle(
    y_true,
    y_pred,
    ref_labels=None,
    ref_embeddings=None,
    remove_diagonal=True,
    gamma=80,
    margin=0.4,
):
    """The circle loss of unit embeddings against references (by default the batch itself).

    Args:
        y_true: class of each embedding.
        y_pred: embeddings of norm 1: (batch, size).
        ref_labels, ref_embeddings: what to compare with.
        remove_diagonal: whether an embedding is not compared with itself.
        gamma: scale.
        margin: relaxation of the optima.

    Example:
        >>> embeddings = ops.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> keras.losses.circle([0, 0, 1, 1], embeddings).shape
        (4,)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.reshape(ops.cast(y_true, "int32"), (-1,))
    embeddings = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    labels = y_true if ref_labels is None else ops.reshape(ops.cast(ref_labels, "int32"), (-1,))
    distance = ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(embeddings)))
    distance = ops.maximum(distance, 0.0)
    same = ops.equal(ops.expand_dims(y_true, 1), ops.expand_dims(labels, 0))
    other = ops.logical_not(same)
    if remove_diagonal:
        apart = ops.logical_not(ops.cast(ops.eye(*same.shape, dtype="int32"), "bool"))
        same = ops.logical_and(same, apart)
    low = float("-inf")
    weight = ops.maximum(ops.add(distance, margin), 0.0)
    near = ops.multiply(ops.multiply(weight, ops.subtract(margin, distance)), -gamma)
    weight = ops.maximum(ops.subtract(1 + margin, distance), 0.0)
    far = ops.multiply(ops.multiply(weight, ops.subtract(1 - margin, distance)), gamma)
    loss = ops.softplus(
        ops.add(
            ops.logsumexp(ops.where(same, near, low), axis=1),
            ops.logsumexp(ops.where(other, far, low), axis=1),
        )
    )
    loss._keras_mask = ops.greater(loss, 0)
    return loss

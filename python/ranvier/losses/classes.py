"""The losses as classes: a function, its arguments and a reduction."""

from __future__ import annotations

from ranvier.losses import functions
from ranvier.losses.loss import Loss, LossFunctionWrapper

_SUM = "sum_over_batch_size"


class _Plain(LossFunctionWrapper):
    """A loss whose function has no further arguments."""

    def get_config(self):
        return Loss.get_config(self)


class _Configured(LossFunctionWrapper):
    """A loss whose function's arguments are attributes and part of the config."""

    _left_out: tuple = ()

    def __init__(self, fn, reduction, name, dtype, **arguments):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **arguments)
        for key, value in arguments.items():
            setattr(self, key, value)

    def get_config(self):
        kept = {k: v for k, v in self._fn_kwargs.items() if k not in self._left_out}
        return {**Loss.get_config(self), **kept}


class MeanSquaredError(_Plain):
    """mean((y_true - y_pred)^2).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.MeanSquaredError()
        >>> round(float(loss([[0.0, 1.0]], [[0.5, 1.0]])), 4)
        0.125
    """

    def __init__(self, reduction=_SUM, name="mean_squared_error", dtype=None):
        super().__init__(functions.mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(_Plain):
    """mean(|y_true - y_pred|).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.MeanAbsoluteError()
        >>> round(float(loss([[0.0, 1.0]], [[0.5, 1.0]])), 4)
        0.25
    """

    def __init__(self, reduction=_SUM, name="mean_absolute_error", dtype=None):
        super().__init__(functions.mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(_Plain):
    """100 mean(|y_true - y_pred| / |y_true|).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.MeanAbsolutePercentageError()
        >>> round(float(loss([[1.0, 2.0]], [[1.5, 2.0]])), 4)
        25.0
    """

    def __init__(self, reduction=_SUM, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(functions.mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(_Plain):
    """mean((log(y_true + 1) - log(y_pred + 1))^2).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.MeanSquaredLogarithmicError()
        >>> round(float(loss([[0.0, 1.0]], [[0.5, 1.0]])), 4)
        0.0822
    """

    def __init__(self, reduction=_SUM, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(functions.mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine between vectors along `axis`.

    Args:
        axis: of the vectors.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.CosineSimilarity()
        >>> round(float(loss([[0.0, 1.0]], [[1.0, 1.0]])), 4)
        -0.7071
    """

    def __init__(self, axis=-1, reduction=_SUM, name="cosine_similarity", dtype=None):
        super().__init__(functions.cosine_similarity, reduction, name, dtype, axis=axis)

    def get_config(self):
        return Loss.get_config(self)


class Huber(LossFunctionWrapper):
    """Quadratic up to `delta`, linear beyond.

    Args:
        delta: where the parabola ends.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.Huber()
        >>> round(float(loss([[0.0, 1.0]], [[0.5, 1.0]])), 4)
        0.0625
    """

    def __init__(self, delta=1.0, reduction=_SUM, name="huber_loss", dtype=None):
        super().__init__(functions.huber, reduction, name, dtype, delta=delta)

    def get_config(self):
        # Keras writes no delta; a file needs it only where it is not the default.
        delta = self._fn_kwargs["delta"]
        return {**Loss.get_config(self), **({"delta": delta} if delta != 1.0 else {})}


class LogCosh(_Plain):
    """mean(log(cosh(y_pred - y_true))).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.LogCosh()
        >>> round(float(loss([[0.0, 1.0]], [[0.5, 1.0]])), 4)
        0.0601
    """

    def __init__(self, reduction=_SUM, name="log_cosh", dtype=None):
        super().__init__(functions.log_cosh, reduction, name, dtype)


class Hinge(_Plain):
    """mean(max(1 - y_true y_pred, 0)).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.Hinge()
        >>> round(float(loss([[1.0, -1.0]], [[0.5, 0.5]])), 4)
        1.0
    """

    def __init__(self, reduction=_SUM, name="hinge", dtype=None):
        super().__init__(functions.hinge, reduction, name, dtype)


class SquaredHinge(_Plain):
    """mean(max(1 - y_true y_pred, 0)^2).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.SquaredHinge()
        >>> round(float(loss([[1.0, -1.0]], [[0.5, 0.5]])), 4)
        1.25
    """

    def __init__(self, reduction=_SUM, name="squared_hinge", dtype=None):
        super().__init__(functions.squared_hinge, reduction, name, dtype)


class CategoricalHinge(_Plain):
    """max(best wrong score - right score + 1, 0).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.CategoricalHinge()
        >>> round(float(loss([[0.0, 1.0]], [[0.4, 0.6]])), 4)
        0.8
    """

    def __init__(self, reduction=_SUM, name="categorical_hinge", dtype=None):
        super().__init__(functions.categorical_hinge, reduction, name, dtype)


class KLDivergence(_Plain):
    """sum(y_true log(y_true / y_pred)).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.KLDivergence()
        >>> round(float(loss([[0.5, 0.5]], [[0.25, 0.75]])), 4)
        0.1438
    """

    def __init__(self, reduction=_SUM, name="kl_divergence", dtype=None):
        super().__init__(functions.kl_divergence, reduction, name, dtype)


class Poisson(_Plain):
    """mean(y_pred - y_true log(y_pred)).

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.Poisson()
        >>> round(float(loss([[1.0, 2.0]], [[1.0, 3.0]])), 4)
        0.9014
    """

    def __init__(self, reduction=_SUM, name="poisson", dtype=None):
        super().__init__(functions.poisson, reduction, name, dtype)


class BinaryCrossentropy(_Configured):
    """Cross-entropy of labels 0 and 1; see `losses.binary_crossentropy`.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.
        axis: axis of the mean.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.BinaryCrossentropy()
        >>> round(float(loss([[1.0, 0.0]], [[0.9, 0.2]])), 4)
        0.1643
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction=_SUM,
        name="binary_crossentropy",
        dtype=None,
    ):
        super().__init__(
            functions.binary_crossentropy, reduction, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class BinaryFocalCrossentropy(_Configured):
    """Binary cross-entropy that counts sure predictions less.

    Args:
        apply_class_balancing: whether classes are weighted by alpha.
        alpha: weight of class 1, that of class 0 is 1 - alpha.
        gamma: exponent of (1 - p).
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.
        axis: axis of the mean.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.BinaryFocalCrossentropy()
        >>> round(float(loss([[1.0, 0.0]], [[0.9, 0.2]])), 4)
        0.005
    """

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction=_SUM,
        name="binary_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(
            functions.binary_focal_crossentropy, reduction, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
        )  # fmt: skip


class CategoricalCrossentropy(_Configured):
    """Cross-entropy of class probabilities; see `losses.categorical_crossentropy`.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.
        axis: the class axis.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.CategoricalCrossentropy()
        >>> round(float(loss([[0.0, 1.0]], [[0.2, 0.8]])), 4)
        0.2231
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction=_SUM,
        name="categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(
            functions.categorical_crossentropy, reduction, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalFocalCrossentropy(_Configured):
    """Categorical cross-entropy that counts sure predictions less.

    Args:
        alpha: factor.
        gamma: exponent of (1 - p).
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: share of each label that goes to all classes.
        axis: the class axis.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.CategoricalFocalCrossentropy()
        >>> round(float(loss([[0.0, 1.0]], [[0.2, 0.8]])), 4)
        0.0022
    """

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction=_SUM,
        name="categorical_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(
            functions.categorical_focal_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis, alpha=alpha,
            gamma=gamma,
        )  # fmt: skip


class SparseCategoricalCrossentropy(_Configured):
    """Cross-entropy of class indices; see `losses.sparse_categorical_crossentropy`.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: a label whose elements do not count.
        axis: the class axis.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.SparseCategoricalCrossentropy()
        >>> round(float(loss(np.array([1]), np.array([[0.2, 0.8]]))), 4)
        0.2231
    """

    _left_out = ("axis",)

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction=_SUM,
        axis=-1,
        name="sparse_categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(
            functions.sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip


class CategoricalGeneralizedCrossEntropy(_Configured):
    """(1 - p^q) / q, less sensitive to wrong labels than the cross-entropy; 0 < q < 1.

    Args:
        q: exponent between 0 (cross-entropy) and 1 (absolute error).
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.CategoricalGeneralizedCrossEntropy()
        >>> round(float(loss(np.array([1]), np.array([[0.2, 0.8]]))), 4)
        0.2111
    """

    def __init__(
        self,
        q=0.5,
        reduction=_SUM,
        name="categorical_generalized_cross_entropy",
        dtype=None,
    ):
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1). Received: q={q}")
        super().__init__(
            functions.categorical_generalized_cross_entropy, reduction, name, dtype, q=q
        )


class Dice(_Configured):
    """1 - the Dice coefficient, over `axis` or all.

    Args:
        axis: axes to sum over; all by default.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.Dice()
        >>> round(float(loss([[0.0, 1.0]], [[0.2, 0.8]])), 4)
        0.2
    """

    def __init__(self, reduction=_SUM, name="dice", axis=None, dtype=None):
        super().__init__(functions.dice, reduction, name, dtype, axis=axis)


class Tversky(_Configured):
    """1 - the Tversky index with error weights alpha and beta.

    Args:
        alpha, beta: weights of the two kinds of errors.
        axis: axes to sum over; all by default.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.Tversky()
        >>> round(float(loss([[0.0, 1.0]], [[0.2, 0.8]])), 4)
        0.2
    """

    def __init__(self, alpha=0.5, beta=0.5, reduction=_SUM, name="tversky", axis=None, dtype=None):
        super().__init__(
            functions.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis
        )


class Circle(_Configured):
    """The circle loss of unit embeddings; see `losses.circle`.

    Args:
        gamma: scale of the similarities.
        margin: how far similarities are pushed.
        remove_diagonal: whether an embedding is not compared with itself.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> loss = keras.losses.Circle()
        >>> round(float(loss(np.array([0, 0, 1]), np.array([[1, 0], [1, 0], [0, 1]]))), 4)
        0.0
    """

    def __init__(
        self,
        gamma=80.0,
        margin=0.4,
        remove_diagonal=True,
        reduction=_SUM,
        name="circle",
        dtype=None,
    ):
        super().__init__(
            functions.circle, reduction, name, dtype, gamma=gamma, margin=margin,
            remove_diagonal=remove_diagonal,
        )  # fmt: skip

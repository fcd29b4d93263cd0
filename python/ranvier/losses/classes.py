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
    """mean((y_true - y_pred)^2)."""

    def __init__(self, reduction=_SUM, name="mean_squared_error", dtype=None):
        super().__init__(functions.mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(_Plain):
    """mean(|y_true - y_pred|)."""

    def __init__(self, reduction=_SUM, name="mean_absolute_error", dtype=None):
        super().__init__(functions.mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(_Plain):
    """100 mean(|y_true - y_pred| / |y_true|)."""

    def __init__(self, reduction=_SUM, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(functions.mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(_Plain):
    """mean((log(y_true + 1) - log(y_pred + 1))^2)."""

    def __init__(self, reduction=_SUM, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(functions.mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine between vectors along `axis`."""

    def __init__(self, axis=-1, reduction=_SUM, name="cosine_similarity", dtype=None):
        super().__init__(functions.cosine_similarity, reduction, name, dtype, axis=axis)

    def get_config(self):
        return Loss.get_config(self)


class Huber(LossFunctionWrapper):
    """Quadratic up to `delta`, linear beyond."""

    def __init__(self, delta=1.0, reduction=_SUM, name="huber_loss", dtype=None):
        super().__init__(functions.huber, reduction, name, dtype, delta=delta)

    def get_config(self):
        # Keras writes no delta; a file needs it only where it is not the default.
        delta = self._fn_kwargs["delta"]
        return {**Loss.get_config(self), **({"delta": delta} if delta != 1.0 else {})}


class LogCosh(_Plain):
    """mean(log(cosh(y_pred - y_true)))."""

    def __init__(self, reduction=_SUM, name="log_cosh", dtype=None):
        super().__init__(functions.log_cosh, reduction, name, dtype)


class Hinge(_Plain):
    """mean(max(1 - y_true y_pred, 0))."""

    def __init__(self, reduction=_SUM, name="hinge", dtype=None):
        super().__init__(functions.hinge, reduction, name, dtype)


class SquaredHinge(_Plain):
    """mean(max(1 - y_true y_pred, 0)^2)."""

    def __init__(self, reduction=_SUM, name="squared_hinge", dtype=None):
        super().__init__(functions.squared_hinge, reduction, name, dtype)


class CategoricalHinge(_Plain):
    """max(best wrong score - right score + 1, 0)."""

    def __init__(self, reduction=_SUM, name="categorical_hinge", dtype=None):
        super().__init__(functions.categorical_hinge, reduction, name, dtype)


class KLDivergence(_Plain):
    """sum(y_true log(y_true / y_pred))."""

    def __init__(self, reduction=_SUM, name="kl_divergence", dtype=None):
        super().__init__(functions.kl_divergence, reduction, name, dtype)


class Poisson(_Plain):
    """mean(y_pred - y_true log(y_pred))."""

    def __init__(self, reduction=_SUM, name="poisson", dtype=None):
        super().__init__(functions.poisson, reduction, name, dtype)


class BinaryCrossentropy(_Configured):
    """Cross-entropy of labels 0 and 1; see `losses.binary_crossentropy`."""

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
    """Binary cross-entropy that counts sure predictions less."""

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
    """Cross-entropy of class probabilities; see `losses.categorical_crossentropy`."""

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
    """Categorical cross-entropy that counts sure predictions less."""

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
    """Cross-entropy of class indices; see `losses.sparse_categorical_crossentropy`."""

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
    """(1 - p^q) / q, less sensitive to wrong labels than the cross-entropy; 0 < q < 1."""

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
    """1 - the Dice coefficient, over `axis` or all."""

    def __init__(self, reduction=_SUM, name="dice", axis=None, dtype=None):
        super().__init__(functions.dice, reduction, name, dtype, axis=axis)


class Tversky(_Configured):
    """1 - the Tversky index with error weights alpha and beta."""

    def __init__(self, alpha=0.5, beta=0.5, reduction=_SUM, name="tversky", axis=None, dtype=None):
        super().__init__(
            functions.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis
        )


class Circle(_Configured):
    """The circle loss of unit embeddings; see `losses.circle`."""

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

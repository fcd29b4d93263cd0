"""Loss functions and classes under Keras' names."""

from __future__ import annotations

from ranvier import identifiers
from ranvier.losses.classes import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from ranvier.losses.ctc import CTC, ctc
from ranvier.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    circle,
    cosine_similarity,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
from ranvier.losses.loss import Loss, LossFunctionWrapper

_CLASSES = (
    Loss, LossFunctionWrapper, BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle,
    CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge, Tversky, CTC,
)  # fmt: skip
FUNCTIONS = (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_generalized_cross_entropy, categorical_hinge,
    circle, cosine_similarity, dice, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson,
    sparse_categorical_crossentropy, squared_hinge, tversky, ctc,
)  # fmt: skip

_SHORT = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "mae": mean_absolute_error,
    "mse": mean_squared_error,
    "mape": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error,
}
_TABLE = {obj.__name__: obj for obj in (*_CLASSES, *FUNCTIONS)}
_TABLE.update(_SHORT)
_TABLE.update({name.upper(): fn for name, fn in _SHORT.items()})

serialize, _deserialize, get = identifiers.trio(_TABLE, "loss", "losses", "MeanSquaredError")

__all__ = [
    *(c.__name__ for c in _CLASSES if c is not LossFunctionWrapper),
    *(fn.__name__ for fn in FUNCTIONS), "deserialize", "get", "serialize",
]  # fmt: skip


def deserialize(name, custom_objects=None):
    """The loss or the function that a config describes.

    Example:
        >>> config = keras.losses.serialize(keras.losses.Huber(delta=2.0))
        >>> type(keras.losses.deserialize(config)).__name__
        'Huber'
    """
    return _deserialize(name, custom_objects)

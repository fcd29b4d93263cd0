"""Loss functions and classes under Keras' names."""

from __future__ import annotations

import inspect

from ranvier import serialization
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
    SparseCategoricalCrossentropy, SquaredHinge, Tversky,
)  # fmt: skip
FUNCTIONS = (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_generalized_cross_entropy, categorical_hinge,
    circle, cosine_similarity, dice, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson,
    sparse_categorical_crossentropy, squared_hinge, tversky,
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

__all__ = [
    *(c.__name__ for c in _CLASSES if c is not LossFunctionWrapper),
    *(fn.__name__ for fn in FUNCTIONS), "deserialize", "get", "serialize",
]  # fmt: skip


def serialize(loss):
    """The config of a loss or of a loss function."""
    return serialization.serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss or the function that a config describes."""
    return serialization.deserialize_keras_object(
        name, custom_objects=custom_objects, module_objects=_TABLE
    )


def get(identifier):
    """The loss for a name, a config, a class, a function or a `Loss`; `None` stays `None`.

    Raises:
        ValueError: an unknown name.
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = serialization.get_registered_object(identifier, module_objects=_TABLE)
    if not callable(found):
        raise ValueError(
            f"Could not interpret loss identifier: {identifier}. Expected one of "
            f"{sorted(fn.__name__ for fn in FUNCTIONS)}, a config, a function or a `Loss`."
        )
    return found() if inspect.isclass(found) else found

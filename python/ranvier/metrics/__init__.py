"""Metrics under Keras' names."""

from __future__ import annotations

from ranvier import identifiers, serialization
from ranvier.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
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
)
from ranvier.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from ranvier.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from ranvier.metrics.metric import Metric
from ranvier.metrics.reductions import Mean, MeanMetricWrapper, Sum

_CLASSES = (
    Metric, Mean, MeanMetricWrapper, Sum, Accuracy, BinaryAccuracy, CategoricalAccuracy,
    SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge,
    KLDivergence, LogCoshError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, RootMeanSquaredError, SparseCategoricalCrossentropy,
    SquaredHinge,
)  # fmt: skip
_FUNCTIONS = (
    binary_accuracy, binary_crossentropy, binary_focal_crossentropy, categorical_accuracy,
    categorical_crossentropy, categorical_focal_crossentropy, categorical_hinge, hinge, huber,
    kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, poisson, sparse_categorical_accuracy,
    sparse_categorical_crossentropy, sparse_top_k_categorical_accuracy, squared_hinge,
    top_k_categorical_accuracy,
)  # fmt: skip

_SHORT = {
    "bce": BinaryCrossentropy,
    "mae": MeanAbsoluteError,
    "mse": MeanSquaredError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
_TABLE = identifiers.names_of(
    _CLASSES, {**_SHORT, **{name.upper(): cls for name, cls in _SHORT.items()}}
)

__all__ = [
    *(c.__name__ for c in _CLASSES), *(fn.__name__ for fn in _FUNCTIONS), "deserialize", "get",
    "serialize",
]  # fmt: skip


def serialize(metric):
    """The config of a metric or of a metric function."""
    return serialization.serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric or the function that a config describes."""
    return serialization.deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_TABLE
    )


def get(identifier):
    """The metric for a name, a config, a class, a function or a `Metric`; `None` stays `None`.

    Raises:
        ValueError: an unknown name.
    """
    return identifiers.resolve(identifier, _TABLE, "metric")

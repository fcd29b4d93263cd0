"""Which loss or metric a short name means for the shapes of an output."""

from __future__ import annotations

from ranvier import losses, metrics, naming


def _kind(y_true, y_pred) -> str:
    """ "binary", "sparse" or "categorical", told by the shapes of labels and predictions."""
    if y_pred.shape[-1] == 1:
        return "binary"
    fewer = len(y_true.shape) < len(y_pred.shape)
    if fewer or (y_true.shape[-1] == 1 and y_pred.shape[-1] > 1):
        return "sparse"
    return "categorical"


_ACCURACIES = {
    "binary": metrics.BinaryAccuracy,
    "sparse": metrics.SparseCategoricalAccuracy,
    "categorical": metrics.CategoricalAccuracy,
}
_ENTROPIES = {
    "binary": losses.binary_crossentropy,
    "sparse": losses.sparse_categorical_crossentropy,
    "categorical": losses.categorical_crossentropy,
}


def name_of(obj) -> str:
    """The name of a metric, a loss or a function."""
    name = getattr(obj, "name", None)
    if isinstance(name, str):
        return name
    return naming.to_snake_case(getattr(obj, "__name__", type(obj).__name__))


def metric_for(identifier, y_true, y_pred):
    """The metric that an entry of `compile(metrics=...)` means."""
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _ACCURACIES[_kind(y_true, y_pred)](name=identifier)
    metric = metrics.get(identifier)
    name = identifier if isinstance(identifier, str) else name_of(metric)
    if not isinstance(metric, metrics.Metric):
        return metrics.MeanMetricWrapper(metric, name=name)
    metric.name = name
    return metric


def loss_for(identifier, y_true, y_pred):
    """The loss that an entry of `compile(loss=...)` means."""
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        loss = _ENTROPIES[_kind(y_true, y_pred)]
    else:
        loss = losses.get(identifier)
    if isinstance(loss, losses.Loss):
        return loss
    name = identifier if isinstance(identifier, str) else name_of(loss)
    return losses.LossFunctionWrapper(loss, name=name)

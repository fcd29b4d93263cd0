"""Optimizers under Keras' names."""

from __future__ import annotations

from ranvier import identifiers, naming, serialization
from ranvier.optimizers import legacy as legacy
from ranvier.optimizers import schedules as schedules
from ranvier.optimizers.adafactor import Adafactor
from ranvier.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from ranvier.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from ranvier.optimizers.base import Optimizer
from ranvier.optimizers.lion_ftrl import Ftrl, Lion
from ranvier.optimizers.loss_scale import LossScaleOptimizer
from ranvier.optimizers.multi import MultiOptimizer, OptimizerMap
from ranvier.optimizers.muon import Muon
from ranvier.optimizers.schedule_free import ScheduleFreeAdamW
from ranvier.optimizers.sgd import SGD

_CLASSES = (
    Optimizer, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion,
    LossScaleOptimizer, MultiOptimizer, Muon, Nadam, OptimizerMap, RMSprop, ScheduleFreeAdamW, SGD,
)  # fmt: skip
_TABLE = {cls.__name__.lower(): cls for cls in _CLASSES}

__all__ = [
    *(cls.__name__ for cls in _CLASSES), "deserialize", "get", "legacy", "schedules", "serialize",
]  # fmt: skip


serialize, _deserialize, _ = identifiers.trio(_TABLE, "optimizer", "optimizers", "Adam")


def deserialize(config, custom_objects=None):
    """The optimizer that a config describes; built-in names in any case.

    Example:
        >>> config = keras.optimizers.serialize(keras.optimizers.Adam(0.01))
        >>> type(keras.optimizers.deserialize(config)).__name__
        'Adam'
    """
    if config["class_name"].lower() in _TABLE:
        config = {**config, "class_name": config["class_name"].lower()}
    return _deserialize(config, custom_objects)


def get(identifier):
    """The optimizer for a name, a config or an `Optimizer`; `None` stays `None`.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> round(float(keras.optimizers.get("adam").learning_rate), 4)
        0.001
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        cls = serialization.get_registered_object(identifier)
        cls = cls or _TABLE.get(identifier.lower())
        found = cls() if cls is not None else None
    if not isinstance(found, Optimizer):
        names = sorted(name for name in _TABLE if name != "optimizer")
        hint = naming.similar([identifier], names)
        if isinstance(found, type):
            hint = f" Hint: {found.__name__}(), with parentheses."
        raise ValueError(
            f"Could not interpret optimizer identifier: {identifier}. Expected one of {names}, "
            f"a config or an `Optimizer`.{hint}"
        )
    return found

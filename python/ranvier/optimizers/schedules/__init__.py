"""Learning rates as functions of the number of updates."""

from __future__ import annotations

from ranvier import serialization
from ranvier.optimizers.schedules.decays import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

_CLASSES = (
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, LearningRateSchedule,
    PiecewiseConstantDecay, PolynomialDecay,
)  # fmt: skip
_TABLE = {cls.__name__: cls for cls in _CLASSES}

__all__ = [*_TABLE, "deserialize", "serialize"]


def serialize(learning_rate_schedule):
    """The config of a schedule.

    Example:
        >>> schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)
        >>> keras.optimizers.schedules.serialize(schedule)["class_name"]
        'ExponentialDecay'
    """
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that a config describes.

    Example:
        >>> schedules = keras.optimizers.schedules
        >>> config = schedules.serialize(schedules.CosineDecay(0.1, decay_steps=100))
        >>> round(float(schedules.deserialize(config)(100)), 4)
        0.0
    """
    return serialization.deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_TABLE
    )

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
    """The config of a schedule."""
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that a config describes."""
    return serialization.deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_TABLE
    )

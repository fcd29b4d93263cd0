"""A small model learns from a large one."""

from ranvier.distillation.distiller import Distiller
from ranvier.distillation.losses import (
    DistillationLoss,
    FeatureDistillation,
    LogitsDistillation,
)

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]

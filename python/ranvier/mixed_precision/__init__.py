"""Keras' older names for dtype policies, and the loss scale that float16 needs."""

from ranvier.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from ranvier.optimizers.loss_scale import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy",
    "set_dtype_policy", "set_global_policy",
]  # fmt: skip

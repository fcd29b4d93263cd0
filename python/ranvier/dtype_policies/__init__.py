"""Dtype policies: which dtype a layer computes in and which its variables have."""

from ranvier.dtype_policies.lookup import deserialize, get, serialize, set_dtype_policy
from ranvier.dtype_policies.map import DTypePolicyMap
from ranvier.dtype_policies.policy import DTypePolicy, FloatDTypePolicy, dtype_policy
from ranvier.dtype_policies.quantized import (
    QUANTIZATION_MODES,
    AWQDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)

__all__ = [
    "AWQDTypePolicy", "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "GPTQDTypePolicy",
    "Int4DTypePolicy", "QUANTIZATION_MODES", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy",
    "deserialize", "dtype_policy", "get", "serialize", "set_dtype_policy",
]  # fmt: skip

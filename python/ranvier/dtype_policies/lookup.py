"""Policies from names, dtypes and configs."""

from __future__ import annotations

from ranvier import config as _config
from ranvier.dtype_policies.policy import DTypePolicy, dtype_policy, set_global
from ranvier.dtype_policies.quantized import from_name, is_quantized_name
from ranvier.serialization import deserialize_keras_object, serialize_keras_object


def serialize(dtype_policy: DTypePolicy) -> dict:
    """Config form of a policy.

    Example:
        >>> keras.dtype_policies.serialize(keras.DTypePolicy("bfloat16"))["config"]
        {'name': 'bfloat16'}
    """
    return serialize_keras_object(dtype_policy)


def deserialize(config: dict, custom_objects=None) -> DTypePolicy:
    """A policy from its config form.

    Example:
        >>> config = keras.dtype_policies.serialize(keras.DTypePolicy("bfloat16"))
        >>> keras.dtype_policies.deserialize(config).name
        'bfloat16'
    """
    return deserialize_keras_object(config, custom_objects=custom_objects)


def _named(name: str) -> DTypePolicy:
    return from_name(name) if is_quantized_name(name) else DTypePolicy(name)


def get(identifier) -> DTypePolicy:
    """A policy from a policy, a name, a dtype, a config or `None` (the global policy).

    Example:
        >>> keras.dtype_policies.get("mixed_float16").variable_dtype
        'float32'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return _named(identifier)
    try:
        return DTypePolicy(_config.standardize_dtype(identifier))
    except ValueError:
        raise ValueError(
            "Cannot interpret `dtype` argument. Expected a string or an instance of DTypePolicy. "
            f"Received: dtype={identifier}"
        ) from None


def set_dtype_policy(policy) -> None:
    """Sets the global policy (a name or a policy).

    Example:
        >>> keras.config.set_dtype_policy("mixed_bfloat16")
        >>> layers.Dense(2)(ops.ones((1, 3))).dtype
        'bfloat16'
        >>> keras.config.set_dtype_policy("float32")
    """
    if not isinstance(policy, DTypePolicy):
        if not isinstance(policy, str):
            raise ValueError(
                "Invalid `policy` argument. Expected the string name of a policy (such as "
                f"'mixed_float16') or a `DTypePolicy` instance. Received: policy={policy} (of type "
                f"{type(policy)})"
            )
        policy = _named(policy)
    set_global(policy)

"""Keras' activation functions and their lookup by name."""

from __future__ import annotations

import types

from ranvier import naming, serialization
from ranvier.activations.functions import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)

swish = silu
hard_swish = hard_silu

_FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu,
    linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink,
    threshold,
)  # fmt: skip
_BY_NAME = {fn.__name__: fn for fn in _FUNCTIONS}
_ALIASES = {"swish": silu, "hard_swish": hard_silu}

__all__ = [*_BY_NAME, *_ALIASES, "deserialize", "get", "serialize"]


def serialize(activation):
    """The name of a built-in function, or the config of a registered one.

    Args:
        activation: the function.

    Raises:
        ValueError: a function without a name that a file could hold.

    Example:
        >>> keras.activations.serialize(keras.activations.relu)
        'relu'
    """
    if isinstance(activation, types.FunctionType) and activation in _FUNCTIONS:
        return activation.__name__
    config = serialization.serialize_keras_object(activation)
    if not isinstance(config, dict) or "config" not in config:
        raise ValueError(
            f"Unknown activation function '{activation}' cannot be serialized. Expected a function "
            "of `keras.activations` or one registered with "
            "`@keras.saving.register_keras_serializable()`."
        )
    return config


def deserialize(config, custom_objects=None):
    """The activation that a name or a config describes.

    Example:
        >>> keras.activations.deserialize("relu")([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    if isinstance(config, str):
        scope = serialization.CustomObjectScope(custom_objects or {})
        with scope:
            return get(config)
    return serialization.deserialize_keras_object(config, custom_objects=custom_objects)


def get(identifier):
    """The activation function for a name, a config, a callable, or `None` (`linear`).

    Raises:
        ValueError: an unknown name.

    Example:
        >>> keras.activations.get("relu")([-1.0, 2.0]).tolist()
        [0.0, 2.0]
        >>> keras.activations.get(None)(3.0)
        3.0
    """
    if identifier is None:
        return linear
    found = identifier
    if isinstance(identifier, dict):
        found = serialization.deserialize_keras_object(identifier)
    elif isinstance(identifier, str):
        found = serialization.get_registered_object(identifier, module_objects=_BY_NAME | _ALIASES)
    if callable(found):
        return found
    raise ValueError(
        f"Could not interpret activation function identifier: {identifier}. Expected one of "
        f"{sorted(_BY_NAME)}, a config, or a callable.{naming.similar([identifier], _BY_NAME)}"
    )

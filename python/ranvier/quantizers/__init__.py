"""Quantizers, their configs, and the functions that round to few bits and back."""

from __future__ import annotations

import inspect

from ranvier import identifiers, serialization
from ranvier.quantizers.calibrated import AWQConfig, GPTQConfig
from ranvier.quantizers.config import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from ranvier.quantizers.fake_quant import fake_quant_with_min_max_vars
from ranvier.quantizers.float8 import (
    compute_float8_amax_history,
    compute_float8_scale,
    quantize_and_dequantize,
)
from ranvier.quantizers.int4 import pack_int4, unpack_int4
from ranvier.quantizers.quantizer import AbsMaxQuantizer, Quantizer
from ranvier.quantizers.rounding import abs_max_quantize, abs_max_quantize_grouped_with_zero_point

__all__ = [
    "AWQConfig", "AbsMaxQuantizer", "Float8QuantizationConfig", "GPTQConfig",
    "Int4QuantizationConfig", "Int8QuantizationConfig", "QuantizationConfig", "Quantizer",
    "abs_max_quantize", "abs_max_quantize_grouped_with_zero_point", "compute_float8_amax_history",
    "compute_float8_scale", "deserialize", "fake_quant_with_min_max_vars", "get", "pack_int4",
    "quantize_and_dequantize", "serialize", "unpack_int4",
]  # fmt: skip

_TABLE = identifiers.names_of([
    Quantizer, AbsMaxQuantizer, QuantizationConfig, Int8QuantizationConfig, Int4QuantizationConfig,
    Float8QuantizationConfig, AWQConfig, GPTQConfig,
])  # fmt: skip


def serialize(initializer):
    """The config of a quantizer.

    Example:
        >>> config = keras.quantizers.serialize(keras.quantizers.AbsMaxQuantizer(axis=-1))
        >>> config["class_name"]
        'AbsMaxQuantizer'
    """
    return serialization.serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The quantizer that a config describes.

    Example:
        >>> config = keras.quantizers.serialize(keras.quantizers.AbsMaxQuantizer(axis=-1))
        >>> type(keras.quantizers.deserialize(config)).__name__
        'AbsMaxQuantizer'
    """
    return serialization.deserialize_keras_object(
        config, custom_objects=custom_objects, module_objects=_TABLE
    )


def get(identifier, **kwargs):
    """The quantizer for a name, a config, a class or an instance; `None` stays `None`.

    Args:
        identifier: what to find.
        kwargs: constructor arguments for a name or a class.

    Example:
        >>> type(keras.quantizers.get("abs_max_quantizer", axis=-1)).__name__
        'AbsMaxQuantizer'
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = _TABLE.get(identifier)
    else:
        found = identifier
    if inspect.isclass(found):
        found = found(**kwargs)
    if found is None or not (callable(found) or isinstance(found, QuantizationConfig)):
        raise ValueError(
            f"Could not interpret quantizer identifier: {identifier}. Expected a name among "
            f"{sorted(_TABLE)}, a config or a `Quantizer`."
        )
    return found

"""Layers that apply a function: Identity, Lambda, Masking, Rescaling."""

from __future__ import annotations

import types

from ranvier import config, ops, serialization
from ranvier.layers.layer import Layer


class Identity(Layer):
    """Returns its input.

    Example:
        >>> layers.Identity()(ops.ones(2)).tolist()
        [1.0, 1.0]
    """

    _declares_dtype = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs):
        return inputs


class Lambda(Layer):
    """A Python function as a layer. Only named, registered functions can be saved.

    Args:
        function: function of the inputs.
        output_shape: sizes without the batch; found out when `None`.
        mask: mask or function that makes it.
        arguments: keyword arguments of the function.

    Example:
        >>> layers.Lambda(lambda x: 2 * x)(ops.ones(2)).tolist()
        [2.0, 2.0]
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda: `function` must be callable. Received: {function}")
        self.arguments = arguments or {}
        self.function = function
        self._output_shape_arg = output_shape
        self.mask = mask
        self.supports_masking = mask is not None
        self._takes = {
            n
            for n in ("mask", "training")
            if n in getattr(getattr(function, "__code__", None), "co_varnames", ())
        }

    def call(self, inputs, mask=None, training=None):
        given = {"mask": mask, "training": training}
        extra = {n: given[n] for n in self._takes}
        return self.function(inputs, **{**self.arguments, **extra})

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self):
        config = {
            **super().get_config(),
            "function": _named(self.function),
            "arguments": self.arguments,
        }
        if self._output_shape_arg is not None:
            config["output_shape"] = self._output_shape_arg
        if self.mask is not None:
            config["mask"] = _named(self.mask) if callable(self.mask) else self.mask
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        config = dict(config)
        for key in ("function", "mask"):
            if isinstance(config.get(key), (dict, str)):
                config[key] = serialization.deserialize_keras_object(config[key], custom_objects)
        return cls(**config)


def _named(function):
    if isinstance(function, types.FunctionType) and function.__name__ == "<lambda>":
        raise ValueError(
            "Lambda: an anonymous function cannot be saved, since files never hold code. Use a "
            "named function decorated with `@keras.saving.register_keras_serializable()`."
        )
    return serialization.serialize_keras_object(function)


class Masking(Layer):
    """Marks time steps whose features all equal `mask_value`, and sets them to zero.

    Example:
        >>> x = np.array([[[1.0], [0.0]]])
        >>> layers.Masking().compute_mask(x).tolist()
        [[True, False]]
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True
        self._build_at_init()

    def compute_mask(self, inputs, mask=None):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        keep = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        outputs = ops.multiply(inputs, ops.cast(keep, inputs.dtype))
        outputs._keras_mask = ops.squeeze(keep, axis=-1)
        return outputs

    def get_config(self):
        return {**super().get_config(), "mask_value": self.mask_value}


class Rescaling(Layer):
    """inputs · scale + offset.

    Args:
        scale: number or list of one per channel.
        offset: the same.

    Example:
        >>> layers.Rescaling(1 / 255)(np.array([0.0, 255.0])).tolist()
        [0.0, 1.0]
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True
        self._allow_non_tensor_positional_args = True

    def call(self, inputs):
        dtype = self.compute_dtype
        x = ops.cast(inputs, dtype)
        scale, offset = (
            float(v)
            if isinstance(v, (int, float)) and config.is_float_dtype(dtype)
            else ops.cast(v, dtype)
            for v in (self.scale, self.offset)
        )
        if getattr(scale, "ndim", 0) and config.image_data_format() == "channels_first":
            scale = ops.reshape(scale, (*scale.shape, *(1,) * (3 - scale.ndim)))
        return ops.add(ops.multiply(x, scale), offset)

    def get_config(self):
        return {
            **super().get_config(),
            "scale": serialization.serialize_keras_object(self.scale),
            "offset": serialization.serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        arguments = {
            key: serialization.deserialize_keras_object(config[key], custom_objects)
            for key in ("scale", "offset")
        }
        return cls(**{**config, **arguments})

"""The base of layers around a layer."""

from __future__ import annotations

from ranvier import serialization
from ranvier.layers.layer import Layer


class Wrapper(Layer):
    """Holds a layer and computes with it.

    Args:
        layer: the wrapped layer.

    Example:
        >>> class Doubled(layers.Wrapper):
        ...     def call(self, x):
        ...         return self.layer(x) * 2
        >>> Doubled(layers.ReLU())(ops.array([-1.0, 3.0])).tolist()
        [0.0, 6.0]
    """

    _declares_dtype = False

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please "
                "ensure wrapped layer is a valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self):
        return {**super().get_config(), "layer": serialization.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        layer = serialization.deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)

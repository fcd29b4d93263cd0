"""A chain of preprocessing layers."""

from __future__ import annotations

from ranvier import serialization, tree
from ranvier.layers.layer import Layer


class Pipeline(Layer):
    """Layers applied one after the other; a plain layer, not a model.

    Inputs are handed on as they are, so that layers on strings may come first.

    Args:
        layers: the layers, in order.

    Example:
        >>> augment = layers.Pipeline([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
        >>> augment(ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    _declares_dtype = False

    def __init__(self, layers, name=None):
        super().__init__(name=name)
        self._pipeline_layers = layers
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    @property
    def layers(self):
        """The layers, in order."""
        return self._pipeline_layers

    def call(self, inputs, training=True, mask=None):
        x = inputs
        for layer in self._pipeline_layers:
            traits = layer._call_traits
            given = {"mask": mask} if traits.has_mask else {}
            if traits.has_training and training is not None:
                given["training"] = training
            x = layer(x, **given)
            mask = tree.map_structure(lambda t: getattr(t, "_keras_mask", None), x)
        return x

    def get_config(self):
        layers = [serialization.serialize_keras_object(layer) for layer in self._pipeline_layers]
        return {"layers": layers, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """A pipeline from its config.

        Raises:
            ValueError: there is no list of layers.
        """
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(
                "`Pipeline` config must contain a `layers` key mapping to a list of serialized "
                f"layers. Received config with layers={layers}."
            )
        restored = [serialization.deserialize_keras_object(layer) for layer in layers]
        return cls(**{**config, "layers": restored})

"""A chain of layers."""

from __future__ import annotations

from ranvier import naming, serialization, tree
from ranvier.layers.core.input_layer import InputLayer
from ranvier.layers.layer import Layer
from ranvier.models.compiled_call import CompiledCall
from ranvier.models.functional import Functional
from ranvier.models.model import Model
from ranvier.symbolic.keras_tensor import KerasTensor


class Sequential(CompiledCall, Model):
    """Layers one after the other, each with one input and one output.

    Args:
        layers: list of layers; `Input(...)` as the first one builds the model at once.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1)])
        >>> model.output_shape, model.count_params()
        ((None, 1), 49)
    """

    def __new__(cls, *args, **kwargs):
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, layers=None, trainable=True, name=None):
        Model.__init__(self, trainable=trainable, name=name)
        self._functional = None
        self._supports_masking = True
        self._chain: list[Layer] = []
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._maybe_rebuild()

    __init__.is_base = True  # type: ignore[attr-defined]

    def add(self, layer, rebuild=True):
        """Puts a layer at the end."""
        if isinstance(layer, KerasTensor) and not hasattr(layer, "_keras_history"):
            raise ValueError("Only `Input` tensors can be added to a Sequential model.")
        if not self._chain and getattr(layer, "_input_shape_arg", None) is not None:
            self.add(InputLayer(shape=layer._input_shape_arg), rebuild=False)
        if hasattr(layer, "_keras_history"):
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `keras.Layer` can be added to a Sequential model. Received: "
                f"{layer} (of type {type(layer)})"
            )
        if any(x.name == layer.name for x in self._chain):
            raise ValueError(
                "All layers added to a Sequential model should have unique names. Name "
                f"'{layer.name}' is already the name of a layer in this model. Update the `name` "
                "argument to pass a unique name."
            )
        if isinstance(layer, InputLayer) and self._chain:
            if isinstance(self._chain[0], InputLayer):
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input "
                    f"shape {self._chain[0].batch_shape}. You cannot add a different Input layer "
                    "to it."
                )
            self._chain.insert(0, layer)
        else:
            self._chain.append(layer)
        self._track_chain()
        if rebuild:
            self._maybe_rebuild()
        else:
            self.built = False
            self._functional = None

    def pop(self, rebuild=True):
        """Takes the last layer off and returns it."""
        if not self._chain:
            raise IndexError(f"Sequential model '{self.name}' has no layers to take off.")
        layer = self._chain.pop()
        self._track_chain()
        self.built = False
        self._functional = None
        if rebuild:
            self._maybe_rebuild()
        return layer

    def _track_chain(self):
        lists = self._tracker.lists["layers"]
        self._tracker.locked = False
        lists[:] = []
        for layer in self._chain:
            self._tracker.add("layers", layer)

    def _maybe_rebuild(self):
        self.built = False
        self._functional = None
        if self._chain and isinstance(self._chain[0], InputLayer) and len(self._chain) > 1:
            self.build(self._chain[0].batch_shape)
        elif len(self._chain) > 1 and hasattr(self._chain[0], "input_shape"):
            # A model that knows its input.
            self.build(self._chain[0].input_shape)

    def _lock_state(self):
        """Layers may be added at any time."""

    def build(self, input_shape=None):
        """Creates the graph for an input shape."""
        if not tree.is_shape_tuple(input_shape):
            if input_shape is None:
                if not self._chain or not isinstance(self._chain[0], InputLayer):
                    raise ValueError("You must provide an `input_shape` argument.")
                input_shape = self._chain[0].batch_shape
            else:
                # Not one tensor: the layers are called one after the other.
                return
        if not self._chain:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call "
                "`model.add(layer)`."
            )
        if isinstance(self._chain[0], InputLayer):
            if self._chain[0].batch_shape != tuple(input_shape):
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input "
                    f"shape {self._chain[0].batch_shape}. You cannot build it with input_shape "
                    f"{tuple(input_shape)}"
                )
        else:
            dtype = self._chain[0].input_dtype
            self._chain.insert(0, InputLayer(batch_shape=tuple(input_shape), dtype=dtype))
            self._track_chain()
        inputs = outputs = self._chain[0].output
        for layer in self._chain[1:]:
            _check_call(layer)
            try:
                outputs = layer(outputs)
            except NotImplementedError:
                # No shape without values: such a chain stays a plain loop over its layers.
                return
        naming.auto_name("Functional")  # Keras' inner graph takes one: later names are the same.
        self._set_functional(Functional(inputs=inputs, outputs=outputs, name=self.name))

    def _set_functional(self, functional):
        # The chain tracks its layers itself.
        object.__setattr__(self, "_functional", functional)

    def call(self, inputs, training=None, mask=None):
        if self._functional is not None:
            return self._functional.call(inputs, training=training, mask=mask)
        for layer in self.layers:
            kwargs = {}
            if layer._call_traits.has_mask:
                kwargs["mask"] = mask
            if layer._call_traits.has_training and training is not None:
                kwargs["training"] = training
            outputs = layer(inputs, **kwargs)
            inputs = outputs
            mask = tree.map_structure(lambda x: getattr(x, "_keras_mask", None), outputs)
        return inputs

    def compute_output_spec(self, inputs, training=None, mask=None, **kwargs):
        if self._functional is not None:
            return self._functional.compute_output_spec(inputs, training=training, mask=mask)
        return super().compute_output_spec(inputs, training=training, mask=mask, **kwargs)

    def compute_output_shape(self, input_shape):
        if self._functional is not None:
            return self._functional.compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def compute_mask(self, inputs, previous_mask):
        """Masks travel with the tensors inside the chain."""
        return None

    @property
    def layers(self) -> list:
        """The layers, without the input."""
        return (
            self._chain[1:]
            if self._chain and isinstance(self._chain[0], InputLayer)
            else self._chain[:]
        )

    @layers.setter
    def layers(self, value):
        raise AttributeError(
            "`Sequential.layers` attribute is reserved and should not be used. Use `add()` and "
            "`pop()` to change the layers in this model."
        )

    def _graph_property(self, name):
        if self._functional is None:
            what = name.replace("_", " ")
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")
        return getattr(self._functional, name)

    @property
    def inputs(self):
        """Flat symbolic inputs."""
        return self._graph_property("inputs")

    @property
    def outputs(self):
        """Flat symbolic outputs."""
        return self._graph_property("outputs")

    @property
    def input(self):
        """The symbolic input."""
        return self._graph_property("input")

    @property
    def output(self):
        """The symbolic output."""
        return self._graph_property("output")

    @property
    def input_shape(self):
        """Shape of the input."""
        return self._graph_property("input_shape")

    @property
    def output_shape(self):
        """Shape of the output."""
        return self._graph_property("output_shape")

    @property
    def output_names(self):
        """Name of the layer that makes the output."""
        return self._graph_property("output_names")

    @property
    def input_dtype(self):
        """Dtype of the input."""
        return self.layers[0].input_dtype if self.layers else super().input_dtype

    def get_config(self):
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialization.serialize_keras_object(self._dtype_policy),
            "layers": [serialization.serialize_keras_object(layer) for layer in self._chain],
        }
        if self._functional is not None:
            config["build_input_shape"] = self._chain[0].batch_shape
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        if "name" not in config or "layers" not in config:
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and "
                f"'layers' keys. Received: config={config}"
            )
        model = cls(name=config["name"])
        shape = config.get("build_input_shape")
        for entry in config["layers"]:
            if not isinstance(entry, dict) or "config" not in entry:
                raise ValueError(
                    "Could not read a layer of the Sequential model. Expected a dictionary "
                    f"containing a 'config' key. Received: {entry}"
                )
            entry = (
                entry if "module" in entry else {**entry, "module": None, "registered_name": None}
            )
            layer = serialization.deserialize_keras_object(entry, custom_objects=custom_objects)
            model.add(layer, rebuild=False)
        if not config.get("trainable", True):
            model.trainable = False
        model._maybe_rebuild()
        if model._functional is None and shape and tree.is_shape_tuple(shape) and model._chain:
            model.build(tuple(shape))
        return model


def _check_call(layer):
    """A layer of a chain gets one argument, the layer before's output."""
    needed = [
        p for p in layer._call_traits.signature.parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    if len(needed) > 1:
        raise ValueError(
            "Layers added to a Sequential model can only have a single required positional "
            f"argument, the input tensor. Layer {type(layer).__name__} has multiple required "
            f"positional arguments: {needed}"
        )

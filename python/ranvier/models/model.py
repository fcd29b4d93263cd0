"""The base of all models: a layer that can be trained, saved and shown."""

from __future__ import annotations

import inspect
import json

from ranvier import serialization, tree
from ranvier.errors import ShapeError
from ranvier.layers.layer import Layer
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec
from ranvier.training.trainer import Trainer


def _requires_arguments(cls) -> bool:
    """Whether the constructor has arguments without a default."""
    own = list(inspect.signature(cls.__init__).parameters.values())[1:]
    gathers = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(p.default is p.empty and p.kind not in gathers for p in own)


def _functional_arguments(args, kwargs) -> bool:
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or (
        "inputs" in kwargs and "outputs" in kwargs
    )  # fmt: skip


class Model(Trainer, Layer):
    """A model, from a graph (`Model(inputs, outputs)`) or from a subclass with its own `call`.

    Args:
        inputs: structure of `Input`s.
        outputs: structure of symbolic tensors that depend on them.
        name: automatic when not given.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, layers.Dense(1)(inputs))
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((8, 4)), np.zeros((8, 1)), verbose=0)
        >>> model.predict(np.ones((3, 4)), verbose=0).shape
        (3, 1)
    """

    def __new__(cls, *args, **kwargs):
        if cls is Model and _functional_arguments(args, kwargs):
            from ranvier.models.functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        # As in Keras, a config of required arguments is for the class itself to write.
        if _requires_arguments(cls):
            return super().__new__(cls)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args, **kwargs):
        if _functional_arguments(args, kwargs):
            from ranvier.models.functional import Functional

            _make_functional(type(self), Functional)
            Functional.__init__(self, *args, **kwargs)
            return
        Trainer.__init__(self)
        Layer.__init__(self, *args, **kwargs)

    __init__.is_base = True  # type: ignore[attr-defined]

    def build(self, input_shape=None):
        """Creates the state of all layers for input shapes (one, a list or a dict of them)."""
        self._check_super_called()
        if input_shape is not None and any(not layer.built for layer in self._layers):
            inputs = tree.map_shape_structure(
                lambda s: KerasTensor(s, dtype=self.input_dtype), input_shape
            )
            compute_output_spec(self.call, inputs)
        self.built = True

    build.is_default = True  # type: ignore[attr-defined]

    def get_quantization_layer_structure(self, mode=None):
        """The layers that calibration goes through, for subclasses to define.

        Args:
            mode: "gptq" or "awq".

        Returns:
            A dict of "pre_block_layers" (called in turn on the data) and "sequential_blocks"
            (calibrated in turn), or `None`.
        """
        return None

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Quantizes the weights of all layers that can be; warns of the others.

        Args:
            mode: "int8", "int4", "float8", "gptq" or "awq"; may be left out with a config.
            config: `quantizers.QuantizationConfig`; the mode's default when `None`.
            filters: which layers: a regular expression of names, a list of them, or a predicate.
            kwargs: `type_check=False` also quantizes subclasses of built-in layers.

        Raises:
            ValueError: the model is not built, or the arguments are wrong or contradict.
        """
        from ranvier.models.quantize import quantize_model

        type_check = kwargs.pop("type_check", True)
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}"
            )
        quantize_model(self, mode, config, filters, type_check)

    def call(self, *args, **kwargs):
        """What the model computes. Subclasses override it."""
        raise NotImplementedError(
            f"Model {type(self).__name__} does not have a `call()` method implemented."
        )

    @property
    def layers(self) -> list:
        """Direct sublayers."""
        return list(self._flatten_layers(include_self=False, recursive=False))

    @layers.setter
    def layers(self, value):
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    def get_layer(self, name=None, index=None):
        """A sublayer by name or position."""
        if index is not None and name is not None:
            raise ValueError(
                f"Provide only a layer name or a layer index. Received: index={index}, name={name}."
            )
        if index is not None:
            if len(self.layers) <= index:
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has "
                                 f"{len(self.layers)} layers.")  # fmt: skip
            return self.layers[index]
        if name is not None:
            for layer in self.layers:
                if layer.name == name:
                    return layer
            raise ValueError(
                f"No such layer: {name}. Existing layers are: {[x.name for x in self.layers]}."
            )
        raise ValueError("Provide either a layer name or layer index at `get_layer`.")

    def summary(self, line_length=None, positions=None, print_fn=None, expand_nested=False,
                show_trainable=False, layer_range=None):  # fmt: skip
        """Prints the layers with their output shapes and numbers of parameters.

        Once a step is compiled, its arithmetic and its planned peak memory follow.
        """
        from ranvier.models.summary import print_summary

        print_summary(
            self, line_length=line_length, positions=positions, print_fn=print_fn,
            expand_nested=expand_nested, show_trainable=show_trainable, layer_range=layer_range,
        )  # fmt: skip

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Writes the model to a `.keras` file; see `saving.save_model`."""
        from ranvier import saving

        return saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Writes the weights to a `.weights.h5` file; with `max_shard_size` (GB) to several."""
        from ranvier import saving

        return saving.save_weights(
            self, filepath, overwrite=overwrite, max_shard_size=max_shard_size
        )

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Reads the weights from a file."""
        from ranvier import saving

        return saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def get_state_tree(self, value_format="backend_tensor") -> dict:
        """All variables' values, nested along their paths.

        Args:
            value_format: "backend_tensor" or "numpy_array".

        Returns:
            `{"trainable_variables": {...}, "non_trainable_variables": {...},
            "optimizer_variables": {...}, "metrics_variables": {...}}`.

        Raises:
            ValueError: another format, or two variables with one path.
        """
        from ranvier.saving.state_tree import get_state_tree

        return get_state_tree(self, value_format)

    def set_state_tree(self, state_tree) -> None:
        """Sets variables from nested dicts as `get_state_tree` makes them."""
        from ranvier.saving.state_tree import set_state_tree

        set_state_tree(self, state_tree)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None,
               **kwargs):  # fmt: skip
        """Formats of other runtimes: to come.

        Raises:
            ValueError: a format that Keras does not know either.
            NotImplementedError: one that it does.
        """
        formats = ("tf_saved_model", "onnx", "openvino", "litert", "torch")
        if format not in formats:
            raise ValueError(f"Unrecognized format={format}. Supported formats are: {formats}.")
        raise NotImplementedError(
            f"Model.export: the format {format!r} of other runtimes is to come. Hint: `model.save` "
            "writes a `.keras` file, which Keras itself reads and exports."
        )

    def to_json(self, **kwargs) -> str:
        """The architecture as JSON text."""
        return json.dumps(serialization.serialize_keras_object(self), **kwargs)

    def build_from_config(self, config):
        if not config:
            return
        shape = config.get("input_shape")
        if shape is not None and getattr(type(self).build, "is_default", False):
            try:
                self.build(tree.map_shape_structure(tuple, shape))
            except (TypeError, ValueError, NotImplementedError):
                # A `call` with other arguments: its state is made at the first call.
                self._build_shapes_dict = {"input_shape": shape}
            return
        super().build_from_config(config)

    def __getstate__(self):
        # Programs belong to the variables they were compiled for; copies compile their own.
        compiled = ("_call_steps", "_call_version")
        state = {name: value for name, value in self.__dict__.items() if name not in compiled}
        return {**state, "_functions": {}, "_predict_fast": {}, "_predict_fast_version": -1}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A model from its config; configs of graphs give functional models."""
        from ranvier.models.functional import Functional, takes_a_graph
        from ranvier.models.functional_config import functional_from_config

        if all(k in config for k in ("layers", "input_layers", "output_layers")):
            if cls is Model or takes_a_graph(cls):
                return functional_from_config(
                    Functional if cls is Model else cls, config, custom_objects
                )
        try:
            return cls(**config)
        except ShapeError:
            raise
        except TypeError as error:
            raise TypeError(
                "Unable to revive model from config. When overriding the `get_config()` method, "
                "make sure "
                "that the returned config contains all items used as arguments in the "
                f"constructor to {cls}. "
                f"Error encountered during deserialization: '{error}'"
            ) from error


def _make_functional(cls, functional):
    """Puts `Functional` in the place of `Model` among the bases of a class that builds a graph."""
    if issubclass(cls, functional):
        return
    if cls is Model:
        raise TypeError("Model: a graph of symbolic inputs and outputs makes a functional model.")
    if Model in cls.__bases__:
        cls.__bases__ = tuple(functional if b is Model else b for b in cls.__bases__)
        return
    for base in cls.__bases__:
        if issubclass(base, Model):
            _make_functional(base, functional)


def model_from_json(json_string: str, custom_objects=None):
    """A model with the architecture of `Model.to_json`, untrained.

    Args:
        json_string: what `Model.to_json` gave.
        custom_objects: dict from names to classes and functions.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
        >>> keras.models.model_from_json(model.to_json()).count_params()
        8
    """
    return serialization.deserialize_keras_object(
        json.loads(json_string), custom_objects=custom_objects
    )

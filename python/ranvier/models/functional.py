"""Models made of a graph of layer calls."""

from __future__ import annotations

import inspect
import warnings

import numpy as np

from ranvier import _backend as B
from ranvier import ops, tree
from ranvier.layers.core.input_layer import InputLayer
from ranvier.layers.input_spec import InputSpec, assert_input_compatibility
from ranvier.layers.layer import Layer
from ranvier.models.compiled_call import CompiledCall
from ranvier.models.model import Model
from ranvier.symbolic import host
from ranvier.symbolic.function import Function
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec, probing


class Functional(CompiledCall, Function, Model):
    """The layers between symbolic inputs and outputs; `Model(inputs, outputs)` makes one."""

    _keras_module = "keras.src.models.functional"

    def __new__(cls, *args, **kwargs):
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, inputs, outputs, name=None, **kwargs):
        Model.__init__(self, name=name, **kwargs)
        _warn_of_names(inputs)
        _check_symbolic(inputs, "inputs")
        _check_symbolic(outputs, "outputs")
        if any(
            not isinstance(x._keras_history.operation, InputLayer) for x in tree.flatten(inputs)
        ):
            inputs, outputs = _cut_graph(inputs, outputs)
        self._set_graph(inputs, outputs)
        for operation in self._operations:
            if isinstance(operation, Layer):
                self._tracker.add("layers", operation)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self._supports_masking = True
        self.output_names = [x._keras_history.operation.name for x in self._outputs]
        self.built = True
        self._build_shapes_dict = {"input_shape": None}
        self._path = self.name

    __init__.is_base = True  # type: ignore[attr-defined]

    @property
    def layers(self) -> list:
        """Layers of the graph, inputs first."""
        return [op for op in self._operations if isinstance(op, Layer)]

    @layers.setter
    def layers(self, value):
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    @property
    def input_names(self) -> list:
        """Names of the inputs."""
        return [x._keras_history.operation.name for x in self._inputs]

    @property
    def inputs(self) -> list:
        """Flat symbolic inputs."""
        return self._inputs

    @property
    def outputs(self) -> list:
        """Flat symbolic outputs."""
        return self._outputs

    @property
    def input(self):
        """Structure of the symbolic inputs."""
        return self._inputs_struct

    @property
    def output(self):
        """Structure of the symbolic outputs."""
        return self._outputs_struct

    @property
    def input_shape(self):
        """The shape of the only input, or the list of the shapes of all."""
        return _shapes(self._inputs)

    @property
    def output_shape(self):
        """The shape of the only output, or the list of the shapes of all."""
        return _shapes(self._outputs)

    def build(self, input_shape=None):
        """A graph is built when it is made."""
        self.built = True

    def call(self, inputs, training=None, mask=None):
        """The outputs; a list of one output is that output, as in Keras."""
        outputs = self._outputs_for(inputs, training, mask)
        alone = isinstance(outputs, (list, tuple)) and len(outputs) == 1
        return outputs[0] if alone else outputs

    def _outputs_for(self, inputs, training=None, mask=None):
        values = self._standardize_inputs(inputs)
        if mask is not None:
            for x, m in zip(values, tree.flatten(mask)):
                if m is not None and x is not None:
                    x._keras_mask = m

        def run(operation, *args, **kwargs):
            if training is not None and isinstance(operation, Layer):
                traits = operation._call_traits
                if traits.has_training or operation._layers:
                    kwargs["training"] = training
            return operation(*args, **kwargs)

        return self._run_through_graph(values, lambda op: op, call_fn=run)

    def compute_output_spec(self, inputs, training=None, mask=None):
        """Specs in the structure of the outputs, also where there is one alone."""
        if type(self).call is not Functional.call:
            return Layer.compute_output_spec(self, inputs, training=training, mask=mask)
        return compute_output_spec(self._outputs_for, inputs, training=training, mask=mask)

    def compute_output_shape(self, input_shape):
        return Function.compute_output_shape(self, input_shape)

    def compute_mask(self, inputs, previous_mask):
        """Masks travel with the tensors inside the graph."""
        return None

    @property
    def input_spec(self):
        """One `InputSpec` per input, in the order of the inputs; `None` for a nested dict."""
        if self._input_spec is not None:
            return self._input_spec
        struct = self._inputs_struct
        if not isinstance(struct, dict):
            return [_spec_of(x, x._keras_history.operation.name) for x in self._inputs]
        if all(isinstance(x, KerasTensor) for x in struct.values()):
            return [_spec_of(struct[key], key) for key in sorted(struct)]
        return None

    @input_spec.setter
    def input_spec(self, value):
        self._input_spec = value

    def _assert_input_compatibility(self, first_arg):
        if any(x.dtype == "string" for x in self._inputs):
            return  # Lists of strings have no shape; `_text_input` looks at them.
        if not isinstance(first_arg, dict):
            for x, symbol in zip(tree.flatten(first_arg), self._inputs):
                self._check_optional(x, symbol)
        else:
            for symbol in self._inputs:
                name = symbol._keras_history.operation.name
                self._check_optional(first_arg.get(name, symbol), symbol)
        assert_input_compatibility(self.input_spec, first_arg, self.name)

    def _check_optional(self, x, symbol):
        if x is None and not getattr(symbol._keras_history.operation, "optional", False):
            raise ValueError(
                f"The input '{symbol.name}' is not optional, but None was passed. Please provide a "
                f"valid tensor. Model: '{self.name}'."
            )

    def _standardize_inputs(self, inputs):
        out = []
        for index, (x, symbol) in enumerate(zip(self._flat_inputs(inputs), self._inputs)):
            if x is None:
                self._check_optional(x, symbol)
                out.append(None)
                continue
            if host.is_text(x) or symbol.dtype == "string":
                out.append(self._adjust_rank(self._text_input(x, symbol), index))
                continue
            mask = getattr(x, "_keras_mask", None)
            given, x = x, ops.convert_to_tensor(x, dtype=symbol.dtype)
            host.note(given, x, lambda array, dtype=symbol.dtype: array.astype(dtype))
            x = self._adjust_rank(x, index)
            if mask is not None:
                x._keras_mask = mask
            out.append(x)
        return out

    def _flat_inputs(self, inputs):
        struct = self._inputs_struct
        if not tree.is_nested(struct) and isinstance(inputs, (str, bytes, list, tuple)):
            strings = self._inputs[0].dtype == "string" and not any(host.is_text(x) for x in inputs)
            inputs = np.asarray(inputs) if strings else inputs
        if isinstance(inputs, dict):
            names = list(struct) if isinstance(struct, dict) else self.input_names
            missing = [n for n in names if n not in inputs]
            if missing:
                raise ValueError(
                    f'Missing data for input "{missing[0]}". You passed a data dictionary with '
                    f"keys {list(inputs)}. Expected the following keys: {sorted(names)}. "
                    f"Model: '{self.name}'."
                )
            if not isinstance(struct, dict):
                return [inputs[n] for n in names]
            if inputs.keys() - set(names):
                self._warn_of_structure(inputs)
            inputs = {n: inputs[n] for n in names}
        elif not _alike(inputs, struct) and not (len(self._inputs) == 1 and _is_value(inputs)):
            if isinstance(struct, dict) and list(struct) != sorted(struct):
                # Flat values come in the order of the sorted keys, which nobody would expect here.
                raise ValueError(self._structure_message(inputs))
            self._warn_of_structure(inputs)
        if not tree.is_nested(struct) and isinstance(inputs, (list, tuple)) and len(inputs) != 1:
            raise B.ShapeError(
                f'Layer "{self.name}" expects 1 input(s), but it received {len(inputs)} input '
                "tensors. Hint: pass an array instead of a list of rows."
            )
        flat = tree.flatten(inputs)
        if len(flat) != len(self._inputs):
            raise B.ShapeError(
                f'Layer "{self.name}" expects {len(self._inputs)} input(s), but it received '
                f"{len(flat)} input tensors. Inputs received: "
                f"{[tuple(getattr(x, 'shape', ())) for x in flat]}"
            )
        return flat

    def _warn_of_structure(self, inputs):
        if not probing():  # Keras' symbolic calls do not warn.
            warnings.warn(self._structure_message(inputs), stacklevel=2)

    def _structure_message(self, inputs):
        expected = tree.map_structure(lambda x: x.name, self._inputs_struct)
        received = tree.map_structure(
            lambda x: "None" if x is None else f"Tensor(shape={tuple(getattr(x, 'shape', ()))})",
            inputs,
        )
        return (
            "The structure of `inputs` doesn't match the expected structure.\n"
            f"Expected: {expected}\nReceived: inputs={received}"
        )

    def _text_input(self, x, symbol):
        """Strings stay arrays; they are refused where numbers are expected, and inversely."""
        if symbol.dtype == "string" and not isinstance(x, (B.Tensor, KerasTensor)):
            x = x if isinstance(x, host.HostArray) else np.asarray(x)
            if host.is_text(x) or x.size == 0:
                return x
        if host.is_text(x):
            want, got = f"numbers ({symbol.dtype})", "strings"
            hint = (
                "turn strings into indices before, or give the input dtype 'string' and let a "
                "StringLookup or TextVectorization layer do it"
            )
        else:
            want, got, hint = "strings", f"an array of dtype {x.dtype}", "pass an array of str"
        raise B.DTypeError(
            f"Data for input {symbol._keras_history.operation.name!r} of model '{self.name}' has "
            f"the wrong type. Expected: {want}. Received: {got} of shape {tuple(x.shape)}. "
            f"Hint: {hint}."
        )

    def _adjust_rank(self, x, index):
        symbol = self._inputs[index]
        rank, want = len(x.shape), len(symbol.shape)
        given, text = x, host.is_text(x)
        if rank == want + 1 and x.shape[-1] == 1:
            x = x[..., 0] if text else ops.squeeze(x, axis=-1)
            host.note(given, x, lambda array: array[..., 0])
        elif rank == want - 1 and symbol.shape[-1] == 1:
            x = x[..., None] if text else ops.expand_dims(x, axis=-1)
            host.note(given, x, lambda array: array[..., None])
        elif rank != want:
            path = ".".join(map(str, tree.flatten_with_path(self._inputs_struct)[index][0]))
            raise B.ShapeError(
                f"Invalid input shape for input with name '{symbol.name}' and path '{path}' of "
                f"model '{self.name}'. Expected shape {symbol.shape}, but input has incompatible "
                f"shape {tuple(x.shape)}"
            )
        return x

    def get_config(self):
        from ranvier.models.functional_config import functional_config

        if not takes_a_graph(type(self)):
            return Model.get_config(self)
        return functional_config(self)


def takes_a_graph(cls) -> bool:
    """Whether a class is made from inputs and outputs, as functional models are."""
    own = inspect.getfullargspec(cls.__init__)
    plain = inspect.getfullargspec(Functional.__init__)
    return own.args[1:] == plain.args[1:] or (own.varargs is not None and own.varkw is not None)


def _shapes(tensors):
    shapes = [x.shape for x in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _check_symbolic(structure, name):
    for x in tree.flatten(structure):
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All `{name}` values must be KerasTensors. Received: {name}={structure} "
                "including invalid "
                f"value {x} of type {type(x)}"
            )


def _warn_of_names(inputs):
    if not isinstance(inputs, dict):
        return
    for key, x in inputs.items():
        if isinstance(x, KerasTensor) and key != x.name:
            warnings.warn(
                "When providing `inputs` as a dict, all keys in the dict must match the names of "
                f"the corresponding tensors. Received key '{key}' mapping to value {x} which has "
                f"name '{x.name}'. Change the tensor name to '{key}' (via `Input(..., "
                f"name='{key}')`)",
                stacklevel=3,
            )


def _spec_of(x, name):
    operation = x._keras_history.operation
    return InputSpec(
        shape=(None, *x.shape[1:]),
        allow_last_axis_squeeze=True,
        name=name,
        optional=getattr(operation, "optional", False),
    )


def _is_value(x):
    return not isinstance(x, (list, tuple, dict))


def _alike(inputs, struct):
    """Whether both are built alike, lists and tuples being the same."""
    if _is_value(inputs) or _is_value(struct):
        return _is_value(inputs) and _is_value(struct)
    if isinstance(inputs, dict) or isinstance(struct, dict):
        return (
            isinstance(inputs, dict) and isinstance(struct, dict) and inputs.keys() == struct.keys()
            and all(_alike(inputs[key], struct[key]) for key in struct)
        )  # fmt: skip
    return len(inputs) == len(struct) and all(map(_alike, inputs, struct))


def _cut_graph(inputs, outputs):
    """The graph from tensors inside another one: they become inputs, layers are shared."""
    part = Function(inputs, outputs)
    fresh = tree.map_structure(
        lambda x: InputLayer(batch_shape=x.shape, dtype=x.dtype, name=f"{x.name}CLONE").output,
        inputs,
    )
    outputs = part._run_through_graph(fresh, lambda op: op)
    return fresh, outputs

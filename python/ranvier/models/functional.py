"""Models made of a graph of layer calls."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import ops, tree
from ranvier.layers.core.input_layer import InputLayer
from ranvier.layers.layer import Layer
from ranvier.models.compiled_call import CompiledCall
from ranvier.models.model import Model
from ranvier.symbolic import host
from ranvier.symbolic.function import Function
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec


class Functional(CompiledCall, Function, Model):
    """The layers between symbolic inputs and outputs; `Model(inputs, outputs)` makes one."""

    _keras_module = "keras.src.models.functional"
    # Whether inputs must have the known sizes of every axis; a `Sequential` asks for the last only.
    _fixed_sizes = True

    def __new__(cls, *args, **kwargs):
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, inputs, outputs, name=None, **kwargs):
        Model.__init__(self, name=name, **kwargs)
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
        return [x.name for x in self._inputs]

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

    def _assert_input_compatibility(self, *args):
        return None

    def _standardize_inputs(self, inputs):
        flat = self._flat_inputs(inputs)
        out = []
        for x, symbol in zip(flat, self._inputs):
            layer = symbol._keras_history.operation
            if x is None:
                if not getattr(layer, "optional", False):
                    raise ValueError(f"Model '{self.name}': the input '{symbol.name}' is missing.")
                out.append(None)
                continue
            if host.is_text(x) or symbol.dtype == "string":
                out.append(self._adjust_rank(self._text_input(x, symbol), symbol))
                continue
            mask = getattr(x, "_keras_mask", None)
            given, x = x, ops.convert_to_tensor(x, dtype=symbol.dtype)
            host.note(given, x, lambda array, dtype=symbol.dtype: array.astype(dtype))
            x = self._adjust_rank(x, symbol)
            if mask is not None:
                x._keras_mask = mask
            out.append(x)
        return out

    def _flat_inputs(self, inputs):
        struct = self._inputs_struct
        if not tree.is_nested(struct) and isinstance(inputs, (str, bytes, list, tuple)):
            strings = self._inputs[0].dtype == "string" and not any(host.is_text(x) for x in inputs)
            inputs = np.asarray(inputs) if strings else inputs
        if isinstance(inputs, dict) and not isinstance(struct, dict):
            missing = [n for n in self.input_names if n not in inputs]
            if missing:
                raise ValueError(
                    f"Missing data for input {missing[0]!r} of model '{self.name}'. You passed a "
                    f"data dictionary with keys {sorted(inputs)}. Expected the following keys: "
                    f"{self.input_names}"
                )
            return [inputs[n] for n in self.input_names]
        if isinstance(inputs, dict):
            missing = [k for k in struct if k not in inputs]
            if missing:
                raise ValueError(
                    f"Missing data for input {missing[0]!r} of model '{self.name}'. You passed a "
                    f"data dictionary with keys {sorted(inputs)}. Expected the following keys: "
                    f"{sorted(struct)}"
                )
            inputs = {k: inputs[k] for k in struct}
        if not tree.is_nested(struct) and isinstance(inputs, (list, tuple)) and len(inputs) != 1:
            raise B.ShapeError(
                f"Model '{self.name}' expects 1 input(s), but it received {len(inputs)} input "
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
            f"Data for input {symbol.name!r} of model '{self.name}' has the wrong type. Expected: "
            f"{want}. Received: {got} of shape {tuple(x.shape)}. Hint: {hint}."
        )

    def _adjust_rank(self, x, symbol):
        shape, want = tuple(x.shape), symbol.shape
        given, text = x, host.is_text(x)
        if len(shape) == len(want) + 1 and shape[-1] == 1:
            x = x[..., 0] if text else ops.squeeze(x, axis=-1)
            host.note(given, x, lambda array: array[..., 0])
        elif len(shape) == len(want) - 1 and want[-1] == 1:
            x = x[..., None] if text else ops.expand_dims(x, axis=-1)
            host.note(given, x, lambda array: array[..., None])
        shape = tuple(x.shape)
        fixed = 1 if self._fixed_sizes else max(1, len(want) - 1)
        fits = len(shape) == len(want) and all(
            w is None or s is None or s == w for s, w in zip(shape[fixed:], want[fixed:])
        )
        if not fits:
            raise B.ShapeError(
                "Input "
                f"{symbol.name!r} of model "
                f"'{self.name}' is incompatible with the model: expected shape={want}, found "
                f"shape={shape}"
            )
        return x

    def get_config(self):
        from ranvier.models.functional_config import functional_config

        if not getattr(type(self).__init__, "is_base", False):
            return Model.get_config(self)
        return functional_config(self)


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


def _cut_graph(inputs, outputs):
    """The graph from tensors inside another one: they become inputs, layers are shared."""
    part = Function(inputs, outputs)
    fresh = tree.map_structure(
        lambda x: (
            InputLayer(
                batch_shape=x.shape, dtype=x.dtype, name=x._keras_history.operation.name
            ).output
        ),
        inputs,
    )
    outputs = part._run_through_graph(fresh, lambda op: op)
    return fresh, outputs

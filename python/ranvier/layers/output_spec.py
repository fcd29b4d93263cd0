"""What a layer's outputs look like, found out without data and without an effect on the layer."""

from __future__ import annotations

import functools

from ranvier import tree
from ranvier.layers import call_spec as calls
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec


class OutputSpec:
    """Part of `Layer`: shapes and dtypes of outputs.

    There is no second shape rule: `call` runs on stand-ins. A layer that is not built is tried out
    as a copy made from its config.
    """

    # Whether symbolic outputs carry the compute dtype, as of Keras' layers with a shape rule,
    # or the dtype that `call` gives.
    _declares_dtype = False

    def symbolic_call(self, *args, **kwargs):
        """The call on symbolic tensors, without a node."""
        return self.compute_output_spec(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        """Shapes and dtypes of the outputs for symbolic inputs, by running `call` for shapes."""
        if _is_foreign(self):
            return self._spec_from_shape_method(args, kwargs)
        layer = self._built_twin()
        if not layer.built:
            return layer.symbolic_probe(*args, **kwargs)
        if self._declares_dtype:
            args = (*tree.map_structure(self._declared_bool, args[:1]), *args[1:])
        outputs = layer._probed_call(args, kwargs)
        return tree.map_structure(self._declared, outputs) if self._declares_dtype else outputs

    def _probed_call(self, args, kwargs):
        probe = functools.partial(compute_output_spec, self.call)
        return self._in_scope(self._autocast_scope(), probe, args, kwargs)

    def _spec_from_shape_method(self, args, kwargs):
        spec = calls.CallSpec(self._call_traits, args, kwargs)
        shapes = calls.shapes_for(self.compute_output_shape, spec, type(self).__name__)
        out = self.compute_output_shape(**shapes)
        return tree.map_shape_structure(lambda s: KerasTensor(s, dtype=self.compute_dtype), out)

    def _declared(self, x):
        """A symbolic output with the dtype that the layers of Keras announce, whatever comes in."""
        declared = self.compute_dtype
        known = not isinstance(x, KerasTensor) or x.dtype == declared
        return x if known else KerasTensor(x.shape, dtype=declared)

    def _declared_bool(self, x):
        """A symbolic input of booleans as one of the dtype announced: every call has its shapes."""
        return self._declared(x) if getattr(x, "dtype", None) == "bool" else x

    def compute_output_shape(self, *args, **kwargs):
        """Output shapes for input shapes; has no effect on the layer."""
        if getattr(type(self).call, "is_default", False):
            raise self._no_output_shape()
        try:
            layer = self._built_twin()
        except TypeError as error:
            raise self._no_output_shape() from error
        make = functools.partial(
            tree.map_shape_structure, lambda s: KerasTensor(s, dtype=self.input_dtype)
        )
        symbols = [make(s) for s in args]
        named = {k.removesuffix("_shape"): make(s) for k, s in kwargs.items()}
        if "input" in named and "input" not in layer._call_traits.names:
            symbols.append(named.pop("input"))
        spec = layer.symbolic_probe(*symbols, **named)
        return tree.map_structure(lambda x: x.shape, spec)

    def _no_output_shape(self):
        return self._not_implemented_error(
            self.compute_output_shape,
            "Should implement `def compute_output_shape(self, input_shape)`.",
        )

    def symbolic_probe(self, *args, **kwargs):
        """Builds if needed, then infers outputs without adding a node."""
        if not self.built:
            with self._open_name_scope():
                self._maybe_build(calls.CallSpec(self._call_traits, args, kwargs))
        return self.compute_output_spec(*args, **kwargs)

    def output_in_graph(self, args, kwargs):
        """The outputs of a call for symbolic arguments as they come, of the dtypes that `call`
        gives; builds if needed."""
        args, kwargs = self._convert_arguments(args, kwargs)
        announced = self.symbolic_probe(*args, **kwargs)
        return self._probed_call(args, kwargs) if self._declares_dtype else announced

    def _built_twin(self):
        """The layer itself when built; else, where its config can make one, a copy to be probed."""
        if self.built:
            return self
        try:
            return type(self).from_config(self.get_config())
        except NotImplementedError:
            return self


def _is_foreign(layer):
    """Whether the shape rule is a user's own."""
    own = __name__.partition(".")[0] + "."
    return not type(layer).compute_output_shape.__module__.startswith(own)

"""Layers inside the graphs of TensorFlow, as `dataset.map(layer)` makes them.

A graph has no values while it is made. So shapes and dtypes are found with stand-ins, and the graph
gets one step that calls the layer whenever the values are there.
"""

from __future__ import annotations

import sys

import numpy as np

from ranvier import tree
from ranvier.symbolic.keras_tensor import KerasTensor


def in_graph(args, kwargs) -> bool:
    """Whether an argument is a tensor of a graph of TensorFlow."""
    is_symbolic = getattr(sys.modules.get("tensorflow"), "is_symbolic_tensor", None)
    return is_symbolic is not None and any(map(is_symbolic, tree.flatten((args, kwargs))))


def call(layer, args, kwargs):
    """What `layer(*args, **kwargs)` is in a graph: tensors of TensorFlow, of static shapes.

    Raises:
        ValueError: the number of axes of an argument is unknown.
    """
    tensorflow = sys.modules["tensorflow"]
    inputs = _Slots((args, kwargs), tensorflow.is_tensor)
    symbols = [_symbol(x, layer) for x in inputs.leaves]
    outputs = _Slots(layer.output_in_graph(*inputs.filled(symbols)), _is_symbol)

    def run(*values):
        args, kwargs = inputs.filled(values)
        results = outputs.of(layer(*args, **kwargs))
        return [_array(x, spec.dtype) for x, spec in zip(results, outputs.leaves)]

    dtypes = [spec.dtype for spec in outputs.leaves]
    results = tensorflow.numpy_function(run, inputs.leaves, dtypes)
    for x, spec in zip(results, outputs.leaves):
        x.set_shape(spec.shape)
    return outputs.filled(results)


class _Slots:
    """A structure some of whose leaves take other values.

    Args:
        structure: lists, tuples and dicts.
        varies: function that says which leaves these are.

    Attributes:
        leaves: those leaves of `structure`.
    """

    def __init__(self, structure, varies):
        self._structure = structure
        self._all = tree.flatten(structure)
        self._places = [i for i, x in enumerate(self._all) if varies(x)]
        self.leaves = [self._all[i] for i in self._places]

    def filled(self, values):
        """The structure with `values` at those leaves."""
        leaves = list(self._all)
        for place, value in zip(self._places, values, strict=True):
            leaves[place] = value
        return tree.pack_sequence_as(self._structure, leaves)

    def of(self, structure) -> list:
        """Those leaves of another structure of the same form."""
        leaves = tree.flatten(structure)
        return [leaves[i] for i in self._places]


def _is_symbol(x):
    return isinstance(x, KerasTensor)


def _symbol(x, layer):
    if x.shape.rank is None:
        raise ValueError(
            f"Layer '{layer.name}' (of type {type(layer).__name__}) needs the number of axes of "
            "its inputs in a graph of TensorFlow. Received: a tensor of unknown rank. Hint: "
            "tensor.set_shape(...)."
        )
    return KerasTensor(x.shape, dtype=x.dtype.name)


def _array(x, dtype):
    """A result as the array that the graph expects: what symbolic calls announce may be wider."""
    x = np.asarray(x)
    return x if dtype == "string" else x.astype(dtype, copy=False)

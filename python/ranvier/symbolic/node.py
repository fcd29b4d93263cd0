"""One call of an operation on symbolic tensors."""

from __future__ import annotations

from typing import NamedTuple

from ranvier import tree
from ranvier.symbolic.keras_tensor import KerasTensor


class KerasHistory(NamedTuple):
    """Where a `KerasTensor` comes from: output `tensor_index` of call `node_index`."""

    operation: object
    node_index: int
    tensor_index: int


class SymbolicArguments:
    """Arguments of a call, and how to put other tensors in the places of the symbolic ones."""

    def __init__(self, args, kwargs):
        self.args = tuple(args)
        self.kwargs = dict(kwargs)
        self.keras_tensors = [
            x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, KerasTensor)
        ]
        self._single = (
            len(self.args) == 1 and not self.kwargs and isinstance(self.args[0], KerasTensor)
        )

    def fill_in(self, tensors: dict):
        """`(args, kwargs)` with each symbolic tensor replaced by `tensors[id(it)]`."""
        if self._single:
            return (tensors[id(self.args[0])],), {}

        def switch(x):
            return tensors.get(id(x), x) if isinstance(x, KerasTensor) else x

        return tree.map_structure(switch, self.args), {
            key: tree.map_structure(switch, value) for key, value in self.kwargs.items()
        }

    def convert(self, fn):
        """Applies `fn` to the symbolic tensors."""

        def switch(x):
            return fn(x) if isinstance(x, KerasTensor) else x

        return tree.map_structure(switch, self.args), {
            key: tree.map_structure(switch, value) for key, value in self.kwargs.items()
        }


class Node:
    """An edge bundle of the graph: an operation, its arguments, its outputs."""

    def __init__(self, operation, call_args=None, call_kwargs=None, outputs=None):
        self.operation = operation
        self.arguments = SymbolicArguments(call_args or (), call_kwargs or {})
        self.outputs = [] if outputs is None else tree.flatten(outputs)
        for x in self.outputs:
            if not isinstance(x, KerasTensor):
                raise ValueError(
                    f"All operation outputs must be tensors. Operation {operation} returned a "
                    f"non-tensor. Non-tensor received: {x}"
                )
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for tensor in self.arguments.keras_tensors:
            history = getattr(tensor, "_keras_history", None)
            if history is not None:
                history.operation._outbound_nodes.append(self)
        if not self.arguments.keras_tensors and outputs is None:
            self.outputs = []
        for i, tensor in enumerate(self.outputs):
            tensor._keras_history = KerasHistory(operation, index, i)

    @property
    def input_tensors(self) -> list:
        """Symbolic tensors among the arguments."""
        return self.arguments.keras_tensors

    @property
    def output_tensors(self) -> list:
        """Symbolic results."""
        return self.outputs

    @property
    def is_input(self) -> bool:
        """Whether the node starts a graph."""
        return not self.arguments.keras_tensors

    @property
    def parent_nodes(self) -> list:
        """Nodes that make the arguments."""
        parents = []
        for tensor in self.arguments.keras_tensors:
            history = getattr(tensor, "_keras_history", None)
            if history is not None:
                node = history.operation._inbound_nodes[history.node_index]
                if node not in parents:
                    parents.append(node)
        return parents

    def __repr__(self):
        return f"<Node operation={self.operation.name}, id={id(self)}>"

"""A graph between symbolic inputs and outputs, as something that can be called."""

from __future__ import annotations

import collections

from ranvier import naming, tree
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.operation import Operation
from ranvier.symbolic.probe import compute_output_spec


class Function(Operation):
    """The computation from `inputs` to `outputs`.

    Args:
        inputs: structure of `KerasTensor`s that the graph starts from.
        outputs: structure of `KerasTensor`s that depend on them.
        name: automatic when not given.

    Example:
        >>> x = keras.Input((2,))
        >>> double = keras.Function(x, x * 2)
        >>> double(ops.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, inputs, outputs, name=None):
        super().__init__(name=name or naming.auto_name(type(self).__name__))
        self._set_graph(inputs, outputs)

    def _set_graph(self, inputs, outputs):
        if not tree.flatten(inputs):
            raise ValueError(
                f"`inputs` argument cannot be empty. Received:\ninputs={inputs}\noutputs={outputs}"
            )
        self._inputs_struct = tree.map_structure(lambda x: x, inputs)
        self._outputs_struct = tree.map_structure(lambda x: x, outputs)
        self._inputs = tree.flatten(inputs)
        self._outputs = tree.flatten(outputs)
        if not self._outputs:
            raise ValueError(
                f"`outputs` argument cannot be empty. Received:\ninputs={inputs}\noutputs={outputs}"
            )
        try:
            graph = map_graph(self._inputs, self._outputs)
        except DisconnectedGraph as error:
            path = _disconnected_path(self._inputs, outputs)
            raise ValueError(
                f"Output with path `{path}` is not connected to `inputs`. {error}"
            ) from None
        self._nodes, self._nodes_by_depth, self._operations, self._operations_by_depth = graph
        self._run_order = [
            node
            for depth in sorted(self._nodes_by_depth, reverse=True)
            for node in self._nodes_by_depth[depth]
            if not node.is_input
        ]

    @property
    def operations(self) -> list:
        """Operations of the graph, inputs first."""
        return self._operations[:]

    @property
    def inputs(self) -> list:
        """Flat symbolic inputs."""
        return self._inputs

    @property
    def outputs(self) -> list:
        """Flat symbolic outputs."""
        return self._outputs

    def compute_output_spec(self, inputs, **kwargs):
        """Shapes and dtypes of the outputs for symbolic inputs."""
        self._assert_input_compatibility(inputs)
        return compute_output_spec(lambda x: self._run_through_graph(x, lambda op: op), inputs)

    def compute_output_shape(self, input_shape):
        """Output shapes for input shapes."""
        shapes = [input_shape] if tree.is_shape_tuple(input_shape) else _flat_shapes(input_shape)
        flat = [KerasTensor(s, dtype=x.dtype) for s, x in zip(shapes, self._inputs)]
        spec = self.compute_output_spec(tree.pack_sequence_as(self._inputs_struct, flat))
        return tree.map_structure(lambda x: x.shape, spec)

    def call(self, inputs):
        """Runs the graph."""
        self._assert_input_compatibility(inputs)
        return self._run_through_graph(inputs, lambda op: op)

    def _run_through_graph(self, inputs, operation_fn, call_fn=None):
        values = {}
        for symbol, value in zip(self._inputs, tree.flatten(inputs)):
            values[id(symbol)] = value
        for node in self._run_order:
            if any(id(x) not in values for x in node.arguments.keras_tensors):
                continue
            args, kwargs = node.arguments.fill_in(values)
            op = operation_fn(node.operation)
            out = call_fn(op, *args, **kwargs) if call_fn is not None else op(*args, **kwargs)
            if len(node.outputs) == 1 and not isinstance(out, (list, tuple, dict)):
                values[id(node.outputs[0])] = out
            else:
                for symbol, value in zip(node.outputs, tree.flatten(out)):
                    values[id(symbol)] = value
        results = [values[id(x)] for x in self._outputs]
        return tree.pack_sequence_as(self._outputs_struct, results)

    def _assert_input_compatibility(self, inputs):
        try:
            tree.assert_same_structure(inputs, self._inputs_struct)
        except ValueError:
            raise ValueError(
                "Function was called with an invalid input structure. "
                f"Expected input structure: {self._inputs_struct}\n"
                f"Received input structure: {inputs}"
            ) from None
        for x, symbol in zip(tree.flatten(inputs), self._inputs):
            shape = tuple(x.shape)
            if len(shape) != len(symbol.shape):
                raise ValueError(
                    f"{type(self).__name__} was passed incompatible inputs. For input "
                    f"'{symbol.name}', expected shape {symbol.shape}, but received instead a "
                    f"tensor with shape {shape}."
                )
            for got, want in zip(shape, symbol.shape):
                if want is not None and got is not None and got != want:
                    raise ValueError(
                        f"{type(self).__name__} was passed incompatible inputs. For input "
                        f"'{symbol.name}', expected shape {symbol.shape}, but received instead a "
                        f"tensor with shape {shape}."
                    )


def _flat_shapes(structure):
    shapes = []
    tree.map_shape_structure(lambda shape: shapes.append(tuple(shape)), structure)
    return shapes


def map_graph(inputs, outputs):
    """The nodes and operations between `inputs` and `outputs`, ordered by depth.

    Depth counts calls from the outputs backwards. Within one depth, operations keep the order in
    which a depth-first walk from the outputs first meets them: this is Keras' order of
    `model.layers`, on which weight files depend.
    """
    order, op_indices = _build_map(inputs, outputs)
    given = {id(x) for x in inputs}
    node_depths: dict = {}
    op_depths: dict = {}
    for node in reversed(order):
        depth = max(node_depths.get(node, 0), op_depths.get(node.operation, 0))
        op_depths[node.operation] = depth
        node_depths[node] = depth
        if any(id(x) in given for x in node.outputs):
            continue  # the graph begins here
        for parent in node.parent_nodes:
            node_depths[parent] = max(depth + 1, node_depths.get(parent, 0))
    for tensor in inputs:
        history = getattr(tensor, "_keras_history", None)
        if history is not None and history.operation not in op_indices:
            op_depths[history.operation] = 0
            op_indices[history.operation] = -1
            node_depths[history.operation._inbound_nodes[history.node_index]] = 0
    _drop_producers(given, node_depths, op_depths)
    nodes_by_depth = collections.defaultdict(list)
    for node, depth in node_depths.items():
        nodes_by_depth[depth].append(node)
    ops_by_depth = collections.defaultdict(list)
    for op, depth in op_depths.items():
        ops_by_depth[depth].append(op)
    operations = []
    for depth in sorted(ops_by_depth, reverse=True):
        group = sorted(ops_by_depth[depth], key=lambda op: op_indices[op])
        ops_by_depth[depth] = group
        operations.extend(group)
    _check_connected(inputs, operations, nodes_by_depth)
    _check_unique_names(operations)
    return set(node_depths), nodes_by_depth, operations, ops_by_depth


def _drop_producers(given, node_depths, op_depths):
    """What made an input that is itself a result stands outside of the graph."""
    made = [n for n in node_depths if not n.is_input and all(id(x) in given for x in n.outputs)]
    for node in made:
        del node_depths[node]
    left = {node.operation for node in node_depths}
    for op in {node.operation for node in made} - left:
        del op_depths[op]


class DisconnectedGraph(ValueError):
    """An output that does not come from the inputs alone."""


def _disconnected_path(inputs, outputs) -> str:
    """Where in the structure of the outputs the first one is that the inputs do not reach."""
    for path, tensor in tree.flatten_with_path(outputs):
        try:
            map_graph(inputs, [tensor])
        except DisconnectedGraph:
            return ".".join(map(str, path))
    return ""


def _build_map(inputs, outputs):
    finished, in_progress, order, op_indices = set(), set(), [], {}
    input_ids = {id(x) for x in inputs}

    def visit(tensor):
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            raise DisconnectedGraph(
                f"{tensor} is not the output of an operation on them, the graph is disconnected."
            )
        stack = [[history, None, id(tensor)]]
        while stack:
            frame = stack[-1]
            op, node_index, _ = frame[0]
            node = op._inbound_nodes[node_index]
            if frame[1] is None:
                if node in finished:
                    stack.pop()
                    continue
                if node in in_progress:
                    raise ValueError(
                        f"Tensor {tensor} from operation '{op.name}' is part of a cycle."
                    )
                if op not in op_indices:
                    op_indices[op] = len(op_indices)
                in_progress.add(node)
                stops = node.is_input or frame[2] in input_ids
                frame[1] = iter(() if stops else node.arguments.keras_tensors)
            child = next(frame[1], None)
            if child is not None:
                if getattr(child, "_keras_history", None) is None:
                    if id(child) in input_ids:
                        continue  # a bare symbolic tensor where the graph begins
                    raise ValueError(
                        f"Graph disconnected: {child}, an argument of operation '{op.name}', is "
                        "not reachable from the inputs."
                    )
                stack.append([child._keras_history, None, id(child)])
                continue
            finished.add(node)
            in_progress.discard(node)
            order.append(node)
            stack.pop()

    for tensor in outputs:
        if id(tensor) not in input_ids or hasattr(tensor, "_keras_history"):
            visit(tensor)
    return order, op_indices


def _check_connected(inputs, operations, nodes_by_depth):
    known = {id(x) for x in inputs}
    done = []
    for depth in sorted(nodes_by_depth, reverse=True):
        for node in nodes_by_depth[depth]:
            if node.is_input and not any(id(o) in known for o in node.outputs):
                raise DisconnectedGraph(
                    "Graph disconnected: the outputs depend on the input "
                    f"'{node.operation.name}', which is not among the inputs."
                )
            for tensor in node.input_tensors:
                if id(tensor) not in known and not any(id(o) in known for o in node.outputs):
                    raise DisconnectedGraph(
                        f"Graph disconnected: cannot find parent for tensor {tensor} at operation "
                        f"'{node.operation.name}'. The following previous operations were accessed "
                        f"without issue: {done}"
                    )
            known.update(id(x) for x in node.outputs)
            done.append(node.operation.name)


def _check_unique_names(operations):
    counts = collections.Counter(op.name for op in operations)
    for name, count in counts.items():
        if count != 1:
            raise ValueError(
                f'The name "{name}" is used {count} times in the model. All operation names should '
                "be unique."
            )

"""The config of a functional model: its graph as data, both ways (Keras' file layout)."""

from __future__ import annotations

from ranvier import serialization, tree
from ranvier.layers.core.input_layer import InputLayer
from ranvier.models.functional import Functional
from ranvier.models.sequential import Sequential
from ranvier.symbolic.keras_tensor import KerasTensor


def functional_config(model) -> dict:
    """`name`, `trainable`, `layers` with their calls, `input_layers`, `output_layers`."""
    # Node numbers count only the calls that belong to this model.
    numbers = {}
    for operation in model.operations:
        kept = 0
        for index, node in enumerate(operation._inbound_nodes):
            if node in model._nodes:
                numbers[(id(operation), index)] = kept
                kept += 1
    layers = []
    for operation in model.operations:
        entry = serialization.serialize_keras_object(operation)
        calls = []
        if not isinstance(operation, InputLayer):
            for index, node in enumerate(operation._inbound_nodes):
                if (id(operation), index) in numbers:
                    calls.append(_call_config(node, numbers))
        entry["name"] = operation.name
        entry["inbound_nodes"] = calls
        layers.append(entry)

    def place(x):
        operation, node_index, tensor_index = x._keras_history
        number = numbers[(id(operation), node_index)] + _own_calls(operation)
        return _Triple([operation.name, number, tensor_index])

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": _plain(tree.map_structure(place, model._inputs_struct)),
        "output_layers": _plain(tree.map_structure(place, model._outputs_struct)),
    }


class _Triple:
    """A place in the graph; no container, so that walks stop at it."""

    def __init__(self, values):
        self.values = values


def _plain(structure):
    return tree.map_structure(lambda t: t.values, structure)


def _call_config(node, numbers):
    def write(x):
        if not isinstance(x, KerasTensor):
            return serialization.serialize_keras_object(x)
        operation, node_index, tensor_index = x._keras_history
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": x.shape,
                "dtype": x.dtype,
                "keras_history": [
                    operation.name,
                    numbers.get((id(operation), node_index), 0),
                    tensor_index,
                ],
            },
        }

    return {
        "args": tree.map_structure(write, node.arguments.args),
        "kwargs": {k: tree.map_structure(write, v) for k, v in node.arguments.kwargs.items()},
    }


def functional_from_config(cls, config, custom_objects=None):
    """The model that `functional_config` describes."""
    graph = _Graph(config["layers"], custom_objects)
    extra = {
        k: v
        for k, v in config.items()
        if k not in ("name", "trainable", "layers", "input_layers", "output_layers", "dtype")
    }
    return cls(
        inputs=_read_places(config["input_layers"], graph.tensor),
        outputs=_read_places(config["output_layers"], graph.tensor),
        name=config.get("name"),
        trainable=config.get("trainable", True),
        **extra,
    )


class _Graph:
    """Operations by name, made and called as their entries say. Calls of an operation that another
    model shares do not count here."""

    def __init__(self, entries, custom_objects=None):
        calls = [call for entry in entries for call in entry.get("inbound_nodes", [])]
        self.of_keras_2 = any(isinstance(call, list) for call in calls)
        self.operations: dict = {}
        self.nodes: dict[str, list] = {}
        waiting: list = []
        for entry in entries:
            name = entry.get("name") or entry["config"]["name"]
            operation = self.operations[name] = _make_operation(entry, custom_objects)
            is_input = isinstance(operation, InputLayer)
            self.nodes[name] = operation._inbound_nodes[:1] if is_input else []
            waiting += [(name, i, call) for i, call in enumerate(entry.get("inbound_nodes", []))]
        while waiting:
            later = [call for call in waiting if not self._make(*call)]
            if len(later) == len(waiting):
                _refuse_graph(later, self.operations)
            waiting = later

    def _make(self, name, index, call) -> bool:
        """Makes a call, unless it comes after others or its arguments are not made yet."""
        operation = self.operations[name]
        arguments = self._arguments(call) if index == len(self.nodes[name]) else None
        if arguments is None:
            return False
        args, kwargs = arguments
        if type(operation).__name__ == "GetItem" and len(args) > 1 and isinstance(args[1], list):
            args[1] = tuple(args[1])  # JSON has no tuples; an index of several axes is one
        operation(*args, **kwargs)
        self.nodes[name].append(operation._inbound_nodes[-1])
        return True

    def tensor(self, place):
        """An output of a call, as `input_layers` and `output_layers` name it."""
        name, number, index = place[:3]
        if name not in self.operations:
            raise ValueError(f"The graph of the model names a layer '{name}' that is not there.")
        own = _own_calls(self.operations[name], self.of_keras_2)
        found = self._output(name, number - own, index)
        if found is None:
            raise ValueError(
                f"The graph of the model names output {index} of call {number} of '{name}', which "
                "is not there."
            )
        return found

    def _output(self, name, call, index):
        nodes = self.nodes.get(name, [])
        outputs = nodes[call].outputs if 0 <= call < len(nodes) else []
        return outputs[index] if 0 <= index < len(outputs) else None

    def _arguments(self, call):
        """The arguments of a call, or `None` while a tensor among them is not made yet."""
        if isinstance(call, list):
            return self._arguments_of_keras_2(call)
        missing = False

        def read(x):
            nonlocal missing
            if isinstance(x, dict):
                if x.get("class_name") == "__keras_tensor__":
                    found = self._output(*x["config"]["keras_history"])
                    missing = missing or found is None
                    return tree.MAP_TO_NONE if found is None else found
                if "class_name" in x and "config" in x:
                    found = serialization.deserialize_keras_object(x)
                    return tree.MAP_TO_NONE if found is None else found
            return None

        args = tree.traverse(read, call.get("args", []))
        kwargs = {k: tree.traverse(read, v) for k, v in call.get("kwargs", {}).items()}
        return None if missing else (list(args), kwargs)

    def _arguments_of_keras_2(self, call):
        """Of a list of `[layer, node, tensor, kwargs]`."""
        entries = [call] if call and isinstance(call[0], str) else call
        tensors = [
            self._output(name, number - _own_calls(self.operations.get(name), True), index)
            for name, number, index in (entry[:3] for entry in entries)
        ]
        if any(t is None for t in tensors):
            return None
        kwargs = entries[0][3] if len(entries[0]) > 3 else {}
        return [tensors[0] if len(tensors) == 1 else tensors], {
            k: v for k, v in kwargs.items() if v is not None
        }


def _refuse_graph(waiting, made):
    """Says which call of a graph can never be made: its tensors are of no layer, or its own."""
    names = sorted({name for name, _, _ in waiting})
    asked = {name for _, _, call in waiting for name in _names_in(call)}
    missing = ", ".join(sorted(asked - made.keys()))
    reason = f"Missing node: {missing}" if missing else "The calls form a loop"
    raise ValueError(
        f"The graph of the model cannot be read: the inputs of {names} are never made. {reason}."
    )


def _names_in(call):
    """The layers whose outputs a call takes, in either layout of a call."""
    if isinstance(call, list):
        return [entry[0] for entry in ([call] if call and isinstance(call[0], str) else call)]
    found = []

    def note(x):
        if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
            found.append(x["config"]["keras_history"][0])
            return tree.MAP_TO_NONE
        return None

    tree.traverse(note, [call.get("args", []), call.get("kwargs", {})])
    return found


def _own_calls(operation, keras_2=False) -> int:
    """Calls that Keras counts before the first one, in `input_layers` and `output_layers`: of a
    functional model its own graph. Keras 2 counts it everywhere, and of `Sequential` too."""
    return 1 if isinstance(operation, (Functional, Sequential) if keras_2 else Functional) else 0


def _make_operation(entry, custom_objects):
    if "module" not in entry and "registered_name" not in entry:
        entry = {**entry, "module": None, "registered_name": None}
    entry = {k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")}
    operation = serialization.deserialize_keras_object(entry, custom_objects=custom_objects)
    if not hasattr(operation, "_inbound_nodes"):
        raise ValueError(
            f"Unexpected object from deserialization, expected a layer or operation, got a "
            f"{type(operation)}"
        )
    return operation


def _read_places(structure, tensor):
    if _is_place(structure):
        return tensor(structure)
    if isinstance(structure, dict):
        return {k: _read_places(v, tensor) for k, v in structure.items()}
    return type(structure)([_read_places(v, tensor) for v in structure])


def _is_place(x):
    return (
        isinstance(x, (list, tuple))
        and len(x) in (3, 4)
        and isinstance(x[0], str)
        and isinstance(x[1], int)
    )

"""The config of a functional model: its graph as data, both ways (Keras' file layout)."""

from __future__ import annotations

from ranvier import serialization, tree
from ranvier.layers.core.input_layer import InputLayer
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
        return _Triple([operation.name, numbers[(id(operation), node_index)], tensor_index])

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
    made: dict = {}
    waiting: list = []
    for entry in config["layers"]:
        operation = _make_operation(entry, custom_objects)
        made[entry.get("name") or entry["config"]["name"]] = operation
        for index, call in enumerate(entry.get("inbound_nodes", [])):
            waiting.append((operation, index, call))
    while waiting:
        later = []
        for operation, index, call in waiting:
            ready = index == len(operation._inbound_nodes) - _offset(operation)
            arguments = _read_call(call, made) if ready else None
            if arguments is None:
                later.append((operation, index, call))
                continue
            args, kwargs = arguments
            if (
                type(operation).__name__ == "GetItem"
                and len(args) > 1
                and isinstance(args[1], list)
            ):
                # JSON has no tuples; an index of several axes is one.
                args[1] = tuple(args[1])
            operation(*args, **kwargs)
        if len(later) == len(waiting):
            _refuse_graph(later, made)
        waiting = later

    def tensor(place):
        name, node_index, tensor_index = place[0], place[1], place[2]
        if name not in made:
            raise ValueError(f"The graph of the model names a layer '{name}' that is not there.")
        operation = made[name]
        nodes = operation._inbound_nodes
        position = node_index + (0 if isinstance(operation, InputLayer) else _offset(operation))
        if not 0 <= position < len(nodes) or not 0 <= tensor_index < len(nodes[position].outputs):
            raise ValueError(
                f"The graph of the model names output {tensor_index} of call {node_index} of "
                f"'{name}', which is not there."
            )
        return nodes[position].outputs[tensor_index]

    extra = {
        k: v
        for k, v in config.items()
        if k not in ("name", "trainable", "layers", "input_layers", "output_layers")
    }
    extra.pop("dtype", None)
    model = cls(
        inputs=_read_places(config["input_layers"], tensor),
        outputs=_read_places(config["output_layers"], tensor),
        name=config.get("name"),
        trainable=config.get("trainable", True),
        **extra,
    )
    return model


def _refuse_graph(waiting, made):
    """Says which call of a graph can never be made: its tensors are of no layer, or its own."""
    names = sorted({operation.name for operation, _, _ in waiting})
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


def _offset(operation) -> int:
    """Calls that an operation has from its construction (an input layer's own)."""
    return 1 if isinstance(operation, InputLayer) else 0


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


def _find(place, made):
    name, node_index, tensor_index = place[:3]
    operation = made.get(name)
    if operation is None or node_index >= len(operation._inbound_nodes):
        return None
    outputs = operation._inbound_nodes[node_index].outputs
    return outputs[tensor_index] if tensor_index < len(outputs) else None


def _read_call(call, made):
    """The arguments of a call, or `None` while a tensor among them is not made yet."""
    if isinstance(call, list):
        return _read_old_call(call, made)
    missing = False

    def read(x):
        nonlocal missing
        if isinstance(x, dict):
            if x.get("class_name") == "__keras_tensor__":
                found = _find(x["config"]["keras_history"], made)
                missing = missing or found is None
                return tree.MAP_TO_NONE if found is None else found
            if "class_name" in x and "config" in x:
                found = serialization.deserialize_keras_object(x)
                return tree.MAP_TO_NONE if found is None else found
        return None

    args = tree.traverse(read, call.get("args", []))
    kwargs = {k: tree.traverse(read, v) for k, v in call.get("kwargs", {}).items()}
    return None if missing else (list(args), kwargs)


def _read_old_call(call, made):
    """Keras 2: a list of `[layer, node, tensor, kwargs]`."""
    entries = [call] if call and isinstance(call[0], str) else call
    tensors = [_find(entry, made) for entry in entries]
    if any(t is None for t in tensors):
        return None
    kwargs = entries[0][3] if len(entries[0]) > 3 else {}
    return [tensors[0] if len(tensors) == 1 else tensors], {
        k: v for k, v in kwargs.items() if v is not None
    }


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

"""The table that `Model.summary()` prints."""

from __future__ import annotations

import math
import shutil

from ranvier import tree


def print_summary(model, line_length=None, print_fn=None, expand_nested=False, show_trainable=False,
                  layer_range=None):  # fmt: skip
    """Prints a table of the layers, the totals, and the cost of a compiled step."""
    graph = getattr(model, "_functional", None) or model
    chain = not hasattr(graph, "_nodes_by_depth") or all(
        len(nodes) == 1 and len(nodes[0].input_tensors) <= 1
        for nodes in graph._nodes_by_depth.values()
    )
    header = ["Layer (type)", "Output Shape", "Param #"]
    if not chain:
        header.append("Connected to")
    if show_trainable:
        header.append("Trainable")
    rows = []
    layers = getattr(graph, "operations", None) if not chain else None
    for layer in _in_range(layers or model.layers, layer_range):
        _add_rows(rows, layer, graph, chain, show_trainable, expand_nested, 0)
    width = line_length or min(max(shutil.get_terminal_size((100, 24)).columns, 80), 110)
    lines = [
        f'Model: "{model.name}"',
        *_table(header, rows, width),
        *_totals(model),
        *_step_cost(model),
    ]
    (print_fn or print)("\n".join(lines))


def _in_range(layers, bounds):
    if not bounds:
        return layers
    import re

    if len(bounds) != 2 or not all(isinstance(b, str) for b in bounds):
        raise ValueError("layer_range must be a list or tuple of length 2 with string elements. "
                         f"Received: layer_range={bounds}")  # fmt: skip
    names = [layer.name for layer in layers]
    found = [[i for i, n in enumerate(names) if re.match(b, n)] for b in bounds]
    if not found[0] or not found[1]:
        raise ValueError("Passed layer_names do not match the layer names in the model. "
                         f"Received: {bounds}")  # fmt: skip
    return layers[min(min(found[0]), min(found[1])) : max(max(found[0]), max(found[1])) + 1]


def _add_rows(rows, layer, graph, chain, show_trainable, expand_nested, depth):
    indent = "  " * depth + ("└ " if depth else "")
    row = [f"{indent}{layer.name} ({type(layer).__name__})", _shape_of(layer), _params_of(layer)]
    if not chain:
        row.append(_connections(layer, graph))
    if show_trainable:
        row.append("Y" if getattr(layer, "trainable", True) and getattr(layer, "weights", None) else
                   "N" if getattr(layer, "weights", None) else "-")  # fmt: skip
    rows.append(row)
    if expand_nested and hasattr(layer, "layers"):
        for inner in layer.layers:
            _add_rows(rows, inner, graph, chain, show_trainable, True, depth + 1)


def _shape_of(layer) -> str:
    nodes = layer._inbound_nodes
    if nodes:
        shapes = [x.shape for x in nodes[0].output_tensors]
        return ", ".join(str(s) for s in shapes) if shapes else "?"
    if hasattr(layer, "output_shape"):
        try:
            return str(layer.output_shape)
        except AttributeError:
            return "?"
    built_with = getattr(layer, "_build_shapes_dict", None)
    if layer.built and built_with:
        try:
            out = layer.compute_output_shape(**built_with)
        except (TypeError, ValueError, NotImplementedError, RuntimeError):
            return "?"
        return str(out)
    return "?"


def _params_of(layer) -> str:
    if not hasattr(layer, "built"):
        return "0"
    if not layer.built:
        return "0 (unbuilt)"
    return f"{layer.count_params():,}"


def _connections(layer, graph) -> str:
    names = []
    for node in layer._inbound_nodes:
        if node not in graph._nodes:
            continue
        for x in node.input_tensors:
            operation, node_index, tensor_index = x._keras_history
            names.append(f"{operation.name}[{node_index}][{tensor_index}]")
    return ", ".join(names) or "-"


def _table(header, rows, width) -> list:
    count = len(header)
    natural = [max(len(str(r[i])) for r in [header, *rows]) for i in range(count)]
    room = width - 3 * count - 1
    if sum(natural) > room:
        largest = max(room // count, 12)
        over = sum(max(n - largest, 0) for n in natural)
        spare = room - sum(min(n, largest) for n in natural)
        natural = [
            n if n <= largest else largest + max(0, spare) * (n - largest) // max(over, 1)
            for n in natural
        ]

    def rule(left, middle, right, bar):
        return left + middle.join(bar * (n + 2) for n in natural) + right

    def line(values, edge):
        wrapped = [_wrap(str(v), n) for v, n in zip(values, natural)]
        out = []
        for i in range(max(len(w) for w in wrapped)):
            cells = []
            for column, (w, n) in enumerate(zip(wrapped, natural)):
                text = w[i] if i < len(w) else ""
                cells.append(f" {text.rjust(n) if column == 2 else text.ljust(n)} ")
            out.append(edge + edge.join(cells) + edge)
        return out

    lines = [rule("┏", "┳", "┓", "━"), *line(header, "┃"), rule("┡", "╇", "┩", "━")]
    for i, row in enumerate(rows):
        if i:
            lines.append(rule("├", "┼", "┤", "─"))
        lines.extend(line(row, "│"))
    lines.append(rule("└", "┴", "┘", "─"))
    return lines


def _wrap(text, width) -> list:
    return [text[i : i + width] for i in range(0, max(len(text), 1), width)]


def readable_bytes(size: float) -> str:
    """`4.82 KB`: two decimals and a unit, in steps of 1,024."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if abs(size) < 1024 or unit == "TB":
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""


def _bytes_of(variables) -> int:
    return sum(v.size * _item_bytes(v._dtype) for v in variables)


def _item_bytes(dtype) -> int:
    digits = "".join(c for c in dtype if c.isdigit())
    return (
        1
        if dtype == "bool"
        else max(int(digits) // 8, 1)
        if digits and "float8" not in dtype
        else 1
    )


def _totals(model) -> list:
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    rows = [("Total params", [*trainable, *frozen])]
    optimizer = getattr(model, "optimizer", None)
    extra = (
        list(optimizer.variables)
        if optimizer is not None and getattr(optimizer, "built", False)
        else []
    )
    if extra:
        rows[0] = ("Total params", [*trainable, *frozen, *extra])
    rows += [("Trainable params", trainable), ("Non-trainable params", frozen)]
    if extra:
        rows.append(("Optimizer params", extra))
    return [
        f" {name}: {sum(v.size for v in group):,} ({readable_bytes(_bytes_of(group))})"
        for name, group in rows
    ]


def _step_cost(model) -> list:
    """FLOPs and planned peak memory of the compiled steps, for those that were compiled."""
    lines = []
    for mode, function in getattr(model, "_functions", {}).items():
        stats = function.stats() if hasattr(function, "stats") else None
        if not stats:
            continue
        lines.append(
            f" Compiled {mode} step: {_engineering(stats.get('flops', 0))}FLOP, planned peak "
            "memory "
            f"{readable_bytes(stats.get('arena_bytes', 0))}"
        )
    return lines


def _engineering(value) -> str:
    if value <= 0:
        return "0 "
    power = min(int(math.log10(value)) // 3, 4)
    return f"{value / 1000**power:.2f} {['', 'k', 'M', 'G', 'T'][power]}"


def count_params(weights) -> int:
    """Number of elements of the distinct variables in a structure."""
    return sum({id(v): v.size for v in tree.flatten(weights)}.values())

"""The table that `Model.summary()` prints."""

from __future__ import annotations

import math
import re
import shutil

from ranvier import tree
from ranvier.layers.layer import Layer

# Where columns end, as shares of the line; the length of a line unless told otherwise.
_CHAIN, _CHAIN_LENGTH = (0.45, 0.80, 1.0), 88
_GRAPH, _GRAPH_LENGTH = (0.30, 0.56, 0.74, 1.0), 108


def print_summary(model, line_length=None, positions=None, print_fn=None, expand_nested=False,
                  show_trainable=False, layer_range=None):  # fmt: skip
    """Prints a table of the layers, the totals, and the cost of a compiled step.

    Args:
        model: the model.
        line_length: characters per line; by default 88 (108 with connections), if the terminal
            has as many. Longer lines of the table are cut at its end.
        positions: where columns end, as shares of the line.
        print_fn: takes the text in place of standard output.
        expand_nested, show_trainable, layer_range: see `Model.summary`.

    Raises:
        ValueError: a line too short, or names that no layer has.
    """
    chain = _is_chain(model)
    header = ["Layer (type)", "Output Shape", "Param #"] + ([] if chain else ["Connected to"])
    ends = list(positions or (_CHAIN if chain else _GRAPH))
    length = _CHAIN_LENGTH if chain else _GRAPH_LENGTH
    if show_trainable:
        header.append("Trainable")
        ends, length = [p * 0.9 for p in ends] + [1.0], length + 12
    terminal = shutil.get_terminal_size().columns
    length = line_length or min(length, terminal - 4)
    rows: list = []
    layers = model.operations if hasattr(model, "_nodes_by_depth") else model.layers
    for layer in _in_range(layers, layer_range):
        _add_rows(rows, layer, model, chain, show_trainable, expand_nested, 0)
    lines = [
        f'Model: "{model.name}"',
        *(line[:terminal] for line in _table(header, rows, _column_widths(ends, length))),
        *_totals(model),
        *_step_cost(model),
    ]
    text = "\n".join(lines) + "\n"
    if print_fn is None:
        print(text, end="")
    else:
        print_fn(text)


def _is_chain(model) -> bool:
    """Whether every layer has one input and is called once."""
    if not hasattr(model, "_nodes_by_depth"):
        return True
    levels = model._nodes_by_depth.values()
    if any(len(nodes) > 1 or len(nodes[0].input_tensors) > 1 for nodes in levels):
        return False
    return all(
        sum(node in model._nodes for node in layer._inbound_nodes) <= 1 for layer in model.layers
    )


def _column_widths(ends, length) -> list:
    """Characters per column, without the space and line at each side.

    Every column gives up its share of what borders take, rounded column by column.
    """
    cuts = [0, *(int(p * length) for p in ends)]
    widths = [b - a for a, b in zip(cuts, cuts[1:])]
    if min(widths) < 4:
        raise ValueError("Insufficient console width to print summary.")
    excess = 3 * len(widths) + 1
    found = []
    for i, width in enumerate(widths):
        given = min(width, round(excess / (len(widths) - i)))
        excess -= given
        found.append(max(width - given, 1))
    return found


def _in_range(layers, bounds):
    if not bounds:
        return layers
    if len(bounds) != 2 or not all(isinstance(b, str) for b in bounds):
        raise ValueError("layer_range must be a list or tuple of length 2 with string elements. "
                         f"Received: layer_range={bounds}")  # fmt: skip
    names = [layer.name for layer in layers]
    found = [[i for i, n in enumerate(names) if re.match(b, n)] for b in bounds]
    if not found[0] or not found[1]:
        raise ValueError("Passed layer_names do not match the layer names in the model. "
                         f"Received: {bounds}")  # fmt: skip
    first, last = min(found[0]), max(found[1])
    if first > last:
        first, last = min(found[1]), max(found[0])
    return layers[first : last + 1]


def _add_rows(rows, layer, graph, chain, show_trainable, expand_nested, depth):
    indent = "   " * depth + ("└ " if depth else "")
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
        shapes = tree.map_structure(lambda x: tuple(x.shape), nodes[-1].outputs)
        return _shape_text(shapes)
    if hasattr(layer, "output_shape"):
        try:
            return f"({', '.join(map(str, layer.output_shape))})"
        except AttributeError:
            return "?"
    built_with = getattr(layer, "_build_shapes_dict", None)
    if layer.built and built_with and _has_shape_rule(layer):
        try:
            return _shape_text(layer.compute_output_shape(**built_with))
        except (TypeError, ValueError, NotImplementedError, RuntimeError):
            return "?"
    return "?"


def _has_shape_rule(layer) -> bool:
    """Not for a layer written on the bare `Layer`: Keras shows no shape without its method."""
    kind = type(layer)
    if kind.compute_output_shape is not Layer.compute_output_shape:
        return True
    package = __name__.partition(".")[0] + "."
    nearest = next(c for c in kind.__mro__ if c.__module__.startswith(package))
    return nearest is not Layer


def _shape_text(shapes) -> str:
    """`(None, 3)`; several in their structure: `[(None), (None, 3)]`, as Keras writes them."""
    texts = tree.map_shape_structure(lambda s: f"({', '.join(map(str, s))})", shapes)
    flat = tree.flatten(texts)
    return flat[0] if len(flat) == 1 else str(texts).replace("'", "")


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


def _table(header, rows, widths) -> list:
    def rule(left, middle, right, bar):
        return left + middle.join(bar * (n + 2) for n in widths) + right

    def line(values, edge):
        wrapped = [_wrap(str(v), n) for v, n in zip(values, widths)]
        height = max(len(w) for w in wrapped)
        blank = [[""] * (height - len(w)) for w in wrapped]
        # Titles stand at the bottom of their cells.
        wrapped = [b + w if values is header else w + b for w, b in zip(wrapped, blank)]
        out = []
        for i in range(height):
            cells = [
                f" {_justify(w[i], n, title)} " for w, n, title in zip(wrapped, widths, header)
            ]
            out.append(edge + edge.join(cells) + edge)
        return out

    lines = [rule("┏", "┳", "┓", "━"), *line(header, "┃"), rule("┡", "╇", "┩", "━")]
    for i, row in enumerate(rows):
        if i:
            lines.append(rule("├", "┼", "┤", "─"))
        lines.extend(line(row, "│"))
    lines.append(rule("└", "┴", "┘", "─"))
    return lines


def _justify(text, width, title) -> str:
    if title == "Param #":
        return text.rjust(width)
    if title == "Trainable":
        return (" " * ((width - len(text)) // 2) + text).ljust(width)
    return text.ljust(width)


def _wrap(text, width) -> list:
    """Lines broken between words; a word that is longer than a line ends in an ellipsis."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", text):
        if len(lines[-1]) + len(word.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += word
    lines = [x.rstrip() for x in lines]
    return [x if len(x) <= width else x[: width - 1] + "…" for x in lines]


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
            f"memory {readable_bytes(stats.get('arena_bytes', 0))}{_held_text(stats)}"
        )
    return lines


def _held_text(stats) -> str:
    held = stats.get("prologue_bytes", 0)
    return f", held by its prologue {readable_bytes(held)}" if held else ""


def _engineering(value) -> str:
    if value <= 0:
        return "0 "
    power = min(int(math.log10(value)) // 3, 4)
    return f"{value / 1000**power:.2f} {['', 'k', 'M', 'G', 'T'][power]}"


def count_params(weights) -> int:
    """Number of elements of the distinct variables in a structure."""
    return sum({id(v): v.size for v in tree.flatten(weights)}.values())

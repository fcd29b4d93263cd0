"""Pictures of models: their graph in the language of Graphviz."""

from __future__ import annotations

import html
import os

from ranvier import tree
from ranvier.models.functional import Functional
from ranvier.models.sequential import Sequential

_GRAPHS = (Functional, Sequential)


def model_to_dot(
    model,
    show_shapes=False,
    show_dtype=False,
    show_layer_names=True,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    subgraph=False,
    show_layer_activations=False,
    show_trainable=False,
    splines="ortho",
    **kwargs,
):
    """The graph of a model as a `pydot` object.

    Args:
        model: a built model; a subclassed one is a single box.
        show_shapes, show_dtype: of inputs and outputs.
        show_layer_names: besides the classes.
        rankdir: `"TB"` from top to bottom, `"LR"` from left to right.
        expand_nested: whether nested models are drawn layer by layer.
        dpi: dots per inch.
        subgraph: whether a `pydot.Cluster` is made.
        show_layer_activations: names of activations.
        show_trainable: whether weights are trained.
        splines: how edges run, as Graphviz names it.

    Returns:
        `pydot.Dot`, or `pydot.Cluster` with `subgraph=True`.

    Raises:
        ImportError: pydot is not installed.
        ValueError: the model is not built, or an unknown argument.
    """
    _check(model, kwargs)
    pydot = _import_pydot("model_to_dot")
    if subgraph:
        dot = pydot.Cluster(style="dashed", graph_name=model.name)
        dot.set("label", model.name)
        dot.set("labeljust", "l")
    else:
        dot = pydot.Dot()
        for key, value in (("rankdir", rankdir), ("concentrate", True), ("dpi", dpi),
                           ("splines", splines)):  # fmt: skip
            dot.set(key, value)
        dot.set_node_defaults(shape="record")
    shown = {
        "show_shapes": show_shapes, "show_dtype": show_dtype, "show_layer_names": show_layer_names,
        "show_layer_activations": show_layer_activations, "show_trainable": show_trainable,
    }  # fmt: skip
    if not isinstance(model, _GRAPHS):
        dot.add_node(_node(pydot, model, shown))
        return dot
    chained = isinstance(model, Sequential)
    operations = model.layers if chained else model.operations
    for operation in operations:
        if expand_nested and isinstance(operation, _GRAPHS):
            dot.add_subgraph(
                model_to_dot(operation, rankdir=rankdir, expand_nested=True, subgraph=True, **shown)
            )
        else:
            dot.add_node(_node(pydot, operation, shown))
    edges = zip(operations, operations[1:]) if chained else _edges(model)
    for source, target in edges:
        if expand_nested:
            source, target = _last(source), _first(target)
        _add_edge(pydot, dot, source, target)
    return dot


def plot_model(
    model,
    to_file="model.png",
    show_shapes=False,
    show_dtype=False,
    show_layer_names=False,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    show_layer_activations=False,
    show_trainable=False,
    splines="ortho",
    **kwargs,
):
    """Draws a model into a file.

    Args:
        model: a built model.
        to_file: its ending names the format.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi: see `model_to_dot`.
        show_layer_activations, show_trainable, splines: see `model_to_dot`.

    Returns:
        In a notebook the picture, else `None`.

    Raises:
        ImportError: pydot or Graphviz is not installed.
        ValueError: the model is not built, or an unknown argument.
    """
    _check(model, kwargs)
    pydot = _import_pydot("plot_model")
    if not _has_graphviz(pydot):
        raise ImportError(
            "You must install graphviz (see instructions at https://graphviz.gitlab.io/download/) "
            "for `plot_model` to work. Hint: `model_to_dot` gives the text without it."
        )
    dot = model_to_dot(
        model, show_shapes=show_shapes, show_dtype=show_dtype, show_layer_names=show_layer_names,
        rankdir=rankdir, expand_nested=expand_nested, dpi=dpi,
        show_layer_activations=show_layer_activations, show_trainable=show_trainable,
        splines=splines,
    )  # fmt: skip
    path = os.fspath(to_file)
    extension = os.path.splitext(path)[1][1:] or "png"
    dot.write(path, format=extension)
    if extension == "pdf":
        return None
    try:
        from IPython import display
    except ImportError:
        return None
    return display.Image(filename=path)


def _import_pydot(name):
    try:
        import pydot
    except ImportError:
        raise ImportError(
            f"You must install pydot (`pip install pydot`) for `{name}` to work."
        ) from None
    return pydot


def _has_graphviz(pydot) -> bool:
    try:
        pydot.Dot().create()
    except (OSError, pydot.PydotException):
        return False
    return True


def _check(model, kwargs):
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by "
            "calling the model on a batch of data."
        )
    if kwargs.pop("layer_range", None) is not None:
        raise ValueError("Argument `layer_range` is no longer supported.")
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")


def _edges(model):
    """Pairs of operations of a functional model, in the order of its graph."""
    for operation in model.operations:
        for node in operation._inbound_nodes:
            if node in model._nodes and not node.is_input:
                for x in node.input_tensors:
                    yield x._keras_history.operation, operation


def _last(operation):
    """The operation whose output a nested model gives."""
    while isinstance(operation, _GRAPHS):
        if isinstance(operation, Sequential):
            operation = operation.layers[-1]
        else:
            operation = operation.outputs[0]._keras_history.operation
    return operation


def _first(operation):
    """The operation that takes a nested model's input."""
    while isinstance(operation, _GRAPHS):
        if isinstance(operation, Sequential):
            operation = operation.layers[0]
        else:
            operation = operation.inputs[0]._keras_history.operation
    return operation


def _add_edge(pydot, dot, source, target):
    ends = str(id(source)), str(id(target))
    if not dot.get_edge(*ends):
        dot.add_edge(pydot.Edge(*ends, penwidth="2"))


def _node(pydot, layer, shown):
    return pydot.Node(
        str(id(layer)), label=_label(layer, **shown), fontname="Helvetica", border="0", margin="0"
    )


def _label(layer, show_shapes, show_dtype, show_layer_names, show_layer_activations,
           show_trainable):  # fmt: skip
    """A table in Graphviz' HTML: a head, the activation, a row of properties."""
    class_name = type(layer).__name__
    cells = []
    if show_shapes:
        if class_name != "InputLayer":
            cells.append(_cell("Input shape", _property(layer, "input", "shape")))
        cells.append(_cell("Output shape", _property(layer, "output", "shape")))
    if show_dtype:
        cells.append(_cell("Output dtype", _property(layer, "output", "dtype")))
    if show_trainable and getattr(layer, "weights", None):
        color, word = (
            ("forestgreen", "Trainable") if layer.trainable else ("firebrick", "Non-trainable")
        )
        cells.append(
            f'<td bgcolor="{color}"><font point-size="14" color="white"><b>{word}</b></font></td>'
        )
    span = max(1, len(cells))
    head = f"<b>{class_name}</b>"
    if show_layer_names:
        head = f"<b>{html.escape(layer.name)}</b> ({class_name})"
    rows = [f'<td colspan="{span}" bgcolor="black"><font point-size="16" color="white">{head}'
            "</font></td>"]  # fmt: skip
    activation = getattr(layer, "activation", None)
    if show_layer_activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", str(activation))
        rows.append(_cell("Activation", name, span))
    if cells:
        rows.append("".join(cells))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{body}</table>>'


def _cell(title, value, span=1):
    extra = f' colspan="{span}"' if span > 1 else ""
    text = html.escape(str(value))
    return f'<td bgcolor="white"{extra}><font point-size="14">{title}: <b>{text}</b></font></td>'


def _property(layer, side, name):
    """Shapes or dtypes of a layer's inputs or outputs; `?` where it has no graph."""
    try:
        found = tree.map_structure(lambda x: getattr(x, name), getattr(layer, side))
    except (AttributeError, ValueError):
        return "?"
    if isinstance(found, dict):
        return ", ".join(f"{key}: {value}" for key, value in found.items())
    return str(found)

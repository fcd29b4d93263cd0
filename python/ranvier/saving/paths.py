"""Where each object's variables are in a weights file: one walk serves writing and reading.

Children are addressed by attribute name, and inside containers by class name in snake case with a
counter (Keras' rule). Each object is stored at the first path that reaches it.
"""

from __future__ import annotations

import functools
import re

from ranvier.layers.layer import Layer
from ranvier.losses.loss import Loss
from ranvier.metrics.metric import Metric
from ranvier.optimizers.base import Optimizer
from ranvier.symbolic.operation import Operation

_SAVEABLE = (Operation, Metric, Loss, Optimizer)
_PACKAGE = __name__.partition(".")[0]

# Attributes in which models keep what `layers` already reaches, or what is not stored.
_MODEL_PRIVATE = frozenset({
    "operations", "_operations", "_operations_by_depth", "_nodes", "_nodes_by_depth", "_run_order",
    "_inputs", "_outputs", "_inputs_struct", "_outputs_struct", "_functional", "_chain",
    "_functions", "_compile_loss", "_compile_metrics", "_loss_tracker", "_compile_config",
    "_predict_fast", "inputs", "outputs", "input", "output", "metrics", "loss", "losses",
})  # fmt: skip


def to_snake_case(name: str) -> str:
    """`GlobalAveragePooling2D` → `global_average_pooling2d`, as Keras has it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


@functools.cache
def _layer_attributes() -> frozenset:
    return frozenset(dir(Layer(name="reference")))


@functools.cache
def _optimizer_attributes() -> frozenset:
    return frozenset(dir(Optimizer(1.0, name="reference"))) - {"variables"}


def _is_graph(obj) -> bool:
    names = ("Sequential", "Functional")
    return any(
        c.__name__ in names and c.__module__.startswith(f"{_PACKAGE}.models")
        for c in type(obj).__mro__
    )


def _children(obj):
    if isinstance(obj, Optimizer):
        skipped = _optimizer_attributes()
    elif isinstance(obj, Layer):
        skipped = _layer_attributes()
        if hasattr(obj, "optimizer") or hasattr(obj, "layers"):
            skipped = skipped | _MODEL_PRIVATE
    else:
        return
    if _is_graph(obj):
        yield "layers", obj.layers
    for name in sorted(dir(obj), key=lambda n: f"~{n}" if n.startswith("_") else n):
        if name.startswith("__") or name in skipped:
            continue
        try:
            yield name, getattr(obj, name)
        except Exception:
            # A property that cannot be read now holds no state of its own.
            continue


def walk(root, aliases=None) -> list:
    """`(path, object)` of all with variables of their own, parents first; the root is at "".

    `aliases`, a dict, receives the other paths of what is reached again: first path → later ones.
    """
    found: list = []
    seen: dict[int, str] = {}

    def visit(obj, path):
        if id(obj) in seen:
            if aliases is not None:
                aliases.setdefault(seen[id(obj)], []).append(path)
            return
        seen[id(obj)] = path
        if hasattr(obj, "save_own_variables"):
            found.append((path, obj))
        for name, value in _children(obj):
            below = f"{path}/{name}" if path else name
            if isinstance(value, _SAVEABLE):
                visit(value, below)
            elif isinstance(value, (list, dict, tuple)):
                visit_container(value, below, set())

    def visit_container(container, path, containers):
        if id(container) in containers:
            return
        containers.add(id(container))
        used: dict[str, int] = {}

        def key(name):
            used[name] = used.get(name, -1) + 1
            return f"{name}_{used[name]}" if used[name] else name

        for value in container.values() if isinstance(container, dict) else container:
            if isinstance(value, _SAVEABLE):
                visit(value, f"{path}/{key(to_snake_case(type(value).__name__))}")
            elif isinstance(value, (list, dict, tuple)):
                visit_container(value, f"{path}/{key('container')}", containers)

    visit(root, "")
    return found


def other_paths(path, aliases):
    """The paths by which an object is reached again, itself or inside something that is."""
    parts = path.split("/")
    for depth in range(len(parts), 0, -1):
        below = parts[depth:]
        for alias in aliases.get("/".join(parts[:depth]), ()):
            yield "/".join([alias, *below])

"""Names, signatures and defaults of the public API against Keras'."""

from __future__ import annotations

import inspect
import types

import pytest

keras = pytest.importorskip("keras")

import ranvier  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

# Other frameworks' layers and tools are left out on purpose.
LEFT_OUT = {
    "keras.layers.FlaxLayer", "keras.layers.JaxLayer", "keras.layers.TFSMLayer",
    "keras.layers.TorchModuleWrapper",
}  # fmt: skip
# Signatures that differ, with the reason.
DIFFERENT = {
    "keras.datasets.cifar10.load_data": "takes a local path",
    "keras.datasets.cifar100.load_data": "takes a local path",
    "keras.datasets.fashion_mnist.load_data": "takes a local path",
    "keras.name_scope": "has the base class's arguments, Keras-on-JAX hides them",
}
# Arguments named after the kind of object; ours have one name in all namespaces.
POSITIONAL = ("serialize",)


def public():
    """`(dotted name, Keras' object)` of the whole public API."""
    waiting, seen = [("keras", keras)], set()
    while waiting:
        path, module = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in sorted(n for n in dir(module) if not n.startswith("_")):
            value = getattr(module, name)
            if not isinstance(value, types.ModuleType):
                yield f"{path}.{name}", value
            elif value.__name__.startswith("keras.") and ".src" not in value.__name__:
                waiting.append((f"{path}.{name}", value))


def ours(path):
    found = ranvier
    for part in path.split(".")[1:]:
        found = getattr(found, part)
    return found


def form(value):
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    return [(p.name, p.kind, text(p.default)) for p in parameters]


def text(default):
    if inspect.isclass(default) or inspect.isroutine(default):
        return default.__name__
    return list(default) if isinstance(default, tuple) else default


def test_names():
    missing = []
    for path, _ in public():
        try:
            ours(path)
        except AttributeError:
            missing.append(path)
    assert sorted(set(missing) - LEFT_OUT) == []


def test_signatures():
    wrong = []
    for path, value in public():
        if path in DIFFERENT or path in LEFT_OUT or path.rpartition(".")[2] in POSITIONAL:
            continue
        try:
            found = ours(path)
        except AttributeError:
            continue
        if form(found) != form(value):
            wrong.append(f"{path}\n  Keras:   {form(value)}\n  Ranvier: {form(found)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "name", ["Model", "Sequential", "Layer", "Variable", "KerasTensor", "Optimizer", "Loss",
             "Metric", "callbacks.Callback", "Function", "Operation", "StatelessScope"],
)  # fmt: skip
def test_methods_of_the_base_classes(name):
    # Of Keras' JAX trainer alone, of its own machinery, or an attribute of instances here.
    inner = {"jax_state_sync", "compute_loss_and_updates", "train_step", "test_step",
             "predict_step", "jit_compile", "quantized_call", "rematerialized_call"}  # fmt: skip
    theirs, mine = keras, ranvier
    for part in name.split("."):
        theirs, mine = getattr(theirs, part), getattr(mine, part)
    found = {n for n in dir(theirs) if not n.startswith("_")} - inner
    assert {n for n in found if not hasattr(mine, n)} == set()

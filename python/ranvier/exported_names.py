"""The names under which Keras exports the classes and functions of this package, both ways.

Files name an object by them: they reach what is exported, nothing else.
"""

from __future__ import annotations

import importlib
import inspect

PACKAGE = __name__.rpartition(".")[0]

# Public namespaces whose exports a file may name.
_NAMESPACES = (
    "layers", "models", "optimizers", "optimizers.schedules", "losses", "metrics", "initializers",
    "regularizers", "constraints", "activations", "dtype_policies", "callbacks", "random",
    "quantizers", "ops", "ops.numpy", "ops.nn", "applications.convnext",
    "applications.inception_resnet_v2", "distillation",
)  # fmt: skip

# Classes whose Keras module is not their folder's.
_AT_TOP = {
    "Model", "Sequential", "Layer", "InputSpec", "DTypePolicy", "FloatDTypePolicy", "Optimizer",
    "Loss", "Metric", "Initializer", "Regularizer", "KerasTensor", "Variable", "Quantizer",
}  # fmt: skip
# The only objects of Keras' utilities that files name.
_FEATURES = "keras.src.layers.preprocessing.feature_space"
_FEATURE_SPACE = {("keras.utils", "FeatureSpace")} | {
    (_FEATURES, name) for name in ("Feature", "Cross", "TFDIdentity", "TFDConcat")
}


def keras_module_of(cls) -> str | None:
    """The module under which Keras exports a class of this package; `None` for others."""
    own = cls.__dict__.get("_keras_module")
    if own:
        return own
    module = cls.__module__
    if not module.startswith(PACKAGE + "."):
        return None
    if cls.__name__ in _AT_TOP:
        return "keras"
    rest = module[len(PACKAGE) + 1 :]
    best = ""
    for namespace in _NAMESPACES:
        if (rest == namespace or rest.startswith(namespace + ".")) and len(namespace) > len(best):
            best = namespace
    if rest.startswith("optimizers") and exported("optimizers.schedules", cls.__name__) is cls:
        best = "optimizers.schedules"
    if best and exported(best, public_name(cls)) is cls:
        return "keras." + best
    return None


def public_name(cls) -> str:
    """The name under which Keras exports a class, where it is not the class's own."""
    return cls.__dict__.get("_keras_name", cls.__name__)


def exported(namespace: str, name: str):
    """What a public namespace of this package has of its own under the name, or `None`."""
    try:
        module = importlib.import_module(f"{PACKAGE}.{namespace}")
    except ImportError:
        return None
    if name.startswith("_"):
        return None
    value = getattr(module, name, None)
    public = inspect.isclass(value) or callable(value)
    own = (getattr(value, "__module__", None) or "").startswith(PACKAGE + ".")
    return value if public and own else None


def find_builtin(module: str, name: str):
    """The exported object that Keras' files call `module.name`; `None` when there is none."""
    if module in (
        "keras.src.models.functional",
        "keras.src.models.model",
        "keras.src.models.sequential",
    ):
        return exported("models", name) or importlib.import_module(
            f"{PACKAGE}.models.functional"
        ).__dict__.get("Functional" if name == "Functional" else "")
    if module.startswith("keras.src.ops."):
        from ranvier.symbolic.operation import operation_class

        importlib.import_module(f"{PACKAGE}.ops")
        return operation_class(module, name)
    if (module, name) in _FEATURE_SPACE:
        return exported("utils.feature_space", name)
    if module == "keras":
        for namespace in ("models", "layers", "dtype_policies", "optimizers", "losses", "metrics",
                          "initializers", "regularizers", "quantizers"):  # fmt: skip
            if name in _AT_TOP:
                found = exported(namespace, name)
                if found is not None:
                    return found
        return None
    namespace = module[len("keras.") :] if module.startswith("keras.") else ""
    if namespace.startswith("src."):
        namespace = namespace[4:]
        while namespace and namespace not in _NAMESPACES:
            namespace = namespace.rpartition(".")[0]
    if namespace in _NAMESPACES:
        return exported(namespace, name)
    return None

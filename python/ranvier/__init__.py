"""Ranvier: Keras code, run as one planned C++ program per step.

`import ranvier as keras` is the migration guide. Submodules load at their first use.
"""

import importlib as _importlib
import sys as _sys
import types as _types

from ranvier.version import __version__ as __version__

_SUBMODULES = frozenset({
    "activations", "applications", "backend", "callbacks", "config", "constraints", "datasets",
    "dtype_policies", "errors", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "random", "regularizers", "saving", "symbolic", "training", "tree", "utils",
    "mixed_precision", "wrappers", "export", "distillation", "distribution", "legacy",
    "quantizers", "preprocessing", "visualization",
})  # fmt: skip

_NAMES = {
    "DTypePolicy": "dtype_policies", "FloatDTypePolicy": "dtype_policies",
    "Function": "symbolic.function", "KerasTensor": "symbolic.keras_tensor",
    "Operation": "symbolic.operation", "Initializer": "initializers", "Input": "layers",
    "InputSpec": "layers", "Layer": "layers", "Loss": "losses", "Metric": "metrics",
    "Model": "models", "Sequential": "models", "Optimizer": "optimizers",
    "Regularizer": "regularizers", "Quantizer": "quantizers", "RematScope": "symbolic.remat",
    "remat": "symbolic.remat", "StatelessScope": "variable", "SymbolicScope": "scopes",
    "Variable": "variable", "name_scope": "scopes",
    "Tensor": "_backend", "GradientTape": "autodiff", "grad": "autodiff",
    "value_and_grad": "autodiff", "jit": "jit", "gradient_check": "gradient_check",
    "profile": "profiling", "device": "devices",
    "num_threads": "devices", "set_num_threads": "devices",
}  # fmt: skip


# Tensors and variables have their operators once `ops` is loaded.
_WITHOUT_OPERATORS = ("devices", "dtype_policies", "profiling")


def version():
    """The package's version.

    Example:
        >>> keras.version() == keras.__version__
        True
    """
    return __version__


def __getattr__(name):
    if name in _NAMES:
        if _NAMES[name] not in _WITHOUT_OPERATORS:
            _importlib.import_module(f"{__name__}.ops")
        value = getattr(_importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        try:
            return _importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    naming = _importlib.import_module(f"{__name__}.naming")
    raise naming.unknown_attribute(__name__, name, __all__)


def __dir__():
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


class _Package(_types.ModuleType):
    """Keeps `ranvier.jit` a function although the import of the module `jit` would put it there."""

    def __setattr__(self, name, value):
        if not (name in _NAMES and isinstance(value, _types.ModuleType)):
            super().__setattr__(name, value)


_sys.modules[__name__].__class__ = _Package

__all__ = [*sorted(_NAMES), *sorted(_SUBMODULES), "version"]

"""Keras' `ops`: functions of tensors, for values, inside traces, and on symbolic tensors."""

from ranvier.ops import _define as _define
from ranvier.ops import (
    _methods,
    _operators,
    activations,
    attention,
    control,
    convolution,
    counting,
    creation,
    ctc,
    diagonals,
    elementwise,
    factorizations,
    forward,
    indexing,
    joins,
    mapping,
    nan_reductions,
    neural,
    norms,
    numeric,
    patches,
    pooling,
    products,
    quantiles,
    reductions,
    segments,
    shapes,
    signal,
    singular_values,
    special,
    subscripts,
)
from ranvier.scopes import name_scope as name_scope

_MODULES = (
    activations,
    attention,
    control,
    convolution,
    counting,
    creation,
    ctc,
    diagonals,
    elementwise,
    factorizations,
    forward,
    indexing,
    joins,
    mapping,
    nan_reductions,
    neural,
    norms,
    numeric,
    patches,
    pooling,
    products,
    quantiles,
    reductions,
    segments,
    shapes,
    signal,
    singular_values,
    special,
    subscripts,
)


def _collect():
    found = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) in (module.__name__, elementwise.__name__)
            if name.startswith("_") or not callable(value) or isinstance(value, type):
                continue
            if hasattr(value, "row") or own:
                found.setdefault(name, value)
    for private in (
        "any_zero",
        "host_call",
        "index",
        "is_complex",
        "complex_values",
        "holds_complex",
        "no_gradient",
        "positive",
        "repeat_along",
        "subscript",
        "check_callable",
        "flash_allowed",
        "tiled_attention",
    ):
        found.pop(private, None)
    return found


_PUBLIC = _collect()
globals().update(_PUBLIC)
__all__ = sorted(_PUBLIC)

_operators.install()
_methods.install()
from ranvier import naming as _naming  # noqa: E402
from ranvier.ops import complex_linalg as _complex_linalg  # noqa: E402  (needs all ops)
from ranvier.ops import complex_orders as _complex_orders  # noqa: E402  (needs all ops)
from ranvier.ops import complex_rules as _complex_rules  # noqa: E402
from ranvier.ops import symbolic_rules as _symbolic_rules  # noqa: E402


def __getattr__(name):
    if name in ("image", "linalg", "nn", "numpy"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise _naming.unknown_attribute(__name__, name, __all__)

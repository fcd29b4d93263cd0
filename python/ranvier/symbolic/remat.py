"""Rematerialization: what a function computes is computed again for the gradient instead of kept.

Memory against time: inside a traced step, the values between the inputs and the outputs of a marked
function are dropped after the forward pass, and the backward pass starts with a second run of the
function. Random draws depend on their seed alone, so that a dropout mask comes out the same.
"""

from __future__ import annotations

import functools
import math
from collections import namedtuple

from ranvier import _backend as B
from ranvier import tree
from ranvier.config import thread_state
from ranvier.symbolic.keras_tensor import KerasTensor

RematMode = namedtuple("RematMode", ["mode", "output_size_threshold", "layer_names"])

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematScope:
    """Layers made inside it are rematerialized wherever they are called.

    Args:
        mode: "full" (every layer), "activations" (their activation functions), "larger_than"
            (layers with larger outputs than the threshold), "list_of_layers" (layers by name), or
            `None` (no layer).
        output_size_threshold: elements of the outputs, for "larger_than".
        layer_names: names, for "list_of_layers".

    Example:

    >>> with keras.RematScope(mode="full"):
    ...     hidden = keras.layers.Dense(1024, activation="gelu")
    """

    def __init__(self, mode="full", output_size_threshold=1024, layer_names=None):
        if mode not in _MODES:
            raise ValueError(
                f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', "
                "'larger_than', 'list_of_layers', or  None."
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = layer_names or []

    def __enter__(self):
        _scopes().append(self)
        return self

    def __exit__(self, *exc):
        _scopes().pop()


def _scopes() -> list:
    state = thread_state()
    if not hasattr(state, "remat_scopes"):
        state.remat_scopes = []
    return state.remat_scopes


def get_current_remat_mode() -> RematMode | None:
    """The innermost scope's settings; `None` outside of all scopes."""
    scopes = _scopes()
    if not scopes:
        return None
    scope = scopes[-1]
    return RematMode(scope.mode, scope.output_size_threshold, scope.layer_names)


def remat(f):
    """A function with the results of `f` whose inner values are computed again for the gradient.

    Args:
        f: function or layer.

    Returns:
        The function. Outside of a traced step it is `f` itself in effect.

    Example:

    >>> block = keras.remat(lambda x: ops.gelu(ops.matmul(x, w)))
    """

    @functools.wraps(f, updated=())
    def wrapper(*args, **kwargs):
        if not B.tracing():
            return f(*args, **kwargs)
        previous = B.core.begin_remat()
        try:
            return f(*args, **kwargs)
        finally:
            B.core.end_remat(previous)

    return wrapper


def _as_symbolic(x):
    return KerasTensor(x.shape, dtype=x.dtype) if isinstance(x, B.Tensor) else x


def _output_size(layer, args, kwargs) -> int:
    args, kwargs = (tree.map_structure(_as_symbolic, a) for a in (args, kwargs))
    spec = layer.compute_output_spec(*args, **kwargs)
    return sum(math.prod(d or 1 for d in x.shape) for x in tree.flatten(spec))


def _with_remat_activation(layer, call):
    @functools.wraps(call)
    def wrapper(*args, **kwargs):
        activation = layer.activation
        layer.activation = remat(activation)
        try:
            return call(*args, **kwargs)
        finally:
            layer.activation = activation

    return wrapper


def rematerialized_call(layer, call, args, kwargs):
    """`call`, marked as the scope in which the layer was made says."""
    mode = layer._remat_mode
    if mode is None or not B.tracing():
        return call
    if mode.mode == "activations":
        active = getattr(layer, "activation", None) is not None
        return _with_remat_activation(layer, call) if active else call
    wanted = (
        mode.mode == "full"
        or (mode.mode == "list_of_layers" and layer.name in mode.layer_names)
        or (
            mode.mode == "larger_than"
            and _output_size(layer, args, kwargs) > mode.output_size_threshold
        )
    )
    return remat(call) if wanted else call

"""What several layers need to read and write their arguments."""

from __future__ import annotations

import operator

import numpy as np

from ranvier import activations, constraints, initializers, regularizers
from ranvier.errors import AxisError


def take_weight_arguments(layer, **arguments) -> None:
    """Sets `<name>_initializer`, `_regularizer`, `_constraint` of the given weights."""
    for key, value in arguments.items():
        getter = (
            initializers.get
            if key.endswith("_initializer")
            else regularizers.get
            if key.endswith("_regularizer")
            else constraints.get
        )
        setattr(layer, key, getter(value))


def weight_config(layer, *weights: str) -> dict:
    """The config entries of `take_weight_arguments`, in Keras' order."""
    out = {}
    for kind, module in (
        ("initializer", initializers), ("regularizer", regularizers), ("constraint", constraints),
    ):  # fmt: skip
        for weight in weights:
            out[f"{weight}_{kind}"] = module.serialize(getattr(layer, f"{weight}_{kind}"))
    return out


def activation_config(layer):
    """The serialized activation."""
    return activations.serialize(layer.activation)


def tuple_of(value, n: int, name: str, allow_zero: bool = False) -> tuple:
    """n ints from one or n; `ValueError` when something else comes."""
    problem = f"The `{name}` argument must be a tuple of {n} integers. Received {name}={value!r}"
    try:
        out = tuple(map(operator.index, value if np.iterable(value) else (value,) * n))
    except TypeError:
        raise ValueError(problem) from None
    if len(out) != n:
        raise ValueError(problem)
    wrong = {v for v in out if v < 0 or (v == 0 and not allow_zero)}
    if wrong:
        bound = ">= 0" if allow_zero else "> 0"
        raise ValueError(f"{problem}, including values {wrong} that do not satisfy `value {bound}`")
    return out


def check_padding(padding, allow_causal: bool = False) -> str:
    """ "valid", "same" (or "causal"), lower case."""
    known = {"valid", "same", "causal"} if allow_causal else {"valid", "same"}
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in known:
        raise ValueError(
            f"The `padding` argument must be one of {sorted(known)}. Received: padding={padding}"
        )
    return name


def check_channels(input_shape, axis: int, layer) -> int:
    """The size of the channel axis; `ValueError` when it is not known, or there is no such axis."""
    if not -len(input_shape) <= axis < len(input_shape):
        raise AxisError(
            f"Axis {axis} is out of bounds for inputs of '{layer.name}'. Expected an axis in "
            f"[{-len(input_shape)}, {len(input_shape) - 1}]. Received: input_shape={input_shape}"
        )
    channels = input_shape[axis]
    if channels is None:
        raise ValueError(
            f"The channel dimension of the inputs of '{layer.name}' should be defined. "
            f"Received input_shape={input_shape}, where axis {axis} (0-based) is unknown."
        )
    return channels

"""What the normalizations share: their two weights and the check of their axes."""

from __future__ import annotations

from ranvier import constraints, initializers, regularizers

_KINDS = (("initializer", initializers), ("regularizer", regularizers), ("constraint", constraints))


def take_affine(layer, arguments: dict) -> None:
    """Sets the initializer, regularizer and constraint of beta and gamma from arguments."""
    for kind, module in _KINDS:
        for name in ("beta", "gamma"):
            setattr(layer, f"{name}_{kind}", module.get(arguments[f"{name}_{kind}"]))


def affine_config(layer) -> dict:
    """The config entries of `take_affine`."""
    return {
        f"{name}_{kind}": module.serialize(getattr(layer, f"{name}_{kind}"))
        for kind, module in _KINDS
        for name in ("beta", "gamma")
    }


def add_affine(layer, name: str, shape):
    """The weight "gamma" or "beta"; kept in float32 under mixed precision."""
    return layer.add_weight(
        shape=shape,
        name=name,
        initializer=getattr(layer, f"{name}_initializer"),
        regularizer=getattr(layer, f"{name}_regularizer"),
        constraint=getattr(layer, f"{name}_constraint"),
        trainable=True,
        autocast=False,
    )


def check_axes(axis, input_shape) -> tuple:
    """The input shape, as a tuple; `ValueError` where an axis is not one of it."""
    rank = len(input_shape)
    for a in axis if isinstance(axis, (list, tuple)) else (axis,):
        if not -rank <= a < rank:
            raise ValueError(
                f"Axis {a} is out of bounds for input shape {tuple(input_shape)}. "
                f"Received: axis={axis}"
            )
    return tuple(input_shape)


def check_axis_type(axis, message: str):
    """The axis as an int or a list; `TypeError` for anything else."""
    if isinstance(axis, (list, tuple)):
        return list(axis)
    if isinstance(axis, int):
        return axis
    raise TypeError(message)

"""Keras 2's optimizers, by name only: Keras 3 has the names and refuses their use."""

from __future__ import annotations


class _Legacy:
    def __init__(self, *args, **kwargs):
        del args, kwargs
        name = type(self).__name__
        raise ImportError(
            f"optimizers.legacy.{name} is an optimizer of Keras 2, which Keras 3 does not support. "
            f"Hint: use optimizers.{name}."
        )


Adagrad, Adam, Ftrl, Optimizer, RMSprop, SGD = (
    type(name, (_Legacy,), {"__doc__": f"Keras 2's `{name}`; its use raises `ImportError`."})
    for name in ("Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD")
)

__all__ = ["Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"]

"""Ranvier's rows."""

from __future__ import annotations

import ranvier as keras
from benchmarks import models
from benchmarks.peers import keras_kinds, keras_op_kinds, repeat
from ranvier import _backend, ops

VERSION = keras.__version__


def vjp(fn):
    def both(dy, *args):
        with keras.GradientTape() as tape:
            for arg in args:
                tape.watch(arg)
            out = fn(*args)
        return out, tape.gradient(out, args, output_gradients=dy)

    return keras.jit(both)


def adam(size):
    optimizer, variable = keras_op_kinds.adam_state(keras, size)
    gradient = ops.convert_to_tensor(models.random(size))
    return repeat(keras.jit(lambda: optimizer.apply([gradient], [variable])))


def describe() -> dict:
    """Instruction set, threads and the measured limits of this machine."""
    return {"isa": _backend.core.active_isa(), "cpu": _backend.core.cpu_info()["model"],
            "roofline": _backend.core.roofline()}  # fmt: skip


def planned(block) -> dict:
    """Bytes that the program of the model's training step holds: values, constants, variables."""
    stats = block.model._functions["train"].stats()
    return {"planned": sum(stats[f"{part}_bytes"] for part in ("arena", "constant", "variable"))}


KINDS = {
    **keras_kinds.kinds(keras),
    **keras_op_kinds.kinds(keras, compiled=keras.jit, vjp=vjp),
    "adam": adam,
}

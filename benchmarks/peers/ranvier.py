"""Ranvier's rows."""

from __future__ import annotations

import ranvier as keras
from benchmarks import models
from benchmarks.peers import keras_kinds, repeat
from ranvier import _backend, ops

VERSION = keras.__version__


def gemm(m, n, k):
    a, b = (ops.convert_to_tensor(models.random(*shape)) for shape in ((m, k), (k, n)))
    return repeat(lambda: ops.matmul(a, b))


def eager_add():
    a = ops.convert_to_tensor(models.random(32, 8))
    return repeat(lambda: ops.add(a, a))


def describe() -> dict:
    """Instruction set, threads and the measured limits of this machine."""
    return {"isa": _backend.core.active_isa(), "cpu": _backend.core.cpu_info()["model"],
            "roofline": _backend.core.roofline()}  # fmt: skip


def planned(block) -> dict:
    """Bytes that the program of the model's training step holds: values, constants, variables."""
    stats = block.model._functions["train"].stats()
    return {"planned": sum(stats[f"{part}_bytes"] for part in ("arena", "constant", "variable"))}


KINDS = {**keras_kinds.kinds(keras), "gemm": gemm, "eager_add": eager_add}

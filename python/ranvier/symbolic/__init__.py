"""Symbolic tensors with unknown sizes, the graph they make, and functions over it."""

from ranvier.symbolic.function import Function
from ranvier.symbolic.keras_tensor import KerasTensor, any_symbolic, is_keras_tensor
from ranvier.symbolic.node import KerasHistory, Node
from ranvier.symbolic.operation import Operation
from ranvier.symbolic.probe import compute_output_spec

__all__ = [
    "Function", "KerasHistory", "KerasTensor", "Node", "Operation", "any_symbolic",
    "compute_output_spec", "is_keras_tensor",
]  # fmt: skip

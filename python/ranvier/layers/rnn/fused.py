"""Whole sequences of the built-in cells as one kernel: what each needs to be one, and its call."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import activations, ops

_ACTIVATIONS = {
    activations.tanh: "tanh",
    activations.relu: "relu",
    activations.sigmoid: "sigmoid",
    activations.linear: "linear",
}


def fuses(cell, training) -> bool:
    """Whether a whole sequence of the cell is one kernel (of a stack: one for each cell)."""
    # A subclass may compute something else.
    return "_run_sequence" in vars(type(cell)) and cell._fuses(training)


def default_gates(cell, training) -> bool:
    """Whether a gated cell's formulas are those of the kernel."""
    return (
        cell.activation is activations.tanh
        and cell.recurrent_activation is activations.sigmoid
        and one_state(cell, training)
    )


def one_state(cell, training) -> bool:
    """Whether all columns of the kernels see the same input and the same state."""
    alike = cell.implementation == 2 or not (cell.dropout and training)
    return alike and not (cell.recurrent_dropout and training)


def plain_activation(cell):
    """The kernel's name of a plain cell's activation; `None` where it has none."""
    return "linear" if cell.activation is None else _ACTIVATIONS.get(cell.activation)


def input_products(cell, sequences, bias, training):
    """(batch, time, columns): the products of all steps at once, under the dropout mask."""
    if training and 0.0 < cell.dropout < 1.0:
        mask = cell.get_dropout_mask(sequences[:, 0])
        sequences = ops.multiply(sequences, ops.expand_dims(mask, 1))
    products = ops.matmul(sequences, cell.kernel)
    return products if bias is None else ops.add(products, bias)


def run(kind, operands, mask, backwards, sequence, training, activation="tanh"):
    """The last h, all h (or `None`) and the last states, by the kernel.

    `operands` are the input products, the recurrent kernel, the recurrent bias of a "gru", and the
    initial states; `mask` is (batch, time) or `None`.
    """
    operands = [ops.convert_to_tensor(x) for x in operands]
    dtype = operands[0].dtype
    operands = [ops.cast(x, dtype) for x in operands]
    if mask is not None:
        operands.append(ops.cast(mask, "bool"))
    attributes = {"kind": kind, "mask": mask is not None, "backwards": bool(backwards),
                  "sequence": bool(sequence), "activation": activation}  # fmt: skip
    # While training, the forward kernel keeps what the gradient needs.
    results = B.apply("rnn_sequence_saved" if training else "rnn_sequence", operands, attributes)
    results = list(results) if isinstance(results, tuple) else [results]
    states = results[-2:] if kind == "lstm" else results[-1:]
    outputs = results[-len(states) - 1] if sequence else None
    return states[0], outputs, states

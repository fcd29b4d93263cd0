"""Whole sequences of the built-in cells as one kernel: what each needs to be one, and its call."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import activations, ops

_ACTIVATIONS = (
    (activations.tanh, "tanh"),
    (activations.relu, "relu"),
    (activations.sigmoid, "sigmoid"),
    (activations.linear, "linear"),
)


def fuses(cell) -> bool:
    """Whether a whole sequence of the cell is one kernel (of a stack: one for each cell)."""
    # A subclass may compute something else.
    return "_run_sequence" in vars(type(cell)) and cell._fuses()


def has_kernel(cell) -> bool:
    """Whether the cell's activations are among those of the kernel."""
    gates = getattr(cell, "recurrent_activation", activations.sigmoid)
    return _activation(cell) is not None and gates is activations.sigmoid


def _activation(cell):
    """The kernel's name of the cell's activation; `None` where it has none."""
    if cell.activation is None:
        return "linear"
    # By identity: a callable need not have a hash.
    return next((name for f, name in _ACTIVATIONS if f is cell.activation), None)


def input_products(cell, sequences, bias, training):
    """(batch, time, columns): the products of all steps at once, under the dropout masks."""
    mask = None
    if cell._drops(cell.dropout, training):
        mask = cell.get_dropout_mask(sequences[:, 0])
    if isinstance(mask, list):  # one for each gate
        columns = ops.split(ops.convert_to_tensor(cell.kernel), cell.gates, axis=-1)
        parts = [ops.matmul(_dropped(sequences, m), k) for m, k in zip(mask, columns)]
        products = ops.concatenate(parts, axis=-1)
    else:
        products = ops.matmul(_dropped(sequences, mask), cell.kernel)
    return products if bias is None else ops.add(products, bias)


def _dropped(sequences, mask):
    return sequences if mask is None else ops.multiply(sequences, ops.expand_dims(mask, 1))


def run(cell, kind, operands, mask, backwards, sequence, training):
    """The last h, all h (or `None`) and the last states, by the kernel.

    `operands` are the input products, the recurrent kernel, the recurrent bias of a "gru", and the
    initial states; `mask` is (batch, time) or `None`.
    """
    drop = cell._drops(cell.recurrent_dropout, training)
    if drop:
        masks = cell.get_recurrent_dropout_mask(operands[-1])
        operands.append(ops.concatenate(masks, axis=-1) if isinstance(masks, list) else masks)
    operands = [ops.convert_to_tensor(x) for x in operands]
    dtype = operands[0].dtype
    operands = [ops.cast(x, dtype) for x in operands]
    if mask is not None:
        operands.append(ops.cast(mask, "bool"))
    attributes = {"kind": kind, "drop": drop, "mask": mask is not None,
                  "backwards": bool(backwards), "sequence": bool(sequence),
                  "activation": _activation(cell)}  # fmt: skip
    # While training, the forward kernel keeps what the gradient needs.
    results = B.apply("rnn_sequence_saved" if training else "rnn_sequence", operands, attributes)
    results = list(results) if isinstance(results, tuple) else [results]
    states = results[-2:] if kind == "lstm" else results[-1:]
    outputs = results[-len(states) - 1] if sequence else None
    return states[0], outputs, states

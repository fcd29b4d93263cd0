"""Several cells on top of each other as one cell."""

from __future__ import annotations

from ranvier import ops, serialization, tree
from ranvier.layers.layer import Layer
from ranvier.layers.rnn import fused


def output_size_of(cell):
    """The size of a cell's output: its own word, or the size of its first state."""
    size = getattr(cell, "output_size", None)
    if size is not None:
        return size
    size = cell.state_size
    return size[0] if isinstance(size, (list, tuple)) else size


class StackedRNNCells(Layer):
    """A stack of cells: each takes the output of the one before.

    Args:
        cells: list of cells (objects with `call` and `state_size`).

    Example:
        >>> stack = layers.StackedRNNCells([layers.LSTMCell(8), layers.GRUCell(4)])
        >>> layers.RNN(stack)(ops.ones((2, 5, 3))).shape
        (2, 4)
    """

    _declares_dtype = False

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        for cell in cells:
            if not hasattr(cell, "call"):
                raise ValueError(
                    "All cells must have a `call` method. "
                    f"Received cell without a `call` method: {cell}"
                )
            if not hasattr(cell, "state_size"):
                raise ValueError(
                    "All cells must have a `state_size` attribute. "
                    f"Received cell without a `state_size`: {cell}"
                )
        self.cells = cells

    @property
    def state_size(self):
        """The state sizes of the cells, in order."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        """The output size of the last cell."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size=None):
        """Zero states of all cells."""
        states = []
        for cell in self.cells:
            if getattr(cell, "get_initial_state", None):
                states.append(cell.get_initial_state(batch_size=batch_size))
            elif isinstance(cell.state_size, int):
                states.append(ops.zeros((batch_size, cell.state_size), dtype=self.compute_dtype))
            else:
                sizes = cell.state_size
                states.append([ops.zeros((batch_size, d), self.compute_dtype) for d in sizes])
        return states

    def call(self, inputs, states, training=False, **kwargs):
        new_states = []
        for cell, state in zip(self.cells, states):
            nested = tree.is_nested(state)
            if isinstance(cell, Layer) and cell._call_has_training_arg:
                kwargs["training"] = training
            else:
                kwargs.pop("training", None)
            run = cell if callable(cell) else cell.call
            inputs, new = run(inputs, list(state) if nested else [state], **kwargs)
            if not nested and tree.is_nested(new) and len(new) == 1:
                new = new[0]
            new_states.append(new)
        return inputs, new_states[0] if len(new_states) == 1 else new_states

    def _fuses(self):
        return all(fused.fuses(cell) for cell in self.cells)

    def _run_sequence(self, sequences, states, mask, backwards, sequence, training):
        # Cell by cell, each over the whole sequence: a masked step keeps every cell's state.
        new_states = []
        for i, (cell, state) in enumerate(zip(self.cells, states)):
            wanted = sequence or i + 1 < len(self.cells)
            nested = tree.is_nested(state)
            last, sequences, new = cell._run_sequence(
                sequences, list(state) if nested else [state], mask, backwards, wanted, training
            )
            new_states.append(new if nested else new[0])
            if backwards:
                # What comes out is in the order of computing.
                mask = None if mask is None else ops.flip(mask, axis=1)
                backwards = False
        return last, sequences, new_states

    def build(self, input_shape):
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = (tree.flatten(input_shape)[0], output_size_of(cell))

    def get_config(self):
        cells = [serialization.serialize_keras_object(cell) for cell in self.cells]
        return {**super().get_config(), "cells": cells}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        cells = [
            serialization.deserialize_keras_object(cell, custom_objects=custom_objects)
            for cell in config.pop("cells")
        ]
        return cls(cells, **config)

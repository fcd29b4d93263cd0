"""The layer that runs a cell along time."""

from __future__ import annotations

from ranvier import ops, serialization, tree
from ranvier.layers.layer import Layer
from ranvier.layers.rnn import fused
from ranvier.layers.rnn.dropout_rnn_cell import DropoutRNNCell
from ranvier.layers.rnn.loop import rnn
from ranvier.layers.rnn.stacked_rnn_cells import StackedRNNCells
from ranvier.layers.tracking import without_tracking
from ranvier.scopes import name_scope
from ranvier.symbolic.probe import current_stand_in
from ranvier.variable import Variable


class RNN(Layer):
    """Applies a cell to each step of (batch, time, features), carrying its states.

    A cell has `call(input, states) -> (output, new_states)`, `state_size` (an int, or one per
    state), and optionally `output_size` and `get_initial_state(batch_size)`. The built-in cells run
    as one kernel over the whole sequence where their activations are among the usual ones.

    Args:
        cell: the cell, or a list of cells, which are stacked.
        return_sequences: whether the outputs of all steps are returned, else the last one.
        return_state: whether the last states are returned after the output.
        go_backwards: whether time runs backwards; the outputs come in reversed order.
        stateful: whether a batch starts from the states that the batch before ended with.
        unroll: whether every step becomes a part of the graph of its own.
        zero_output_for_mask: whether a masked step puts out zeros, else the output before it.

    Call arguments:
        sequences: (batch, time, ...).
        initial_state: states to start from; zeros by default.
        mask: booleans (batch, time); steps that are `False` are skipped.
        training: handed to the cell.

    Raises:
        ValueError: the cell lacks `call` or `state_size`; a stateful layer meets another batch
            size.

    Example:
        >>> layers.RNN(layers.GRUCell(4), return_sequences=True)(ops.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        for attribute, what in (
            ("call", "a `call` method"),
            ("state_size", "a `state_size` attribute (an integer, or one integer per RNN state)"),
        ):
            if attribute not in dir(cell):
                raise ValueError(f"Argument `cell` should have {what}. Received: cell={cell}")
        super().__init__(**kwargs)
        self.zero_output_for_mask = zero_output_for_mask
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.supports_masking = True
        self.input_spec = None
        self.states = None
        self._expected_batch_size = None
        size = cell.state_size
        if not isinstance(size, (list, tuple, int)):
            raise ValueError(
                "state_size must be an integer, or a list/tuple of integers (one for each state "
                f"tensor). Received: {size}"
            )
        self.single_state = isinstance(size, int)
        self.state_size = [size] if isinstance(size, int) else list(size)

    # -- shapes and state

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, length = sequences_shape[0], sequences_shape[1]
        states = [
            (batch, size) if isinstance(size, int) else [(batch, s) for s in size]
            for size in self.state_size
        ]
        size = getattr(self.cell, "output_size", None)
        size = self.state_size[0] if size is None else size
        if not isinstance(size, int):
            raise ValueError(f"output_size must be an integer. Received: {size}")
        output = (batch, length, size) if self.return_sequences else (batch, size)
        return (output, *states) if self.return_state else output

    def compute_mask(self, _, mask):
        mask = tree.flatten(mask)[0]
        output_mask = mask if self.return_sequences else None
        if self.return_state:
            return [output_mask] + [None for _ in self.state_size]
        return output_mask

    def build(self, sequences_shape, initial_state_shape=None):
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        if not self.stateful:
            return
        if self.states is not None:
            self.reset_state()
            return
        if sequences_shape[0] is None:
            raise ValueError(
                "When using `stateful=True` in a RNN, the batch size must be static. Found dynamic "
                f"batch size: sequence.shape={sequences_shape}"
            )
        self._create_state_variables(sequences_shape[0])
        self._expected_batch_size = tree.flatten(self.states)[0].shape[0]

    @without_tracking
    def _create_state_variables(self, batch_size):
        # Not tracked: states are neither weights nor part of files.
        def variable(value):
            return Variable(value, trainable=False, dtype=self.variable_dtype, name="rnn_state")

        with name_scope(self.name, caller=self):
            self.states = tree.map_structure(variable, self.get_initial_state(batch_size))

    def get_initial_state(self, batch_size):
        """The list of states to start from, by the cell or zeros."""
        if not getattr(self.cell, "get_initial_state", None):
            dtype = self._state_dtype
            return [ops.zeros((batch_size, d), dtype=dtype) for d in self.state_size]
        state = self.cell.get_initial_state(batch_size=batch_size)
        return list(state) if tree.is_nested(state) else [state]

    def reset_state(self):
        """Sets the states of a stateful layer to zero."""
        for v in tree.flatten(self.states) if self.states is not None else ():
            v.assign(ops.zeros(v.shape, dtype=v.dtype))

    def reset_states(self):
        """Another name of `reset_state`."""
        self.reset_state()

    @property
    def _state_dtype(self):
        return getattr(self.cell, "compute_dtype", self.compute_dtype)

    # -- computing

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """The last output, all outputs, and the last states."""
        if not tree.is_nested(initial_state):
            initial_state = [initial_state]
        mask = tree.flatten(mask)[0]
        result = self._fused(sequences, initial_state, mask, training)
        if result is not None:
            return result
        kwargs = {}
        if isinstance(self.cell, Layer) and self.cell._call_has_training_arg:
            kwargs["training"] = training

        def step(inputs, states):
            output, new_states = self.cell(inputs, states, **kwargs)
            return output, new_states if tree.is_nested(new_states) else [new_states]

        return rnn(
            step,
            sequences,
            initial_state,
            go_backwards=self.go_backwards,
            mask=mask,
            # Shapes for unknown times are found with a stand-in, which is not worth unrolling.
            unroll=self.unroll and sequences.shape[1] != current_stand_in(),
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )

    def _fused(self, sequences, initial_state, mask, training):
        """The same as one kernel, or `None` where the cell (or the kernel) has no such form."""
        if not fused.fuses(self.cell) or (self.unroll and mask is not None):
            return None
        if mask is not None and len(mask.shape) > 2:
            mask = ops.any(mask, axis=tuple(range(2, len(mask.shape))))
        result = self.cell._run_sequence(
            sequences, initial_state, mask, self.go_backwards, self.return_sequences, training
        )
        if mask is None or not self.zero_output_for_mask:
            return result
        last, outputs, states = result
        order = ops.flip(mask, axis=1) if self.go_backwards else mask
        kept = ops.expand_dims(ops.cast(order, "bool"), -1)
        last = ops.where(kept[:, -1], last, 0.0)
        if outputs is not None:
            outputs = ops.where(kept, outputs, 0.0)
        return last, outputs, states

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if initial_state is None:
            if self.stateful:
                initial_state = self.states
            else:
                initial_state = self.get_initial_state(batch_size=sequences.shape[0])
        if self.stateful:
            self._check_batch(sequences.shape[0])
        if not tree.is_nested(initial_state):
            initial_state = [initial_state]
        dtype = self._state_dtype
        initial_state = tree.map_structure(
            lambda x: ops.cast(ops.convert_to_tensor(x), dtype), list(initial_state)
        )
        try:
            if training:
                self._maybe_config_dropout_masks(self.cell, sequences[:, 0], initial_state)
            last, outputs, states = self.inner_loop(
                sequences=sequences, initial_state=initial_state, mask=mask, training=training
            )
        finally:
            self._maybe_reset_dropout_masks(self.cell)
        dtype = self.compute_dtype
        states = tree.map_structure(lambda x: ops.cast(x, dtype), states)
        if self.stateful:
            for variable, value in zip(tree.flatten(self.states), tree.flatten(states)):
                variable.assign(value)
        output = ops.cast(outputs if self.return_sequences else last, dtype)
        return (output, *states) if self.return_state else output

    def _check_batch(self, batch):
        expected = self._expected_batch_size
        if expected is not None and batch is not None and batch != expected:
            raise ValueError(
                "If an RNN is stateful, the batch size of the input sequences must be the same as "
                f"the batch size of the initial state. Expected batch size: {expected}. Received "
                f"batch size: {batch}"
            )

    def _maybe_config_dropout_masks(self, cell, input_sequence, input_state):
        """Draws the masks before the loop, so that all its steps share them."""
        nested = isinstance(input_state, (list, tuple))
        if isinstance(cell, DropoutRNNCell):
            cell.get_dropout_mask(input_sequence)
            cell.get_recurrent_dropout_mask(input_state[0] if nested else input_state)
        if isinstance(cell, StackedRNNCells):
            for c, state in zip(cell.cells, input_state):
                self._maybe_config_dropout_masks(c, input_sequence, state)
                # The next cell's masks have the shape of this cell's output.
                state = list(state) if tree.is_nested(state) else [state]
                input_sequence, _ = (c if callable(c) else c.call)(input_sequence, state)

    def _maybe_reset_dropout_masks(self, cell):
        if isinstance(cell, DropoutRNNCell):
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()
        if isinstance(cell, StackedRNNCells):
            for c in cell.cells:
                self._maybe_reset_dropout_masks(c)

    def get_config(self):
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "cell": serialization.serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        cell = serialization.deserialize_keras_object(
            config.pop("cell"), custom_objects=custom_objects
        )
        return cls(cell, **config)

"""The plain recurrent layer."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.rnn import fused
from ranvier.layers.rnn.cell import CellLayer, RecurrentCell, check_units, of_cell


class SimpleRNNCell(RecurrentCell):
    """One step of h' = activation(x · kernel + bias + h · recurrent_kernel).

    Args:
        units: size of the state and of the output.
        activation: of the sum; linear when `None`.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: starting values.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties.
        kernel_constraint, recurrent_constraint, bias_constraint: projections after each update.
        dropout: share of the inputs dropped while training.
        recurrent_dropout: share of the state dropped while training.
        seed: integer seed of the dropout.

    Call arguments:
        sequence: (batch, features), the inputs of one step.
        states: the state (batch, units), or a list of it.

    Example:
        >>> cell = layers.SimpleRNNCell(4)
        >>> output, states = cell(ops.ones((2, 3)), [ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        check_units(units)
        arguments = dict(locals())
        super().__init__(**kwargs)
        self.units = units
        self._take_arguments(arguments)
        self.state_size = self.output_size = units

    def build(self, input_shape):
        n = self.units
        self._add_weights((input_shape[-1], n), (n, n), (n,))

    def call(self, sequence, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states
        (x,), (h,) = self._input_parts(sequence, training), self._state_parts(h, training)
        out = ops.matmul(x, self.kernel)
        if self.bias is not None:
            out = ops.add(out, self.bias)
        out = ops.add(out, ops.matmul(h, self.recurrent_kernel))
        if self.activation is not None:
            out = self.activation(out)
        return out, [out] if nested else out

    def _fuses(self):
        return fused.has_kernel(self)

    def _run_sequence(self, sequences, states, mask, backwards, sequence, training):
        x = fused.input_products(self, sequences, self.bias, training)
        operands = [x, self.recurrent_kernel, *states]
        return fused.run(self, "simple", operands, mask, backwards, sequence, training)


@of_cell("units")
class SimpleRNN(CellLayer):
    """h' = activation(x · kernel + bias + h · recurrent_kernel), along time.

    Args:
        units: size of the state and of the output.
        activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
        recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed: see
            `SimpleRNNCell`.
        activity_regularizer: accepted and ignored, as Keras does.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    Example:
        >>> layers.SimpleRNN(4, return_sequences=True)(ops.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    cell_class, cell_name = SimpleRNNCell, "simple_rnn_cell"
    _layer_arguments = CellLayer._layer_arguments[:-1]

    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        seed=None,
        **kwargs,
    ):
        self._make(locals())

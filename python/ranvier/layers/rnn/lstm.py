"""Long short-term memory."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.rnn import fused
from ranvier.layers.rnn.cell import CellLayer, RecurrentCell, check_units, of_cell, products


class LSTMCell(RecurrentCell):
    """One step of long short-term memory (Hochreiter and Schmidhuber, 1997).

    With s the recurrent activation, a the activation, and the columns of the kernels in the order
    i, f, g, o:

        i, f, o = s(x · kernel + h · recurrent_kernel + bias),  g = a(...)
        c' = f c + i g,  h' = o a(c')

    Args:
        units: size of the states and of the output.
        activation: a, of the candidate and of the carry.
        recurrent_activation: s, of the gates.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: starting values.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties.
        kernel_constraint, recurrent_constraint, bias_constraint: projections after each update.
        dropout: share of the inputs dropped while training.
        recurrent_dropout: share of the state dropped while training.
        seed: integer seed of the dropout.

    Call arguments:
        inputs: (batch, features), the inputs of one step.
        states: [h, c], each (batch, units).

    Example:
        >>> cell = layers.LSTMCell(4)
        >>> output, (h, c) = cell(ops.ones((2, 3)), [ops.zeros((2, 4)), ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    gates = 4

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
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
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.units = units
        self.unit_forget_bias = unit_forget_bias
        self._take_arguments(arguments)
        self._one_mask_per_gate(implementation)
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape):
        n = self.units
        self._add_weights((input_shape[-1], 4 * n), (n, 4 * n), (4 * n,), self._forget_bias(n))

    def call(self, inputs, states, training=False):
        h, c = states[0], states[1]
        x = products(self._input_parts(inputs, training), self.kernel, 4)
        if self.bias is not None:
            x = [ops.add(a, b) for a, b in zip(x, ops.split(self.bias, 4))]
        r = products(self._state_parts(h, training), self.recurrent_kernel, 4)
        i, f, g, o = (ops.add(a, b) for a, b in zip(x, r))
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        c = ops.add(ops.multiply(f, c), ops.multiply(i, self.activation(g)))
        h = ops.multiply(o, self.activation(c))
        return h, [h, c]

    def _fuses(self):
        return fused.has_kernel(self)

    def _run_sequence(self, sequences, states, mask, backwards, sequence, training):
        x = fused.input_products(self, sequences, self.bias, training)
        operands = [x, self.recurrent_kernel, *states]
        return fused.run(self, "lstm", operands, mask, backwards, sequence, training)


@of_cell("units", "recurrent_activation", "unit_forget_bias")
class LSTM(CellLayer):
    """Long short-term memory along time; the formulas are those of `LSTMCell`.

    Args:
        units: size of the states and of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
        bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
        recurrent_dropout, seed: see `LSTMCell`.
        activity_regularizer: penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        use_cudnn: accepted; one kernel computes the whole sequence where the gates are sigmoids and
            the activation is tanh, relu, sigmoid or linear.

    Example:
        >>> sequence, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(
        ...     ops.ones((2, 5, 3)))
        >>> sequence.shape, h.shape, c.shape
        ((2, 5, 4), (2, 4), (2, 4))
    """

    cell_class, cell_name = LSTMCell, "lstm_cell"

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        use_cudnn="auto",
        **kwargs,
    ):
        self._make(locals())

    def get_config(self):
        return {**super().get_config(), "seed": self.cell.seed}

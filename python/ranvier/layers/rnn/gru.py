"""Gated recurrent unit."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.rnn import fused
from ranvier.layers.rnn.cell import CellLayer, RecurrentCell, check_units, of_cell, products


class GRUCell(RecurrentCell):
    """One step of the gated recurrent unit (Cho et al., 2014).

    With s the recurrent activation, a the activation, U the recurrent kernel and the columns in
    the order z, r, h:

        z, r = s(x · kernel + h · U + bias)
        candidate = a(x · kernel_h + b_h + r (h · U_h + b'_h))   with reset_after
        candidate = a(x · kernel_h + b_h + (r h) · U_h)          else
        h' = z h + (1 - z) candidate

    With reset_after the bias is (2, 3 units): that of the input, that of the state.

    Args:
        units: size of the state and of the output.
        activation: a, of the candidate.
        recurrent_activation: s, of the gates.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: starting values.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties.
        kernel_constraint, recurrent_constraint, bias_constraint: projections after each update.
        dropout: share of the inputs dropped while training.
        recurrent_dropout: share of the state dropped while training.
        reset_after: whether the reset gate acts after the product with U.
        seed: integer seed of the dropout.

    Call arguments:
        inputs: (batch, features), the inputs of one step.
        states: the state (batch, units), or a list of it.

    Example:
        >>> cell = layers.GRUCell(4)
        >>> output, states = cell(ops.ones((2, 3)), [ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    gates = 3

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
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
        reset_after=True,
        seed=None,
        **kwargs,
    ):
        check_units(units)
        arguments = dict(locals())
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.units = units
        self.reset_after = reset_after
        self._take_arguments(arguments)
        self._one_mask_per_gate(implementation)
        self.state_size = self.output_size = units

    def build(self, input_shape):
        n = 3 * self.units
        self._add_weights(
            (input_shape[-1], n), (self.units, n), (2, n) if self.reset_after else (n,)
        )

    def _biases(self):
        """Bias of the input products and of the recurrent ones; `None` where there is none."""
        if self.bias is None:
            return None, None
        return (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, None)

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states
        input_bias, recurrent_bias = self._biases()
        x = products(self._input_parts(inputs, training), self.kernel, 3)
        if input_bias is not None:
            x = [ops.add(a, b) for a, b in zip(x, ops.split(input_bias, 3))]
        parts = self._state_parts(h, training)
        if self.reset_after:
            m = products(parts, self.recurrent_kernel, 3)
            if recurrent_bias is not None:
                m = [ops.add(a, b) for a, b in zip(m, ops.split(recurrent_bias, 3))]
        else:
            n = 2 * self.units
            m = products(parts[:2], self.recurrent_kernel[:, :n], 2)
        z = self.recurrent_activation(ops.add(x[0], m[0]))
        r = self.recurrent_activation(ops.add(x[1], m[1]))
        if self.reset_after:
            recurrent = ops.multiply(r, m[2])
        else:
            recurrent = ops.matmul(ops.multiply(r, parts[2]), self.recurrent_kernel[:, n:])
        candidate = self.activation(ops.add(x[2], recurrent))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1, z), candidate))
        return h, [h] if nested else h

    def _fuses(self):
        return fused.has_kernel(self)

    def _run_sequence(self, sequences, states, mask, backwards, sequence, training):
        input_bias, recurrent_bias = self._biases()
        operands = [fused.input_products(self, sequences, input_bias, training),
                    self.recurrent_kernel]  # fmt: skip
        if self.reset_after:
            if recurrent_bias is None:
                recurrent_bias = ops.zeros((3 * self.units,), dtype=self.compute_dtype)
            operands.append(recurrent_bias)
        kind = "gru" if self.reset_after else "gru_before"
        return fused.run(self, kind, [*operands, *states], mask, backwards, sequence, training)


@of_cell("units", "recurrent_activation", "reset_after")
class GRU(CellLayer):
    """The gated recurrent unit along time; the formulas are those of `GRUCell`.

    Args:
        units: size of the state and of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
        bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
        kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
        seed, reset_after: see `GRUCell`.
        activity_regularizer: penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        use_cudnn: accepted; one kernel computes the whole sequence where the gates are sigmoids and
            the activation is tanh, relu, sigmoid or linear.

    Example:
        >>> layers.GRU(4)(ops.ones((2, 5, 3))).shape
        (2, 4)
    """

    cell_class, cell_name = GRUCell, "gru_cell"

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
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
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        reset_after=True,
        use_cudnn="auto",
        **kwargs,
    ):
        self._make(locals())

    def get_config(self):
        return {**super().get_config(), "seed": self.cell.seed}

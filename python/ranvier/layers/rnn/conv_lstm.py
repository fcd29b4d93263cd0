"""Convolutional LSTM layers in one, two and three spatial dimensions."""

from __future__ import annotations

from ranvier import tree
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.rnn.cell import CellLayer, of_cell
from ranvier.layers.rnn.conv_lstm_cell import ConvLSTMCell, convolution_config


@of_cell(
    "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
    "recurrent_activation", "unit_forget_bias",
)  # fmt: skip
class ConvLSTM(CellLayer):
    """Long short-term memory with convolutions (Shi et al., 2015), along time.

    Call arguments:
        sequences: (batch, time, spatial..., channels), or channels before space with
            `channels_first`.
        initial_state, mask, training: see `RNN`.
    """

    rank: int  # number of spatial dimensions
    cell_class, cell_name = ConvLSTMCell, "conv_lstm_cell"

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
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
        **kwargs,
    ):
        self._make({**locals(), "rank": self.rank})
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def _cell_extras(self, kwargs):
        return {"dtype": kwargs.get("dtype")}

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, steps = sequences_shape[:2]
        state = (batch, *self.cell.compute_output_shape((batch, *sequences_shape[2:]))[0][1:])
        output = (batch, steps, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output

    def compute_mask(self, _, mask):
        mask = tree.flatten(mask)[0]
        output_mask = mask if self.return_sequences else None
        return [output_mask, None, None] if self.return_state else output_mask

    def get_config(self):
        return {**super().get_config(), **convolution_config(self), "seed": self.cell.seed}


class ConvLSTM1D(ConvLSTM):
    """Convolutional LSTM (Shi et al., 2015) over (batch, time, rows, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed: of the convolutions (see `Conv2D`)
            and gates (see `LSTM`).
        return_sequences, return_state, go_backwards, stateful: see `RNN`.

    Example:
        >>> layers.ConvLSTM1D(3, 3)(ops.ones((2, 5, 8, 1))).shape
        (2, 6, 3)
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """Convolutional LSTM (Shi et al., 2015) over (batch, time, rows, columns, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed: of the convolutions (see `Conv2D`)
            and gates (see `LSTM`).
        return_sequences, return_state, go_backwards, stateful: see `RNN`.

    Example:
        >>> layers.ConvLSTM2D(3, 3)(ops.ones((2, 5, 8, 8, 1))).shape
        (2, 6, 6, 3)
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """Convolutional LSTM (Shi et al., 2015) over (batch, time, depth, rows, columns, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed: of the convolutions (see `Conv2D`)
            and gates (see `LSTM`).
        return_sequences, return_state, go_backwards, stateful: see `RNN`.

    Example:
        >>> layers.ConvLSTM3D(3, 3)(ops.ones((2, 5, 4, 8, 8, 1))).shape
        (2, 2, 6, 6, 3)
    """

    rank = 3

"""The cell of the convolutional LSTM layers."""

from __future__ import annotations

from ranvier import ops
from ranvier.config import standardize_data_format
from ranvier.layers._parts import check_channels, check_padding, tuple_of
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.rnn.cell import RecurrentCell
from ranvier.symbolic.keras_tensor import KerasTensor


class ConvLSTMCell(RecurrentCell):
    """One step of long short-term memory with convolutions in place of products (Shi et al., 2015).

    Args:
        rank: number of spatial dimensions.
        filters: channels of the states and of the output.
        kernel_size, strides, dilation_rate: one int or one per spatial dimension; strides and
            dilation are those of the input's convolution, the state's keeps its size.
        padding: "valid" or "same", of the input's convolution.
        data_format: "channels_last" (default) or "channels_first".
        activation, recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout,
            seed and the arguments of the weights: see `LSTMCell`.

    Call arguments:
        inputs: (batch, spatial..., channels), the inputs of one step.
        states: [h, c], each (batch, spatial..., filters).
    """

    gates = 4

    def __init__(
        self,
        rank,
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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        arguments = dict(locals())
        super().__init__(**kwargs)
        if rank > 3:
            raise ValueError(
                f"Rank {rank} convolutions are not currently implemented. Received: rank={rank}"
            )
        self.rank, self.filters = rank, filters
        self.kernel_size = tuple_of(kernel_size, rank, "kernel_size")
        self.strides = tuple_of(strides, rank, "strides", allow_zero=True)
        self.padding = check_padding(padding)
        self.data_format = standardize_data_format(data_format)
        self.dilation_rate = tuple_of(dilation_rate, rank, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Please "
                "provide `strides=1` or `dilation_rate=1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )
        self.unit_forget_bias = unit_forget_bias
        self._take_arguments(arguments)
        self.dropout_mask_count = self.gates
        self.input_spec = InputSpec(ndim=rank + 2)
        self.state_size = -1  # states have the shape of a convolution's output

    @property
    def _channel_axis(self):
        return -1 if self.data_format == "channels_last" else 1

    def build(self, inputs_shape, states_shape=None):
        last = self.data_format == "channels_last"
        self.spatial_dims = inputs_shape[1:-1] if last else inputs_shape[2:]
        if None in self.spatial_dims:
            raise ValueError(
                "ConvLSTM layers only support static input shapes for the spatial dimension. "
                f"Received invalid input shape: input_shape={inputs_shape}"
            )
        self.input_dim = check_channels(inputs_shape, self._channel_axis, self)
        self.input_spec = InputSpec(shape=(None, *inputs_shape[1:]))
        n = self.filters
        self.kernel_shape = (*self.kernel_size, self.input_dim, 4 * n)
        self._add_weights(
            self.kernel_shape, (*self.kernel_size, n, 4 * n), (4 * n,), self._forget_bias(n)
        )

    def input_conv(self, x, w, b=None, padding="valid"):
        """The convolution of the inputs, with the bias where there is one."""
        out = ops.conv(x, w, strides=self.strides, padding=padding, data_format=self.data_format,
                       dilation_rate=self.dilation_rate)  # fmt: skip
        if b is None:
            return out
        if self.data_format == "channels_first":
            b = ops.reshape(b, (1, -1) + (1,) * self.rank)
        return ops.add(out, b)

    def recurrent_conv(self, x, w):
        """The convolution of the state: its size stays."""
        return ops.conv(x, w, strides=1, padding="same", data_format=self.data_format)

    def _convolved(self, parts, kernel, conv, bias=None):
        """The four gates' convolutions, side by side; one where all see the same input."""
        if all(part is parts[0] for part in parts):
            return conv(parts[0], kernel, bias)
        kernels = ops.split(ops.convert_to_tensor(kernel), 4, axis=self.rank + 1)
        biases = [None] * 4 if bias is None else ops.split(bias, 4)
        gates = [conv(*each) for each in zip(parts, kernels, biases)]
        return ops.concatenate(gates, axis=self._channel_axis)

    def call(self, inputs, states, training=False):
        h, c = states[0], states[1]
        x = self._convolved(
            self._input_parts(inputs, training), self.kernel,
            lambda x, w, b: self.input_conv(x, w, b, padding=self.padding), self.bias,
        )  # fmt: skip
        r = self._convolved(
            self._state_parts(h, training), self.recurrent_kernel,
            lambda x, w, b: self.recurrent_conv(x, w),
        )  # fmt: skip
        i, f, g, o = ops.split(ops.add(x, r), 4, axis=self._channel_axis)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        c = ops.add(ops.multiply(f, c), ops.multiply(i, self.activation(g)))
        h = ops.multiply(o, self.activation(c))
        return h, [h, c]

    def compute_output_shape(self, inputs_shape, states_shape=None):
        channels = inputs_shape[self._channel_axis]
        out = self.input_conv(
            KerasTensor(inputs_shape), KerasTensor((*self.kernel_size, channels, self.filters)),
            padding=self.padding,
        )  # fmt: skip
        return out.shape, [out.shape, out.shape]

    def get_initial_state(self, batch_size=None):
        """Zero states; the cell must be built."""
        if self.data_format == "channels_last":
            shape = (batch_size, *self.spatial_dims, self.input_dim)
        else:
            shape = (batch_size, self.input_dim, *self.spatial_dims)
        shape = self.compute_output_shape(shape)[0]
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self):
        return {**super().get_config(), **convolution_config(self), "rank": self.rank}


def convolution_config(owner) -> dict:
    """The config entries of the convolutions, of the cell and of the layer."""
    names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")
    return {name: getattr(owner, name) for name in names}

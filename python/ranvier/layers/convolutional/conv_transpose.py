"""Transposed convolution layers."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers._parts import check_channels, check_padding, tuple_of
from ranvier.layers.convolutional.base_conv import BaseConv


class BaseConvTranspose(BaseConv):
    """The transpose of a convolution: it enlarges what a convolution of the same arguments shrinks.

    Args:
        output_padding: added to the output's sizes; they are ambiguous for strides above one.
    """

    def __init__(self, rank, filters, kernel_size, output_padding=None, **kwargs):
        super().__init__(rank, filters, kernel_size, **kwargs)
        self.padding = check_padding(self.padding)
        self.output_padding = (
            None
            if output_padding is None
            else tuple_of(output_padding, rank, "output_padding", allow_zero=True)
        )
        if any(p >= s for p, s in zip(self.output_padding or (), self.strides)):
            raise ValueError(
                "`output_padding` must be strictly less than `strides` for all dimensions. "
                f"Received: output_padding={self.output_padding}, strides={self.strides}"
            )

    def build(self, input_shape):
        channels = check_channels(input_shape, self._channel_axis, self)
        self.kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, self.filters, channels),
            initializer=self.kernel_initializer, regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )  # fmt: skip
        self._finish_build(channels, self.filters)

    def convolution_op(self, inputs, kernel):
        return ops.conv_transpose(
            inputs, kernel, strides=self.strides, padding=self.padding,
            output_padding=self.output_padding, dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )  # fmt: skip

    def get_config(self):
        config = {**super().get_config(), "output_padding": self.output_padding}
        config.pop("groups")
        return config


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution over (batch, steps, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: see `Conv1D`.
        output_padding: added to the output's sizes, which are ambiguous for strides above one.

    Example:
        >>> layers.Conv1DTranspose(8, 3, strides=2)(ops.ones((2, 10, 4))).shape
        (2, 21, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=1,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution over (batch, height, width, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: see `Conv2D`.
        output_padding: added to the output's sizes, which are ambiguous for strides above one.

    Example:
        >>> layers.Conv2DTranspose(8, 3, strides=2)(ops.ones((2, 7, 7, 4))).shape
        (2, 15, 15, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=2,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution over (batch, depth, height, width, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: see `Conv2D`.
        output_padding: added to the output's sizes, which are ambiguous for strides above one.

    Example:
        >>> layers.Conv3DTranspose(8, 3, strides=2)(ops.ones((1, 4, 4, 4, 2))).shape
        (1, 9, 9, 9, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1, 1),
        padding="valid",
        data_format=None,
        output_padding=None,
        dilation_rate=(1, 1, 1),
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=3,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )

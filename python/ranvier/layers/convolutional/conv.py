"""Convolution layers in one, two and three dimensions."""

from __future__ import annotations

from ranvier.layers.convolutional.base_conv import ForwardConv


class Conv1D(ForwardConv):
    """Convolution over (batch, steps, channels).

    Args:
        filters: channels of the output.
        kernel_size, strides, dilation_rate: an int, or one per spatial axis.
        padding: "valid", "same", or "causal": step t sees steps up to t.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        groups: the channels are cut into so many groups, each convolved alone.
        activation: a function or its name.
        use_bias: whether a vector is added.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            kernel_constraint, bias_constraint: of the weights.
        activity_regularizer: penalty on the output.
        kwargs: those of `Layer`, and lora_rank, lora_alpha: see `enable_lora`.

    Example:
        >>> layers.Conv1D(8, 3)(ops.ones((2, 10, 4))).shape
        (2, 8, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
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
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
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


class Conv2D(ForwardConv):
    """Convolution over (batch, height, width, channels).

    Args:
        filters: channels of the output.
        kernel_size, strides, dilation_rate: an int, or one per spatial axis.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        groups: the channels are cut into so many groups, each convolved alone.
        activation: a function or its name.
        use_bias: whether a vector is added.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            kernel_constraint, bias_constraint: of the weights.
        activity_regularizer: penalty on the output.
        kwargs: those of `Layer`, and lora_rank, lora_alpha: see `enable_lora`.

    Example:
        >>> layers.Conv2D(8, 3, padding="same", activation="relu")(ops.ones((2, 28, 28, 1))).shape
        (2, 28, 28, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        groups=1,
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
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
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


class Conv3D(ForwardConv):
    """Convolution over (batch, depth, height, width, channels).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            groups, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: see `Conv2D`.

    Example:
        >>> layers.Conv3D(8, 3)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 4, 4, 4, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1, 1),
        groups=1,
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
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
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

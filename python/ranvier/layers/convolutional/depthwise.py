"""Depthwise and separable convolution layers."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers._parts import check_channels, take_weight_arguments, weight_config
from ranvier.layers.convolutional.base_conv import BaseConv


def _positive(depth_multiplier):
    if depth_multiplier is None or depth_multiplier <= 0:
        raise ValueError(
            "Invalid value for argument `depth_multiplier`. Expected a strictly positive "
            f"value. Received depth_multiplier={depth_multiplier}."
        )
    return depth_multiplier


class BaseDepthwiseConv(BaseConv):
    """Each channel convolved with `depth_multiplier` filters of its own.

    Args:
        depth_multiplier: outputs per channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
    """

    _dilates_with_strides = True

    def __init__(self, rank, depth_multiplier, kernel_size, depthwise_initializer="glorot_uniform",
                 depthwise_regularizer=None, depthwise_constraint=None, **kwargs):  # fmt: skip
        super().__init__(rank, None, kernel_size, **kwargs)
        self.depth_multiplier = _positive(depth_multiplier)
        take_weight_arguments(
            self, depthwise_initializer=depthwise_initializer,
            depthwise_regularizer=depthwise_regularizer, depthwise_constraint=depthwise_constraint,
        )  # fmt: skip

    def build(self, input_shape):
        channels = check_channels(input_shape, self._channel_axis, self)
        self.kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer, regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )  # fmt: skip
        self._finish_build(channels, channels * self.depth_multiplier)

    def convolution_op(self, inputs, kernel):
        inputs, padding = self._padded(inputs)
        return ops.depthwise_conv(
            inputs,
            kernel,
            strides=self.strides,
            padding=padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )

    def get_config(self):
        config = {**super().get_config(), "depth_multiplier": self.depth_multiplier}
        for key in (
            "filters",
            "groups",
            "kernel_initializer",
            "kernel_regularizer",
            "kernel_constraint",
        ):
            config.pop(key)
        return {**config, **weight_config(self, "depthwise")}


class BaseSeparableConv(BaseConv):
    """A depthwise convolution followed by a 1x1 convolution.

    Args:
        depth_multiplier: outputs of the depthwise part per channel.
        depthwise_initializer, pointwise_initializer: starting values; the rest alike.
    """

    _dilates_with_strides = True

    def __init__(
        self,
        rank,
        depth_multiplier,
        filters,
        kernel_size,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        **kwargs,
    ):
        super().__init__(rank, filters, kernel_size, **kwargs)
        self.depth_multiplier = _positive(depth_multiplier)
        take_weight_arguments(
            self,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
        )

    def build(self, input_shape):
        channels = check_channels(input_shape, self._channel_axis, self)
        self.depthwise_kernel = self.add_weight(
            name="depthwise_kernel", shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer, regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )  # fmt: skip
        self.pointwise_kernel = self.add_weight(
            name="pointwise_kernel",
            shape=(*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
            initializer=self.pointwise_initializer, regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )  # fmt: skip
        self._finish_build(channels, self.filters)

    def call(self, inputs):
        inputs, padding = self._padded(inputs)
        return self._finish(
            ops.separable_conv(
                inputs,
                self.depthwise_kernel,
                self.pointwise_kernel,
                strides=self.strides,
                padding=padding,
                dilation_rate=self.dilation_rate,
                data_format=self.data_format,
            )
        )

    def get_config(self):
        config = {**super().get_config(), "depth_multiplier": self.depth_multiplier}
        for key in ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            config.pop(key)
        return {**config, **weight_config(self, "depthwise", "pointwise")}


class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise convolution over (batch, steps, channels).

    Args:
        depth_multiplier: outputs per channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, activity_regularizer, bias_constraint: see `Conv1D`.

    Example:
        >>> layers.DepthwiseConv1D(3, depth_multiplier=2)(ops.ones((2, 10, 4))).shape
        (2, 8, 8)
    """

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=1,
            kernel_size=kernel_size,
            depth_multiplier=depth_multiplier,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class SeparableConv1D(BaseSeparableConv):
    """Separable convolution over (batch, steps, channels).

    Args:
        filters: channels of the output.
        depth_multiplier: outputs per channel between the two convolutions.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the first kernel.
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: of the 1x1 kernel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, activity_regularizer, bias_constraint: see `Conv1D`.

    Example:
        >>> layers.SeparableConv1D(8, 3)(ops.ones((2, 10, 4))).shape
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
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=1,
            depth_multiplier=depth_multiplier,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class DepthwiseConv2D(BaseDepthwiseConv):
    """Depthwise convolution over (batch, height, width, channels).

    Args:
        depth_multiplier: outputs per channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, activity_regularizer, bias_constraint: see `Conv2D`.

    Example:
        >>> layers.DepthwiseConv2D(3, depth_multiplier=2)(ops.ones((2, 8, 8, 4))).shape
        (2, 6, 6, 8)
    """

    def __init__(
        self,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=2,
            kernel_size=kernel_size,
            depth_multiplier=depth_multiplier,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class SeparableConv2D(BaseSeparableConv):
    """Separable convolution over (batch, height, width, channels).

    Args:
        filters: channels of the output.
        depth_multiplier: outputs per channel between the two convolutions.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the first kernel.
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: of the 1x1 kernel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, activity_regularizer, bias_constraint: see `Conv2D`.

    Example:
        >>> layers.SeparableConv2D(8, 3)(ops.ones((2, 8, 8, 4))).shape
        (2, 6, 6, 8)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=2,
            depth_multiplier=depth_multiplier,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )

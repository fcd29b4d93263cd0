"""What all convolution layers share."""

from __future__ import annotations

from ranvier import activations, ops, regularizers
from ranvier.config import standardize_data_format
from ranvier.layers._parts import (
    activation_config,
    check_channels,
    check_padding,
    take_weight_arguments,
    tuple_of,
    weight_config,
)
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.layers.weight_forms.low_rank import LowRankWeight


class BaseConv(Layer):
    """activation(conv(inputs, kernel) + bias) in `rank` spatial dimensions.

    Args:
        rank: number of spatial dimensions.
        filters: channels of the output.
        kernel_size, strides, dilation_rate: one int or one per spatial dimension.
        padding: "valid", "same", or "causal" in one dimension.
        data_format: "channels_last" (default) or "channels_first".
        groups: channels are cut into that many groups convolved alone.
    """

    # Whether strides and dilation may both be above 1; only depthwise layers allow it, as in Keras.
    _dilates_with_strides = False

    def __init__(
        self,
        rank,
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
        trainable=True,
        name=None,
        **kwargs,
    ):
        super().__init__(
            trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs
        )
        self.rank = rank
        self.filters, self.groups = filters, groups
        self.kernel_size = tuple_of(kernel_size, rank, "kernel_size")
        self.strides = tuple_of(strides, rank, "strides")
        self.dilation_rate = tuple_of(dilation_rate, rank, "dilation_rate")
        self.padding = check_padding(padding, allow_causal=rank == 1)
        self.data_format = standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        take_weight_arguments(
            self,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.input_spec = InputSpec(min_ndim=rank + 2)
        self._check_arguments()

    def _check_arguments(self):
        if self.filters is not None and self.filters <= 0:
            raise ValueError(
                f"Invalid value for argument `filters`. Expected a strictly positive value. "
                f"Received filters={self.filters}."
            )
        if self.groups <= 0:
            raise ValueError(
                f"The number of groups must be a positive integer. Received: groups={self.groups}."
            )
        if self.filters is not None and self.filters % self.groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={self.groups}, filters={self.filters}."
            )
        if not self._dilates_with_strides and max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
                f"Received: strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    @property
    def _channel_axis(self):
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape):
        channels = check_channels(input_shape, self._channel_axis, self)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels (full input "
                f"shape is {input_shape})."
            )
        self.kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, channels // self.groups, self.filters),
            initializer=self.kernel_initializer, regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )  # fmt: skip
        self._finish_build(channels, self.filters)

    def _finish_build(self, channels, outputs):
        """The bias, and the spec of the inputs; the kernels are there."""
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(outputs,), initializer=self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={self._channel_axis: channels})

    def convolution_op(self, inputs, kernel):
        """The product of inputs and kernel; subclasses may replace it."""
        inputs, padding = self._padded(inputs)
        return ops.conv(inputs, kernel, strides=self.strides, padding=padding,
                        dilation_rate=self.dilation_rate, data_format=self.data_format)  # fmt: skip

    def _padded(self, inputs):
        """(inputs, padding) for the op, which knows no "causal"."""
        if self.padding != "causal":
            return inputs, self.padding
        left = (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)
        last = self.data_format == "channels_last"
        return ops.pad(inputs, [(0, 0), left, (0, 0)] if last else [(0, 0), (0, 0), left]), "valid"

    def call(self, inputs):
        return self._finish(self.convolution_op(inputs, self.kernel))

    def _finish(self, x):
        """Bias and activation."""
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, -1) + (1,) * self.rank)
            x = ops.add(x, bias)
        return x if self.activation is None else self.activation(x)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size,
                "strides": self.strides, "padding": self.padding, "data_format": self.data_format,
                "dilation_rate": self.dilation_rate, "groups": self.groups,
                "activation": activation_config(self), "use_bias": self.use_bias,
                "activity_regularizer": regularizers.serialize(self.activity_regularizer),
                **weight_config(self, "kernel", "bias")}  # fmt: skip


class ForwardConv(LowRankWeight, BaseConv):
    """A convolution whose kernel may have a low-rank addition; see `LowRankWeight`.

    Args:
        rank: number of spatial dimensions.
        lora_rank: trains a product of two matrices of this rank instead of the kernel; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`.
        kwargs: see `BaseConv`.
    """

    def __init__(self, rank, filters, kernel_size, lora_rank=None, lora_alpha=None, **kwargs):
        super().__init__(rank, filters, kernel_size, **kwargs)
        self._take_lora_arguments(lora_rank, lora_alpha)

    @property
    def kernel(self):
        """(sizes..., channels / groups, filters): the variable, or its sum with a LoRA product."""
        return self._current_weight()

    @kernel.setter
    def kernel(self, value):
        self._kernel = value

    def build(self, input_shape):
        super().build(input_shape)
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, lora_alpha=self.lora_alpha)

    def get_config(self):
        return {**super().get_config(), **self._lora_config()}

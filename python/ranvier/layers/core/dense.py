"""The fully connected layer."""

from __future__ import annotations

from ranvier import activations, ops
from ranvier.layers._parts import activation_config, take_weight_arguments, weight_config
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.weight_forms.layouts import MatrixLayout
from ranvier.layers.weight_forms.quantizable import QuantizableWeight


class Dense(QuantizableWeight):
    """activation(inputs · kernel + bias), over the last axis.

    Args:
        units: size of the output's last axis.
        activation: name or function; linear when `None`.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: starting values.
        kernel_regularizer, bias_regularizer: penalties.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: projections after each update.
        lora_rank: trains a product of two matrices of this rank instead of the kernel; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`.
        quantization_config: for a layer with a quantized dtype policy.

    Example:
        >>> layers.Dense(10, activation="softmax")(ops.ones((2, 64))).shape
        (2, 10)
    """

    _modes = ("int8", "int4", "float8", "gptq", "awq")
    _layout = MatrixLayout()

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 lora_rank=None, lora_alpha=None, quantization_config=None, **kwargs):  # fmt: skip
        if not isinstance(units, int) or units <= 0:
            raise ValueError(
                "Received an invalid value for `units`, expected a positive integer. Received: "
                f"units={units!r}"
            )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
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
        self._take_lora_arguments(lora_rank, lora_alpha)
        self.quantization_config = quantization_config
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape):
        size = input_shape[-1]
        if size is None:
            raise ValueError(
                "Dense: the last axis of the input must be known. Received: "
                f"input_shape={input_shape}"
            )
        self._build_weight(
            (size, self.units), initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.units,), initializer=self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank)

    @property
    def kernel(self):
        """(inputs, units): the variable, or its sum with a LoRA product."""
        return self._current_weight()

    def call(self, inputs, training=None):
        form = self._form
        x = form.product(self, inputs, training)
        if self.bias is not None:
            x = ops.add(x, form.bias(self))
        return x if self.activation is None else self.activation(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "activation": activation_config(self),
                "use_bias": self.use_bias, **weight_config(self, "kernel", "bias"),
                **self._quantization_arguments()}  # fmt: skip

"""A dense layer over any axes."""

from __future__ import annotations

from ranvier import activations, ops, regularizers
from ranvier.initializers import VarianceScaling
from ranvier.layers._parts import activation_config, take_weight_arguments, weight_config
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.weight_forms.layouts import EinsumLayout
from ranvier.layers.weight_forms.quantizable import QuantizableWeight
from ranvier.symbolic import KerasTensor


class EinsumDense(QuantizableWeight):
    """activation(einsum(equation, inputs, kernel) + bias).

    Args:
        equation: such as "abc,cd->abd"; the kernel is its second operand.
        output_shape: sizes of the output without the batch; `None` entries follow from the input.
        activation: name or function.
        bias_axes: output letters that the bias has; no bias when `None`.
        kernel_initializer, bias_initializer: starting values.
        kernel_regularizer, bias_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.
        lora_rank: trains a product of two matrices of this rank instead of the kernel; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`.
        gptq_unpacked_column_size: columns of a kernel that GPTQ has packed.
        quantization_config: for a layer with a quantized dtype policy.

    Example:
        >>> layers.EinsumDense("abc,cd->abd", output_shape=(None, 10))(ops.ones((2, 5, 8))).shape
        (2, 5, 10)
    """

    _modes = ("int8", "int4", "float8", "gptq", "awq")

    def __init__(
        self,
        equation,
        output_shape,
        activation=None,
        bias_axes=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        lora_rank=None,
        lora_alpha=None,
        gptq_unpacked_column_size=None,
        quantization_config=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
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
        self.gptq_unpacked_column_size = gptq_unpacked_column_size
        self.quantization_config = quantization_config

    def build(self, input_shape):
        kernel_shape, bias_shape = self._weight_shapes(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._layout = EinsumLayout(self.equation, len(input_shape))
        self._build_weight(
            tuple(kernel_shape), initializer=self._initializer_by_axes(),
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                name="bias", shape=bias_shape, initializer=self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip

        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, lora_alpha=self.lora_alpha)

    def _initializer_by_axes(self):
        """The kernel's initializer; one that scales by fans counts the equation's axes as such."""
        initializer = self.kernel_initializer
        if not isinstance(initializer, VarianceScaling) or not (
            initializer.input_axes is None or initializer.output_axes is None
        ):
            return initializer
        _, _, rest = self.equation.replace(" ", "").partition(",")
        kernel, _, out = rest.partition("->")
        inputs = [i for i, c in enumerate(kernel) if c not in out]
        outputs = [i for i, c in enumerate(kernel) if c in out]
        config = {**initializer.get_config(), "seed": initializer.seed,
                  "input_axes": inputs, "output_axes": outputs}  # fmt: skip
        return type(initializer).from_config(config)

    @property
    def kernel(self):
        """The variable, or its sum with a LoRA product."""
        return self._current_weight()

    def compute_output_shape(self, input_shape):
        """What `output_shape` announces; its sizes that are `None` stay unknown, as in Keras."""
        self._weight_shapes(input_shape)
        operands, _, _ = self.equation.partition(",")
        elided = len(input_shape) - len(operands.replace(" ", "").replace("...", ""))
        batch, partial = input_shape[:1], self.partial_output_shape
        if operands.strip().startswith("..."):
            return (*batch, *input_shape[1:elided], *partial)
        return (*batch, *partial, *input_shape[len(input_shape) - elided :])

    def compute_output_spec(self, inputs, *args, **kwargs):
        spec = super().compute_output_spec(inputs, *args, **kwargs)
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=spec.dtype)

    def _weight_shapes(self, input_shape):
        operands, _, out = self.equation.replace(" ", "").partition("->")
        left, _, kernel = operands.partition(",")
        if not out or not kernel:
            raise ValueError(
                f"Invalid einsum equation '{self.equation}'. Equations must be in the form "
                "[X],[Y]->[Z], "
                "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
            )
        trailing = left.startswith("...")
        letters_in, letters_out = left.replace("...", ""), out.replace("...", "")
        # With leading dots sizes are read from the end, else from the start.
        sizes = (
            dict(zip(reversed(letters_in), reversed(input_shape)))
            if trailing
            else dict(zip(letters_in, input_shape))
        )
        full_out = (
            self.partial_output_shape if trailing else (input_shape[0], *self.partial_output_shape)
        )
        pairs = (
            zip(reversed(letters_out), reversed(full_out))
            if trailing
            else zip(letters_out, full_out)
        )
        for letter, size in pairs:
            if size is None:
                continue
            if letter in letters_in and sizes[letter] != size:
                raise ValueError(
                    "Input shape and output shape do not match at shared dimension "
                    f"'{letter}'. Input shape is {sizes[letter]}, and output shape is {size}."
                )
            sizes.setdefault(letter, size)
        for letter in kernel:
            if letter not in sizes:
                raise ValueError(
                    f"Weight dimension '{letter}' did not have a match in either the input spec "
                    f"'{letters_in}' or the output spec '{letters_out}'. For this layer, the "
                    "weight must "
                    "be fully specified."
                )
        bias_shape = None
        if self.bias_axes:
            first = min(letters_out.index(c) for c in self.bias_axes)
            bias_shape = [sizes[c] if c in self.bias_axes else 1 for c in letters_out[first:]]
            if out.endswith("..."):
                bias_shape += [1] * (len(input_shape) - len(letters_in))
        return [sizes[c] for c in kernel], bias_shape

    def call(self, inputs, training=None):
        form = self._form
        x = form.product(self, inputs, training)
        if self.bias is not None:
            x = ops.add(x, form.bias(self))
        return x if self.activation is None else self.activation(x)

    def get_config(self):
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activation_config(self),
            "bias_axes": self.bias_axes,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **weight_config(self, "kernel", "bias"),
            **self._quantization_arguments(),
        }

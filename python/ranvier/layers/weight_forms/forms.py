"""The forms of a weight: plain, int8, int4, float8, and the two that calibration makes.

A form has no state: variables belong to the layer. It says which variables there are (`build`),
what the weight is as floats (`weight`), how it is made from floats (`encode`), and how inputs meet
it (`product` for kernels, `rows` for tables).
"""

from __future__ import annotations

import math

from ranvier import ops, quantizers
from ranvier.dtype_policies import QuantizedFloat8DTypePolicy
from ranvier.quantizers.config import QuantizationConfig, block_size_of
from ranvier.quantizers.float8 import float8_max
from ranvier.quantizers.rounding import dequantize_with_sz_map


def low_rank_term(layer, x):
    """alpha / rank * (x A) B."""
    a, b = layer._lora_parts()
    term = ops.matmul(layer._layout.contract(x, a), b)
    return ops.multiply(layer.lora_alpha / layer.lora_rank, term)


def _with_low_rank(layer, x, y):
    if not layer.lora_enabled:
        return y
    return ops.cast(ops.add(y, low_rank_term(layer, x)), layer.compute_dtype)


class PlainForm:
    """The weight itself, a trained variable."""

    stores_weight = False  # whether `build` makes the weight's variable
    suffixes: tuple[str, ...] = ()

    def build(self, layer, shape, config):
        """Adds the variables of the form."""

    def base(self, layer):
        """The weight before any LoRA product, as the layer's property shows it."""
        return layer._stored()

    def weight(self, layer):
        """The weight as floats, without a LoRA product."""
        return layer._stored()

    def product(self, layer, x, training):
        """Inputs times weight."""
        return layer._layout.contract(x, layer._current_weight())

    def rows(self, layer, ids):
        """Rows of a table."""
        rows = ops.take(layer._current_weight(), ids, axis=0)
        return ops.cast(rows, layer.compute_dtype)

    def reverse(self, layer, x):
        """Inputs times the table of a reversible layer, transposed."""
        return ops.matmul(*layer.in_reverse_dtype(x, layer.reverse_matrix()))

    def bias(self, layer):
        """The bias as it is added."""
        return layer.bias


class _IntegerForm(PlainForm):
    """Integers with scales; gradients go to the inputs by way of the weight as floats."""

    stores_weight = True

    def _add(self, layer, suffix, shape, dtype=None, initializer="zeros"):
        name = layer._weight_name + suffix
        variable = layer.add_weight(
            name=name, shape=shape, initializer=initializer, dtype=dtype, trainable=False
        )
        setattr(layer, name if suffix else f"_{name}", variable)

    def product(self, layer, x, training):
        @ops.custom_gradient
        def contracted(x, *variables):
            def grad(*args, upstream=None):
                dy = args[0] if upstream is None else upstream
                dx = layer._layout.contract_back(dy, self.weight(layer))
                return (dx, *(None for _ in variables))

            return self._forward(layer, x), grad

        own = [layer._stored(suffix) for suffix in ("", *self.suffixes)]
        y = contracted(x, *(v.value for v in own if v is not None))
        return _with_low_rank(layer, x, y)

    def rows(self, layer, ids):
        rows = self._dequantized_rows(layer, ids)
        if not layer.lora_enabled:
            return rows
        a, b = layer._lora_parts()
        term = ops.matmul(ops.take(a, ids, axis=0), b)
        scaled = ops.multiply(layer.lora_alpha / layer.lora_rank, term)
        return ops.cast(ops.add(rows, scaled), layer.compute_dtype)

    def reverse(self, layer, x):
        scale, input_scale = layer._stored("_scale"), None
        if layer.inputs_quantizer:
            x, input_scale = layer.inputs_quantizer(x, axis=-1)
        if len(scale.shape) == 1:
            y = ops.matmul(x, ops.transpose(self._integers(layer)))
            y = ops.divide(ops.cast(y, layer.compute_dtype), scale)
        else:
            y = ops.matmul(x, ops.transpose(self.weight(layer)))
        return y if input_scale is None else ops.divide(y, input_scale)

    def _quantized_inputs(self, layer, x):
        """`(inputs, their scale beside the result or None)`."""
        if not layer.inputs_quantizer:
            return x, None
        x, scale = layer.inputs_quantizer(x, axis=layer._layout.input_axes)
        return x, layer._layout.input_scale(scale)


class Int8Form(_IntegerForm):
    """int8 with one scale for each output: weight = integers / scale."""

    suffixes = ("_scale",)

    def build(self, layer, shape, config):
        layer.inputs_quantizer = QuantizationConfig.activation_quantizer_or_default(
            config, quantizers.AbsMaxQuantizer()
        )
        self._add(layer, "", shape, "int8")
        self._add(layer, "_scale", layer._layout.scale_shape(shape), initializer="ones")

    def encode(self, layer, weight, config):
        """Values of the variables for a weight of floats."""
        quantizer = QuantizationConfig.weight_quantizer_or_default(
            config, quantizers.AbsMaxQuantizer(axis=layer._layout.weight_axes)
        )
        integers, scale = quantizer(weight, to_numpy=True)
        return {"": integers, "_scale": layer._layout.stored_scale(scale)}

    def weight(self, layer):
        scale = layer._layout.weight_scale(layer._stored("_scale"))
        return ops.divide(ops.cast(layer._stored(), layer.compute_dtype), scale)

    def _integers(self, layer):
        return layer._stored().value

    def _forward(self, layer, x):
        x, input_scale = self._quantized_inputs(layer, x)
        scale = layer._stored("_scale").value
        if input_scale is not None:
            scale = ops.multiply(scale, input_scale)
        y = layer._layout.contract(x, layer._stored().value)
        return ops.divide(ops.cast(y, layer.compute_dtype), scale)

    def _dequantized_rows(self, layer, ids):
        rows = ops.cast(ops.take(layer._stored(), ids, axis=0), layer.compute_dtype)
        scale = ops.take(layer._stored("_scale"), ids, axis=0)
        return ops.divide(rows, ops.expand_dims(scale, axis=-1))


class Int4Form(_IntegerForm):
    """Two 4-bit integers in a byte along the last axis of the weight as a matrix.

    With blocks: weight = (integers - zero) * scale for each block of `group_axis`; without:
    integers / scale.
    """

    suffixes = ("_scale", "_zero")

    def build(self, layer, shape, config):
        layer.inputs_quantizer = QuantizationConfig.activation_quantizer_or_default(config, None)
        rows, columns = layer._layout.matrix_shape(shape)
        block = block_size_of(layer, config)
        layer._int4_block_size = block
        layer._original_shape, layer._matrix_shape = tuple(shape), (rows, columns)
        self._add(layer, "", (rows, (columns + 1) // 2), "int8")
        by_rows = layer._layout.group_axis == 0
        kept, grouped = (columns, rows) if by_rows else (rows, columns)
        if block is None:
            self._add(layer, "_scale", (kept,), initializer="ones")
            return
        groups = math.ceil(grouped / block)
        sizes = (groups, kept) if by_rows else (kept, groups)
        self._add(layer, "_scale", sizes, initializer="ones")
        self._add(layer, "_zero", sizes, "int8")
        layer.g_idx = layer.add_weight(
            name="g_idx", shape=(grouped,), dtype="float32", trainable=False,
            initializer=lambda shape, dtype: ops.floor_divide(
                ops.arange(shape[0], dtype=dtype), block
            ),
        )  # fmt: skip

    def encode(self, layer, weight, config):
        matrix = ops.reshape(weight, layer._layout.matrix_shape(weight.shape))
        axis = layer._layout.group_axis
        block = block_size_of(layer, config)
        if block is None:
            quantizer = QuantizationConfig.weight_quantizer_or_default(
                config,
                quantizers.AbsMaxQuantizer(axis=axis, value_range=(-8, 7), output_dtype="int8"),
            )
            integers, scale = quantizer(matrix, to_numpy=True)
            values = {"_scale": ops.squeeze(scale, axis=axis)}
        else:
            turned = matrix if axis == 0 else ops.transpose(matrix)
            parts = quantizers.abs_max_quantize_grouped_with_zero_point(
                turned, block_size=block, to_numpy=True
            )
            integers, scale, zero = parts if axis == 0 else map(ops.transpose, parts)
            values = {"_scale": scale, "_zero": zero}
        return {"": quantizers.pack_int4(integers, axis=-1)[0], **values}

    def base(self, layer):
        return ops.reshape(self._integers(layer), layer._original_shape)

    def _integers(self, layer):
        return quantizers.unpack_int4(layer._stored(), layer._matrix_shape[1], axis=-1)

    def weight(self, layer):
        integers, scale = self._integers(layer), layer._stored("_scale")
        axis = layer._layout.group_axis
        if layer._int4_block_size is None:
            if axis == -1:
                scale = ops.expand_dims(scale, axis=-1)
            matrix = ops.divide(ops.cast(integers, layer.compute_dtype), scale)
        else:
            matrix = dequantize_with_sz_map(
                integers, scale, layer._stored("_zero"), layer.g_idx, group_axis=axis
            )
        return ops.reshape(ops.cast(matrix, layer.compute_dtype), layer._original_shape)

    def _forward(self, layer, x):
        x, input_scale = self._quantized_inputs(layer, x)
        y = layer._layout.contract(x, self.weight(layer))
        if input_scale is not None:
            y = ops.divide(ops.cast(y, layer.compute_dtype), input_scale)
        return y

    def _dequantized_rows(self, layer, ids):
        packed = ops.take(layer._stored(), ids, axis=0)
        integers = quantizers.unpack_int4(packed, layer._matrix_shape[1], axis=-1)
        rows = ops.cast(integers, layer.compute_dtype)
        scale = ops.take(layer._stored("_scale"), ids, axis=0)
        if layer._int4_block_size is None:
            return ops.divide(rows, ops.expand_dims(scale, axis=-1))
        zero = ops.take(layer._stored("_zero"), ids, axis=0)
        rows = dequantize_with_sz_map(rows, scale, zero, layer.g_idx, group_axis=-1)
        return ops.cast(rows, layer.compute_dtype)


_FLOAT8_NAMES = ("inputs", "kernel", "outputs_grad")


class Float8Form(PlainForm):
    """Inputs and weight in float8_e4m3fn, gradients of outputs in float8_e5m2, for training.

    Scales follow a history of largest magnitudes; their "gradients" are their next values.
    """

    suffixes = ("inputs_scale", "inputs_amax_history", "kernel_scale", "kernel_amax_history",
                "outputs_grad_scale", "outputs_grad_amax_history")  # fmt: skip

    def build(self, layer, shape, config):
        length = getattr(
            layer.own_policy, "amax_history_length",
            QuantizedFloat8DTypePolicy.default_amax_history_length,
        )  # fmt: skip
        for name in _FLOAT8_NAMES:
            for kind, size, initializer in (
                ("scale", (), "ones"),
                ("amax_history", (length,), "zeros"),
            ):
                variable = layer.add_weight(
                    name=f"{name}_{kind}", shape=size, initializer=initializer, dtype="float32",
                    trainable=True, autocast=False, overwrite_with_gradient=True,
                )  # fmt: skip
                setattr(layer, f"{name}_{kind}", variable)

    def product(self, layer, x, training):
        if layer.lora_enabled:
            raise NotImplementedError("Currently, `_float8_call` doesn't support LoRA")
        y = layer._layout.contract(
            self._rounded(layer, "inputs", x, training),
            self._rounded(layer, "kernel", layer._stored(), training),
        )
        return self._rounds_gradient(layer, y)

    @staticmethod
    def _next(value, scale, history, dtype):
        limit = ops.cast(float8_max(dtype), "float32")
        return (
            quantizers.compute_float8_scale(ops.max(history, axis=0), scale, limit),
            quantizers.compute_float8_amax_history(value, history),
        )

    def _rounded(self, layer, name, value, training):
        dtype = "float8_e4m3fn"

        @ops.custom_gradient
        def rounded(value, scale, history):
            after = self._next(value, scale, history, dtype) if training else (None, None)
            result = quantizers.quantize_and_dequantize(value, scale, dtype, layer.compute_dtype)

            def grad(*args, upstream=None):
                return (args[0] if upstream is None else upstream, *after)

            return result, grad

        return rounded(ops.convert_to_tensor(value), *self._state(layer, name))

    def _rounds_gradient(self, layer, y):
        dtype = "float8_e5m2"

        @ops.custom_gradient
        def same(y, scale, history):
            def grad(*args, upstream=None):
                dy = args[0] if upstream is None else upstream
                rounded = quantizers.quantize_and_dequantize(dy, scale, dtype, layer.compute_dtype)
                return (rounded, *self._next(dy, scale, history, dtype))

            return y, grad

        return same(y, *self._state(layer, "outputs_grad"))

    @staticmethod
    def _state(layer, name):
        return (
            getattr(layer, f"{name}_scale").value,
            getattr(layer, f"{name}_amax_history").value,
        )

    def bias(self, layer):
        # As the fused kernels of accelerators add it: a float32 bias has bfloat16's digits.
        if layer.compute_dtype != "float32":
            return layer.bias
        return ops.cast(ops.cast(layer.bias, "bfloat16"), "float32")


FORMS: dict[str | None, PlainForm] = {
    None: PlainForm(),
    "int8": Int8Form(),
    "int4": Int4Form(),
    "float8": Float8Form(),
}

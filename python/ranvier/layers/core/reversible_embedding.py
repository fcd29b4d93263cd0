"""A table of vectors that also maps vectors back to logits."""

from __future__ import annotations

import math

from ranvier import ops, quantizers
from ranvier.layers.core.embedding import Embedding
from ranvier.quantizers.config import QuantizationConfig, block_size_of
from ranvier.quantizers.rounding import dequantize_with_sz_map


class ReversibleEmbedding(Embedding):
    """Looks up rows of a table, and in reverse multiplies by it: the first and the last layer of a
    language model in one (Press and Wolf 2016).

    Args:
        input_dim: number of rows; indices are below it.
        output_dim: size of a row.
        tie_weights: whether the reverse product uses the table itself, or a matrix of its own.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 marks padding.
        reverse_dtype: dtype of the reverse product; that of its input when `None`.
        logit_soft_cap: bound of the logits: tanh(logits / cap) * cap.

    Call arguments:
        inputs: (...,) integers; in reverse (..., output_dim) floats.
        reverse: whether to give (..., input_dim) logits.

    Example:
        >>> table = layers.ReversibleEmbedding(1000, 64)
        >>> x = table(np.array([[4, 10, 2]]))
        >>> table(x, reverse=True).shape
        (1, 3, 1000)
    """

    _modes = ("int8", "int4")

    def __init__(
        self,
        input_dim,
        output_dim,
        tie_weights=True,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        embeddings_constraint=None,
        mask_zero=False,
        reverse_dtype=None,
        logit_soft_cap=None,
        **kwargs,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape=None):
        super().build(input_shape)
        if not self.tie_weights and not self.quantization_mode:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
                trainable=True,
            )

    def call(self, inputs, reverse=False):
        if not reverse:
            rows = super().call(inputs)
            mask = super().compute_mask(inputs)
            if mask is not None:
                rows._keras_mask = mask
            return rows
        own = not self.tie_weights and self.quantization_mode
        logits = self._times_integers(inputs) if own else self._form.reverse(self, inputs)
        if self.logit_soft_cap is not None:
            logits = ops.multiply(
                ops.tanh(ops.divide(logits, self.logit_soft_cap)), self.logit_soft_cap
            )
        return logits

    def reverse_matrix(self):
        """(output_dim, input_dim): the transposed table, or the matrix of its own."""
        return ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings

    def in_reverse_dtype(self, *tensors):
        """The operands of the reverse product in its dtype."""
        if self.reverse_dtype is None:
            return tensors
        return tuple(ops.cast(x, self.reverse_dtype) for x in tensors)

    # -- a reverse matrix of its own as integers, with one scale a column or a block of a column

    def quantized_build(self, kernel_shape, mode, config=None):
        super().quantized_build(kernel_shape, mode, config)
        if self.tie_weights:
            return
        block = self._int4_block_size if mode == "int4" else None
        rows = self.output_dim if mode == "int8" else (self.output_dim + 1) // 2
        sizes = (self.input_dim,)
        if block is not None:
            sizes = (math.ceil(self.output_dim / block), self.input_dim)
        self._add_reverse("", (rows, self.input_dim), "zeros", dtype="int8")
        self._add_reverse("_scale", sizes, "ones")
        if block is not None:
            self._add_reverse("_zero", sizes, "zeros")

    def _add_reverse(self, suffix, shape, initializer, dtype=None):
        name = f"reverse_embeddings{suffix}"
        variable = self.add_weight(
            name=name, shape=shape, initializer=initializer, dtype=dtype, trainable=False
        )
        setattr(self, name, variable)

    def quantize(self, mode=None, type_check=True, config=None):
        own = not self.tie_weights and mode in self._modes
        values = self._reverse_integers(mode, config) if own else {}
        if own:
            del self.reverse_embeddings
        super().quantize(mode, type_check=type_check, config=config)
        for suffix, value in values.items():
            getattr(self, f"reverse_embeddings{suffix}").assign(value)

    def _reverse_integers(self, mode, config):
        """Values of the variables of the reverse matrix."""
        block = block_size_of(self, config) if mode == "int4" else None
        if block is None:
            narrow = {"value_range": (-8, 7), "output_dtype": "int8"} if mode == "int4" else {}
            quantizer = QuantizationConfig.weight_quantizer_or_default(
                config, quantizers.AbsMaxQuantizer(axis=0, **narrow)
            )
            integers, scale = quantizer(self.reverse_embeddings, to_numpy=True)
            values = {"_scale": ops.squeeze(scale, axis=0)}
        else:
            integers, scale, zero = quantizers.abs_max_quantize_grouped_with_zero_point(
                self.reverse_embeddings, block_size=block, to_numpy=True
            )
            values = {"_scale": scale, "_zero": zero}
        return {"": quantizers.pack_int4(integers, axis=0)[0] if mode == "int4" else integers,
                **values}  # fmt: skip

    def _times_integers(self, x):
        integers, scale, input_scale = self.reverse_embeddings, self.reverse_embeddings_scale, None
        if self.quantization_mode == "int4":
            integers = quantizers.unpack_int4(integers, self.output_dim, axis=0)
        if self.inputs_quantizer:
            x, input_scale = self.inputs_quantizer(x, axis=-1)
        if len(scale.shape) == 1:
            y = ops.divide(ops.cast(ops.matmul(x, integers), self.compute_dtype), scale)
        else:
            matrix = dequantize_with_sz_map(
                ops.cast(integers, self.compute_dtype), scale, self.reverse_embeddings_zero,
                self.g_idx, group_axis=0,
            )  # fmt: skip
            y = ops.matmul(x, ops.cast(matrix, self.compute_dtype))
        return y if input_scale is None else ops.divide(y, input_scale)

    @property
    def variable_serialization_spec(self) -> dict:
        """By quantization mode, the names of what is stored, in order."""
        spec = super().variable_serialization_spec
        if not self.tie_weights:
            for mode, names in spec.items():
                suffixes = {"int8": ("_scale",), "int4": ("_scale", "_zero")}.get(mode, ())
                names.extend(f"reverse_embeddings{suffix}" for suffix in ("", *suffixes))
        return spec

    def compute_mask(self, inputs, mask=None):
        """None: `call` attaches the mask itself, and only to looked-up rows."""
        return None

    def compute_output_shape(self, input_shape, reverse=False):
        """(..., output_dim); in reverse (..., input_dim)."""
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }

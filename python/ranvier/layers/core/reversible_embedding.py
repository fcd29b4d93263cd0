"""A table of vectors that also maps vectors back to logits."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.core.embedding import Embedding


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

        table = layers.ReversibleEmbedding(1000, 64)
        logits = table(network(table(tokens)), reverse=True)
    """

    _other_weights = ("reverse_embeddings",)
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
        if not self.tie_weights:
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
        logits = self._form.reverse(self, inputs)
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

    def _form_of(self, mode):
        if mode is not None and not self.tie_weights:
            raise NotImplementedError(
                f"ReversibleEmbedding: mode '{mode}' needs tie_weights=True; a reverse matrix of "
                "its own has no quantized form. Hint: quantize an Embedding and a Dense instead."
            )
        return super()._form_of(mode)

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

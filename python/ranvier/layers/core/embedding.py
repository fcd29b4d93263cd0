"""A table of vectors, one per index."""

from __future__ import annotations

import warnings

from ranvier import constraints, initializers, ops, regularizers
from ranvier.layers.weight_forms.layouts import TableLayout
from ranvier.layers.weight_forms.quantizable import QuantizableWeight


def _size(value, name):
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r} (of type "
            f"{type(value).__name__})."
        )
    return value


class Embedding(QuantizableWeight):
    """Looks up rows of a trained table: (…,) integers -> (…, output_dim).

    Args:
        input_dim: number of rows; indices are below it.
        output_dim: size of a row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 marks padding.
        weights: starting values of the table.
        lora_rank: trains a product of two matrices of this rank instead of the table; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`.
        quantization_config: for a layer with a quantized dtype policy.

    Example:
        >>> layers.Embedding(1000, 64)(np.array([[4, 10], [2, 999]])).shape
        (2, 2, 64)
    """

    _weight_name = "embeddings"
    _other_weights: tuple = ()
    _modes: tuple = ("int8", "int4")
    _layout = TableLayout()

    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        embeddings_constraint=None,
        mask_zero=False,
        weights=None,
        lora_rank=None,
        lora_alpha=None,
        quantization_config=None,
        **kwargs,
    ):
        _size(input_dim, "input_dim")
        _size(output_dim, "output_dim")
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Argument `input_length` is deprecated. Just remove it.", stacklevel=2)
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = input_dim, output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._take_lora_arguments(lora_rank, lora_alpha)
        self.quantization_config = quantization_config
        if weights is not None:
            self.build()
            if not (isinstance(weights, list) and len(weights) == 1):
                weights = [weights]
            self.set_weights(weights)

    def build(self, input_shape=None):
        if self.built:
            return
        self._build_weight(
            (self.input_dim, self.output_dim), initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )  # fmt: skip
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank)

    @property
    def embeddings(self):
        """(input_dim, output_dim): the variable, or its sum with a LoRA product."""
        return self._current_weight()

    def call(self, inputs):
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        return self._form.rows(self, inputs)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self):
        return {**super().get_config(), "input_dim": self.input_dim, "output_dim": self.output_dim,
                "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
                "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
                "activity_regularizer": regularizers.serialize(self.activity_regularizer),
                "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
                "mask_zero": self.mask_zero, **self._quantization_arguments()}  # fmt: skip

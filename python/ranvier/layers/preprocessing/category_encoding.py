"""CategoryEncoding: category indices as dense rows."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.layer import Layer
from ranvier.layers.preprocessing.encoding import encode, encoded_shape
from ranvier.python_numbers import whole
from ranvier.symbolic.keras_tensor import KerasTensor


class CategoryEncoding(Layer):
    """Rows of size `num_tokens` from integer categories.

    Args:
        num_tokens: number of categories; an index outside of [0, num_tokens) leaves zeros.
        output_mode: "multi_hot" (1 for every category of the sample), "one_hot" (a row per
            number) or "count" (how often each category occurs).
        sparse: kept for Keras programs; results are dense.

    Input: integers (batch, items), (items,) or (). Output: (batch, num_tokens); with "one_hot" the
    input's shape (without a last axis of size 1) and `num_tokens`.

    Raises:
        ValueError: no `num_tokens`, an unknown mode, `count_weights` in a mode other than "count".

    Example:
        >>> layer = layers.CategoryEncoding(num_tokens=3, output_mode="count")
        >>> layer(np.array([[0, 2, 2]])).tolist()
        [[1.0, 0.0, 2.0]]
    """

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        if output_mode not in ("count", "one_hot", "multi_hot"):
            raise ValueError(
                f"Unknown arg for output_mode: {output_mode}. Expected 'count', 'one_hot' or "
                "'multi_hot'."
            )
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known "
                "beforehand, use the IntegerLookup layer instead."
            )
        self.num_tokens = whole("num_tokens", num_tokens, 1)
        self.output_mode = output_mode
        self.sparse = sparse
        self._allow_non_tensor_positional_args = True
        self._convert_input_args = False

    def call(self, inputs, count_weights=None):
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    "`count_weights` is not used when `output_mode` is not `'count'`. Received "
                    f"`count_weights={count_weights}`."
                )
            count_weights = ops.convert_to_tensor(count_weights, dtype=self.compute_dtype)
        indices = ops.convert_to_tensor(inputs)
        if not indices.dtype.startswith(("int", "uint")):
            indices = ops.cast(indices, "int32")
        return encode(indices, self.output_mode, self.num_tokens, self.dtype, count_weights)

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs, count_weights=None):
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }

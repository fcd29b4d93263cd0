"""Attention whose query heads share key and value heads."""

from __future__ import annotations

import math

from ranvier import config, constraints, initializers, ops, regularizers
from ranvier.layers.activations.activation import Softmax
from ranvier.layers.attention import _projections as parts
from ranvier.layers.layer import Layer
from ranvier.layers.regularization.dropout import Dropout


class GroupedQueryAttention(Layer):
    """Multi-head attention with fewer key and value heads ("GQA", Ainslie et al. 2023).

    Every `num_query_heads / num_key_value_heads` neighbouring query heads use one head of keys and
    values. One key head is multi-query attention; as many as query heads, multi-head attention.

    Args:
        head_dim: size of a head.
        num_query_heads: heads of the query.
        num_key_value_heads: heads of key and value; divides `num_query_heads`.
        dropout: share of the weights set to zero while training.
        use_bias: whether the projections have biases.
        sliding_window: a query sees keys less than this many positions away.
        flash_attention: `True` refuses what the tiled kernel cannot do (dropout, scores).
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint: of every projection.
        use_gate: the heads are multiplied by sigmoid(projection of the query).
        seed: of the dropout.

    Call arguments: those of `MultiHeadAttention`, with query (batch, query_time, features), value
    and key (batch, key_time, features).

    Raises:
        ValueError: the numbers of heads do not divide.

    Example:
        >>> layer = layers.GroupQueryAttention(16, num_query_heads=4, num_key_value_heads=2)
        >>> layer(ops.ones((2, 5, 8)), ops.ones((2, 7, 8))).shape
        (2, 5, 8)
    """

    _keras_name = "GroupQueryAttention"

    def __init__(
        self,
        head_dim,
        num_query_heads,
        num_key_value_heads,
        dropout=0.0,
        use_bias=True,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.head_dim = head_dim
        self.num_query_heads, self.num_key_value_heads = num_query_heads, num_key_value_heads
        if num_query_heads % num_key_value_heads != 0:
            raise ValueError(
                "`num_query_heads` must be divisible by `num_key_value_heads`. Received: "
                f"num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        self.num_repeats = num_query_heads // num_key_value_heads
        self.dropout, self.use_bias, self.use_gate = dropout, use_bias, use_gate
        parts.check_window(sliding_window)
        self.sliding_window = sliding_window
        self._flash_attention = flash_attention or config.is_flash_attention_enabled()
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.seed = seed
        self._inverse_sqrt_head_dim = 1.0 / math.sqrt(float(head_dim))
        self._return_attention_scores = False
        parts.check_flash(self._flash_attention, dropout)

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        self.feature_dim = query_shape[-1]
        queries, keys = self.num_query_heads, self.num_key_value_heads
        self._query_dense = self._heads("query", queries, query_shape)
        self._key_dense = self._heads("key", keys, key_shape)
        if self.use_gate:
            self._gate_dense = self._heads("gate", queries, query_shape, activation="sigmoid")
        self._value_dense = self._heads("value", keys, value_shape)
        self._softmax = Softmax(axis=-1, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(rate=self.dropout, dtype=self.dtype_policy, seed=self.seed)
        self._dot_product_equation = "bquh,bkuh->buqk"
        self._combine_equation = "buqk,bkuh->bquh"
        self._output_dense = parts.projection(
            self, "attention_output", "bquh,uhm->bqm", (None, self.feature_dim),
            "m" if self.use_bias else None,
        )  # fmt: skip
        self._output_dense.build((None, None, queries, self.head_dim))

    def _heads(self, name, heads, shape, **extra):
        equation = "bqm,muh->bquh" if name in ("query", "gate") else "bkm,mvh->bkvh"
        bias_axes = equation[-2:] if self.use_bias else None
        sizes = (None, heads, self.head_dim)
        dense = parts.projection(self, name, equation, sizes, bias_axes, **extra)
        dense.build(shape)
        return dense

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
    ):
        self._return_attention_scores = return_attention_scores
        key = value if key is None else key
        masks = (query_mask, value_mask, key_mask, attention_mask)
        own = type(self)._compute_attention is GroupedQueryAttention._compute_attention
        causal_only = (
            use_causal_mask
            and own
            and all(mask is None for mask in masks)
            and self.sliding_window is None
        )
        if not causal_only:
            attention_mask = self._compute_attention_mask(
                query, value, *masks, use_causal_mask=use_causal_mask
            )
        gate = self._gate_dense(query) if self.use_gate else None
        query, key, value = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        if not (own and parts.without_scores(self, query, self._return_attention_scores)):
            key = ops.repeat(key, self.num_repeats, axis=2)
            value = ops.repeat(value, self.num_repeats, axis=2)
        output, scores = self._compute_attention(
            query,
            key,
            value,
            attention_mask=attention_mask,
            training=training,
            **({"use_causal_mask": True} if causal_only else {}),
        )
        output = self._output_dense(output if gate is None else ops.multiply(output, gate))
        return (output, scores) if return_attention_scores else output

    def _compute_attention(
        self,
        query,
        key,
        value,
        attention_mask=None,
        training=None,
        use_causal_mask=False,
    ):
        """(output, scores) of projected tensors; scores are `None` where nobody needs them."""
        return parts.attend(
            self, query, key, value, attention_mask,
            lambda scaled: ops.einsum(self._dot_product_equation, scaled, key),
            scale=self._inverse_sqrt_head_dim, causal=use_causal_mask, training=training,
            scores_asked=self._return_attention_scores, heads_axis=-3,
        )  # fmt: skip

    def _masked_softmax(self, scores, attention_mask=None):
        if attention_mask is not None:
            attention_mask = parts.spread_heads(attention_mask, len(scores.shape), -3)
        return self._softmax(scores, mask=attention_mask)

    def _compute_attention_mask(
        self,
        query,
        value,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        use_causal_mask=False,
    ):
        """All masks as one that broadcasts to (batch, query_time, key_time), or `None`."""
        causal = self._compute_causal_mask(query, value) if use_causal_mask else None
        band = None
        if self.sliding_window is not None:
            band = parts.band_mask(query.shape[1], value.shape[1], self.sliding_window)
        joined = parts.join_masks(query_mask, value_mask, key_mask, causal, band)
        if joined is None or attention_mask is None:
            return attention_mask if joined is None else joined
        return ops.logical_and(ops.cast(attention_mask, "bool"), joined)

    def _compute_causal_mask(self, query, value=None):
        return parts.causal_mask(query.shape[1], (query if value is None else value).shape[1])

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        """The query's shape."""
        key_shape = value_shape if key_shape is None else key_shape
        received = f"Received: query_shape={query_shape}, value_shape={value_shape}"
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(
                "The last dimension of `query_shape` and `value_shape` must be equal, but are "
                f"{query_shape[-1]}, {value_shape[-1]}. {received}"
            )
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                "All dimensions of `value` and `key`, except the last one, must be equal. "
                f"{received}, key_shape={key_shape}"
            )
        return tuple(query_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "dropout": self.dropout,
            **parts.projection_config(self),
            "seed": self.seed,
        }

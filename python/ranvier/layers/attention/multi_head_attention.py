"""Multi-head attention."""

from __future__ import annotations

import math
import string

from ranvier import config, constraints, initializers, ops, regularizers
from ranvier.errors import AxisError
from ranvier.layers.activations.activation import Softmax
from ranvier.layers.attention import _projections as parts
from ranvier.layers.layer import Layer
from ranvier.layers.regularization.dropout import Dropout
from ranvier.symbolic.probe import probing


class MultiHeadAttention(Layer):
    """Attention of several heads, each over projections of its own ("Attention is all you need",
    Vaswani et al. 2017).

    Query, key and value are projected to heads; every query position takes the mean of the values
    weighted by softmax(query · key / sqrt(key_dim)); the heads are projected back together.

    Args:
        num_heads: number of heads.
        key_dim: size of a head of query and key.
        value_dim: size of a head of value; `key_dim` when `None`.
        dropout: share of the weights set to zero while training.
        use_bias: whether the projections have biases.
        output_shape: feature sizes of the output; those of the query when `None`.
        attention_axes: axes attended over; all but batch and features when `None`.
        sliding_window: a query sees keys less than this many positions away.
        flash_attention: `True` refuses what the tiled kernel cannot do (dropout, scores).
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint: of every projection.
        use_gate: the heads are multiplied by sigmoid(projection of the query).
        seed: of the dropout.

    Call arguments:
        query: (batch, query_time, features).
        value: (batch, key_time, value_features).
        key: (batch, key_time, key_features); `value` when not given.
        attention_mask: (batch, query_time, key_time), or with heads after the batch; false where a
            position must not be seen. Masks of the inputs join it.
        return_attention_scores: whether (output, scores) come back, with scores
            (batch, heads, query_time, key_time).
        use_causal_mask: whether a position sees no later one.

    Raises:
        ValueError: sizes that are no positive integers, or shapes that do not fit.

    Example:
        >>> layer = layers.MultiHeadAttention(num_heads=2, key_dim=16)
        >>> x = ops.ones((2, 5, 8))
        >>> layer(x, x, use_causal_mask=True).shape
        (2, 5, 8)
    """

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
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
        _check_sizes(num_heads=num_heads, key_dim=key_dim, value_dim=value_dim)
        super().__init__(**kwargs)
        self.supports_masking = True
        self._num_heads, self._key_dim = num_heads, key_dim
        self._value_dim = value_dim or key_dim
        self._dropout, self._use_bias, self._use_gate = dropout, use_bias, use_gate
        self._output_shape = _feature_shape(output_shape)
        self._flash_attention = flash_attention or config.is_flash_attention_enabled()
        self._kernel_initializer = initializers.get(kernel_initializer)
        self._bias_initializer = initializers.get(bias_initializer)
        self._kernel_regularizer = regularizers.get(kernel_regularizer)
        self._bias_regularizer = regularizers.get(bias_regularizer)
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self._kernel_constraint = constraints.get(kernel_constraint)
        self._bias_constraint = constraints.get(bias_constraint)
        self._attention_axes = _axes(attention_axes)
        parts.check_window(sliding_window)
        self._sliding_window = sliding_window
        self.seed = seed
        self._inverse_sqrt_key_dim = 1.0 / math.sqrt(float(key_dim))
        parts.check_flash(self._flash_attention, dropout)

    num_heads = property(lambda self: self._num_heads)
    key_dim = property(lambda self: self._key_dim)
    value_dim = property(lambda self: self._value_dim)
    dropout = property(lambda self: self._dropout)
    use_bias = property(lambda self: self._use_bias)
    attention_axes = property(lambda self: self._attention_axes)
    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        _check_key_shape(value_shape, key_shape)
        self._query_dense = self._head_projection("query", query_shape, self._key_dim)
        self._key_dense = self._head_projection("key", key_shape, self._key_dim)
        if self._use_gate:
            self._gate_dense = self._head_projection(
                "gate", query_shape, self._value_dim, activation="sigmoid"
            )
        self._value_dense = self._head_projection("value", value_shape, self._value_dim)
        self._build_attention(len(value_shape) + 1)
        features = self._output_shape or (query_shape[-1],)
        equation, bias_axes, rank = _projection_equation(len(query_shape) - 1, 2, len(features))
        self._output_dense = parts.projection(
            self, "attention_output", equation, _padded(rank - 1, features),
            bias_axes if self._use_bias else None, prefix="_",
        )  # fmt: skip
        self._output_dense.build((*query_shape[:-1], self._num_heads, self._value_dim))

    def _head_projection(self, name, shape, size, **extra):
        equation, bias_axes, rank = _projection_equation(len(shape) - 1, 1, 2)
        dense = parts.projection(
            self, name, equation, _padded(rank - 1, (self._num_heads, size)),
            bias_axes if self._use_bias else None, prefix="_", **extra,
        )  # fmt: skip
        dense.build(shape)
        return dense

    def _build_attention(self, rank):
        """The equations of the scores, for projected tensors of the given rank."""
        if self._attention_axes is None:
            self._attention_axes = tuple(range(1, rank - 2))
        else:
            self._attention_axes = tuple(
                axis if axis >= 0 else rank - 1 + axis for axis in self._attention_axes
            )
        self._dot_product_equation, self._combine_equation, scores_rank = _attention_equations(
            rank, self._attention_axes
        )
        attended = range(scores_rank - len(self._attention_axes), scores_rank)
        self._softmax = Softmax(axis=tuple(attended), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(rate=self._dropout, dtype=self.dtype_policy, seed=self.seed)

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
        key = value if key is None else key
        _check_rank(self, query)
        # As in Keras, only a mask that the query itself carries counts.
        query_mask = parts.take_mask(query)
        parts.take_mask(value)
        parts.take_mask(key)
        masks = (query_mask, value_mask, key_mask, attention_mask)
        # A subclass with its own `_compute_attention` gets the causal mask as a tensor.
        causal_only = (
            use_causal_mask
            and all(mask is None for mask in masks)
            and self._sliding_window is None
            and type(self)._compute_attention is MultiHeadAttention._compute_attention
        )
        if not causal_only:
            attention_mask = self._compute_attention_mask(
                query, value, *masks, use_causal_mask=use_causal_mask
            )
        gate = self._gate_dense(query) if self._use_gate else None
        output, scores = self._compute_attention(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            attention_mask,
            training,
            return_attention_scores,
            **({"use_causal_mask": True} if causal_only else {}),
        )
        output = self._output_dense(output if gate is None else ops.multiply(output, gate))
        if query_mask is not None:
            output._keras_mask = query_mask
        return (output, scores) if return_attention_scores else output

    def _compute_attention(
        self,
        query,
        key,
        value,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
        use_causal_mask=False,
    ):
        """(output, scores) of projected tensors; scores are `None` where nobody needs them.

        Subclasses may override it. query: (batch, query_time, heads, key_dim), key and value alike.
        """
        return parts.attend(
            self, query, key, value, attention_mask,
            lambda scaled: ops.einsum(self._dot_product_equation, key, scaled),
            scale=self._inverse_sqrt_key_dim, causal=use_causal_mask, training=training,
            scores_asked=return_attention_scores, heads_axis=self._heads_axis,
        )  # fmt: skip

    @property
    def _heads_axis(self):
        """Where the heads stand in the scores, counted from the end."""
        return -len(self._attention_axes) * 2 - 1

    def _masked_softmax(self, attention_scores, attention_mask=None):
        if attention_mask is not None:
            attention_mask = parts.spread_heads(
                attention_mask, len(attention_scores.shape), self._heads_axis
            )
        return self._softmax(attention_scores, mask=attention_mask)

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
        if self._sliding_window is not None:
            band = parts.band_mask(query.shape[1], value.shape[1], self._sliding_window)
        given = None if attention_mask is None else ops.cast(attention_mask, "bool")
        return parts.join_masks(query_mask, value_mask, key_mask, causal, band, given)

    def _compute_causal_mask(self, query, value=None):
        return parts.causal_mask(query.shape[1], (query if value is None else value).shape[1])

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        """Shape of the output for the shapes of the inputs."""
        _check_key_shape(value_shape, value_shape if key_shape is None else key_shape)
        if self._output_shape:
            return (*query_shape[:-1], *self._output_shape)
        return tuple(query_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self._num_heads,
            "key_dim": self._key_dim,
            "value_dim": self._value_dim,
            "dropout": self._dropout,
            "use_bias": self._use_bias,
            "use_gate": self._use_gate,
            "output_shape": self._output_shape,
            "attention_axes": self._attention_axes,
            "sliding_window": self._sliding_window,
            **parts.projection_config(self, "_"),
            "seed": self.seed,
        }


def _check_sizes(**sizes):
    for name, size in sizes.items():
        if name == "value_dim" and size is None:
            continue
        if not isinstance(size, int) or size <= 0:
            optional = " or `None`" if name == "value_dim" else ""
            raise ValueError(
                f"Received an invalid value for argument `{name}`, expected a positive "
                f"integer{optional}. Received: {name}={size}"
            )


def _feature_shape(output_shape):
    if not output_shape:
        return output_shape
    if isinstance(output_shape, int):
        return (output_shape,)
    try:
        return tuple(output_shape)
    except TypeError:
        raise ValueError(
            f"Invalid `output_shape`: {output_shape}. When specified, the `output_shape` should "
            "be of type tuple, list, or int."
        ) from None


def _axes(attention_axes):
    if isinstance(attention_axes, int):
        return (attention_axes,)
    if attention_axes and not isinstance(attention_axes, (list, tuple)):
        raise ValueError(
            "`attention_axes` must be an int, list, or tuple. "
            f"Received: attention_axes={attention_axes}"
        )
    return attention_axes


def _check_key_shape(value_shape, key_shape):
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be equal. Received: "
            f"value_shape={value_shape} and key_shape={key_shape}"
        )


def _projection_equation(free, summed, made):
    """Equation, bias axes and output rank of a projection of the last `summed` axes."""
    letters = string.ascii_lowercase
    kept, gone = letters[:free], letters[free : free + summed]
    new = letters[free + summed : free + summed + made]
    return f"{kept}{gone},{gone}{new}->{kept}{new}", new, free + made


def _attention_equations(rank, attended):
    """Equations of scores(key, query) and output(scores, value), and the rank of the scores.

    Projected tensors are (batch, other axes, attended axes, heads, size) in any order of the middle
    axes; scores are (batch, other axes, heads, attended axes of query, of key).
    """
    letters = string.ascii_lowercase
    query = letters[:rank]
    fresh = iter(letters[rank:])
    batch = [i for i in range(rank - 1) if i not in attended]
    source = "".join(
        letters[i] if i in batch or i == rank - 1 else next(fresh) for i in range(rank)
    )
    scores = "".join(
        [query[i] for i in batch] + [query[i] for i in attended] + [source[i] for i in attended]
    )
    return f"{source},{query}->{scores}", f"{scores},{source}->{query}", len(scores)


def _padded(rank, sizes):
    return [None] * (rank - len(sizes)) + list(sizes)


def _check_rank(layer, query):
    if len(query.shape) < 3 and not probing():
        raise AxisError(
            f"MultiHeadAttention '{layer.name}': there is no axis to attend over. Expected a query "
            f"of shape (batch, ..., length, features). Received: query.shape={tuple(query.shape)}"
        )

"""Dot-product and additive attention without projections."""

from __future__ import annotations

from ranvier import ops, random
from ranvier.layers.layer import Layer


class Attention(Layer):
    """Mean of the values, weighted by softmax(scores of query and key) (Luong et al. 2015).

    Args:
        use_scale: whether a trained factor multiplies the scores.
        score_mode: "dot" (query · key) or "concat" (sum of tanh(query + key)).
        dropout: share of the weights set to zero while training.
        seed: of the dropout.

    Call arguments:
        inputs: [query (batch, query_time, dim), value (batch, key_time, dim)], and key, which is
            the value when left out.
        mask: [query_mask (batch, query_time), value_mask (batch, key_time)].
        return_attention_scores: whether (output, weights) come back, with weights
            (batch, query_time, key_time).
        use_causal_mask: whether a position sees no later one.

    Returns:
        (batch, query_time, dim); zero where the query is masked.

    Raises:
        ValueError: inputs or mask are no list of two or three.

    Example:
        >>> query, value = ops.ones((2, 5, 8)), ops.ones((2, 7, 8))
        >>> layers.Attention()([query, value]).shape
        (2, 5, 8)
    """

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.use_scale, self.score_mode, self.dropout = use_scale, score_mode, dropout
        self.seed = seed
        if self.dropout > 0:
            self.seed_generator = random.SeedGenerator(seed=seed)
        if self.score_mode not in ("dot", "concat"):
            raise ValueError(
                "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
                f"Received: score_mode={score_mode}"
            )

    def build(self, input_shape):
        self._validate_inputs(input_shape)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )

    def _calculate_scores(self, query, key):
        """(batch, query_time, key_time) scores before the softmax."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        total = _all_pairs(query, key)
        if self.scale is not None:
            total = ops.multiply(self.scale, total)
        return ops.multiply(self.concat_score_weight, ops.sum(ops.tanh(total), axis=-1))

    def _apply_scores(self, scores, value, scores_mask=None, training=False):
        """(output, weights) of scores; positions where the mask is false take no part."""
        if scores_mask is not None:
            hidden = ops.logical_not(scores_mask)
            if len(hidden.shape) == 2:
                hidden = ops.expand_dims(hidden, axis=-2)
            low = 65504.0 if scores.dtype == "float16" else 1.0e9
            scores = ops.where(hidden, ops.subtract(scores, low), scores)
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        return ops.matmul(weights, value), weights

    def _calculate_score_mask(self, scores, v_mask, use_causal_mask):
        if not use_causal_mask:
            return v_mask
        causal = ops.expand_dims(ops.tri(*scores.shape[-2:], dtype="bool"), 0)
        if v_mask is None:
            return causal
        return ops.logical_and(ops.expand_dims(v_mask, axis=-2), causal)

    def call(
        self,
        inputs,
        mask=None,
        training=False,
        return_attention_scores=False,
        use_causal_mask=False,
    ):
        self._validate_inputs(inputs=inputs, mask=mask)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = mask[:2] if mask else (None, None)
        scores = self._calculate_scores(query=query, key=key)
        scores_mask = self._calculate_score_mask(scores, value_mask, use_causal_mask)
        output, weights = self._apply_scores(
            scores=scores, value=value, scores_mask=scores_mask, training=training
        )
        if query_mask is not None:
            output = ops.where(ops.expand_dims(query_mask, axis=-1), output, 0.0)
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs, mask=None):
        self._validate_inputs(inputs=inputs, mask=mask)
        if mask is None or mask[0] is None:
            return None
        return ops.convert_to_tensor(mask[0])

    def compute_output_shape(self, input_shape):
        """(batch, query_time, dim of value)."""
        return (*input_shape[0][:-1], input_shape[1][-1])

    def _validate_inputs(self, inputs, mask=None):
        name = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(
                f"{name} layer must be called on a list of inputs, namely [query, value] or "
                f"[query, value, key]. Received: inputs={inputs}."
            )
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, namely [query, value] or "
                f"[query, value, key]. Received length: {len(inputs)}."
            )
        if mask is None:
            return
        if not isinstance(mask, list):
            raise ValueError(
                f"{name} layer mask must be a list, namely [query_mask, value_mask]. "
                f"Received: mask={mask}."
            )
        if len(mask) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts mask list of length 2 or 3. "
                f"Received: inputs={inputs}, mask={mask}."
            )

    def get_config(self):
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class AdditiveAttention(Attention):
    """Attention by the scores sum(scale * tanh(query + key)) (Bahdanau et al. 2015).

    Args:
        use_scale: whether a trained vector of size dim weighs the terms.
        dropout: share of the weights set to zero while training.

    Call arguments and results are those of `Attention`.

    Example:
        >>> query, value = ops.ones((2, 5, 8)), ops.ones((2, 7, 8))
        >>> layers.AdditiveAttention()([query, value]).shape
        (2, 5, 8)
    """

    def __init__(self, use_scale=True, dropout=0.0, **kwargs):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape):
        self._validate_inputs(input_shape)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=[input_shape[0][-1]], initializer="glorot_uniform"
            )

    def _calculate_scores(self, query, key):
        terms = ops.tanh(_all_pairs(query, key))
        return ops.sum(terms if self.scale is None else ops.multiply(self.scale, terms), axis=-1)

    def get_config(self):
        config = super().get_config()
        del config["score_mode"]
        return config


def _all_pairs(query, key):
    """(batch, query_time, key_time, dim): query + key of every pair of positions."""
    return ops.add(ops.expand_dims(query, axis=-2), ops.expand_dims(key, axis=-3))

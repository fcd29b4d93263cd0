"""What the layers with projected heads share: their projections, masks and the kernel's call."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import constraints, initializers, ops, regularizers
from ranvier.layers.core.einsum_dense import EinsumDense
from ranvier.ops.attention import flash_allowed, tiled_attention
from ranvier.random.seed import draw_seed

_KINDS = (("initializer", initializers), ("regularizer", regularizers), ("constraint", constraints))


def check_window(sliding_window) -> None:
    """`ValueError` unless `None` or a positive integer."""
    if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
        raise ValueError(
            "`sliding_window` must be `None` or a positive integer. "
            f"Received: sliding_window={sliding_window}"
        )


def check_flash(flash_attention, dropout) -> None:
    """`ValueError` where flash attention is asked for together with dropout."""
    if flash_attention and dropout > 0.0:
        raise ValueError(
            "Dropout is not supported when flash attention is enabled. "
            "Please set dropout to 0.0 to use flash attention."
        )


def projection_config(layer, prefix="") -> dict:
    """Config entries of the arguments that all projections of the layer share."""
    out = {}
    for kind, module in _KINDS:
        names = ("kernel", "bias", "activity") if kind == "regularizer" else ("kernel", "bias")
        for name in names:
            value = getattr(layer, f"{prefix}{name}_{kind}")
            out[f"{name}_{kind}"] = module.serialize(value)
    return out


def projection_arguments(layer, prefix="") -> dict:
    """Arguments of one projection. Its initializers are clones: one object draws one value."""
    out = {"dtype": layer.dtype_policy}
    for kind, _ in _KINDS:
        names = ("kernel", "bias", "activity") if kind == "regularizer" else ("kernel", "bias")
        for name in names:
            value = getattr(layer, f"{prefix}{name}_{kind}")
            if kind == "initializer" and isinstance(value, initializers.Initializer):
                value = type(value).from_config(value.get_config())
            out[f"{name}_{kind}"] = value
    return out


def projection(layer, name, equation, output_shape, bias_axes, prefix="", **extra) -> EinsumDense:
    """One projection of a layer with `use_bias`-like arguments."""
    return EinsumDense(
        equation,
        output_shape=output_shape,
        bias_axes=bias_axes,
        name=name,
        **extra,
        **projection_arguments(layer, prefix),
    )


def causal_mask(queries: int, keys: int):
    """(1, queries, keys): whether the key's position is not after the query's."""
    return ops.expand_dims(ops.tri(queries, keys, dtype="bool"), 0)


def band_mask(queries: int, keys: int, window: int):
    """(1, queries, keys): whether the two positions are less than `window` apart."""
    rows = ops.reshape(ops.arange(queries, dtype="int32"), (1, queries, 1))
    columns = ops.reshape(ops.arange(keys, dtype="int32"), (1, 1, keys))
    return ops.less(ops.absolute(ops.subtract(rows, columns)), window)


def join_masks(query_mask, value_mask, key_mask, *grids):
    """All that is given as one (batch, queries, keys) mask; `None` where nothing is.

    Args:
        query_mask: (batch, queries). value_mask, key_mask: (batch, keys).
        grids: masks that broadcast to (batch, queries, keys), or `None`.
    """
    parts = [
        ops.expand_dims(ops.cast(mask, "bool"), axis)
        for mask, axis in ((query_mask, -1), (value_mask, -2), (key_mask, -2))
        if mask is not None
    ]
    joined = None
    for mask in (*parts, *(g for g in grids if g is not None)):
        joined = mask if joined is None else ops.logical_and(joined, mask)
    return joined


def spread_heads(mask, rank: int, axis: int):
    """New axes for the heads, until the mask has the rank of the scores."""
    for _ in range(rank - len(mask.shape)):
        mask = ops.expand_dims(mask, axis)
    return mask


def attend(
    layer, query, key, value, mask, score, *, scale, causal, training, scores_asked, heads_axis
):
    """(output, scores) of projected tensors; scores are `None` where nobody needs them.

    Args:
        query, key, value: (batch, time, heads, size); of other ranks only with scores.
        mask: broadcasts to the scores once it has axes for the heads, at `heads_axis`.
        score: scores of the scaled query.
    """
    flash = layer._flash_attention
    if flash and scores_asked:
        raise ValueError(
            "Returning attention scores is not supported when flash attention is enabled. "
            "Please disable flash attention to access attention scores."
        )
    dropout = layer._dropout_layer
    drops = dropout.rate > 0.0
    if without_scores(layer, query, scores_asked):
        if mask is not None:
            mask = ops.cast(spread_heads(mask, 4, heads_axis), "bool")
        if drops:
            return _attend_with_dropout(
                query, key, value, mask, scale, causal, dropout, training
            ), None
        return ops.dot_product_attention(
            query, key, value, mask=mask, scale=scale, is_causal=causal, flash_attention=flash
        ), None
    if causal:
        given = None if mask is None else ops.cast(mask, "bool")
        mask = join_masks(None, None, None, given, layer._compute_causal_mask(query, value))
    scores = score(ops.multiply(query, ops.cast(scale, query.dtype)))
    scores = layer._masked_softmax(scores, mask)
    kept = dropout(scores, training=training) if drops else scores
    return ops.einsum(layer._combine_equation, kept, value), scores


def without_scores(layer, query, scores_asked) -> bool:
    """Whether a kernel that keeps no scores can do it; the tiled one draws the dropout itself."""
    if scores_asked or len(query.shape) != 4:
        return False
    tiled = query.dtype != "float64" and flash_allowed(layer._flash_attention)
    return tiled or layer._dropout_layer.rate == 0.0


def _attend_with_dropout(query, key, value, mask, scale, causal, dropout_layer, training):
    """Attention without scores that somebody sees, whose weights are dropped while training."""
    rate = dropout_layer.rate if training else 0.0
    if rate == 1:
        return ops.zeros((*query.shape[:3], value.shape[-1]), dtype=query.dtype)
    seed = draw_seed(dropout_layer.seed_generator) if rate else None
    return tiled_attention(
        query, key, value, None, mask, scale, causal, rate, seed, zero_masked=True
    )


def take_mask(tensor):
    """The tensor's mask, which it then has no more: the layer itself deals with it."""
    mask = getattr(tensor, "_keras_mask", None)
    if mask is not None and isinstance(tensor, B.Tensor):
        tensor._keras_mask = None
    return mask

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


def can_tile(query, flash_attention) -> bool:
    """Whether the tiled kernel may draw the dropout of the weights itself."""
    return query.dtype != "float64" and flash_allowed(flash_attention)


def attend_with_dropout(query, key, value, mask, scale, causal, dropout_layer, training):
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

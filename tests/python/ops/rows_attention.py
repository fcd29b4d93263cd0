"""Rows of attention, normalizations and adaptive pooling."""

from __future__ import annotations

import numpy as np
from op_rows import add, bools, f, pos


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(query, key, value, bias=None, mask=None, scale=None, is_causal=False):
    repeats = query.shape[2] // key.shape[2]
    key, value = np.repeat(key, repeats, 2), np.repeat(value, repeats, 2)
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    logits = np.einsum("btnh,bsnh->bnts", query, key) * scale
    logits = logits if bias is None else logits + bias
    if mask is not None:
        logits = np.where(mask, logits, -1e38)
    if is_causal:
        logits = np.where(np.tri(*logits.shape[-2:], dtype=bool), logits, -1e38)
    return np.einsum("bnts,bsnh->btnh", _softmax(logits), value)


def group(batch, time, source, heads, key_heads, size):
    other = (batch, source, key_heads, size)
    return f(batch, time, heads, size), f(*other), f(*other)


def attention(*args, **options):
    add("dot_product_attention", *args, reference=attend, **options)


attention(*group(2, 3, 4, 2, 2, 3), grad=True)
attention(*group(1, 5, 5, 2, 2, 4), is_causal=True, grad=True)
attention(*group(2, 3, 4, 4, 2, 3), scale=0.3)
attention(*group(2, 3, 4, 4, 1, 3), bias=f(2, 1, 3, 4))
attention(*group(2, 3, 4, 2, 2, 3), mask=bools(2, 1, 3, 4))
attention(*group(2, 3, 4, 2, 2, 3), mask=bools(2, 3, 4), keras=False)
attention(*group(2, 3, 4, 3, 3, 3), mask=bools(3, 4), bias=f(3, 3, 4))
attention(*group(2, 4, 4, 2, 2, 3), mask=bools(2, 1, 1, 4), is_causal=True)


def windows(reduce):
    def reference(x, output_size, data_format="channels_last"):
        x = x if data_format == "channels_last" else np.moveaxis(x, 1, -1)
        for axis, m in enumerate(output_size, start=1):
            n = x.shape[axis]
            cuts = [slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
            parts = [reduce(np.take(x, range(n)[c], axis), axis, keepdims=True) for c in cuts]
            x = np.concatenate(parts, axis)
        return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)

    return reference


for _name, _reduce in (("adaptive_average_pool", np.mean), ("adaptive_max_pool", np.max)):
    for _shape, _size in (
        ((2, 7, 3), (3,)),
        ((2, 6, 8, 3), (3, 2)),
        ((2, 5, 7, 2), (5, 4)),
        ((1, 4, 5, 6, 2), (3, 5, 1)),
    ):
        add(_name, f(*_shape), output_size=_size, reference=windows(_reduce), grad=True)
    add(_name, f(2, 3, 7, 5), output_size=(4, 2), data_format="channels_first",
        reference=windows(_reduce))  # fmt: skip
    add(_name, f(2, 3, 2), output_size=(7,), reference=windows(_reduce), keras=False)


def rms(x, scale=None, axis=-1, epsilon=1e-7):
    axis = tuple(axis) if isinstance(axis, list) else axis
    out = x / np.sqrt((x**2).mean(axis, keepdims=True) + epsilon)
    return out if scale is None else out * scale


def layer_norm(x, gamma=None, beta=None, axis=-1, epsilon=1e-7):
    axis = tuple(axis) if isinstance(axis, list) else axis
    out = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)
    out = out if gamma is None else out * gamma
    return out if beta is None else out + beta


add("rms_normalization", f(3, 4), scale=pos(4), epsilon=1e-3, reference=rms, grad=True)
add("rms_normalization", f(3, 4, 2), scale=pos(4, 2), axis=[1, 2], reference=rms)
add("rms_normalization", f(3, 4, 2), axis=1, reference=rms, grad=True)
add("layer_normalization", f(3, 4), gamma=pos(4), beta=f(4), epsilon=1e-3, reference=layer_norm)
add("layer_normalization", f(3, 4, 2), gamma=pos(4, 2), axis=[1, 2], reference=layer_norm)

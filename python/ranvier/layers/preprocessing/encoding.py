"""Category indices as one-hot, multi-hot and count arrays, in programs and on NumPy arrays."""

from __future__ import annotations

import numpy as np

from ranvier import ops

MODES = ("int", "one_hot", "multi_hot", "count")


def check_choice(value, allowed, layer, argument, allow_none=False, allow_callable=False) -> None:
    """Refuses an argument that is none of the allowed strings.

    Raises:
        ValueError: names the layer, the argument and what is allowed.
    """
    if (value is None and allow_none) or (allow_callable and callable(value)):
        return
    if isinstance(value, str) and value in allowed:
        return
    more = (["None"] if allow_none else []) + (["a callable"] if allow_callable else [])
    raise ValueError(
        f"Unknown value for `{argument}` argument of layer {type(layer).__name__}. Allowed values: "
        f"{', '.join([*map(repr, allowed), *more])}. Received: {argument}={value!r}"
    )


def check_salt(salt, layer):
    """The two integers of a `salt` argument, `None` for none; `ValueError` for anything else."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{type(layer).__name__}` can only be a tuple of size 2 integers, "
        f"or a single integer. Received: salt={salt}."
    )


def check_sparse(sparse, output_mode) -> None:
    """`sparse=True` is kept for Keras programs, and results are dense; indices cannot be sparse."""
    if sparse and output_mode == "int":
        raise ValueError(
            "`sparse` may only be true if `output_mode` is `'one_hot'`, `'multi_hot'`, `'count'` "
            f"or `'tf_idf'`. Received: sparse={sparse} and output_mode={output_mode}"
        )


def encoded_shape(shape, output_mode, depth) -> tuple:
    """The shape of `encode`'s result: what one-hot adds, or the sample axis replaced by `depth`."""
    shape = tuple(shape)
    if output_mode == "int":
        return shape
    if output_mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape or ()), depth)
    return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)


def encode(indices, output_mode, depth, dtype, count_weights=None):
    """Indices in one of the output modes; an index outside of [0, depth) leaves zeros.

    Args:
        indices: integers, (samples, items, ...), or (items,) of one sample.
        output_mode: "int" (as they are), "one_hot" (per item), "multi_hot" (1 where an item of the
            sample has the index) or "count" (how many do).
        depth: number of categories, the size of the new last axis.
        dtype: of the result; that of `count_weights` where they are given.
        count_weights: what each item counts, shaped like `indices`.
    """
    if output_mode == "int":
        return ops.cast(indices, dtype)
    if len(indices.shape) == 0:
        indices = ops.expand_dims(indices, -1)
    shape = tuple(indices.shape)
    if output_mode == "one_hot":
        if len(shape) > 1 and shape[-1] == 1:
            indices = ops.squeeze(indices, axis=-1)
        return ops.one_hot(indices, depth, dtype=dtype)
    axis = 1 if len(shape) > 1 else 0
    if output_mode == "multi_hot":
        return ops.max(ops.one_hot(indices, depth, dtype=dtype), axis=axis)
    weights = None if count_weights is None else ops.expand_dims(count_weights, -1)
    dtype = dtype if weights is None else weights.dtype
    items = ops.one_hot(indices, depth, dtype=dtype)
    return ops.sum(items if weights is None else ops.multiply(items, weights), axis=axis)


def encode_array(indices, output_mode, depth, dtype) -> np.ndarray:
    """`encode` for NumPy arrays; nothing of the size items x depth is made for whole samples."""
    # NumPy knows no bfloat16; small whole numbers are the same in float32.
    dtype = "float32" if dtype == "bfloat16" else dtype
    if output_mode == "int":
        return indices.astype(dtype)
    indices = np.atleast_1d(indices)
    out = np.zeros(encoded_shape(indices.shape, output_mode, depth), dtype)
    flat = out.reshape(-1, depth)
    if output_mode == "one_hot":
        items = indices.reshape(-1, 1)
    else:
        items = np.moveaxis(indices, min(1, indices.ndim - 1), -1)
        items = items.reshape(len(flat), items.shape[-1])
    rows, places = np.nonzero((items >= 0) & (items < depth))
    np.add.at(flat, (rows, items[rows, places]), 1)
    return np.minimum(out, 1) if output_mode == "multi_hot" else out

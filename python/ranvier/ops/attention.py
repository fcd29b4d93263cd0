"""Scaled dot-product attention."""

from __future__ import annotations

import math

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import creation
from ranvier.ops import elementwise as ew
from ranvier.ops import products as pr
from ranvier.ops import shapes as sh
from ranvier.ops._define import NN, apply, cast, expand, op, promote_all, to_tensor
from ranvier.ops.neural import softmax

# Where a logit is masked: far below any other, and still finite, so that a row without any allowed
# position becomes uniform instead of NaN.
_MASKED = -0.7 * 3.4028234663852886e38


@op(NN, static=("is_causal", "flash_attention", "attn_logits_soft_cap"))
def dot_product_attention(
    query,
    key,
    value,
    bias=None,
    mask=None,
    scale=None,
    is_causal=False,
    flash_attention=None,
    attn_logits_soft_cap=None,
):
    """softmax(query key^T scale + bias) value for every head.

    A query without any allowed position attends to all of them alike.

    Args:
        query: (batch, query_time, heads, dim).
        key: (batch, key_time, key_heads, dim); `heads` is a multiple of `key_heads`, and
            neighbouring heads share a key head.
        value: (batch, key_time, key_heads, dim).
        bias: added to the logits; broadcasts to (batch, heads, query_time, key_time).
        mask: where it is false a position takes no part; broadcasts like `bias`.
        scale: factor of the products; 1 / sqrt(dim) when `None`.
        is_causal: position i attends to positions up to i.
        flash_attention: `False` computes with explicit scores.
        attn_logits_soft_cap: not supported, as on every engine but JAX on TPUs.

    Returns:
        (batch, query_time, heads, dim), in the common dtype of the three.

    Raises:
        ValueError: shapes that do not fit, or a soft cap.

    Example:
        >>> q = keras.random.normal((2, 5, 4, 8))
        >>> ops.dot_product_attention(q, q, q, is_causal=True).shape
        (2, 5, 4, 8)
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "attn_logits_soft_cap is only supported for JAX on TPU. "
            "Set attn_logits_soft_cap=None when not using JAX on TPU."
        )
    query, key, value = promote_all([query, key, value], floating=True)
    _check_shapes(query, key, value)
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    bias = None if bias is None else _grid(to_tensor(bias, query.dtype), query)
    mask = None if mask is None else _grid(_boolean(mask), query)
    if (
        flash_allowed(flash_attention)
        and query.dtype != "float64"
        and isinstance(scale, (int, float))
    ):
        return tiled_attention(query, key, value, bias, mask, scale, is_causal)
    return _by_scores(query, key, value, bias, mask, scale, is_causal)


def tiled_attention(
    query, key, value, bias=None, mask=None, scale=1.0, causal=False, rate=0.0, seed=None,
    zero_masked=False,
):  # fmt: skip
    """The kernel that never holds all scores, for tensors that fit each other.

    Args:
        rate, seed: of the dropout of weights; seed is uint32 (2,).
        zero_masked: whether a query that sees nothing gives zero.
    """
    attrs = {
        "scale": float(scale),
        "causal": bool(causal),
        "bias": bias is not None,
        "mask": mask is not None,
        "rate": float(rate),
        "zero_masked": bool(zero_masked),
    }
    extra = [_all_keys(x, key.shape[1]) for x in (bias, mask) if x is not None]
    if rate:
        extra.append(seed)
    return apply("attention", [query, key, value, *extra], attrs)[0]


def _all_keys(grid, keys):
    """The grid with its last axis in full: the kernel wants one run of memory per row."""
    if grid.shape[3] == keys:
        return grid
    return apply("broadcast_to", [grid], {"shape": [*grid.shape[:3], keys]})


def _check_shapes(query, key, value):
    shapes = [tuple(x.shape) for x in (query, key, value)]
    received = f"Received: query.shape={shapes[0]}, key.shape={shapes[1]}, value.shape={shapes[2]}."
    if any(len(s) != 4 for s in shapes):
        raise ValueError(f"`dot_product_attention` only supports 4D inputs. {received}")
    (batch, _, heads, dim), k, v = shapes
    if k[0] != batch or v[0] != batch or k[3] != dim or k[1:3] != v[1:3]:
        raise B.ShapeError(
            "dot_product_attention: expected query (batch, query_time, heads, dim), key and value "
            f"(batch, key_time, key_heads, dim). {received}"
        )
    if not k[2] or heads % k[2]:
        raise B.ShapeError(
            "dot_product_attention: the query heads must be a multiple of the key heads. "
            f"{received}"
        )


def _boolean(mask):
    mask = to_tensor(mask)
    return mask if mask.dtype == "bool" else cast(mask, "bool")


def _grid(x, query):
    """Rank 4 by NumPy's rules; (batch, query_time, key_time) gets its axis of heads."""
    rank = len(x.shape)
    batch, heads = query.shape[0], query.shape[2]
    if rank == 3 and x.shape[0] not in (1, heads) and x.shape[0] == batch:
        return expand(x, 1)
    for _ in range(4 - rank):
        x = expand(x, 0)
    return x


def _by_scores(query, key, value, bias, mask, scale, causal):
    """The formula with all scores in memory; half precision computes in float32."""
    dtype = query.dtype
    if dtype in ("float16", "bfloat16"):
        query, key, value = (cast(x, "float32") for x in (query, key, value))
    repeats = query.shape[2] // key.shape[2]
    if repeats > 1:
        key, value = sh.repeat(key, repeats, 2), sh.repeat(value, repeats, 2)
    logits = ew.multiply(pr.einsum("BTNH,BSNH->BNTS", query, key), scale)
    if bias is not None:
        logits = ew.add(logits, bias)
    if causal:
        allowed = creation.tri(query.shape[1], key.shape[1], dtype="bool")
        mask = allowed if mask is None else ew.logical_and(mask, allowed)
    if mask is not None:
        logits = ew.where(mask, logits, _MASKED)
    return cast(pr.einsum("BNTS,BSNH->BTNH", softmax(logits), value), dtype)


def flash_allowed(flash_attention) -> bool:
    """Whether the tiled kernel may serve a call with this argument.

    Args:
        flash_attention: `None` for the choice of `keras.config`.
    """
    if flash_attention is None:
        flash_attention = config.is_flash_attention_enabled()
    return flash_attention is not False

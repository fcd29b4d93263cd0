"""Bounds on gradients."""

from __future__ import annotations

from ranvier import ops


def clip_by_norm(gradient, limit):
    """The gradient scaled down to a norm of at most `limit`."""
    norm = ops.sqrt(ops.sum(ops.square(gradient)))
    return ops.divide(ops.multiply(gradient, limit), ops.maximum(norm, limit))


def global_norm(gradients):
    """The norm of all gradients together."""
    total = None
    for gradient in gradients:
        part = ops.sum(ops.square(gradient))
        total = part if total is None else ops.add(total, part)
    return ops.sqrt(total)


def clip_by_global_norm(gradients, limit):
    """All gradients scaled alike to a norm of at most `limit`; a norm that is not finite makes
    them NaN, so that the failure is seen."""
    norm = global_norm(gradients)
    scale = ops.multiply(ops.minimum(ops.divide(1.0, norm), 1.0 / limit), limit)
    scale = ops.where(ops.isfinite(norm), scale, float("nan"))
    return [ops.multiply(g, ops.cast(scale, g.dtype)) for g in gradients]

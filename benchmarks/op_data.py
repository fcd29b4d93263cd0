"""The arrays of the rows of single operations; images are batch, height, width, channels."""

from __future__ import annotations

from benchmarks.models import random

IMAGES = 8  # batch of the convolutions
LAYERS = {
    "layer_norm": (4096, 1024),
    "batch_norm": (32, 56, 56, 64),
    "max_pool": (32, 112, 112, 64),
}


def matrices(m, n, k, trans_a, trans_b):
    """Operands as they lie in memory."""
    return random(*((k, m) if trans_a else (m, k))), random(
        *((n, k) if trans_b else (k, n)), seed=1
    )


def values(name, size):
    """What an activation is computed of; softmax runs over rows of 1,000."""
    return (random(*((size // 1000, 1000) if name == "softmax" else (size,))) - 0.5) * 8


def images(channels, size, filters, kernel, stride):
    """Images and filters of a convolution."""
    return random(IMAGES, size, size, channels), random(kernel, kernel, channels, filters) - 0.5


def image_gradient(channels, size, filters, kernel, stride):
    """The gradient of a convolution's result."""
    return random(IMAGES, -(-size // stride), -(-size // stride), filters, seed=1)


def layer(name):
    """Gradient of the result; input, and what is learned."""
    shape = LAYERS[name]
    if name == "max_pool":
        return random(shape[0], shape[1] // 2, shape[2] // 2, shape[3], seed=1), [random(*shape)]
    return random(*shape, seed=1), [random(*shape), random(shape[-1]), random(shape[-1])]


# Applied to small tensors without compilation: what a call costs.
EAGER = {
    "add": lambda: [random(32, 8), random(32, 8)],
    "index": lambda: [random(32, 64)],
    "sum": lambda: [random(32, 64)],
    "matmul": lambda: [random(32, 64), random(64, 8)],
    "softmax": lambda: [random(32, 64)],
    "split": lambda: [random(32, 64)],
}

"""Branches of convolutions as tables: what InceptionV3 and Inception-ResNet share.

A branch is a sequence of steps: `(filters, kernel size)`, `(filters, kernel size, "down")` with
stride 2 and no padding, `"avg"` (3×3 average, stride 1) or `"max"` (3×3 maximum, stride 2).
"""

from __future__ import annotations

from ranvier import layers
from ranvier.applications._assembly import norm, relu

DOWN = {"strides": 2, "padding": "valid"}


def conv_norm(x, filters, size, activation=True, name=None, strides=1, padding="same"):
    """Convolution, batch normalization without scale, ReLU."""
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False, name=name)(x)
    x = norm(x, name and f"{name}_bn", scale=False)
    return relu(x, name and f"{name}_ac") if activation else x


def run_branch(x, steps):
    """The result of one branch."""
    for step in steps:
        if step == "avg":
            x = layers.AveragePooling2D(3, strides=1, padding="same")(x)
        elif step == "max":
            x = layers.MaxPooling2D(3, strides=2)(x)
        else:
            x = conv_norm(x, step[0], step[1], **(DOWN if len(step) > 2 else {}))
    return x


def run_branches(x, branches) -> list:
    """The results of all branches on the same input."""
    return [run_branch(x, steps) for steps in branches]


def stem(x):
    """The first convolutions, up to 192 channels at an eighth of the size."""
    x = conv_norm(x, 32, 3, **DOWN)
    x = conv_norm(x, 32, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(conv_norm(x, 64, 3))
    x = conv_norm(x, 80, 1, padding="valid")
    return layers.MaxPooling2D(3, strides=2)(conv_norm(x, 192, 3, padding="valid"))

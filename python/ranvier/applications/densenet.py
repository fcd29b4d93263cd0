"""Densely connected networks: every layer of a block sees all earlier ones."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    channels,
    classify,
    concatenate,
    finish,
    needs_channels_last,
    norm,
    relu,
    start,
)
from ranvier.applications._files import TF_KERNELS, with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_GROWTH = 32
# Layers per block, and the MD5 of the files with and without the classifier.
_VARIANTS = {
    121: ((6, 12, 24, 16), (
        "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738")),
    169: ((6, 12, 32, 32), (
        "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b")),
    201: ((6, 12, 48, 32), (
        "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1")),
}  # fmt: skip
_PAPER = "G. Huang et al. (2016), Densely Connected Convolutional Networks, arXiv:1608.06993"


def _norm_relu(x, prefix):
    return relu(norm(x, f"{prefix}bn", epsilon=1.001e-5), f"{prefix}relu")


def _conv(x, filters, size, name, **kwargs):
    return layers.Conv2D(filters, size, use_bias=False, name=name, **kwargs)(x)


def _dense_layer(x, name):
    new = _conv(_norm_relu(x, f"{name}_0_"), 4 * _GROWTH, 1, f"{name}_1_conv")
    new = _conv(_norm_relu(new, f"{name}_1_"), _GROWTH, 3, f"{name}_2_conv", padding="same")
    return concatenate([x, new], f"{name}_concat")


def _transition(x, name):
    """Halves channels and sizes."""
    x = _norm_relu(x, f"{name}_")
    x = _conv(x, channels(x) // 2, 1, f"{name}_conv")
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _build(request, depths, files, digests):
    needs_channels_last(request)
    x = start(request, 224)
    x = layers.ZeroPadding2D(((3, 3), (3, 3)))(x)
    x = _norm_relu(_conv(x, 64, 7, "conv1_conv", strides=2), "conv1_")
    x = layers.ZeroPadding2D(((1, 1), (1, 1)))(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = _dense_layer(x, f"conv{stage}_block{i}")
        if stage < 5:
            x = _transition(x, f"pool{stage}")
    x = classify(_norm_relu(x, ""), request)
    file = partial(with_or_without_top, request, files, "densenet/", digests, TF_KERNELS)
    return finish(request, x, file)


def _densenet(layers_count):
    depths, digests = _VARIANTS[layers_count]
    name = f"densenet{layers_count}"
    made = partial(_build, depths=depths, files=name, digests=digests)
    return application(f"DenseNet{layers_count}", made, paper=_PAPER, name=name)


DenseNet121, DenseNet169, DenseNet201 = _densenet(121), _densenet(169), _densenet(201)
preprocess_input = preprocessing("torch", __name__)

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

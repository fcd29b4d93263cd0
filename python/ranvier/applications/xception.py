"""Xception: Inception's idea taken to depthwise separable convolutions."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import application, classify, finish, norm, relu, start
from ranvier.applications._files import TF_KERNELS, with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_DIGESTS = ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")
_PAPER = "F. Chollet (2016), Xception: Deep Learning with Depthwise Separable Convolutions"


def _conv_norm(x, filters, size, name=None, **kwargs):
    x = layers.Conv2D(filters, size, use_bias=False, name=name, **kwargs)(x)
    return norm(x, name and f"{name}_bn", axis=-1)


def _separable_norm(x, filters, name):
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return norm(x, f"{name}_bn", axis=-1)


def _down_block(x, filters, number, first_filters=None):
    """Two separable convolutions and a pooling, beside a strided projection."""
    shortcut = _conv_norm(x, filters, 1, strides=2, padding="same")
    if number > 2:
        x = relu(x, f"block{number}_sepconv1_act")
    x = _separable_norm(x, first_filters or filters, f"block{number}_sepconv1")
    x = relu(x, f"block{number}_sepconv2_act")
    x = _separable_norm(x, filters, f"block{number}_sepconv2")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{number}_pool")(x)
    return layers.add([x, shortcut])


def _middle_block(x, number):
    shortcut = x
    for i in (1, 2, 3):
        x = relu(x, f"block{number}_sepconv{i}_act")
        x = _separable_norm(x, 728, f"block{number}_sepconv{i}")
    return layers.add([x, shortcut])


def _build(request):
    x = start(request, 299, 71)
    x = relu(_conv_norm(x, 32, 3, "block1_conv1", strides=2), "block1_conv1_act")
    x = relu(_conv_norm(x, 64, 3, "block1_conv2"), "block1_conv2_act")
    for number, filters in ((2, 128), (3, 256), (4, 728)):
        x = _down_block(x, filters, number)
    for number in range(5, 13):
        x = _middle_block(x, number)
    x = _down_block(x, 1024, 13, first_filters=728)
    for i, filters in ((1, 1536), (2, 2048)):
        x = relu(_separable_norm(x, filters, f"block14_sepconv{i}"), f"block14_sepconv{i}_act")
    x = classify(x, request, named=False)
    file = partial(with_or_without_top, request, "xception", "xception/", _DIGESTS, TF_KERNELS)
    return finish(request, x, file)


Xception = application("Xception", _build, paper=_PAPER, name="xception")
preprocess_input = preprocessing("tf", __name__)

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

"""Inception-ResNet-v2: Inception's branches inside scaled residual blocks."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    channels,
    classify,
    concatenate,
    finish,
    relu,
    start,
)
from ranvier.applications._files import TF_KERNELS, with_or_without_top
from ranvier.applications._inception import conv_norm, run_branches, stem
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_DIGESTS = ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4")
_PAPER = "C. Szegedy et al. (2016), Inception-v4, Inception-ResNet, arXiv:1602.07261"

_MIXED_5B = ([(96, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)], ["avg", (64, 1)])
_MIXED_6A = ([(384, 3, "down")], [(256, 1), (256, 3), (384, 3, "down")], ["max"])
_MIXED_7A = (
    [(256, 1), (384, 3, "down")], [(256, 1), (288, 3, "down")],
    [(256, 1), (288, 3), (320, 3, "down")], ["max"],
)  # fmt: skip
# Branches of a residual block, scale of its result, number of blocks.
_STAGES = {
    "block35": (([(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]), 0.17, 10),
    "block17": (([(192, 1)], [(128, 1), (160, [1, 7]), (192, [7, 1])]), 0.1, 20),
    "block8": (([(192, 1)], [(192, 1), (224, [1, 3]), (256, [3, 1])]), 0.2, 10),
}


class CustomScaleLayer(layers.Layer):
    """`inputs[0] + scale · inputs[1]`.

    Args:
        scale: factor of the second input.
    """

    _keras_module = "keras.src.applications.inception_resnet_v2"

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}

    def call(self, inputs):
        return inputs[0] + inputs[1] * self.scale


def _block(x, stage, number, branches, scale, activation):
    name = f"{stage}_{number}"
    mixed = concatenate(run_branches(x, branches), f"{name}_mixed")
    up = layers.Conv2D(channels(x), 1, padding="same", use_bias=True, name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, up])
    return relu(x, f"{name}_ac") if activation else x


def _stage(x, stage):
    branches, scale, count = _STAGES[stage]
    for number in range(1, count + 1):
        last = stage == "block8" and number == count
        x = _block(x, stage, number, branches, 1.0 if last else scale, not last)
    return x


def _build(request):
    x = stem(start(request, 299, 75))
    x = _stage(concatenate(run_branches(x, _MIXED_5B), "mixed_5b"), "block35")
    x = _stage(concatenate(run_branches(x, _MIXED_6A), "mixed_6a"), "block17")
    x = _stage(concatenate(run_branches(x, _MIXED_7A), "mixed_7a"), "block8")
    x = classify(conv_norm(x, 1536, 1, name="conv_7b"), request, named=False)
    name = "inception_resnet_v2"
    file = partial(with_or_without_top, request, name, f"{name}/", _DIGESTS, TF_KERNELS)
    return finish(request, x, file)


InceptionResNetV2 = application(
    "InceptionResNetV2", _build, paper=_PAPER, name="inception_resnet_v2"
)
preprocess_input = preprocessing("tf", __name__)

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

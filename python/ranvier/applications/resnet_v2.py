"""Residual networks with normalization before the convolutions."""

from __future__ import annotations

from functools import partial

from ranvier.applications._assembly import application
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing
from ranvier.applications.resnet import DEPTHS, build

_PAPER = "K. He et al. (2016), Identity Mappings in Deep Residual Networks, arXiv:1603.05027"


def _resnet(layers_count):
    name = f"resnet{layers_count}v2"
    made = partial(build, depths=DEPTHS[layers_count], files=name, preactivation=True)
    return application(f"ResNet{layers_count}V2", made, paper=_PAPER, module=__name__, name=name)


ResNet50V2, ResNet101V2, ResNet152V2 = _resnet(50), _resnet(101), _resnet(152)
preprocess_input = preprocessing("tf", __name__)

__all__ = ["ResNet101V2", "ResNet152V2", "ResNet50V2", "decode_predictions", "preprocess_input"]

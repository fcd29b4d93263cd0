"""VGG with 16 layers that have weights."""

from __future__ import annotations

from ranvier.applications._vgg import vgg
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_DIGESTS = ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")
VGG16 = vgg("VGG16", (2, 2, 3, 3, 3), _DIGESTS, __name__)
preprocess_input = preprocessing("caffe", __name__)

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

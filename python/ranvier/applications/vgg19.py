"""VGG with 19 layers that have weights."""

from __future__ import annotations

from ranvier.applications._vgg import vgg
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_DIGESTS = ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")
VGG19 = vgg("VGG19", (2, 2, 4, 4, 4), _DIGESTS, __name__)
preprocess_input = preprocessing("caffe", __name__)

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

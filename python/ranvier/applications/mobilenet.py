"""MobileNet: depthwise and pointwise convolutions in turn."""

from __future__ import annotations

import warnings
from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    check_activation,
    finish,
    norm,
    pool,
    sizes,
    start,
)
from ranvier.applications._files import remote
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

# Filters and stride of each block.
_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1),
    (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
_TRAINED_WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
_TRAINED_SIZES = (128, 160, 192, 224)
_PAPER = "A. Howard et al. (2017), MobileNets, arXiv:1704.04861"
_ORDER = ("input_shape", "alpha", "depth_multiplier", "dropout", "include_top", "weights",
          "input_tensor", "pooling", "classes", "classifier_activation", "name")  # fmt: skip


def default_size(shape, trained) -> int:
    """The size for which weights are taken: the photo's where there are some, else 224."""
    if shape is None:
        return 224
    height, width = sizes(shape)
    return height if height == width and height in trained else 224


def trained_size(request, trained) -> int | None:
    """Size that names the file of weights and the model.

    A photo of another size takes the weights of 224, with a warning.
    """
    height, width = sizes(request.shape)
    if request.weights == "imagenet" and (height != width or height not in trained):
        warnings.warn(
            f"`input_shape` is undefined or non-square, or its size is not in {list(trained)}. "
            "Weights for input shape (224, 224) will be loaded as the default.",
            stacklevel=4,
        )
        return 224
    return height


def _check(request):
    if request.weights == "imagenet" and request.depth_multiplier != 1:
        raise ValueError(
            "If imagenet weights are being loaded, depth multiplier must be 1. Received "
            f"depth_multiplier={request.depth_multiplier}"
        )
    if request.weights == "imagenet" and request.alpha not in _TRAINED_WIDTHS:
        raise ValueError(
            "If imagenet weights are being loaded, alpha can be one of `0.25`, `0.50`, `0.75` or "
            f"`1.0` only. Received alpha={request.alpha}"
        )


def _relu6(x, name):
    return layers.ReLU(6.0, name=name)(x)


def _pointwise(x, filters, name, size=1, **kwargs):
    x = layers.Conv2D(filters, size, padding="same", use_bias=False, name=name, **kwargs)(x)
    return _relu6(norm(x, f"{name}_bn", axis=-1), f"{name}_relu")


def _depthwise(x, stride, multiplier, number):
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    name = f"conv_dw_{number}"
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same" if stride == 1 else "valid",
        depth_multiplier=multiplier, use_bias=False, name=name,
    )(x)  # fmt: skip
    return _relu6(norm(x, f"{name}_bn", axis=-1), f"{name}_relu")


def _classify(x, request):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(request.dropout, name="dropout")(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((request.classes,), name="reshape_2")(x)
    check_activation(request)
    return layers.Activation(request.classifier_activation, name="predictions")(x)


def _build(request):
    x = start(request, default_size(request.input_shape, _TRAINED_SIZES))
    _check(request)
    size, alpha = trained_size(request, _TRAINED_SIZES), request.alpha
    x = _pointwise(x, int(32 * alpha), "conv1", size=3, strides=2)
    for number, (filters, stride) in enumerate(_BLOCKS, 1):
        x = _depthwise(x, stride, request.depth_multiplier, number)
        x = _pointwise(x, int(filters * alpha), f"conv_pw_{number}")
    x = _classify(x, request) if request.include_top else pool(x, request)
    if request.name is None:
        request.name = f"mobilenet_{alpha:0.2f}_{size}"
    end = "" if request.include_top else "_no_top"
    file = f"mobilenet_{_TRAINED_WIDTHS.get(alpha)}_{size}_tf{end}.h5"
    return finish(request, x, partial(remote, file, "mobilenet/"))


MobileNet = application("MobileNet", _build, paper=_PAPER, order=_ORDER)
preprocess_input = preprocessing("tf", __name__)

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

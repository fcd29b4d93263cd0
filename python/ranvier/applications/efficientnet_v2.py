"""EfficientNetV2: fused blocks in the first stages, found for fast training."""

from __future__ import annotations

import math
from functools import partial

from ranvier import initializers, layers
from ranvier.applications._assembly import (
    STANDARD,
    application,
    channels_first,
    classify,
    finish,
    norm,
    start,
)
from ranvier.applications._excite import (
    CONV_INITIALIZER,
    DENSE_INITIALIZER,
    add_residual,
    block_names,
    conv,
    norm_swish,
    squeeze_excite,
)
from ranvier.applications._files import with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

# Per stage: whether its blocks are fused, repeats, filters, expansion, first stride. Blocks that
# are not fused have squeeze-and-excite.
_STAGES = {
    "b": (32, (1, 1, 16, 1, 1), (1, 2, 32, 4, 2), (1, 2, 48, 4, 2), (0, 3, 96, 4, 2),
          (0, 5, 112, 6, 1), (0, 8, 192, 6, 2)),
    "s": (24, (1, 2, 24, 1, 1), (1, 4, 48, 4, 2), (1, 4, 64, 4, 2), (0, 6, 128, 4, 2),
          (0, 9, 160, 6, 1), (0, 15, 256, 6, 2)),
    "m": (24, (1, 3, 24, 1, 1), (1, 5, 48, 4, 2), (1, 5, 80, 4, 2), (0, 7, 160, 4, 2),
          (0, 14, 176, 6, 1), (0, 18, 304, 6, 2), (0, 5, 512, 6, 1)),
    "l": (32, (1, 4, 32, 1, 1), (1, 7, 64, 4, 2), (1, 7, 96, 4, 2), (0, 10, 192, 4, 2),
          (0, 19, 224, 6, 1), (0, 25, 384, 6, 2), (0, 7, 640, 6, 1)),
}  # fmt: skip
# Stages, width, depth, photo size; MD5 of the files with and without the classifier.
_VARIANTS = {
    "B0": ("b", 1.0, 1.0, 224,
           "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "B1": ("b", 1.0, 1.1, 240,
           "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "B2": ("b", 1.1, 1.2, 260,
           "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "B3": ("b", 1.2, 1.4, 300,
           "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "S": ("s", 1.0, 1.0, 384,
          "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "M": ("m", 1.0, 1.0, 480,
          "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "L": ("l", 1.0, 1.0, 480,
          "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}  # fmt: skip
_DROP_CONNECT, _DROPOUT = 0.2, 0.2
_MOMENTUM = {"momentum": 0.9}
_MEAN, _VARIANCE = [0.485, 0.456, 0.406], [0.229**2, 0.224**2, 0.225**2]
_PAPER = "M. Tan, Q. Le (2021), EfficientNetV2, arXiv:2104.00298"
_ORDER = (*STANDARD[:-1], "include_preprocessing", "name")


def _rounded(filters) -> int:
    """The nearest multiple of 8."""
    return max(8, int(filters + 4) // 8 * 8)


def _separate(inputs, name, before, filters, expansion, stride):
    """Expand by a 1×1, filter each channel by a 3×3, excite, project."""
    x = inputs
    if expansion != 1:
        x = conv(x, before * expansion, 1, f"{name}expand_conv", strides=1)
        x = norm_swish(x, f"{name}expand_", **_MOMENTUM)
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer=CONV_INITIALIZER,
        name=f"{name}dwconv2",
    )(x)  # fmt: skip
    x = norm_swish(x, name, **_MOMENTUM)
    x = squeeze_excite(x, max(1, int(before * 0.25)), name)
    return norm(conv(x, filters, 1, f"{name}project_conv"), f"{name}project_bn", **_MOMENTUM)


def _fused(inputs, name, before, filters, expansion, stride):
    """One full 3×3 in place of the expansion and the depthwise convolution."""
    if expansion == 1:
        x = conv(inputs, filters, 3, f"{name}project_conv", strides=stride)
        return norm_swish(x, f"{name}project_", **_MOMENTUM)
    x = conv(inputs, before * expansion, 3, f"{name}expand_conv", strides=stride)
    x = norm_swish(x, f"{name}expand_", **_MOMENTUM)
    return norm(conv(x, filters, 1, f"{name}project_conv"), f"{name}project_bn", **_MOMENTUM)


def _blocks(x, first_filters, stages, width, depth):
    # The drop rate grows by the unscaled number of blocks.
    total = float(sum(stage[1] for stage in stages))
    before = first_filters
    repeats = [math.ceil(depth * stage[1]) for stage in stages]
    for b, (stage, first, name) in enumerate(block_names(repeats)):
        fused, _, filters, expansion, stride = stages[stage]
        filters, stride = _rounded(filters * width), stride if first else 1
        inputs = x
        x = (_fused if fused else _separate)(x, name, before, filters, expansion, stride)
        if stride == 1 and before == filters:
            x = add_residual(x, inputs, _DROP_CONNECT * b / total, name)
        before = filters
    return x


def _preprocess(x, request, stages):
    axis = 1 if channels_first() else 3
    if stages == "b" and request.shape[axis - 1] == 3:
        x = layers.Rescaling(scale=1.0 / 255)(x)
        return layers.Normalization(mean=_MEAN, variance=_VARIANCE, axis=axis)(x)
    return layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)


def _build(request, stages, width, depth, size, files, digests):
    x = start(request, size)
    if request.include_preprocessing:
        x = _preprocess(x, request, stages)
    first, *rest = _STAGES[stages]
    stem = _rounded(first * width)
    x = norm_swish(conv(x, stem, 3, "stem_conv", strides=2), "stem_", **_MOMENTUM)
    x = _blocks(x, stem, rest, width, depth)
    x = norm_swish(conv(x, _rounded(1280 * width), 1, "top_conv"), "top_", **_MOMENTUM)
    x = classify(x, request, dropout=_DROPOUT, kernel_initializer=DENSE_INITIALIZER,
                 bias_initializer=initializers.Constant(0.0))  # fmt: skip
    return finish(
        request, x, partial(with_or_without_top, request, files, "efficientnet_v2/", digests)
    )


def _efficientnet(variant):
    stages, width, depth, size, *digests = _VARIANTS[variant]
    name = f"efficientnetv2-{variant.lower()}"
    made = partial(_build, stages=stages, width=width, depth=depth, size=size, files=name,
                   digests=digests)  # fmt: skip
    return application(f"EfficientNetV2{variant}", made, paper=_PAPER, order=_ORDER, name=name)


EfficientNetV2B0, EfficientNetV2B1 = _efficientnet("B0"), _efficientnet("B1")
EfficientNetV2B2, EfficientNetV2B3 = _efficientnet("B2"), _efficientnet("B3")
EfficientNetV2S, EfficientNetV2M = _efficientnet("S"), _efficientnet("M")
EfficientNetV2L = _efficientnet("L")
preprocess_input = preprocessing(None, __name__)

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3",
    "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S", "decode_predictions",
    "preprocess_input",
]  # fmt: skip

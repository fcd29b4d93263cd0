"""EfficientNet: one network, scaled in width, depth and resolution."""

from __future__ import annotations

import math
from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    channels_first,
    classify,
    finish,
    make_divisible,
    norm,
    start,
    stride_two_padding,
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
from ranvier.applications._files import HOST, with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

# Kernel size, repeats, filters, expansion, first stride.
_STAGES = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2), (3, 1, 320, 6, 1),
)  # fmt: skip
# Width, depth, photo size, dropout; MD5 of the files with and without the classifier.
_VARIANTS = (
    (1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    (1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    (1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    (1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    (1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    (1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    (1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    (2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
)
_DROP_CONNECT = 0.2
# The published weights divide by the square root of the deviations once more.
_IMAGENET_SCALE = [1.0 / math.sqrt(deviation) for deviation in (0.229, 0.224, 0.225)]
_PAPER = "M. Tan, Q. Le (2019), EfficientNet: Rethinking Model Scaling, arXiv:1905.11946"


def _block(inputs, name, kernel_size, before, filters, expansion, stride, drop_rate):
    x = inputs
    if expansion != 1:
        x = conv(x, before * expansion, 1, f"{name}expand_conv")
        x = norm_swish(x, f"{name}expand_")
    padding = "same"
    if stride == 2:
        borders = stride_two_padding(x, kernel_size)
        x, padding = layers.ZeroPadding2D(borders, name=f"{name}dwconv_pad")(x), "valid"
    x = layers.DepthwiseConv2D(
        kernel_size, strides=stride, padding=padding, use_bias=False,
        depthwise_initializer=CONV_INITIALIZER, name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = squeeze_excite(norm_swish(x, name), max(1, int(before * 0.25)), name)
    x = norm(conv(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    if stride == 1 and before == filters:
        return add_residual(x, inputs, drop_rate, name)
    return x


def _blocks(x, width, depth):
    repeats = [math.ceil(depth * stage[1]) for stage in _STAGES]
    total = float(sum(repeats))
    before = make_divisible(32 * width)
    for b, (stage, first, name) in enumerate(block_names(repeats)):
        kernel_size, _, filters, expansion, stride = _STAGES[stage]
        filters = make_divisible(filters * width)
        x = _block(x, name, kernel_size, before, filters, expansion, stride if first else 1,
                   _DROP_CONNECT * b / total)  # fmt: skip
        before = filters
    return x


def _build(request, width, depth, size, dropout, files, digests):
    x = start(request, size)
    x = layers.Rescaling(1.0 / 255.0)(x)
    x = layers.Normalization(axis=1 if channels_first() else 3)(x)
    if request.weights == "imagenet":
        x = layers.Rescaling(_IMAGENET_SCALE)(x)
    x = layers.ZeroPadding2D(stride_two_padding(x, 3), name="stem_conv_pad")(x)
    x = conv(x, make_divisible(32 * width), 3, "stem_conv", padding="valid", strides=2)
    x = _blocks(norm_swish(x, "stem_"), width, depth)
    x = norm_swish(conv(x, make_divisible(1280 * width), 1, "top_conv"), "top_")
    x = classify(x, request, dropout=dropout, kernel_initializer=DENSE_INITIALIZER)
    file = partial(
        with_or_without_top, request, files, "", digests, base=HOST + "keras-applications/"
    )
    return finish(request, x, file)


def _efficientnet(number):
    width, depth, size, dropout, *digests = _VARIANTS[number]
    name = f"efficientnetb{number}"
    made = partial(_build, width=width, depth=depth, size=size, dropout=dropout, files=name,
                   digests=digests)  # fmt: skip
    return application(f"EfficientNetB{number}", made, paper=_PAPER, name=name)


EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3 = map(_efficientnet, range(4))
EfficientNetB4, EfficientNetB5, EfficientNetB6, EfficientNetB7 = map(_efficientnet, range(4, 8))
preprocess_input = preprocessing(None, __name__)

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "decode_predictions",
    "preprocess_input",
]  # fmt: skip

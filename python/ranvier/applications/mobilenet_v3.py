"""MobileNetV3: inverted residual blocks with squeeze-and-excite and hard swish."""

from __future__ import annotations

import warnings
from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    channels,
    check_activation,
    check_weights,
    finish,
    image_input,
    make_divisible,
    norm,
    photo_shape,
    pool,
    sizes,
    stride_two_padding,
)
from ranvier.applications._files import with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing
from ranvier.applications.mobilenet_v2 import check_tensor

# Expansion, filters, whether the kernel is the wide one (5, else 3), stride, whether there is
# squeeze-and-excite, whether the activation is hard swish (else ReLU).
_BLOCKS = {
    "small": (
        (1, 16, 0, 2, 1, 0), (72.0 / 16, 24, 0, 2, 0, 0), (88.0 / 24, 24, 0, 1, 0, 0),
        (4, 40, 1, 2, 1, 1), (6, 40, 1, 1, 1, 1), (6, 40, 1, 1, 1, 1), (3, 48, 1, 1, 1, 1),
        (3, 48, 1, 1, 1, 1), (6, 96, 1, 2, 1, 1), (6, 96, 1, 1, 1, 1), (6, 96, 1, 1, 1, 1),
    ),
    "large": (
        (1, 16, 0, 1, 0, 0), (4, 24, 0, 2, 0, 0), (3, 24, 0, 1, 0, 0), (3, 40, 1, 2, 1, 0),
        (3, 40, 1, 1, 1, 0), (3, 40, 1, 1, 1, 0), (6, 80, 0, 2, 0, 1), (2.5, 80, 0, 1, 0, 1),
        (2.3, 80, 0, 1, 0, 1), (2.3, 80, 0, 1, 0, 1), (6, 112, 0, 1, 1, 1), (6, 112, 0, 1, 1, 1),
        (6, 160, 1, 2, 1, 1), (6, 160, 1, 1, 1, 1), (6, 160, 1, 1, 1, 1),
    ),
}  # fmt: skip
_LAST_FILTERS = {"small": 1024, "large": 1280}
# MD5 of the files with and without the classifier.
_DIGESTS = {
    "large_224_0.75": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0": (
        "675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0": (
        "99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}  # fmt: skip
_PAPER = "A. Howard et al. (2019), Searching for MobileNetV3, arXiv:1905.02244"
_ORDER = ("input_shape", "alpha", "minimalistic", "include_top", "weights", "input_tensor",
          "classes", "pooling", "dropout_rate", "classifier_activation", "include_preprocessing",
          "name")  # fmt: skip


def _relu(x):
    return layers.ReLU()(x)


def _hard_swish(x):
    return layers.Activation("hard_swish")(x)


def _conv(x, filters, name, use_bias=False, **kwargs):
    kwargs.setdefault("kernel_size", 1)
    return layers.Conv2D(filters, padding="same", use_bias=use_bias, name=name, **kwargs)(x)


def _norm(x, name):
    return norm(x, name, axis=-1, epsilon=1e-3, momentum=0.999)


def _squeeze_excite(inputs, filters, prefix):
    """Channels scaled by hard sigmoids of their global means."""
    prefix += "squeeze_excite_"
    x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{prefix}avg_pool")(inputs)
    x = _conv(x, make_divisible(filters * 0.25), f"{prefix}conv", use_bias=True)
    x = layers.ReLU(name=f"{prefix}relu")(x)
    x = _conv(x, filters, f"{prefix}conv_1", use_bias=True)
    x = layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{prefix}mul")([inputs, x])


def _block(inputs, expansion, filters, kernel_size, stride, excite, activation, number):
    prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
    before = channels(inputs)
    wide = make_divisible(before * expansion)
    x = inputs
    if number:
        x = activation(_norm(_conv(x, wide, f"{prefix}expand"), f"{prefix}expand_bn"))
    if stride == 2:
        padding = stride_two_padding(x, kernel_size)
        x = layers.ZeroPadding2D(padding, name=f"{prefix}depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel_size, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
        name=f"{prefix}depthwise",
    )(x)  # fmt: skip
    x = activation(_norm(x, f"{prefix}depthwise_bn"))
    if excite:
        x = _squeeze_excite(x, wide, prefix)
    x = _norm(_conv(x, filters, f"{prefix}project"), f"{prefix}project_bn")
    if stride == 1 and before == filters:
        return layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _start(request):
    check_weights(request)
    check_tensor(request)
    shape = request.input_shape
    if shape is None:
        given = (None,) * 4 if request.input_tensor is None else request.input_tensor.shape
        shape = photo_shape(3, *sizes(given[1:]))
    height, width = sizes(shape)
    if height and width and (height < 32 or width < 32):
        raise ValueError(f"Input size must be at least 32x32; Received `input_shape={shape}`")
    if request.weights == "imagenet":
        if request.alpha not in ((1.0,) if request.minimalistic else (0.75, 1.0)):
            raise ValueError(
                "If imagenet weights are being loaded, alpha can be one of `0.75`, `1.0` for non "
                f"minimalistic or `1.0` for minimalistic only. Received alpha={request.alpha}"
            )
        if height != width or height != 224:
            warnings.warn(
                "`input_shape` is undefined or non-square, or `rows` is not 224. Weights for input "
                "shape (224, 224) will be loaded as the default.",
                stacklevel=4,
            )
    request.image = image_input(request, shape)
    return request.image


def _classify(x, request, filters, activation):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = activation(_conv(x, filters, "conv_2", use_bias=True))
    if request.dropout_rate > 0:
        x = layers.Dropout(request.dropout_rate)(x)
    x = layers.Flatten()(_conv(x, request.classes, "logits", use_bias=True))
    check_activation(request)
    return layers.Activation(request.classifier_activation, name="predictions")(x)


def _build(request, size):
    x = _start(request)
    plain = request.minimalistic
    activation = _relu if plain else _hard_swish
    if request.include_preprocessing:
        x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
    x = activation(_norm(_conv(x, 16, "conv", kernel_size=3, strides=2), "conv_bn"))
    for number, (expansion, filters, wide, stride, excite, swish) in enumerate(_BLOCKS[size]):
        x = _block(
            x, expansion, make_divisible(filters * request.alpha), 5 if wide and not plain else 3,
            stride, excite and not plain, activation if swish else _relu, number,
        )  # fmt: skip
    x = _conv(x, make_divisible(channels(x) * 6), "conv_1")
    x = activation(_norm(x, "conv_1_bn"))
    if request.include_top:
        last = _LAST_FILTERS[size]
        last = make_divisible(last * request.alpha) if request.alpha > 1.0 else last
        x = _classify(x, request, last, activation)
    else:
        x = pool(x, request, named=True)
    variant = f"{size}{'_minimalistic' if plain else ''}_224_{float(request.alpha)}"
    file = partial(
        with_or_without_top, request, f"weights_mobilenet_v3_{variant}_float", "mobilenet_v3/",
        _DIGESTS.get(variant), (".h5", "_no_top_v2.h5"),
    )  # fmt: skip
    return finish(request, x, file)


def _mobilenet(title, size):
    return application(title, partial(_build, size=size), paper=_PAPER, order=_ORDER, name=title)


MobileNetV3Small = _mobilenet("MobileNetV3Small", "small")
MobileNetV3Large = _mobilenet("MobileNetV3Large", "large")
preprocess_input = preprocessing(None, __name__)

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

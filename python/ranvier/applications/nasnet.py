"""NASNet-A: cells found by architecture search, stacked by hand."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    channels,
    concatenate,
    finish,
    needs_channels_last,
    norm,
    pool,
    predictions,
    relu,
    start,
    stride_two_padding,
)
from ranvier.applications._files import remote
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_PAPER = "B. Zoph et al. (2017), Learning Transferable Architectures, arXiv:1707.07012"
_ORDER = ("input_shape", "include_top", "weights", "input_tensor", "pooling", "classes",
          "classifier_activation", "name")  # fmt: skip
_FILTER_MULTIPLIER = 2
# MD5 of the files with and without the classifier.
_DIGESTS = {
    "mobile": ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    "large": ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
}


def _norm(x, name):
    return norm(x, name, axis=-1, momentum=0.9997, epsilon=1e-3)


def _project(x, filters, name, norm_name, **kwargs):
    """ReLU is applied before, not after: 1×1 convolution and normalization."""
    x = layers.Conv2D(
        filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name,
        **kwargs,
    )(x)  # fmt: skip
    return _norm(x, norm_name) if norm_name else x


def _separable(x, filters, size, name, stride=1):
    """ReLU, separable convolution and normalization, twice; the first one may stride."""
    x, padding = relu(x), "same"
    if stride == 2:
        borders = stride_two_padding(x, size)
        x, padding = layers.ZeroPadding2D(borders, name=f"separable_conv_1_pad_{name}")(x), "valid"
    for i in (1, 2):
        x = layers.SeparableConv2D(
            filters, size, strides=stride if i == 1 else 1, use_bias=False,
            padding=padding if i == 1 else "same", name=f"separable_conv_{i}_{name}",
        )(x)  # fmt: skip
        x = _norm(x, f"separable_conv_{i}_bn_{name}")
        x = relu(x) if i == 1 else x
    return x


def _adjust(p, ip, filters, block):
    """The cell before the last one, brought to the size and channels of the last one."""
    if p is None:
        return ip
    if p.shape[-2] != ip.shape[-2]:
        p = relu(p, f"adjust_relu_1_{block}")
        p1 = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{block}")(p)
        p1 = _project(p1, filters // 2, f"adjust_conv_1_{block}", None)
        p2 = layers.ZeroPadding2D(((0, 1), (0, 1)))(p)
        p2 = layers.Cropping2D(((1, 0), (1, 0)))(p2)
        p2 = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{block}")(p2)
        p2 = _project(p2, filters // 2, f"adjust_conv_2_{block}", None)
        return _norm(concatenate([p1, p2], axis=-1), f"adjust_bn_{block}")
    if channels(p) != filters:
        return _project(
            relu(p), filters, f"adjust_conv_projection_{block}", f"adjust_bn_{block}", strides=1
        )
    return p


def _pooled(kind, x, stride, name):
    layer = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
    return layer(3, strides=stride, padding="same" if stride == 1 else "valid", name=name)(x)


def _normal_cell(ip, p, filters, block):
    p = _adjust(p, ip, filters, block)
    h = _project(relu(ip), filters, f"normal_conv_1_{block}", f"normal_bn_1_{block}", strides=1)

    def add(xs, number):
        return layers.add(xs, name=f"normal_add_{number}_{block}")

    x1 = add([_separable(h, filters, 5, f"normal_left1_{block}"),
              _separable(p, filters, 3, f"normal_right1_{block}")], 1)  # fmt: skip
    x2 = add([_separable(p, filters, 5, f"normal_left2_{block}"),
              _separable(p, filters, 3, f"normal_right2_{block}")], 2)  # fmt: skip
    x3 = add([_pooled("avg", h, 1, f"normal_left3_{block}"), p], 3)
    x4 = add([_pooled("avg", p, 1, f"normal_left4_{block}"),
              _pooled("avg", p, 1, f"normal_right4_{block}")], 4)  # fmt: skip
    x5 = add([_separable(h, filters, 3, f"normal_left5_{block}"), h], 5)
    return concatenate([p, x1, x2, x3, x4, x5], f"normal_concat_{block}", axis=-1), ip


def _reduction_cell(ip, p, filters, block):
    p = _adjust(p, ip, filters, block)
    h = _project(
        relu(ip), filters, f"reduction_conv_1_{block}", f"reduction_bn_1_{block}", strides=1
    )
    h3 = layers.ZeroPadding2D(stride_two_padding(h, 3), name=f"reduction_pad_1_{block}")(h)
    name = "reduction_{}_" + block

    def half(x, size, place):
        return _separable(x, filters, size, name.format(place), stride=2)

    x1 = layers.add([half(h, 5, "left1"), half(p, 7, "right1")], name=name.format("add_1"))
    x2 = _pooled("max", h3, 2, name.format("left2"))
    x2 = layers.add([x2, half(p, 7, "right2")], name=name.format("add_2"))
    x3 = _pooled("avg", h3, 2, name.format("left3"))
    x3 = layers.add([x3, half(p, 5, "right3")], name=name.format("add3"))
    x4 = layers.add([x2, _pooled("avg", x1, 1, name.format("left4"))])
    x5 = _separable(x1, filters, 3, name.format("left4"))
    x5 = layers.add([x5, _pooled("max", h3, 2, name.format("right5"))], name=name.format("add4"))
    return concatenate([x2, x3, x4, x5], name.format("concat"), axis=-1), ip


def _cells(x, filters, blocks, skip_reduction):
    """Three stages of normal cells with reductions between them, after two small reductions."""
    m = _FILTER_MULTIPLIER
    x, p = _reduction_cell(x, None, filters // m**2, "stem_1")
    x, p = _reduction_cell(x, p, filters // m, "stem_2")
    for stage in range(3):
        if stage:
            x, before = _reduction_cell(x, p, filters * m**stage, f"reduce_{stage * blocks}")
            p = p if skip_reduction else before
        for i in range(blocks):
            number = stage * blocks + i + (1 if stage else 0)
            x, p = _normal_cell(x, p, filters * m**stage, str(number))
    return relu(x)


def _build(request, size, last_filters, blocks, stem_filters, skip_reduction, variant):
    needs_channels_last(request)
    shape = request.input_shape
    if variant == "mobile" and not request.include_top and shape is None:
        request.input_shape = (224, 224, 3)
    if request.weights == "imagenet" and isinstance(shape, tuple) and None in shape:
        raise ValueError(
            "When specifying the input shape of a NASNet and loading `ImageNet` weights, the "
            f"input_shape argument must be static (no None entries). Got: `input_shape={shape}`."
        )
    x = start(request, size)
    x = layers.Conv2D(
        stem_filters, 3, strides=2, use_bias=False, name="stem_conv1",
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    x = _cells(_norm(x, "stem_bn1"), last_filters // 24, blocks, skip_reduction)
    if request.include_top:
        x = predictions(layers.GlobalAveragePooling2D()(x), request)
    else:
        x = pool(x, request)
    top = request.include_top
    file = f"NASNet-{variant}{'' if top else '-no-top'}.h5"
    digest = _DIGESTS[variant][0 if top else 1]
    kept = f"nasnet_{variant}{'' if top else '_no_top'}.h5"
    return finish(request, x, lambda: remote(file, "nasnet/", digest)._replace(name=kept))


NASNetMobile = application(
    "NASNetMobile",
    partial(_build, size=224, last_filters=1056, blocks=4, stem_filters=32, skip_reduction=False,
            variant="mobile"),
    paper=_PAPER, order=_ORDER, name="nasnet_mobile",
)  # fmt: skip
NASNetLarge = application(
    "NASNetLarge",
    partial(_build, size=331, last_filters=4032, blocks=6, stem_filters=96, skip_reduction=True,
            variant="large"),
    paper=_PAPER, order=_ORDER, name="nasnet_large",
)  # fmt: skip
preprocess_input = preprocessing("tf", __name__)

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

"""MobileNetV2: inverted residual blocks with linear bottlenecks."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import (
    application,
    channels,
    channels_first,
    finish,
    make_divisible,
    norm,
    pool,
    predictions,
    start,
    stride_two_padding,
)
from ranvier.applications._files import remote
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing
from ranvier.applications.mobilenet import default_size, trained_size
from ranvier.utils import is_keras_tensor

# Filters, repeats and first stride of each stage; the first block does not expand.
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
_EXPANSION = 6
_TRAINED_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_TRAINED_SIZES = (96, 128, 160, 192, 224)
_PAPER = "M. Sandler et al. (2018), MobileNetV2, arXiv:1801.04381"
_ORDER = ("input_shape", "alpha", "include_top", "weights", "input_tensor", "pooling", "classes",
          "classifier_activation", "name")  # fmt: skip


def check_tensor(request):
    """Whether `input_shape` and `input_tensor` speak of the same photo."""
    shape, tensor = request.input_shape, request.input_tensor
    if tensor is None:
        return
    if shape is not None:
        if not is_keras_tensor(tensor):
            raise ValueError(f"input_tensor is not a Keras tensor; Received `{tensor!r}`")
        axis = 1 if channels_first() else 2
        if tensor.shape[axis] != shape[1]:
            raise ValueError(
                f"{request.title}: input_tensor.shape[{axis}] must equal input_shape[1]; Received "
                f"`input_tensor.shape={tensor.shape}`, `input_shape={shape}`"
            )
    elif not is_keras_tensor(tensor):
        raise ValueError(
            f"{request.title}: input_tensor must be a symbolic tensor. Received {tensor!r} of type "
            f"{type(tensor)}"
        )


def _norm(x, name):
    return norm(x, name, axis=-1, epsilon=1e-3, momentum=0.999)


def _conv(x, filters, name, norm_name, relu_name=None, size=1, **kwargs):
    x = layers.Conv2D(filters, size, use_bias=False, name=name, **kwargs)(x)
    x = _norm(x, norm_name)
    return layers.ReLU(6.0, name=relu_name)(x) if relu_name else x


def _block(inputs, filters, stride, number):
    """Expand by a 1×1, filter each channel by a 3×3, project; added where the shapes agree."""
    prefix = f"block_{number}_" if number else "expanded_conv_"
    before = channels(inputs)
    x = inputs
    if number:
        x = _conv(x, _EXPANSION * before, f"{prefix}expand", f"{prefix}expand_BN",
                  f"{prefix}expand_relu", padding="same")  # fmt: skip
    if stride == 2:
        x = layers.ZeroPadding2D(stride_two_padding(x, 3), name=f"{prefix}pad")(x)
    x = layers.DepthwiseConv2D(
        3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid",
        name=f"{prefix}depthwise",
    )(x)  # fmt: skip
    x = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(_norm(x, f"{prefix}depthwise_BN"))
    x = _conv(x, filters, f"{prefix}project", f"{prefix}project_BN", padding="same")
    if before == filters and stride == 1:
        return layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _start(request):
    check_tensor(request)
    shape = request.input_shape
    if shape is None and request.input_tensor is not None:
        shape = request.input_tensor.shape[1:]
    x = start(request, default_size(shape, _TRAINED_SIZES))
    if request.weights == "imagenet" and request.alpha not in _TRAINED_WIDTHS:
        raise ValueError(
            "If imagenet weights are being loaded, alpha must be one of `0.35`, `0.50`, `0.75`, "
            f"`1.0`, `1.3` or `1.4` only; Received `alpha={request.alpha}`"
        )
    return x


def _build(request):
    x, alpha = _start(request), request.alpha
    size = trained_size(request, _TRAINED_SIZES)
    x = _conv(x, make_divisible(32 * alpha), "Conv1", "bn_Conv1", "Conv1_relu", size=3,
              strides=2, padding="same")  # fmt: skip
    number = 0
    for filters, repeats, stride in _STAGES:
        for i in range(repeats):
            x = _block(x, make_divisible(int(filters * alpha)), stride if i == 0 else 1, number)
            number += 1
    last = make_divisible(1280 * alpha) if alpha > 1.0 else 1280
    x = _conv(x, last, "Conv_1", "Conv_1_bn", "out_relu")
    if request.include_top:
        x = predictions(layers.GlobalAveragePooling2D()(x), request)
    else:
        x = pool(x, request)
    if request.name is None:
        request.name = f"mobilenetv2_{alpha:0.2f}_{size}"
    end = "" if request.include_top else "_no_top"
    file = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}{end}.h5"
    return finish(request, x, partial(remote, file, "mobilenet_v2/"))


MobileNetV2 = application("MobileNetV2", _build, paper=_PAPER, order=_ORDER)
preprocess_input = preprocessing("tf", __name__)

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

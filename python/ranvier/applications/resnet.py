"""Residual networks: ResNet, and the builder of ResNetV2."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import application, classify, finish, norm, relu, start
from ranvier.applications._files import TF_KERNELS, with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_EPSILON = 1.001e-5
# MD5 of the files with and without the classifier.
_DIGESTS = {
    "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}
# Blocks per stage.
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_FILTERS = (64, 128, 256, 512)


def _conv(x, filters, size, name, **kwargs):
    return layers.Conv2D(filters, size, name=name, **kwargs)(x)


def _norm_relu(x, name, norm_name="bn"):
    x = norm(x, f"{name}_{norm_name}", epsilon=_EPSILON)
    return relu(x, f"{name}_{norm_name.replace('bn', 'relu')}")


def _block_v1(x, filters, name, stride, project):
    """1×1 → 3×3 → 1×1 with four times the filters, added to the (projected) input."""
    shortcut = x
    if project:
        shortcut = _conv(x, 4 * filters, 1, f"{name}_0_conv", strides=stride)
        shortcut = norm(shortcut, f"{name}_0_bn", epsilon=_EPSILON)
    x = _norm_relu(_conv(x, filters, 1, f"{name}_1_conv", strides=stride), f"{name}_1")
    x = _norm_relu(_conv(x, filters, 3, f"{name}_2_conv", padding="SAME"), f"{name}_2")
    x = norm(_conv(x, 4 * filters, 1, f"{name}_3_conv"), f"{name}_3_bn", epsilon=_EPSILON)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return relu(x, f"{name}_out")


def _block_v2(x, filters, name, stride, project):
    """Normalization and activation come before each convolution."""
    before = _norm_relu(x, name, "preact_bn")
    if project:
        shortcut = _conv(before, 4 * filters, 1, f"{name}_0_conv", strides=stride)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = _norm_relu(
        _conv(before, filters, 1, f"{name}_1_conv", strides=1, use_bias=False), f"{name}_1"
    )
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name=f"{name}_2_pad")(x)
    x = _conv(x, filters, 3, f"{name}_2_conv", strides=stride, use_bias=False)
    x = _conv(_norm_relu(x, f"{name}_2"), 4 * filters, 1, f"{name}_3_conv")
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _stages_v1(x, depths):
    for stage, (filters, depth) in enumerate(zip(_FILTERS, depths)):
        for i in range(depth):
            stride = 2 if i == 0 and stage > 0 else 1
            x = _block_v1(x, filters, f"conv{stage + 2}_block{i + 1}", stride, i == 0)
    return x


def _stages_v2(x, depths):
    for stage, (filters, depth) in enumerate(zip(_FILTERS, depths)):
        for i in range(depth):
            stride = 2 if i == depth - 1 and stage < 3 else 1
            x = _block_v2(x, filters, f"conv{stage + 2}_block{i + 1}", stride, i == 0)
    return x


def build(request, depths, files, preactivation):
    """A ResNet (normalization after each convolution) or ResNetV2 (before it)."""
    x = start(request, 224)
    x = layers.ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(x)
    x = _conv(x, 64, 7, "conv1_conv", strides=2, use_bias=True)
    if not preactivation:
        x = _norm_relu(x, "conv1")
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    x = _norm_relu(_stages_v2(x, depths), "post") if preactivation else _stages_v1(x, depths)
    x = classify(x, request)
    file = partial(with_or_without_top, request, files, "resnet/", _DIGESTS[files], TF_KERNELS)
    return finish(request, x, file)


_PAPER = "K. He et al. (2015), Deep Residual Learning for Image Recognition, arXiv:1512.03385"


def _resnet(layers_count):
    name = f"resnet{layers_count}"
    made = partial(build, depths=DEPTHS[layers_count], files=name, preactivation=False)
    return application(f"ResNet{layers_count}", made, paper=_PAPER, name=name)


ResNet50, ResNet101, ResNet152 = _resnet(50), _resnet(101), _resnet(152)
preprocess_input = preprocessing("caffe", __name__)

__all__ = ["ResNet101", "ResNet152", "ResNet50", "decode_predictions", "preprocess_input"]

"""The convolutional networks of the rows, described once for every library.

A description is a function of `nn`, a library's set of layers, and of the input; each set of layers
(`peers/*_layers.py`) has

    conv(x, filters, kernel, stride=1, bias=False)   depthwise(x, kernel, stride=1)
    norm(x)   relu(x, limit=None)   max_pool(x, size, stride)   add(x, y)
    mean(x): over height and width   flatten(x)   dense(x, units)

Convolutions and pools of size k pad (k - 1) // 2 zeros on each side.
"""

from __future__ import annotations


def _conv_norm(nn, x, filters, kernel=1, stride=1):
    return nn.norm(nn.conv(x, filters, kernel, stride))


def _shortcut(nn, x, filters, stride, same):
    return x if same else _conv_norm(nn, x, filters, 1, stride)


def resnet20(nn, x):
    """ResNet-20 for 32×32 images: three stages of three blocks of two 3×3 convolutions."""
    x = nn.relu(_conv_norm(nn, x, 16, 3))
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            inner = nn.relu(_conv_norm(nn, x, filters, 3, stride))
            inner = _conv_norm(nn, inner, filters, 3)
            x = nn.relu(nn.add(inner, _shortcut(nn, x, filters, stride, stride == 1)))
    return nn.dense(nn.mean(x), 10)


def resnet50(nn, x):
    """ResNet-50, the stride in the 3×3 convolutions ("v1.5")."""
    x = nn.max_pool(nn.relu(_conv_norm(nn, x, 64, 7, 2)), 3, 2)
    for filters, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if filters > 64 and block == 0 else 1
            inner = nn.relu(_conv_norm(nn, x, filters))
            inner = nn.relu(_conv_norm(nn, inner, filters, 3, stride))
            inner = _conv_norm(nn, inner, 4 * filters)
            x = nn.relu(nn.add(inner, _shortcut(nn, x, 4 * filters, stride, block > 0)))
    return nn.dense(nn.mean(x), 1000)


def vgg16(nn, x):
    """VGG-16 with its three dense layers."""
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = nn.relu(nn.conv(x, filters, 3, bias=True))
        x = nn.max_pool(x, 2, 2)
    x = nn.flatten(x)
    for _ in range(2):
        x = nn.relu(nn.dense(x, 4096))
    return nn.dense(x, 1000)


def mobilenet_v2(nn, x):
    """MobileNetV2: narrow, wide depthwise, narrow; added where the shape stays."""
    x, channels = nn.relu(_conv_norm(nn, x, 32, 3, 2), 6), 32
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
             (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
    for widening, filters, blocks, first_stride in table:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            inner = x if widening == 1 else nn.relu(_conv_norm(nn, x, widening * channels), 6)
            inner = nn.relu(nn.norm(nn.depthwise(inner, 3, stride)), 6)
            inner = _conv_norm(nn, inner, filters)
            x = nn.add(inner, x) if stride == 1 and channels == filters else inner
            channels = filters
    return nn.dense(nn.mean(nn.relu(_conv_norm(nn, x, 1280), 6)), 1000)


# Network and height of its images.
NETWORKS = {
    "resnet20": (resnet20, 32),
    "resnet50": (resnet50, 224),
    "vgg16": (vgg16, 224),
    "mobilenet_v2": (mobilenet_v2, 224),
}
NORM_EPSILON = 1e-3


class ConvolutionShapes:
    """Layers that only note which convolutions a network has; a tensor is (channels, size)."""

    def __init__(self):
        self.found: list[tuple] = []

    def conv(self, x, filters, kernel, stride=1, bias=False):
        shape = (x[0], x[1], filters, kernel, stride)
        if shape not in self.found:
            self.found.append(shape)
        return filters, -(-x[1] // stride)

    def norm(self, x):
        return x

    def relu(self, x, limit=None):
        return x

    def add(self, x, y):
        return x

    def max_pool(self, x, size, stride):
        return x[0], -(-x[1] // stride)

    def mean(self, x):
        return x

    def dense(self, x, units):
        return units


def resnet50_convolutions() -> list[tuple]:
    """(channels, size, filters, kernel, stride) of the 23 distinct convolutions of ResNet-50."""
    shapes = ConvolutionShapes()
    resnet50(shapes, (3, 224))
    return shapes.found

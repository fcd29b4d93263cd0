"""The layers of `benchmarks.networks` in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.networks import NETWORKS, NORM_EPSILON


class _Add(nn.Module):
    def forward(self, x, y):
        return x + y


class _Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class _Flatten(nn.Module):
    """In the order height, width, channels."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Graph(nn.Module):
    """Modules and the numbers of the values that each takes; value 0 is the input."""

    def __init__(self, nodes):
        super().__init__()
        self.steps = nn.ModuleList(module for module, _ in nodes)
        self._sources = [sources for _, sources in nodes]

    def forward(self, x):
        values = [x]
        for step, sources in zip(self.steps, self._sources):
            values.append(step(*[values[i] for i in sources]))
        return values[-1]


class TorchLayers:
    """Collects modules; a value is (its number, channels, size).

    `kernels`, where given, are what layers with a weight take, in their order and in Keras'
    layout.
    """

    def __init__(self, kernels=None):
        self.nodes: list[tuple] = []
        self._kernels = None if kernels is None else iter(kernels)

    def _append(self, module, channels, size, *sources):
        self.nodes.append((module, [source[0] for source in sources]))
        return len(self.nodes), channels, size

    def _weighted(self, module, axes):
        if self._kernels is not None:
            weight = np.ascontiguousarray(np.transpose(next(self._kernels), axes))
            module.weight.data.copy_(torch.from_numpy(weight))
            if module.bias is not None:
                module.bias.data.zero_()
        return module

    def conv(self, x, filters, kernel, stride=1, bias=False):
        module = nn.Conv2d(x[1], filters, kernel, stride, (kernel - 1) // 2, bias=bias)
        module = self._weighted(module, (3, 2, 0, 1))
        return self._append(module, filters, -(-x[2] // stride), x)

    def depthwise(self, x, kernel, stride=1):
        pad = (kernel - 1) // 2
        module = nn.Conv2d(x[1], x[1], kernel, stride, pad, groups=x[1], bias=False)
        return self._append(self._weighted(module, (2, 3, 0, 1)), x[1], -(-x[2] // stride), x)

    def norm(self, x):
        return self._append(nn.BatchNorm2d(x[1], eps=NORM_EPSILON), x[1], x[2], x)

    def relu(self, x, limit=None):
        return self._append(nn.ReLU6() if limit == 6 else nn.ReLU(), x[1], x[2], x)

    def max_pool(self, x, size, stride):
        module = nn.MaxPool2d(size, stride, (size - 1) // 2)
        return self._append(module, x[1], -(-x[2] // stride), x)

    def add(self, x, y):
        return self._append(_Add(), x[1], x[2], x, y)

    def mean(self, x):
        return self._append(_Mean(), x[1], 1, x)

    def flatten(self, x):
        return self._append(_Flatten(), x[1] * x[2] ** 2, 1, x)

    def dense(self, x, units):
        return self._append(self._weighted(nn.Linear(x[1], units), (1, 0)), units, 1, x)


def network(name, size=None, kernels=None):
    """A network of `benchmarks.networks` as a module, channels last."""
    describe, usual = NETWORKS[name]
    layers = TorchLayers(kernels)
    describe(layers, (0, 3, size or usual))
    return Graph(layers.nodes).to(memory_format=torch.channels_last)

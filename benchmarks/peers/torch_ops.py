"""PyTorch's rows of single operations; results go to tensors that are there already."""

from __future__ import annotations

import functools

import torch
from torch.nn import functional as F

from benchmarks import models, op_data
from benchmarks.everyday import OPERATIONS
from benchmarks.peers import fastest, repeat


def tensor(array):
    """Images become channels-first in shape, channels-last in memory; labels 64-bit."""
    result = torch.from_numpy(array)
    if array.ndim == 4:
        result = result.permute(0, 3, 1, 2)
    return result.long() if array.dtype == "int32" and array.ndim == 1 else result


def gemm(m, n, k, trans_a=False, trans_b=False):
    a, b = (torch.from_numpy(x) for x in op_data.matrices(m, n, k, trans_a, trans_b))
    a, b, out = a.T if trans_a else a, b.T if trans_b else b, torch.empty(m, n)
    return repeat(lambda: torch.matmul(a, b, out=out))


def pointwise(name, size):
    x = torch.from_numpy(op_data.values(name, size))
    out = torch.empty_like(x)
    ways = {
        "relu": lambda: torch.clamp_min(x, 0, out=out),
        "sigmoid": lambda: torch.sigmoid(x, out=out),
        "tanh": lambda: torch.tanh(x, out=out),
        "gelu": lambda: torch._C._nn.gelu(x, out=out),
        "softmax": lambda: torch.softmax(x, -1, out=out),
    }
    return repeat(torch.inference_mode()(ways[name]))


def _filters(w):
    return torch.from_numpy(w).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)


def conv(*shape):
    x, w = op_data.images(*shape)
    x, w, pad = tensor(x), _filters(w), (shape[3] - 1) // 2
    return repeat(torch.inference_mode()(lambda: F.conv2d(x, w, stride=shape[4], padding=pad)))


def conv_grad(*shape):
    x, w = op_data.images(*shape)
    x, w, dy, pad = tensor(x), _filters(w), tensor(op_data.image_gradient(*shape)), shape[3] // 2
    backward = torch.ops.aten.convolution_backward
    return repeat(
        lambda: backward(
            dy, x, w, None, [shape[4]] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, [True, True, False]
        )
    )


def _batch_norm(x, gain, shift):
    return F.batch_norm(x, None, None, gain, shift, training=True, eps=1e-3)


_LAYERS = {
    "layer_norm": lambda x, gain, shift: F.layer_norm(x, x.shape[-1:], gain, shift, 1e-3),
    "batch_norm": _batch_norm,
    "max_pool": lambda x: F.max_pool2d(x, 3, 2, 1),
}


def with_backward(name):
    dy, arguments = op_data.layer(name)
    dy, arguments = tensor(dy), [tensor(a).requires_grad_() for a in arguments]

    def prepare(fn):
        return repeat(lambda: torch.autograd.grad(fn(*arguments), arguments, dy))

    return fastest(lambda: prepare(_LAYERS[name]), lambda: prepare(torch.compile(_LAYERS[name])))


def adam(size):
    def prepare(**options):
        parameter = torch.nn.Parameter(torch.from_numpy(models.random(size)))
        parameter.grad = torch.from_numpy(models.random(size))
        return repeat(torch.optim.Adam([parameter], **options).step)

    return fastest(*(functools.partial(prepare, **{way: True}) for way in ("foreach", "fused")))


_EAGER = {
    "add": torch.add,
    "index": lambda x: x[1:3],
    "sum": lambda x: torch.sum(x, 1),
    "matmul": torch.matmul,
    "softmax": lambda x: torch.softmax(x, -1),
    "split": lambda x: torch.chunk(x, 2),
}


def operation(name):
    row = OPERATIONS[name]
    if row.torch is None:
        return None
    arguments = [tensor(array) for array in row.arrays()]
    return repeat(torch.inference_mode()(lambda: row.torch(torch, *arguments)))


def eager(name):
    arguments = [tensor(array) for array in op_data.EAGER[name]()]
    return repeat(lambda: _EAGER[name](*arguments))


KINDS = {
    "gemm": gemm,
    "pointwise": pointwise,
    "conv": conv,
    "conv_grad": conv_grad,
    "with_backward": with_backward,
    "adam": adam,
    "operation": operation,
    "eager": eager,
}

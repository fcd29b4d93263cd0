"""ONNX graphs of the models: what a user would export, in ONNX Runtime's own layout (NCHW)."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from benchmarks import models
from benchmarks.networks import NETWORKS, NORM_EPSILON

_OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]


class Graph:
    """Nodes and constants under numbered names; the input is "x"."""

    def __init__(self):
        self._nodes, self._constants, self._count = [], [], 0

    def _name(self):
        self._count += 1
        return f"v{self._count}"

    def constant(self, array):
        name = self._name()
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op, *inputs, outputs=1, **attributes):
        """A node; its inputs are names or arrays. The output's name, or a list of several."""
        names = [self.constant(i) if isinstance(i, np.ndarray) else i for i in inputs]
        out = [self._name() for _ in range(outputs)]
        self._nodes.append(helper.make_node(op, names, out, **attributes))
        return out[0] if outputs == 1 else out

    def serialize(self, output, shape) -> bytes:
        """The model with input "x" of `shape`."""
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self._nodes, "benchmark", [x], [y], self._constants)
        model = helper.make_model(graph, opset_imports=_OPSETS, ir_version=10)
        return model.SerializeToString()


def mlp(weights, batch) -> bytes:
    """784-200-10 with sigmoid and softmax; `weights` as the Keras model gives them."""
    w1, b1, w2, b2 = weights
    graph = Graph()
    h = graph.add("Sigmoid", graph.add("Gemm", "x", w1, b1))
    return graph.serialize(graph.add("Softmax", graph.add("Gemm", h, w2, b2)), (batch, 784))


def transformer(weights, batch) -> bytes:
    """The encoder block; its attention is ONNX Runtime's own fused node."""
    wq, bq, wk, bk, wv, bv, wo, bo, gain1, shift1, w1, b1, w2, b2, gain2, shift2 = weights
    _, time, width, heads, _ = models.BLOCK
    graph = Graph()

    def dense(x, w, b):
        return graph.add("Add", graph.add("MatMul", x, w), b)

    def normalized(x, gain, shift):
        return graph.add("LayerNormalization", x, gain, shift, epsilon=1e-6)

    projection = np.concatenate([w.reshape(width, width) for w in (wq, wk, wv)], axis=1)
    bias = np.concatenate([b.reshape(width) for b in (bq, bk, bv)])
    attended = graph.add(
        "Attention", "x", projection, bias, num_heads=heads, domain="com.microsoft"
    )
    x = normalized(graph.add("Add", "x", dense(attended, wo.reshape(width, width), bo)),
                   gain1, shift1)  # fmt: skip
    wide = graph.add("Gelu", dense(x, w1, b1))
    x = normalized(graph.add("Add", x, dense(wide, w2, b2)), gain2, shift2)
    return graph.serialize(x, (batch, time, width))


def random_weights(name):
    """Weights of `mlp` or `transformer` in the shapes of the Keras model."""
    _, _, width, heads, inner = models.BLOCK
    qkv, layer_norm = [(width, heads, width // heads), (heads, width // heads)], [(width,)] * 2
    shapes = {
        "mlp": [(784, 200), (200,), (200, 10), (10,)],
        "transformer": [*qkv * 3, (heads, width // heads, width), (width,), *layer_norm,
                        (width, inner), (inner,), (inner, width), (width,), *layer_norm],
    }  # fmt: skip
    return [(models.random(*shape) - 0.5) * 0.1 for shape in shapes[name]]


class OnnxLayers:
    """The layers of `benchmarks.networks`; a value is (its name, channels, size).

    `kernels`, where given, are what layers with a weight take, in their order and in Keras'
    layout; biases are zero.
    """

    def __init__(self, kernels=None):
        self.graph = Graph()
        self._kernels = None if kernels is None else iter(kernels)

    def _kernel(self, *shape):
        if self._kernels is not None:
            return next(self._kernels)
        return (models.random(*shape) - 0.5) * np.float32(np.sqrt(24 / np.prod(shape[:-1])))

    def _window(self, size, stride):
        pad = (size - 1) // 2
        return {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [pad] * 4}

    def conv(self, x, filters, kernel, stride=1, bias=False):
        weight = self._kernel(kernel, kernel, x[1], filters).transpose(3, 2, 0, 1)
        biases = [np.zeros(filters, np.float32)] if bias else []
        out = self.graph.add("Conv", x[0], weight, *biases, **self._window(kernel, stride))
        return out, filters, -(-x[2] // stride)

    def depthwise(self, x, kernel, stride=1):
        weight = self._kernel(kernel, kernel, x[1], 1).transpose(2, 3, 0, 1)
        window = self._window(kernel, stride)
        return self.graph.add("Conv", x[0], weight, group=x[1], **window), x[1], -(-x[2] // stride)

    def norm(self, x):
        one, zero = np.ones(x[1], np.float32), np.zeros(x[1], np.float32)
        out = self.graph.add("BatchNormalization", x[0], one, zero, zero, one, epsilon=NORM_EPSILON)
        return out, *x[1:]

    def relu(self, x, limit=None):
        if limit is None:
            return self.graph.add("Relu", x[0]), *x[1:]
        return self.graph.add("Clip", x[0], np.array(0, np.float32),
                              np.array(limit, np.float32)), *x[1:]  # fmt: skip

    def max_pool(self, x, size, stride):
        return (
            self.graph.add("MaxPool", x[0], **self._window(size, stride)),
            x[1],
            -(-x[2] // stride),
        )

    def add(self, x, y):
        return self.graph.add("Add", x[0], y[0]), *x[1:]

    def mean(self, x):
        out = self.graph.add("GlobalAveragePool", x[0])
        return self.graph.add("Flatten", out), x[1], 1

    def flatten(self, x):
        rows = self.graph.add("Transpose", x[0], perm=[0, 2, 3, 1])
        return self.graph.add("Flatten", rows), x[1] * x[2] ** 2, 1

    def dense(self, x, units):
        weight = self._kernel(x[1], units)
        return self.graph.add("Gemm", x[0], weight, np.zeros(units, np.float32)), units, 1


def network(name, batch, size=None, kernels=None) -> bytes:
    """A network of `benchmarks.networks` for inputs (batch, 3, size, size)."""
    describe, usual = NETWORKS[name]
    layers = OnnxLayers(kernels)
    out, *_ = describe(layers, ("x", 3, size or usual))
    return layers.graph.serialize(out, (batch, 3, size or usual, size or usual))

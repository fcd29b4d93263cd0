"""The rows of single operations, in `keras.ops`, for every package that speaks Keras."""

from __future__ import annotations

import functools

from benchmarks import models, op_data
from benchmarks.everyday import OPERATIONS
from benchmarks.peers import repeat


def kinds(keras, compiled, vjp, ready=None) -> dict:
    """Kinds of rows that one operation makes.

    Args:
        keras: the package.
        compiled: function that compiles a function of tensors, or leaves it as it is.
        vjp: makes of a function f one of `(dy, *args)` that gives f(*args) and the gradients,
            compiled.
        ready: waits for a result.
    """
    ops = keras.ops

    def tensors(arrays):
        return [ops.convert_to_tensor(array) for array in arrays]

    def run(fn, arrays):
        arguments = tensors(arrays)
        return repeat(lambda: fn(*arguments), ready)

    def gemm(m, n, k, trans_a=False, trans_b=False):
        def product(a, b):
            a = ops.transpose(a) if trans_a else a
            return ops.matmul(a, ops.transpose(b) if trans_b else b)

        return run(compiled(product), op_data.matrices(m, n, k, trans_a, trans_b))

    def pointwise(name, size):
        x = op_data.values(name, size)
        if name == "gelu":
            return run(compiled(lambda x: ops.gelu(x, approximate=False)), [x])
        return run(compiled(getattr(ops, name)), [x])

    def convolution(stride):
        return lambda x, w: ops.conv(x, w, strides=stride, padding="same")

    def conv(*shape):
        return run(compiled(convolution(shape[-1])), op_data.images(*shape))

    def conv_grad(*shape):
        x, w = op_data.images(*shape)
        dy = op_data.image_gradient(*shape)
        gradient = vjp(convolution(shape[-1]))
        return run(compiled(lambda dy, x, w: gradient(dy, x, w)[1]), [dy, x, w])

    def batch_norm(x, gain, shift):
        mean, variance = ops.moments(x, axes=(0, 1, 2))
        return ops.batch_normalization(x, mean, variance, -1, offset=shift, scale=gain)

    functions = {
        "layer_norm": lambda x, gain, shift: ops.layer_normalization(x, gain, shift, epsilon=1e-3),
        "batch_norm": batch_norm,
        "max_pool": lambda x: ops.max_pool(x, 3, 2, padding="same"),
    }

    def with_backward(name):
        dy, arguments = op_data.layer(name)
        return run(compiled(vjp(functions[name])), [dy, *arguments])

    eagerly = {
        "add": ops.add,
        "index": lambda x: x[1:3],
        "sum": lambda x: ops.sum(x, axis=1),
        "matmul": ops.matmul,
        "softmax": ops.softmax,
        "split": lambda x: ops.split(x, 2),
    }

    def operation(name):
        row = OPERATIONS[name]
        return run(compiled(functools.partial(row.keras, ops)), row.arrays())

    def eager(name):
        return run(eagerly[name], op_data.EAGER[name]())

    return {"gemm": gemm, "pointwise": pointwise, "conv": conv, "conv_grad": conv_grad,
            "with_backward": with_backward, "operation": operation, "eager": eager}  # fmt: skip


def adam_state(keras, size):
    """An optimizer and its only variable."""
    optimizer, variable = keras.optimizers.Adam(), keras.Variable(models.random(size))
    optimizer.build([variable])
    return optimizer, variable

"""Random chains of ops: what a compiler may fuse, reorder, hoist or fold.

A program is a list of steps, functions of the list of values so far; each appends one.
"""

import itertools
import math

import numpy as np

from ranvier import ops

MOST_ELEMENTS = 5000
SIZES = (0, 1, 2, 3, 4, 5, 8, 17)

MAPS = [
    ops.tanh, ops.sigmoid, ops.relu, ops.gelu, ops.silu, ops.softplus, ops.abs, ops.square,
    ops.negative, ops.sin, ops.floor, ops.elu, ops.hard_sigmoid, ops.erf, ops.sign, ops.relu6,
    lambda x: ops.exp(-ops.abs(x)),
    lambda x: ops.log(ops.square(x) + 0.5),
    lambda x: 1.0 / (1.5 + ops.abs(x)),
    lambda x: ops.rsqrt(1.5 + x * x),
    lambda x: (ops.abs(x) + 0.1) ** 0.5,
    lambda x: ops.clip(x, -0.7, 0.9),
    lambda x: ops.where(x > 0.3, 0.0, x),
    lambda x: ops.cast(ops.cast(x, "bfloat16"), "float32"),
    lambda x: ops.cast(ops.cast(x, "int32"), "float32") + 0.5,
    lambda x: x + ops.stop_gradient(x),
    lambda x: 2.0 - x,
    lambda x: ops.expand_dims(x, 0),
    ops.ravel,
    ops.squeeze,
]  # fmt: skip
PAIRS = [
    ops.add, ops.subtract, ops.multiply, ops.maximum, ops.minimum, ops.logaddexp,
    lambda a, b: a / (1.5 + ops.abs(b)),
    lambda a, b: ops.where(a > b, a, b * 0.5),
    lambda a, b: ops.cast(a > b, "float32") * a,
    lambda a, b: ops.square(a - b),
]  # fmt: skip
ALONG = [
    ops.softmax, ops.log_softmax, ops.cumsum, ops.flip, ops.sort,
    lambda x, axis: ops.repeat(x, 2, axis),
    lambda x, axis: ops.roll(x, 1, axis),
    lambda x, axis: ops.concatenate([x, x * 2.0], axis),
    lambda x, axis: ops.stack([x, -x], axis),
    lambda x, axis: ops.moveaxis(x, axis, -1),
    lambda x, axis: x - ops.mean(x, axis, keepdims=True),
    lambda x, axis: x * ops.rsqrt(ops.sum(x * x, axis, keepdims=True) + 0.1),
    lambda x, axis: ops.take(x, [0, -1, 0], axis) if x.shape[axis] else x,
]  # fmt: skip
SUMS = [
    ops.sum, ops.mean, ops.logsumexp, ops.max, ops.min,
    lambda x, axis, keepdims: ops.var(x, axis, keepdims),
    lambda x, axis, keepdims: ops.prod(ops.tanh(x) + 1.0, axis, keepdims),
    lambda x, axis, keepdims: ops.cast(ops.any(x > 1.0, axis, keepdims), "float32"),
]  # fmt: skip


def random_step(r, values):
    """A function of the values so far."""
    i = r.choice((len(values) - 1, r.randrange(len(values))))
    shape = values[i].shape
    makers = [_map, _map, _pair, _pair]
    if shape:
        makers += [_along, _sum, _move, _product]
    if len(shape) in (3, 4) and 0 not in shape:
        makers += [_window] * 2
    return r.choice(makers)(r, i, shape, values)


def _map(r, i, shape, values):
    fn = r.choice(MAPS)
    return lambda v: fn(v[i])


def _pair(r, i, shape, values):
    fn, j = r.choice(PAIRS), r.choice([j for j, x in enumerate(values) if _fit(x.shape, shape)])
    i, j = r.sample((i, j), 2)
    return lambda v: fn(v[i], v[j])


def _along(r, i, shape, values):
    fn, axis = r.choice(ALONG), r.randrange(len(shape))
    return lambda v: fn(v[i], axis=axis)


def _sum(r, i, shape, values):
    axes = tuple(sorted(r.sample(range(len(shape)), r.randint(1, len(shape)))))
    fn, keep = r.choice(SUMS), r.random() < 0.5
    if 0 in shape and fn in (ops.max, ops.min):
        fn = ops.sum
    return lambda v: fn(v[i], axis=axes, keepdims=keep)


def _move(r, i, shape, values):
    perm = r.sample(range(len(shape)), len(shape))
    window = tuple(slice(r.choice((None, 1)), None, r.choice((1, 2, -1))) for _ in shape)
    widths = [(r.randint(0, 1), r.randint(0, 2)) for _ in shape]
    rows = shape[0] * math.prod(shape[1:-1])
    return r.choice([
        lambda v: ops.transpose(v[i], perm),
        lambda v: v[i][window],
        lambda v: ops.pad(v[i], widths),
        lambda v: ops.reshape(v[i], (rows, shape[-1] if len(shape) > 1 else 1)),
        lambda v: ops.broadcast_to(v[i], (2, *shape)),
    ])  # fmt: skip


def _product(r, i, shape, values):
    columns = r.choice((1, 3, 8, 17))
    weights, bias = _weights(r, shape[-1], columns), _weights(r, columns)
    activation = r.choice((ops.relu, ops.tanh, ops.gelu, lambda x: x))
    choices = [lambda v: activation(ops.matmul(v[i], weights) + bias)]
    if len(shape) > 1:
        choices.append(lambda v: ops.matmul(v[i], ops.swapaxes(v[i], -1, -2)) * 0.1)
        choices.append(lambda v: ops.einsum("...ab,...ac->...bc", v[i], v[i]) * 0.1)
    return r.choice(choices)


def _window(r, i, shape, values):
    """Convolutions and pooling of images and sequences."""
    rank, channels = len(shape) - 2, shape[-1]
    size, stride = r.choice((1, 3)), r.choice((1, 2))
    kernel = _weights(r, *[size] * rank, channels, r.choice((1, 4, 16)))
    depthwise = _weights(r, *[3] * rank, channels, r.choice((1, 2)))
    return r.choice([
        lambda v: ops.conv(v[i], kernel, strides=stride, padding="same"),
        lambda v: ops.relu(ops.conv(v[i], kernel, padding="same") + 0.1),
        lambda v: ops.depthwise_conv(v[i], depthwise, strides=1, padding="same"),
        lambda v: ops.max_pool(v[i], 2, stride, "same"),
        lambda v: ops.average_pool(v[i], 3, 1, "same"),
    ])  # fmt: skip


def _weights(r, *shape):
    rng = np.random.default_rng(r.randrange(1000))
    return (rng.normal(size=shape) * 0.4).astype("float32")


def _fit(a, b):
    sizes = list(itertools.zip_longest(reversed(a), reversed(b), fillvalue=1))
    largest = math.prod(max(pair) if 0 not in pair else 0 for pair in sizes)
    return all(m == n or 1 in (m, n) for m, n in sizes) and largest <= MOST_ELEMENTS


def random_program(r, length):
    """Arguments, and a function of them that gives some of the values on its way and the last."""
    rng = np.random.default_rng(r.randrange(1000))
    shapes = [[r.choice(SIZES) for _ in range(r.randint(1, 4))] for _ in range(r.randint(1, 3))]
    shapes = [shape if math.prod(shape) <= MOST_ELEMENTS else [4, 5] for shape in shapes]
    arguments = [rng.normal(size=shape).astype("float32") for shape in shapes]
    values = [ops.convert_to_tensor(x) for x in arguments]
    steps = []
    while len(steps) < length:
        step = random_step(r, values)
        value = step(values)
        if _is_moderate(value):
            values.append(value)
            steps.append(step)
    given = sorted({*r.sample(range(len(arguments), len(values)), 2), len(values) - 1})

    def program(*values):
        values = list(values)
        for step in steps:
            values.append(step(values))
        return [values[i] for i in given]

    return arguments, program


def _is_moderate(value):
    if math.prod(value.shape) > MOST_ELEMENTS or len(value.shape) > 6:
        return False
    return bool(np.all(np.abs(value.numpy()) < 100))

"""Gradients through `ops.scan`: against finite differences, once and twice; equal bits."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import RematScope, Variable, grad, jit, ops
from ranvier import _backend as B


def draw(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


X, H = draw(4, 3, 2), draw(3, 5, seed=1)
W, U, BIAS = draw(2, 5, seed=2), draw(5, 5, seed=3), draw(5, seed=4)
KEEP = np.array([1, 0, 1, 1], bool)


def weighted(*tensors):
    """A sum with weights of its own for each element."""
    total = ops.zeros((), "float64")
    for k, t in enumerate(tensors):
        weights = np.cos(np.arange(np.prod(t.shape)) + k).reshape(t.shape)
        total = total + ops.sum(t * weights)
    return total


def simple(h, x, w, u, b):
    return ops.tanh(ops.matmul(x, w) + ops.matmul(h, u) + b)


def hidden_carry(x, h, w, u, b, **options):
    def step(h, x):
        h = simple(h, x, w, u, b)
        return h, ops.sin(h)

    return weighted(*ops.scan(step, h, x, **options))


def shown_carry(x, h, w, u, b):
    def step(h, x):
        h = simple(h, x, w, u, b)
        return h, h

    return weighted(*ops.scan(step, h, x))


def gated(x, h, w, u, b):
    """Two carries, products of gates, and a residual that is cheap to make again."""

    def step(state, x):
        h, c = state
        z = ops.matmul(x, w) + ops.matmul(h, u) + b
        i, o = ops.sigmoid(z), ops.relu(z + 0.3)
        c = c * (1 - i) + i * ops.tanh(z)
        return (o * ops.tanh(c), c), o

    (h, c), o = ops.scan(step, (h, ops.exp(h)), x)
    return weighted(h, c, o)


def masked(x, h, w, u, b):
    def step(h, inputs):
        x, keep = inputs
        h = ops.where(keep, simple(h, x, w, u, b), h)
        return h, h * 2

    return weighted(*ops.scan(step, h, (x, ops.convert_to_tensor(KEEP))))


def counted(x, h, w, u, b):
    """An integer in the carry that the values depend on, and no sequence."""

    def step(state, _):
        n, h = state
        h = ops.tanh(ops.matmul(h, u) * ops.cast(n, "float64") + b)
        return (n + 1, h), ops.sum(h)

    (_, h), y = ops.scan(step, (ops.convert_to_tensor(1), h), length=3)
    return weighted(h, y) + ops.sum(x) * ops.sum(w)


def nested(x, h, w, u, b):
    def outer(h, x):
        def inner(h, row):
            h = ops.tanh(h * row + b)
            return h, ops.square(h)

        h, y = ops.scan(inner, simple(h, x, w, u, b), u)
        return h, ops.sum(y, axis=0)

    return weighted(*ops.scan(outer, h, x))


def branched(x, h, w, u, b):
    def step(h, x):
        z = simple(h, x, w, u, b)
        h = ops.cond(ops.sum(x) > 0, lambda: ops.exp(z) * h, lambda: z + h)
        return h, z

    return weighted(*ops.scan(step, h, x))


def constant_parts(x, h, w, u, b):
    """Weights that are cut and scaled inside the loop, and used twice."""

    def step(h, x):
        left, right = ops.split(u, [2], axis=1)
        z = ops.concatenate([ops.matmul(h, left), ops.matmul(h * 0.5, right)], axis=1)
        h = ops.tanh(ops.matmul(x, ops.exp(w)) + z + ops.matmul(ops.sin(h), u) + b)
        return h, z

    return weighted(*ops.scan(step, h, x))


def computed_again(x, h, w, u, b):
    again = RematScope(mode="full")

    def step(h, x):
        with again:
            h = simple(h, x, w, u, b)
        return h, ops.exp(h)

    return weighted(*ops.scan(step, h, x))


LOOPS = {
    "hidden": hidden_carry,
    "reverse": lambda *a: hidden_carry(*a, reverse=True),
    "shown": shown_carry,
    "gated": gated,
    "masked": masked,
    "counted": counted,
    "nested": nested,
    "branched": branched,
    "constant_parts": constant_parts,
    "computed_again": computed_again,
}
ARGUMENTS = (X, H, W, U, BIAS)
EVERY = tuple(range(len(ARGUMENTS)))


def differences(fn, arguments):
    """Central differences along one direction, the one of the gradients' check."""
    directions = [draw(*a.shape, seed=9 + i) for i, a in enumerate(arguments)]
    step = 1e-5
    ends = [
        float(fn(*(ops.convert_to_tensor(a + s * d) for a, d in zip(arguments, directions))))
        for s in (step, -step)
    ]
    return (ends[0] - ends[1]) / (2 * step), directions


def along(gradients, directions):
    return sum(float(np.sum(np.asarray(g) * d)) for g, d in zip(gradients, directions))


@pytest.mark.parametrize("name", LOOPS)
def test_first_and_second_derivatives(name):
    loop = LOOPS[name]
    first = grad(loop, argnums=EVERY)

    def steepness(*arguments):
        return sum(ops.sum(ops.sin(g)) for g in first(*arguments))

    for fn in (loop, steepness):
        expected, directions = differences(jit(fn), ARGUMENTS)
        derivative = grad(fn, argnums=EVERY)
        for run in (derivative, jit(derivative)):
            found = along(run(*map(ops.convert_to_tensor, ARGUMENTS)), directions)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", LOOPS)
def test_every_gradient_by_itself(name):
    loop = LOOPS[name]
    arguments = tuple(map(ops.convert_to_tensor, ARGUMENTS))
    together = grad(loop, argnums=EVERY)(*arguments)
    for i, expected in enumerate(together):
        alone = jit(grad(loop, argnums=i))(*arguments)
        np.testing.assert_allclose(np.asarray(alone), np.asarray(expected), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LOOPS)
def test_the_same_bits_on_values_compiled_and_for_any_threads(name):
    arguments = [ops.cast(a, "float32") for a in ARGUMENTS]

    def loop(*args):
        return LOOPS[name](*(ops.cast(a, "float64") for a in args))

    derivative = grad(loop, argnums=EVERY)
    threads, exact = B.core.num_threads(), B.core.exact()
    try:
        B.core.set_exact(True)
        eager, compiled = derivative(*arguments), jit(derivative)(*arguments)
        B.core.set_exact(False)
        run, by_threads = jit(derivative), []
        for count in (1, 2):
            B.core.set_num_threads(count)
            by_threads.append(run(*arguments))
    finally:
        B.core.set_num_threads(threads)
        B.core.set_exact(exact)
    for a, b in ((eager, compiled), by_threads):
        for x, y in zip(a, b):
            np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


def test_no_steps():
    empty = ops.convert_to_tensor(X[:0])
    found = jit(grad(hidden_carry, argnums=EVERY))(
        empty, *map(ops.convert_to_tensor, (H, W, U, BIAS))
    )
    assert found[0].shape == (0, 3, 2)
    np.testing.assert_allclose(np.asarray(found[1]), np.cos(np.arange(15)).reshape(3, 5))
    for g in found[2:]:
        assert not np.asarray(g).any()


def test_a_variable_written_inside_is_written_once_per_step():
    count = Variable(np.zeros((), "float32"))

    def loop(h, u):
        def step(h, _):
            count.assign_add(1.0)
            return ops.tanh(ops.matmul(h, u)) * ops.cast(count.value, "float64"), None

        return ops.sum(ops.scan(step, h, length=3)[0])

    def plain(h, u):
        for n in (1.0, 2.0, 3.0):
            h = ops.tanh(ops.matmul(h, u)) * n
        return ops.sum(h)

    arguments = ops.convert_to_tensor(H), ops.convert_to_tensor(U)
    expected = grad(plain, argnums=(0, 1))(*arguments)
    for derivative in (grad(loop, argnums=(0, 1)), jit(grad(loop, argnums=(0, 1)))):
        count.assign(0.0)
        for found, wanted in zip(derivative(*arguments), expected):
            np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-10)
        assert float(count.value) == 3

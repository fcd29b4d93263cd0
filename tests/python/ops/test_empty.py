"""Arrays without elements: empty results and gradients of the right shape."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ranvier import GradientTape, jit, ops, value_and_grad

IMAGES = {
    "resize": lambda x: ops.image.resize(x, (7, 5)),
    "resize_bicubic": lambda x: ops.image.resize(
        x, (3, 2), interpolation="bicubic", antialias=True
    ),
    "max_pool": lambda x: ops.max_pool(x, 2, 2),
    "max_pool_overlapping": lambda x: ops.max_pool(x, 3, 1, padding="same"),
    "average_pool": lambda x: ops.average_pool(x, 2, 2),
    "softmax_rows": lambda x: ops.softmax(x, axis=1),
    "log_softmax_columns": lambda x: ops.log_softmax(x, axis=2),
    "softmax_pixels": lambda x: ops.softmax(x, axis=(1, 2)),
    "cumsum": lambda x: ops.cumsum(x, axis=1),
    "flip": lambda x: ops.flip(x, axis=1),
    "sort": lambda x: ops.sort(x, axis=1),
    "every_second": lambda x: x[:, ::2],
    "repeat": lambda x: ops.repeat(x, 3, axis=1),
}


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
@pytest.mark.parametrize("name", IMAGES)
def test_images(name, shape):
    x = ops.zeros(shape)
    with GradientTape() as tape:
        tape.watch(x)
        y = IMAGES[name](x)
    assert 0 in y.shape
    assert tape.gradient(y, x, output_gradients=ops.ones_like(y)).shape == shape


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0,)])
@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "cumsum", "cumprod", "flip", "sort", "argsort"]
)
def test_along_every_axis(name, shape):
    for axis in range(len(shape)):
        assert getattr(ops, name)(ops.zeros(shape), axis=axis).shape == shape


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_integer_products(dtype):
    for m, k, n in itertools.product((0, 3), (0, 4), (0, 5)):
        product = np.asarray(ops.matmul(ops.zeros((m, k), dtype), ops.zeros((k, n), dtype)))
        assert product.shape == (m, n) and not product.any()


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
@pytest.mark.parametrize("lead_a, lead_b", [((2,), ()), ((2, 1), (3,)), ((2,), (2,)), ((), (2,))])
def test_batches_of_products(wrap, lead_a, lead_b):
    value_and_slopes = wrap(
        value_and_grad(lambda a, b: ops.sum(ops.exp(ops.matmul(a, b))), argnums=(0, 1))
    )
    for m, k, n in itertools.product((0, 3), (0, 4), (0, 5)):
        a, b = np.ones((*lead_a, m, k), "float32"), np.ones((*lead_b, k, n), "float32")
        product = a @ b
        value, (slope_a, slope_b) = value_and_slopes(a, b)
        np.testing.assert_allclose(value, np.exp(product).sum(), rtol=1e-5)
        assert (slope_a.shape, slope_b.shape) == (a.shape, b.shape)
        np.testing.assert_array_equal(ops.matmul(a, b), product, strict=True)


def test_searches_counts_and_choices():
    assert ops.searchsorted(ops.zeros((0,)), ops.zeros((3,))).tolist() == [0, 0, 0]
    assert ops.searchsorted(ops.zeros((3,)), ops.zeros((0,))).shape == (0,)
    assert ops.bincount(ops.zeros((0,), "int32"), minlength=3).tolist() == [0, 0, 0]
    assert ops.take(ops.zeros((4, 3)), ops.zeros((0,), "int32"), axis=1).shape == (4, 0)
    assert ops.top_k(ops.zeros((0, 5)), 2)[0].shape == (0, 2)
    assert ops.fft((ops.zeros((0, 8)), ops.zeros((0, 8))))[0].shape == (0, 8)


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0), (2, 0, 3), (0, 2, 3)])
def test_decompositions(shape):
    x = ops.zeros(shape)
    *batch, m, n = shape
    factors, pivots = ops.lu_factor(x)
    assert factors.shape == shape and pivots.shape == (*batch, min(m, n))
    assert ops.pinv(x).shape == (*batch, n, m)
    np.testing.assert_array_equal(ops.matrix_rank(x), np.zeros(batch))

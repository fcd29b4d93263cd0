"""A product of transposed operands is one step, with the numbers of NumPy."""

import itertools

import numpy as np
import pytest

import ranvier as keras
from ranvier import ops


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_every_transpose_of_a_product(batch):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(*batch, 7, 37)).astype("float32")
    b = rng.normal(size=(*batch, 37, 5)).astype("float32")
    for flip_a, flip_b in itertools.product((False, True), repeat=2):
        left = np.ascontiguousarray(a.swapaxes(-1, -2)) if flip_a else a
        right = np.ascontiguousarray(b.swapaxes(-1, -2)) if flip_b else b

        def product(x, y, flip_a=flip_a, flip_b=flip_b):
            x = ops.swapaxes(x, -1, -2) if flip_a else x
            y = ops.swapaxes(y, -1, -2) if flip_b else y
            return ops.matmul(x, y)

        found = keras.jit(product)(left, right)
        np.testing.assert_allclose(found, a @ b, rtol=2e-5, atol=2e-5)

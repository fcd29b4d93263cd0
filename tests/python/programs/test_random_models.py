"""Random models train compiled as they do op by op."""

from __future__ import annotations

import random

import numpy as np
import pytest
from random_models import random_model

from ranvier import _backend as B
from ranvier import tree

pytestmark = pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")


def trained(seed, run_eagerly):
    """Predictions before and after, losses and weights of two epochs."""
    r = random.Random(seed)
    model, x, y = random_model(r, length=r.randint(3, 8))
    model.compile(r.choice(("sgd", "adam", "rmsprop")), ["mse", "mae"], run_eagerly=run_eagerly)
    before = model.predict(x, batch_size=3, verbose=0)
    losses = model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0).history["loss"]
    after = model.predict(x, batch_size=3, verbose=0)
    return [np.asarray(v) for v in tree.flatten([before, losses, model.get_weights(), after])]


@pytest.mark.parametrize("seed", range(60))
def test_compiled_as_eager_to_the_bit(seed):
    exact = B.core.exact()
    B.core.set_exact(True)
    try:
        for compiled, eager in zip(trained(seed, False), trained(seed, True), strict=True):
            np.testing.assert_array_equal(compiled, eager)
    finally:
        B.core.set_exact(exact)


@pytest.mark.parametrize("seed", range(60, 90))
def test_fused_as_eager_within_rounding(seed):
    for compiled, eager in zip(trained(seed, False), trained(seed, True), strict=True):
        scale = max(1.0, float(np.abs(eager).max()))
        np.testing.assert_allclose(compiled, eager, rtol=2e-3, atol=1e-3 * scale)

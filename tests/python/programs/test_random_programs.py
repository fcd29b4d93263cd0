"""Compiled, programs of random ops give what the ops give one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from random_programs import random_program

from ranvier import _backend as B
from ranvier import jit, ops, value_and_grad


@pytest.fixture(params=[False, True], ids=["fast", "exact"])
def exact(request):
    before = B.core.exact()
    B.core.set_exact(request.param)
    yield request.param
    B.core.set_exact(before)


def assert_equal(ours, theirs, exact):
    for a, b in zip(ours, theirs, strict=True):
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            scale = max(1.0, float(np.max(np.abs(b), initial=0)))
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4 * scale)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@pytest.mark.parametrize("seed", range(150))
def test_values_and_slopes(seed, exact):
    arguments, program = random_program(random.Random(seed), length=12)

    def loss(*values):
        means = (ops.mean(ops.tanh(x)) for x in program(*values) if 0 not in x.shape)
        return sum(means, start=ops.zeros(()))

    assert_equal(jit(program)(*arguments), program(*arguments), exact)
    every = value_and_grad(loss, argnums=tuple(range(len(arguments))))
    assert_equal(jit(every)(*arguments)[1], every(*arguments)[1], exact)

"""Memory stays flat: over calls of `predict` with changing batch sizes, over models that go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux only")

MODEL = """
import gc, resource
import numpy as np
import ranvier as keras

def resident():
    gc.collect()
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * resource.getpagesize()

def compiled(units):
    model = keras.Sequential([
        keras.Input((16,)), keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1)
    ])
    model.compile("adam", "mse")
    return model

x = np.ones((64, 16), "float32")
"""

PREDICT = """
model = compiled(32)
sizes = np.random.default_rng(0).permutation(64) + 1

def work(rounds):
    for _ in range(rounds):
        for size in sizes:
            model.predict(x[:size], batch_size=int(size), verbose=0)
"""

# The first round is of the largest size alone: the others must find their memory there.
SIZES = """
model = keras.Sequential([
    keras.Input((16, 16, 16)),
    keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
    keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
    keras.layers.GlobalAveragePooling2D(),
    keras.layers.Dense(512, activation="relu"),
    keras.layers.Dense(512),
])
images = np.ones((64, 16, 16, 16), "float32")
sizes = iter([[64], [1, 2], range(64, 0, -1)])

def work(rounds):
    for _ in range(rounds):
        for size in next(sizes):
            model.predict(images[:size], batch_size=int(size), verbose=0)
"""

BUILD = """
y = np.ones((64, 1), "float32")

def work(rounds):
    for i in range(rounds):
        compiled(16 + i % 8).fit(x, y, batch_size=32, verbose=0)
        if i % 50 == 0:
            gc.collect()
"""


def growth(program: str, first: int, more: int) -> int:
    """Bytes by which a new process grows from its first rounds to the end of `more` others."""
    measured = f"work({first}); before = resident(); work({more}); print(resident() - before)"
    command = [sys.executable, "-c", MODEL + program + measured]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("rounds", [30, pytest.param(157, marks=pytest.mark.slow)])
def test_predict_of_64_changing_batch_sizes_takes_no_more_memory(rounds):
    assert growth(PREDICT, 3, rounds) < 1 << 20


def test_64_batch_sizes_take_little_more_memory_than_the_largest():
    assert growth(SIZES, 2, 1) < 12 << 20


@pytest.mark.parametrize("rounds", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_models_that_are_built_fitted_and_deleted_leave_no_memory(rounds):
    assert growth(BUILD, 100, rounds) < 3 << 19

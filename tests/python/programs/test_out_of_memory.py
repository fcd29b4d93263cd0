"""What does not fit into memory is refused with its size; everything stays usable."""

import gc

import numpy as np
import pytest

import ranvier as keras
from ranvier import _backend as B
from ranvier import layers, ops

HUGE = 1 << 23  # squared, in float32: 256 TiB, more than any address space has


@pytest.mark.parametrize(
    "make",
    [
        lambda: ops.zeros((HUGE, HUGE)),
        lambda: keras.random.normal((HUGE, HUGE)),
        lambda: ops.eye(HUGE),
        lambda: layers.Dense(HUGE).build((None, HUGE)),
        lambda: keras.jit(lambda x: ops.sum(ops.cumsum(ops.broadcast_to(x, (HUGE, HUGE)))))(
            np.ones(1, "float32")
        ),
    ],
    ids=["zeros", "random", "eye", "dense", "program"],
)
def test_what_does_not_fit_is_a_memory_error_with_its_size(make):
    gc.collect()
    before = B.core.allocator_stats()
    with pytest.raises(MemoryError, match=r"Expected \d{15} free bytes") as failure:
        make()
    del failure
    gc.collect()
    after = B.core.allocator_stats()
    assert after["live_bytes"] <= before["live_bytes"] + 4096
    assert after["peak_bytes"] < HUGE * HUGE
    np.testing.assert_array_equal(ops.ones((3,)) + 1, [2, 2, 2])


def test_a_batch_that_does_not_fit_leaves_model_and_locks_as_they_were():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((None, 4)),
        layers.Dense(1 << 20, use_bias=False, trainable=False, kernel_initializer="ones"),
        layers.Lambda(lambda x: ops.cumsum(x, axis=1)),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    x, y = np.ones((2, 3, 4), "float32"), np.ones((2, 1), "float32")
    model.fit(x, y, verbose=0)
    weights = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]
    arenas = B.core.arena_stats()
    long = np.broadcast_to(np.float32(1), (2, 1 << 22, 4))  # 8 TiB of activations
    for call in (lambda: model.fit(long, y, verbose=0), lambda: model.predict(long, verbose=0)):
        with pytest.raises(MemoryError, match=r"Expected \d{13,} free bytes"):
            call()
    for variable, before in zip((*model.variables, *model.optimizer.variables), weights):
        np.testing.assert_array_equal(variable, before)
    assert B.core.arena_stats()["idle_bytes"] == B.core.arena_stats()["bytes"] <= arenas["bytes"]
    # Words of variables that were left taken would make this wait for ever.
    model.fit(x, y, verbose=0)
    assert model.predict(x, verbose=0).shape == (2, 1)

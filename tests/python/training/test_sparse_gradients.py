"""Training with lookups: compiled steps keep the gradient of a table sparse and every bit."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import _backend as B
from ranvier import ops

pytestmark = pytest.mark.usefixtures("exact")
ROWS, COLUMNS, BATCH, CHOICES = 1000, 32, 64, 6
OPTIMIZERS = {
    "sgd": lambda o: o.SGD(0.5),
    "clipnorm": lambda o: o.SGD(0.5, clipnorm=0.01),
    "global_clipnorm": lambda o: o.SGD(0.5, global_clipnorm=0.01),
    "clipvalue": lambda o: o.SGD(0.5, clipvalue=1e-4),
    "momentum": lambda o: o.SGD(0.5, momentum=0.9, nesterov=True),
    "weight_decay": lambda o: o.SGD(0.5, weight_decay=0.01),
    "adagrad": lambda o: o.Adagrad(0.1),
    "adam": lambda o: o.Adam(0.01),
}


def skip_gram(shared):
    keras.utils.set_random_seed(0)
    target, context = keras.Input((), dtype="int32"), keras.Input((CHOICES,), dtype="int32")
    table = keras.layers.Embedding(ROWS, COLUMNS)
    other = table if shared else keras.layers.Embedding(ROWS, COLUMNS)
    scores = ops.sum(ops.expand_dims(table(target), 1) * other(context), -1)
    return keras.Model([target, context], scores)


def trained(optimizer, shared, eagerly):
    rng = np.random.default_rng(0)
    x = [
        rng.integers(0, ROWS, (4 * BATCH,)).astype("int32"),
        rng.integers(0, ROWS, (4 * BATCH, CHOICES)).astype("int32"),
    ]
    y = np.tile(np.eye(1, CHOICES, dtype="float32"), (4 * BATCH, 1))
    model = skip_gram(shared)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(OPTIMIZERS[optimizer](keras.optimizers), loss, run_eagerly=eagerly)
    model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, shuffle=False)
    return model.get_weights()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_compiled_training_has_the_bits_of_eager_training(optimizer, shared):
    for compiled, eager in zip(trained(optimizer, shared, False), trained(optimizer, shared, True)):
        np.testing.assert_array_equal(compiled, eager)


def test_threads_do_not_matter():
    before = B.core.num_threads()
    results = []
    try:
        for threads in (1, 3):
            B.core.set_num_threads(threads)
            results.append(trained("clipnorm", True, False))
    finally:
        B.core.set_num_threads(before)
    for one, three in zip(*results):
        np.testing.assert_array_equal(one, three)


def test_no_step_of_plain_descent_writes_a_table():
    table = keras.Variable(np.ones((ROWS, COLUMNS), "float32"))

    @keras.jit
    def step(index):
        with keras.GradientTape() as tape:
            loss = ops.sum(ops.square(ops.take(table, index, axis=0)))
        table.assign_sub(ops.multiply(tape.gradient(loss, table), 0.25))
        return loss

    step(np.array([3, 5, 3], "int32"))
    expected = np.ones((ROWS, COLUMNS), "float32")
    expected[3], expected[5] = 1 - 0.25 * 4, 1 - 0.25 * 2
    np.testing.assert_array_equal(table.numpy(), expected)
    (program,) = [traced.program for traced in step._cache.values()]
    table_bytes = ROWS * COLUMNS * 4
    assert program.stats()["arena_bytes"] < table_bytes
    assert "group_rows" in program.dump()

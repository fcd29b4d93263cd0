"""Rematerialization: less planned memory, the same gradients and dropout masks."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

pytestmark = pytest.mark.usefixtures("exact")
BATCH, WIDTH, DEPTH = 512, 128, 6
X = np.random.default_rng(0).normal(size=(BATCH, WIDTH)).astype("float32")


def step_of(wrap, dropout=False):
    keras.utils.set_random_seed(1)
    weights = [
        keras.Variable(np.random.default_rng(i).normal(size=(WIDTH, WIDTH)).astype("float32") / 11)
        for i in range(DEPTH)
    ]
    seed = keras.random.SeedGenerator(3)

    def block(x, w):
        for _ in range(3):
            x = ops.tanh(ops.add(ops.matmul(x, w), ops.sin(x)))
            if dropout:
                x = keras.random.dropout(x, 0.3, seed=seed)
        return x

    block = wrap(block)

    @keras.jit
    def step(x):
        with keras.GradientTape() as tape:
            for w in weights:
                x = block(x, w)
            loss = ops.mean(ops.square(x))
        return [loss, *tape.gradient(loss, weights)]

    results = [np.asarray(t) for t in step(X)]
    (traced,) = step._cache.values()
    return results, traced.program.stats()["arena_bytes"]


@pytest.mark.parametrize("dropout", [False, True])
def test_the_same_bits_in_less_memory(dropout):
    plain, plain_bytes = step_of(lambda f: f, dropout)
    again, less_bytes = step_of(keras.remat, dropout)
    for a, b in zip(plain, again):
        np.testing.assert_array_equal(a, b)
    assert less_bytes < 0.6 * plain_bytes


def test_outside_of_a_step_it_is_the_function():
    with keras.GradientTape() as tape:
        x = ops.array([1.0, 2.0])
        tape.watch(x)
        y = ops.sum(keras.remat(lambda v: ops.multiply(v, ops.square(v)))(x))
    np.testing.assert_allclose(np.asarray(tape.gradient(y, x)), [3.0, 12.0])


def trained(scope):
    keras.utils.set_random_seed(2)
    with scope:
        model = keras.Sequential([keras.Input((WIDTH,))])
        for i in range(4):
            model.add(layers.Dense(WIDTH, activation="gelu", name=f"dense_{i}"))
            model.add(layers.Dropout(0.2, seed=i))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(X, X, batch_size=BATCH // 2, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("options", [
    {"mode": "full"},
    {"mode": "activations"},
    {"mode": "larger_than", "output_size_threshold": 100},
    {"mode": "list_of_layers", "layer_names": ["dense_1", "dense_2"]},
    {"mode": None},
], ids=lambda o: str(o["mode"]))  # fmt: skip
def test_every_mode_trains_alike(options):
    for a, b in zip(trained(keras.RematScope(**options)), trained(keras.RematScope(mode=None))):
        np.testing.assert_array_equal(a, b)


def test_scopes_nest_and_check_their_mode():
    from ranvier.symbolic.remat import get_current_remat_mode

    assert get_current_remat_mode() is None
    with keras.RematScope():
        with keras.RematScope("larger_than", 7):
            assert get_current_remat_mode() == ("larger_than", 7, [])
        assert get_current_remat_mode().mode == "full"
    with pytest.raises(ValueError, match="Invalid mode"):
        keras.RematScope("some")

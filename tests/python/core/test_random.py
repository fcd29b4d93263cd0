"""Random draws: seeds, distributions, reproducibility."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import jit, ops, random, utils
from ranvier.random import SeedGenerator


def test_a_number_is_the_size_of_a_vector():
    assert random.normal(3).shape == random.gamma(3, 2.0).shape == (3,)
    assert random.uniform(ops.convert_to_tensor(2)).shape == (2,)


def draw(seed, **kwargs):
    return np.asarray(random.normal((4, 5), seed=seed, **kwargs))


def test_integer_seeds_repeat_and_generators_move_on():
    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))
    generator = SeedGenerator(3)
    first, second = draw(generator), draw(generator)
    np.testing.assert_array_equal(first, draw(3))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(generator.state.numpy(), [3, 2])


def test_global_seed():
    utils.set_random_seed(11)
    first = draw(None)
    utils.set_random_seed(11)
    np.testing.assert_array_equal(first, draw(None))
    assert not np.array_equal(first, draw(None))


def test_compiled_draws_equal_eager_ones():
    eager, traced = SeedGenerator(5), SeedGenerator(5)
    step = jit(lambda: random.uniform((6,), seed=traced))
    for _ in range(3):
        np.testing.assert_array_equal(
            np.asarray(step()), np.asarray(random.uniform((6,), seed=eager))
        )


N = 40000
CASES = [
    ("normal", lambda: random.normal((N,), 2.0, 3.0, seed=1), 2.0, 3.0),
    ("truncated_normal", lambda: random.truncated_normal((N,), 0.0, 1.0, seed=1), 0.0, 0.8796),
    ("uniform", lambda: random.uniform((N,), -1.0, 3.0, seed=1), 1.0, 4 / 12**0.5),
    (
        "uniform_by_tensor",
        lambda: random.uniform((N,), ops.convert_to_tensor(0.0), 2.0, seed=1),
        1.0,
        2 / 12**0.5,
    ),
    ("randint", lambda: random.randint((N,), 0, 10, seed=1), 4.5, (99 / 12) ** 0.5),
    ("gamma", lambda: random.gamma((N,), 2.5, seed=1), 2.5, 2.5**0.5),
    ("gamma_small", lambda: random.gamma((N,), 0.4, seed=1), 0.4, 0.4**0.5),
    ("beta", lambda: random.beta((N,), 2.0, 3.0, seed=1), 0.4, 0.2),
    ("binomial", lambda: random.binomial((N,), 10.0, 0.3, seed=1), 3.0, 2.1**0.5),
    ("dropout", lambda: random.dropout(np.ones(N, "float32"), 0.25, seed=1), 1.0, (1 / 3) ** 0.5),
]


@pytest.mark.parametrize(("make", "mean", "std"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_mean_and_deviation(make, mean, std):
    values = np.asarray(make()).astype("float64")
    assert values.mean() == pytest.approx(mean, abs=5 * std / N**0.5)
    assert values.std() == pytest.approx(std, rel=0.03)


def test_bounds():
    assert np.abs(np.asarray(random.truncated_normal((N,), seed=2))).max() <= 2.0
    u = np.asarray(random.uniform((N,), seed=2))
    assert 0.0 <= u.min() and u.max() < 1.0
    assert set(np.asarray(random.randint((N,), 3, 6, seed=2)).tolist()) == {3, 4, 5}


def test_categorical_follows_the_logits():
    logits = np.log(np.array([[0.1, 0.6, 0.3]], "float32"))
    drawn = np.asarray(random.categorical(logits, N, seed=1))
    assert drawn.shape == (1, N)
    np.testing.assert_allclose(np.bincount(drawn[0]) / N, [0.1, 0.6, 0.3], atol=0.02)


def test_shuffle_permutes_slices():
    x = np.arange(20).reshape(10, 2)
    mixed = np.asarray(random.shuffle(x, seed=4))
    assert not np.array_equal(mixed, x)
    np.testing.assert_array_equal(np.sort(mixed[:, 0]), x[:, 0])
    np.testing.assert_array_equal(mixed[:, 1], mixed[:, 0] + 1)


@pytest.mark.parametrize("call", [
    lambda: random.normal((2,), dtype="int32"), lambda: random.randint((2,), 0, 3, dtype="float32"),
    lambda: random.normal((2,), seed="seven"), lambda: SeedGenerator("seven"),
    lambda: random.categorical(np.ones(3, "float32"), 2),
])  # fmt: skip
def test_mistakes(call):
    with pytest.raises(ValueError):
        call()


def test_bounds_of_integers_may_be_tensors():
    low, high = np.array([0, 1, -5]), np.array([5, 3, -1])
    drawn = np.asarray(random.randint((2000, 3), low, high, seed=1))
    assert drawn.dtype == "int32"
    np.testing.assert_array_equal(drawn.min(0), low)
    np.testing.assert_array_equal(drawn.max(0), high - 1)
    np.testing.assert_allclose(drawn.mean(0), (low + high - 1) / 2, atol=0.1)
    traced = jit(lambda n: random.randint((500,), 0, n, seed=2))(ops.convert_to_tensor(7))
    assert np.asarray(traced).max() == 6
    np.testing.assert_array_equal(random.randint((2,), low[:2], low[:2], seed=1), low[:2])

"""The same seed gives the same bits: again, with any number of threads, on each instruction set."""

import numpy as np
import pytest
from small_models import MODELS, OPTIMIZERS, differing, train

import ranvier as keras
from ranvier import _backend as B

LEVELS = ["baseline", "avx2", "avx512"]  # avx512_bf16 differs in products of bfloat16 and int8


def usable(level):
    levels = [*LEVELS, "avx512_bf16"]
    return levels.index(level) <= levels.index(B.core.detected_isa())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", MODELS)
def test_threads_and_repeated_runs(name, optimizer):
    results = []
    for threads in (1, 2, 3, 1):
        B.core.set_num_threads(threads)
        assert B.core.num_threads() == threads
        results.append(train(name, optimizer)[1:])
    for values, history in results[1:]:
        assert differing(results[0][0], values) == []
        assert history == results[0][1]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MODELS)
def test_every_instruction_set_repeats_itself_and_agrees_within_rounding(name, level):
    if not usable(level):
        pytest.skip(f"this machine has no {level}")
    B.core.set_active_isa("baseline")
    _, reference, _ = train(name, "sgd", epochs=1)
    B.core.set_active_isa(level)
    B.core.set_num_threads(1)
    _, one, _ = train(name, "sgd", epochs=1)
    B.core.set_num_threads(2)
    _, two, _ = train(name, "sgd", epochs=1)
    assert differing(one, two) == []
    for a, b in zip(one, reference):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)


def bfloat16_values(shape, seed):
    """A bfloat16 tensor and its values in float64."""
    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    half = keras.ops.cast(x, "bfloat16")
    return half, np.array(keras.ops.cast(half, "float32"), "float64")


def with_threads(compute):
    """The result of `compute` in float32; with 1, 2 and 3 threads it must be the same bits."""
    results = []
    for threads in (1, 2, 3):
        B.core.set_num_threads(threads)
        results.append(np.array(keras.ops.cast(compute(), "float32")))
    assert differing([results[0]] * 2, results[1:]) == []
    return results[0]


@pytest.mark.parametrize("level", [*LEVELS, "avx512_bf16"])
@pytest.mark.parametrize("columns", [1, 45])
@pytest.mark.parametrize("trans_a", [False, True])
def test_bfloat16_products_are_float32_sums_rounded_once(level, columns, trans_a):
    if not usable(level):
        pytest.skip(f"this machine has no {level}")
    B.core.set_active_isa(level)
    a, wide_a = bfloat16_values((601, 70) if trans_a else (70, 601), 0)
    b, wide_b = bfloat16_values((601, columns), 1)
    got = with_threads(lambda: B.apply("matmul", [a, b], {"trans_a": trans_a}))
    wide = (wide_a.T if trans_a else wide_a) @ wide_b
    np.testing.assert_allclose(got, wide, rtol=2**-8, atol=1e-4)


@pytest.mark.parametrize("level", [*LEVELS, "avx512_bf16"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_bfloat16_convolutions_at_every_level(level, kernel):
    if not usable(level):
        pytest.skip(f"this machine has no {level}")
    B.core.set_active_isa(level)
    x, wide_x = bfloat16_values((3, 9, 9, 40), 0)
    w, wide_w = bfloat16_values((kernel, kernel, 40, 24), 1)
    got = with_threads(lambda: keras.ops.conv(x, w))
    patches = np.lib.stride_tricks.sliding_window_view(wide_x, (kernel, kernel), (1, 2))
    wide = np.einsum("nhwcij,ijco->nhwo", patches, wide_w)
    np.testing.assert_allclose(got, wide, rtol=2**-8, atol=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", MODELS)
def test_eager_equals_compiled_to_the_bit_in_exact_mode(name, optimizer):
    B.core.set_exact(True)
    _, compiled, compiled_history = train(name, optimizer, epochs=2)
    _, eager, eager_history = train(name, optimizer, epochs=2, run_eagerly=True)
    assert differing(compiled, eager) == []
    assert compiled_history == eager_history


@pytest.mark.parametrize("name", MODELS)
def test_eager_and_compiled_differ_by_rounding_only(name):
    B.core.set_exact(False)
    compiled = train(name, "sgd", epochs=1)[2]
    eager = train(name, "sgd", epochs=1, run_eagerly=True)[2]
    for key, values in compiled.items():
        np.testing.assert_allclose(values, eager[key], rtol=1e-4)


def test_another_seed_gives_other_weights():
    assert differing(train("mlp", epochs=1)[1], train("mlp", epochs=1, seed=2)[1]) != []


def test_dropout_repeats_from_its_seed_and_moves_with_every_call():
    x = np.ones((50, 40), "float32")
    first, second = keras.layers.Dropout(0.4, seed=9), keras.layers.Dropout(0.4, seed=9)
    one, two = np.asarray(first(x, training=True)), np.asarray(first(x, training=True))
    assert one.tobytes() == np.asarray(second(x, training=True)).tobytes()
    assert one.tobytes() != two.tobytes()
    assert set(np.unique(one)) == {np.float32(0), np.float32(1) / np.float32(0.6)}


def test_an_integer_seed_repeats_and_a_generator_moves_on():
    from ranvier import random

    a, b = (np.asarray(random.normal((100,), seed=4)) for _ in range(2))
    assert a.tobytes() == b.tobytes()
    generator = random.SeedGenerator(4)
    c, d = (np.asarray(random.normal((100,), seed=generator)) for _ in range(2))
    assert c.tobytes() != d.tobytes()


def test_random_numbers_are_the_same_on_every_level_and_thread_count():
    from ranvier import random

    seen = set()
    for level in LEVELS:
        if not usable(level):
            continue
        B.core.set_active_isa(level)
        for threads in (1, 3):
            B.core.set_num_threads(threads)
            seen.add(np.asarray(random.uniform((70_001,), seed=3)).tobytes())
    assert len(seen) == 1


def test_prediction_of_shuffled_rows_is_the_shuffled_prediction():
    model = train("cnn", epochs=1)[0]
    x = np.random.default_rng(0).normal(size=(64, 12, 12, 3)).astype("float32")
    order = np.random.default_rng(1).permutation(64)
    a = model.predict(x, batch_size=64, verbose=0)
    b = model.predict(x[order], batch_size=64, verbose=0)
    np.testing.assert_allclose(a[order], b, rtol=1e-5, atol=1e-6)

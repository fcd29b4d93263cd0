"""`ranvier.profile`: the table is about the compiled step and leaves the model alone."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 40)


def model():
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16, activation="relu", name="first"),
            layers.Dropout(0.5),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax", name="last"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def state(m):
    return [np.array(v) for v in [*m.variables, *m.optimizer.variables, *m.metrics_variables]]


def test_the_step_as_a_table():
    m = model()
    result = keras.profile(m, X, Y, batch_size=20, repeats=5)
    assert result.batch_size == 20 and result.rows and result.seconds > 0
    assert sum(r.flops for r in result.rows) >= 3 * 2 * 20 * (6 * 16 + 16 * 3) * 0.8
    assert {"first", "last"} <= {r.layer for r in result.rows}
    assert sum(result.by_layer().values()) == pytest.approx(result.seconds)
    assert result.roofline["flops_per_second"] > 1e8 and result.roofline["bytes_per_second"] > 1e7
    for row in result.rows:
        assert row.seconds >= 0 and row.roof_share >= 0
        assert row.flop_rate == pytest.approx(row.flops / row.seconds if row.seconds else 0)
    lines = str(result).splitlines()
    assert "digits" not in lines[0] and "batch 20" in lines[0] and lines[1].startswith("roofline:")
    assert lines[-1].startswith("total") and len(lines) == len(result.rows) + 5


def test_nothing_of_the_model_changes():
    m = model()
    m.fit(X, Y, verbose=0)
    before = state(m)
    keras.profile(m, X, Y, repeats=3)
    for old, new in zip(before, state(m), strict=True):
        np.testing.assert_array_equal(old, new)
    for mode in ("test", "predict"):
        assert keras.profile(m, X, Y, repeats=2, mode=mode).rows
    for old, new in zip(before, state(m), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_is_the_same_with_a_profile_in_between():
    results = []
    for look in (False, True):
        m = model()
        m.fit(X, Y, verbose=0, shuffle=False)
        if look:
            keras.profile(m, X, Y, repeats=2)
        m.fit(X, Y, verbose=0, shuffle=False)
        results.append([np.array(v) for v in m.weights])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_wrong_arguments():
    m = model()
    with pytest.raises(ValueError, match="'train', 'test' or 'predict'"):
        keras.profile(m, X, Y, mode="fit")
    with pytest.raises(ValueError, match="`repeats` must be a positive integer"):
        keras.profile(m, X, Y, repeats=0)
    with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
        keras.profile(keras.Sequential([keras.Input((6,)), layers.Dense(1)]), X, Y)
    with pytest.raises(TypeError, match="a Keras model is needed. Received: Jitted"):
        keras.profile(keras.jit(lambda x: x), X)


def test_summary_shows_cost_once_a_step_is_compiled():
    m = model()
    lines = []
    m.summary(print_fn=lines.append)
    assert "Compiled" not in "\n".join(lines)
    m.fit(X, Y, verbose=0)
    m.summary(print_fn=lines.append)
    assert "Compiled train step" in "\n".join(lines) and "planned peak memory" in "\n".join(lines)

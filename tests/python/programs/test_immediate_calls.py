"""Compiled calls look at scopes, tapes and traces before they take the short way."""

import functools

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops
from ranvier.scopes import AutocastScope

X = np.linspace(-1.0, 1.0, 6, dtype="float32").reshape(2, 3)


@pytest.fixture
def counter():
    """A variable, and a compiled function that adds to it and returns it times its argument."""
    state = keras.Variable(np.float32(1.0), name="state")

    @keras.jit
    def step(x):
        state.assign_add(1.0)
        return x * state

    x = ops.convert_to_tensor(X)
    step(x)
    assert float(state) == 2.0
    return state, step, x


def model():
    made = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    made(X)
    return made


def test_a_compiled_function_keeps_to_a_stateless_scope(counter):
    state, step, x = counter
    with keras.StatelessScope([(state, ops.convert_to_tensor(np.float32(10.0)))]) as scope:
        out = step(x)
    np.testing.assert_allclose(out, X * 11)
    assert float(scope.get_current_value(state)) == 11.0
    assert float(state) == 2.0
    np.testing.assert_allclose(step(x), X * 3)


def test_a_compiled_function_is_recorded_by_a_tape(counter):
    state, step, x = counter
    with keras.GradientTape() as tape:
        tape.watch(x)
        out = step(x)
    np.testing.assert_allclose(tape.gradient(out, x), np.full_like(X, 3.0))
    assert float(state) == 3.0


def test_a_compiled_function_is_inlined_into_another(counter):
    state, step, x = counter
    np.testing.assert_allclose(keras.jit(lambda x: step(x) + step(x))(x), X * 3 + X * 4)
    assert float(state) == 4.0
    assert step.trace_count() == 1


def test_signatures_share_programs_and_differ():
    function = keras.jit(lambda a, b: ops.matmul(a, b))
    a, b = ops.convert_to_tensor(X), ops.convert_to_tensor(X.T)
    for pair in ((a, b), (X, b), (a, X.T), (a, b)):
        np.testing.assert_allclose(function(*pair), X @ X.T, rtol=1e-6)
    assert function.trace_count() == 1
    np.testing.assert_allclose(function(b, a), X.T @ X, rtol=1e-6)
    np.testing.assert_allclose(function(a=a, b=b), X @ X.T, rtol=1e-6)
    assert function.trace_count() == 3
    double = ops.cast(a, "float64"), ops.cast(b, "float64")
    assert function(*double).dtype == "float64"
    assert function.trace_count() == 4


def test_a_compiled_function_sees_the_autocast_scope():
    weight = keras.Variable(np.ones(3, "float32"))
    function = keras.jit(lambda x: x * weight)
    half, single = (ops.convert_to_tensor(X, dtype) for dtype in ("float16", "float32"))
    function(half)
    with AutocastScope("float16"):
        assert function(half).dtype == "float16"
    assert function(half).dtype == "float32"
    assert function(single).dtype == "float32"


def test_a_model_keeps_to_a_stateless_scope():
    made = model()
    kernel, bias = made.weights
    values = [(kernel, ops.ones((3, 2))), (bias, ops.full((2,), 5.0))]
    with keras.StatelessScope(values):
        inside = np.asarray(made(X))
    np.testing.assert_allclose(inside, X @ np.ones((3, 2)) + 5, rtol=1e-6)
    np.testing.assert_allclose(made(X), X @ kernel.numpy() + bias.numpy(), rtol=1e-5, atol=1e-6)


def test_a_model_is_recorded_by_a_tape():
    made = model()
    with keras.GradientTape() as tape:
        out = ops.sum(made(X))
    gradient = tape.gradient(out, made.trainable_weights)[0]
    np.testing.assert_allclose(gradient, np.repeat(X.sum(0)[:, None], 2, 1), atol=1e-6)


def test_a_model_inside_a_compiled_function_reads_new_weights():
    made = model()
    function = keras.jit(lambda x: made(x))
    x = ops.convert_to_tensor(X)
    function(x)
    made.weights[0].assign(np.zeros((3, 2)))
    made.weights[1].assign(np.full(2, 7.0))
    np.testing.assert_allclose(function(x), np.full((2, 2), 7.0))
    np.testing.assert_allclose(made(x), np.full((2, 2), 7.0))
    assert function.trace_count() == 1


def test_a_model_runs_eagerly_when_told_to(monkeypatch):
    made, calls = model(), []
    plain = layers.Dense.call

    @functools.wraps(plain)
    def noting(*args, **kwargs):
        calls.append(1)
        return plain(*args, **kwargs)

    monkeypatch.setattr(layers.Dense, "call", noting)
    made(X)
    made.predict(X, verbose=0)
    compiled = len(calls)
    made(X)
    made.predict(X, verbose=0)
    assert len(calls) == compiled
    made.run_eagerly = True
    made(X)
    made.predict(X, verbose=0)
    assert len(calls) == compiled + 2


def test_an_update_inside_a_stateless_scope_stays_there():
    weight = keras.Variable(np.zeros(3, "float32"))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([weight])
    gradient = ops.ones((3,))
    with keras.StatelessScope() as scope:
        optimizer.apply([gradient], [weight])
    np.testing.assert_allclose(scope.get_current_value(weight), -np.ones(3))
    np.testing.assert_allclose(weight.numpy(), np.zeros(3))
    optimizer.apply([gradient], [weight])
    np.testing.assert_allclose(weight.numpy(), -np.ones(3))

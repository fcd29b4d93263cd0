"""Control flow and mapping as nodes of functional models."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import KerasTensor, ops

X = np.arange(12, dtype="float32").reshape(4, 3)


@keras.saving.register_keras_serializable("control")
def twice(x):
    return x * 2.0


@keras.saving.register_keras_serializable("control")
def running_sum(carry, x):
    return carry + x, carry


@keras.saving.register_keras_serializable("control")
def join(a, b):
    return a + b


@keras.saving.register_keras_serializable("control")
def thrice(x):
    return x * 3.0


BUILDERS = {
    "map": (lambda x: ops.map(twice, x), lambda x: 2 * x),
    "vectorized_map": (lambda x: ops.vectorized_map(twice, x), lambda x: 2 * x),
    "scan": (
        lambda x: ops.scan(running_sum, x[0], x)[1],
        lambda x: x[0] + np.cumsum(x, 0) - x,
    ),
    "associative_scan": (
        lambda x: ops.associative_scan(join, x, axis=1),
        lambda x: np.cumsum(x, 1),
    ),
    "switch": (lambda x: ops.switch(1, [twice, thrice], x), lambda x: 3 * x),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_node_of_a_model_that_can_be_saved(name):
    build, reference = BUILDERS[name]
    inputs = keras.Input(batch_shape=(4, 3))
    model = keras.Model(inputs, build(inputs))
    np.testing.assert_allclose(model(X), reference(X), rtol=1e-6)
    again = keras.Model.from_config(model.get_config())
    np.testing.assert_allclose(again(X), reference(X), rtol=1e-6)


def test_specs_with_unknown_sizes():
    x = KerasTensor((None, 3))
    assert ops.map(lambda row: ops.sum(row), x).shape == (None,)
    carry, ys = ops.scan(lambda c, row: (c + row, row[:2]), KerasTensor((3,)), x)
    assert carry.shape == (3,) and ys.shape == (None, 2)
    out = ops.while_loop(lambda v: ops.sum(v) < 9.0, lambda v: v + 1.0, (x,))
    assert out[0].shape == (None, 3)
    assert ops.fori_loop(0, 3, lambda i, v: v * 2.0, x).shape == (None, 3)
    pred = KerasTensor((), dtype="bool")
    out = ops.cond(pred, lambda: ops.ones((2,)), lambda: ops.zeros((2,)))
    assert out.shape == (2,)


def test_vectorize_with_a_signature():
    product = ops.vectorize(lambda a, b: ops.matmul(a, b), signature="(m,n),(n)->(m)")
    a, b = np.ones((2, 3, 4), "float32"), np.ones((5, 1, 4), "float32")
    np.testing.assert_allclose(product(a, b), np.full((5, 2, 3), 4.0))
    total = ops.vectorize(lambda x: ops.sum(x), signature="(n)->()")
    np.testing.assert_allclose(total(X), X.sum(1))
    with pytest.raises(ValueError, match="core dimension 'n'"):
        product(a, b[..., :2])
    with pytest.raises(ValueError, match="gufunc signature"):
        ops.vectorize(lambda x: x, signature="(n->n")(X)


def test_callables_are_checked():
    for name, call in {
        "f": lambda: ops.scan(123, X[0], X),
        "true_fn": lambda: ops.cond(True, 1, lambda: 2),
    }.items():
        with pytest.raises(TypeError, match=f"`{name}` should be a callable"):
            call()


def test_jvp_of_nested_outputs_and_aux():
    x, t = ops.array([0.1, 0.2]), ops.array([1.0, -1.0])
    value, moved = ops.jvp(lambda x: {"s": ops.sin(x), "n": x * x}, (x,), (t,))
    np.testing.assert_allclose(moved["s"], np.cos([0.1, 0.2]) * [1, -1], rtol=1e-6)
    np.testing.assert_allclose(moved["n"], [0.2, -0.4], rtol=1e-6)
    np.testing.assert_allclose(value["n"], [0.01, 0.04], rtol=1e-6)
    _, moved, aux = ops.jvp(lambda x: (ops.exp(x), 7), (x,), (t,), has_aux=True)
    np.testing.assert_allclose(moved, np.exp([0.1, 0.2]) * [1, -1], rtol=1e-6)
    assert aux == 7
    compiled = keras.jit(lambda x, t: ops.jvp(ops.tanh, (x,), (t,))[1])
    np.testing.assert_allclose(compiled(x, t), (1 - np.tanh([0.1, 0.2]) ** 2) * [1, -1], rtol=1e-6)


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ((None, 3), (2, None), (2, 3)),
        ((None, 3), (1, 3), (None, 3)),
        ((2, None, 3), (4, 3), (2, 4, 3)),
        ((None, 1), (None, 5), (None, 5)),
    ],
)
def test_unknown_sizes_broadcast_against_known_ones(first, second, expected):
    for fn in (ops.add, ops.maximum, ops.logical_and, ops.arctan2, ops.less):
        assert fn(KerasTensor(first), KerasTensor(second)).shape == expected


def test_segments_drop_ids_that_are_none():
    data, ids = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0, -1, 1, 9], "int32")
    np.testing.assert_allclose(ops.segment_sum(data, ids, num_segments=2), [1, 4])
    np.testing.assert_allclose(ops.segment_max(data, ids, num_segments=2), [1, 4])


def test_histogram_of_traced_values():
    x = np.array([0.0, 1.0, 1.0, 3.0, 4.0], "float32")
    counts, edges = keras.jit(lambda x: ops.histogram(x, bins=4))(ops.array(x))
    expected, places = np.histogram(x, bins=4)
    np.testing.assert_allclose(counts, expected)
    np.testing.assert_allclose(edges, places)
    with pytest.raises(ValueError, match="must be 1-dimensional"):
        ops.histogram(x[None])


def test_unknown_sizes_of_joined_tensors():
    a, b = KerasTensor((None, 3)), KerasTensor((2, None))
    assert ops.concatenate([a, b], axis=1).shape == (2, None)
    assert ops.vstack([a, KerasTensor((None, 3))]).shape == (None, 3)
    assert ops.hstack([a, KerasTensor((4, 5))]).shape == (4, 8)

"""Several optimizers in one, loss scales, and the names of Keras 2."""

import copy

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, mixed_precision, ops, optimizers


def _map():
    by_path = optimizers.OptimizerMap(optimizers.SGD(0.1))
    by_path["a"] = optimizers.Adam(0.5)
    by_path["b.*"] = optimizers.SGD(1.0)
    return by_path


def _weights():
    return [keras.Variable(np.ones(2, "float32"), name=name) for name in ("a", "b1", "c")]


def test_map_finds_exact_keys_then_patterns_then_the_default():
    by_path = _map()
    assert isinstance(by_path["a"], optimizers.Adam)
    assert float(by_path["b17"].learning_rate) == 1.0
    assert by_path["c"] is by_path.default_optimizer
    assert list(by_path) == ["a", "b.*"] and len(by_path) == 2
    by_path["b1.*"] = optimizers.RMSprop()
    with pytest.raises(ValueError, match="Multiple optimizers"):
        by_path["b17"]
    del by_path["b1.*"]
    assert float(by_path["b17"].learning_rate) == 1.0


def test_map_mistakes():
    by_path = _map()
    with pytest.raises(ValueError, match="already exists"):
        by_path["a"] = optimizers.SGD()
    with pytest.raises(ValueError, match="must be a string"):
        by_path[3] = optimizers.SGD()
    with pytest.raises(ValueError, match="Optimizer instance"):
        by_path["d"] = "sgd"
    with pytest.raises(ValueError, match="cannot be"):
        by_path["d"] = optimizers.LossScaleOptimizer(optimizers.SGD())
    with pytest.raises(TypeError, match="default_optimizer"):
        optimizers.OptimizerMap("sgd")
    with pytest.raises(TypeError, match="optimizer_map"):
        optimizers.OptimizerMap(optimizers.SGD(), [1])


def test_each_weight_moves_as_its_optimizer_says():
    optimizer, weights = optimizers.MultiOptimizer(_map()), _weights()
    for _ in range(2):
        optimizer.apply([ops.ones(2)] * 3, weights)
    np.testing.assert_allclose(weights[0], [0.0, 0.0], atol=1e-4)  # Adam: 0.5 a step
    np.testing.assert_allclose(weights[1], [-1.0, -1.0])
    np.testing.assert_allclose(weights[2], [0.8, 0.8], rtol=1e-6)
    assert int(optimizer.iterations) == 2
    assert [int(o.iterations) for o in optimizer.optimizers] == [2, 2, 2]
    with pytest.raises(AttributeError, match="sub-optimizers"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match="sub-optimizers"):
        optimizer.learning_rate = 0.1


def test_changed_inner_attribute_is_used():
    optimizer, weights = optimizers.MultiOptimizer(_map()), _weights()
    optimizer.apply([ops.ones(2)] * 3, weights)
    optimizer.optimizers[1].clipvalue = 0.5
    optimizer.apply([ops.ones(2)] * 3, weights)
    np.testing.assert_allclose(weights[1], [-0.5, -0.5])


def test_function_as_map_and_loss_scale():
    inner = optimizers.SGD(1.0)
    optimizer = optimizers.MultiOptimizer(lambda variable: inner, loss_scale_factor=4.0)
    weights = _weights()
    assert float(optimizer.scale_loss(ops.ones(()))) == 4.0
    optimizer.apply([ops.full(2, 4.0)] * 3, weights)
    np.testing.assert_allclose(weights[0], [0.0, 0.0])
    nested = optimizers.MultiOptimizer(lambda variable: optimizer)
    with pytest.raises(ValueError, match="cannot be"):
        nested.build(weights)


def test_fit_save_and_copy(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 1)).astype("float32")
    by_path = optimizers.OptimizerMap(optimizers.SGD(0.01))
    by_path[".*head/.*"] = optimizers.Adam(0.01)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(1, name="head")]
    )
    model.compile(optimizers.MultiOptimizer(by_path), "mse")
    losses = model.fit(x, y, batch_size=8, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.models.load_model(path)
    for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    twin = copy.deepcopy(model)
    for m in (model, again, twin):
        m.fit(x, y, batch_size=8, epochs=1, verbose=0, shuffle=False)
    for a, b, c in zip(model.weights, again.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_weights_of_inner_optimizers_are_set():
    optimizer, weights = optimizers.MultiOptimizer(_map()), _weights()
    optimizer.apply([ops.ones(2)] * 3, weights)
    values = [np.asarray(v) + 1 for v in optimizer.variables]
    optimizer.set_weights(values)
    for value, variable in zip(values, optimizer.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_schedule_free_starts_at_the_weights_in_a_traced_step():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(24, 3)).astype("float32"), rng.normal(size=(24, 1)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    start = model.get_weights()
    runs = []
    for eagerly in (False, True):
        model.set_weights(start)
        model.compile(optimizers.ScheduleFreeAdamW(0.05), "mse", run_eagerly=eagerly)
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, shuffle=False)
        runs.append(model.get_weights())
    for a, b in zip(*runs):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"])
def test_legacy_optimizers_are_refused(name):
    with pytest.raises(ImportError, match="Keras 2"):
        getattr(optimizers.legacy, name)(0.1)


def test_arguments_of_the_inner_optimizer_are_refused():
    assert mixed_precision.LossScaleOptimizer is optimizers.LossScaleOptimizer
    inner = optimizers.SGD()
    for bad in ({"clipnorm": 1.0}, {"weight_decay": 0.99}, {"speed": 1}, {"dynamic": False}):
        with pytest.raises(ValueError):
            optimizers.LossScaleOptimizer(inner, **bad)
    optimizers.LossScaleOptimizer(inner, use_ema=False, ema_momentum=0.99, dynamic=True)
    assert not bool(optimizers.LossScaleOptimizer.check_finite([ops.ones(2), ops.array([np.nan])]))
    assert bool(optimizers.LossScaleOptimizer.check_finite([ops.ones(2), None]))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 4, 3)])
def test_muon_makes_matrices_nearly_orthogonal(shape):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    made = np.asarray(optimizers.Muon().zeropower_via_newtonschulz5(ops.array(x), 8))
    values = np.linalg.svd(made, compute_uv=False)
    # The iteration does not converge: it keeps singular values around 1 within some 30 %.
    assert np.all((values > 0.6) & (values < 1.3))
    with pytest.raises(ValueError, match="at least 2"):
        optimizers.Muon().zeropower_via_newtonschulz5(ops.ones(3), 5)

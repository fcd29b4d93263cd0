"""Optimizers: definitions, compiled against traced and eager, state, bad input."""

import warnings

import numpy as np
import pytest

import ranvier
from ranvier import config, ops, optimizers
from ranvier.optimizers import schedules

CLASSES = [
    optimizers.SGD, optimizers.Adagrad, optimizers.RMSprop, optimizers.Adam, optimizers.AdamW,
    optimizers.Adadelta, optimizers.Adamax, optimizers.Nadam, optimizers.Ftrl, optimizers.Lion,
    optimizers.Lamb, optimizers.Adafactor, optimizers.Muon, optimizers.ScheduleFreeAdamW,
]  # fmt: skip


def _grads(count, shape=(3, 2), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for _ in range(count)]


def _train(optimizer, grads, start=1.0, eager=False):
    weight = ranvier.Variable(np.full(grads[0].shape, start, "float32"))
    config.thread_state().run_eagerly = eager
    try:
        for g in grads:
            optimizer.apply([ops.array(g)], [weight])
    finally:
        config.thread_state().run_eagerly = False
    return np.asarray(weight)


def test_sgd_by_hand():
    grads = _grads(5)
    w, v = np.ones((3, 2)), np.zeros((3, 2))
    for g in grads:
        v = 0.9 * v - 0.1 * g
        w = w + v
    np.testing.assert_allclose(_train(optimizers.SGD(0.1, momentum=0.9), grads), w, rtol=1e-5)


def test_adam_by_hand():
    grads = _grads(20)
    w, m, v = np.ones((3, 2)), 0.0, 0.0
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    np.testing.assert_allclose(_train(optimizers.Adam(0.01), grads), w, rtol=1e-4)


@pytest.mark.parametrize("cls", CLASSES)
def test_compiled_equals_op_by_op(cls):
    grads = _grads(8)
    kwargs = {"learning_rate": schedules.ExponentialDecay(0.1, 3, 0.5), "global_clipnorm": 1.0}
    compiled, eager = cls(**kwargs), cls(**kwargs)
    np.testing.assert_allclose(
        _train(compiled, grads), _train(eager, grads, eager=True), rtol=2e-5, atol=1e-6
    )
    for a, b in zip(compiled.variables, eager.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("cls", CLASSES)
def test_update_inside_a_compiled_function(cls):
    grads = _grads(6)
    inside, outside = cls(), cls()
    weight = ranvier.Variable(np.ones((3, 2), "float32"))
    inside.build([weight])
    step = ranvier.jit(lambda g: inside.apply([g], [weight]) or ())
    for g in grads:
        step(ops.array(g))
    assert step.trace_count() == 1
    np.testing.assert_allclose(weight, _train(outside, grads), rtol=2e-5, atol=1e-6)
    assert int(inside.iterations) == 6


def test_accumulation_equals_the_mean_gradient():
    grads = _grads(9)
    means = [np.mean(grads[i : i + 3], axis=0) for i in (0, 3, 6)]
    accumulated = _train(optimizers.Adam(0.05, gradient_accumulation_steps=3), grads)
    np.testing.assert_allclose(accumulated, _train(optimizers.Adam(0.05), means), rtol=1e-5)


def test_steps_between_updates_leave_weights_alone():
    optimizer = optimizers.SGD(0.5, gradient_accumulation_steps=4)
    weight = ranvier.Variable(np.ones(3, "float32"))
    for i in range(1, 9):
        before = np.array(weight)
        optimizer.apply([ops.ones(3)], [weight])
        assert (np.asarray(weight) != before).all() == (i % 4 == 0)
    assert int(optimizer.iterations) == 2


def test_average_replaces_weights_at_the_end():
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    weight = ranvier.Variable(np.zeros(2, "float32"))
    average, w = None, np.zeros(2)
    for g in _grads(4, (2,)):
        optimizer.apply([ops.array(g)], [weight])
        w = w - 0.1 * g
        average = w if average is None else 0.5 * average + 0.5 * w
    np.testing.assert_allclose(weight, w, rtol=1e-5)
    optimizer.finalize_variable_values([weight])
    np.testing.assert_allclose(weight, average, rtol=1e-5)


def test_global_norm_that_is_not_finite_is_seen():
    weight = ranvier.Variable(np.ones(2, "float32"))
    optimizers.SGD(0.1, global_clipnorm=1.0).apply([ops.array([np.inf, 1.0])], [weight])
    assert np.isnan(np.asarray(weight)).all()


def test_weight_decay_leaves_excluded_weights_alone():
    kernel = ranvier.Variable(np.ones(2, "float32"), name="kernel")
    bias = ranvier.Variable(np.ones(2, "float32"), name="bias")
    other = ranvier.Variable(np.ones(2, "float32"), name="other")
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[other], var_names=["bias"])
    optimizer.apply([ops.zeros(2)] * 3, [kernel, bias, other])
    np.testing.assert_allclose(kernel, [0.95, 0.95], rtol=1e-6)
    np.testing.assert_allclose([bias, other], np.ones((2, 2)))
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_new_learning_rate_is_used_without_a_new_trace():
    optimizer = optimizers.SGD(1.0)
    weight = ranvier.Variable(np.zeros(1, "float32"))
    optimizer.apply([ops.ones(1)], [weight])
    optimizer.learning_rate = 0.25
    optimizer.apply([ops.ones(1)], [weight])
    np.testing.assert_allclose(weight, [-1.25])
    assert len(optimizer._programs) == 1


def test_changed_attribute_is_used():
    optimizer = optimizers.SGD(1.0, momentum=0.5)
    weight = ranvier.Variable(np.zeros(1, "float32"))
    optimizer.apply([ops.ones(1)], [weight])
    optimizer.momentum = 0.0
    optimizer.apply([ops.ones(1)], [weight])
    np.testing.assert_allclose(weight, [-2.0])


def test_schedule_cannot_be_overwritten_by_a_number():
    optimizer = optimizers.SGD(schedules.CosineDecay(0.1, 10))
    assert [v.name for v in optimizer.variables] == ["iteration"]
    with pytest.raises(TypeError, match="not settable"):
        optimizer.learning_rate = 0.1
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = schedules.CosineDecay(0.2, 10)
    assert [v.name for v in optimizer.variables] == ["iteration"]
    np.testing.assert_allclose(optimizer.learning_rate, 0.2, rtol=1e-6)


def test_order_of_state():
    shapes = {"k": (2, 3), "b": (3,)}
    weights = [ranvier.Variable(np.ones(s, "float32"), name=n) for n, s in shapes.items()]
    optimizer = optimizers.Adam(amsgrad=True, use_ema=True, gradient_accumulation_steps=2)
    optimizer.build(weights)
    names = [v.name for v in optimizer.variables]
    assert names == [
        "iteration", "learning_rate", "k_average", "b_average", "k_gradient_accumulator",
        "b_gradient_accumulator", "k_momentum", "k_velocity", "b_momentum", "b_velocity",
        "k_velocity_hat", "b_velocity_hat",
    ]  # fmt: skip
    assert optimizer.variables[0].dtype == "int32"


def test_saved_state_continues():
    grads = _grads(10)
    whole = _train(optimizers.Adam(0.1), grads)
    first, second = optimizers.Adam(0.1), optimizers.Adam(0.1)
    weight = ranvier.Variable(np.ones((3, 2), "float32"))
    for g in grads[:5]:
        first.apply([ops.array(g)], [weight])
    store: dict = {}
    first.save_own_variables(store)
    second.build([weight])
    second.load_own_variables(store)
    for g in grads[5:]:
        second.apply([ops.array(g)], [weight])
    np.testing.assert_allclose(weight, whole, rtol=1e-6)
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        second.load_own_variables({"0": 0})


def test_own_optimizer():
    class Signs(optimizers.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.counts = self.add_optimizer_variables(variables, "count")

        def update_step(self, gradient, variable, learning_rate):
            self.counts[self._get_variable_index(variable)].assign_add(ops.ones_like(gradient))
            variable.assign_sub(ops.multiply(ops.sign(gradient), learning_rate))

        def get_config(self):
            return super().get_config()

    weight = ranvier.Variable(np.zeros(2, "float32"))
    optimizer = Signs(0.5)
    for _ in range(3):
        optimizer.apply([ops.array([2.0, -7.0])], [weight])
    np.testing.assert_allclose(weight, [-1.5, 1.5])
    np.testing.assert_allclose(optimizer.counts[0], [3, 3])


def test_missing_gradients():
    a, b = (ranvier.Variable(np.ones(2, "float32"), name=n) for n in "ab")
    optimizer = optimizers.SGD(0.1)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['b'\]"):
        optimizer.apply([ops.ones(2), None], [a, b])
    np.testing.assert_allclose([a, b], [[0.9, 0.9], [1, 1]], rtol=1e-6)
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.apply([None, None], [a, b])


def test_errors():
    weight = ranvier.Variable(np.ones(2, "float32"))
    with pytest.raises(ValueError, match="must already be built"):
        optimizers.SGD().apply([ops.ones(2)])
    optimizer = optimizers.SGD()
    optimizer.build([weight])
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([ops.ones(2)], [ranvier.Variable(np.ones(2, "float32"))])
    with pytest.raises(ValueError, match="Received a list of 2 gradients"):
        optimizer.apply([ops.ones(2), ops.ones(2)])
    for bad in (
        {"learning_rate": "fast"},
        {"clipnorm": 1.0, "clipvalue": 1.0},
        {"gradient_accumulation_steps": 1},
        {"use_ema": True, "ema_momentum": 1.5},
        {"use_ema": True, "ema_overwrite_frequency": 0.5},
        {"momentum": 2.0},
        {"speed": 1},
    ):
        with pytest.raises(ValueError):
            optimizers.SGD(**bad)
    with pytest.raises(ValueError, match="'adem'|adem"):
        optimizers.get("adem")


def test_no_warning_on_a_plain_update():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _train(optimizers.AdamW(), _grads(2))


@pytest.mark.parametrize("cls", CLASSES)
def test_config_round_trip(cls):
    optimizer = cls(learning_rate=0.5, clipnorm=2.0, name="mine")
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is cls and again.get_config() == optimizer.get_config()
    scheduled = cls(schedules.PolynomialDecay(0.1, 5))
    again = cls.from_config(scheduled.get_config())
    assert again.get_config() == scheduled.get_config()

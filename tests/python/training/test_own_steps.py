"""Own train steps, metrics of several results, and the loss scale of float16, under `fit`."""

import warnings

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

X = np.random.RandomState(0).randn(40, 6).astype("float32")
Y = (2 * X[:, :1] - X[:, 1:2]).astype("float32")


def dense_graph():
    inputs = keras.Input((6,))
    return inputs, layers.Dense(1)(layers.Dense(4, activation="tanh")(inputs))


class StateStep:
    def _update(self, values, loss, y, y_pred):
        new, logs = [], {}
        for metric in self.metrics:
            own = values[len(new) : len(new) + len(metric.variables)]
            data = (loss,) if metric.name == "loss" else (y, y_pred)
            own = metric.stateless_update_state(own, *data)
            logs[metric.name] = metric.stateless_result(own)
            new += own
        return logs, new

    def _loss(self, trainable, fixed, x, y):
        y_pred, fixed = self.stateless_call(trainable, fixed, x, training=True)
        return self.compute_loss(x, y, y_pred), (y_pred, fixed)

    def train_step(self, state, data):
        trainable, fixed, slots, metrics = state
        x, y = data
        slope = keras.value_and_grad(self._loss, has_aux=True)
        (loss, (y_pred, fixed)), grads = slope(trainable, fixed, x, y)
        trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
        logs, metrics = self._update(metrics, loss, y, y_pred)
        return logs, (trainable, fixed, slots, metrics)


class ByState(StateStep, keras.Model):
    pass


class Unbuilt(StateStep, keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("make", [lambda: ByState(*dense_graph()), Unbuilt])
def test_state_of_a_step_holds_compiled_metrics_from_the_first_batch(make, eager):
    model = make()
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=eager)
    history = model.fit(X, Y, batch_size=20, epochs=2, verbose=0).history
    assert set(history) == {"loss", "mae"}
    assert history["loss"][1] < history["loss"][0]
    assert int(model.optimizer.iterations) == 4


class ByTape(keras.Model):
    def train_step(self, data):
        x, y = data
        with keras.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def test_logs_by_metric_are_flattened():
    model = ByTape(*dense_graph())
    model.compile("adam", "mse", metrics=["mae"])
    assert set(model.fit(X, Y, verbose=0).history) == {"loss", "mae"}


def test_metric_with_several_results():
    class Sums(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="sums")
            self.total = self.add_variable((), "zeros", name="total")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(keras.ops.sum(y_true))

        def result(self):
            return {"once": self.total, "twice": self.total * 2}

    model = keras.Model(*dense_graph())
    model.compile("sgd", "mse", metrics=[Sums()])
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert logs["once"] == pytest.approx(Y.sum(), rel=1e-4)
    assert logs["twice"] == pytest.approx(2 * Y.sum(), rel=1e-4)


def test_compiled_loss_scale_moves_as_the_eager_one():
    def states(eager):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((6,))
        policy = "mixed_float16"
        hidden = layers.Dense(4, activation="tanh", dtype=policy)(inputs)
        model = keras.Model(inputs, layers.Dense(1, dtype=policy)(hidden))
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))
        model.compile(optimizer, "mse", run_eagerly=eager)
        seen = []
        for _ in range(4):
            model.train_on_batch(X, 100 * Y)
            seen.append((float(optimizer.dynamic_scale.numpy()), int(optimizer.iterations)))
        return seen

    compiled = states(False)
    assert compiled == states(True)
    assert compiled[0][0] < 2.0**15  # The first update overflows.


def test_loss_scale_is_read_at_every_step():
    model = keras.Model(*dense_graph())
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0))
    model.compile(optimizer, "mse")
    model.train_on_batch(X, Y)
    optimizer.dynamic_scale.assign(float("inf"))
    model.train_on_batch(X, Y)
    assert int(optimizer.iterations) == 1  # Infinite gradients: the update was skipped.


def test_logits_of_dict_outputs_are_judged_by_name():
    inputs = keras.Input((6,))
    outputs = {
        "value": layers.Dense(1)(inputs),
        "label": layers.Dense(3, activation="softmax")(inputs),
    }
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"value": "mse", "label": "sparse_categorical_crossentropy"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, {"value": Y, "label": np.zeros(40, "int32")}, verbose=0)


def test_state_form_with_metrics_that_are_built_by_the_first_batch():
    class Stated(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

        def test_step(self, state, data):
            trainable, fixed, values = state
            x, y = data
            y_pred, fixed = self.stateless_call(trainable, fixed, x)
            logs, after = {}, []
            for metric in self.metrics:
                own = values[len(after) : len(after) + len(metric.variables)]
                given = (0.0,) if metric.name == "loss" else (y, y_pred)
                own = metric.stateless_update_state(own, *given)
                logs[metric.name] = metric.stateless_result(own)
                after += own
            return logs, (trainable, fixed, after)

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4)).astype("float32")
    y = np.eye(3, dtype="float32")[rng.integers(0, 3, 20)]
    model = Stated()
    model.compile("sgd", metrics=[keras.metrics.F1Score(average="macro"), "accuracy"])
    results = model.evaluate(x, y, batch_size=20, verbose=0, return_dict=True)
    expected = keras.metrics.F1Score(average="macro")
    expected.update_state(y, model.predict(x, verbose=0))
    np.testing.assert_allclose(results["f1_score"], expected.result(), rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "message"), [(None, "compute_loss.*None"), (np.ones(4), r"scalar.*\(4,\)")]
)
def test_losses_that_are_no_scalars(loss, message):
    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return loss

    model = Own(*dense_graph())
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0)


def test_many_variables_of_one_element():
    class Scales(layers.Layer):
        def build(self, shape):
            self.scales = [self.add_weight(shape=(1,), initializer="ones") for _ in range(3)]

        def call(self, x):
            for scale in self.scales:
                x = x * scale
            return x

    def trained(eager):
        model = keras.Sequential([keras.Input((2,)), Scales()])
        model.compile("nadam", "mse", run_eagerly=eager)
        model.fit(np.ones((4, 2)), np.zeros((4, 2)), verbose=0)
        return model.get_weights()

    np.testing.assert_allclose(trained(False), trained(True), rtol=1e-5)

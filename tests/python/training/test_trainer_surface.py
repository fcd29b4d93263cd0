"""What `compile`, `fit`, `evaluate` and `predict` offer beside the plain path."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops
from ranvier.callbacks import Callback


def _data(rows=40):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    return x, x.sum(1, keepdims=True)


def _model(metrics=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation="tanh"),
                              layers.Dense(1)])  # fmt: skip
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=metrics, **kwargs)
    return model


def test_results_come_in_the_order_of_compile():
    x, y = _data()
    model = _model(["mse", "mae", keras.metrics.MeanSquaredError(name="a")])
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert model.evaluate(x, y, verbose=0) == [named[n] for n in ("loss", "mse", "mae", "a")]
    assert model.train_on_batch(x, y)[1] != model.train_on_batch(x, y)[2]
    assert model.metrics_names == ["loss", "compile_metrics"]


def test_metrics_of_layers_stand_after_the_compiled_ones():
    class Tracking(layers.Layer):
        def __init__(self):
            super().__init__()
            self.size = keras.metrics.Mean(name="size")

        def call(self, x):
            self.size.update_state(ops.abs(x))
            return x

    inner = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    inner.compile("sgd", "mse", metrics=["mae"])
    model = keras.Sequential([keras.Input((3,)), Tracking(), inner])
    model.compile("sgd", "mse", metrics=["mse"])
    assert model.metrics_names == ["loss", "compile_metrics", "size"]
    x, y = _data()
    loss, mse, size = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(mse) and size == pytest.approx(np.abs(x).mean(), rel=1e-5)


def test_own_compute_loss_without_training():
    class Doubled(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, inputs, targets, predictions, weights):
            return 2.0 * ops.mean(ops.square(targets - predictions))

    model, (x, y) = Doubled(), _data()
    model.compile(keras.optimizers.SGD(0.0))
    assert model.evaluate(x, y + 1, verbose=0) == pytest.approx(2.0, rel=1e-5)
    assert model.train_on_batch(x, y + 1) == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize("own", [True, False])
def test_state_form_of_all_steps(own):
    class Stated(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x, training=False):
            if not training:
                self.seen.assign_add(1.0)
            return self.dense(x)

        if own:

            def predict_step(self, state, data):
                x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
                outputs, state = self.stateless_call(*state, x, training=False)
                return 3.0 * outputs, state

    model, (x, _) = Stated(), _data()
    model.build((None, 3))
    plain = model(x)
    factor = 3.0 if own else 1.0
    seen = float(model.seen)
    np.testing.assert_allclose(
        model.predict(x, batch_size=20, verbose=0), factor * np.asarray(plain), rtol=1e-5
    )
    assert float(model.seen) == seen + 2
    np.testing.assert_allclose(model.predict_on_batch(x), factor * np.asarray(plain), rtol=1e-5)


class StopAfter(Callback):
    def __init__(self, attribute, batches):
        super().__init__()
        self.attribute, self.batches, self.calls = attribute, batches, 0

    def _count(self, batch, logs=None):
        self.calls += 1
        if self.calls == self.batches:
            setattr(self.model, self.attribute, True)

    on_test_batch_end = on_predict_batch_end = _count


def test_evaluation_and_prediction_can_be_stopped():
    model, (x, y) = _model(), _data()
    stop = StopAfter("stop_evaluating", 2)
    ended = model.evaluate(x, y, batch_size=8, verbose=0, callbacks=[stop])
    assert stop.calls == 2
    assert ended == pytest.approx(model.evaluate(x[:16], y[:16], batch_size=8, verbose=0))
    stop = StopAfter("stop_predicting", 3)
    rows = model.predict(x, batch_size=8, verbose=0, callbacks=[stop])
    np.testing.assert_allclose(rows, model.predict(x[:24], batch_size=8, verbose=0))


def test_compile_config_holds_the_whole_optimizer():
    model = _model(["mae"])
    config = model.get_compile_config()
    assert config["optimizer"]["class_name"] == "SGD"
    assert config["optimizer"]["config"]["learning_rate"] == pytest.approx(0.05)
    assert config["jit_compile"] is True and config["metrics"] == ["mae"]
    again = keras.Sequential.from_config(model.get_config())
    assert again.get_compile_config() == {}
    again.compile_from_config(config)
    assert again.get_compile_config() == config
    assert again.optimizer.built


def test_own_compile_is_not_called_at_loading():
    class Own(keras.Model):
        def compile(self, strength):
            super().compile("sgd", "mse")

    model = Own()
    with pytest.warns(UserWarning, match="compile_from_config"):
        model.compile_from_config({"strength": 3})
    assert not model.compiled


def test_kinds_of_compilation():
    assert _model().jit_compile is True
    assert _model(run_eagerly=True).jit_compile is False
    with pytest.warns(UserWarning, match="jit_compile"):
        assert _model(run_eagerly=True, jit_compile=True).jit_compile is False
    assert _model(steps_per_execution="auto").steps_per_execution == 1
    for wrong in (0, 1.5, "many"):
        with pytest.raises(ValueError, match="steps_per_execution"):
            _model(steps_per_execution=wrong)


def test_a_model_has_no_optimizer_before_compile():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    assert not hasattr(model, "optimizer")
    assert model.predict(_data()[0], verbose=0).shape == (40, 1)
    assert model.get_state_tree()["optimizer_variables"] == {}
    model.compile(keras.optimizers.SGD(0.05), "mse")
    assert model.optimizer.learning_rate == 0.05


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize("generator", [False, True])
def test_an_epoch_consists_of_whole_executions(run_eagerly, generator):
    """Three steps an epoch, two an execution: batches 0-3, 4-7, and of arrays the last two."""
    x, y = _data(40)
    model = _model(steps_per_execution=2, run_eagerly=run_eagerly)
    data = {"x": ((x[:4], y[:4]) for _ in range(40))} if generator else {"x": x, "y": y}
    batch_size = None if generator else 4
    model.fit(**data, batch_size=batch_size, epochs=3, steps_per_epoch=3, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == (12 if generator else 10)
    assert model.predict(x, batch_size=4, steps=3, verbose=0).shape == (16, 1)


def test_functions_are_made_anew_on_demand():
    model, (x, y) = _model(), _data()
    assert model.train_function is None
    model.make_train_function()
    first = model.train_function
    model.fit(x, y, verbose=0)
    model.make_train_function()
    assert model.train_function is first
    model.make_train_function(force=True)
    assert model.train_function is not first
    model.make_test_function()
    model.make_predict_function()
    assert model.test_function is not None and model.predict_function is not None


def test_stateless_loss_assigns_nothing():
    x, y = _data()
    inputs = keras.Input((3,))
    outputs = layers.Dense(1, kernel_regularizer="l2")(inputs)
    model = keras.Model(inputs, [outputs, layers.Dense(2)(inputs)])
    model.compile("sgd", ["mse", "mse"])
    targets = [y, np.repeat(y, 2, axis=1)]
    predictions = model(x)
    expected = model.compute_loss(x, targets, predictions)
    model.reset_metrics()
    groups = model.trainable_variables, model.non_trainable_variables, model.metrics_variables
    values = [[v.value for v in group] for group in groups]
    loss, after = model.stateless_compute_loss(*values, x, targets, predictions)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    assert [len(group) for group in after] == [len(group) for group in values]
    changed = [np.any(np.asarray(a) != np.asarray(b)) for a, b in zip(after[2], values[2])]
    assert any(changed) and not any(np.any(np.asarray(v)) for v in model.metrics_variables)


def test_state_tree_round_trip():
    x, y = _data()
    model, other = _model(["mae"]), _model(["mae"])
    model.fit(x, y, verbose=0)
    other.fit(x, y, epochs=2, verbose=0)
    state = model.get_state_tree(value_format="numpy_array")
    assert set(state) == {
        "trainable_variables", "non_trainable_variables", "optimizer_variables",
        "metrics_variables",
    }  # fmt: skip
    path = model.weights[0].path.split("/")
    assert state["trainable_variables"][path[0]][path[1]][path[2]].shape == (3, 4)
    model.fit(x, y, verbose=0)
    model.set_state_tree(state)
    kernel = state["trainable_variables"][path[0]][path[1]][path[2]]
    np.testing.assert_array_equal(model.weights[0], kernel)
    assert int(model.optimizer.iterations) == 2
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("lists")
    with pytest.raises(ValueError, match="Unknown kind"):
        model.set_state_tree({"weights": {}})
    same = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    same.compile("sgd", "mse")
    same.kept = keras.Variable(0.0, trainable=True, name="kept")
    same.twin = keras.Variable(0.0, trainable=True, name="kept")
    with pytest.raises(ValueError, match="found twice"):
        same.get_state_tree()


def test_validation_data_and_frequency():
    model, (x, y) = _model(), _data()
    with pytest.raises(ValueError, match=r"shape \(40, 3\)") as caught:
        model.fit(x, y, verbose=0, validation_data=(x, y, y, y))
    assert len(str(caught.value)) < 400
    with pytest.raises(ValueError, match="validation_freq"):
        model.fit(x, y, verbose=0, validation_data=(x, y), validation_freq="often")
    history = model.fit(
        x, y, epochs=4, verbose=0, validation_data=(x, y), validation_freq=[1, 4]
    ).history
    assert len(history["loss"]) == 4 and len(history["val_loss"]) == 2


def test_weights_per_output_and_losses_by_name():
    x, y = _data()
    inputs = keras.Input((3,))
    a = layers.Dense(1, name="a", kernel_initializer="ones")(inputs)
    b = layers.Dense(1, name="b", kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, {"a": a, "b": b})
    model.compile(
        "sgd", {"a": "mse", "b": "mae"}, loss_weights={"a": 2.0, "b": 0.5},
        metrics={"a": ["mae"]}, weighted_metrics={"b": "mse"},
    )  # fmt: skip
    targets = {"a": y + 1, "b": y + 2}
    weights = {"a": np.full(40, 0.5), "b": np.full(40, 3.0)}
    logs = model.evaluate(x, targets, sample_weight=weights, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(2 * 0.5 * 1 + 0.5 * 3 * 2, rel=1e-5)
    assert logs["a_mae"] == pytest.approx(1, rel=1e-5)
    assert logs["b_mse"] == pytest.approx(4, rel=1e-5)
    assert logs["a_loss"] == pytest.approx(0.5, rel=1e-5)
    parts = model.predict(x, verbose=0)
    assert set(parts) == {"a", "b"} and parts["a"].shape == (40, 1)


def test_outputs_without_a_loss_need_no_labels():
    x, y = _data()
    inputs = keras.Input((3,))
    a = layers.Dense(1, name="a")(inputs)
    model = keras.Model(inputs, {"a": a, "b": layers.Rescaling(2.0, name="b")(a)})
    model.compile("sgd", {"a": "mse"}, metrics={"a": ["mae"]})
    logs = model.fit(x, {"a": y}, epochs=2, verbose=0).history
    assert set(logs) == {"loss", "a_mae"}
    assert logs["loss"][1] < logs["loss"][0]
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="labels"):
        model.fit(x, {"a": y}, verbose=0)


def test_metrics_that_come_later_are_noticed():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = _data()
    assert isinstance(model.train_on_batch(x, y), float) and model.metrics_names == ["loss"]
    model.extra = keras.metrics.Mean(name="extra")
    assert model.metrics_names == ["loss", "extra"]
    assert model.train_on_batch(x, y, return_dict=True).keys() == {"loss", "extra"}


def test_epochs_after_the_data_ran_out_are_in_the_history():
    model = _model()
    x, y = _data(4)
    batches = ((x, y) for _ in range(3))
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(batches, epochs=3, steps_per_epoch=2, shuffle=False, verbose=0)
    assert history.epoch == [0, 1, 2] and len(history.history["loss"]) == 3


def test_predictions_may_be_written_to():
    model, (x, _) = _model(), _data(40)
    for rows in (4, 4, 40):
        predictions = model.predict(x[:rows], verbose=0)
        before = model.predict(x[:rows], verbose=0)
        assert not np.shares_memory(predictions, before) and np.array_equal(predictions, before)
        predictions[predictions > 0] = 0
        assert predictions.max() <= 0
        np.testing.assert_array_equal(model.predict(x[:rows], verbose=0), before)
    on_batch = model.predict_on_batch(x[:4])
    on_batch += 1
    value = model.weights[0].numpy()
    value[:] = 7
    assert not (model.weights[0].numpy() == 7).any()


def _two_outputs(names):
    x = keras.Input((3,))
    return keras.Model(x, {name: layers.Dense(1, name=f"d_{name}")(x) for name in names})


def test_logs_are_in_the_order_of_their_names():
    x, y = _data()
    model = _two_outputs("zx")
    model.compile("sgd", "mse", metrics={"z": "mae"})
    history = model.fit(x, {"z": y, "x": y}, validation_data=(x, {"z": y, "x": y}), verbose=0)
    assert list(history.history) == sorted(history.history)
    assert model.metrics_names == ["loss", "compile_metrics", "x_loss", "z_loss"]


def test_a_loss_of_several_outputs_is_named_after_them():
    class Distance(keras.losses.Loss):
        def __call__(self, y_true, y_pred, sample_weight=None):
            return ops.mean(ops.abs(y_pred["z"] - y_true["z"]) + ops.abs(y_pred["x"]))

    x, y = _data()
    model = _two_outputs("zx")
    model.compile("sgd", [Distance(), Distance(), Distance()])
    history = model.fit(x, {"z": y, "x": y}, verbose=0).history
    assert list(history) == ["loss", "x_z_loss"]


def test_one_loss_for_a_structure_of_outputs_is_an_error():
    x, y = _data()
    model = _two_outputs("zx")
    model.compile("sgd", ["mse", "mae", "mse"])
    with pytest.raises(ValueError, match="one loss per output"):
        model.fit(x, {"z": y, "x": y}, verbose=0)


def test_metrics_alone_can_be_followed():
    x, y = _data()
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", metrics=["mae"])
    before = model.get_weights()[0]
    logs = model.fit(x, y, verbose=0).history
    assert logs["loss"] == [0.0] and logs["mae"][0] > 0
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_a_second_compile_keeps_what_it_does_not_name():
    x, y = _data()
    model = _model(["mae"])
    model.fit(x, y, verbose=0)
    model.compile(keras.optimizers.SGD(0.01))
    history = model.fit(x, y, verbose=0).history
    assert sorted(history) == ["loss", "mae"] and history["loss"][0] > 0
    model.compile(keras.optimizers.SGD(0.01), metrics=["mse"])
    assert sorted(model.fit(x, y, verbose=0).history) == ["loss", "mse"]


def test_metrics_of_one_name_stand_once_each_in_the_list_of_results():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.own = layers.Dense(1), keras.metrics.Mean(name="loss")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.square(y_pred))

    model = Own()
    model.compile("sgd")
    results = model.evaluate(_data()[0], verbose=0)
    assert len(results) == 2 and results[0] == results[1]


def test_the_first_small_predict_runs_the_layers_once():
    class Counting(layers.Layer):
        def build(self, input_shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x

    counting = Counting()
    model = keras.Sequential([keras.Input((3,)), counting])
    for times in (1, 2, 3):
        model.predict(_data()[0][:8], verbose=0)
        assert float(counting.calls) == times


def test_one_array_of_labels_for_two_outputs():
    x, y = _data()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(1)(inputs)])
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="y_true"):
        model.fit(x, y, verbose=0)

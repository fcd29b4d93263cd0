"""Structures of losses, metrics and weights in `compile` and `fit`: the same logs as real Keras.

Each case is one function of the module (ours or the real one) that returns plain results.
"""

import warnings

import numpy as np
import pytest
from keras_reference import keras

import ranvier

pytestmark = pytest.mark.filterwarnings("ignore")


def _settle(model, seed=0):
    """The same weights on both sides."""
    rng = np.random.default_rng(seed)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def _rows(rows=20, width=4, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)).astype("float32"), rng


def _two(k, outputs="list"):
    x = k.Input((4,), name="x")
    h = k.layers.Dense(5, activation="tanh", name="h")(x)
    a = k.layers.Dense(2, name="a")(h)
    b = k.layers.Dense(3, activation="softmax", name="b")(h)
    made = {"list": [a, b], "dict": {"a": a, "b": b}, "nested": {"p": a, "q": [b, a]}}[outputs]
    return _settle(k.Model(x, made))


def _two_targets(rng, rows=20):
    return (
        rng.normal(size=(rows, 2)).astype("float32"),
        np.eye(3, dtype="float32")[rng.integers(0, 3, rows)],
    )


def _logs(model, x, y, weight=None, epochs=2, **kwargs):
    history = model.fit(
        x, y, sample_weight=weight, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **kwargs
    ).history
    held = model.evaluate(x, y, sample_weight=weight, batch_size=8, verbose=0)
    named = model.evaluate(x, y, sample_weight=weight, batch_size=8, verbose=0, return_dict=True)
    return {"history": history, "list": held, "dict": named}


CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def _single(k, loss, metrics, weighted=None, weight=None, y=None, **fit):
    x, rng = _rows()
    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="softmax")]))
    model.compile(k.optimizers.SGD(0.1), loss, metrics=metrics, weighted_metrics=weighted)
    target = y(rng) if y else np.eye(3, dtype="float32")[rng.integers(0, 3, 20)]
    return _logs(model, x, target, weight, **fit)


@case
def one_output_names_and_objects(k):
    return _single(
        k, "categorical_crossentropy",
        ["acc", "mse", k.metrics.AUC(name="area"), k.metrics.TopKCategoricalAccuracy(2), "Recall"],
        ["mae", "accuracy"], np.linspace(0.1, 2, 20),
    )  # fmt: skip


@case
def sparse_labels_with_class_weight(k):
    return _single(
        k, k.losses.SparseCategoricalCrossentropy(),
        ["accuracy", "sparse_top_k_categorical_accuracy"],
        y=lambda rng: rng.integers(0, 3, 20), class_weight={0: 0.5, 1: 2.0, 2: 1.0},
    )  # fmt: skip


@case
def function_as_loss_and_metric(k):
    def spread(y_true, y_pred):
        return k.ops.max(k.ops.abs(y_true - y_pred), axis=-1)

    return _single(k, spread, [spread, "mae"], validation_split=0.25)


@case
def metrics_by_the_name_of_the_output(k):
    x, rng = _rows()
    i = k.Input((4,))
    model = _settle(k.Model(i, k.layers.Dense(2, name="out")(i)))
    model.compile("sgd", {"out": "mse"}, metrics={"out": ["mae", "mse"]}, loss_weights=[0.3])
    return _logs(model, x, rng.normal(size=(20, 2)).astype("float32"))


@case
def two_outputs_one_loss(k):
    x, rng = _rows()
    model = _two(k)
    model.compile("sgd", "mse", metrics=[["mae"], ["accuracy"]])
    return _logs(model, x, list(_two_targets(rng)))


@case
def two_outputs_lists(k):
    x, rng = _rows()
    model = _two(k)
    model.compile(
        "sgd", ["mse", "categorical_crossentropy"], loss_weights=[2.0, 0.5],
        metrics=[["mae", "mse"], None], weighted_metrics=[[], ["accuracy"]],
    )  # fmt: skip
    weights = [np.linspace(0, 1, 20), np.linspace(1, 2, 20)]
    return _logs(model, x, list(_two_targets(rng)), weights)


@case
def two_outputs_by_name(k):
    x, rng = _rows()
    model = _two(k)
    model.compile(
        "sgd", {"a": "mae", "b": k.losses.CategoricalCrossentropy(label_smoothing=0.1)},
        loss_weights={"a": 0.7, "b": 1.3}, metrics={"b": ["accuracy", k.metrics.AUC()]},
    )  # fmt: skip
    a, b = _two_targets(rng)
    return _logs(model, x, {"a": a, "b": b})


@case
def dict_outputs(k):
    x, rng = _rows()
    model = _two(k, "dict")
    model.compile(
        "sgd", {"a": "mse", "b": "categorical_crossentropy"}, metrics={"a": "mae", "b": ["acc"]},
        weighted_metrics={"a": ["mse"]},
    )  # fmt: skip
    a, b = _two_targets(rng)
    weights = {"a": np.linspace(0, 1, 20), "b": np.ones(20)}
    return _logs(model, x, {"a": a, "b": b}, weights)


@case
def dict_outputs_one_without_a_loss(k):
    x, rng = _rows()
    model = _two(k, "dict")
    model.compile("sgd", {"a": "mse", "b": None}, metrics={"b": ["accuracy"]})
    a, b = _two_targets(rng)
    return _logs(model, x, {"a": a, "b": b})


@case
def dict_outputs_one_without_labels(k):
    x, rng = _rows()
    model = _two(k, "dict")
    model.compile("sgd", {"a": "mse"})
    return _logs(model, x, {"a": _two_targets(rng)[0]})


@case
def list_outputs_one_without_a_loss(k):
    x, rng = _rows()
    model = _two(k)
    model.compile("sgd", ["mse", None])
    return _logs(model, x, list(_two_targets(rng)))


@case
def nested_outputs(k):
    x, rng = _rows()
    model = _two(k, "nested")
    model.compile("sgd", {"p": "mse", "q": ["categorical_crossentropy", "mae"]})
    a, b = _two_targets(rng)
    return _logs(model, x, {"p": a, "q": [b, a]})


@case
def one_weight_for_two_outputs(k):
    x, rng = _rows()
    model = _two(k)
    model.compile("sgd", ["mse", "mse"], weighted_metrics=[["mae"], ["mae"]])
    return _logs(model, x, list(_two_targets(rng)), np.linspace(0, 2, 20))


@case
def added_losses_and_penalties(k):
    class Activity(k.layers.Layer):
        def call(self, x):
            self.add_loss(0.1 * k.ops.mean(k.ops.square(x)))
            return x

    x, rng = _rows()
    i = k.Input((4,))
    h = Activity()(k.layers.Dense(5, kernel_regularizer=k.regularizers.L2(0.01))(i))
    o = k.layers.Dense(1, activity_regularizer=k.regularizers.L1(0.02), bias_regularizer="l2")(h)
    model = _settle(k.Model(i, o))
    model.compile(k.optimizers.SGD(0.05), "mse", metrics=["mse"])
    return _logs(model, x, rng.normal(size=(20, 1)).astype("float32"))


@case
def masked_sequences(k):
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 6, size=(20, 5))
    i = k.Input((5,), dtype="int32")
    h = k.layers.Embedding(6, 4, mask_zero=True)(i)
    model = _settle(k.Model(i, k.layers.Dense(3, activation="softmax")(h)))
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["accuracy", "sparse_categorical_crossentropy"],
    )  # fmt: skip
    results = []
    for weight in (None, np.linspace(0.1, 1, 100).reshape(20, 5)):
        logs = _logs(model, ids, rng.integers(0, 3, size=(20, 5)), weight, epochs=1)
        # Keras on JAX loses masks on the way to the metrics of training only.
        logs["history"] = logs["history"]["loss"]
        results.append(logs)
    return results


@case
def single_batches(k):
    x, rng = _rows()
    model = _two(k)
    model.compile("sgd", ["mse", "categorical_crossentropy"], metrics=[["mae"], ["accuracy"]])
    y = list(_two_targets(rng))
    weights = [np.linspace(0, 1, 20), np.linspace(1, 2, 20)]
    return [
        model.train_on_batch(x, y),
        model.train_on_batch(x, y, sample_weight=weights, return_dict=True),
        model.test_on_batch(x, y, sample_weight=weights),
        model.test_on_batch(x, y, return_dict=True),
        [np.asarray(p).tolist() for p in model.predict_on_batch(x)],
    ]


@case
def validation_with_weights(k):
    x, rng = _rows()
    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(1)]))
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    y = rng.normal(size=(20, 1)).astype("float32")
    held = x[::2], y[::2], np.linspace(0, 3, 10)
    return _logs(
        model, x, y, epochs=3, validation_data=held, validation_freq=2, validation_batch_size=3
    )


@case
def steps_of_a_generator(k):
    x, rng = _rows(60)
    y = rng.normal(size=(60, 1)).astype("float32")

    def batches():
        for first in range(0, 60, 6):
            yield x[first : first + 6], y[first : first + 6]

    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(1)]))
    model.compile("sgd", "mse")
    logs = model.fit(batches(), epochs=2, steps_per_epoch=4, verbose=0).history
    return logs, model.evaluate(batches(), steps=3, verbose=0)


@case
def several_steps_per_execution(k):
    calls = []

    class Count(k.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            calls.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            calls.append(("end", batch))

    x, rng = _rows(56)
    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(1)]))
    model.compile("sgd", "mse", steps_per_execution=3)
    logs = _logs(model, x, rng.normal(size=(56, 1)).astype("float32"), callbacks=[Count()])
    return logs, calls


@case
def every_hook_in_order(k):
    calls = []

    class Record(k.callbacks.Callback):
        pass

    def hook(name):
        def call(self, *args, **kwargs):
            logs = args[-1] if isinstance(args[-1], dict) else kwargs.get("logs")
            first = args[0] if isinstance(args[0], int) else None
            calls.append([name, first, sorted(logs or {})])

        return call

    for name in dir(k.callbacks.Callback):
        if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
            setattr(Record, name, hook(name))
    x, rng = _rows(16)
    y = rng.normal(size=(16, 1)).astype("float32")
    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(1)]))
    model.compile("sgd", "mse", metrics=["mae"])
    record = Record()
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[record], validation_data=(x, y))
    model.evaluate(x, y, batch_size=8, verbose=0, callbacks=[record])
    model.predict(x, batch_size=8, verbose=0, callbacks=[record])
    return calls


@case
def learning_rate_callbacks(k):
    x, rng = _rows()
    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(1)]))
    model.compile(k.optimizers.SGD(0.2), "mse")
    given = [
        k.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.8),
        k.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0, cooldown=1),
    ]
    y = rng.normal(size=(20, 1)).astype("float32")
    return model.fit(x, y, epochs=6, verbose=0, shuffle=False, callbacks=given).history


@case
def early_stopping_with_the_best_weights(k):
    x, rng = _rows()
    y = rng.normal(size=(20, 1)).astype("float32")
    model = _settle(k.Sequential([k.Input((4,)), k.layers.Dense(1)]))
    model.compile(k.optimizers.SGD(0.9), "mse")
    stop = k.callbacks.EarlyStopping(
        "loss", patience=2, restore_best_weights=True, start_from_epoch=1
    )
    history = model.fit(x, y, epochs=12, verbose=0, shuffle=False, callbacks=[stop]).history
    weights = [np.asarray(w).tolist() for w in model.get_weights()]
    return history, weights, [stop.best, stop.best_epoch, stop.stopped_epoch, stop.wait]


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return float(np.asarray(value)) if isinstance(value, (float, np.generic)) else value


def _compare(ours, theirs, where=""):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key in theirs:
            _compare(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), (where, ours, theirs)
        for i, (a, b) in enumerate(zip(ours, theirs)):
            _compare(a, b, f"{where}/{i}")
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5, err_msg=where)
    else:
        assert ours == theirs, where


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    results = []
    for module in (ranvier, keras):
        module.utils.clear_session()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(_plain(CASES[name](module)))
    _compare(*results)

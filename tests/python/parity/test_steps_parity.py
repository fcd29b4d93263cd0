"""Training and steps in Ranvier and Keras: weights beside the loss, data that end early."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from keras_reference import agree, raised

pytestmark = pytest.mark.filterwarnings("ignore")
CASES = {}
X, Y = np.ones((8, 4), "float32"), np.zeros((8, 1), "float32")


def case(function):
    """Adds a program: it takes the package and returns plain values and arrays."""
    CASES[function.__name__] = function
    return function


def values(variables):
    return [np.asarray(v) for v in variables]


@case
def weights_that_the_loss_does_not_read(k):
    make = k.optimizers
    out = {}
    for optimizer in (
        make.AdamW(0.1, weight_decay=0.1),
        make.Ftrl(0.1, l1_regularization_strength=0.1),
        make.SGD(0.1, use_ema=True, weight_decay=0.1, gradient_accumulation_steps=2),
    ):
        for eagerly in (False, True):
            x = k.Input((4,))
            heads = [
                k.layers.Dense(n, kernel_initializer="ones", name=f"head_{n}")(x) for n in (1, 2)
            ]
            model = k.Model(x, heads)
            optimizer = type(optimizer).from_config(optimizer.get_config())
            model.compile(optimizer, ["mse", None], run_eagerly=eagerly)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                model.fit(X, [Y, Y], batch_size=4, epochs=3, verbose=0)
            name = f"{optimizer.name} {eagerly}"
            out[name] = model.get_weights() + values(optimizer.variables)
    return out


@case
def no_loss(k):
    model = k.Sequential([k.Input((4,)), k.layers.Dense(1, kernel_initializer="ones")])
    model.compile(k.optimizers.SGD(0.1, weight_decay=0.1))
    history = model.fit(X, Y, verbose=0).history
    return history, model.get_weights(), float(model.evaluate(X, Y, verbose=0))


class Batches:
    """Builds data of some kind, and callbacks that write down what they are told."""

    def __init__(self, k):
        self.k = k

    def generator(self, count):
        return ((X[:2], Y[:2]) for _ in range(count))

    def dataset(self, count):
        class Data(self.k.utils.PyDataset):
            def __len__(self):
                return count

            def __getitem__(self, index):
                return X[:2], Y[:2]

        return Data()

    def recorder(self, told):
        class Recorder(self.k.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                told.append(("begin", batch))

            def on_train_batch_end(self, batch, logs=None):
                told.append(("end", batch))

            def on_predict_batch_end(self, batch, logs=None):
                told.append((batch, list(np.shape(logs["outputs"]))))

        return Recorder()


@case
def data_that_end_within_an_execution(k):
    data, out = Batches(k), {}
    for kind in ("generator", "dataset"):
        for count, stride, steps in ((3, 2, 4), (3, 2, 10), (5, 3, 4), (3, 50, 2), (3, 1, 4)):
            model = k.Sequential([k.Input((4,)), k.layers.Dense(1)])
            model.compile("sgd", "mse", steps_per_execution=stride)
            told = []
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(
                    getattr(data, kind)(count), steps_per_epoch=steps, epochs=2, verbose=0,
                    shuffle=False, callbacks=[data.recorder(told)],
                )  # fmt: skip
            ends = sum("ran out of data" in str(w.message) for w in caught)
            out[f"{kind} {count} {stride} {steps}"] = ends, int(model.optimizer.iterations), told
    return out


@case
def outputs_of_an_execution(k):
    data, told = Batches(k), []
    for stride in (1, 2, 50):
        model = k.Sequential([k.Input((4,)), k.layers.Dense(1)])
        model.compile("sgd", "mse", steps_per_execution=stride)
        model.predict(X, batch_size=3, verbose=0, callbacks=[data.recorder(told)])
        model.predict(data.dataset(3), verbose=0, callbacks=[data.recorder(told)])
    return told


@case
def what_an_update_of_counts_gives(k):
    metric = k.metrics.MeanIoU(3)
    one = metric.update_state([0, 1, 2], [0, 2, 2])
    binary = k.metrics.BinaryIoU().update_state([0.0, 1.0], [0.2, 0.7])
    return one, binary, k.metrics.Mean().update_state([1.0])


@case
def layers_that_cannot_be_quantized(k):
    def quantize(layer, mode, built):
        if built:
            layer.build((2, 3, 4))
        return raised(layer.quantize, mode)

    return [
        quantize(layer(), mode, built)
        for layer in (k.layers.Flatten, lambda: k.layers.Conv1D(2, 2), k.layers.LayerNormalization)
        for mode in ("int8", "gptq", "foo", None)
        for built in (False, True)
    ]


@case
def name_of_zero_points(k):
    layer = k.layers.EinsumDense("ab,bc->ac", 4, dtype="gptq/4/-1_from_float32")
    layer.build((2, 8))
    return [v.name for v in layer.weights]


@case
def sizes_that_einsum_dense_announces(k):
    out = []
    for equation, partial, shape in (
        ("abc,cd->abd", (None, 64), (None, 10, 32)),
        ("abc,cd->abd", (10, 64), (None, 10, 32)),
        ("abc,cd->abd", (10, 64), (None, None, 32)),
        ("abc,cde->abde", (None, 8, 9), (None, 3, 4)),
        ("...x,xy->...y", 64, (None, 7, 32)),
        ("ab...,bc->ac...", (5,), (None, 3, 7)),
    ):
        layer = k.layers.EinsumDense(equation, partial)
        out.append(raised(layer.compute_output_shape, shape))
        out.append(raised(lambda layer=layer, shape=shape: layer(k.Input(shape[1:])).shape))
    return out


def with_all_kinds_of_state(k, kind):
    x = k.Input((4,))
    y = k.layers.Dense(8, "tanh", kernel_regularizer=k.regularizers.L2(0.01))(x)
    y = k.layers.Dropout(0.0)(k.layers.BatchNormalization()(y))
    model = kind(x, k.layers.Dense(1)(y))
    draws = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(draws.random(variable.shape))
    return model


ROWS = np.random.default_rng(0).random((16, 4)).astype("float32")
TARGETS, WEIGHTS = ROWS[:, :1] ** 2, ROWS[:, 1]


@case
def steps_that_ask_super(k):
    class Own(k.Model):
        def train_step(self, state, data):
            x, y, weight = k.utils.unpack_x_y_sample_weight(data)
            logs, state = super().train_step(state, (x * 2, y, weight))
            return {**logs, "twice": logs["loss"] * 2}, state

        def test_step(self, state, data):
            logs, state = super().test_step(state, data)
            return {**logs, "third": logs["loss"] / 3}, state

        def predict_step(self, state, data):
            outputs, after = super().predict_step(state, data)
            return outputs + 1, after

    out, make = {}, k.optimizers
    for optimizer in (
        make.Adam(0.01),
        make.SGD(0.1, momentum=0.9, use_ema=True),
        make.LossScaleOptimizer(make.SGD(0.1), initial_scale=8.0),
    ):
        for eagerly in (False, True):
            model = with_all_kinds_of_state(k, Own)
            optimizer = type(optimizer).from_config(optimizer.get_config())
            model.compile(optimizer, "mse", metrics=["mae"], run_eagerly=eagerly)
            history = model.fit(
                ROWS, TARGETS, batch_size=4, epochs=2, shuffle=False, verbose=0,
                sample_weight=WEIGHTS, validation_data=(ROWS, TARGETS),
            ).history  # fmt: skip
            tested = model.evaluate(ROWS, TARGETS, verbose=0, return_dict=True)
            out[f"{optimizer.name} {eagerly}"] = (
                history, tested, model.predict(ROWS, verbose=0), values(model.weights[:6]),
                int(optimizer.iterations),
            )  # fmt: skip
    return out


@case
def steps_as_functions_of_values(k):
    model = with_all_kinds_of_state(k, k.Model)
    optimizer = k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.1), initial_scale=8.0)
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(ROWS, TARGETS, shuffle=False, verbose=0)
    before = model.get_weights()[:6]
    trainable, others, metrics, slots = (
        [v.value for v in group]
        for group in (
            model.trainable_variables, model.non_trainable_variables, model.metrics_variables,
            model.optimizer.variables,
        )
    )  # fmt: skip
    batch = ROWS, TARGETS
    loss, (plain_loss, outputs, statistics, _) = model.compute_loss_and_updates(
        trainable, others, metrics, *batch, None, training=True, optimizer_variables=slots
    )
    trained = model.train_step((trainable, others, slots, metrics), batch)
    tested = model.test_step((trainable, others, metrics), batch)
    predicted = model.predict_step((trainable, others), (ROWS,))
    logs, (weights, averages, _, counts) = trained
    unchanged = all(map(np.array_equal, before, model.get_weights()))
    return (
        [loss, plain_loss, outputs, statistics[:2], logs, weights, averages[:2], counts, tested[0]],
        [predicted[0], predicted[1][:2], unchanged],
    )


@pytest.mark.parametrize("name", CASES)
def test_does_what_keras_does(name):
    agree(CASES[name])

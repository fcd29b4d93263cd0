"""Whole programs as users write them: histories, results, printed text must be those of Keras."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
from keras_reference import agree, raised

pytestmark = pytest.mark.filterwarnings("ignore")
PROGRAMS = {}


def program(function):
    """Adds a program: it takes the package and returns plain values and arrays."""
    PROGRAMS[function.__name__] = function
    return function


def data(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def set_weights(model, seed=0):
    """Weights that both packages can start from."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(-0.3, 0.3, w.shape) for w in model.get_weights()])
    return model


def head(k, outputs=2):
    return set_weights(k.Sequential([k.Input((3,)), k.layers.Dense(outputs, name="head")]))


def printed(function):
    """What is printed: the last state of each line, for times and numbers only their form."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        function()
    plain = re.sub(r"\x1b\[[0-9;]*m|\x08", "", text.getvalue())
    lines = [line.split("\r")[-1].rstrip() for line in plain.split("\n")]
    forms = ((r"\d+(\.\d+)?(us|ms|s)\b", "T"), (r"\d\.\d{4}e", "E"), (r"\d\.\d{4}", "N"))
    for pattern, letter in forms:
        lines = [re.sub(pattern, letter, line) for line in lines]
    return [line for line in lines if line]


@program
def recompiling(k):
    model, x, y = head(k), data(8, 3), data(8, 2)
    out = []
    for arguments in (
        {"loss": "mse", "metrics": ["mae"]},
        {},
        {"metrics": ["mse"]},
        {"loss": "mae"},
    ):
        model.compile("sgd", **arguments)
        out += [model.fit(x, y, shuffle=False, verbose=0).history, model.evaluate(x, y, verbose=0)]
    return out


@program
def progress_lines(k):
    model, x, y = head(k), data(8, 3), np.zeros((8, 2))
    model.compile("sgd", "mse", metrics=["accuracy"])

    def run():
        for verbose in (1, 2):
            fit = {"batch_size": 4, "shuffle": False, "verbose": verbose}
            model.fit(x, y, epochs=2, validation_data=(x, y), **fit)
            model.evaluate(x, y, batch_size=4, verbose=verbose)
            model.predict(x, batch_size=4, verbose=verbose)
        bar = k.utils.Progbar(2, interval=0.0)
        bar.update(1, [("mean", 1.0), ("small", 1e-4)])
        bar.update(2, [("mean", 4.0), ("small", 0.0)])
        k.utils.Progbar(2, verbose=2).update(2, [("negative", -1.5)])

    return printed(run)


@program
def summary_of_own_layers(k):
    class Block(k.layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [k.layers.Dense(4), {"norm": k.layers.LayerNormalization()}]

        def call(self, x):
            return self.parts[1]["norm"](self.parts[0](x))

    class Own(k.Model):
        def __init__(self):
            super().__init__()
            inputs = k.Input((4,))
            self.block, self.head = Block(), k.layers.Dense(2)
            self.graph = k.Model(inputs, [inputs, k.layers.Dense(1)(inputs)])

        def call(self, x):
            return self.head(self.graph(self.block(x))[0])

    model = Own()
    model(data(2, 3))
    return printed(lambda: model.summary(expand_nested=True)), [w.path for w in model.weights]


@program
def results_with_one_name(k):
    class Own(k.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.tracked = k.layers.Dense(2), k.metrics.Mean(name="loss")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return k.ops.mean(k.ops.square(y_pred))

    model = Own()
    model(data(2, 3))
    set_weights(model).compile("sgd")
    return model.evaluate(data(8, 3), verbose=0), model.fit(data(8, 3), verbose=0).history


@program
def counting_layers(k):
    class Counting(k.layers.Layer):
        def build(self, input_shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x

    layer, x, y = Counting(), data(8, 3), data(8, 2)
    model = k.Sequential([k.Input((3,)), layer, k.layers.Dense(2)])
    model.compile("sgd", "mse")
    out = []
    for run in (model.predict, model.predict_on_batch, model.predict):
        run(x)
        out.append(float(layer.calls))
    for run in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        run(x, y)
        out.append(float(layer.calls))
    return out


@program
def names_of_slots_under_a_loss_scale(k):
    k.config.set_dtype_policy("mixed_float16")
    try:
        model = k.Sequential([k.Input((3,)), k.layers.Dense(2, name="head")])
    finally:
        k.config.set_dtype_policy("float32")
    model.compile(k.optimizers.Adam(), "mse")
    model.fit(data(8, 3), data(8, 2), verbose=0)
    return [v.path for v in model.optimizer.variables]


@program
def mistakes(k):
    class Own(k.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = k.layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    inputs = k.Input((3,))
    pair = k.Model(inputs, [k.layers.Dense(1)(inputs), k.layers.Dense(2)(inputs)])
    pair.compile("sgd", "mse")
    x = data(8, 3)
    return [
        raised(Own(2).get_config),
        raised(pair.fit, x, data(8, 1), verbose=0),
        raised(pair.evaluate, x, [data(8, 1)], verbose=0),
    ]


@program
def symbolic_booleans(k):
    symbol = k.KerasTensor((2, 4, 3), "bool")
    own = [k.layers.PReLU(), k.layers.MaxPooling1D(2), k.layers.AdaptiveMaxPooling1D(2)]
    return [layer(symbol).dtype for layer in own] + [k.layers.Subtract()([symbol, symbol]).dtype]


@pytest.mark.parametrize("name", PROGRAMS)
def test_gives_what_keras_gives(name):
    agree(PROGRAMS[name])

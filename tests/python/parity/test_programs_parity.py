"""Whole programs as users write them: histories, results, printed text must be those of Keras."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile

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


@program
def policies_by_path(k):
    policies = k.dtype_policies.DTypePolicyMap()
    policies["outer/inner"] = k.dtype_policies.DTypePolicy("bfloat16")
    policies["outer/heads/query"] = k.dtype_policies.DTypePolicy("mixed_bfloat16")

    class Outer(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = k.layers.Dense(3, dtype=self.dtype_policy, name="inner")
            self.heads = k.layers.MultiHeadAttention(1, 2, dtype=self.dtype_policy, name="heads")

        def call(self, x):
            return self.heads(x, self.inner(x))

    outer = Outer(name="outer", dtype=policies)
    outer(data(2, 4, 3))
    named = {
        layer.path: (layer.compute_dtype, layer.variable_dtype)
        for layer in outer._flatten_layers()
        if layer.weights
    }
    return named, outer.dtype_policy is policies


@program
def names_of_cloned_inputs(k):
    first, second = k.Input((3,)), k.Input((2,), name="second")
    model = k.Model([first, second], k.layers.Concatenate(name="join")([first, second]))
    return [layer.name for layer in k.models.clone_model(model).layers]


@program
def title_of_two_lines(k):
    first, second = k.Input((3,), name="first"), k.Input((2,), name="second")
    model = k.Model([first, second], k.layers.Concatenate(name="join")([first, second]))
    return printed(lambda: model.summary(line_length=60, positions=[0.3, 0.6, 0.8, 1.0]))


@program
def refusals(k):
    class Own(k.layers.Layer):
        def call(self, x):
            return x

    inputs = k.Input((3,))
    model = k.Model(inputs, {n: k.layers.Dense(1, name=n)(Own()(inputs)) for n in ("a", "b")})
    model.compile("sgd", {"a": "mse", "b": "mse"})
    x, y = data(4, 3), data(4, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.h5"
        model.save(path)
        unknown = raised(k.models.load_model, path, compile=False)
        known = k.models.load_model(path, custom_objects={"Own": Own}, compile=False).count_params()
    return [
        raised(model.fit, x, {"a": y}, verbose=0), unknown, known,
        raised(k.ops.scan, lambda carry, x: (carry, x), 0.0, [1.0, 2.0]),
    ]  # fmt: skip


@program
def hooks_and_whole_executions(k):
    x, y = data(20, 3), data(20, 2)
    out = []

    class Hooks(k.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            out.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            out.append(("end", batch))

    def batches(epochs):
        return ((x[i : i + 4], y[i : i + 4]) for _ in range(epochs) for i in range(0, 20, 4))

    for executions in (1, 2, 3):
        model = head(k)
        model.compile("sgd", "mse", steps_per_execution=executions)
        options = {"verbose": 0, "callbacks": [Hooks()]}
        out.append(model.fit(batches(1), **options).history)
        out.append(model.fit(batches(4), epochs=3, steps_per_epoch=5, **options).history)
        more = {"batch_size": 2, "shuffle": False, "steps_per_epoch": 5, "epochs": 4}
        out.append(model.fit(x, y, **more, **options).history)
        out.append(int(model.optimizer.iterations))
    return out


@program
def ends_of_epochs_that_datasets_are_told(k):
    class Batches(k.utils.PyDataset):
        ends = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return data(2, 3, seed=index + self.ends), data(2, 2, seed=index)

        def on_epoch_end(self):
            self.ends += 1

    model, batches, held = head(k), Batches(), Batches()
    model.compile("sgd", "mse")
    model.evaluate(held, verbose=0)
    history = model.fit(batches, epochs=2, shuffle=False, validation_data=held, verbose=0).history
    return history, model.predict(batches, verbose=0).shape, batches.ends, held.ends


@program
def tables_longer_than_the_terminal(k):
    first, second = k.Input((3,), name="first"), k.Input((2,), name="second")
    model = k.Model([first, second], k.layers.Concatenate(name="join")([first, second]))
    return printed(lambda: model.summary(line_length=110))


@program
def order_of_nested_layers(k):
    def layer(name, *inner):
        return k.Sequential([k.layers.Activation("relu"), *inner], name=name)

    model = layer("model", layer("first", layer("second")), layer("third"))
    return [found.name for found in model._flatten_layers()]


@program
def files_in_missing_folders(k):
    with tempfile.TemporaryDirectory() as folder:
        try:
            head(k).save(f"{folder}/missing/model.keras")
        except FileNotFoundError:
            return "FileNotFoundError"


@pytest.mark.parametrize("name", PROGRAMS)
def test_gives_what_keras_gives(name):
    agree(PROGRAMS[name])

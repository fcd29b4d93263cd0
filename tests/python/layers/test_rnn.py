"""Recurrent layers: against plain NumPy loops, states, wrappers, own cells, errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ranvier
from ranvier import GradientTape, layers, ops, serialization

rng = np.random.default_rng(2)
X = rng.normal(size=(3, 6, 4)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_step(layer, x, states):
    """One step by the formulas of the docstrings, in float64."""
    weights = [np.asarray(w, "float64") for w in layer.get_weights()]
    kernel, recurrent, bias = weights
    h = states[0]
    if isinstance(layer, layers.SimpleRNN):
        h = np.tanh(x @ kernel + bias + h @ recurrent)
        return [h]
    if isinstance(layer, layers.LSTM):
        i, f, g, o = np.split(x @ kernel + bias + h @ recurrent, 4, axis=-1)
        c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(c), c]
    n = layer.units
    if layer.reset_after:
        a, b = x @ kernel + bias[0], h @ recurrent + bias[1]
        z, r = sigmoid(a[:, :n] + b[:, :n]), sigmoid(a[:, n : 2 * n] + b[:, n : 2 * n])
        candidate = np.tanh(a[:, 2 * n :] + r * b[:, 2 * n :])
    else:
        a = x @ kernel + bias
        gates = sigmoid(a[:, : 2 * n] + h @ recurrent[:, : 2 * n])
        z, r = gates[:, :n], gates[:, n:]
        candidate = np.tanh(a[:, 2 * n :] + (r * h) @ recurrent[:, 2 * n :])
    return [z * h + (1 - z) * candidate]


def numpy_layer(layer, x, states, mask=None, backwards=False):
    outputs = []
    order = range(x.shape[1])
    for t in reversed(order) if backwards else order:
        new = numpy_step(layer, x[:, t].astype("float64"), states)
        if mask is not None:
            new = [np.where(mask[:, t, None], n, s) for n, s in zip(new, states)]
        states = new
        outputs.append(new[0])
    return np.stack(outputs, axis=1), states


KINDS = [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})]
ids = [f"{n}-{e}" for n, e in KINDS]


def make(name, units=5, **kwargs):
    layer = getattr(layers, name)(units, **kwargs)
    layer.build((None, None, 4))
    draw = np.random.default_rng(8)
    layer.set_weights([draw.normal(size=w.shape).astype("float32") * 0.5 for w in layer.weights])
    return layer


def zeros(layer, batch=3):
    return [np.zeros((batch, layer.units))] * len(layer.state_size)


@pytest.mark.parametrize("units", [5, 16, 33])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name,extra", KINDS, ids=ids)
def test_formulas(name, extra, masked, backwards, units):
    layer = make(name, units, return_sequences=True, return_state=True, go_backwards=backwards,
                 **extra)  # fmt: skip
    mask = rng.random((3, 6)) < 0.6 if masked else None
    states = [rng.normal(size=(3, units)) for _ in layer.state_size]
    expected, last = numpy_layer(layer, X, states, mask, backwards)
    got, *got_states = layer(X, initial_state=[s.astype("float32") for s in states], mask=mask)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-4, atol=1e-5)
    for a, b in zip(got_states, last):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name,extra", KINDS, ids=ids)
def test_every_output_has_its_gradient(name, extra, masked):
    """Against central differences of the NumPy loop, through sequence and states at once."""
    layer = make(name, return_sequences=True, return_state=True, **extra)
    mask = rng.random((3, 6)) < 0.6 if masked else None
    states = [rng.normal(size=(3, 5)).astype("float32") for _ in layer.state_size]
    factors = [rng.normal(size=(3, 6, 5))] + [rng.normal(size=(3, 5)) for _ in states]

    def numpy_loss():
        outputs, last = numpy_layer(layer, X, states, mask)
        return sum(np.sum(f * y) for f, y in zip(factors, [outputs, *last]))

    x, tensors = ops.convert_to_tensor(X), [ops.convert_to_tensor(s) for s in states]
    with GradientTape() as tape:
        for t in [x, *tensors]:
            tape.watch(t)
        outputs = layer(x, initial_state=tensors, mask=mask)
        loss = sum(ops.sum(ops.multiply(y, f.astype("float32"))) for f, y in zip(factors, outputs))
    variables = layer.trainable_weights
    grads = [np.asarray(g) for g in tape.gradient(loss, [*variables, x, *tensors])]
    arrays = [w.numpy().copy() for w in variables]
    step = 1e-2
    for index, (w, grad) in enumerate(zip(arrays, grads)):
        direction = rng.normal(size=w.shape).astype("float32")
        values = []
        for sign in (step, -step):
            variables[index].assign(w + sign * direction)
            values.append(numpy_loss())
        variables[index].assign(w)
        expected = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(np.sum(grad * direction), expected, rtol=5e-3, atol=5e-3)
    for which, grad in zip([X, *states], grads[len(arrays) :]):
        direction = rng.normal(size=which.shape).astype("float32")
        start, values = which.copy(), []
        for sign in (step, -step):
            which[...] = start + sign * direction
            values.append(numpy_loss())
        which[...] = start
        expected = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(np.sum(grad * direction), expected, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("name,extra", KINDS, ids=ids)
def test_unrolled_compiled_and_eager_agree(name, extra):
    looped = make(name, return_sequences=True, **extra)
    unrolled = make(name, return_sequences=True, unroll=True, **extra)
    expected = np.asarray(looped(X))
    np.testing.assert_allclose(np.asarray(unrolled(X)), expected, rtol=1e-5, atol=1e-6)
    compiled = ranvier.jit(lambda x: looped(x))
    np.testing.assert_allclose(np.asarray(compiled(X)), expected, rtol=1e-5, atol=1e-6)
    cell = layers.RNN(looped.cell, return_sequences=True)
    np.testing.assert_allclose(np.asarray(cell(X)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", None])
@pytest.mark.parametrize("name,extra", KINDS, ids=ids)
def test_kernel_and_cell_agree(name, extra, activation):
    """The kernel of a whole sequence against its cell, step by step, under both dropouts."""
    cell_class = getattr(layers, f"{name}Cell")
    own_class = type("Own", (cell_class,), {})  # a subclass runs step by step
    mask = ops.convert_to_tensor(rng.random((3, 6)) < 0.6)
    runs = []
    for cls in (cell_class, own_class):
        cell = cls(5, activation=activation, dropout=0.3, recurrent_dropout=0.4, seed=1, **extra)
        layer = layers.RNN(cell, return_sequences=True)
        layer.build(X.shape)
        draw = np.random.default_rng(8)
        layer.set_weights([draw.normal(size=w.shape).astype("float32") / 2 for w in layer.weights])
        x = ops.convert_to_tensor(X)
        with GradientTape() as tape:
            tape.watch(x)
            y = layer(x, mask=mask, training=True)
            loss = ops.sum(ops.sin(y))
        runs.append([y, *tape.gradient(loss, [x, *layer.trainable_weights])])
    for ours, expected in zip(*runs):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(expected), rtol=1e-4, atol=1e-5)


def test_activation_without_a_hash():
    class Twice:
        __hash__ = None

        def __call__(self, x):
            return ops.multiply(x, 2.0)

    layer = layers.LSTM(3, activation=Twice())
    doubled = layers.LSTM(3, activation=lambda x: x * 2.0)
    doubled.build(X.shape)
    layer.build(X.shape)
    doubled.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(layer(X)), np.asarray(doubled(X)))


@pytest.mark.parametrize("backwards", [False, True])
def test_stack_equals_layers_on_top_of_each_other(backwards):
    mask = rng.random((3, 6)) < 0.6
    options = {"return_sequences": True, "return_state": True}
    stack = layers.RNN([layers.LSTMCell(3), layers.GRUCell(4), layers.SimpleRNNCell(2)],
                       go_backwards=backwards, **options)  # fmt: skip
    looped = layers.RNN([type("Own", (type(c),), {})(c.units) for c in stack.cell.cells],
                        go_backwards=backwards, **options)  # fmt: skip
    stack(X)
    looped(X)
    looped.set_weights(stack.get_weights())
    for m in (None, mask):
        for a, b in zip(ranvier.tree.flatten(stack(X, mask=m)),
                        ranvier.tree.flatten(looped(X, mask=m))):  # fmt: skip
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize("name,extra", KINDS, ids=ids)
def test_other_dtypes(name, extra, dtype):
    layer = getattr(layers, name)(5, return_sequences=True, dtype=dtype, **extra)
    layer.build((None, None, 4))
    reference = make(name, return_sequences=True, **extra)
    layer.set_weights(reference.get_weights())
    for training in (False, True):
        y = layer(X, training=training)
        assert y.dtype == dtype.removeprefix("mixed_")
        tolerance = {"float64": 1e-6, "mixed_float16": 2e-2, "bfloat16": 6e-2}[dtype]
        got = np.asarray(ops.cast(y, "float32"))
        np.testing.assert_allclose(got, np.asarray(reference(X)), rtol=0, atol=tolerance)


def test_second_derivatives():
    layer = make("LSTM", 3)
    x = ops.convert_to_tensor(X)

    def slope(x):
        with GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(ops.square(layer(x)))
        return tape.gradient(y, [x])[0]

    with GradientTape() as outer:
        outer.watch(x)
        total = ops.sum(ops.multiply(slope(x), X))
    second = np.asarray(outer.gradient(total, [x])[0])
    step, direction = 1e-2, rng.normal(size=X.shape).astype("float32")
    up, down = (
        float(ops.sum(ops.multiply(slope(x + sign * direction), X))) for sign in (step, -step)
    )
    np.testing.assert_allclose(
        np.sum(second * direction), (up - down) / (2 * step), rtol=2e-2, atol=1e-3
    )


def test_stateful_goes_on_where_it_stopped():
    whole = make("LSTM", return_sequences=True)
    parts = layers.LSTM(5, return_sequences=True, stateful=True)
    parts.build((3, 3, 4))
    parts.set_weights(whole.get_weights())
    joined = np.concatenate([np.asarray(parts(X[:, :3])), np.asarray(parts(X[:, 3:]))], axis=1)
    np.testing.assert_allclose(joined, np.asarray(whole(X)), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="batch size"):
        parts(X[:2, :3])


def test_stateful_in_predict_and_fit():
    model = ranvier.Sequential([layers.Input(batch_shape=(4, 3, 2)), layers.GRU(3, stateful=True)])
    x = rng.normal(size=(8, 3, 2)).astype("float32")
    states = model.layers[0].states
    model.predict(x, batch_size=4, verbose=0)
    after = states[0].numpy().copy()
    assert np.any(after)
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((8, 3), "float32"), batch_size=4, verbose=0, shuffle=False)
    assert not np.array_equal(states[0].numpy(), after)
    model.layers[0].reset_state()
    assert not np.any(states[0].numpy())


class MinimalCell(layers.Layer):
    """A cell with a state of its own shape and one that counts."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, 1]
        self.output_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def call(self, inputs, states):
        h = ops.matmul(inputs, self.kernel) + states[0]
        return h, [h, states[1] + 1]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_own_cell():
    layer = layers.RNN(MinimalCell(2), return_sequences=True, return_state=True)
    y, h, count = layer(X)
    expected = np.cumsum(X @ layer.cell.kernel.numpy(), axis=1)
    np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(count), np.full((3, 1), 6.0))
    text = json.dumps(serialization.serialize_keras_object(layer))
    again = serialization.deserialize_keras_object(
        json.loads(text), custom_objects={"MinimalCell": MinimalCell}
    )
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(again(X)[0]), np.asarray(y))
    symbolic = layers.RNN(MinimalCell(2), return_state=True)(layers.Input((None, 4)))
    assert [t.shape for t in symbolic] == [(None, 2), (None, 2), (None, 1)]


def test_dropout_masks_are_shared_by_all_steps():
    """With a kernel of ones and no memory, every step drops the same inputs."""
    layer = layers.SimpleRNN(4, activation=None, dropout=0.5, seed=3, return_sequences=True)
    layer.build((None, None, 4))
    layer.set_weights([np.eye(4), np.zeros((4, 4)), np.zeros(4)])
    y = np.asarray(layer(np.ones((2, 5, 4), "float32"), training=True))
    assert set(np.unique(y)) <= {0.0, 2.0}
    assert np.any(y == 0)
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    quiet = layer(np.ones((2, 5, 4), "float32"))
    np.testing.assert_array_equal(np.asarray(quiet), np.ones((2, 5, 4)))


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_dropout_trains(name):
    model = ranvier.Sequential([
        layers.Input((6, 4)),
        getattr(layers, name)(5, dropout=0.2, recurrent_dropout=0.2, return_sequences=True, seed=1),
        getattr(layers, name)(5, dropout=0.2, seed=1),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile(ranvier.optimizers.Adam(0.02), "mse")
    x = rng.normal(size=(64, 6, 4)).astype("float32")
    y = x[:, -1, :1]
    losses = model.fit(x, y, epochs=25, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_masks_reach_the_next_layer():
    inputs = layers.Input((None,), dtype="int32")
    x = layers.Embedding(10, 3, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    outputs = layers.GRU(3)(x)
    model = ranvier.Model(inputs, outputs)
    long = np.array([[3, 4, 0, 0, 0], [5, 6, 7, 0, 0]])
    short = np.array([[3, 4, 0], [5, 6, 7]])
    np.testing.assert_allclose(model.predict(long, verbose=0), model.predict(short, verbose=0),
                               rtol=1e-5, atol=1e-6)  # fmt: skip


def test_time_distributed_draws_anew_in_each_step():
    layer = layers.TimeDistributed(layers.Dropout(0.5, seed=1))
    y = np.asarray(layer(np.ones((2, 20, 8), "float32"), training=True))
    assert not np.array_equal(y[:, 0], y[:, 1])


@pytest.mark.parametrize(
    "build,message",
    [
        (lambda: layers.LSTM(0), "units"),
        (lambda: layers.GRU(3, use_cudnn="yes"), "use_cudnn"),
        (lambda: layers.RNN(object()), "call"),
        (lambda: layers.StackedRNNCells([object()]), "call"),
        (lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="best"), "merge mode"),
        (lambda: layers.Bidirectional("lstm"), "Layer"),
        (lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)), "backwards"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(np.ones((2, 3), "float32")), "3"),
        (lambda: layers.LSTM(2)(np.ones((2, 3), "float32")), "ndim"),
        (lambda: layers.LSTM(2, stateful=True)(layers.Input((4, 3))), "stateful"),
        (lambda: layers.ConvLSTM2D(2, 3)(layers.Input((3, None, 5, 1))), "spatial"),
        (lambda: layers.ConvLSTM1D(2, 3, strides=2, dilation_rate=2), "dilation_rate"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()

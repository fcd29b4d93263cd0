"""Recurrent layers against Keras: masks, states, directions, wrappers, cells, files, training."""

from __future__ import annotations

import json

import numpy as np
import pytest
from keras_reference import close, keras

import ranvier
from ranvier import layers, serialization

pytestmark = pytest.mark.filterwarnings("ignore")
rng = np.random.default_rng(11)
X = rng.normal(size=(3, 6, 4)).astype("float32")
RIGHT = np.arange(6) < np.array([[6], [3], [1]])
GENERAL = rng.random((3, 6)) < 0.6
GENERAL[0, 0] = GENERAL[1, 5] = False


def same_weights(ours, theirs):
    draw = np.random.default_rng(3)
    assert [tuple(v.shape) for v in ours.weights] == [tuple(v.shape) for v in theirs.weights]
    assert [v.path for v in ours.weights] == [v.path for v in theirs.weights]
    weights = [draw.normal(size=v.shape).astype("float32") * 0.5 for v in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)


def pair(name, *args, **kwargs):
    return (getattr(layers, name)(*args, **kwargs, name="same"),
            getattr(keras.layers, name)(*args, **kwargs, name="same"))  # fmt: skip


def all_close(a, b, **kwargs):
    a = ranvier.tree.flatten(a)
    b = keras.tree.flatten(b)
    assert len(a) == len(b)
    for x, y in zip(a, b):
        close(x, y, rtol=2e-4, atol=2e-5, **kwargs)


FAMILIES = [
    ("SimpleRNN", {}),
    ("LSTM", {}),
    ("GRU", {}),
    ("GRU", {"reset_after": False}),
    ("LSTM", {"activation": "relu", "recurrent_activation": "tanh"}),
    ("LSTM", {"activation": "relu"}),
    ("GRU", {"activation": "sigmoid"}),
    ("GRU", {"activation": None, "reset_after": False}),
]
VARIANTS = [
    {"return_sequences": True, "return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"return_sequences": True, "return_state": True, "unroll": True},
    {"return_sequences": True, "zero_output_for_mask": True},
    {"return_state": True, "zero_output_for_mask": True, "go_backwards": True},
    {"go_backwards": True, "unroll": True, "use_bias": False},
]


# Each family meets each variant, each with one of the masks.
CASES = [(i, j, (i + j) % 3) for i in range(len(FAMILIES)) for j in range(len(VARIANTS))]


@pytest.mark.parametrize("family,variant,mask", CASES)
def test_masks_and_variants(family, variant, mask):
    (name, extra), variant = FAMILIES[family], VARIANTS[variant]
    mask = [GENERAL, None, RIGHT][mask]
    ours, theirs = pair(name, 5, **extra, **variant)
    ours(X)
    theirs(X)
    same_weights(ours, theirs)
    states = [rng.normal(size=(3, 5)).astype("float32") for _ in range(1 + (name == "LSTM"))]
    all_close(ours(X, mask=mask), theirs(X, mask=mask))
    all_close(ours(X, initial_state=states, mask=mask), theirs(X, initial_state=states, mask=mask))


@pytest.mark.parametrize("name,extra", FAMILIES, ids=[f"{n}-{e}" for n, e in FAMILIES])
def test_stateful(name, extra):
    ours, theirs = pair(name, 5, stateful=True, **extra)
    ours(X)
    theirs(X)
    same_weights(ours, theirs)
    ours.reset_state()
    theirs.reset_state()
    for _ in range(3):
        all_close(ours(X), theirs(X))
    all_close(ours.states, theirs.states)
    ours.reset_states()
    assert all(np.all(v.numpy() == 0) for v in ours.states)


@pytest.mark.parametrize(
    "merge,sequences,state",
    [("concat", True, False), ("sum", False, False), ("mul", True, True), ("ave", False, True),
     (None, True, True), (None, False, False)],
)  # fmt: skip
def test_bidirectional(merge, sequences, state):
    def make(module):
        inner = module.GRU(4, return_sequences=sequences, return_state=state, name="gru")
        return module.Bidirectional(inner, merge_mode=merge, name="same")

    ours, theirs = make(layers), make(keras.layers)
    ours(X)
    theirs(X)
    same_weights(ours, theirs)
    for mask in (None, RIGHT):
        all_close(ours(X, mask=mask), theirs(X, mask=mask))
    a, b = ours(ranvier.Input((6, 4))), theirs(keras.Input((6, 4)))
    shapes = [x.shape for x in ranvier.tree.flatten(a)]
    assert shapes == [tuple(x.shape) for x in keras.tree.flatten(b)]
    real = keras.saving.serialize_keras_object(theirs)
    mine = serialization.serialize_keras_object(ours)
    assert ranvier.tree.lists_to_tuples(mine) == ranvier.tree.lists_to_tuples(real)


def test_stack_of_cells():
    def make(module):
        cells = [module.LSTMCell(3, name="a"), module.GRUCell(4, name="b"),
                 module.SimpleRNNCell(2, name="c")]  # fmt: skip
        return module.RNN(cells, return_sequences=True, return_state=True, name="same")

    ours, theirs = make(layers), make(keras.layers)
    ours(X)
    theirs(X)
    same_weights(ours, theirs)
    all_close(ours(X), theirs(X))
    all_close(ours(X, mask=RIGHT), theirs(X, mask=RIGHT))
    real = keras.saving.serialize_keras_object(theirs)
    mine = serialization.serialize_keras_object(ours)
    assert ranvier.tree.lists_to_tuples(mine) == ranvier.tree.lists_to_tuples(real)
    again = serialization.deserialize_keras_object(json.loads(json.dumps(mine)))
    again.set_weights(ours.get_weights())
    all_close(again(X), ours(X))


@pytest.mark.parametrize("name", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("implementation", [1, 2])
def test_single_cells(name, implementation):
    extra = {} if name == "SimpleRNNCell" else {"implementation": implementation}
    ours, theirs = pair(name, 5, **extra)
    states = [rng.normal(size=(3, 5)).astype("float32") for _ in range(1 + (name == "LSTMCell"))]
    ours(X[:, 0], states)
    theirs(X[:, 0], states)
    same_weights(ours, theirs)
    all_close(ours(X[:, 0], states), theirs(X[:, 0], states))
    all_close(ours.get_initial_state(3), theirs.get_initial_state(3))
    mine, real = ours.get_config(), theirs.get_config()
    assert ranvier.tree.lists_to_tuples(mine) == ranvier.tree.lists_to_tuples(real)


@pytest.mark.parametrize("name,extra", FAMILIES, ids=[f"{n}-{e}" for n, e in FAMILIES])
def test_dropout_masks_where_keras_has_them(name, extra):
    ours, theirs = pair(name, 5, dropout=0.5, recurrent_dropout=0.5, return_sequences=True, **extra)
    ours(X)
    theirs(X)
    same_weights(ours, theirs)
    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[name]
    of_x, of_h = ([2.0 * (rng.random((3, width)) < 0.5).astype("float32") for _ in range(gates)]
                  for width in (4, 5))  # fmt: skip
    for cell in (ours.cell, theirs.cell):
        cell.get_dropout_mask = lambda _: of_x if gates > 1 else of_x[0]
        cell.get_recurrent_dropout_mask = lambda _: of_h if gates > 1 else of_h[0]
    all_close(ours(X, training=True), theirs(X, training=True))


def test_dropout_of_one_changes_nothing_random():
    """With a rate of 0 < rate < 1 the masks are random; their mean effect is one."""
    layer = layers.LSTM(4, dropout=0.5, recurrent_dropout=0.3, seed=1)
    x = np.ones((2, 3, 4), "float32")
    quiet = np.asarray(layer(x))
    np.testing.assert_array_equal(quiet, np.asarray(layer(x, training=False)))
    first, second = np.asarray(layer(x, training=True)), np.asarray(layer(x, training=True))
    assert not np.array_equal(first, quiet)
    assert not np.array_equal(first, second)


def test_time_distributed():
    x = rng.normal(size=(2, 3, 6, 6, 2)).astype("float32")
    for make in (
        lambda m: m.Conv2D(3, 3, name="inner"),
        lambda m: m.BatchNormalization(name="inner"),
        lambda m: m.Flatten(name="inner"),
        lambda m: m.Dropout(0.0, name="inner"),
    ):
        ours = layers.TimeDistributed(make(layers), name="same")
        theirs = keras.layers.TimeDistributed(make(keras.layers), name="same")
        ours(x)
        theirs(x)
        same_weights(ours, theirs)
        if ours.weights:
            positive = [np.abs(w) for w in ours.get_weights()]
            ours.set_weights(positive)
            theirs.set_weights(positive)
        all_close(ours(x), theirs(x))
        all_close(ours(x, training=True), theirs(x, training=True))
        for v, w in zip(ours.weights, theirs.weights):
            close(v.numpy(), np.asarray(w), rtol=1e-4, atol=1e-5)
        assert ours.compute_output_shape(x.shape) == tuple(theirs.compute_output_shape(x.shape))


def test_time_distributed_hands_masks_to_the_layer():
    x = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    mask = rng.random((2, 3, 5)) < 0.7
    ours = layers.TimeDistributed(layers.LSTM(3, name="inner"), name="same")
    theirs = keras.layers.TimeDistributed(keras.layers.LSTM(3, name="inner"), name="same")
    ours(x)
    theirs(x)
    same_weights(ours, theirs)
    all_close(ours(x, mask=mask), theirs(x, mask=mask))


def seq2seq(module, model):
    encoder_in = module.Input((None, 4), name="encoder_in")
    decoder_in = module.Input((None, 3), name="decoder_in")
    x = module.layers.Masking(name="masking")(encoder_in)
    x = module.layers.Bidirectional(
        module.layers.LSTM(4, return_sequences=True, name="first"), name="both"
    )(x)
    _, h, c = module.layers.LSTM(5, return_state=True, name="encoder")(x)
    y = module.layers.LSTM(5, return_sequences=True, name="decoder")(
        decoder_in, initial_state=[h, c]
    )
    y = module.layers.GRU(4, return_sequences=True, dropout=0.0, name="gru")(y)
    out = module.layers.TimeDistributed(module.layers.Dense(2, name="dense"), name="out")(y)
    return model([encoder_in, decoder_in], out)


def data():
    draw = np.random.default_rng(5)
    a = draw.normal(size=(32, 7, 4)).astype("float32")
    a[:, 5:] *= draw.random((32, 1, 1)) < 0.5
    b = draw.normal(size=(32, 6, 3)).astype("float32")
    y = draw.normal(size=(32, 6, 2)).astype("float32")
    return [a, b], y


def test_seq2seq_trains_as_keras_does():
    ours, theirs = seq2seq(ranvier, ranvier.Model), seq2seq(keras, keras.Model)
    same_weights(ours, theirs)
    x, y = data()
    all_close(ours.predict(x, verbose=0), theirs.predict(x, verbose=0))
    for model, module in ((ours, ranvier), (theirs, keras)):
        model.compile(module.optimizers.Adam(0.01), "mse")
    options = {"epochs": 5, "batch_size": 8, "shuffle": False, "verbose": 0}
    a, b = ours.fit(x, y, **options), theirs.fit(x, y, **options)
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=2e-3)
    for v, w in zip(ours.weights, theirs.weights):
        np.testing.assert_allclose(v.numpy(), np.asarray(w), rtol=2e-2, atol=2e-3)


def test_files_both_ways(tmp_path):
    pytest.importorskip("h5py")
    ours, theirs = seq2seq(ranvier, ranvier.Model), seq2seq(keras, keras.Model)
    x, _ = data()
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    loaded = ranvier.saving.load_model(tmp_path / "theirs.keras")
    all_close(loaded.predict(x, verbose=0), theirs.predict(x, verbose=0))
    back = keras.saving.load_model(tmp_path / "ours.keras")
    all_close(ours.predict(x, verbose=0), back.predict(x, verbose=0))


@pytest.mark.parametrize("mode", ["return_state", "stateful"])
def test_conv_lstm(mode):
    x = rng.normal(size=(2, 3, 7, 6, 2)).astype("float32")
    kwargs = {mode: True, "filters": 3, "kernel_size": 3, "padding": "same"}
    ours, theirs = pair("ConvLSTM2D", **kwargs)
    ours(x)
    theirs(x)
    same_weights(ours, theirs)
    if mode == "stateful":
        ours.reset_state()
        theirs.reset_state()
    for _ in range(2):
        all_close(ours(x), theirs(x))
    shape = ours.compute_output_shape(x.shape)
    assert ranvier.tree.lists_to_tuples(shape) == theirs.compute_output_shape(x.shape)


def spiking(module):
    """Leaky neurons whose spikes have the gradient of a smooth step, as spiking networks train."""
    ops = module.ops

    @ops.custom_gradient
    def spike(x):
        def rule(*args, upstream=None):
            return (args[0] if upstream is None else upstream) / (1 + 10 * ops.abs(x)) ** 2

        return ops.cast(x > 0, x.dtype), rule

    class Leaky(module.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.state_size = (units, units)

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

        def call(self, x, states):
            voltage, spikes = states
            voltage = 0.9 * voltage * (1 - spikes) + ops.matmul(x, self.kernel)
            spikes = spike(voltage - 0.5)
            return spikes, [voltage, spikes]

    inputs = module.Input((6, 4))
    x = module.layers.RNN(Leaky(12, name="leaky"), return_sequences=True, name="rnn")(inputs)
    x = module.layers.GlobalAveragePooling1D()(x)
    return module.Model(inputs, module.layers.Dense(2, name="out")(x))


def test_spiking_networks_train_as_keras_does():
    ours, theirs = spiking(ranvier), spiking(keras)
    same_weights(ours, theirs)
    y = np.random.default_rng(5).random((3, 2)).astype("float32")
    losses = []
    for module, model in ((ranvier, ours), (keras, theirs)):
        model.compile(module.optimizers.SGD(0.3), "mse")
        losses.append(model.fit(X, y, epochs=4, batch_size=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)

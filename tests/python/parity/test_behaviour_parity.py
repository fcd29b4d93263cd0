"""Small programs that must do in Ranvier exactly what they do in Keras: states, masks, errors."""

from __future__ import annotations

import numpy as np
import pytest
from keras_reference import agree, raised

pytestmark = pytest.mark.filterwarnings("ignore")
CASES = {}


def case(function):
    """Adds a program: it takes the package and returns plain values and arrays."""
    CASES[function.__name__] = function
    return function


@case
def frozen_when_made(k):
    layer = k.layers.Dense(2, trainable=False)
    x = k.Input((1,))
    model = k.Model(x, layer(x))
    flags = [v.trainable for v in layer.weights]
    before = len(layer.trainable_weights), len(model.trainable_weights), flags
    layer.trainable = True
    return before, len(model.trainable_weights), raised(k.layers.Dense, 2, trainable="yes")


@case
def frozen_sublayer(k):
    class Block(k.layers.Layer):
        def __init__(self):
            super().__init__()
            self.body, self.head = k.layers.Dense(2), k.layers.Dense(2, trainable=False)

        def call(self, x):
            return self.head(self.body(x))

    model = k.Sequential([Block()])
    model.build((None, 3))
    return len(model.trainable_weights), len(model.non_trainable_weights)


@case
def merged_masks(k):
    masking, layers = k.layers.Masking(), k.layers
    a = masking(np.array([[[0, 0], [1, 2], [0, 0], [3, -4]]], "float32"))
    raw = np.array([[[0, 0], [0, 0], [-1, 2], [3, 4]]], "float32")
    out = {}
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        for masked in (False, True):
            y = getattr(layers, name)()([a, masking(raw) if masked else raw])
            mask = getattr(y, "_keras_mask", None)
            out[f"{name} {masked}"] = y, None if mask is None else np.asarray(mask)
    for axis in (1, 2):
        out[f"Concatenate {axis}"] = layers.Concatenate(axis=axis)([a, raw])._keras_mask
    return out


@case
def merge_mask_errors(k):
    a, b = k.Input((4, 5)), k.Input((4, 5))
    layer = k.layers.Add()
    return [raised(layer.compute_mask, *given) for given in (
        ([a, b], np.ones((2, 4))), (a, [None, None]), ([a, b], [None]),
    )]  # fmt: skip


@case
def argument_errors(k):
    layers = k.layers
    return [
        raised(layers.Dropout, 0.5, noise_shape="x"),
        raised(layers.Dropout, 0.5, noise_shape=(2, 1.5)),
        raised(layers.Dropout, 0.5, noise_shape=(2, 0)),
        raised(layers.Reshape, (-2, 5)),
        raised(layers.Reshape, (-1, -1)),
        raised(layers.ZeroPadding1D, (1,)),
        raised(layers.ZeroPadding1D, "1"),
        raised(layers.ZeroPadding2D, (1, 2, 3)),
        raised(layers.Cropping2D, -1),
        raised(layers.UpSampling1D, 0),
        raised(layers.UpSampling1D, (2,)),
        raised(layers.ReLU, negative_slope=None),
        raised(layers.Conv2D, 2, (1, 0)),
    ]


@case
def shapes_of_static_targets(k):
    return [
        tuple(k.layers.Reshape((3, 5))(k.Input(batch_shape=(2, None))).shape),
        tuple(k.layers.Reshape((-1, 5))(k.Input(batch_shape=(2, None, 5))).shape),
        tuple(k.layers.Reshape((-1, 5))(k.Input(batch_shape=(2, 4, 5))).shape),
    ]


@case
def subclass_with_own_build(k):
    out = []
    for base in (k.layers.ReLU, k.layers.Dropout, k.layers.MaxPooling1D, k.layers.Masking):

        class Own(base):
            def build(self, input_shape):
                self.factor = self.add_weight(shape=(), initializer="ones")

        arguments = {"rate": 0.5} if base is k.layers.Dropout else {}
        layer = Own(**arguments)
        before = layer.built, base(**arguments).built
        layer(np.ones((1, 4, 2), "float32"))
        out.append([before, len(layer.weights)])
    return out


@case
def specs_in_mixed_precision(k):
    layers = k.layers
    x = k.KerasTensor((2, 6, 4), dtype="float16")
    made = [layers.Dense(3), layers.Conv1D(2, 3), layers.PReLU(), layers.LayerNormalization()]
    out = []
    for layer in made:
        layer = type(layer).from_config({**layer.get_config(), "dtype": "mixed_float16"})
        layer(np.ones((2, 6, 4), "float32"))
        out.append(layer.compute_output_spec(x).dtype)
    return out


@case
def einsum_bias_before_dots(k):
    layer = k.layers.EinsumDense("bc...,cde->bde...", output_shape=(3, 4), bias_axes="d")
    return tuple(layer(np.ones((2, 1, 2), "float32")).shape), tuple(layer.bias.shape)


@case
def build_signatures(k):
    class Attention(k.layers.Layer):
        def build(self, inputs_shape, attention_mask_shape=None):
            self.seen = attention_mask_shape

        def call(self, inputs, attention_mask=None):
            return inputs

    class NoSuffix(k.layers.Layer):
        def build(self, foo_shape, bar):
            pass

        def call(self, foo, bar):
            return foo

    class Unknown(k.layers.Layer):
        def build(self, foo_shape, baz_shape):
            pass

        def call(self, foo, bar):
            return foo

    x = np.ones((2, 3), "float32")
    layer = Attention()
    layer(x, attention_mask=np.ones((2, 1), "float32"))
    return tuple(layer.seen), raised(NoSuffix(), x, x), raised(Unknown(), x, x)


@case
def chain_after_a_model_with_input(k):
    first = k.Sequential([k.Input((6, 6, 3)), k.layers.Conv2D(4, 3)])
    chain = k.Sequential([first, k.layers.Flatten(), k.layers.Dense(1)])
    return chain.built, [layer.built for layer in chain.layers], tuple(chain.output_shape)


@case
def structures_after_a_round_trip(k):
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    out = []
    for outputs in ((a + b, a), [a + b, a], {"p": a, "q": (a, b)}):
        model = k.Model((a, b), outputs)
        again = type(model).from_config(model.get_config())
        out.append([k.tree.map_structure(lambda x: 0, v) for v in (again.input, again.output)])
    return [[str(v) for v in pair] for pair in out]


@case
def graph_errors(k):
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    model = k.Model({"b": b, "a": a}, a + b)
    x = np.ones((1, 3), "float32")

    class Two(k.layers.Layer):
        def call(self, first, second):
            return first

    entries = [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"batch_shape": (None, 3), "name": "i"}},
        {"class_name": "Dense", "name": "d", "config": {"units": 2, "name": "d"},
         "inbound_nodes": [[["e", 0, 0, {}]]]},
    ]  # fmt: skip
    loop = {"name": "m", "layers": entries, "input_layers": [["i", 0, 0]],
            "output_layers": [["d", 0, 0]]}  # fmt: skip
    return [
        raised(model, [x, x]),
        raised(model, {"a": x, "b": None}),
        raised(k.Model, a, {"first": a * 2, "second": b * 3}),
        raised(k.models.clone_model, model, input_tensors=(a, b)),
        raised(k.Sequential([Two()]).build, (None, 3)),
        raised(k.Model.from_config, loop),
    ]


@case
def configs_that_are_refused(k):
    read = k.saving.deserialize_keras_object
    dense = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 1}}
    return [
        raised(read, {"class_name": "Dense", "config": [1, 2]}),
        raised(read, {"class_name": "function", "config": ["a", "b"]}),
        raised(read, {**dense, "registered_name": "builtins.eval"}),
        raised(read, {"class_name": "Sequential", "module": "keras", "config": {"layers": []}}),
        type(read({**dense, "registered_name": ""})).__name__,
        raised(k.saving.load_model, "model.pkl"),
        raised(k.saving.load_model, "missing.keras"),
    ]


@case
def batches_without_a_count(k):
    class Endless(k.utils.PyDataset):
        def __getitem__(self, index):
            return index * 2

    return [value for value, _ in zip(Endless(), range(4))]


@case
def unrolled_over_unknown_steps(k):
    x = k.Input((None, 3))
    layers = [k.layers.SimpleRNN(2, unroll=True), k.layers.LSTM(2, unroll=True)]
    shapes = [tuple(layer(x).shape) for layer in layers]
    short = layers[1](np.ones((1, 2, 3), "float32")), layers[1](np.ones((1, 5, 3), "float32"))
    return shapes, [tuple(y.shape) for y in short]


@case
def inputs_of_other_kinds(k):
    return raised(k.Input, (2,), ragged=True), k.Input((2,), sparse=True).sparse


@case
def output_shapes_that_nobody_can_tell(k):
    class Block(k.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.body = k.layers.Dense(units)

        def call(self, x):
            return self.body(x)

    shapes = [layer.compute_output_shape for layer in (k.layers.Layer(), Block(3))]
    return [raised(shape, (2, 3)) for shape in shapes]


@case
def arguments_handed_down(k):
    class Inner(k.layers.Layer):
        def __init__(self):
            super().__init__()
            self._register_call_context_args("mode")

        def call(self, x, mode=None):
            return x + (1.0 if mode else 0.0)

    class Deaf(k.layers.Layer):
        def call(self, x, mode=None):
            return x + (1.0 if mode else 0.0)

    class Outer(k.layers.Layer):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    x = np.zeros((1, 1), "float32")
    out = []
    for inner in (Inner(), Deaf()):
        outer = Outer(Outer(inner))
        outer._register_call_context_args("mode")
        out += [outer(x, mode=True), outer(x), raised(inner._register_call_context_args, "late")]
    chain = k.Sequential([k.Input((1,)), Outer(Inner())])
    return [*out, sorted(chain._call_context_args)]


@case
def policies_of_subclasses(k):
    seen = []

    class Own(k.layers.Dense):
        def __init__(self, *args, **kwargs):
            seen.append(type(kwargs["dtype"]).__name__)
            super().__init__(*args, **kwargs)

    for dtype in ("bfloat16", "int8_from_float32"):
        Own.from_config(k.layers.Dense(2, dtype=dtype).get_config())
    return seen


@case
def weights_given_to_a_normalization(k):
    x = np.arange(12, dtype="float32").reshape(4, 3) ** 2
    adapted, given = k.layers.Normalization(), k.layers.Normalization()
    adapted.adapt(x)
    given.build((None, 3))
    given.set_weights(adapted.get_weights())
    given.finalize_state()
    return adapted(x), given(x), given.mean, given.variance


@pytest.mark.parametrize("name", CASES)
def test_does_what_keras_does(name):
    agree(CASES[name])

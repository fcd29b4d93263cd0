"""The models of the rows in Keras code, written once; each takes the package that speaks Keras.

`keras` is Ranvier or real Keras: what is measured is the same code. `DATA` has what the models are
fitted on, the same for the libraries that do not speak Keras.
"""

from __future__ import annotations

import functools

import numpy as np

from benchmarks.courses import COURSES
from benchmarks.networks import NETWORKS, NORM_EPSILON

# The transformer block: batch, time, width, heads, inner width.
BLOCK = (16, 128, 256, 8, 1024)
WORDS, WIDTH, NEGATIVES = 20_000, 128, 5


def random(*shape, seed=0):
    """Uniform float32 data."""
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def labels(count, classes=10, seed=1):
    """Random class numbers."""
    return np.random.default_rng(seed).integers(0, classes, count).astype("int32")


def skip_grams(count):
    """Ids (count, 2 + NEGATIVES) of word, context and negatives, small ones more often; labels."""
    draws = np.random.default_rng(2).random((count, 2 + NEGATIVES))
    ids = (WORDS**draws - 1).astype("int32")
    return ids, np.tile(np.eye(1, 1 + NEGATIVES, dtype="float32"), (count, 1))


def dense(keras):
    """One unit on eight features."""
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return model


def mlp(keras):
    """784-200-10 with sigmoid and softmax."""
    model = keras.Sequential([
        keras.layers.Input((784,)),
        keras.layers.Dense(200, activation="sigmoid"),
        keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    return model


def cnn(keras):
    """The MNIST CNN."""
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Dropout(0.25), layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def recurrent(keras, layer):
    """One recurrent layer and a classifier."""
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((100, 32)), getattr(layers, layer)(128), layers.Dense(10, activation="softmax")
    ])  # fmt: skip
    model.compile(keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    return model


def skip_gram(keras, optimizer):
    """Scores of word and context vectors from one table."""
    ids = keras.Input((2 + NEGATIVES,), dtype="int32")
    vectors = keras.layers.Embedding(WORDS, WIDTH)(ids)
    scores = keras.ops.sum(vectors[:, :1] * vectors[:, 1:], axis=-1)
    model = keras.Model(ids, scores)
    chosen = keras.optimizers.SGD(0.1) if optimizer == "sgd" else optimizer
    model.compile(chosen, keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def transformer(keras):
    """One encoder block: attention and a wide layer, each added to its input and normalized."""
    _, time, width, heads, inner = BLOCK
    layers = keras.layers
    inputs = keras.Input((time, width))
    attended = layers.MultiHeadAttention(heads, width // heads)(inputs, inputs)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([inputs, attended]))
    wide = layers.Dense(inner, activation="gelu")(x)
    x = layers.Add()([x, layers.Dense(width)(wide)])
    model = keras.Model(inputs, layers.LayerNormalization(epsilon=1e-6)(x))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    return model


def wide(keras, policy="float32"):
    """1024-4096-4096-10, whose time is that of its products; under a policy of dtypes."""
    layers, before = keras.layers, keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    model = keras.Sequential([
        layers.Input((1024,)),
        layers.Dense(4096, activation="relu"), layers.Dense(4096, activation="relu"),
        layers.Dense(10, dtype="float32"),
    ])  # fmt: skip
    keras.config.set_dtype_policy(before)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    return model


class KerasLayers:
    """The layers of `benchmarks.networks` in Keras."""

    def __init__(self, keras):
        self._layers = keras.layers

    def _padded(self, x, kernel, stride):
        """Input and padding mode; "same" would pad a strided window on one side more."""
        if kernel == 1 or stride == 1:
            return x, "same"
        pad = (kernel - 1) // 2
        return (self._layers.ZeroPadding2D(pad)(x) if pad else x), "valid"

    def conv(self, x, filters, kernel, stride=1, bias=False):
        x, padding = self._padded(x, kernel, stride)
        return self._layers.Conv2D(filters, kernel, stride, padding, use_bias=bias)(x)

    def depthwise(self, x, kernel, stride=1):
        x, padding = self._padded(x, kernel, stride)
        return self._layers.DepthwiseConv2D(kernel, stride, padding, use_bias=False)(x)

    def norm(self, x):
        return self._layers.BatchNormalization(epsilon=NORM_EPSILON)(x)

    def relu(self, x, limit=None):
        return self._layers.ReLU(limit)(x)

    def max_pool(self, x, size, stride):
        x, padding = self._padded(x, size, stride)
        return self._layers.MaxPooling2D(size, stride, padding)(x)

    def add(self, x, y):
        return self._layers.Add()([x, y])

    def mean(self, x):
        return self._layers.GlobalAveragePooling2D()(x)

    def flatten(self, x):
        return self._layers.Flatten()(x)

    def dense(self, x, units):
        return self._layers.Dense(units)(x)


def network(keras, name, size=None):
    """A network of `benchmarks.networks`, for images of its own or another size."""
    describe, usual = NETWORKS[name]
    inputs = keras.Input((size or usual, size or usual, 3))
    model = keras.Model(inputs, describe(KerasLayers(keras), inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    return model


MODELS = {
    "dense": dense,
    "mlp": mlp,
    "cnn": cnn,
    "lstm": functools.partial(recurrent, layer="LSTM"),
    "gru": functools.partial(recurrent, layer="GRU"),
    "skip_gram_sgd": functools.partial(skip_gram, optimizer="sgd"),
    "skip_gram_adam": functools.partial(skip_gram, optimizer="adam"),
    "transformer": transformer,
    "wide": wide,
    "wide_bfloat16": functools.partial(wide, policy="mixed_bfloat16"),
    **{name: functools.partial(network, name=name) for name in NETWORKS},
    **{name: course.compiled for name, course in COURSES.items()},
}


def _images(batches, size, channels=3, classes=10):
    return lambda n: (random(batches * n, size, size, channels), labels(batches * n, classes))


def _wide(n):
    return random(4 * n, 1024), labels(4 * n)


def _blocks(n, seed=0):
    return random(4 * n, *BLOCK[1:3], seed=seed)


# Model -> function of the batch size that gives the inputs and targets of some batches.
DATA = {
    "dense": lambda n: (random(2000 * n, 8), random(2000 * n, 1)),
    "mlp": lambda n: (random(64 * n, 784), np.eye(10, dtype=np.float32)[labels(64 * n)]),
    "cnn": _images(4, 28, 1),
    "lstm": lambda n: (random(8 * n, 100, 32), labels(8 * n)),
    "gru": lambda n: (random(8 * n, 100, 32), labels(8 * n)),
    "skip_gram_sgd": lambda n: skip_grams(64 * n),
    "skip_gram_adam": lambda n: skip_grams(64 * n),
    "transformer": lambda n: (_blocks(n), _blocks(n, seed=1)),
    "wide": _wide,
    "wide_bfloat16": _wide,
    "resnet20": _images(4, 32),
    "resnet50": _images(2, 224, classes=1000),
    **{name: lambda n, course=course: course.data(4 * n) for name, course in COURSES.items()},
}


@functools.lru_cache(maxsize=1)
def data(model, batch):
    """Inputs and targets to fit `model` on; kept, so that they are no part of a step's memory."""
    return DATA[model](batch)


def sample(model, batch):
    """Inputs of one batch for inference."""
    if model in NETWORKS:
        return random(batch, NETWORKS[model][1], NETWORKS[model][1], 3)
    return DATA[model](batch)[0][:batch]

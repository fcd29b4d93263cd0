"""Ranvier's rows."""

from __future__ import annotations

import ranvier as keras
from benchmarks import rows
from ranvier import layers, ops

VERSION = keras.__version__


def _fit_row(model, x, y, batch):
    steps = len(x) // batch
    model.fit(x, y, batch_size=batch, epochs=1, verbose=0)

    def block(n):
        model.fit(x, y, batch_size=batch, epochs=-(-n // steps), verbose=0)

    block.quantum = steps
    return block


def mlp():
    """784-200-10 with sigmoid and softmax."""
    model = keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(200, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    return model


def cnn():
    """The MNIST CNN."""
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Dropout(0.25), layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def skip_gram(optimizer):
    """Scores of word and context vectors from one table."""
    ids = keras.Input((2 + rows.NEGATIVES,), dtype="int32")
    vectors = layers.Embedding(rows.WORDS, rows.WIDTH)(ids)
    scores = ops.sum(vectors[:, :1] * vectors[:, 1:], axis=-1)
    model = keras.Model(ids, scores)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def transformer():
    """One encoder block: attention and a wide layer, each added to its input and normalized."""
    _, time, width, heads, inner = rows.BLOCK
    inputs = keras.Input((time, width))
    attended = layers.MultiHeadAttention(heads, width // heads)(inputs, inputs)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([inputs, attended]))
    wide = layers.Dense(inner, activation="gelu")(x)
    x = layers.Add()([x, layers.Dense(width)(wide)])
    model = keras.Model(inputs, layers.LayerNormalization(epsilon=1e-6)(x))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    return model


def transformer_fit():
    batch, time, width, *_ = rows.BLOCK
    x, y = rows.random(batch * 4, time, width), rows.random(batch * 4, time, width, seed=1)
    return _fit_row(transformer(), x, y, batch)


def transformer_predict():
    model, x = transformer(), rows.random(*rows.BLOCK[:3])
    model.predict_on_batch(x)

    def block(n):
        for _ in range(n):
            model.predict_on_batch(x)

    return block


def dense_model():
    """One unit on eight features."""
    model = keras.Sequential([layers.Input((8,)), layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return model


def dense_fit():
    return _fit_row(dense_model(), rows.random(32 * 2000, 8), rows.random(32 * 2000, 1), 32)


def mlp_fit(batch):
    count = batch * 64
    return _fit_row(mlp(), rows.random(count, 784), rows.one_hot(10, rows.labels(count)), batch)


def cnn_fit():
    return _fit_row(cnn(), rows.random(512, 28, 28, 1), rows.labels(512), 128)


def recurrent(layer):
    """One recurrent layer and a classifier."""
    model = keras.Sequential(
        [layers.Input((100, 32)), layer(128), layers.Dense(10, activation="softmax")]
    )
    model.compile(keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    return model


def recurrent_fit(layer):
    return _fit_row(recurrent(layer), rows.random(512, 100, 32), rows.labels(512), 64)


def skip_gram_fit(optimizer):
    return _fit_row(skip_gram(optimizer), *rows.skip_grams(64 * 1024), 1024)


def gemm(size):
    a, b = (
        ops.convert_to_tensor(rows.random(size, size)),
        ops.convert_to_tensor(rows.random(size, size)),
    )

    def block(n):
        for _ in range(n):
            ops.matmul(a, b)

    return block


def predict_one():
    model, x = mlp(), rows.random(1, 784)
    model.predict(x, verbose=0)

    def block(n):
        for _ in range(n):
            model.predict(x, verbose=0)

    return block


def eager_add():
    a = ops.convert_to_tensor(rows.random(32, 8))

    def block(n):
        for _ in range(n):
            ops.add(a, a)

    return block


def fit_one_batch():
    model, x, y = dense_model(), rows.random(32, 8), rows.random(32, 1)
    model.fit(x, y, batch_size=32, verbose=0)

    def block(n):
        for _ in range(n):
            model.fit(x, y, batch_size=32, verbose=0)

    return block


def set_threads(count: int) -> None:
    keras._backend.core.set_num_threads(count)


ROWS = {
    "dense_fit": dense_fit,
    "mlp_fit_32": lambda: mlp_fit(32),
    "mlp_fit_128": lambda: mlp_fit(128),
    "cnn_fit_128": cnn_fit,
    "lstm_fit_64": lambda: recurrent_fit(layers.LSTM),
    "gru_fit_64": lambda: recurrent_fit(layers.GRU),
    "skip_gram_sgd": lambda: skip_gram_fit(keras.optimizers.SGD(0.1)),
    "skip_gram_adam": lambda: skip_gram_fit("adam"),
    "transformer_fit_16": transformer_fit,
    "transformer_predict_16": transformer_predict,
    "predict_one": predict_one,
    "eager_add": eager_add,
    "fit_one_batch": fit_one_batch,
    **{f"gemm_{size}": lambda size=size: gemm(size) for size in (256, 512, 1024, 2048)},
}

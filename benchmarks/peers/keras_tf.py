"""Keras on TensorFlow: `model.fit`, whose step is a compiled `tf.function`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

from benchmarks import rows
from benchmarks.peers import keras_models

VERSION = tf.__version__


def _fit_row(model, x, y, batch):
    steps = len(x) // batch
    model.fit(x, y, batch_size=batch, epochs=1, verbose=0)

    def block(n):
        model.fit(x, y, batch_size=batch, epochs=-(-n // steps), verbose=0)

    block.quantum = steps
    return block


def dense_fit():
    return _fit_row(
        keras_models.dense_model(), rows.random(32 * 200, 8), rows.random(32 * 200, 1), 32
    )


def mlp_fit(batch):
    x, y = rows.random(batch * 64, 784), rows.one_hot(10, rows.labels(batch * 64))
    return _fit_row(keras_models.mlp(), x, y, batch)


def cnn_fit():
    return _fit_row(keras_models.cnn(), rows.random(512, 28, 28, 1), rows.labels(512), 128)


def recurrent_fit(layer):
    x, y = rows.random(512, 100, 32), rows.labels(512)
    return _fit_row(keras_models.recurrent(layer), x, y, 64)


def skip_gram_fit(optimizer):
    return _fit_row(keras_models.skip_gram(optimizer), *rows.skip_grams(64 * 1024), 1024)


def transformer_fit():
    batch, time, width, *_ = rows.BLOCK
    x, y = rows.random(batch * 4, time, width), rows.random(batch * 4, time, width, seed=1)
    return _fit_row(keras_models.transformer(), x, y, batch)


def transformer_predict():
    model, x = keras_models.transformer(), rows.random(*rows.BLOCK[:3])

    def block(n):
        for _ in range(n):
            model.predict_on_batch(x)

    return block


def gemm(size):
    a, b = tf.constant(rows.random(size, size)), tf.constant(rows.random(size, size))

    def block(n):
        for _ in range(n):
            tf.matmul(a, b)

    return block


def predict_one():
    model, x = keras_models.mlp(), rows.random(1, 784)

    def block(n):
        for _ in range(n):
            model.predict_on_batch(x)

    return block


def set_threads(count: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


ROWS = {
    "dense_fit": dense_fit,
    "mlp_fit_32": lambda: mlp_fit(32),
    "mlp_fit_128": lambda: mlp_fit(128),
    "cnn_fit_128": cnn_fit,
    "lstm_fit_64": lambda: recurrent_fit(keras.layers.LSTM),
    "gru_fit_64": lambda: recurrent_fit(keras.layers.GRU),
    "skip_gram_sgd": lambda: skip_gram_fit(keras.optimizers.SGD(0.1)),
    "skip_gram_adam": lambda: skip_gram_fit("adam"),
    "transformer_fit_16": transformer_fit,
    "transformer_predict_16": transformer_predict,
    "predict_one": predict_one,
    **{f"gemm_{size}": lambda size=size: gemm(size) for size in (256, 512, 1024, 2048)},
}
assert keras.backend.backend() == "tensorflow"

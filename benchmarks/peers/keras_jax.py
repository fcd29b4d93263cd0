"""Keras on JAX: its fastest way, the stateless training step compiled by `jax.jit`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

from benchmarks import rows
from benchmarks.peers import keras_models

VERSION = keras.__version__


def _fit_row(model, x, y, batch):
    model.optimizer.build(model.trainable_variables)
    loss_fn = keras.losses.get(model.loss)

    def loss_of(trainable, frozen, xb, yb):
        out, frozen = model.stateless_call(trainable, frozen, xb, training=True)
        return keras.ops.mean(loss_fn(yb, out)), frozen

    gradient = jax.value_and_grad(loss_of, has_aux=True)

    @jax.jit
    def step(state, xb, yb):
        trainable, frozen, slots = state
        (loss, frozen), grads = gradient(trainable, frozen, xb, yb)
        trainable, slots = model.optimizer.stateless_apply(slots, grads, trainable)
        return loss, (trainable, frozen, slots)

    state = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        [v.value for v in model.optimizer.variables],
    )
    loss, state = step(state, x[:batch], y[:batch])

    def block(n):
        nonlocal state
        order = np.random.default_rng().permutation(len(x))
        for i in range(n):
            first = (i * batch) % len(x)
            at = order[first : first + batch]
            loss, state = step(state, x[at], y[at])
        jax.block_until_ready(loss)

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
    weights = [v.value for v in model.trainable_variables]
    call = jax.jit(lambda weights, x: model.stateless_call(weights, [], x)[0])

    def block(n):
        for _ in range(n):
            np.asarray(call(weights, x))

    return block


def gemm(size):
    a, b = jax.numpy.asarray(rows.random(size, size)), jax.numpy.asarray(rows.random(size, size))
    product = jax.jit(jax.numpy.matmul)

    def block(n):
        for _ in range(n):
            out = product(a, b)
        out.block_until_ready()

    return block


def predict_one():
    model, x = keras_models.mlp(), rows.random(1, 784)
    model.predict(x, verbose=0)

    def block(n):
        for _ in range(n):
            model.predict_on_batch(x)

    return block


def set_threads(count: int) -> None:
    """JAX takes its threads from the affinity of the process (see the worker)."""


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

"""Keras on JAX: its fastest way, the stateless training step compiled by `jax.jit`.

JAX takes its threads from the affinity of the process (see `processes`).
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

from benchmarks import models
from benchmarks.peers import fastest, keras_kinds, keras_op_kinds, repeat

VERSION = keras.__version__
_KERAS = keras_kinds.kinds(keras)


def fit(name, batch):
    model, (x, y) = models.MODELS[name](keras), models.data(name, batch)
    model.optimizer.build(model.trainable_variables)
    loss_fn = keras.losses.get(model.loss)

    def loss_of(trainable, frozen, xb, yb):
        out, frozen = model.stateless_call(trainable, frozen, xb, training=True)
        return keras.ops.mean(loss_fn(yb, out)), frozen

    gradient = jax.value_and_grad(loss_of, has_aux=True)

    def step(state, xb, yb):
        trainable, frozen, slots = state
        (loss, frozen), grads = gradient(trainable, frozen, xb, yb)
        trainable, slots = model.optimizer.stateless_apply(slots, grads, trainable)
        return loss, (trainable, frozen, slots)

    step = jax.jit(step, donate_argnums=0)
    groups = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables
    state = tuple([jax.numpy.copy(v.value) for v in group] for group in groups)
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


def infer(name, batch):
    model, x = models.MODELS[name](keras), models.sample(name, batch)
    trainable = [v.value for v in model.trainable_variables]
    frozen = [v.value for v in model.non_trainable_variables]
    call = jax.jit(lambda t, f, x: model.stateless_call(t, f, x, training=False)[0])
    return repeat(lambda: np.asarray(call(trainable, frozen, x)))


def vjp(fn):
    def both(dy, *args):
        out, gradients = jax.vjp(fn, *args)
        return out, gradients(dy)

    return jax.jit(both)


def adam(size):
    optimizer, variable = keras_op_kinds.adam_state(keras, size)
    step = jax.jit(
        lambda state, g: optimizer.stateless_apply(state[1], [g], state[0]), donate_argnums=0
    )
    gradient = jax.numpy.asarray(models.random(size))
    state = tuple([jax.numpy.copy(v.value) for v in g] for g in ([variable], optimizer.variables))

    def once():
        nonlocal state
        state = step(state, gradient)
        return state

    return repeat(once, jax.block_until_ready)


KINDS = {
    "fit": fit,
    "infer": infer,
    "predict": lambda *row: fastest(lambda: _KERAS["infer"](*row), lambda: infer(*row)),
    "call": infer,
    **keras_op_kinds.kinds(keras, jax.jit, vjp, jax.block_until_ready),
    "adam": adam,
}

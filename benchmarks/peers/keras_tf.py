"""Keras on TensorFlow: `model.fit`, whose step is a compiled `tf.function`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

from benchmarks import models
from benchmarks.peers import fastest, keras_kinds, keras_op_kinds, repeat

assert keras.backend.backend() == "tensorflow"
VERSION = tf.__version__
_KERAS = keras_kinds.kinds(keras)


def infer(name, batch):
    def compiled(**options):
        model, x = models.MODELS[name](keras), models.sample(name, batch)
        call = tf.function(lambda x: model(x, training=False), **options)
        return repeat(lambda: call(tf.constant(x)).numpy())

    return fastest(
        lambda: _KERAS["infer"](name, batch), compiled, lambda: compiled(jit_compile=True)
    )


def vjp(fn):
    def both(dy, *args):
        with tf.GradientTape() as tape:
            tape.watch(args)
            out = fn(*args)
        return out, tape.gradient(out, args, output_gradients=dy)

    return tf.function(both)


def adam(size):
    optimizer, variable = keras_op_kinds.adam_state(keras, size)
    gradient = tf.constant(models.random(size))
    return repeat(tf.function(lambda: optimizer.apply([gradient], [variable])))


def set_threads(count: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


KINDS = {
    "fit": _KERAS["fit"],
    "infer": infer,
    "predict": infer,
    "call": infer,
    **keras_op_kinds.kinds(keras, tf.function, vjp),
    "adam": adam,
}

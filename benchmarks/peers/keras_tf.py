"""Keras on TensorFlow: `model.fit`, whose step is a compiled `tf.function`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

from benchmarks import models
from benchmarks.peers import fastest, keras_kinds, repeat

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


def gemm(m, n, k):
    a, b = (tf.constant(models.random(*shape)) for shape in ((m, k), (k, n)))
    return repeat(lambda: tf.matmul(a, b))


def set_threads(count: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


KINDS = {"fit": _KERAS["fit"], "infer": infer, "predict": infer, "call": infer, "gemm": gemm}

"""The rows that are Keras code, for every package that speaks Keras, Ranvier included."""

from __future__ import annotations

import numpy as np

from benchmarks import models
from benchmarks.peers import repeat


def kinds(keras) -> dict:
    """Kinds of rows that `keras` runs as its users do."""

    def fit(name, batch):
        model, (x, y) = models.MODELS[name](keras), models.data(name, batch)
        steps = len(x) // batch
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0)

        def block(n):
            model.fit(x, y, batch_size=batch, epochs=-(-n // steps), verbose=0)

        block.quantum, block.model = steps, model
        return block

    def predict(name, batch):
        model, x = models.MODELS[name](keras), models.sample(name, batch)
        return repeat(lambda: model.predict(x, verbose=0))

    def infer(name, batch):
        model, x = models.MODELS[name](keras), models.sample(name, batch)
        return repeat(lambda: model.predict_on_batch(x))

    def call(name, batch):
        model, x = models.MODELS[name](keras), models.sample(name, batch)
        return repeat(lambda: np.asarray(model(x)))

    def fit_one_batch():
        model = models.MODELS["dense"](keras)
        x, y = models.random(32, 8), models.random(32, 1)
        return repeat(lambda: model.fit(x, y, batch_size=32, verbose=0))

    return {
        "fit": fit,
        "predict": predict,
        "infer": infer,
        "call": call,
        "fit_one_batch": fit_one_batch,
    }

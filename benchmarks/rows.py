"""The rows: what is measured, in which unit, and the bar that issue and README promise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: key that the peers' modules use.
        title: what a reader sees.
        bar: ratio to the fastest peer that is promised; `None` where the bar is absolute or there
        is none. limit: absolute bar in seconds, for the machine of the figures table.
    """

    name: str
    title: str
    bar: float | None = None
    limit: float | None = None


ROWS = [
    Row("dense_fit", "Dense(1) on 8 features, batch 32: a step of fit", limit=1.5e-6),
    Row("mlp_fit_32", "784-200-10, batch 32: a step of fit", bar=1.5),
    Row("mlp_fit_128", "784-200-10, batch 128: a step of fit", bar=1.3),
    Row("cnn_fit_128", "MNIST CNN, batch 128: a step of fit", bar=1.5),
    Row("lstm_fit_64", "LSTM(128) on 100 steps of 32, batch 64: a step of fit", bar=1.6),
    Row("gru_fit_64", "GRU(128) on 100 steps of 32, batch 64: a step of fit", bar=2.2),
    Row("skip_gram_sgd", "skip-gram, 20,000 × 128, batch 1,024, 5 negatives: SGD step", bar=2.5),
    Row("skip_gram_adam", "the same, Adam step", bar=1.5),
    Row("transformer_fit_16", "transformer block 16×128×256: a step of fit", bar=1.4),
    Row("transformer_predict_16", "transformer block 16×128×256: predict", bar=1.0),
    Row("gemm_256", "float32 matrix product, 256³", bar=1.5),
    Row("gemm_512", "float32 matrix product, 512³", bar=1.5),
    Row("gemm_1024", "float32 matrix product, 1024³", bar=1.5),
    Row("gemm_2048", "float32 matrix product, 2048³", bar=1.5),
    Row("predict_one", "predict of one sample, 784-200-10", limit=12e-6),
    Row("eager_add", "eager add of two 32×8 tensors", limit=0.8e-6),
    Row("fit_one_batch", "fit() of one batch, Dense(1), after the first", limit=300e-6),
]

# The transformer block: batch, time, width, heads, inner width.
BLOCK = (16, 128, 256, 8, 1024)


def random(*shape, seed=0):
    """Uniform float32 data."""
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def labels(count, classes=10, seed=1):
    """Random class numbers."""
    return np.random.default_rng(seed).integers(0, classes, count).astype("int32")


def one_hot(classes, indices):
    """Rows of the identity."""
    return np.eye(classes, dtype=np.float32)[indices]


WORDS, WIDTH, NEGATIVES = 20_000, 128, 5


def skip_grams(count):
    """Ids (count, 2 + NEGATIVES) of word, context and negatives, small ones more often; labels."""
    draws = np.random.default_rng(2).random((count, 2 + NEGATIVES))
    ids = (WORDS**draws - 1).astype("int32")
    return ids, np.tile(np.eye(1, 1 + NEGATIVES, dtype="float32"), (count, 1))

"""Sizes, axes and counts are integers of any kind; a fraction, or a text, is an error."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops, random, tree

X = np.arange(12, dtype="float32").reshape(3, 4)
I = np.array([0, 1, 2])  # noqa: E741
IMAGE = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
KERNEL = np.ones((2, 2, 1, 1), "float32")

TAKERS = {
    "zeros": lambda n: ops.zeros((n, 3)),
    "ones": lambda n: ops.ones(n),
    "eye": lambda n: ops.eye(3, k=n),
    "tri": lambda n: ops.tri(n),
    "reshape": lambda n: ops.reshape(X, (n, -1)),
    "broadcast_to": lambda n: ops.broadcast_to(np.ones(1), (n, 3)),
    "tile": lambda n: ops.tile(X, (n, 1)),
    "repeat": lambda n: ops.repeat(X, n),
    "pad": lambda n: ops.pad(X, n),
    "one_hot": lambda n: ops.one_hot(I, n),
    "multi_hot": lambda n: ops.multi_hot(I, n),
    "bincount": lambda n: ops.bincount(I, minlength=n),
    "segment_sum": lambda n: ops.segment_sum(X[:, 0], I, num_segments=n),
    "tril": lambda n: ops.tril(X, n),
    "triu": lambda n: ops.triu(X, n),
    "vander": lambda n: ops.vander(X[0], n),
    "round": lambda n: ops.round(X / 7, n),
    "top_k": lambda n: ops.top_k(X, n),
    "slice": lambda n: ops.slice(X, (0, 0), (n, 1)),
    "slice_start": lambda n: ops.slice(X, (n, 0), (1, 1)),
    "scatter": lambda n: ops.scatter([[0]], [1.0], (n,)),
    "sum": lambda n: ops.sum(X, axis=n),
    "sums": lambda n: ops.sum(X, axis=(n,)),
    "argmax": lambda n: ops.argmax(X, axis=n),
    "cumsum": lambda n: ops.cumsum(X, axis=n),
    "sort": lambda n: ops.sort(X, axis=n),
    "softmax": lambda n: ops.softmax(X, axis=n),
    "concatenate": lambda n: ops.concatenate([X, X], axis=n),
    "stack": lambda n: ops.stack([X, X], axis=n),
    "split": lambda n: ops.split(X, n, axis=1),
    "array_split": lambda n: ops.array_split(X, n),
    "expand_dims": lambda n: ops.expand_dims(X, n),
    "squeeze": lambda n: ops.squeeze(X[:, None], n),
    "transpose": lambda n: ops.transpose(X, (n, 0)),
    "moveaxis": lambda n: ops.moveaxis(X, n, 0),
    "fori_loop": lambda n: ops.fori_loop(0, n, lambda i, c: c + 1, 0),
    "subscript": lambda n: ops.convert_to_tensor(X)[n:],
    "max_pool": lambda n: ops.max_pool(IMAGE, n),
    "conv": lambda n: ops.conv(IMAGE, KERNEL, strides=n),
    "resize": lambda n: ops.image.resize(IMAGE, (n, 2)),
    "pad_images": lambda n: ops.image.pad_images(IMAGE, n, 0, 0, 0),
    "categorical": lambda n: random.categorical(X, n, seed=1),
    "uniform": lambda n: random.uniform((n, 2), seed=1),
    "Resizing": lambda n: layers.Resizing(n, 2)(IMAGE),
    "CenterCrop": lambda n: layers.CenterCrop(n, 2)(IMAGE),
    "CategoryEncoding": lambda n: layers.CategoryEncoding(n, output_mode="one_hot")(I[:1]),
    "MaxPooling2D": lambda n: layers.MaxPooling2D((n, 1))(IMAGE),
    "Conv2D": lambda n: layers.Conv2D(2, n, kernel_initializer="ones")(IMAGE),
}
takers = pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)


def values(result):
    return [np.asarray(x) for x in tree.flatten(result)]


@takers
@pytest.mark.parametrize("number", [1.5, np.float32(1.5), "1"], ids=["float", "float32", "text"])
def test_fractions_and_texts_are_refused(take, number):
    with pytest.raises((TypeError, ValueError), match="integer|whole|int"):
        take(number)


@takers
@pytest.mark.parametrize("make", [np.int64, np.int32, np.uint8, np.array], ids=str)
def test_integers_of_numpy(take, make):
    for got, want in zip(values(take(make(1))), values(take(1)), strict=True):
        np.testing.assert_array_equal(got, want)


def test_numbers_of_numpy_in_layers():
    assert layers.Dropout(np.float32(0.5)).rate == 0.5
    normalized = layers.GroupNormalization(2, axis=np.int64(1))(np.ones((2, 4, 3), "float32"))
    assert normalized.shape == (2, 4, 3)
    copy = layers.Resizing.from_config(layers.Resizing(np.int64(3), 2).get_config())
    assert (copy.height, copy.width) == (3, 2) and type(copy.height) is int
    with pytest.raises(ValueError, match="`bins` must be at least 1"):
        layers.Equalization(bins=0)


def test_quantiles_beyond_the_ends_are_the_ends():
    for q, want in ((-0.5, 0.0), (1.5, 11.0)):
        assert float(ops.quantile(X, q)) == want == float(ops.percentile(X, 100 * q))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_round_to_places_beyond_the_dtype(dtype):
    x = ops.convert_to_tensor([1.5, -2.25, 1e-4], dtype)
    for places in (5 if dtype == "float16" else 39, 310, 1000):
        if dtype == "float64" and places < 309:
            continue
        np.testing.assert_array_equal(ops.round(x, places), x)
        np.testing.assert_array_equal(ops.round(x, -places), np.zeros(3))


def test_split_takes_whole_floats_as_numpy():
    for got, want in zip(ops.split(X, 2.0, axis=1), np.split(X, 2, axis=1), strict=True):
        np.testing.assert_array_equal(got, want)
    assert keras.Input(shape=[np.int64(3)]).shape == (None, 3)

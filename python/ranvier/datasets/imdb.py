"""IMDB: 50,000 film reviews as word numbers, with their sentiment (Maas et al., 2011)."""

from __future__ import annotations

import numpy as np

from ranvier.datasets import _files
from ranvier.datasets import _sequences as sequences

_REVIEWS = _files.keras_file(
    "imdb.npz", "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
)
_WORDS = _files.keras_file("imdb_word_index.json", "md5:bfafd718b763782e994055a2d397834f")


def load_data(
    path="imdb.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    if "nb_words" in kwargs:
        num_words = kwargs.pop("nb_words")
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {sorted(kwargs)}.")
    place = _files.locate_one(path, "imdb", _REVIEWS)
    arrays = _files.read_npz(place, ("x_train", "y_train", "x_test", "y_test"), objects=True)
    parts = []
    rng = np.random.RandomState(seed)
    for texts, labels in (arrays[:2], arrays[2:]):
        order = np.arange(len(texts))
        rng.shuffle(order)
        texts, labels = texts[order], labels[order]
        texts = sequences.numbered(texts, start_char, index_from)
        if maxlen:
            texts, labels = sequences.shorter(texts, labels, maxlen)
        parts.append((texts, labels))
    (x_train, y_train), (x_test, y_test) = parts
    if not x_train or not x_test:
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. "
            "Increase maxlen."
        )
    texts = sequences.limited(x_train + x_test, num_words, skip_top, oov_char)
    cut = len(x_train)
    return (
        (sequences.as_objects(texts[:cut]), y_train),
        (sequences.as_objects(texts[cut:]), y_test),
    )


load_data.__doc__ = f"""Film reviews as lists of word numbers, with 0 (bad) or 1 (good).
{sequences.ARGUMENTS}
    Returns:
        `(x_train, y_train), (x_test, y_test)`: 25,000 lists each as an array of objects, labels as
        int64 `(samples,)`.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        ValueError: the file is damaged, or `maxlen` leaves nothing.
    """


def get_word_index(path="imdb_word_index.json") -> dict:
    """Word numbers before `index_from` is added.

    Args:
        path: the JSON file, or a folder that has it.
    """
    return sequences.word_index(path, "imdb", _WORDS)


__all__ = ["get_word_index", "load_data"]

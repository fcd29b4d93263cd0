"""What IMDB and Reuters share: reviews and news as lists of word numbers."""

from __future__ import annotations

import json

import numpy as np

from ranvier.datasets import _files

ARGUMENTS = """
    Args:
        path: the `.npz` file, or a folder that has it; else it is looked for below RANVIER_DATA and
            in Keras' cache, and downloaded once.
        num_words: words are numbered by frequency; from this number on they become `oov_char`.
        skip_top: the most frequent words below this number become `oov_char` too.
        maxlen: texts of this length or longer are left out.
        seed: of the shuffle.
        start_char: number put before each text; `None` puts none.
        oov_char: number of words left out; `None` drops them.
        index_from: added to the number of every word.
"""


def shuffled(texts, labels, seed):
    """Texts and labels in an order that the seed says."""
    order = np.arange(len(texts))
    np.random.RandomState(seed).shuffle(order)
    return texts[order], labels[order]


def numbered(texts, start_char, index_from) -> list:
    """Texts with shifted numbers and their start mark."""
    start = [] if start_char is None else [start_char]
    return [start + [w + index_from for w in text] for text in texts]


def shorter(texts, labels, maxlen):
    """Texts below a length."""
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    return [texts[i] for i in kept], labels[kept]


def limited(texts, num_words, skip_top, oov_char) -> list:
    """Texts whose rarest and most frequent words are replaced or dropped."""
    if not num_words:
        num_words = max(max(text) for text in texts)
    if oov_char is None:
        return [[w for w in text if skip_top <= w < num_words] for text in texts]
    return [[w if skip_top <= w < num_words else oov_char for w in text] for text in texts]


def as_objects(texts) -> np.ndarray:
    """A one-dimensional array of lists."""
    out = np.empty(len(texts), dtype=object)
    out[:] = texts
    return out


def word_index(path, dataset, remote) -> dict:
    """Numbers of words from a JSON file."""
    with open(_files.locate_one(path, dataset, remote), encoding="utf-8") as file:
        return json.load(file)

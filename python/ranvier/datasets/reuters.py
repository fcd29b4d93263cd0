"""Reuters: 11,228 news wires as word numbers, in 46 topics."""

from __future__ import annotations

from ranvier.datasets import _files
from ranvier.datasets import _sequences as sequences

_NEWS = _files.keras_file(
    "reuters.npz", "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
)
_WORDS = _files.keras_file("reuters_word_index.json", "md5:4d44cc38712099c9e383dc6e5f11a921")
_TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply",
    "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas",
    "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
    "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs",
    "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip


def load_data(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    place = _files.locate_one(path, "reuters", _NEWS)
    texts, labels = _files.read_npz(place, ("x", "y"), objects=True)
    texts, labels = sequences.shuffled(texts, labels, seed)
    if start_char is not None or index_from:
        texts = sequences.numbered(texts, start_char, index_from)
    if maxlen:
        texts, labels = sequences.shorter(texts, labels, maxlen)
    if not len(texts):
        raise ValueError(f"reuters: no text is shorter than maxlen={maxlen}. Increase maxlen.")
    texts = sequences.limited(texts, num_words, skip_top, oov_char)
    cut = int(len(texts) * (1 - test_split))
    return (
        (sequences.as_objects(texts[:cut]), labels[:cut]),
        (sequences.as_objects(texts[cut:]), labels[cut:]),
    )


load_data.__doc__ = f"""News wires as lists of word numbers, with their topic 0 to 45.
{sequences.ARGUMENTS.rstrip()}
        test_split: share of the test set.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: lists as arrays of objects, topics as int64
        `(samples,)`; `get_label_names` names them.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        ValueError: the file is damaged, or `maxlen` leaves nothing.
    """


def get_word_index(path="reuters_word_index.json") -> dict:
    """Word numbers before `index_from` is added.

    Args:
        path: the JSON file, or a folder that has it.
    """
    return sequences.word_index(path, "reuters", _WORDS)


def get_label_names() -> tuple:
    """Names of the 46 topics."""
    return _TOPICS


__all__ = ["get_label_names", "get_word_index", "load_data"]

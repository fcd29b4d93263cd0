"""TextVectorization: texts to indices or rows of a vocabulary."""

from __future__ import annotations

import functools
import re
import string

import numpy as np

from ranvier import config, serialization
from ranvier.layers.preprocessing.encoding import check_choice
from ranvier.layers.preprocessing.host_layer import (
    HostLayer,
    as_array,
    batches_of,
    strings_of,
)
from ranvier.layers.preprocessing.string_lookup import StringLookup

_SPLIT = ("whitespace", "character")
_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_LOWER = dict(zip(string.ascii_uppercase, string.ascii_lowercase))
_NO_PUNCTUATION = dict.fromkeys(string.punctuation, "")
# Characters and what they become; letters beyond ASCII stay.
_STANDARDIZE = {
    "lower_and_strip_punctuation": {**_LOWER, **_NO_PUNCTUATION},
    "lower": _LOWER,
    "strip_punctuation": _NO_PUNCTUATION,
}
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
# Where `str.split` separates and words go on.
_OTHER_SPACE = re.compile("[\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


class TextVectorization(HostLayer):
    """Texts to tokens to indices, or one row per text.

    Standardization changes the text, splitting makes tokens, n-grams join neighbours, and the
    vocabulary gives the indices: 0 is padding, 1 an unknown token, the rest the terms.

    Args:
        max_tokens: size of the vocabulary at most, special tokens included.
        standardize: "lower_and_strip_punctuation", "lower" (both of ASCII letters),
            "strip_punctuation", `None`, or a function of a NumPy array of `str`.
        split: "whitespace", "character", `None`, or a function of a NumPy array (texts,) of `str`
            that gives an array (texts, tokens) or a list of lists of tokens.
        ngrams: n for all n-grams up to n, a tuple of sizes, or `None`.
        output_mode: "int"; "multi_hot", "count" or "tf_idf" rows per text; "one_hot" per token.
        output_sequence_length: tokens per text with "int": longer texts are cut, shorter padded.
            Without it every batch is as wide as its longest text.
        pad_to_max_tokens: whether rows are `max_tokens` wide.
        vocabulary: list or array of terms, or a file with one per line; else use `adapt`.
        idf_weights: of the terms, for "tf_idf" with a `vocabulary`.
        sparse: kept for Keras programs; results are dense.
        ragged: must be `False`.
        encoding: of `bytes`.

    Input: strings (batch,) or (batch, 1); any shape with `split=None`. Output: int64
    (batch, tokens), or rows (batch, size of the vocabulary).

    Raises:
        ValueError: unknown choices or ones that do not go together.
        TypeError: inputs that are no strings.

    Example:
        >>> layer = layers.TextVectorization(output_sequence_length=3)
        >>> layer.adapt(["A dog barks.", "A cat."])
        >>> layer(["A bird"]).tolist()
        [[2, 1, 0]]
    """

    def __init__(
        self,
        max_tokens=None,
        standardize="lower_and_strip_punctuation",
        split="whitespace",
        ngrams=None,
        output_mode="int",
        output_sequence_length=None,
        pad_to_max_tokens=False,
        vocabulary=None,
        idf_weights=None,
        sparse=False,
        ragged=False,
        encoding="utf-8",
        name=None,
        **kwargs,
    ):
        given = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        size = kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        if ragged:
            raise ValueError(
                "`ragged=True` cannot be used with backend ranvier: rows are padded. Hint: leave "
                "`ragged` out; padding has index 0, and `Embedding(mask_zero=True)` masks it."
            )
        check_choice(standardize, _STANDARDIZE, self, "standardize", True, True)
        check_choice(split, _SPLIT, self, "split", True, True)
        check_choice(output_mode, _MODES, self, "output_mode")
        _check_numbers(ngrams, output_mode, output_sequence_length)
        self._standardize, self._split, self._ngrams_arg = standardize, split, ngrams
        self._ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self._output_mode = output_mode
        self._output_sequence_length = output_sequence_length
        self._ragged, self._encoding = ragged, encoding
        self._has_input_vocabulary = given
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens, mask_token="", output_mode=output_mode,
            sparse=sparse, has_input_vocabulary=given, encoding=encoding, vocabulary_size=size,
        )  # fmt: skip

    def build(self, input_shape=None):
        """There are no weights."""

    # -- the vocabulary

    def adapt(self, data, batch_size=None, steps=None):
        """Learns the terms, the most frequent first; of equally frequent ones the greater first.

        Args:
            data: array or list of texts, or an iterable of batches of them.
            batch_size: accepted for Keras' sake.
            steps: batches at most.
        """
        self.reset_state()
        for batch in batches_of(data, steps)[0]:
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Counts the tokens of a batch of texts."""
        self._lookup_layer.count_documents(self._tokens(np.atleast_1d(as_array(data)))[0])

    def finalize_state(self):
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self):
        """Forgets what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens=True) -> list:
        """The terms; with padding and unknown token before them each one's place is its index."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Number of terms, padding and unknown token."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Sets the terms instead of learning them; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights=idf_weights)

    # -- computing

    @property
    def compute_dtype(self):
        """What the inputs are."""
        return "string"

    @property
    def variable_dtype(self):
        """Likewise."""
        return "string"

    @property
    def input_dtype(self):
        """Likewise."""
        return "string"

    @property
    def output_dtype(self) -> str:
        """int64 for indices, else floats."""
        return "int64" if self._output_mode == "int" else config.floatx()

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        if self._output_mode == "int":
            if self._split is None and self._ngrams is None:
                width = self._output_sequence_length or (shape[-1] if shape else None)
                return (*shape[:-1], width) if len(shape) > 1 else shape
            return (shape[0] if shape else None, self._output_sequence_length)
        if self._split is None:
            shape = shape if len(shape) > 1 else (*shape, 1)
        else:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        return self._lookup_layer.compute_output_shape(shape)

    def call(self, inputs):
        self._lookup_layer.check_ready()
        return self._lookup_layer.weigh(self._on_host([inputs]))

    def compute_arrays(self, array):
        documents, shape = self._tokens(array)
        if self._output_mode == "int":
            out = self._padded(documents, self._output_sequence_length, 0, shape)
            lone = self._split is None and self._ngrams is None and np.ndim(array) == 0
            return out.reshape(()) if lone and out.size == 1 else out
        dropped = np.iinfo("int64").max
        indices = self._padded(documents, None, dropped, shape)
        return self._lookup_layer.encode(indices)

    def _padded(self, documents, width, filler, shape):
        """Indices of the tokens, one row per text, cut and filled to a common width."""
        find = self._lookup_layer.indices_of
        lengths = [len(d) for d in documents]
        width = max(lengths, default=0) if width is None else width
        flat = find([token for d in documents for token in d])
        out = np.full((len(documents), width), filler, dtype="int64")
        begin = 0
        for row, length in zip(out, lengths):
            kept = min(length, width)
            row[:kept] = flat[begin : begin + kept]
            begin += length
        return out.reshape((*shape, width))

    def _tokens(self, array):
        """Lists of tokens, one per text, and the shape in which the texts lay."""
        what = f"Layer '{self.name}' (of type TextVectorization)"
        array = np.asarray(array)
        texts, shape = strings_of(array, self._encoding, what), array.shape
        if callable(self._standardize):
            result = np.asarray(self._standardize(np.asarray(texts, dtype=str).reshape(shape)))
            texts, shape = strings_of(result, self._encoding, what), result.shape
        elif self._standardize is not None:
            texts = list(map(_standardizer(self._standardize), texts))
        if self._split is None:
            documents, outer = _rows(texts, shape)
        else:
            documents, outer = self._split_texts(texts, shape, what)
        if self._ngrams is not None:
            documents = [_ngrams_of(tokens, self._ngrams) for tokens in documents]
        return documents, outer

    def _split_texts(self, texts, shape, what):
        if len(shape) > 1:
            if shape[-1] != 1:
                raise ValueError(
                    "When using `TextVectorization` to tokenize strings, the input rank must be 1 "
                    f"or the last shape dimension must be 1. Received: inputs.shape={shape} with "
                    f"rank={len(shape)}"
                )
            shape = shape[:-1]
        if self._split == "whitespace":
            return [_words(text) for text in texts], shape
        if self._split == "character":
            return [list(text) for text in texts], shape
        parts = self._split(np.asarray(texts, dtype=str).reshape(shape))
        rows = [np.asarray(row) for row in parts]
        return [strings_of(row, self._encoding, what) for row in rows], shape

    # -- files

    def get_config(self):
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": _stored(self._standardize),
            "split": _stored(self._split),
            "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": lookup.sparse,
            "ragged": self._ragged,
            "vocabulary": lookup.input_vocabulary,
            "idf_weights": lookup.input_idf_weights,
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for key in ("standardize", "split"):
            if isinstance(config.get(key), dict):
                config[key] = serialization.deserialize_keras_object(config[key], custom_objects)
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_own_variables(self, store):
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store):
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path):
        """Writes the terms to `vocabulary.txt`, unless the config has them."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path):
        """Reads what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _check_numbers(ngrams, output_mode, length):
    sizes = isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams)
    if not (ngrams is None or isinstance(ngrams, int) or sizes):
        raise ValueError(
            f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}"
        )
    if output_mode == "int" and not (length is None or isinstance(length, int)):
        raise ValueError(
            "`output_sequence_length` must be either None or an integer when `output_mode` is "
            f"'int'. Received: output_sequence_length={length}"
        )
    if output_mode != "int" and length is not None:
        raise ValueError(
            "`output_sequence_length` must not be set if `output_mode` is not 'int'. Received "
            f"output_sequence_length={length}."
        )


@functools.cache
def _standardizer(how):
    """A function of a text that replaces its characters; ASCII texts as bytes, which is faster."""
    changes = _STANDARDIZE[how]
    every = str.maketrans(changes)
    kept = "".join(c for c in changes if changes[c])
    table = bytes.maketrans(kept.encode(), "".join(changes[c] for c in kept).encode())
    removed = "".join(c for c in changes if not changes[c]).encode()

    def standardized(text):
        if not text.isascii():
            return text.translate(every)
        return text.encode().translate(table, removed).decode()

    return standardized


def _words(text):
    return _WORD.findall(text) if _OTHER_SPACE.search(text) else text.split()


def _rows(texts, shape):
    """The last axis as tokens; a text without axes, or on one axis, is one document."""
    if len(shape) < 2:
        return [texts], ()
    width = shape[-1]
    count = len(texts) // width if width else int(np.prod(shape[:-1]))
    return [texts[i * width : (i + 1) * width] for i in range(count)], shape[:-1]


def _ngrams_of(tokens, sizes):
    return [" ".join(tokens[i : i + size]) for size in sizes for i in range(len(tokens) - size + 1)]


def _stored(choice):
    return serialization.serialize_keras_object(choice) if callable(choice) else choice

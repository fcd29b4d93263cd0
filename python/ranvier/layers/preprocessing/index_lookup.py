"""The common part of StringLookup and IntegerLookup: a vocabulary and its special tokens."""

from __future__ import annotations

import collections
import os

import numpy as np

from ranvier import config, ops
from ranvier.layers.preprocessing.encoding import (
    check_choice,
    check_salt,
    check_sparse,
    encode_array,
    encoded_shape,
)
from ranvier.layers.preprocessing.host_layer import HostLayer, as_array, batches_of, string_array
from ranvier.layers.preprocessing.string_hashes import hash64
from ranvier.layers.preprocessing.vocabulary import Counter, Vocabulary
from ranvier.serialization import in_safe_mode
from ranvier.variable import bump_structure

# The index of what is left out of encoded rows.
_DROPPED = np.iinfo("int64").max
_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class IndexLookup(HostLayer):
    """Terms to indices: [mask token] [out-of-vocabulary indices] [terms]. See the subclasses."""

    # How terms are read from arrays; `int` terms or strings.
    _integers = False

    def __init__(
        self,
        max_tokens,
        num_oov_indices,
        mask_token,
        oov_token,
        vocabulary_dtype,
        vocabulary=None,
        idf_weights=None,
        invert=False,
        output_mode="int",
        sparse=False,
        pad_to_max_tokens=False,
        oov_method="floormod",
        name=None,
        salt=None,
        **kwargs,
    ):
        super().__init__(name=name)
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        self.invert, self.max_tokens, self.num_oov_indices = invert, max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.output_mode, self.sparse = output_mode, sparse
        self.pad_to_max_tokens, self.oov_method = pad_to_max_tokens, oov_method
        self.vocabulary_dtype = vocabulary_dtype
        self._check_arguments(idf_weights)
        if salt is not None and self._integers and oov_method != "farmhash":
            raise ValueError(
                "`salt` can only be used when `oov_method='farmhash'`. "
                f"Received: oov_method={oov_method}"
            )
        self.salt = check_salt(salt, self)
        self._frozen_vocab_size = kwargs.pop("vocabulary_size", None)
        # A file's terms are stored beside the model, a given list's in the config.
        self.input_vocabulary = None if isinstance(vocabulary, str) else _plain(vocabulary)
        self.input_idf_weights = _plain(idf_weights)
        self._has_input_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        for ignored in ("trainable", "dtype"):
            kwargs.pop(ignored, None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword argument(s): {kwargs}")
        self._terms = Vocabulary([], self._token_start_index(), self._integers)
        self._counter = Counter(output_mode == "tf_idf")
        self.idf_weights = None
        if output_mode == "tf_idf" and self._has_input_vocabulary and idf_weights is None:
            raise ValueError(
                "When specifying the `vocabulary` argument, in TF-IDF output mode, the "
                "`idf_weights` argument must also be provided."
            )
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_arguments(self, idf_weights):
        if self.max_tokens is not None and self.max_tokens <= 1:
            raise ValueError(
                "If set, `max_tokens` must be greater than 1. "
                f"Received: max_tokens={self.max_tokens}"
            )
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(
                "If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens=None"
            )
        if self.num_oov_indices < 0:
            raise ValueError(
                "`num_oov_indices` must be greater than or equal to 0. "
                f"Received: num_oov_indices={self.num_oov_indices}"
            )
        check_choice(self.oov_method, ("floormod", "farmhash"), self, "oov_method")
        check_choice(self.output_mode, _MODES, self, "output_mode")
        check_sparse(self.sparse, self.output_mode)
        if self.invert and self.output_mode != "int":
            raise ValueError(
                "`output_mode` must be `'int'` when `invert` is true. "
                f"Received: output_mode={self.output_mode}"
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                "`idf_weights` should only be set if `output_mode` is `'tf_idf'`. Received: "
                f"idf_weights={idf_weights} and output_mode={self.output_mode}"
            )

    # -- the vocabulary

    def get_vocabulary(self, include_special_tokens=True) -> list:
        """The terms; with the special tokens before them each one's place is its index."""
        if not include_special_tokens:
            return list(self._terms.terms)
        special = [self.oov_token] * self._token_start_index()
        if self._oov_start_index():
            special[0] = self.mask_token
        return special + list(self._terms.terms)

    def vocabulary_size(self) -> int:
        """Number of terms and special tokens."""
        return self._token_start_index() + len(self._terms)

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Sets the terms instead of learning them with `adapt`.

        Args:
            vocabulary: list or array of terms, with or without all special tokens before them, or
                the path of a file with one term per line.
            idf_weights: inverse document frequency of each term, with "tf_idf" only.

        Raises:
            ValueError: repeated or reserved terms, too many, weights missing or too many, a file
                that is not there.
        """
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise ValueError(
                "`idf_weights` must be set if output_mode is 'tf_idf', and only then. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        if isinstance(vocabulary, str):
            vocabulary = self._read_file(vocabulary)
        terms = self._as_terms(vocabulary)
        if not terms:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        start = self._token_start_index()
        special = [self.mask_token] * self._oov_start_index()
        special += [self.oov_token] * self.num_oov_indices
        given_special = terms[:start] == special
        tokens = terms[start:] if given_special else terms
        self._check_terms(terms, tokens, special)
        if self.max_tokens is not None and start + len(tokens) > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received "
                f"vocabulary size is {start + len(tokens)}; `max_tokens` is {self.max_tokens}."
            )
        weights = None
        if idf_weights is not None:
            weights = self._idf(np.asarray(idf_weights), len(terms), given_special)
        self._take(tokens, weights)

    def _read_file(self, path) -> list:
        if in_safe_mode():
            raise ValueError(
                "The config names a vocabulary file outside of the model's own file. Such files "
                "are read only when you trust the source: pass `safe_mode=False` to the loading "
                f"function. Vocabulary file: '{path}'"
            )
        if not os.path.exists(path):
            raise ValueError(f"Vocabulary file {path} does not exist.")
        if self.output_mode == "tf_idf":
            raise ValueError(
                "output_mode `'tf_idf'` does not support loading a vocabulary from file."
            )
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def _check_terms(self, terms, tokens, special):
        repeated = [t for t, n in collections.Counter(tokens).items() if n > 1]
        if repeated:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your "
                f"dataset. The repeated terms are: {repeated}"
            )
        reserved = [("mask", self.mask_token)]
        if self.invert:
            reserved.append(("OOV", self.oov_token))
        for kind, token in reserved:
            if token is not None and token in tokens:
                raise ValueError(
                    f"Found reserved {kind} token at unexpected location in `vocabulary`. Pass "
                    "the terms alone, or all special tokens before them in precisely this order: "
                    f"{special}. Received: the {kind} token {token!r} at index "
                    f"{len(terms) - 1 - terms[::-1].index(token)}"
                )

    def _idf(self, weights, count, given_special):
        """The weights of all indices: special tokens weigh the average, unused indices nothing."""
        if weights.ndim != 1 or len(weights) != count:
            raise ValueError(
                "`idf_weights` must be the same length as vocabulary. len(idf_weights) is "
                f"{len(weights)}; len(vocabulary) is {count}"
            )
        front = 0 if given_special else self._token_start_index()
        weights = np.concatenate([np.full(front, np.average(weights)), weights])
        back = self.max_tokens - len(weights) if self.pad_to_max_tokens else 0
        return np.pad(weights, (0, back))

    def _take(self, tokens, weights):
        size = self._token_start_index() + len(tokens)
        free = self.output_mode == "int" or self.pad_to_max_tokens
        if not free and self._frozen_vocab_size not in (None, size):
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the "
                "vocabulary size cannot be changed after the layer is called. Old vocab size is "
                f"{self._frozen_vocab_size}, new vocab size is {size}"
            )
        self._terms = Vocabulary(tokens, self._token_start_index(), self._integers)
        self._frozen_vocab_size = size
        if weights is not None:
            self.idf_weights = _floatx(weights)
        self.constants_version += 1
        bump_structure()

    def _oov_start_index(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _token_start_index(self) -> int:
        return self._oov_start_index() + self.num_oov_indices

    # -- learning it

    def adapt(self, data, steps=None):
        """Learns the terms, the most frequent first; of equally frequent ones the greater first.

        Args:
            data: array or list of terms, one document per row; or an iterable of batches.
            steps: batches at most.

        Raises:
            ValueError: the layer has a given vocabulary.
        """
        self.reset_state()
        batches, whole = batches_of(data, steps)
        for batch in batches:
            array = as_array(batch)
            self.update_state(array[:, None] if whole and array.ndim == 1 else array)
        self.finalize_state()

    def update_state(self, data):
        """Counts a batch: a document per row, or one document of rank 1."""
        array = np.asarray(as_array(data))
        rows = 1 if array.ndim < 2 else len(array)
        flat = self._flat_terms(array)
        width = array.size // max(rows, 1)
        self.count_documents([flat[i * width : (i + 1) * width] for i in range(rows)])

    def count_documents(self, documents):
        """Counts documents given as lists of terms."""
        if self._has_input_vocabulary:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via "
                "`vocabulary` argument or `set_vocabulary()` method."
            )
        self._counter.add(documents)

    def finalize_state(self):
        """Makes the vocabulary of what was counted."""
        if self._has_input_vocabulary or not self._counter:
            self._frozen_vocab_size = self.vocabulary_size()
            return
        room = None if self.max_tokens is None else self.max_tokens - self._token_start_index()
        tokens = self._counter.most_common(room, {self.mask_token, self.oov_token})
        weights = None
        if self.output_mode == "tf_idf":
            found = self._counter.inverse_document_frequency(tokens)
            weights = self._idf(found, len(tokens), given_special=False)
        self._take(tokens, weights)
        self.reset_state()

    def reset_state(self):
        """Forgets what was counted."""
        if not self._has_input_vocabulary:
            self._counter = Counter(self.output_mode == "tf_idf")

    # -- computing

    @property
    def compute_dtype(self):
        """What the inputs are."""
        return self.vocabulary_dtype

    @property
    def variable_dtype(self):
        """Likewise."""
        return self.vocabulary_dtype

    @property
    def input_dtype(self):
        """Dtype of an input that is made for the layer."""
        return "int64" if self.invert else self.vocabulary_dtype

    @property
    def output_dtype(self) -> str:
        """int64 for indices, floats for encoded rows, the terms' when inverted."""
        if self.invert:
            return self.vocabulary_dtype
        return "int64" if self.output_mode == "int" else config.floatx()

    def _depth(self):
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self._depth())

    def check_ready(self):
        """Refuses to encode rows whose size is not known yet."""
        if self.output_mode != "int" and self._depth() is None:
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you "
                "must set the layer's vocabulary before calling it. Either pass a `vocabulary` "
                "argument to the layer, or call `adapt` with some sample data."
            )

    def call(self, inputs):
        self.check_ready()
        outputs = self._on_host([inputs])
        return self.weigh(outputs)

    def weigh(self, counts):
        """Counts times the inverse document frequencies, in "tf_idf" mode."""
        if self.output_mode != "tf_idf":
            return counts
        weights = ops.convert_to_tensor(self.idf_weights)
        return ops.multiply(ops.cast(counts, weights.dtype), weights)

    def compute_arrays(self, array):
        array = np.asarray(array)
        if self.invert:
            return self._to_terms(array)
        return self.encode(self.indices_of(self._flat_terms(array)).reshape(array.shape))

    def encode(self, indices) -> np.ndarray:
        """An array of indices in the output mode; "tf_idf" gives counts."""
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encode_array(indices, mode, self._depth(), "int64")

    def indices_of(self, flat) -> np.ndarray:
        """The index of each of a flat list of terms (int64).

        Raises:
            RuntimeError: there is no vocabulary yet.
            ValueError: an unknown term, and there are no out-of-vocabulary indices.
        """
        if self._frozen_vocab_size is None:
            raise RuntimeError(
                f"Layer '{self.name}' has no vocabulary yet. Either pass a `vocabulary` argument "
                "to the layer, or call `adapt` with some sample data."
            )
        found = self._terms.find(flat)
        unknown = np.flatnonzero(found < 0)
        if self.mask_token is not None and len(unknown):
            masked = np.array([flat[i] == self.mask_token for i in unknown], dtype=bool)
            found[unknown[masked]] = 0 if self.output_mode == "int" else _DROPPED
            unknown = unknown[~masked]
        if len(unknown):
            if self.num_oov_indices == 0:
                raise ValueError(
                    "When `num_oov_indices=0` all inputs should be in vocabulary, found OOV "
                    f"values {[flat[i] for i in unknown[:10]]}, consider setting "
                    "`num_oov_indices=1`."
                )
            bins = self._oov_bins([flat[i] for i in unknown]) if self.num_oov_indices > 1 else 0
            found[unknown] = self._oov_start_index() + bins
        return found

    def _oov_bins(self, terms):
        if self._integers and self.oov_method != "farmhash":
            return np.asarray(terms, dtype="int64") % self.num_oov_indices
        hashes = hash64(np.asarray(terms) if self._integers else terms, self.salt)
        return (hashes % np.uint64(self.num_oov_indices)).astype("int64")

    def _to_terms(self, array):
        flat = array.reshape(-1).astype("int64").tolist()
        terms = self._terms.term(flat, self.oov_token)
        if self.mask_token is not None:
            terms = [self.mask_token if i == 0 else t for i, t in zip(flat, terms)]
        if self._integers:
            return np.asarray(terms, dtype="int64").reshape(array.shape)
        return string_array(terms, array.shape)

    def _flat_terms(self, array):
        raise NotImplementedError

    def _as_terms(self, vocabulary) -> list:
        return list(self._flat_terms(np.asarray(as_array(vocabulary)).reshape(-1)))

    # -- files

    def get_config(self):
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary_dtype": self.vocabulary_dtype,
            "idf_weights": self.input_idf_weights,
            "vocabulary": self.input_vocabulary,
            "vocabulary_size": self._frozen_vocab_size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    def get_build_config(self):
        return {}

    def build_from_config(self, config):
        self.build(None)

    def save_own_variables(self, store):
        if self.output_mode == "tf_idf":
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store):
        if self.output_mode == "tf_idf":
            self.idf_weights = _floatx(np.asarray(store["idf_weights"]))

    def save_assets(self, dir_path):
        """Writes the terms to `vocabulary.txt`, unless the config has them."""
        if self.input_vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8") as file:
                file.write("\n".join(str(term) for term in self.get_vocabulary()))

    def load_assets(self, dir_path):
        """Reads what `save_assets` wrote."""
        if self.input_vocabulary is not None:
            return
        with open(os.path.join(dir_path, "vocabulary.txt"), encoding="utf-8") as file:
            lines = file.read().split("\n")
        while lines and lines[-1] == "":
            lines.pop()
        terms = [int(line) for line in lines] if self._integers else lines
        if len(terms) > self._token_start_index():
            self.set_vocabulary(terms, idf_weights=self.idf_weights)


def _plain(values):
    """A list for the config, of what may be an array or a tensor."""
    if values is None or isinstance(values, (list, tuple)):
        return values
    return np.asarray(as_array(values)).tolist()


def _floatx(values) -> np.ndarray:
    name = config.floatx()
    return np.asarray(values).astype("float32" if name == "bfloat16" else name)

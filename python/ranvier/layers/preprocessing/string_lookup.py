"""StringLookup: strings to indices of a vocabulary, and back."""

from __future__ import annotations

from ranvier.layers.preprocessing.host_layer import strings_of
from ranvier.layers.preprocessing.index_lookup import IndexLookup


class StringLookup(IndexLookup):
    """Strings to integers.

    Indices are given in this order: the mask token (index 0, with `output_mode="int"` only), the
    out-of-vocabulary indices, the terms.

    Args:
        max_tokens: size of the vocabulary at most, special tokens included.
        num_oov_indices: indices for unknown strings: 0 makes them an error, more than 1 spreads
            them by a hash (FarmHash64, or SipHash with a `salt`).
        mask_token: the string that means "nothing"; index 0, or left out of encoded rows.
        oov_token: what unknown indices become with `invert`.
        vocabulary: list or array of terms, or a file with one per line; else use `adapt`.
        idf_weights: inverse document frequencies of the terms, for "tf_idf" with a `vocabulary`.
        invert: whether integers become strings.
        output_mode: "int"; "one_hot" per string; "multi_hot", "count" or "tf_idf" per sample.
        pad_to_max_tokens: whether encoded rows are `max_tokens` wide.
        sparse: must be `False`.
        encoding: of `bytes`.
        salt: integer, or two, for the hash of unknown strings.

    Input: strings (NumPy arrays, lists) of any shape. Output: int64 of the same shape, or encoded
    rows; strings with `invert`, as a NumPy array.

    Example:
        >>> layers.StringLookup(vocabulary=["a", "b"])(np.array([["b", "z"]])).tolist()
        [[2, 0]]
    """

    def __init__(
        self,
        max_tokens=None,
        num_oov_indices=1,
        mask_token=None,
        oov_token="[UNK]",
        vocabulary=None,
        idf_weights=None,
        invert=False,
        output_mode="int",
        pad_to_max_tokens=False,
        sparse=False,
        encoding="utf-8",
        name=None,
        salt=None,
        **kwargs,
    ):
        # Set first: the vocabulary is read with it.
        object.__setattr__(self, "encoding", encoding)
        kwargs.pop("vocabulary_dtype", None)
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token,
            oov_token=oov_token, vocabulary=vocabulary, idf_weights=idf_weights, invert=invert,
            output_mode=output_mode, pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, name=name,
            salt=salt, vocabulary_dtype="string", **kwargs,
        )  # fmt: skip

    def _flat_terms(self, array):
        return strings_of(array, self.encoding, f"Layer '{self.name}' (of type StringLookup)")

    def get_config(self):
        config = {**super().get_config(), "encoding": self.encoding}
        del config["vocabulary_dtype"]
        return config

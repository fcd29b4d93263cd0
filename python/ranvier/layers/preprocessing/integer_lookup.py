"""IntegerLookup: integers to indices of a vocabulary, and back."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import ops
from ranvier.layers.preprocessing.encoding import encode
from ranvier.layers.preprocessing.index_lookup import _DROPPED, IndexLookup
from ranvier.python_numbers import numbers_of
from ranvier.symbolic import host


class IntegerLookup(IndexLookup):
    """Integers to indices, as `StringLookup` has them.

    Inside a compiled step the lookup is part of the program, unless an error (no
    out-of-vocabulary index) or a hash needs the values.

    Args:
        max_tokens, num_oov_indices, mask_token, vocabulary, idf_weights, invert, output_mode,
            pad_to_max_tokens, sparse: see `StringLookup`; terms and tokens are integers.
        oov_token: what unknown indices become with `invert`.
        vocabulary_dtype: "int64".
        oov_method: how several out-of-vocabulary indices are chosen: "floormod" (the integer modulo
            their number) or "farmhash" (a hash of its digits).
        salt: for "farmhash".

    Input: integers of any shape. Output: int64 of the same shape, or encoded rows.

    Example:
        >>> layers.IntegerLookup(vocabulary=[12, 36])(np.array([[36, 5]])).tolist()
        [[2, 0]]
    """

    _integers = True

    def __init__(
        self,
        max_tokens=None,
        num_oov_indices=1,
        mask_token=None,
        oov_token=-1,
        vocabulary=None,
        vocabulary_dtype="int64",
        idf_weights=None,
        invert=False,
        output_mode="int",
        sparse=False,
        pad_to_max_tokens=False,
        oov_method="floormod",
        salt=None,
        name=None,
        **kwargs,
    ):
        if vocabulary_dtype != "int64":
            raise ValueError(
                "Only `vocabulary_dtype='int64'` is supported at this time. Received: "
                f"vocabulary_dtype={vocabulary_dtype}"
            )
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token,
            oov_token=oov_token, vocabulary_dtype=vocabulary_dtype, vocabulary=vocabulary,
            idf_weights=idf_weights, invert=invert, output_mode=output_mode, sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens, oov_method=oov_method, salt=salt, name=name,
            **kwargs,
        )  # fmt: skip

    @property
    def runs_on_host(self):
        """Whether the lookup needs values: to refuse unknown ones, or to hash them."""
        if self.invert:
            return False
        hashed = self.num_oov_indices > 1 and self.oov_method == "farmhash"
        return self.num_oov_indices == 0 or hashed

    def call(self, inputs):
        symbol = isinstance(inputs, B.Tensor) and inputs.is_symbol
        # What other layers compute on the host from the result needs it there.
        if not symbol or self.runs_on_host or host.is_fed(inputs):
            return super().call(inputs)
        self.check_ready()
        ids = ops.cast(inputs, "int64")
        if self.invert:
            return self._terms_in_program(ids)
        found = self._indices_in_program(ids)
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self.weigh(encode(found, mode, self._depth(), "int64"))

    def _indices_in_program(self, ids):
        keys = ops.convert_to_tensor(self._terms.keys)
        at = ops.searchsorted(self._terms.keys, ids)
        known = ops.logical_and(ops.equal(ops.take(keys, at), ids), ops.less(at, len(self._terms)))
        start = ops.full_like(ids, self._oov_start_index())
        if self.num_oov_indices > 1:
            start = ops.add(start, ops.mod(ids, self.num_oov_indices))
        found = ops.where(known, ops.take(ops.convert_to_tensor(self._terms.indices), at), start)
        if self.mask_token is None:
            return found
        masked = ops.full_like(ids, 0 if self.output_mode == "int" else _DROPPED)
        return ops.where(ops.equal(ids, self.mask_token), masked, found)

    def _terms_in_program(self, ids):
        vocabulary = [self.oov_token if t is None else t for t in self.get_vocabulary()]
        last = len(vocabulary) - 1
        terms = ops.convert_to_tensor(np.asarray(vocabulary, dtype="int64"))
        inside = ops.logical_and(ops.greater_equal(ids, 0), ops.less_equal(ids, last))
        found = ops.take(terms, ops.clip(ids, 0, last))
        return ops.where(inside, found, ops.full_like(ids, self.oov_token))

    def _flat_terms(self, array):
        array = np.asarray(array)
        if array.dtype.kind == "O":
            array = numbers_of(array)
        if array.dtype.kind not in "iubf":
            raise TypeError(
                f"Layer '{self.name}' (of type IntegerLookup) takes integers. Received: an array "
                f"of dtype {array.dtype} and shape {array.shape}."
            )
        return array.reshape(-1).astype("int64")

    def _as_terms(self, vocabulary):
        array = np.asarray(vocabulary)
        if array.dtype.kind in "US":  # lines of a file
            array = array.astype("int64")
        return self._flat_terms(array).tolist()

    def count_documents(self, documents):
        super().count_documents([document.tolist() for document in documents])

    def get_config(self):
        config = super().get_config()
        for key in ("oov_token", "mask_token"):
            if config[key] is not None:
                config[key] = int(config[key])
        if config["vocabulary"] is not None:
            config["vocabulary"] = [int(term) for term in config["vocabulary"]]
        return config

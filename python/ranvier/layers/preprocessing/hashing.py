"""Hashing and HashedCrossing: categories without a vocabulary."""

from __future__ import annotations

import numpy as np

from ranvier import config
from ranvier.layers.preprocessing.encoding import (
    MODES,
    check_choice,
    check_salt,
    check_sparse,
    encode_array,
    encoded_shape,
)
from ranvier.layers.preprocessing.host_layer import HostLayer, as_array, strings_of
from ranvier.layers.preprocessing.string_hashes import CROSS_START, combine, hash64


class Hashing(HostLayer):
    """The bin of each string or integer: its hash modulo the number of bins.

    Integers are hashed as their decimal digits, booleans as "true" and "false"; floats are cut to
    integers.

    Args:
        num_bins: number of bins, with the one of `mask_value`.
        mask_value: this value gets bin 0, all others the rest.
        salt: `None` for FarmHash64; one integer or two as the key of SipHash64.
        output_mode: "int"; "one_hot" per item; "multi_hot" or "count" per sample.
        sparse: kept for Keras programs; results are dense.

    Input: strings, integers, floats or booleans of any shape. Output: int64 (or the given int
    dtype) of the same shape, or rows of `num_bins`.

    Raises:
        ValueError: no bins, an unknown mode, a salt that is none, a float dtype for indices.

    Example:
        >>> layers.Hashing(num_bins=3)(np.array([["A"], ["B"]])).tolist()
        [[1], [0]]
    """

    def __init__(
        self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, **kwargs
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                "The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: "
                f"num_bins={num_bins}."
            )
        if output_mode == "int" and self.own_policy.name not in ("int32", "int64"):
            raise ValueError(
                "When `output_mode=\"int\"`, `dtype` should be an integer type, 'int32' or "
                f"'int64'. Received: dtype={kwargs['dtype']}"
            )
        if output_mode not in MODES:
            raise ValueError(
                f"Invalid value for argument `output_mode`. Expected one of {MODES}. Received: "
                f"output_mode={output_mode}"
            )
        check_sparse(sparse, output_mode)
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.output_mode = output_mode
        self.sparse = sparse
        self.salt = check_salt(salt, self)

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_arrays(self, array):
        function, options = self._pure()
        return function(array, **dict(options))

    def _pure(self):
        return hashed, (
            ("num_bins", self.num_bins),
            ("mask_value", self.mask_value),
            ("salt", None if self.salt is None else tuple(self.salt)),
            ("output_mode", self.output_mode),
            ("dtype", self.dtype),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


class HashedCrossing(HostLayer):
    """One category from the combination of two or more: the hash of all of them together.

    Args:
        num_bins: number of bins.
        output_mode: "int" or "one_hot".
        sparse: kept for Keras programs; results are dense.
        name, dtype: as for every layer; int64 by default for indices.

    Input: a list of at least two arrays of strings or integers, all of shape (), (batch,) or
    (batch, 1). Output: indices of the same shape, or (batch, num_bins).

    Raises:
        ValueError: fewer inputs, other shapes or types, an unknown mode.

    Example:
        >>> layer = layers.HashedCrossing(num_bins=5)
        >>> layer((np.array(["A", "B"]), np.array([101, 102]))).shape
        (2,)
    """

    def __init__(self, num_bins, output_mode="int", sparse=False, name=None, dtype=None, **kwargs):
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype)
        check_choice(output_mode, ("int", "one_hot"), self, "output_mode")
        self.num_bins = num_bins
        self.output_mode = output_mode
        self.sparse = sparse

    def compute_output_shape(self, input_shape):
        shapes = list(input_shape)
        if len(shapes) < 2 or not all(isinstance(s, (tuple, list)) for s in shapes):
            raise ValueError(
                "Expected as input a list/tuple of at least 2 tensors. Received "
                f"input_shape={input_shape}"
            )
        if any(tuple(s)[-1:] != tuple(shapes[0])[-1:] for s in shapes):
            raise ValueError(
                "Expected the input tensors to have identical shapes. Received "
                f"input_shape={input_shape}"
            )
        return encoded_shape(shapes[0], self.output_mode, self.num_bins)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                "`HashedCrossing` should be called on a list or tuple of inputs. Received: "
                f"inputs={inputs}"
            )
        if len(inputs) < 2:
            raise ValueError(
                "`HashedCrossing` should be called on at least two inputs. Received: "
                f"inputs={inputs}"
            )
        inputs = [as_array(x) for x in inputs]
        shapes = [tuple(x.shape) for x in inputs]
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1):
            raise ValueError(
                "All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or "
                f"`(batch_size, 1)`. Received: input shapes {shapes}"
            )
        if any(shape != first for shape in shapes):
            raise ValueError(
                f"All `HashedCrossing` inputs should have equal shape. Received: {shapes}"
            )
        return self._on_host(inputs)

    def compute_arrays(self, *arrays):
        function, options = self._pure()
        return function(*arrays, **dict(options))

    def _pure(self):
        return crossed, (
            ("num_bins", self.num_bins),
            ("output_mode", self.output_mode),
            ("dtype", self.dtype),
        )

    def get_config(self):
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }


def hashed(array, num_bins, mask_value, salt, output_mode, dtype) -> np.ndarray:
    """What `Hashing` computes."""
    array = np.asarray(array)
    text = array.dtype.kind in "OUS"
    flat = array.reshape(-1)
    if text:
        terms = strings_of(array, what="A Hashing layer")
    elif array.dtype.kind == "b":
        terms = np.where(flat, "true", "false").tolist()
    else:
        terms = flat.astype("int64")
    reserved = int(mask_value is not None and num_bins > 1)
    bins = (hash64(terms, salt) % np.uint64(num_bins - reserved)).astype("int64") + reserved
    if reserved:
        values = terms if text else flat.tolist()
        bins[np.array([x == mask_value for x in values], dtype=bool)] = 0
    return encode_array(bins.reshape(array.shape), output_mode, num_bins, dtype)


def crossed(*arrays, num_bins, output_mode, dtype) -> np.ndarray:
    """What `HashedCrossing` computes."""
    total = np.full(arrays[0].size, CROSS_START, np.uint64)
    for array in arrays:
        total = combine(total, _fingerprints(array))
    bins = (total % np.uint64(num_bins)).astype("int64").reshape(arrays[0].shape)
    return encode_array(bins, output_mode, num_bins, dtype)


def _fingerprints(array):
    """Strings by their hash, integers by themselves."""
    if array.dtype.kind in "iu":
        return array.reshape(-1).astype("int64").view("uint64")
    if array.dtype.kind not in "OUS":
        raise ValueError(
            "All `HashedCrossing` inputs should have an integer or string dtype. Received: "
            f"an array of dtype {array.dtype}"
        )
    return hash64(strings_of(array, what="A HashedCrossing layer"))

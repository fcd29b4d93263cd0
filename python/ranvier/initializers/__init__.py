"""Functions that give weights their first values."""

from __future__ import annotations

import numpy as np

from ranvier import identifiers, ops
from ranvier.config import standardize_dtype
from ranvier.initializers.base import Initializer
from ranvier.initializers.constant import STFT, Constant, Identity, Ones, Zeros
from ranvier.initializers.draws import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    compute_fans,
)

constant, identity, ones, stft, zeros = Constant, Identity, Ones, STFT, Zeros
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
random_normal, random_uniform = RandomNormal, RandomUniform
orthogonal, truncated_normal, variance_scaling = Orthogonal, TruncatedNormal, VarianceScaling
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT

_CLASSES = (
    Initializer, Constant, Identity, Ones, STFT, Zeros, GlorotNormal, GlorotUniform, HeNormal,
    HeUniform, LecunNormal, LecunUniform, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal,
    VarianceScaling,
)  # fmt: skip
_TABLE = identifiers.names_of(
    _CLASSES,
    {
        "IdentityInitializer": Identity,
        "OrthogonalInitializer": Orthogonal,
        "STFTInitializer": STFT,
        "normal": RandomNormal,
        "one": Ones,
        "stft": STFT,
        "uniform": RandomUniform,
        "zero": Zeros,
    },
)

__all__ = [
    *(c.__name__ for c in _CLASSES), "IdentityInitializer", "OrthogonalInitializer",
    "RandomInitializer", "STFTInitializer", "compute_fans", "constant", "deserialize", "get",
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip


serialize, deserialize, _get = identifiers.trio(_TABLE, "initializer", "initializers", "Zeros")


def get(identifier):
    """The initializer for a name, a config, a class, a callable or an array of values.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> keras.initializers.get("ones")((2,)).tolist()
        [1.0, 1.0]
    """
    if ops.is_tensor(identifier) or isinstance(identifier, (np.generic, np.ndarray)):
        return _of_values(identifier)
    return _get(identifier)


def _of_values(values):
    def initialize(shape, dtype=None):
        if tuple(shape) != tuple(values.shape):
            raise ValueError(
                f"Expected `shape` to be {tuple(values.shape)} for direct tensor as initializer. "
                f"Received shape={shape}"
            )
        return ops.cast(values, standardize_dtype(dtype))

    return initialize

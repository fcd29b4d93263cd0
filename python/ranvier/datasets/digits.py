"""The 1,797 handwritten digits of the UCI repository (CC BY 4.0, see DIGITS.txt)."""

from __future__ import annotations

import importlib.resources
import io

import numpy as np


def load_data(test_split: float = 0.2, seed: int | None = 113):
    """Handwritten digits of 8 by 8 pixels.

    Args:
        test_split: share of the samples that goes into the test set, 0 to 1 (both excluded).
        seed: of the shuffle before the split; `None` keeps the original order, in which the writers
            of the test set are others than those of the training set.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pixels as uint8 `(samples, 8, 8)` with values 0 to
        16, labels 0 to 9 as uint8 `(samples,)`.

    Raises:
        ValueError: `test_split` is not between 0 and 1.

    Source: E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, https://doi.org/10.24432/C50P49.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
        >>> x_train.shape[1:], int(x_train.max()), sorted(set(y_test.tolist()))
        ((8, 8), 16, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    if not 0.0 < test_split < 1.0:
        raise ValueError(
            f"digits.load_data: `test_split` must be between 0 and 1. Received: {test_split!r}."
        )
    packed = importlib.resources.files(__package__).joinpath("digits.npz").read_bytes()
    with np.load(io.BytesIO(packed), allow_pickle=False) as file:
        x, y = file["x"], file["y"]
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(x))
        x, y = x[order], y[order]
    cut = len(x) - int(round(test_split * len(x)))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


__all__ = ["load_data"]

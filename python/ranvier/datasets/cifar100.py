"""CIFAR-100: 60,000 colour photos of 32 by 32 pixels in 100 classes and 20 groups of them."""

from __future__ import annotations

import numpy as np

from ranvier.datasets import _files
from ranvier.datasets._cifar import read_records

_BINARY = _files.RemoteFile(
    "cifar-100-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "md5:03b5dce01913d631647c71ecec9e9cb8",
)
_RECORDS = {"train.bin": 50000, "test.bin": 10000}
# Position of the label in a record.
_MODES = {"coarse": 0, "fine": 1}


def load_data(label_mode="fine", path=None):
    """Colour photos with the class or its group.

    Args:
        label_mode: `"fine"` (100 classes) or `"coarse"` (20 groups).
        path: `cifar-100-binary.tar.gz`, or a folder that has it; else it is looked for below
            RANVIER_DATA and in Keras' cache, and downloaded once.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: red, green and blue 0 to 255 as uint8
        `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, labels as int64 `(samples, 1)`.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        ValueError: another mode, or a damaged file.
    """
    if label_mode not in _MODES:
        raise ValueError(
            f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.'
        )
    parts = read_records(_files.locate_one(path, "cifar100", _BINARY), _RECORDS, label_bytes=2)
    at = _MODES[label_mode]
    train, test = (
        (images, labels[:, at : at + 1].astype(np.int64))
        for images, labels in (parts["train.bin"], parts["test.bin"])
    )
    return train, test


__all__ = ["load_data"]

"""MNIST: 70,000 handwritten digits of 28 by 28 pixels (LeCun, Cortes, Burges)."""

from __future__ import annotations

import os

from ranvier.datasets import _files

_FILES = _files.idx_files(
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
    "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
)  # fmt: skip
_NPZ = _files.keras_file("mnist.npz", "")


def load_data(path="mnist.npz"):
    """Handwritten digits.

    Args:
        path: an `.npz` file with `x_train`, `y_train`, `x_test` and `y_test`, or a folder with it
            or with the four `*-ubyte.gz` files (there or in a subfolder `mnist`). Where it is not
            there, RANVIER_DATA is such a folder, then Keras' cache is asked for the `.npz` file;
            else the four are downloaded once.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: grey levels 0 to 255 as uint8 `(60000, 28, 28)` and
        `(10000, 28, 28)`, labels 0 to 9 as uint8.

    Raises:
        DataNotFoundError: the files are not there and cannot be downloaded.
        ValueError: a file is damaged.

    Example:
        >>> images, labels = np.zeros((2, 28, 28), "uint8"), np.array([3, 7], "uint8")
        >>> np.savez("own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
        >>> (x_train, y_train), _ = keras.datasets.mnist.load_data("own.npz")
        >>> y_train.tolist()
        [3, 7]
    """
    folder = path if path is None or os.path.isdir(path) else None
    if _files.find(folder, "mnist", [f.name for f in _FILES]) is None:
        place = _files.local_one(path, "mnist", _NPZ)
        if place is not None:
            names = ("x_train", "y_train", "x_test", "y_test")
            x_train, y_train, x_test, y_test = _files.read_npz(place, names)
            return (x_train, y_train), (x_test, y_test)
    return _files.load_idx_dataset(folder, "mnist", _FILES)


__all__ = ["load_data"]

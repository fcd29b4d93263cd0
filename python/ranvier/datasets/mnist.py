"""MNIST: 70,000 handwritten digits of 28 by 28 pixels (LeCun, Cortes, Burges)."""

from __future__ import annotations

from ranvier.datasets._files import RemoteFile, load_idx_dataset

_BASE = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FILES = [
    RemoteFile(name, _BASE + name, "md5:" + digest)
    for name, digest in (
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    )
]


def load_data(path=None):
    """Handwritten digits.

    Args:
        path: folder with the four `*-ubyte.gz` files, or with a subfolder `mnist` that has them;
            the environment's RANVIER_DATA when not given; else they are downloaded once.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: grey levels 0 to 255 as uint8 `(60000, 28, 28)` and
        `(10000, 28, 28)`, labels 0 to 9 as uint8.

    Raises:
        DataNotFoundError: the files are not there and cannot be downloaded.
        ValueError: a file is damaged.
    """
    return load_idx_dataset(path, "mnist", _FILES)

"""CIFAR-10: 60,000 colour photos of 32 by 32 pixels in ten classes (A. Krizhevsky, 2009)."""

from __future__ import annotations

import io

import numpy as np

from ranvier.datasets import _files
from ranvier.datasets._cifar import by_format, read_records

_BINARY = _files.RemoteFile(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "md5:c32a1d4ab5d03f1284b67883e8d87530",
)
_JPEG = ("cifar10_jpeg_train.npz", "cifar10_jpeg_test.npz")
_TRAIN = [f"data_batch_{i}.bin" for i in range(1, 6)]
_TEST = "test_batch.bin"

CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def load_data(path=None):
    """Colour photos; `CLASS_NAMES` says what the labels mean.

    Args:
        path: folder with `cifar-10-binary.tar.gz` or with the JPEG form (`cifar10_jpeg_train.npz`
            and `cifar10_jpeg_test.npz`, decoded with Pillow; lossy), or with a subfolder `cifar10`
            that has them; the environment's RANVIER_DATA when not given; else the former is
            downloaded once.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: red, green and blue 0 to 255 as uint8
        `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, labels 0 to 9 as uint8 `(samples, 1)`.

    Raises:
        DataNotFoundError: the files are not there and cannot be downloaded.
        ImportError: JPEG files are there but Pillow is not.
        ValueError: a file is damaged.
    """
    local = _files.find(path, "cifar10", [_BINARY.name])
    if local is None:
        jpeg = _files.find(path, "cifar10", _JPEG)
        if jpeg is not None:
            return _read_jpeg(jpeg[0]), _read_jpeg(jpeg[1])
        local = _files.locate(path, "cifar10", [_BINARY])
    return _read_binary(local[0])


def _read_binary(place):
    parts = read_records(place, dict.fromkeys((*_TRAIN, _TEST), 10000), label_bytes=1)
    images, labels = (np.concatenate([parts[n][i] for n in _TRAIN]) for i in (0, 1))
    return (images, labels), parts[_TEST]


def _read_jpeg(place):
    """`jpeg` holds all streams in a row, `offsets` where each begins and the last ends."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            f"cifar10: {place} holds JPEG pictures, which need Pillow: `pip install pillow`. (Or "
            f"put {_BINARY.name} into the same folder.)"
        ) from None
    try:
        with np.load(place, allow_pickle=False) as file:
            jpeg, offsets, labels = file["jpeg"], file["offsets"], file["labels"]
    except (KeyError, OSError, EOFError) as error:
        raise ValueError(f"{place}: not the expected npz file ({error}).") from error
    if offsets.ndim != 1 or len(offsets) != len(labels) + 1 or offsets[-1] > jpeg.size:
        raise ValueError(f"{place}: offsets, labels and pictures do not fit each other.")
    stream = jpeg.tobytes()
    images = np.empty((len(labels), 32, 32, 3), np.uint8)
    for i in range(len(labels)):
        with Image.open(
            io.BytesIO(stream[offsets[i] : offsets[i + 1]]), formats=["JPEG"]
        ) as picture:
            if picture.size != (32, 32):
                raise ValueError(
                    f"{place}: picture {i} has the size {picture.size}, expected (32, 32)."
                )
            images[i] = np.asarray(picture.convert("RGB"))
    return by_format(images), labels.astype(np.uint8).reshape(-1, 1)


__all__ = ["CLASS_NAMES", "load_data"]

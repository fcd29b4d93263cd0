"""Fashion-MNIST: 70,000 pictures of clothes of 28 by 28 pixels (Zalando, MIT licence)."""

from __future__ import annotations

from ranvier.datasets._files import idx_files, load_idx_dataset

_FILES = idx_files(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
    "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
)  # fmt: skip

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip


def load_data(path=None):
    """Pictures of clothes; `CLASS_NAMES` says what the labels mean.

    Args:
        path: folder with the four `*-ubyte.gz` files, or with a subfolder `fashion-mnist` that has
            them; the environment's RANVIER_DATA when not given; else they are downloaded once.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: grey levels 0 to 255 as uint8 `(60000, 28, 28)` and
        `(10000, 28, 28)`, labels 0 to 9 as uint8.

    Raises:
        DataNotFoundError: the files are not there and cannot be downloaded.
        ValueError: a file is damaged.
    """
    return load_idx_dataset(path, "fashion-mnist", _FILES)


__all__ = ["CLASS_NAMES", "load_data"]

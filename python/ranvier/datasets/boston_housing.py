"""Boston housing: 506 districts with 13 features (Harrison and Rubinfeld, 1978)."""

from __future__ import annotations

from ranvier.datasets import _files

_FILE = _files.keras_file(
    "boston_housing.npz", "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
)


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """House prices by district.

    Args:
        path: the `.npz` file, or a folder that has it; else it is looked for below RANVIER_DATA and
            in Keras' cache, and downloaded once.
        test_split: share of the test set, 0 to 1 (excluded).
        seed: of the shuffle before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features `(samples, 13)`, prices `(samples,)` in
        thousands of dollars.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        ValueError: the file is damaged, or an argument is out of range.

    Example:
        >>> np.savez("own.npz", x=np.zeros((10, 13)), y=np.arange(10.0))
        >>> train, test = keras.datasets.boston_housing.load_data("own.npz")
        >>> train[0].shape, test[0].shape
        ((8, 13), (2, 13))
    """
    _files.check_split(test_split)
    place = _files.locate_one(path, "boston_housing", _FILE)
    x, y = _files.read_npz(place, ("x", "y"))
    return _files.split(x, y, test_split, seed)


__all__ = ["load_data"]

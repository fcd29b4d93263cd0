"""California housing: 20,640 districts with 8 features (Pace and Barry, 1997)."""

from __future__ import annotations

from ranvier.datasets import _files

_FILE = _files.keras_file(
    "california_housing.npz",
    "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)


def load_data(version="large", path="california_housing.npz", test_split=0.2, seed=113):
    """House prices by district.

    Args:
        version: `"large"`, or `"small"` for the first 600 districts.
        path: the `.npz` file, or a folder that has it; else it is looked for below RANVIER_DATA and
            in Keras' cache, and downloaded once.
        test_split: share of the test set, 0 to 1 (excluded).
        seed: of the shuffle before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features `(samples, 8)`, prices `(samples,)` in
        dollars.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        ValueError: the file is damaged, or an argument is out of range.

    Example:
        >>> np.savez("own.npz", x=np.zeros((10, 8)), y=np.arange(10.0))
        >>> train, test = keras.datasets.california_housing.load_data(path="own.npz")
        >>> train[0].shape, test[0].shape
        ((8, 8), (2, 8))
    """
    _files.check_split(test_split)
    if version not in ("small", "large"):
        raise ValueError(
            f"Argument `version` must be one of 'small', 'large'. Received: version={version}"
        )
    place = _files.locate_one(path, "california_housing", _FILE)
    x, y = _files.read_npz(place, ("x", "y"))
    if version == "small":
        x, y = x[:600], y[:600]
    return _files.split(x, y, test_split, seed)


__all__ = ["load_data"]

"""Finds a data set's files: in a local folder, else downloaded with a checksum into a cache."""

from __future__ import annotations

import gzip
import os
import pathlib
import pickle
import struct
from typing import NamedTuple

import numpy as np

from ranvier.errors import DataNotFoundError

_KERAS_DATASETS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class RemoteFile(NamedTuple):
    """A file that can be downloaded."""

    name: str
    url: str
    checksum: str  # "algorithm:hex digits"


def folders(path) -> list[pathlib.Path]:
    """Where local files are looked for: the argument, else what RANVIER_DATA names."""
    given = path if path is not None else os.environ.get("RANVIER_DATA")
    return [] if not given else [pathlib.Path(given).expanduser()]


def find(path, dataset: str, names) -> list[pathlib.Path] | None:
    """The files of a data set, all in one folder: the given one or its subfolder `dataset`."""
    for folder in folders(path):
        for place in (folder / dataset, folder / dataset.replace("-", "_"), folder):
            files = [place / name for name in names]
            if all(f.is_file() for f in files):
                return files
    return None


def download(files, dataset: str) -> list[pathlib.Path]:
    """Fetches files once, checks them, keeps them in the user's cache.

    Raises:
        DataNotFoundError: pooch is not installed, or the network cannot be reached.
    """
    try:
        import pooch
    except ImportError:
        raise DataNotFoundError(_ways_out(dataset, files, "pooch is not installed")) from None
    place = pathlib.Path(os.environ.get("RANVIER_CACHE") or pooch.os_cache("ranvier")) / dataset
    found = []
    for file in files:
        try:
            got = pooch.retrieve(file.url, file.checksum, fname=file.name, path=place)
        except ValueError as error:
            raise DataNotFoundError(
                f"{dataset}: the download of {file.name} is not the expected file ({error})."
            ) from error
        except Exception as error:
            reason = f"{file.url} could not be read ({type(error).__name__})"
            raise DataNotFoundError(_ways_out(dataset, files, reason)) from error
        found.append(pathlib.Path(got))
    return found


def locate(path, dataset: str, files) -> list[pathlib.Path]:
    """The local files of a data set, else the downloaded ones."""
    local = find(path, dataset, [f.name for f in files])
    if local is not None:
        return local
    if path is not None:
        raise DataNotFoundError(_ways_out(dataset, files, f"they are not in {str(path)!r}"))
    return download(files, dataset)


def keras_file(name, checksum) -> RemoteFile:
    """A file among those that Keras hosts."""
    return RemoteFile(name, f"{_KERAS_DATASETS}{name}", checksum)


def local_one(path, dataset: str, file: RemoteFile) -> pathlib.Path | None:
    """The one file of a data set on this machine; see `locate_one`."""
    given = pathlib.Path(path if path is not None else file.name).expanduser()
    if given.is_file():
        return given
    if given.is_dir():
        found = find(given, dataset, [file.name])
        return found[0] if found else None
    names = [given.name, file.name] if given.suffix else [file.name]
    home = pathlib.Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    for name in dict.fromkeys(names):
        found = find(None, dataset, [name])
        if found is not None:
            return found[0]
        if (home / "datasets" / name).is_file():
            return home / "datasets" / name
    return None


def locate_one(path, dataset: str, file: RemoteFile) -> pathlib.Path:
    """The one file of a data set.

    Args:
        path: the file itself, a folder that has it, or another name for it.
        dataset: subfolder that may have it.
        file: its usual name and where it is downloaded from.

    Returns:
        The first found: `path`; below RANVIER_DATA; in Keras' cache; in the own cache; downloaded.

    Raises:
        DataNotFoundError: `path` is a folder without it, or it cannot be downloaded.
    """
    found = local_one(path, dataset, file)
    if found is not None:
        return found
    if path is not None and os.path.isdir(path):
        raise DataNotFoundError(_ways_out(dataset, [file], f"they are not in {str(path)!r}"))
    return download([file], dataset)[0]


def check_split(test_split) -> None:
    """Whether a share of the test set is possible."""
    if not 0 <= test_split < 1:
        raise ValueError(
            f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive "
            "of 1)."
        )


def split(x, y, test_split, seed):
    """Shuffled samples, the last ones as the test set."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(x) * (1 - test_split))
    x, y = x[order], y[order]
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


class _PlainUnpickler(pickle.Unpickler):
    """Reads arrays of lists of numbers; no class or function but NumPy's own array parts."""

    _ALLOWED = frozenset({
        ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "scalar"), ("_codecs", "encode"),
    })  # fmt: skip

    def find_class(self, module, name):
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which data do not need")
        return super().find_class(module, name)


def read_npz(place, names, objects=False) -> list:
    """Arrays of an npz file; with `objects` also those whose elements are lists.

    Raises:
        ValueError: it is damaged, lacks an array, or holds something else.
    """
    try:
        with np.load(place, allow_pickle=False) as file:
            return [_read_array(file, name, objects) for name in names]
    except (KeyError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{place}: not the expected npz file ({error}).") from error


def _read_array(file, name, objects):
    if not objects:
        return file[name]
    if name not in file.files:
        raise KeyError(f"{name} is missing")
    with file.zip.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(member)
        if dtype.kind != "O":
            return file[name]
        values = _PlainUnpickler(member, encoding="latin1").load()
    return np.asarray(values, dtype=object).reshape(shape)


def _ways_out(dataset, files, reason) -> str:
    names = ", ".join(f.name for f in files)
    return (
        f"{dataset}: its files are needed, and {reason}. Two ways out: (1) put {names} into a "
        f"folder and "
        f"name it with `load_data(path=...)` or RANVIER_DATA (the files may lie in its subfolder "
        f"'{dataset}'); (2) `pip install pooch` and connect to the network, then they are "
        f"downloaded once."
    )


def read_idx(path) -> np.ndarray:
    """The unsigned bytes of a gzip-compressed idx file.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        with gzip.open(path, "rb") as file:
            data = file.read()
    except (OSError, EOFError) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}).") from error
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{path}: not an idx file of unsigned bytes.")
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    count = 1
    for size in shape:
        count *= size
    if count != values.size:
        raise ValueError(
            f"{path}: the header announces {count} values of shape {shape}, the file holds "
            f"{values.size}."
        )
    return values.reshape(shape).copy()


_IDX_NAMES = (
    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
)  # fmt: skip


def idx_files(base, *md5) -> list[RemoteFile]:
    """The four idx files below the address `base`: train images, labels, test images, labels."""
    return [RemoteFile(name, base + name, f"md5:{m}") for name, m in zip(_IDX_NAMES, md5)]


def load_idx_dataset(path, dataset: str, files):
    """Images and labels from the four files of `idx_files`."""
    places = locate(path, dataset, files)
    arrays = [read_idx(p) for p in places]
    for images, labels, place in (
        (arrays[0], arrays[1], places[0]),
        (arrays[2], arrays[3], places[2]),
    ):
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ValueError(
                f"{place}: images of shape {images.shape} do not fit labels of shape "
                f"{labels.shape}."
            )
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])

"""Finds a data set's files: in a local folder, else downloaded with a checksum into a cache."""

from __future__ import annotations

import gzip
import os
import pathlib
import struct
from typing import NamedTuple

import numpy as np


class RemoteFile(NamedTuple):
    """A file that can be downloaded."""

    name: str
    url: str
    checksum: str  # "algorithm:hex digits"


class DataNotFoundError(FileNotFoundError):
    """A data set is neither on this machine nor can be downloaded."""


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


def load_idx_dataset(path, dataset: str, files):
    """Images and labels from the four idx files (train images, labels, test images, labels)."""
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

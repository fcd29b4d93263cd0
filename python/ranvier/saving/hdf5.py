"""HDF5 by Keras' layout: groups `path/vars` with the datasets "0", "1", …

Reading accepts hard links and plain numeric datasets only: no soft or external links, no external
or virtual storage, no sizes that the file does not hold.
"""

from __future__ import annotations

import io
import math

import numpy as np

from ranvier.errors import FileFormatError
from ranvier.saving.archive import reading

_MAX_RANK = 8
_MAX_OBJECTS = 1_000_000
# Datasets above the floor must store at least this part of what they declare (deflate's limit).
_FLOOR_BYTES = 1 << 26
_MAX_EXPANSION = 1100


def import_h5py():
    """The module h5py, or an error that says how to get it."""
    try:
        import h5py
    except ImportError:
        raise ImportError(
            "Weights are kept in HDF5 files, which need h5py: `pip install h5py` (or `pip install "
            "'ranvier[files]'`)."
        ) from None
    return h5py


def from_bfloat16(values):
    """Two-byte bfloat16 values as float32, exactly."""
    bits = np.ascontiguousarray(values).view(np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32)


def to_bfloat16(values):
    """Float32 values that are bfloat16 numbers, as Keras' two-byte opaque type."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16
    return bits.astype(np.uint16).view("V2")


class Entry:
    """The variables of one object in a file being read: what `load_own_variables` gets."""

    def __init__(self, reader, group, path):
        self._reader = reader
        self._group = group
        self.path = path

    def keys(self):
        """Names of the datasets."""
        return [] if self._group is None else list(self._group.keys())

    def __len__(self):
        return len(self.keys())

    def __iter__(self):
        return iter(self.keys())

    def __contains__(self, key):
        return str(key) in self.keys()

    def __getitem__(self, key):
        if self._group is None:
            raise KeyError(key)
        return self._reader.array(self._group, str(key))


class Reader:
    """An HDF5 file, or the bytes of one."""

    def __init__(self, source, name):
        self.name = name
        self.used: set[str] = set()
        h5py = import_h5py()
        self._h5py = h5py
        with reading(name):
            self.file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()

    def _refuse(self, what):
        raise FileFormatError(f"{self.name}: {what}.")

    def child(self, group, key):
        """A member by name; only hard links are followed."""
        link = group.get(key, getlink=True)
        if link is None:
            self._refuse(f"'{group.name}/{key}' is missing")
        if not isinstance(link, self._h5py.HardLink):
            self._refuse(f"'{group.name}/{key}' is a {type(link).__name__}, which is not followed")
        return group[key]

    def group(self, path, start=None):
        """The group at a path, `None` when there is none."""
        current = start if start is not None else self.file
        for part in path.split("/"):
            if not part:
                continue
            if current.get(part, getlink=True) is None:
                return None
            current = self.child(current, part)
            if not isinstance(current, self._h5py.Group):
                self._refuse(f"'{path}' should be a group")
        return current

    def entry(self, path) -> Entry:
        """The variables of the object at a path; empty when the file has none."""
        return Entry(self, self.group(f"{path}/vars" if path else "vars"), path)

    def array(self, group, key) -> np.ndarray:
        """A dataset's values."""
        if "/" in key:
            folder, _, key = key.rpartition("/")
            group = self.group(folder, group)
            if group is None:
                self._refuse(f"'{folder}' is missing")
        dataset = self.child(group, key)
        if not isinstance(dataset, self._h5py.Dataset):
            self._refuse(f"'{group.name}/{key}' should be a dataset")
        half = dataset.dtype.kind == "V" and dataset.attrs.get("dtype") in ("bfloat16", b"bfloat16")
        if dataset.dtype.kind not in "biuf" and not (half and dataset.dtype.itemsize == 2):
            self._refuse(f"'{dataset.name}' has the type {dataset.dtype}, which is no number")
        if dataset.external:
            self._refuse(f"'{dataset.name}' lies in another file, which is not read")
        if dataset.is_virtual:
            self._refuse(f"'{dataset.name}' is a virtual dataset, which is not read")
        if dataset.shape is None or len(dataset.shape) > _MAX_RANK:
            self._refuse(f"'{dataset.name}' has no usable shape")
        declared = math.prod(dataset.shape) * dataset.dtype.itemsize
        stored = dataset.id.get_storage_size()
        if declared > _FLOOR_BYTES and declared > _MAX_EXPANSION * stored:
            self._refuse(f"'{dataset.name}' declares {declared} bytes but stores {stored}")
        self.used.add(dataset.name.lstrip("/"))
        values = np.asarray(dataset[()])
        return from_bfloat16(values).reshape(dataset.shape) if half else values

    def largest(self) -> int:
        """Elements of the largest dataset; no variable that is read from here has more."""
        return max((self.file[name].size or 0 for name in self.datasets()), default=0)

    def datasets(self) -> list[str]:
        """Paths of all datasets reached by hard links."""
        found: list[str] = []
        count = 0

        def visit(name, obj):
            nonlocal count
            count += 1
            if count > _MAX_OBJECTS:
                return True
            if isinstance(obj, self._h5py.Dataset):
                found.append(name)
            return None

        if self.file.visititems(visit):
            self._refuse(f"the file has more than {_MAX_OBJECTS} objects")
        return found


class WriteEntry(dict):
    """The variables of one object on their way into a file: what `save_own_variables` gets."""

    def __setitem__(self, key, value):
        super().__setitem__(str(key), stored_form(value))


class Bfloat16(np.ndarray):
    """Marks two-byte values that the file says to be bfloat16."""


def stored_form(value) -> np.ndarray:
    """A variable, tensor or array as it is stored."""
    dtype = str(getattr(value, "dtype", ""))
    array = value.numpy() if hasattr(value, "numpy") else value
    if dtype == "bfloat16":
        array = np.asarray(array, dtype=np.float32)
        return to_bfloat16(array).reshape(array.shape).view(Bfloat16)
    return np.asarray(array)


def write(entries) -> bytes:
    """The bytes of a file.

    Args:
        entries: `(path, name, WriteEntry)` per object, parents first.
    """
    h5py = import_h5py()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, name, values in entries:
            group = file.require_group(f"{path}/vars" if path else "vars")
            if name is not None:
                group.attrs["name"] = name
            for key, array in values.items():
                dataset = group.create_dataset(key, data=np.asarray(array), track_times=False)
                if isinstance(array, Bfloat16):
                    dataset.attrs["dtype"] = "bfloat16"
    return buffer.getvalue()

"""The binary form of CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import tarfile

import numpy as np

from ranvier import config

_PIXELS = 3 * 32 * 32


def by_format(images):
    """Images `(samples, 32, 32, 3)` in the global format."""
    if config.image_data_format() == "channels_first":
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images


def read_records(place, members: dict, label_bytes: int) -> dict:
    """Images and labels of the members of an archive.

    A record is its labels, one byte each, then 1,024 red, green and blue values each.

    Args:
        place: the tar.gz file.
        members: number of records by file name.
        label_bytes: labels per record.

    Returns:
        By name: images `(samples, 32, 32, 3)` in the global format and labels
        `(samples, label_bytes)`, both uint8.

    Raises:
        ValueError: the file is damaged or lacks a member.
    """
    width = label_bytes + _PIXELS
    parts = {}
    try:
        with tarfile.open(place, "r:gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if not member.isfile() or name not in members:
                    continue
                size = members[name] * width
                if member.size != size:
                    raise ValueError(f"{place}: {name} has {member.size} bytes, expected {size}.")
                content = archive.extractfile(member)
                parts[name] = np.frombuffer(content.read() if content else b"", np.uint8)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{place}: not a whole tar.gz file ({error}).") from error
    missing = [n for n in members if n not in parts]
    if missing:
        raise ValueError(f"{place}: the members {missing} are missing.")
    return {
        name: _images_and_labels(parts[name].reshape(-1, width), label_bytes) for name in members
    }


def _images_and_labels(records, label_bytes):
    images = records[:, label_bytes:].reshape(-1, 3, 32, 32)
    if config.image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, :label_bytes].copy()

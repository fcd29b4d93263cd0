"""Event files as TensorBoard reads them: records of protocol buffers, written by hand.

A file is a sequence of records {length: uint64, crc of the length, bytes, crc of the bytes}; each
holds one `Event` message. The numbers below are those of the fields in TensorFlow's event.proto,
summary.proto and tensor.proto.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import time
import zlib

import numpy as np

_FILE_NUMBER = itertools.count()


@functools.cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as the record format wants it."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def png(image: np.ndarray) -> bytes:
    """A PNG file of pixels (height, width, 1, 3 or 4) of bytes."""
    height, width, depth = image.shape
    color = {1: 0, 3: 2, 4: 6}[depth]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _histogram(values: np.ndarray, buckets: int) -> bytes:
    values = np.asarray(values, dtype="float64").ravel()
    counts, edges = np.histogram(values, bins=buckets)
    fields = (values.min(), values.max(), values.size, values.sum(), np.square(values).sum())
    packed = (edges[1:].astype("<f8").tobytes(), counts.astype("<f8").tobytes())
    out = b"".join(_double(i, float(value)) for i, value in enumerate(fields, 1))
    return out + _bytes(6, packed[0]) + _bytes(7, packed[1])


class EventFile:
    """Writes what TensorBoard shows into a new file of a folder.

    Records are kept until `flush`, and the file is open only then: nothing is left to be closed.

    Args:
        folder: made when it is not there.
    """

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}."
            f"{os.getpid()}.{next(_FILE_NUMBER)}.v2"
        )
        self.path = os.path.join(folder, name)
        self._pending = bytearray()
        self._write(_double(1, time.time()) + _bytes(3, "brain.Event:2"))
        self.flush()

    def _write(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        record = struct.pack("<I", masked_crc(length)), event, struct.pack("<I", masked_crc(event))
        self._pending += length + b"".join(record)

    def _value(self, tag, step, content):
        summary = _bytes(1, _bytes(1, tag) + content)
        self._write(_double(1, time.time()) + _number(2, int(step)) + _bytes(5, summary))

    def scalar(self, tag: str, value, step: int) -> None:
        """One point of a curve."""
        self._value(tag, step, _float(2, float(value)))

    def histogram(self, tag: str, values: np.ndarray, step: int, buckets: int = 30) -> None:
        """How values are spread; those that are not finite are left out."""
        values = np.asarray(values, dtype="float64").ravel()
        values = values[np.isfinite(values)]
        if values.size:
            self._value(tag, step, _bytes(5, _histogram(values, buckets)))

    def image(self, tag: str, image: np.ndarray, step: int) -> None:
        """An image of floats in [0, 1]: (height, width, 1, 3 or 4)."""
        finite = np.nan_to_num(np.asarray(image, dtype="float64"))
        pixels = np.clip(finite * 255.0, 0, 255).astype("uint8")
        height, width, depth = pixels.shape
        content = _number(1, height) + _number(2, width) + _number(3, depth)
        self._value(tag, step, _bytes(4, content + _bytes(4, png(pixels))))

    def text(self, tag: str, plugin: str, text: str, step: int) -> None:
        """A string for one of TensorBoard's plugins."""
        metadata = _bytes(1, _bytes(1, plugin) + _bytes(2, b"1"))
        strings = 7  # DT_STRING
        tensor = _number(1, strings) + _bytes(2, b"") + _bytes(8, text)
        self._value(tag, step, _bytes(9, metadata) + _bytes(8, tensor))

    def flush(self) -> None:
        """Writes what is kept."""
        with open(self.path, "ab") as file:
            file.write(self._pending)
        self._pending.clear()
